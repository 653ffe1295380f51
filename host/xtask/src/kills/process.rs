//! The real binary as a process that can be killed, and what it said before.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::Restart;

/// A host that says nothing for so long hangs.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How often a run whose cells were given up is resumed before that is a defect.
const TRIES_MAX: u32 = 50;

/// The id of each run: what is delivered names it.
const RUN: &str = "fan";

/// Where the standard error of the last process is.
const SAID: &str = "said.txt";

/// One run of the binary under test.
pub(super) struct Host<'a> {
    pub(super) bailiwick: &'a Path,
    pub(super) project: &'a Path,
    pub(super) data: &'a Path,
    /// Where it delivers.
    pub(super) out: &'a Path,
    /// For its compiled code.
    pub(super) home: &'a Path,
}

/// When a host is killed.
pub(super) enum When {
    /// So long after its start.
    After(Duration),
    /// When it has shown that so many cells finished.
    Finished(u64),
}

/// A run that came to its end.
pub(super) struct Ended {
    /// Its journal, in order.
    pub(super) facts: Vec<Value>,
    /// What it delivered.
    pub(super) delivered: BTreeMap<PathBuf, Vec<u8>>,
    /// How often its host was killed.
    pub(super) kills: u64,
    pub(super) restarts: Vec<Restart>,
}

/// A host that lives.
pub(super) struct Living {
    child: Child,
    began: Instant,
    /// What it said besides.
    said: PathBuf,
    /// Each line that it showed, and when.
    lines: Receiver<(Instant, String)>,
}

/// A host that has ended, one way or the other.
pub(super) struct Lived {
    pub(super) killed: bool,
    pub(super) began: Instant,
    /// Until its first fact was shown.
    pub(super) spoke: Option<Duration>,
}

impl Host<'_> {
    pub(super) fn start(&self) -> Result<Living> {
        self.spawn(&["run", "fan", "--json", "--run-id", RUN])
    }

    pub(super) fn resume(&self) -> Result<Living> {
        self.spawn(&["resume", RUN, "--json"])
    }

    /// The journal of the run, in order. One whose cells were given up because their
    /// host ended too often is resumed until it is done.
    pub(super) fn facts(&self) -> Result<Vec<Value>> {
        for _ in 0..TRIES_MAX {
            let output = self.command(&["show", RUN, "--facts"]).output()?;
            let text = String::from_utf8(output.stdout)?;
            if !output.status.success() {
                bail!("the journal cannot be read: {}", String::from_utf8_lossy(&output.stderr));
            }
            let facts =
                text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
            let last = facts.last().context("an empty journal")?;
            let is = |member: &str, word: &str| last.get(member).is_some_and(|is| is == word);
            if is("fact", "RunEnded") && is("end", "done") {
                return Ok(facts);
            }
            self.spawn(&["resume", RUN, "--json", "--retry-failed"])?.until(None)?;
        }
        bail!("the run does not come to its end")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.bailiwick);
        command
            .args(words)
            .arg("--project")
            .arg(self.project)
            .arg("--data")
            .arg(self.data)
            .env("XDG_CONFIG_HOME", self.home.join("config"))
            .env("XDG_CACHE_HOME", self.home.join("cache"))
            .env_remove("OPENAI_API_KEY")
            .env_remove("BAILIWICK_LOG")
            .stdin(Stdio::null());
        command
    }

    fn spawn(&self, words: &[&str]) -> Result<Living> {
        let began = Instant::now();
        let mut child = self
            .command(words)
            .arg("--out")
            .arg(self.out)
            .stdout(Stdio::piped())
            // A file, because nobody reads it before the end.
            .stderr(std::fs::File::create(self.home.join(SAID))?)
            .spawn()
            .context("the binary does not start")?;
        let stdout = child.stdout.take().context("no pipe")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { return };
                if sender.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Ok(Living { child, began, lines, said: self.home.join(SAID) })
    }
}

impl Living {
    /// Lets it live until then, or until it ends by itself.
    pub(super) fn until(mut self, when: Option<When>) -> Result<Lived> {
        let (mut spoke, mut finished) = (None, 0);
        let killed = loop {
            let wait = match &when {
                Some(When::After(delay)) => delay.saturating_sub(self.began.elapsed()),
                _ => SILENCE_MAX,
            };
            match self.lines.recv_timeout(wait) {
                Ok((at, line)) => {
                    spoke.get_or_insert(at - self.began);
                    // As it stands in the line: reading 2 000 facts as JSON would make
                    // the kill late.
                    finished += u64::from(line.contains(r#""fact":"CellFinished""#));
                    if matches!(&when, Some(When::Finished(wanted)) if finished >= *wanted) {
                        break true;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break false,
                Err(RecvTimeoutError::Timeout) if matches!(when, Some(When::After(_))) => {
                    break true;
                }
                Err(RecvTimeoutError::Timeout) => bail!("the host says nothing any more"),
            }
        };
        if killed {
            // SIGKILL; that it ended meanwhile is no matter.
            let _ = self.child.kill();
        }
        let status = self.child.wait()?;
        // 1: cells were given up; `facts` looks after those.
        match status.code() {
            Some(0 | 1) => Ok(Lived { killed: false, began: self.began, spoke }),
            None if killed => Ok(Lived { killed: true, began: self.began, spoke }),
            _ => bail!("the host ended with {status}: {}", std::fs::read_to_string(self.said)?),
        }
    }
}
