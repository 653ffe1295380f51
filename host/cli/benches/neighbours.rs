//! What honest work has to bear beside hostile guests: an honest step, the journal, timers and approvals beside four guests that loop, against the same beside four honest guests that compute.
//!
//! `cargo bench -p bailiwick-cli --bench neighbours`. Both kinds take all the processor
//! that they are given; the ratio says what a limit and its end cost the neighbours.

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

use std::sync::atomic::{AtomicBool, Ordering};
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
use spread::{at, line, millis};

/// Repetitions of each, alternating.
const REPETITIONS: usize = 5;
/// Honest runs of one step in one repetition.
const RUNS: usize = 200;
/// Questions to people in one repetition.
const QUESTIONS: usize = 20;
/// Timers in one repetition, and what each waits.
const TIMERS: usize = 100;
const WAITS: Duration = Duration::from_millis(2);
/// Threads that run guests: as many as this host is asked to keep responsive with.
const CORES: usize = 2;
/// How often the honest guest adds before it answers: about a second, like the other's limit.
const ADDITIONS: u64 = 1_500_000_000;

fn main() {
    let bench = Bench::new();
    for crowd in ["hostile", "honest", "nobody"] {
        bench.beside(crowd);
    }
    let mut all: [Vec<Measured>; 3] = Default::default();
    for _ in 0..REPETITIONS {
        for (measured, crowd) in all.iter_mut().zip(["hostile", "honest", "nobody"]) {
            measured.push(bench.beside(crowd));
        }
    }
    let [hostile, honest, alone] = all;
    let figures: [(&str, Figure); 4] = [
        ("one-step run, start to result", |m| &m.steps),
        ("its first fact durable and shown", |m| &m.journal),
        ("decision until the next step started", |m| &m.decisions),
        ("timer of 2 ms: late by", |m| &m.timers),
    ];
    for (name, of) in figures {
        println!("\n{name}");
        for percent in [50, 99] {
            let [hostile, honest, alone] = [&hostile, &honest, &alone]
                .map(|crowd| crowd.iter().map(|one| at(of(one), percent)).collect::<Vec<_>>());
            let ratios = hostile.iter().zip(&honest).map(|(a, b)| a / b).collect();
            line(&format!("beside 4 that loop, p{percent}"), "ms", hostile);
            line(&format!("beside 4 that compute, p{percent}"), "ms", honest);
            line(&format!("beside nobody, p{percent}"), "ms", alone);
            line(&format!("loop over compute, p{percent}"), "x", ratios);
        }
    }
}

/// One of the figures of a repetition.
type Figure = fn(&Measured) -> &Vec<f64>;

/// What one repetition measured, in milliseconds.
struct Measured {
    steps: Vec<f64>,
    journal: Vec<f64>,
    decisions: Vec<f64>,
    timers: Vec<f64>,
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    host: Arc<Host>,
    opened: Arc<Opened>,
    _desk: Desk,
}

impl Bench {
    fn new() -> Self {
        let desk = Desk::new();
        let answer = "(return (call $ok (i32.const 4096) (i32.const 2)))";
        let with_answer = |name, body: String| Guest {
            extra: "(data (i32.const 4096) \"{}\") (global $i (mut i64) (i64.const 0))".into(),
            ..Guest::new(name, &body)
        };
        let adds = format!(
            "(loop $on (global.set $i (i64.add (global.get $i) (i64.const 1)))
               (br_if $on (i64.lt_u (global.get $i) (i64.const {ADDITIONS})))) {answer}"
        );
        let idle = with_answer("idle", answer.into()).build(&desk);
        let computes = with_answer("computes", adds).build(&desk);
        let loops = Guest::new("loops", "(loop $forever (br $forever))").build(&desk);
        let operators = format!(
            "[agents.idle]\ncomponent = {idle:?}\n\
             [agents.computes]\ncomponent = {computes:?}\nlimits = {{ cpu = \"1 min\", wall = \"10 min\" }}\n\
             [agents.loops]\ncomponent = {loops:?}\nlimits = {{ cpu = \"1 s\", wall = \"10 min\" }}\n"
        );
        let crowd = |agent: &str| {
            format!(
                "[axes]\nitem = [\"1\", \"2\", \"3\", \"4\"]\n[step.one]\nagent = {agent:?}\nover = [\"item\"]\ninput = {{}}\non-failure = {{ tolerate = \"100%\" }}\n[output]\ndone = \"${{size(one)}}\"\n"
            )
        };
        let one = "[step.one]\nagent = \"idle\"\ninput = {}\n[output]\nresult = \"${one}\"\n";
        let asks = "[step.one]\nagent = \"idle\"\ninput = {}\n[step.editor]\njudges = \"one\"\npeople = { groups = [\"editors\"] }\n\
                    [step.next]\nagent = \"idle\"\ninput = { one = \"${one}\" }\n[output]\nresult = \"${next}\"\n";
        let policy = "labels = { unlabelled = \"public\" }\n[ceiling.\"local/*\"]\nlimits = { cpu = \"1 min\", wall = \"10 min\" }\n";
        let uid = rustix::process::geteuid().as_raw();
        let people = format!(
            "[people.ana]\nuid = {uid}\ngroups = [\"editors\"]\nmay = [\"approve\", \"submit\"]\n"
        );
        let policy = desk.file("policy.toml", &format!("{policy}{people}"));
        let project = Project::of(
            &desk,
            &[
                ("bailiwick.toml", &operators),
                ("pipelines/one.toml", one),
                ("pipelines/asks.toml", asks),
                ("pipelines/hostile.toml", &crowd("loops")),
                ("pipelines/honest.toml", &crowd("computes")),
            ],
        );
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
        let places = Places {
            project: project.folder,
            policy: Some(policy),
            user_policy: None,
            models: Vec::new(),
        };
        let opened = Arc::new(load::open(&places).unwrap());
        Self { runtime, host: Arc::new(Host::open(&config).unwrap()), opened, _desk: desk }
    }

    /// Everything that is measured, beside runs of this pipeline that follow each other.
    fn beside(&self, crowd: &'static str) -> Measured {
        let over = Arc::new(AtomicBool::new(false));
        let (host, opened, stop) =
            (Arc::clone(&self.host), Arc::clone(&self.opened), Arc::clone(&over));
        let crowd = self.runtime.spawn(async move {
            while crowd != "nobody" && !stop.load(Ordering::Relaxed) {
                let running = run(&host, &opened, request(crowd, Arc::new(Seen::default()), None));
                running.await.unwrap().finished.await.unwrap();
            }
        });
        // The whole measurement is a task like any other, on the threads that guests have.
        let (host, opened) = (Arc::clone(&self.host), Arc::clone(&self.opened));
        let measured = self.runtime.spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let mut measured = Measured {
                steps: Vec::new(),
                journal: Vec::new(),
                decisions: Vec::new(),
                timers: Vec::new(),
            };
            for _ in 0..RUNS {
                let seen = Arc::new(Seen::default());
                let began = Instant::now();
                let running = run(&host, &opened, request("one", Arc::clone(&seen) as _, None));
                let state = running.await.unwrap().finished.await.unwrap().state;
                measured.steps.push(millis(began.elapsed()));
                assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
                let first = seen.0.lock().unwrap().first.unwrap();
                measured.journal.push(millis(first - began));
            }
            for _ in 0..QUESTIONS {
                measured.decisions.push(millis(answered(&host, &opened).await));
            }
            for _ in 0..TIMERS {
                let began = Instant::now();
                tokio::time::sleep(WAITS).await;
                measured.timers.push(millis(began.elapsed().saturating_sub(WAITS)));
            }
            measured
        });
        let measured = self.runtime.block_on(measured).unwrap();
        over.store(true, Ordering::Relaxed);
        self.runtime.block_on(crowd).unwrap();
        measured
    }
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

/// When the first fact was there, and the step behind a question began.
#[derive(Default)]
struct Moments {
    first: Option<Instant>,
    next: Option<Instant>,
}

#[derive(Default)]
struct Seen(Mutex<Moments>);

impl Observer for Seen {
    fn entry(&self, _: &Durable, entry: &Entry) {
        let mut moments = self.0.lock().unwrap();
        moments.first.get_or_insert_with(Instant::now);
        let is_next = |fact: &Fact| matches!(fact, Fact::CellStarted { attempt, .. } if attempt.cell.step.as_str() == "next");
        if entry.facts.iter().any(is_next) {
            moments.next.get_or_insert_with(Instant::now);
        }
    }
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

/// From the decision until the start of the next step is durable and shown.
async fn answered(host: &Host, opened: &Opened) -> Duration {
    let (person, seen) = (Arc::new(Person::default()), Arc::new(Seen::default()));
    let request = request("asks", Arc::clone(&seen) as _, Some(Arc::clone(&person) as _));
    let running = run(host, opened, request).await.unwrap();
    let ended = tokio::spawn(running.finished);
    let (ask, by, handle) = loop {
        let asked = person.0.lock().unwrap().take();
        if let Some(asked) = asked {
            break asked;
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    };
    let decided = Instant::now();
    handle.decide(ask, Decision::Approve { comment: None }, by).await.unwrap();
    ended.await.unwrap().unwrap();
    let next = seen.0.lock().unwrap().next.unwrap();
    next - decided
}
