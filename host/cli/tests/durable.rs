//! The statement of the house, end to end: kill the host at any fact; on resume nothing finished runs again, nobody is asked again, and what is delivered is the same, byte for byte.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, reason = "a crash point that fails is named")]

mod end_to_end;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use end_to_end::guest::Guest;
use end_to_end::journal::Journal;
use end_to_end::project::Project;
use end_to_end::{Call, Desk, agent, example, folder, root};
use serde_json::Value;

/// Hosts at a time: one computes while another waits for the disk.
const AT_ONCE: usize = 3;

/// Crash points of the campaign: as many as CI has time for.
const SAMPLE: u64 = 10;
/// Where they lie; any seed has to do.
const SEED: u64 = 3;

/// Everything that a pipeline can have, once: axes from a step and from the input, a
/// collected list, an agent that judges and one that has nothing to say, people that send
/// back once, a retry of what never works, what is dropped because it reads that, a cell
/// that is skipped, a cached step of which an earlier run knows one cell. Its notes are
/// made one at a time, so that the drill's missing provider meets the first one alone,
/// which is parked.
const PIPELINE: &str = r#"
input = { subject = "string", readers = ["string"] }

[axes]
topic  = "${topics.list}"
reader = "${input.readers}"

[step.topics]
agent = "topics"
input = { subject = "${input.subject}", count = 1 }

[step.note]
agent       = "note"
over        = ["topic", "reader"]
input       = { topic = "${axis.topic.id}", points = "${axis.topic.points}", reader = "${axis.reader}", feedback = "${feedback}" }
retry       = { attempts = 3, backoff = "1 ms" }
concurrency = 1

[step.check]
agent  = "check"
judges = "note"
rounds = 1

[step.sense]
agent  = "check"
judges = "note"
when   = "${axis.reader == 'nobody'}"

[step.editor]
judges = "note"
people = { groups = ["editors"] }
rounds = 1

[step.lore]
agent = "topics"
over  = ["reader"]
input = { subject = "${input.subject}", count = 1 }
cache = true

[step.shaky]
agent      = "shaky"
input      = {}
retry      = { attempts = 2, backoff = "1 ms" }
on-failure = { tolerate = "100%" }

[step.late]
agent = "shaky"
input = {}
when  = "${shaky != null}"

[step.never]
agent = "shaky"
input = {}
when  = "${input.subject == 'nothing'}"

[step.digest]
agent   = "digest"
over    = ["reader"]
collect = ["topic"]
input   = { title = "${input.subject + ', for ' + axis.reader}", items = "${note}" }

[output]
digest = "${digest}"
lore   = "${lore}"
never  = "${never}"
"#;

/// The cached step by itself, as an earlier run had it.
const EARLIER: &str = r#"
input = { subject = "string", readers = ["string"] }

[axes]
reader = "${input.readers}"

[step.lore]
agent = "topics"
over  = ["reader"]
input = { subject = "${input.subject}", count = 1 }
cache = true

[output]
lore = "${lore}"
"#;

/// Every kind of fact that one host writes of the small run. Of the others, a reminder
/// takes hours, an escalation a judge that is never content, and `Embedded` a server;
/// `RunPaused` and `RunResumed` take a second host. The crash points of the orchestrator
/// have those.
const KINDS: &[&str] = &[
    "AttemptContinued",
    "AttemptFailed",
    "AxisFixed",
    "Asked",
    "CallAnswered",
    "CallIntended",
    "CallLost",
    "CellFailed",
    "CellFinished",
    "CellParked",
    "CellReused",
    "CellSkipped",
    "CellStarted",
    "Decided",
    "Dropped",
    "JudgeSkipped",
    "Judged",
    "Logged",
    "Released",
    "RunEnded",
    "RunStarted",
    "StepLaidOut",
];

const DECISIONS: &str = r#"
[[decide]]
step     = "editor"
where    = { reader = "teachers" }
round    = 0
decision = "reject"
comment  = "Shorter, please."

[[decide]]
step     = "editor"
decision = "approve"
"#;

/// What the drill does besides crashing: the first question to the model finds nobody,
/// on all tries that the gate has.
const AWAY: &str = "provider-unavailable=1..4";

/// A pipeline and how it is called.
struct Drill {
    project: PathBuf,
    pipeline: &'static str,
    /// The data folder of earlier runs, where there are any.
    earlier: Option<PathBuf>,
    input: PathBuf,
    decisions: PathBuf,
    faults: &'static [&'static str],
}

impl Drill {
    fn run(&self, desk: &Desk) -> Call {
        if let Some(earlier) = self.earlier.as_ref().filter(|_| !desk.data().exists()) {
            folder::copy(earlier, &desk.data());
        }
        let call = desk
            .run(&self.project)
            .word(self.pipeline)
            .option("input", &self.input)
            .option("run-id", "drill");
        let call = call.option("decisions", &self.decisions).option("out", desk.out());
        self.faults.iter().fold(call, |call, fault| call.option("inject", fault))
    }

    fn resume(&self, desk: &Desk) -> Call {
        let call = desk.bailiwick(["resume", "drill"]).option("project", &self.project);
        let call = call.option("data", desk.data()).option("out", desk.out());
        call.option("decisions", &self.decisions)
    }

    /// Kills the run there, resumes it, and compares with one that was left alone.
    fn survives(&self, fault: &str, uncut: &Path) {
        self.survives_all(&[fault], uncut);
    }

    /// The same for a host that is killed there, and again in each resume.
    fn survives_all(&self, faults: &[&str], uncut: &Path) {
        let desk = Desk::new();
        println!("{faults:?}");
        for (number, fault) in faults.iter().enumerate() {
            let call = if number == 0 { self.run(&desk) } else { self.resume(&desk) };
            call.option("inject", fault).dies();
        }
        self.resume(&desk).ends(0);
        folder::assert_equal(uncut, &desk.out());
        Journal::of(&desk, "drill").did_nothing_twice();
    }
}

fn small(desk: &Desk) -> Drill {
    let handbook = "# Bees\n\n## Tools\n\nA smoker calms bees. A veil calms the keeper. A hive tool opens the box.\n";
    let shaky = Guest::new("shaky", "").build(desk);
    let [topics, note, check, digest] = ["topics", "note", "check", "digest"].map(agent);
    let operators = format!(
        "[agents.topics]\ncomponent = {topics:?}\ngrants.knowledge = [\"handbook\"]\n\
         [agents.note]\ncomponent = {note:?}\ngrants.model = {{ use = [\"writer\"], calls = 60, tokens = 100_000 }}\n\
         [agents.check]\ncomponent = {check:?}\n[agents.digest]\ncomponent = {digest:?}\n\
         [agents.shaky]\ncomponent = {shaky:?}\n\
         [models.writer]\nroutes = [{{ provider = \"builtin\" }}]\n[knowledge.handbook]\nfolder = \"handbook\"\n"
    );
    let project = Project::of(
        desk,
        &[
            ("bailiwick.toml", &operators),
            ("pipelines/small.toml", PIPELINE),
            ("pipelines/earlier.toml", EARLIER),
            ("earlier.json", r#"{ "subject": "bees", "readers": ["beginners"] }"#),
            ("handbook/bees.md", handbook),
            ("input.json", r#"{ "subject": "bees", "readers": ["beginners", "teachers"] }"#),
            ("decisions.toml", DECISIONS),
        ],
    );
    let earlier = desk.bailiwick(["run", "earlier"]).option("project", project.path());
    let earlier = earlier.option("data", desk.path("earlier")).option("run-id", "earlier");
    earlier.option("input", project.path().join("earlier.json")).ends(0);
    Drill {
        pipeline: "small",
        earlier: Some(desk.path("earlier")),
        input: project.path().join("input.json"),
        decisions: project.path().join("decisions.toml"),
        project: project.folder,
        faults: &[AWAY],
    }
}

fn campaign() -> Drill {
    let project = example("10-campaign");
    Drill {
        pipeline: "campaign",
        earlier: None,
        input: project.join("brief.json"),
        decisions: project.join("decisions.toml"),
        project,
        faults: &[],
    }
}

/// Each of these, several at a time; the first that fails fails the test.
fn each<T: Send>(points: Vec<T>, does: impl Fn(T) + Sync) {
    let points = Mutex::new(points.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(point) = { points.lock().unwrap().next() } {
                    does(point);
                }
            });
        }
    });
}

/// Else a crash point is missing, and nobody would know.
fn has_every_feature(uncut: &Journal) {
    let mut kinds: Vec<&str> = uncut.0.iter().map(|fact| fact["fact"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut wanted = KINDS.to_vec();
    wanted.sort_unstable();
    assert_eq!(kinds, wanted);
    let any = |name: &str, what: &dyn Fn(&Value) -> bool| uncut.named(name).any(what);
    let of = |fact: &Value, step: &str| fact["attempt"]["cell"]["step"] == step;
    let features = [
        ("an axis of a step", any("AxisFixed", &|fact| fact["axis"] == "topic")),
        ("a collected list", any("CellFinished", &|fact| of(fact, "digest"))),
        ("a judge", any("Judged", &|fact| fact["judge"] == "check")),
        ("another round", any("CellFinished", &|fact| fact["attempt"]["round"] == 1)),
        ("people who send back", any("Decided", &|fact| fact["decision"]["reject"].is_object())),
        ("people who approve", any("Decided", &|fact| fact["decision"]["approve"].is_object())),
        ("a hit", any("CellReused", &|fact| of(fact, "lore") && fact["from"] == "earlier")),
        ("a miss", any("CellStarted", &|fact| of(fact, "lore"))),
        ("a retry", any("AttemptFailed", &|fact| !fact["retry"].is_null())),
        ("the end of retries", any("AttemptFailed", &|fact| fact["retry"].is_null())),
        ("a park", any("CellParked", &|fact| fact["reason"] == "unavailable")),
    ];
    for (feature, there) in features {
        assert!(there, "{feature} is not in the drill: {:?}", uncut.points());
    }
}

#[test]
fn a_host_that_is_killed_at_any_fact_of_a_small_run_delivers_the_same() {
    let desk = Desk::new();
    let drill = small(&desk);
    drill.run(&desk).ends(0);
    let uncut = Journal::of(&desk, "drill");
    has_every_feature(&uncut);
    uncut.did_nothing_twice();
    let points = uncut.points();
    println!("{} facts", points.len());
    let out = desk.out();
    each(points, |point| {
        drill.survives(&format!("crash-after={point}"), &out);
        if point != "RunStarted:1" {
            drill.survives(&format!("crash-before={point}"), &out);
        }
    });
}

#[test]
fn a_run_that_was_killed_before_its_first_fact_has_nothing_to_go_on_with() {
    let desk = Desk::new();
    let drill = small(&desk);
    drill.run(&desk).option("inject", "crash-before=RunStarted:1").dies();
    let refused = drill.resume(&desk).ends(2);
    assert!(refused.stderr.contains("start it again"), "{}", refused.stderr);
}

#[test]
fn a_host_that_is_killed_again_while_it_resumes_delivers_the_same() {
    let desk = Desk::new();
    let drill = small(&desk);
    drill.run(&desk).ends(0);
    let out = desk.out();
    let first = ["CallIntended:2", "CellFinished:3", "Asked:1", "CellParked:1", "Decided:2"];
    each(first.to_vec(), |point| {
        let first = format!("crash-after={point}");
        for again in ["crash-before=RunResumed:1", "crash-after=RunResumed:1"] {
            drill.survives_all(&[&first, again], &out);
        }
        drill.survives_all(&[&first, "crash-after=CellFinished:1"], &out);
    });
}

#[test]
fn a_campaign_that_is_killed_anywhere_delivers_the_same() {
    let desk = Desk::new();
    let drill = campaign();
    drill.run(&desk).ends(0);
    let points = Journal::of(&desk, "drill").points();
    let out = desk.out();
    let mut place = SEED;
    let sample = (0..SAMPLE).map(|_| {
        place =
            place.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        &points[(place >> 33) as usize % points.len()]
    });
    each(sample.collect(), |point| drill.survives(&format!("crash-after={point}"), &out));
}

#[test]
fn after_a_failed_write_the_run_is_made_anew_from_disk_and_ends_the_same() {
    let desk = Desk::new();
    let drill = small(&desk);
    drill.run(&desk).ends(0);
    let out = desk.out();
    for write in [1, 2, 5, 9, 14] {
        let desk = Desk::new();
        let fault = format!("fail-append={write}");
        drill.run(&desk).option("inject", &fault).ends(0);
        folder::assert_equal(&out, &desk.out());
        let journal = Journal::of(&desk, "drill");
        journal.did_nothing_twice();
        assert_eq!(journal.count("RunStarted"), 1);
        assert_eq!(journal.count("RunResumed"), usize::from(write > 1), "{fault}");
    }
}

#[test]
fn a_second_failed_write_in_a_row_ends_the_process_and_costs_nothing_that_was_durable() {
    let desk = Desk::new();
    let drill = small(&desk);
    drill.run(&desk).ends(0);
    let out = desk.out();
    for fault in ["fail-append=2..3", "fail-append=9..10"] {
        let desk = Desk::new();
        let ended = drill.run(&desk).option("inject", fault).ends(1);
        assert!(ended.stderr.contains("made to fail by --inject"), "{}", ended.stderr);
        drill.resume(&desk).ends(0);
        folder::assert_equal(&out, &desk.out());
        Journal::of(&desk, "drill").did_nothing_twice();
    }
}

#[test]
fn what_is_late_is_the_same() {
    let desk = Desk::new();
    let drill = small(&desk);
    drill.run(&desk).ends(0);
    for fault in ["slow-sync=5", "provider-slow=20"] {
        let late = Desk::new();
        drill.run(&late).option("inject", fault).ends(0);
        folder::assert_equal(&desk.out(), &late.out());
    }
}

#[test]
fn a_word_that_is_no_fault_is_answered_with_those_that_are() {
    let desk = Desk::new();
    let project = root().join("examples/01-hello");
    let told = |fault: &str| desk.run(&project).option("inject", fault).ends(2).stderr;
    assert!(told("crash=1").contains("provider-unavailable=N[..M]"));
    assert!(told("crash-after=Nothing:1").contains("AttemptContinued"));
    assert!(!desk.data().exists(), "nothing was begun");
}
