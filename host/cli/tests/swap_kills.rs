//! `kill -9` of a host that serves, between every two stages of a swap, while cells of a run are at work: who asked is told, the old or the new component serves, no attempt is lost or done twice.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;
mod fan;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use end_to_end::journal::Journal;
use end_to_end::project::OPERATORS;
use end_to_end::served::Served;
use end_to_end::{Call, Desk, agent, until};
use fan::Fan;
use serde_json::{Value, json};

const CELLS: usize = 40;

/// Cells at work at a time.
const PLACES: usize = 4;

/// The swap is asked for when so many cells have asked the model.
const BEGUN: usize = 6;

/// Answers of the model that come before the host is killed: some cells begin and end
/// meanwhile, and some are left for the next host.
const BEFORE: usize = 20;

/// A run that follows swaps, the model outside of the host, and what says how far it may go.
struct Scene {
    desk: Desk,
    fan: Fan,
    policy: PathBuf,
    /// Whether the host was killed: from then on everything is answered.
    killed: Arc<AtomicBool>,
}

impl Scene {
    fn new() -> Self {
        let desk = Desk::new();
        let killed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&killed);
        let grant = "calls = 1_000, tokens = 1_000_000";
        let fan = Fan::new(&desk, CELLS, grant, "", move |number| {
            while number >= BEFORE && !seen.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            Duration::from_millis(10)
        });
        let operators = std::fs::read_to_string(fan.project.path().join(OPERATORS)).unwrap();
        desk.file(
            &format!("project/{OPERATORS}"),
            &format!("{operators}\n[run]\npin = \"step\"\n"),
        );
        let uid = rustix::process::getuid().as_raw();
        let policy = format!(
            "labels = {{ unlabelled = \"public\" }}\n[people.me]\nuid = {uid}\ngroups = []\nmay = [\"submit\", \"swap\"]\n[ceiling.\"local/*\"]\nmodel = {{}}\n"
        );
        let policy = desk.file("policy/policy.toml", &policy);
        Self { desk, fan, policy, killed }
    }

    fn serve(&self, more: &[String]) -> Served {
        let call = self.desk.bailiwick(["serve"]).option("project", self.fan.project.path());
        let call = call.option("data", self.desk.data()).option("policy", &self.policy);
        Served::by(call.option("attempts", PLACES.to_string()).words(more))
    }

    /// A call about the data folder, at the host where one serves it.
    fn at(&self, words: &[&str]) -> Call {
        self.desk.bailiwick(words).option("data", self.desk.data())
    }

    /// `note` with these bytes of it replaced, or with a section more.
    fn version(&self, name: &str, change: Option<(&str, &str)>) -> PathBuf {
        let mut bytes = std::fs::read(agent("note").join("dist/note.wasm")).unwrap();
        match change {
            Some((was, is)) => {
                let at = bytes.windows(was.len()).position(|window| window == was.as_bytes());
                let at = at.unwrap();
                bytes[at..at + was.len()].copy_from_slice(is.as_bytes());
            }
            None => bytes.extend_from_slice(b"\x00\x02\x01x"),
        }
        let path = self.desk.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn host_facts(&self, name: &str) -> Vec<Value> {
        let lines = self.at(&["audit", "export"]).ends(0).lines();
        let facts = lines.iter().filter(|line| line["stream"] == "host");
        let facts = facts.flat_map(|line| match line["facts"].as_str() {
            Some(text) => serde_json::from_str::<Vec<Value>>(text).unwrap(),
            None => line["facts"].as_array().unwrap().clone(),
        });
        facts.filter(|fact| fact["fact"] == name).collect()
    }

    /// What `swap --list` says that serves: nothing where nobody swapped.
    fn listed(&self) -> Option<String> {
        let listed = self.at(&["swap", "--list", "--json"]).ends(0);
        let slot = listed.lines().into_iter().next()?;
        Some(slot["component"].as_str().unwrap().to_owned())
    }

    fn state(&self, run: &str) -> String {
        let listed = self.at(&["runs", "--json"]).ends(0).lines();
        let found = listed.iter().find(|one| one["run"] == run);
        found.map_or(String::new(), |one| one["state"].as_str().unwrap().to_owned())
    }
}

fn digest(component: &Path) -> String {
    format!("blake3:{}", blake3::hash(&std::fs::read(component).unwrap()).to_hex())
}

/// Which component each attempt of these facts began on.
fn began_on(facts: &[Value]) -> Vec<&str> {
    let started = facts.iter().filter(|fact| fact["fact"] == "CellStarted");
    started.map(|fact| fact["component"].as_str().unwrap()).collect()
}

/// The run is whole: each cell once, each question asked once by the journal, and of the
/// model at most once more by whoever was at work when the host was killed.
fn nothing_lost_or_repeated(scene: &Scene, journal: &Journal) {
    journal.did_nothing_twice();
    for name in ["CellStarted", "CellFinished", "CallAnswered"] {
        assert_eq!(journal.count(name), CELLS, "{name}");
    }
    assert_eq!(journal.count("AttemptFailed"), 0);
    let asked = scene.fan.keys();
    let keys: BTreeSet<_> = asked.iter().map(|key| format!("blake3:{key}")).collect();
    assert_eq!(keys.len(), CELLS, "a key for each cell");
    assert!(asked.len() <= CELLS + PLACES, "{} requests", asked.len());
    let intended: BTreeSet<_> = journal
        .named("CallIntended")
        .map(|fact| fact["key"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(keys, intended);
}

#[test]
fn a_kill_of_a_serving_host_between_any_two_stages_leaves_one_that_serves_and_loses_no_attempt() {
    for stage in ["stage", "diff", "rehearse", "commit", "flip"] {
        let scene = Scene::new();
        let own = digest(&agent("note").join("dist/note.wasm"));
        let new =
            scene.version("new.wasm", Some(("You write a short note", "You write a brief note")));
        let host = scene.serve(&["--inject".into(), format!("swap-crash-after={stage}")]);
        let run = scene.at(&["submit", "project/fan"]).ends(0).stdout.trim().to_owned();
        until("cells are at work", || scene.fan.counter.asked().len() >= BEGUN);

        let told = scene.at(&["swap", "project/note"]).word(&new).option("rehearse", "4").ends(1);
        assert!(
            told.stderr.contains("E195") && told.stderr.contains("the host ended before it said"),
            "{stage}: {}",
            told.stderr
        );
        host.dies();
        scene.killed.store(true, Ordering::SeqCst);
        let committed = matches!(stage, "commit" | "flip");
        let serves = if committed { digest(&new) } else { own.clone() };
        // Nobody serves the folder, and it is known all the same.
        assert_eq!(scene.listed(), committed.then(|| serves.clone()), "{stage}");
        let before = Journal::of(&scene.desk, &run).0;
        let finished = before.iter().filter(|fact| fact["fact"] == "CellFinished").count();
        assert!(finished < CELLS - PLACES, "{stage}: {finished} were through");

        let host = scene.serve(&[]);
        until("the run is done", || scene.state(&run) == "done");
        let journal = Journal::of(&scene.desk, &run);
        nothing_lost_or_repeated(&scene, &journal);
        let then: BTreeSet<_> = began_on(&before).into_iter().collect();
        assert!(then.contains(own.as_str()), "{stage}: {then:?}");
        let now: BTreeSet<_> = began_on(&journal.0[before.len()..]).into_iter().collect();
        assert_eq!(now, [serves.as_str()].into(), "{stage}: what the next host begins");
        let (commits, given_up) =
            (scene.host_facts("SwapCommitted"), scene.host_facts("SwapAbandoned"));
        assert_eq!((commits.len(), given_up.len()), if committed { (1, 0) } else { (0, 1) });
        assert!(
            given_up.iter().all(|fact| fact["why"].as_str().unwrap().contains("its host ended")),
            "{stage}: {given_up:?}"
        );

        // The next swap is one as ever.
        let third = scene.version("third.wasm", None);
        let said = scene.at(&["swap", "project/note", "--json"]).word(&third).ends(0).json();
        assert_eq!((&said["outcome"], &said["was"]), (&json!("committed"), &json!(serves)));
        assert_eq!(scene.listed(), Some(digest(&third)));
        drop(host);
        let replayed = scene.at(&["replay", &run, "--json"]).ends(0).json();
        assert_eq!(replayed["equal"], CELLS, "{stage}: {replayed}");
        scene.at(&["audit", "verify"]).ends(0);
    }
}
