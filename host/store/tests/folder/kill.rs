//! A process that is killed while it appends: what was acknowledged is there, the folder is free.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use bailiwick_core::ports::{Blobs as _, Journal as _};
use bailiwick_core::{Digest, RunId};
use tempfile::TempDir;

use super::{open, run, saying, wait};

/// Says to this binary that it is the process to be killed.
const CHILD: &str = "BAILIWICK_STORE_TEST_CHILD";

/// How often a process is killed, each time a bit later.
const KILLS: usize = 6;

/// How many runs the process appends to.
const RUNS: usize = 3;

fn runs() -> [RunId; RUNS] {
    ["a", "b", "c"].map(run)
}

/// Not a test of its own: appends until it is killed, and says what is durable.
#[test]
fn child_that_appends_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    wait(append_forever(&PathBuf::from(folder)));
}

async fn append_forever(folder: &Path) {
    let store = open(folder);
    let mut terms = Vec::new();
    for run in &runs() {
        terms.push(match store.claim(run).await {
            Ok(term) => term,
            Err(_) => store.create(run).await.unwrap(),
        });
    }
    let mut said = std::io::stderr().lock();
    for number in 0_u64.. {
        let blob = vec![number as u8; 300_000];
        let digest = store.put(blob).await.unwrap();
        writeln!(said, "blob {}", digest.hex()).unwrap();
        let mut tickets = Vec::new();
        for (run, term) in runs().iter().zip(&terms) {
            for part in 0..4 {
                tickets.push((
                    run.clone(),
                    store.append(run, *term, saying(&format!("{number}.{part}"))).unwrap(),
                ));
            }
        }
        for (run, ticket) in tickets {
            let position = ticket.durable().await.unwrap().position();
            writeln!(said, "{run} {position}").unwrap();
        }
    }
}

fn start(folder: &TempDir) -> (Child, BufReader<ChildStderr>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_that_appends_until_it_is_killed", "--nocapture"])
        .env(CHILD, folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap());
    (child, said)
}

#[test]
fn everything_acknowledged_survives_a_kill() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut acknowledged = [0_u64; RUNS];
    for kill in 0..KILLS {
        let (mut child, said) = start(&folder);
        let mut lines = said.lines().map(Result::unwrap);
        let mut blobs = Vec::new();
        let mut hear = |line: String| match line.split_once(' ') {
            Some(("blob", hex)) => blobs.push(format!("blake3:{hex}").parse::<Digest>().unwrap()),
            Some((name, position)) => {
                let index = runs().iter().position(|run| run.as_str() == name).unwrap();
                acknowledged[index] = acknowledged[index].max(position.parse().unwrap());
            }
            None => panic!("the child says: {line}"),
        };
        // At another place of its work each time.
        lines.by_ref().take(20 + 37 * kill).for_each(&mut hear);
        child.kill().unwrap();
        // What it had said before it was killed counts, too; the last line may be half.
        let mut rest: Vec<String> = lines.collect();
        rest.pop();
        rest.into_iter().for_each(&mut hear);
        child.wait().unwrap();

        // At once: the lock of a dead process is nobody's.
        let store = open(folder.path());
        for (run, position) in runs().iter().zip(acknowledged) {
            let entries = wait(store.read(run)).unwrap();
            assert!(entries.len() as u64 >= position, "{run}: {} of {position}", entries.len());
        }
        for digest in blobs {
            wait(store.get(digest)).unwrap();
        }
    }
    assert!(acknowledged.iter().all(|position| *position > 0));
}
