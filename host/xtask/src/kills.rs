//! Real kills of the real binary: `kill -9` at random moments of a fan-out, the calls counted by a server outside of it. Judges by the server's count and the journal, never by what the killed process said.

mod check;
mod process;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::counter::Counter;
use crate::guests;
use check::Counts;
use process::{Ended, Host, When};

/// What is to be killed, and how often.
pub(crate) struct Kills {
    /// Until there were so many kills.
    pub(crate) cycles: u64,
    /// Where the moments come from.
    pub(crate) seed: u64,
    /// The binary; the one that was built last where it is left out.
    pub(crate) binary: Option<PathBuf>,
}

impl Default for Kills {
    /// What CI has time for.
    fn default() -> Self {
        Self { cycles: 20, seed: 1, binary: None }
    }
}

/// The fan-out: as many readers and topics.
const SIDE: usize = 20;

/// How long the model thinks: from very fast to as long as several syncs of a slow disk.
const THINKS: std::ops::Range<u64> = 1..12;

/// The longest that a host may take before a kill that is meant early.
const EARLY_MILLIS: u64 = 150;

/// A kill that is meant late waits for as many finished cells at most.
const LATE_CELLS: u64 = 200;

/// As many cells as a host works on at once: all of them are through when so many
/// more have finished, or nearly all.
const WIDTH: u64 = 64;

/// What the counted model says: a note that has the agent's form.
const SAYS: &str = r#"{"title": "A title", "body": "A body of one sentence."}"#;

/// Kills until there were so many, and checks every run that came to its end.
pub(crate) fn run(asked: &Kills) -> Result<()> {
    let Kills { cycles, seed, ref binary } = *asked;
    let folder = crate::root().join("target/kills");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let counter = Counter::start(Box::new(|_| SAYS.to_owned()), Box::new(pace))?;
    let project = project(&folder.join("project"), &counter.base())?;
    let bailiwick = match binary {
        Some(binary) => std::path::absolute(binary)?,
        None => guests::bailiwick()?,
    };
    let mut chance = Chance(seed);
    let (mut counts, mut kills, mut restarts, mut runs) = (Counts::default(), 0, Vec::new(), 0);
    let began = Instant::now();
    // The first one compiles; it is left alone and says what the others must come to.
    let place = Place { bailiwick: &bailiwick, project: &project, folder: &folder };
    let whole = one_run(&place, &counter, |_| None)?;
    counts.add(check::check(&whole, &counter.asked(), SIDE * SIDE)?);
    while kills < cycles {
        counter.forget();
        let mut soon = false;
        let ended = one_run(&place, &counter, |starts| {
            if kills + u64::from(starts) == cycles {
                return None;
            }
            let when = match (soon, starts) {
                // A third unclean end in a row would be one for cells that never had a
                // chance: the host gives those up, as it should.
                (true, _) => When::Finished(WIDTH + chance.below(LATE_CELLS - WIDTH)),
                (false, 1..) if chance.below(3) == 0 => {
                    When::After(Duration::from_millis(chance.below(EARLY_MILLIS)))
                }
                _ => When::Finished(1 + chance.below(LATE_CELLS)),
            };
            soon = !matches!(when, When::Finished(cells) if cells >= WIDTH);
            Some(when)
        });
        let ended = ended.with_context(|| repeat(cycles, seed, runs))?;
        let found = check::check(&ended, &counter.asked(), SIDE * SIDE)
            .with_context(|| repeat(cycles, seed, runs))?;
        // Cells that were given up and tried again had one attempt more, and it says so.
        if !found.gave_up() && ended.delivered != whole.delivered {
            bail!("it delivered something else {}", repeat(cycles, seed, runs));
        }
        kills += ended.kills;
        restarts.extend(ended.restarts);
        counts.add(found);
        runs += 1;
        if runs % 25 == 0 {
            println!("{kills} kills, {runs} runs, {:.0} s", began.elapsed().as_secs_f64());
        }
    }
    println!("kills {kills} in {runs} runs of {} cells, seed {seed}", SIDE * SIDE);
    println!(
        "requests at once, at most {}; answers sent {}",
        counter.most_at_once(),
        counter.answered()
    );
    report(&counts, &restarts);
    counts.verdict().with_context(|| repeat(cycles, seed, runs))
}

fn repeat(cycles: u64, seed: u64, run: u64) -> String {
    format!("in run {run}; again: cargo xtask kills --cycles {cycles} --seed {seed}")
}

/// How long the request of this number takes: spread, and the same each time.
fn pace(number: usize) -> Duration {
    let spread = THINKS.end - THINKS.start;
    Duration::from_millis(THINKS.start + Chance(number as u64).below(spread))
}

/// What is killed, and where.
struct Place<'a> {
    bailiwick: &'a Path,
    project: &'a Path,
    folder: &'a Path,
}

/// One run from its start to its end, killed as often as `kill` says when.
fn one_run(
    place: &Place<'_>,
    counter: &Counter,
    mut kill: impl FnMut(u32) -> Option<When>,
) -> Result<Ended> {
    let (data, out) = (place.folder.join("data"), place.folder.join("out"));
    for folder in [&data, &out].into_iter().filter(|folder| folder.exists()) {
        std::fs::remove_dir_all(folder)?;
    }
    let Place { bailiwick, project, folder } = *place;
    let host = Host { bailiwick, project, data: &data, out: &out, home: folder };
    let (mut restarts, mut starts, mut kills) = (Vec::new(), 0, 0);
    loop {
        let first = starts == 0;
        let asked = counter.asked().len();
        let lived = if first { host.start()? } else { host.resume()? };
        let lived = lived.until(kill(starts))?;
        starts += 1;
        if !first && let Some(spoke) = lived.spoke {
            let first_call = counter.asked().get(asked).map(|ask| ask.at - lived.began);
            restarts.push(Restart { spoke, first_call });
        }
        if lived.killed {
            kills += 1;
            continue;
        }
        let facts = host.facts()?;
        return Ok(Ended { facts, delivered: files(&out)?, kills, restarts });
    }
}

/// Every file of a folder, and its bytes.
fn files(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            files.insert(path.clone(), std::fs::read(path)?);
        }
    }
    Ok(files)
}

/// How soon a host that was started again was at work.
pub(crate) struct Restart {
    /// Until its first fact was on the disk and shown.
    spoke: Duration,
    /// Until its first request was at the server, if there was any.
    first_call: Option<Duration>,
}

/// A project with one agent that asks one question for each of its cells.
fn project(folder: &Path, base: &str) -> Result<PathBuf> {
    let agent = crate::root().join("agents/note");
    let names = |word: &str| {
        let names: Vec<String> = (0..SIDE).map(|n| format!("\"{word} {n}\"")).collect();
        names.join(", ")
    };
    std::fs::create_dir_all(folder.join("pipelines"))?;
    std::fs::write(
        folder.join("bailiwick.toml"),
        format!(
            "[agents.note]\ncomponent = {:?}\ngrants.model = {{ use = [\"writer\"], calls = 2_000, tokens = 2_000_000 }}\n\n\
             [models.writer]\nroutes = [{{ provider = \"openai\", base = \"{base}\", model = \"counted\" }}]\n",
            agent.display().to_string()
        ),
    )?;
    std::fs::write(
        folder.join("pipelines/fan.toml"),
        format!(
            "[axes]\ntopic = [{}]\nreader = [{}]\n\n\
             [step.note]\nagent = \"note\"\nover = [\"topic\", \"reader\"]\n\
             input = {{ topic = \"${{axis.topic}}\", points = [], reader = \"${{axis.reader}}\" }}\n\n\
             [output]\nnotes = \"${{note}}\"\n",
            names("topic"),
            names("reader")
        ),
    )?;
    Ok(folder.to_path_buf())
}

fn report(counts: &Counts, restarts: &[Restart]) {
    println!("{counts}");
    let quantiles = |name: &str, mut times: Vec<Duration>| {
        times.sort_unstable();
        let at = |percent: usize| {
            let place = times.len().saturating_sub(1) * percent / 100;
            times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
        };
        println!(
            "restart, {name}: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms ({} times)",
            at(50),
            at(99),
            at(100),
            times.len()
        );
    };
    quantiles("first fact durable and shown", restarts.iter().map(|one| one.spoke).collect());
    let calls = restarts.iter().filter_map(|one| one.first_call).collect();
    quantiles("first request at the server", calls);
}

/// Numbers that look random and are the same for the same seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}
