//! What steps have to bear while their agent is swapped a thousand times: lost, failed and repeated attempts, how long a step takes beside the same load without swaps, and what stays in memory.
//!
//! `cargo bench -p bailiwick-cli --bench swaps`. Spells with and without swaps alternate
//! in one process; the ratio is of their medians. `SWAPS_PER_SPELL=20` is a short one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]
#![allow(clippy::print_stdout, reason = "its result")]

#[path = "../tests/end_to_end/mod.rs"]
mod end_to_end;
mod spread;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::ports::Durable;
use bailiwick_core::run::RunStatus;
use bailiwick_core::{AttemptId, Digest, Name};
use bailiwick_engine::host::{Host, HostConfig};
use bailiwick_engine::labels::Audience;
use bailiwick_engine::load::{self, Opened, Places};
use bailiwick_engine::run::{RunRequest, run};
use bailiwick_engine::swap::{Outcome, Sent, SwapRequest, swap};
use bailiwick_engine::viewing::Viewer;
use bailiwick_engine::{Caller, Keys, Observer};
use end_to_end::Desk;
use end_to_end::project::Project;
use spread::{at, line, millis};

/// Spells of each kind, alternating.
const SPELLS: usize = 5;
/// Swaps in one spell: a thousand in all.
const SWAPS: usize = 200;
/// From one swap to the next. Not the beat of the runs: swaps meet them at every moment of
/// theirs.
const SWAP_EVERY: Duration = Duration::from_millis(97);
/// Spells of each kind in which they do have the same beat, and each swap is sent in the
/// moment in which twenty cells begin: the most that a swap can be felt.
const SPELLS_IN_STEP: usize = 3;
const SWAPS_IN_STEP: usize = 60;
/// From the start of one run to that of the next, and the cells of each: 200 cells a second.
const RUN_EVERY: Duration = Duration::from_millis(100);
const CELLS: usize = 20;
/// Versions of the agent. Two of them are kept ready; the others are loaded again when
/// their turn comes.
const VERSIONS: usize = 6;
/// Threads that run guests.
const CORES: usize = 2;

fn main() {
    let swaps = std::env::var("SWAPS_PER_SPELL").ok().and_then(|n| n.parse().ok()).unwrap_or(SWAPS);
    let bench = Bench::new();
    bench.spell(Some((VERSIONS * 2, SWAP_EVERY)));
    bench.spell(None);
    let before = resident();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..SPELLS {
        with.push(bench.spell(Some((swaps, SWAP_EVERY))));
        without.push(bench.spell(None));
    }
    let after = resident();
    let sum = |of: fn(&Spell) -> usize| with.iter().map(of).sum::<usize>();
    println!("swaps committed {}", sum(|spell| spell.swaps));
    println!(
        "attempts {}: lost {}, failed {}, repeated {}; runs on several components {}",
        sum(|spell| spell.started),
        sum(|spell| spell.started - spell.finished - spell.failed),
        sum(|spell| spell.failed),
        sum(|spell| spell.repeated),
        sum(|spell| spell.mixed),
    );
    compare("", &with, &without);
    line("cells a second", "", with.iter().map(|spell| spell.rate).collect());
    line("a swap, sent until in force, p50", "ms", with.iter().map(|s| at(&s.took, 50)).collect());
    println!("resident before {before:.1} MiB, after {after:.1} MiB");
    let in_step = (swaps.min(SWAPS_IN_STEP), RUN_EVERY);
    let pairs = (0..SPELLS_IN_STEP).map(|_| (bench.spell(Some(in_step)), bench.spell(None)));
    let (with, without): (Vec<_>, Vec<_>) = pairs.unzip();
    compare("in step with runs: ", &with, &without);
}

/// Prints what steps took in spells with swaps, in those without, and the ratio of each pair.
fn compare(which: &str, with: &[Spell], without: &[Spell]) {
    for percent in [50, 99] {
        let of = |spells: &[Spell]| -> Vec<f64> {
            spells.iter().map(|spell| at(&spell.steps, percent)).collect()
        };
        let (swapped, plain) = (of(with), of(without));
        let ratios = swapped.iter().zip(&plain).map(|(a, b)| a / b).collect();
        line(&format!("{which}a step while swapped, p{percent}"), "ms", swapped);
        line(&format!("{which}the same load without, p{percent}"), "ms", plain);
        line(&format!("{which}ratio, p{percent}"), "x", ratios);
    }
}

/// What one spell measured.
#[derive(Default)]
struct Spell {
    steps: Vec<f64>,
    took: Vec<f64>,
    rate: f64,
    swaps: usize,
    started: usize,
    finished: usize,
    failed: usize,
    repeated: usize,
    mixed: usize,
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    host: Arc<Host>,
    opened: Arc<Opened>,
    versions: Vec<Arc<[u8]>>,
    _desk: Desk,
}

impl Bench {
    fn new() -> Self {
        let desk = Desk::new();
        let own = std::fs::read(end_to_end::agent("note").join("dist/note.wasm")).unwrap();
        let file = desk.path("note.wasm");
        std::fs::write(&file, &own).unwrap();
        let items: Vec<_> = (0..CELLS).map(|item| format!("\"{item}\"")).collect();
        let fan = format!(
            "[axes]\nitem = [{}]\n[step.note]\nagent = \"note\"\nover = [\"item\"]\ninput = {{ topic = \"bees\", points = [\"They make honey.\"] }}\n[output]\nnotes = \"${{note}}\"\n",
            items.join(", ")
        );
        let operators = format!(
            "[agents.note]\ncomponent = {file:?}\ngrants.model = {{ use = [\"writer\"] }}\n[models.writer]\nroutes = [{{ provider = \"builtin\" }}]\n[run]\npin = \"step\"\n"
        );
        let files = [("bailiwick.toml", operators.as_str()), ("pipelines/main.toml", fan.as_str())];
        let project = Project::of(&desk, &files);
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(CORES).enable_all().build().unwrap();
        let config = HostConfig {
            data: desk.data(),
            cache: desk.path("cache"),
            compiler: env!("CARGO_BIN_EXE_bailiwick").into(),
            compiler_arguments: vec!["__compile".into()],
            keys: Keys::new(None, None),
            command: "bench".into(),
        };
        let places =
            Places { project: project.folder, policy: None, user_policy: None, models: Vec::new() };
        let opened = Arc::new(load::open(&places).unwrap());
        let versions = (0..VERSIONS).map(|number| another(&own, number)).collect();
        let host = Arc::new(Host::open(&config).unwrap());
        Self { runtime, host, opened, versions, _desk: desk }
    }

    /// Runs begin at a steady pace; with a number and a beat, so many swaps happen meanwhile.
    fn spell(&self, swaps: Option<(usize, Duration)>) -> Spell {
        let (swaps, every) = swaps.unwrap_or((0, SWAP_EVERY));
        let over = Arc::new(AtomicBool::new(false));
        let (host, opened, stop) =
            (Arc::clone(&self.host), Arc::clone(&self.opened), Arc::clone(&over));
        let load = self.runtime.spawn(async move {
            let mut runs = Vec::new();
            let mut ticks = tokio::time::interval(RUN_EVERY);
            while !stop.load(Ordering::Relaxed) {
                ticks.tick().await;
                let (host, opened) = (Arc::clone(&host), Arc::clone(&opened));
                runs.push(tokio::spawn(async move {
                    let seen = Arc::new(Seen::default());
                    let running = run(&host, &opened, request(Arc::clone(&seen) as _)).await;
                    let ended = running.unwrap().finished.await.unwrap();
                    assert_eq!(ended.state.status(), RunStatus::Done, "{:?}", ended.state.reason);
                    seen
                }));
            }
            let mut all = Vec::new();
            for one in runs {
                all.push(one.await.unwrap());
            }
            all
        });
        let (host, opened) = (Arc::clone(&self.host), Arc::clone(&self.opened));
        let versions = self.versions.clone();
        let lasts = match swaps {
            0 => RUN_EVERY * 100,
            _ => every * u32::try_from(swaps).unwrap(),
        };
        let began = Instant::now();
        let swapped = self.runtime.spawn(async move {
            let mut took = Vec::new();
            let mut ticks = tokio::time::interval(every);
            for (_, version) in (0..swaps).zip(versions.iter().cycle()) {
                ticks.tick().await;
                let since = Instant::now();
                let uid = rustix::process::geteuid().as_raw();
                let viewer = Viewer::new(opened.policy.clone(), Caller::who_runs_it(uid));
                let request = SwapRequest {
                    agent: Name::new("note").unwrap(),
                    component: Some(Sent { bytes: Arc::clone(version), signature: None }),
                    accept: false,
                    downgrade: false,
                    rehearse: 0,
                    require_equal: false,
                };
                let report = swap(&host, &opened, viewer, "bench".into(), request).await.unwrap();
                assert_eq!(report.outcome, Outcome::Committed, "{:?}", report.changes);
                took.push(millis(since.elapsed()));
            }
            took
        });
        let took = self.runtime.block_on(swapped).unwrap();
        std::thread::sleep(lasts.saturating_sub(began.elapsed()));
        over.store(true, Ordering::Relaxed);
        let seconds = began.elapsed().as_secs_f64();
        let mut spell = Spell { swaps: took.len(), took, ..Spell::default() };
        for seen in self.runtime.block_on(load).unwrap() {
            let moments = seen.0.lock().unwrap();
            spell.started += moments.started.len();
            spell.finished += moments.steps.len();
            spell.failed += moments.failed;
            spell.repeated += moments.repeated;
            spell.mixed += usize::from(moments.components.len() > 1);
            spell.steps.extend(&moments.steps);
        }
        spell.rate = spell.started as f64 / seconds;
        spell
    }
}

/// The same component with a section more, of which nobody reads a word.
fn another(component: &[u8], number: usize) -> Arc<[u8]> {
    let name = b"version";
    let body =
        [&[u8::try_from(name.len()).unwrap()], &name[..], number.to_string().as_bytes()].concat();
    let section = [&[0, u8::try_from(body.len()).unwrap()], &body[..]].concat();
    [component, &section].concat().into()
}

fn request(observer: Arc<dyn Observer>) -> RunRequest {
    RunRequest {
        pipeline: None,
        input: None,
        decisions: None,
        out: None,
        run: None,
        label: None,
        uid: rustix::process::geteuid().as_raw(),
        audience: Audience::WhoRunsIt,
        observer,
        prompter: None,
        complain: Arc::new(|what| panic!("{what}")),
    }
}

/// When each attempt of a run was seen to begin and to end.
#[derive(Default)]
struct Moments {
    started: BTreeMap<AttemptId, Instant>,
    steps: Vec<f64>,
    failed: usize,
    repeated: usize,
    components: BTreeSet<Digest>,
}

#[derive(Default)]
struct Seen(Mutex<Moments>);

impl Observer for Seen {
    fn entry(&self, _: &Durable, entry: &Entry) {
        let mut moments = self.0.lock().unwrap();
        for fact in &entry.facts {
            match fact {
                Fact::CellStarted { attempt, component, .. } => {
                    moments.components.insert(*component);
                    let again = moments.started.insert(attempt.clone(), Instant::now()).is_some();
                    moments.repeated += usize::from(again || attempt.attempt > 1);
                }
                Fact::CellFinished { attempt, .. } => {
                    let took = moments.started[attempt].elapsed();
                    moments.steps.push(millis(took));
                }
                Fact::AttemptFailed { .. } => moments.failed += 1,
                _ => {}
            }
        }
    }
}

/// What this process has in memory, in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
