//! Which versions of bailiwick.toml and policy.toml rule a host that serves, as its own stream says from its start on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use end_to_end::guest::Guest;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::served::Served;
use end_to_end::{Desk, HANGS};
use serde_json::Value;

const ONE: &str = "[step.one]\nagent = \"writer\"\ninput = {}\n\n[output]\none = \"${one}\"\n";

struct Scene {
    desk: Desk,
    project: Project,
    policy: PathBuf,
}

/// A file, its digest, and whether it was there at the start.
type Said = (String, String, bool);

impl Scene {
    fn new() -> Self {
        let desk = Desk::new();
        let extra = "(data (i32.const 4096) \"{}\")".to_owned();
        let perform = "(return (call $ok (i32.const 4096) (i32.const 2)))";
        let built = Guest { extra, ..Guest::new("writer", perform) }.build(&desk);
        let operators = format!("[agents.writer]\ncomponent = {built:?}\n");
        let files = [(OPERATORS, operators.as_str()), ("pipelines/one.toml", ONE)];
        let project = Project::of(&desk, &files);
        let policy = "labels = { unlabelled = \"public\" }\n[ceiling.\"local/*\"]\n";
        let policy = desk.file("policy/policy.toml", policy);
        Self { desk, project, policy }
    }

    fn operators(&self) -> PathBuf {
        self.project.path().canonicalize().unwrap().join(OPERATORS)
    }

    fn serve(&self) -> Served {
        let call = self.desk.bailiwick(["serve"]).option("project", self.project.path());
        Served::by(call.option("data", self.desk.data()).option("policy", &self.policy))
    }

    /// Every version of the rules that the host's stream says, in order.
    fn said(&self) -> Vec<Said> {
        let export = self.desk.bailiwick(["audit", "export"]).option("data", self.desk.data());
        let lines = export.ends(0).lines();
        let facts = lines.iter().filter(|line| line["stream"] == "host");
        let facts = facts.flat_map(|line| match line["facts"].as_str() {
            Some(text) => serde_json::from_str::<Vec<Value>>(text).unwrap(),
            None => line["facts"].as_array().unwrap().clone(),
        });
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let rules = facts.filter(|fact| fact["fact"] == "RulesTaken");
        rules
            .map(|fact| (text(&fact["file"]), text(&fact["digest"]), fact["start"] == true))
            .collect()
    }

    fn version(path: &Path, start: bool) -> Said {
        let digest = blake3::hash(&std::fs::read(path).unwrap());
        (path.display().to_string(), format!("blake3:{digest}"), start)
    }
}

fn append(path: &Path, line: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, text + line).unwrap();
}

#[test]
fn a_host_says_at_its_start_what_rules_where_that_is_not_what_was_said_last() {
    let scene = Scene::new();
    drop(scene.serve());
    let mut wanted =
        vec![Scene::version(&scene.operators(), true), Scene::version(&scene.policy, true)];
    wanted.sort();
    assert_eq!(scene.said(), wanted);
    // Nothing has changed: nothing is said.
    drop(scene.serve());
    assert_eq!(scene.said(), wanted);
    // Edited while no host was there.
    append(&scene.policy, "# another\n");
    let served = scene.serve();
    wanted.push(Scene::version(&scene.policy, true));
    assert_eq!(scene.said(), wanted);
    // Edited while it serves: said once, and not again by the next host.
    append(&scene.operators(), "# another\n");
    wanted.push(Scene::version(&scene.operators(), false));
    let since = Instant::now();
    while scene.said() != wanted {
        assert!(since.elapsed() < HANGS, "{:?}", scene.said());
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(served);
    drop(scene.serve());
    assert_eq!(scene.said(), wanted);
    scene.desk.bailiwick(["audit", "verify"]).option("data", scene.desk.data()).ends(0);

    // Back to a version that was said before, which is not the last one said.
    let text = std::fs::read_to_string(&scene.policy).unwrap();
    std::fs::write(&scene.policy, text.replace("# another\n", "")).unwrap();
    drop(scene.serve());
    wanted.push(Scene::version(&scene.policy, true));
    assert_eq!(scene.said(), wanted);
}

/// Of policies one rules at a time, whatever its file; without one that is said, too.
#[test]
fn another_policy_and_none_at_all_are_said() {
    let scene = Scene::new();
    drop(scene.serve());
    let without = || {
        let call = scene.desk.bailiwick(["serve"]).option("project", scene.project.path());
        Served::by(call.option("data", scene.desk.data()))
    };
    drop(without());
    let said = scene.said();
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!((said[2].0.as_str(), said[2].2), ("the built-in policy", true));
    drop(scene.serve());
    assert_eq!(scene.said()[3], Scene::version(&scene.policy, true));
    drop(without());
    assert_eq!(scene.said().len(), 5);
}
