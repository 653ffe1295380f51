//! What durability costs a run, from its start to its result: each figure beside what the disk takes for one flush at the same time, in five repetitions.
//!
//! `cargo bench -p bailiwick-cli --bench durable [-- [--long] NAME…]`. Medians of the
//! repetitions, with the least and the most in brackets. With `--long` the data folder
//! has 100 000 finished runs before anything is measured.

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
#[path = "../tests/fan/mod.rs"]
mod fan;
#[path = "../../store/benches/long/mod.rs"]
#[allow(dead_code, reason = "the bench of the store uses the rest")]
mod long;
mod spread;

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bailiwick_core::Name;
use bailiwick_core::fact::{AskId, Decision, Entry, Fact};
use bailiwick_core::ports::Durable;
use bailiwick_core::run::RunStatus;
use bailiwick_engine::desk::Prompter;
use bailiwick_engine::host::{Host, HostConfig};
use bailiwick_engine::labels::Audience;
use bailiwick_engine::load::{self, Opened, Places};
use bailiwick_engine::run::{RunRequest, run};
use bailiwick_engine::{Keys, Observer, Question, RunHandle};
use end_to_end::Desk;
use end_to_end::guest::Guest;
use end_to_end::project::Project;
use fan::counter::Counter;
use spread::{at, line, millis};
use tokio::runtime::Runtime;

/// Repetitions of each.
const REPETITIONS: usize = 5;
/// Runs of one step in one repetition, each after a probe of the disk.
const RUNS: usize = 200;
/// Steps of a chain.
const STEPS: usize = 100;
/// Cells that do nothing.
const CELLS: usize = 2_000;
/// Cells that ask a model, and how long it thinks.
const ASKING: usize = 500;
const THINKS: Duration = Duration::from_millis(50);
/// At a time.
const WIDTH: usize = 64;
/// Questions to people in one repetition.
const QUESTIONS: usize = 50;
/// Flushes that a probe is made of.
const FLUSHES: usize = 200;
/// What a one-page commit writes into the log: a frame header and a page.
const FRAME_BYTES: usize = 24 + 4_096;

/// What one word on the command line asks for.
type Measure = fn(&Bench);

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word));
    let desk = Desk::new();
    if std::env::args().any(|word| word == "--long") {
        long::fill(&desk.data());
        println!("on a folder with {} finished runs", long::RUNS);
    }
    let bench = Bench::of(desk);
    let all: [(&str, Measure); 7] = [
        ("one-step", one_step),
        ("sequential", sequential),
        ("sequential-calls", sequential_calls),
        ("fan-out", fan_out),
        ("models", models),
        ("decision", decision),
        ("history", history),
    ];
    for (name, measure) in all.into_iter().filter(|(name, _)| wants(name)) {
        println!("\n{name}");
        measure(&bench);
    }
}

/// A project of agents that do nothing, and a host with a data folder of its own.
struct Bench {
    desk: Desk,
    project: PathBuf,
    runtime: Runtime,
    host: Host,
    opened: Opened,
    /// The model of the cells that ask one.
    counter: Counter,
}

impl Bench {
    fn of(desk: Desk) -> Self {
        let idle = Guest {
            extra: "(data (i32.const 4096) \"{}\")".into(),
            ..Guest::new("idle", "(return (call $ok (i32.const 4096) (i32.const 2)))")
        }
        .build(&desk);
        let counter =
            Counter::start(Box::new(|_| fan::SAYS.to_owned()), Box::new(|_| THINKS)).unwrap();
        let operators = format!(
            "[agents.idle]\ncomponent = {idle:?}\n[agents.note]\ncomponent = {:?}\n\
             grants.model = {{ use = [\"built\", \"writer\"], calls = 2_000, tokens = 2_000_000 }}\n\
             [models.built]\nroutes = [{{ provider = \"builtin\" }}]\n\
             [models.writer]\nroutes = [{{ provider = \"openai\", base = \"{}\", model = \"counted\" }}]\n",
            end_to_end::agent("note"),
            counter.base()
        );
        let axis = |length: usize| {
            let ids: Vec<String> = (0..length).map(|id| format!("\"{id}\"")).collect();
            format!("[axes]\nitem = [{}]\n", ids.join(", "))
        };
        let fan = |length: usize, agent: &str, input: &str| {
            format!(
                "{}\n[step.one]\nagent = \"{agent}\"\nover = [\"item\"]\ninput = {input}\n[output]\ndone = \"${{size(one)}}\"\n",
                axis(length)
            )
        };
        let one = "[step.one]\nagent = \"idle\"\ninput = {}\n[output]\nresult = \"${one}\"\n";
        let asks = "[step.one]\nagent = \"idle\"\ninput = {}\n[step.editor]\njudges = \"one\"\npeople = { groups = [\"editors\"] }\n\
                    [step.next]\nagent = \"idle\"\ninput = { one = \"${one}\" }\n[output]\nresult = \"${next}\"\n";
        let topic = "{ topic = \"${axis.item}\", points = [] }";
        let project = Project::of(
            &desk,
            &[
                ("bailiwick.toml", &operators),
                ("pipelines/one.toml", one),
                ("pipelines/asks.toml", asks),
                ("pipelines/chain.toml", &chain("idle", "{}")),
                ("pipelines/calls.toml", &chain("note", "{ topic = \"Tea\", points = [] }")),
                ("pipelines/fan.toml", &fan(CELLS, "idle", "{}")),
                ("pipelines/models.toml", &fan(ASKING, "note", topic)),
            ],
        );
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let config = HostConfig {
            data: desk.data(),
            cache: desk.path("cache"),
            compiler: env!("CARGO_BIN_EXE_bailiwick").into(),
            compiler_arguments: vec!["__compile".into()],
            keys: Keys::new(None, None),
            command: "bench".into(),
        };
        let host = Host::open(&config).unwrap();
        let opened = opened(project.path(), &[]);
        Self { project: project.folder, desk, runtime, host, opened, counter }
    }

    /// From its start until it is done, durable and known to whoever started it.
    fn run(&self, pipeline: &str) -> Duration {
        self.run_of(&self.opened, pipeline)
    }

    fn run_of(&self, opened: &Opened, pipeline: &str) -> Duration {
        let began = Instant::now();
        let state = self.runtime.block_on(async {
            let running = run(&self.host, opened, request(pipeline, Arc::new(Nobody), None));
            running.await.unwrap().finished.await.unwrap().state
        });
        let took = began.elapsed();
        assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
        took
    }

    fn probe(&self) -> Probe {
        Probe::new(&self.desk.path("probe"))
    }
}

fn chain(agent: &str, input: &str) -> String {
    let step = |number: usize| {
        let needs = match number {
            0 => String::new(),
            _ => format!("needs = [\"s{}\"]\n", number - 1),
        };
        format!("[step.s{number}]\nagent = \"{agent}\"\ninput = {input}\n{needs}")
    };
    let steps: String = (0..STEPS).map(step).collect();
    format!("{steps}[output]\nlast = \"${{s{}}}\"\n", STEPS - 1)
}

fn opened(project: &Path, models: &[&str]) -> Opened {
    let models = models.iter().map(|model| (*model).to_owned()).collect();
    let places = Places { project: project.into(), policy: None, user_policy: None, models };
    load::open(&places).unwrap()
}

fn request(
    pipeline: &str,
    observer: Arc<dyn Observer>,
    prompter: Option<Arc<dyn Prompter>>,
) -> RunRequest {
    RunRequest {
        pipeline: Some(Name::new(pipeline).unwrap()),
        input: None,
        decisions: None,
        out: None,
        run: None,
        label: None,
        uid: rustix::process::geteuid().as_raw(),
        audience: Audience::WhoRunsIt,
        observer,
        prompter,
        complain: Arc::new(|what| panic!("{what}")),
    }
}

struct Nobody;

impl Observer for Nobody {
    fn entry(&self, _: &Durable, _: &Entry) {}
}

/// What the disk takes to make one page of a file durable that has its size.
struct Probe {
    file: File,
    at: u64,
}

impl Probe {
    fn new(path: &Path) -> Self {
        let mut file = File::create(path).unwrap();
        file.write_all(&vec![0; 4 << 20]).unwrap();
        file.sync_all().unwrap();
        Self { file, at: 0 }
    }

    fn once(&mut self) -> Duration {
        let began = Instant::now();
        self.file.write_all_at(&[7; FRAME_BYTES], self.at).unwrap();
        self.file.sync_data().unwrap();
        self.at = (self.at + FRAME_BYTES as u64) % ((4 << 20) - FRAME_BYTES as u64);
        began.elapsed()
    }

    fn many(&mut self) -> Vec<f64> {
        (0..FLUSHES).map(|_| millis(self.once())).collect()
    }
}

/// p50 and p99 of what was measured, and of the probes beside it.
fn beside(name: &str, measured: Vec<Vec<f64>>, probes: Vec<Vec<f64>>) {
    for percent in [50, 99] {
        let of = |lists: &[Vec<f64>]| lists.iter().map(|list| at(list, percent)).collect();
        line(&format!("{name}, p{percent}"), "ms", of(&measured));
        line(&format!("fdatasync beside it, p{percent}"), "ms", of(&probes));
    }
}

fn one_step(bench: &Bench) {
    bench.run("one");
    let mut probe = bench.probe();
    let (mut all, mut probes) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let pairs = (0..RUNS).map(|_| (millis(probe.once()), millis(bench.run("one"))));
        let (probed, took) = pairs.unzip();
        probes.push(probed);
        all.push(took);
    }
    beside("one-step run, start to result", all, probes);
}

fn sequential(bench: &Bench) {
    each_step(bench, &bench.opened, "chain", "sequential step that does nothing");
}

/// Each step asks a model, so its intent is durable before the next thing happens.
fn sequential_calls(bench: &Bench) {
    let builtin = opened(&bench.project, &["writer=builtin"]);
    each_step(bench, &builtin, "calls", "sequential step with one call, built-in model");
}

fn each_step(bench: &Bench, opened: &Opened, pipeline: &str, name: &str) {
    bench.run_of(opened, pipeline);
    let mut probe = bench.probe();
    let (mut steps, mut probes) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        probes.push(at(&probe.many(), 50));
        steps.push(millis(bench.run_of(opened, pipeline)) / STEPS as f64);
    }
    line(name, "ms", steps);
    line("fdatasync beside it, p50", "ms", probes);
}

fn fan_out(bench: &Bench) {
    bench.run("fan");
    let mut probe = bench.probe();
    let (mut rates, mut probes) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        probes.push(at(&probe.many(), 50));
        rates.push(CELLS as f64 / bench.run("fan").as_secs_f64());
    }
    line(&format!("fan-out of {CELLS} durable no-op cells"), "/s", rates);
    line("fdatasync beside it, p50", "ms", probes);
}

fn models(bench: &Bench) {
    bench.run("models");
    let ideal = THINKS.as_secs_f64() * ASKING.div_ceil(WIDTH) as f64;
    let mut probe = bench.probe();
    let (mut ratios, mut probes) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        probes.push(at(&probe.many(), 50));
        ratios.push(bench.run("models").as_secs_f64() / ideal);
    }
    line(&format!("{ASKING} cells, 50 ms model: wall over ideal"), "x", ratios);
    line("fdatasync beside it, p50", "ms", probes);
    println!("  at once, at most: {}", bench.counter.most_at_once());
}

/// The whole product, by turns on an empty data folder and on one with a long history.
fn history(empty: &Bench) {
    let desk = Desk::new();
    long::fill(&desk.data());
    let full = Bench::of(desk);
    let both = [empty, &full];
    let (mut runs, mut steps) = (Vec::new(), Vec::new());
    for bench in both {
        bench.run("one");
        bench.run("chain");
    }
    for _ in 0..REPETITIONS {
        let mut took = [Vec::new(), Vec::new()];
        for _ in 0..RUNS {
            for (times, bench) in took.iter_mut().zip(both) {
                times.push(millis(bench.run("one")));
            }
        }
        let [bare, long] = took.map(|times| at(&times, 50));
        runs.push(long / bare);
        let [bare, long] = both.map(|bench| millis(bench.run("chain")));
        steps.push(long / bare);
    }
    line(&format!("one-step run with {} finished, to without", long::RUNS), "x", runs);
    line("sequential step, the same", "x", steps);
}

/// A person who is there, and answers when the bench wants it.
#[derive(Default)]
struct Person(Mutex<Option<(AskId, String, RunHandle)>>);

impl Prompter for Person {
    fn prompt(&self, _: &Durable, question: Question, by: &str, run: &RunHandle) {
        *self.0.lock().unwrap() = Some((question.ask, by.to_owned(), run.clone()));
    }

    fn is_attending(&self) -> bool {
        true
    }
}

/// Hears of the step that waited for the answer.
#[derive(Default)]
struct NextStep(Mutex<Option<Instant>>);

impl Observer for NextStep {
    fn entry(&self, _: &Durable, entry: &Entry) {
        let is_next = |fact: &Fact| matches!(fact, Fact::CellStarted { attempt, .. } if attempt.cell.step.as_str() == "next");
        if entry.facts.iter().any(is_next) {
            self.0.lock().unwrap().get_or_insert_with(Instant::now);
        }
    }
}

fn decision(bench: &Bench) {
    let mut probe = bench.probe();
    let (mut all, mut probes) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let pairs = (0..QUESTIONS).map(|_| (millis(probe.once()), millis(answered(bench))));
        let (probed, took) = pairs.unzip();
        probes.push(probed);
        all.push(took);
    }
    beside("decision until the next step started", all, probes);
}

/// From the decision until the start of the next step is durable and shown.
fn answered(bench: &Bench) -> Duration {
    let (person, next) = (Arc::new(Person::default()), Arc::new(NextStep::default()));
    let request = request("asks", Arc::clone(&next) as _, Some(Arc::clone(&person) as _));
    let decided = bench.runtime.block_on(async {
        let running = run(&bench.host, &bench.opened, request).await.unwrap();
        let ended = tokio::spawn(running.finished);
        let (ask, by, handle) = loop {
            if let Some(asked) = person.0.lock().unwrap().take() {
                break asked;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        };
        let decided = Instant::now();
        handle.decide(ask, Decision::Approve { comment: None }, by).await.unwrap();
        ended.await.unwrap().unwrap();
        decided
    });
    next.0.lock().unwrap().unwrap() - decided
}
