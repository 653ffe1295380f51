//! `bailiwick swap`, end to end: what serves before and after, what runs that go make of it, what is refused, and that a kill between any two stages leaves the old or the new one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use end_to_end::guest::Guest;
use end_to_end::journal::Journal;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::served::Served;
use end_to_end::shelf::{Key, ship, signature};
use end_to_end::{Call, Desk, Ended, until};
use serde_json::{Value, json};

/// A version of the agent `writer` that answers this text to every cell.
fn writer(desk: &Desk, version: &str) -> PathBuf {
    let answer = json!({ "by": version }).to_string();
    let guest = Guest {
        extra: format!("(data (i32.const 4096) {answer:?})"),
        ..Guest::new(
            "writer",
            &format!("(return (call $ok (i32.const 4096) (i32.const {})))", answer.len()),
        )
    };
    guest.build_in(desk, &format!("writer-{version}"))
}

/// Two steps of the agent, with people in between.
const ASKS: &str = "[step.one]\nagent = \"writer\"\ninput = {}\n\n[step.editor]\njudges = \"one\"\npeople = { groups = [\"editors\"] }\n\n[step.two]\nagent = \"writer\"\ninput = { before = \"${one}\" }\n\n[output]\none = \"${one}\"\ntwo = \"${two}\"\n";

/// One step of it.
const ONE: &str = "[step.one]\nagent = \"writer\"\ninput = {}\n\n[output]\none = \"${one}\"\n";

/// Requests to this port of this machine.
fn rule(port: u16) -> String {
    format!(
        "{{ scheme = \"http\", host = \"127.0.0.1\", port = {port}, methods = [\"GET\"], paths = [\"/v1/*\"], network = \"loopback\" }}"
    )
}

/// A project whose agent `writer` is version a of its file.
struct Scene {
    desk: Desk,
    project: Project,
    policy: PathBuf,
    /// What the ceiling lets agents ask of the web.
    rule: String,
}

impl Scene {
    fn new(pin: &str) -> Self {
        let desk = Desk::new();
        let own = writer(&desk, "a");
        let operators = format!("[agents.writer]\ncomponent = {own:?}\n\n[run]\npin = {pin:?}\n");
        Self::of(desk, &operators, rule(1))
    }

    fn of(desk: Desk, operators: &str, rule: String) -> Self {
        let files =
            [(OPERATORS, operators), ("pipelines/one.toml", ONE), ("pipelines/asks.toml", ASKS)];
        let project = Project::of(&desk, &files);
        let scene = Self { policy: desk.path("policy/policy.toml"), desk, project, rule };
        scene.people("\"submit\", \"approve\", \"swap\"", "");
        scene
    }

    /// Who runs the tests may these.
    fn people(&self, may: &str, more: &str) {
        let uid = rustix::process::getuid().as_raw();
        let text = format!(
            "labels = {{ unlabelled = \"public\" }}\n{more}[people.me]\nuid = {uid}\ngroups = [\"editors\"]\nmay = [{may}]\n[ceiling.\"local/*\"]\nhttp = [{}]\n",
            self.rule
        );
        self.desk.file("policy/policy.toml", &text);
    }

    fn call(&self, words: &[&str]) -> Call {
        let call = self.desk.bailiwick(words).option("project", self.project.path());
        call.option("data", self.desk.data()).option("policy", &self.policy)
    }

    /// A call about the data folder alone.
    fn at(&self, words: &[&str]) -> Call {
        self.desk.bailiwick(words).option("data", self.desk.data())
    }

    fn swap(&self, to: &Path) -> Call {
        self.call(&["swap", "writer"]).word(to)
    }

    fn serve(&self) -> Served {
        Served::by(self.call(&["serve"]))
    }

    /// Runs one step in the foreground, and says which version did it.
    fn writes(&self) -> String {
        let output = self.call(&["run", "one"]).ends(0).json();
        output["one"]["by"].as_str().unwrap().to_owned()
    }

    fn state(&self, run: &str) -> String {
        let listed = self.at(&["runs", "--json"]).ends(0).lines();
        let found = listed.iter().find(|one| one["run"] == run);
        found.map_or(String::new(), |one| one["state"].as_str().unwrap().to_owned())
    }

    fn submit(&self, pipeline: &str) -> String {
        let submitted = self.at(&["submit", &format!("project/{pipeline}")]).ends(0);
        submitted.stdout.trim().to_owned()
    }

    /// A run that has done its first step, and asks about it.
    fn asks(&self) -> String {
        let run = self.submit("asks");
        until("people are asked", || self.state(&run) == "waiting");
        run
    }

    /// Lets it go on, and gives what its steps say.
    fn approved(&self, run: &str) -> (String, String) {
        self.at(&["approve", &format!("{run}/editor/-/0")]).ends(0);
        until("it is done", || self.state(run) == "done");
        let journal = Journal::of(&self.desk, run);
        journal.did_nothing_twice();
        let shown = self.desk.shown(run);
        let by = |step: &str| shown["output"][step]["by"].as_str().unwrap_or_default().to_owned();
        (by("one"), by("two"))
    }

    /// What the host wrote down of itself: facts of this name.
    fn host_facts(&self, name: &str) -> Vec<Value> {
        let lines = self.at(&["audit", "export"]).ends(0).lines();
        let facts = lines.iter().filter(|line| line["stream"] == "host");
        let facts = facts.flat_map(|line| {
            let facts = &line["facts"];
            match facts.as_str() {
                Some(text) => serde_json::from_str::<Vec<Value>>(text).unwrap(),
                None => facts.as_array().unwrap().clone(),
            }
        });
        facts.filter(|fact| fact["fact"] == name).collect()
    }

    fn verified(&self) {
        self.at(&["audit", "verify"]).ends(0);
    }
}

#[test]
fn new_runs_take_what_was_swapped_in_and_go_back_with_a_rollback() {
    let scene = Scene::new("run");
    let b = writer(&scene.desk, "b");
    assert_eq!(scene.writes(), "a");
    let none = scene.call(&["swap", "writer", "--rollback"]).ends(2);
    assert!(none.stderr.contains("E191"), "{}", none.stderr);
    let said = scene.swap(&b).ends(0).stdout;
    assert!(said.contains("are as before") && said.contains("committed"), "{said}");
    assert_eq!(scene.writes(), "b");
    assert!(scene.swap(&b).ends(0).stdout.contains("it serves already"));
    scene.call(&["swap", "writer", "--rollback"]).ends(0);
    assert_eq!(scene.writes(), "a");
    scene.call(&["swap", "writer", "--rollback"]).ends(0);
    assert_eq!(scene.writes(), "b");

    let listed = scene.call(&["swap", "--list", "--json"]).ends(0).json();
    assert_eq!((&listed["agent"], &listed["rollback"]), (&json!("writer"), &json!(true)));
    assert!(scene.call(&["swap", "--list"]).ends(0).stdout.contains("a rollback, by me"));
    let committed = scene.host_facts("SwapCommitted");
    assert_eq!(committed.len(), 3, "{committed:?}");
    assert_eq!(scene.host_facts("SwapStaged").len(), 3);
    assert_eq!(committed[0]["by"], "me");
    scene.verified();
    scene.at(&["audit", "rebuild"]).ends(0);
    assert_eq!(scene.writes(), "b");

    // A sweep takes neither what serves nor what served before.
    scene.at(&["gc"]).option("project", scene.project.path()).ends(0);
    assert_eq!(scene.writes(), "b");
    // Who changes the file afterwards has the last word, and nothing is gone back to.
    let c = writer(&scene.desk, "c");
    scene.project.change(OPERATORS, "writer-a", "writer-c");
    assert_eq!(scene.writes(), "c");
    let none = scene.call(&["swap", "writer", "--rollback"]).ends(2);
    assert!(none.stderr.contains("was changed since"), "{}", none.stderr);
    scene.project.change(OPERATORS, "writer-c", "writer-a");
    assert_eq!(scene.writes(), "a");
    assert!(c.exists());
}

/// Who builds anew has the last word, also where the file becomes what it was.
#[test]
fn a_file_that_was_another_one_since_serves_for_good() {
    let scene = Scene::new("run");
    let [a, b, c] = ["a", "b", "c"].map(|version| writer(&scene.desk, version));
    let kept = scene.desk.path("kept.wasm");
    let own = a.join("dist/writer.wasm");
    std::fs::copy(&own, &kept).unwrap();
    scene.swap(&b).ends(0);
    assert_eq!(scene.writes(), "b");
    std::fs::copy(c.join("dist/writer.wasm"), &own).unwrap();
    assert_eq!(scene.writes(), "c");
    std::fs::copy(&kept, &own).unwrap();
    assert_eq!(scene.writes(), "a", "what was swapped in came back");
    assert!(scene.at(&["swap", "--list"]).ends(0).stderr.contains("nothing was swapped here"));
    let rollback = scene.call(&["swap", "writer", "--rollback"]).ends(2).stderr;
    assert!(
        rollback.contains("the file of `writer` was changed since it was swapped"),
        "{rollback}"
    );
    // The same for an agent that was taken out meanwhile.
    scene.swap(&b).ends(0);
    assert_eq!(scene.writes(), "b");
    let rename = |from: &str, to: &str| {
        for file in [OPERATORS, "pipelines/one.toml", "pipelines/asks.toml"] {
            let path = scene.project.path().join(file);
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.replace(&format!("agents.{from}"), &format!("agents.{to}"));
            let text = text.replace(&format!("\"{from}\""), &format!("\"{to}\""));
            std::fs::write(path, text).unwrap();
        }
    };
    rename("writer", "other");
    assert_eq!(scene.writes(), "a");
    rename("other", "writer");
    assert_eq!(scene.writes(), "a", "what was swapped in came back");
    scene.at(&["audit", "verify"]).ends(0);
    scene.at(&["audit", "rebuild"]).ends(0);
    assert_eq!(scene.writes(), "a");
    scene.swap(&b).ends(0);
    assert_eq!(scene.writes(), "b");
}

/// Two changes of the lock, and no run in between that could have seen the first one.
#[test]
fn who_goes_back_in_the_lock_has_the_last_word() {
    let scene = Scene::new("run");
    let [b, c] = ["b", "c"].map(|version| writer(&scene.desk, version));
    let of = |version: &str, says: &str| -> String {
        let answer = json!({ "by": says }).to_string();
        let perform = format!("(return (call $ok (i32.const 4096) (i32.const {})))", answer.len());
        let extra = format!("(data (i32.const 4096) {answer:?})");
        let version: &'static str = version.to_owned().leak();
        let guest = Guest { version, extra, ..Guest::new("writer", &perform) };
        let file = guest.build_in(&scene.desk, &format!("lock-{says}")).join("dist/writer.wasm");
        let kept = scene.desk.path(&format!("{says}.wasm"));
        std::fs::copy(file, &kept).unwrap();
        kept.to_str().unwrap().to_owned()
    };
    let (low, high) = (of("0.2.0", "low"), of("0.3.0", "high"));
    let update = |words: &[&str]| {
        let call = scene.desk.bailiwick(["update", "writer"]);
        let call = words.iter().fold(call, |call, word| call.word(word));
        call.option("project", scene.project.path()).option("policy", &scene.policy).ends(0);
    };
    update(&["--to", &low]);
    scene.swap(&b).words(["--downgrade", "--accept"]).ends(0);
    assert_eq!(scene.writes(), "b");
    update(&["--to", &high]);
    update(&["--to", &low, "--downgrade"]);
    assert_eq!(scene.writes(), "low", "what was swapped in came back");
    drop(c);
}

#[test]
fn a_list_changes_nothing() {
    let scene = Scene::new("run");
    let b = writer(&scene.desk, "b");
    scene.swap(&b).ends(0);
    for words in [["swap", "writer", "--list"], ["swap", "--rollback", "--list"]] {
        let said = scene.call(&words).ends(2).stderr;
        assert!(said.contains("cannot be used with"), "{said}");
    }
    assert!(scene.swap(&b).word("--list").ends(2).stderr.contains("cannot be used with"));
    assert_eq!(scene.writes(), "b");
    let said = scene.swap(&b).words(["--require", "equal", "--rehearse", "0"]).ends(2).stderr;
    assert!(said.contains("--rehearse 0 does none again"), "{said}");
}

#[test]
fn a_run_that_goes_keeps_its_own_or_takes_the_new_one_at_its_next_cell() {
    for (pin, second) in [("run", "a"), ("step", "b")] {
        let scene = Scene::new(pin);
        let b = writer(&scene.desk, "b");
        let _host = scene.serve();
        let run = scene.asks();
        let said = scene.at(&["swap", "project/writer"]).word(&b).ends(0).stdout;
        assert!(said.contains("committed"), "{said}");
        assert_eq!(scene.approved(&run), ("a".into(), second.into()), "pin = {pin:?}");
        let next = scene.asks();
        assert_eq!(scene.approved(&next), ("b".into(), "b".into()));
        scene.at(&["swap", "writer", "--rollback"]).ends(0);
        let back = scene.asks();
        assert_eq!(scene.approved(&back), ("a".into(), "a".into()));

        // Each attempt is done again on the generation that it ran on, also elsewhere.
        let attempts = Journal::of(&scene.desk, &run).count("CellFinished");
        let replayed = scene.at(&["replay", &run, "--json"]).ends(0).json();
        assert_eq!(replayed["equal"], attempts, "{replayed}");
        let (file, other) = (scene.desk.path("run.tar"), scene.desk.path("other"));
        scene.at(&["export", &run]).word(&file).ends(0);
        scene.desk.bailiwick(["import"]).word(&file).option("data", &other).ends(0);
        let again = scene.desk.bailiwick(["replay", &run, "--json"]).option("data", &other);
        assert_eq!(again.ends(0).json()["equal"], attempts);
        scene.verified();
    }
}

/// A component that imports what the run has no grant for, or whose output is another one,
/// serves new runs; those that go stay where they are.
#[test]
fn a_run_that_goes_takes_only_what_fits_it() {
    let scene = Scene::new("step");
    let asks = asker_with(&scene.desk, ("writer", "asks"), (1, "/"), (99, "never"));
    let host = scene.serve();
    let run = scene.asks();
    let refused = scene.at(&["swap", "writer"]).word(&asks).word("--accept").ends(2);
    assert!(refused.stderr.contains("grants.http"), "{}", refused.stderr);
    scene.project.change(
        OPERATORS,
        "\n\n[run]",
        &format!("\ngrants.http = [{}]\n\n[run]", rule(1)),
    );
    until("the host has read it", || !scene.host_facts("RulesTaken").is_empty());
    until("it is admitted", || {
        let call = scene.at(&["swap", "writer"]).word(&asks).word("--accept");
        call.ends_with_one_of(&[0, 2]).code == Some(0)
    });
    assert_eq!(scene.approved(&run), ("a".into(), "a".into()));
    // It serves those that begin; its answer has no `by`.
    let next = scene.asks();
    assert_eq!(scene.approved(&next), (String::new(), String::new()));
    drop(host);
}

#[test]
fn a_run_that_was_left_goes_on_with_what_was_swapped_in_meanwhile() {
    let scene = Scene::new("step");
    let b = writer(&scene.desk, "b");
    let host = scene.serve();
    let run = scene.asks();
    drop(host);
    scene.swap(&b).ends(0);
    let host = scene.serve();
    assert_eq!(scene.approved(&run), ("a".into(), "b".into()));
    // And with what it had taken before, where nobody swapped since.
    let again = scene.asks();
    scene.at(&["swap", "writer", "--rollback"]).ends(0);
    drop(host);
    let _host = scene.serve();
    assert_eq!(scene.approved(&again), ("b".into(), "a".into()));
    assert_eq!(scene.at(&["replay", &run, "--json"]).ends(0).json()["equal"], 2);
}

#[test]
fn an_attempt_that_was_begun_ends_on_the_component_that_it_began_with() {
    let scene = Scene::new("step");
    let b = writer(&scene.desk, "b");
    let run = scene.call(&["run", "one"]).option("run-id", "r");
    run.option("inject", "crash-after=CellStarted:1").dies();
    scene.swap(&b).ends(0);
    let resumed = scene.call(&["resume", "r"]).ends(0).json();
    assert_eq!(resumed["one"]["by"], "a", "{resumed}");
    assert_eq!(scene.writes(), "b");
    assert_eq!(scene.at(&["replay", "r", "--json"]).ends(0).json()["equal"], 1);
    // A fork is a new run: it takes what serves now.
    let fork = scene.call(&["fork", "r", "--from", "one"]).ends(0).json();
    assert_eq!(fork["one"]["by"], "b");
}

/// After a kill between any two stages the old or the new one serves, and the journal says
/// which; the next host gives up what was only staged.
#[test]
fn a_kill_between_any_two_stages_leaves_the_old_or_the_new_one() {
    for (stage, serves) in
        [("stage", "a"), ("diff", "a"), ("rehearse", "a"), ("commit", "b"), ("flip", "b")]
    {
        let scene = Scene::new("run");
        let b = writer(&scene.desk, "b");
        assert_eq!(scene.writes(), "a");
        let swap = scene.swap(&b).option("rehearse", "1");
        swap.option("inject", format!("swap-crash-after={stage}")).dies();
        assert_eq!(scene.writes(), serves, "killed after {stage}");
        let committed = scene.host_facts("SwapCommitted").len();
        let given_up = scene.host_facts("SwapAbandoned");
        match serves {
            "a" => {
                assert_eq!((committed, given_up.len()), (0, 1), "{stage}: {given_up:?}");
                assert!(given_up[0]["why"].as_str().unwrap().contains("its host ended"));
                scene.swap(&b).ends(0);
                assert_eq!(scene.writes(), "b", "it is done again");
            }
            _ => {
                assert_eq!((committed, given_up.len()), (1, 0), "{stage}");
                scene.call(&["swap", "writer", "--rollback"]).ends(0);
                assert_eq!(scene.writes(), "a");
            }
        }
        scene.verified();
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    let scene = Scene::new("run");
    let b = writer(&scene.desk, "b");
    assert_eq!(scene.writes(), "a");
    let refused = |call: Call, code: &str| {
        let ended: Ended = call.ends(2);
        assert!(ended.stderr.contains(code), "{code}: {}", ended.stderr);
        assert_eq!(scene.writes(), "a", "after {code}");
    };
    refused(scene.call(&["swap", "nobody"]).word(&b), "E188");
    refused(scene.call(&["swap", "other/writer"]).word(&b), "E188");
    let junk = scene.desk.file("junk.wasm", "no component");
    refused(scene.swap(&junk), "E111");
    refused(scene.swap(Path::new("/nowhere/x.wasm")), "E102");
    // Another agent by its own word.
    let stranger = Guest {
        extra: "(data (i32.const 4096) \"{}\")".into(),
        ..Guest::new("stranger", "(return (call $ok (i32.const 4096) (i32.const 2)))")
    };
    let stranger = stranger.build(&scene.desk);
    let ended = scene.swap(&stranger).ends(2);
    assert!(
        ended.stderr.contains("E189") && ended.stdout.contains("! identity"),
        "{}",
        ended.stdout
    );
    assert_eq!(scene.writes(), "a");
    scene.swap(&stranger).word("--accept").ends(0);
    let committed = scene.host_facts("SwapCommitted");
    assert_eq!(committed[0]["accepted"], json!(["identity"]), "{committed:?}");
    scene.call(&["swap", "writer", "--rollback"]).ends(0);

    // An import that no grant covers, and a folder that policy does not name.
    refused(scene.swap(&asker(&scene.desk, "writer", "asks", 1, "/v1/x")), "http");
    let data = scene.desk.data();
    let sources = format!("[sources]\nroots = [{:?}]\n", data.parent().unwrap());
    scene.people("\"submit\", \"approve\", \"swap\"", &sources);
    refused(scene.swap(&b), "lies in");
    scene.people("\"submit\", \"approve\"", "");
    let _host = scene.serve();
    let ended = scene.at(&["swap", "writer"]).word(&b).ends(2);
    assert!(
        ended.stderr.contains("E151") && ended.stderr.contains("may not swap"),
        "{}",
        ended.stderr
    );
    scene.verified();
}

/// Who signed it goes along with what is sent; a lower version is taken on purpose only.
#[test]
fn a_signed_component_is_swapped_as_its_publishers() {
    let desk = Desk::new();
    let key = Key::new(&desk, "acme");
    let version = |version: &'static str| {
        let answer = json!({ "by": version }).to_string();
        let perform = format!("(return (call $ok (i32.const 4096) (i32.const {})))", answer.len());
        let extra = format!("(data (i32.const 4096) {answer:?})");
        let guest = Guest { version, extra, ..Guest::new("writer", &perform) };
        let shipped = ship(&desk, &guest, "acme", &key);
        let kept = desk.path(&format!("writer-{version}.wasm"));
        std::fs::copy(&shipped, &kept).unwrap();
        std::fs::copy(signature(&shipped), signature(&kept)).unwrap();
        kept
    };
    let (own, newer, older) = (version("1.1.0"), version("1.2.0"), version("1.0.0"));
    let operators = format!("[agents.writer]\ncomponent = {own:?}\n");
    let scene = Scene::of(desk, &operators, rule(1));
    let admits = format!("[publishers.acme]\nkeys = [{{ {} }}]\n[ceiling.\"acme/*\"]\n", key.line);
    scene.people("\"submit\", \"approve\", \"swap\"", &admits);
    assert_eq!(scene.writes(), "1.1.0");
    // Without its signature it is nobody's.
    let bare = scene.desk.path("bare.wasm");
    std::fs::copy(&newer, &bare).unwrap();
    let refused = scene.swap(&bare).ends(2).stderr;
    assert!(refused.contains("is not signed"), "{refused}");
    scene.swap(&newer).ends(0);
    assert_eq!(scene.writes(), "1.2.0");
    let refused = scene.swap(&older).ends(2);
    assert!(refused.stderr.contains("--downgrade"), "{}", refused.stderr);
    assert!(refused.stdout.contains("! version: 1.2.0 -> 1.0.0"), "{}", refused.stdout);
    assert_eq!(scene.writes(), "1.2.0");
    scene.swap(&older).word("--downgrade").ends(0);
    assert_eq!(scene.host_facts("SwapCommitted")[1]["accepted"], json!(["version"]));
    assert_eq!(scene.writes(), "1.0.0");
    // Back to what was signed, whatever its version.
    scene.call(&["swap", "writer", "--rollback"]).ends(0);
    assert_eq!(scene.writes(), "1.2.0");
    let runs = scene.at(&["runs", "--json"]).ends(0).lines();
    for run in runs {
        scene.at(&["replay", run["run"].as_str().unwrap()]).ends(0);
    }
    // What is revoked does not serve, whoever swapped it in.
    scene.people(
        "\"submit\", \"approve\", \"swap\"",
        &format!("[revoked]\nkeys = [{:?}]\n{admits}", key.id),
    );
    let refused = scene.call(&["run", "one"]).ends(2).stderr;
    assert!(refused.contains("E179"), "{refused}");
    // And something else can take its place.
    let other = Key::new(&scene.desk, "globex");
    let guest = Guest {
        version: "1.3.0",
        extra: "(data (i32.const 4096) \"{\\22by\\22:\\22c\\22}\")".into(),
        ..Guest::new("writer", "(return (call $ok (i32.const 4096) (i32.const 10)))")
    };
    let mended = ship(&scene.desk, &guest, "globex", &other);
    let admits = format!(
        "[revoked]\nkeys = [{:?}]\n{admits}[publishers.globex]\nkeys = [{{ {} }}]\n[ceiling.\"globex/*\"]\n",
        key.id, other.line
    );
    scene.people("\"submit\", \"approve\", \"swap\"", &admits);
    scene.swap(&mended).word("--accept").ends(0);
    assert_eq!(scene.writes(), "c");
    // What it took the place of is nothing to go back to.
    let refused = scene.call(&["swap", "writer", "--rollback"]).ends(2).stderr;
    assert!(refused.contains("E179"), "{refused}");
    assert_eq!(scene.writes(), "c");
    scene.verified();
}

/// The project's own file need not be signed where policy says so, also when it was swapped.
#[test]
fn the_own_file_serves_again_wherever_it_may_lie() {
    let desk = Desk::new();
    let key = Key::new(&desk, "acme");
    let own = writer(&desk, "a");
    let guest = Guest {
        extra: "(data (i32.const 4096) \"{\\22by\\22:\\22b\\22}\")".into(),
        ..Guest::new("writer", "(return (call $ok (i32.const 4096) (i32.const 10)))")
    };
    let signed = ship(&desk, &guest, "acme", &key);
    let scene = Scene::of(desk, &format!("[agents.writer]\ncomponent = {own:?}\n"), rule(1));
    let roots = own.parent().unwrap();
    let admits = format!(
        "[sources]\nroots = [{roots:?}]\n[publishers.acme]\nkeys = [{{ {} }}]\n[ceiling.\"acme/*\"]\n",
        key.line
    );
    scene.people("\"submit\", \"approve\", \"swap\"", &admits);
    assert_eq!(scene.writes(), "a");
    for back in [vec!["swap", "writer", "--rollback"], vec!["swap", "writer"]] {
        scene.swap(&signed).word("--accept").ends(0);
        assert_eq!(scene.writes(), "b");
        let call = scene.call(&back);
        let call = if back.len() == 2 { call.word(&own).word("--accept") } else { call };
        call.ends(0);
        assert_eq!(scene.writes(), "a");
    }
    // Other bytes are not that file.
    let stranger = writer(&scene.desk, "c");
    let refused = scene.swap(&stranger).word("--accept").ends(2);
    assert!(refused.stderr.contains("lies in no folder"), "{}", refused.stderr);
}

/// What a run is repinned to counts more than what its cells worked on before.
#[test]
fn a_run_that_follows_swaps_goes_on_with_what_it_is_repinned_to() {
    let scene = Scene::new("step");
    let host = scene.serve();
    let run = scene.asks();
    drop(host);
    writer(&scene.desk, "b");
    scene.project.change(OPERATORS, "writer-a", "writer-b");
    let resumed =
        scene.call(&["resume", &run, "--repin", "components"]).ends_with_one_of(&[0, 3, 4]);
    assert!(!resumed.stderr.contains("error"), "{}", resumed.stderr);
    let _host = scene.serve();
    assert_eq!(scene.approved(&run), ("a".into(), "b".into()));
}

/// A server that answers everything, and counts. It ends with the test.
fn counter() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                head.push(byte[0]);
            }
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        }
    });
    (port, count)
}

/// An agent that asks a server once, and answers by the length of its cell's key: cells of
/// a longer key than this get another text.
fn asker(desk: &Desk, name: &'static str, folder: &str, port: u16, path: &str) -> PathBuf {
    asker_with(desk, (name, folder), (port, path), (99, "never"))
}

fn asker_with(
    desk: &Desk,
    (name, folder): (&'static str, &str),
    (port, path): (u16, &str),
    (longer, text): (usize, &str),
) -> PathBuf {
    let url = format!("http://127.0.0.1:{port}{path}");
    let (same, other) = (r#"{"text":"same"}"#, json!({ "text": text }).to_string());
    let extra = format!(
        r#"(data (i32.const 4096) "GET") (data (i32.const 4200) "{url}") (data (i32.const 4600) {same:?}) (data (i32.const 4800) {other:?})"#
    );
    let perform = format!(
        "(call $fetch (i32.const 4096) (i32.const 3) (i32.const 4200) (i32.const {})
           (i32.const 0) (i32.const 0) (i32.const 8000) (i32.const 0) (i32.const 1200))
         (if (i32.gt_u (local.get 3) (i32.const {longer}))
           (then (return (call $ok (i32.const 4800) (i32.const {})))))
         (return (call $ok (i32.const 4600) (i32.const {})))",
        url.len(),
        other.len(),
        same.len()
    );
    let guest = Guest {
        wants: "http = { hosts = [\"127.0.0.1\"], reason = \"tests\" }",
        imports: r#"(import "bailiwick:agent/http@0.1.0" "fetch"
            (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
        extra,
        ..Guest::new(name, &perform)
    };
    guest.build_in(desk, folder)
}

#[test]
fn a_rehearsal_says_which_recorded_cells_differ_and_reaches_nobody() {
    let (desk, (port, asked)) = (Desk::new(), counter());
    let own = asker(&desk, "asker", "own", port, "/v1/x");
    let rule = rule(port);
    let operators = format!("[agents.writer]\ncomponent = {own:?}\ngrants.http = [{rule}]\n");
    let scene = Scene::of(desk, &operators, rule);
    let fan = "[axes]\nlocale = [\"de\", \"fr\", \"zh-hant\", \"zh-hans\"]\n[step.one]\nagent = \"writer\"\nover = [\"locale\"]\ninput = {}\n[output]\none = \"${one}\"\n";
    scene.desk.file("project/pipelines/fan.toml", fan);
    scene.call(&["run", "fan"]).option("run-id", "then").ends(0);
    let before = asked.load(Ordering::SeqCst);
    assert_eq!(before, 4, "{}", scene.desk.shown("then"));
    let journal = Journal::of(&scene.desk, "then").0;
    let rehearsed = |to: &Path, code: i32| {
        let call =
            scene.swap(to).option("require", "equal").option("rehearse", "16").word("--json");
        call.ends(code).json()
    };

    // Cells with the longer keys differ, and no others.
    let changed = asker_with(&scene.desk, ("asker", "changed"), (port, "/v1/x"), (10, "other"));
    let said = rehearsed(&changed, 5);
    assert_eq!(said["outcome"], "not-equal");
    let counts = &said["rehearsal"]["counts"];
    assert_eq!((&counts["equal"], &counts["different"]), (&json!(2), &json!(2)), "{said}");
    let cells = said["rehearsal"]["cells"].as_array().unwrap();
    let mut which: Vec<_> = cells.iter().map(|cell| cell["attempt"].as_str().unwrap()).collect();
    which.sort_unstable();
    assert_eq!(which, ["one/locale=zh-hans/0/1", "one/locale=zh-hant/0/1"]);
    let at = &cells[0]["how"]["different"][0];
    assert_eq!(*at, json!({ "at": "/text", "was": "\"same\"", "is": "\"other\"" }));

    // One that asks something else: the first difference.
    let strays = asker(&scene.desk, "asker", "strays", port, "/v1/y");
    let said = rehearsed(&strays, 6);
    assert_eq!(said["rehearsal"]["counts"]["diverged"], 4, "{said}");
    let how = &said["rehearsal"]["cells"][0]["how"]["diverged"];
    assert_eq!(how["call"], 0);
    let first = how["at"][0].to_string();
    assert!(first.contains("/v1/x") && first.contains("/v1/y"), "{how}");
    let text = scene.swap(&strays).option("require", "equal").ends(6).stdout;
    assert!(text.contains("4 recorded cells done again: 0 equal, 4 diverged"), "{text}");

    // Nothing left the host, nothing was spent, no run was written to.
    assert_eq!(asked.load(Ordering::SeqCst), before);
    assert_eq!(Journal::of(&scene.desk, "then").0, journal);
    assert_eq!(scene.at(&["runs", "--json"]).ends(0).lines().len(), 1);
    assert_eq!(scene.host_facts("SwapCommitted").len(), 0);
    assert_eq!(scene.host_facts("SwapAbandoned").len(), 3);

    // A rebuild that changes no output is equal, and committed.
    let rebuilt = asker_with(&scene.desk, ("asker", "rebuilt"), (port, "/v1/x"), (98, "never"));
    let said = rehearsed(&rebuilt, 0);
    assert_eq!(
        (&said["outcome"], &said["rehearsal"]["counts"]["equal"]),
        (&json!("committed"), &json!(4))
    );
    assert_eq!(asked.load(Ordering::SeqCst), before);
    let committed = scene.host_facts("SwapCommitted");
    assert_eq!(committed[0]["rehearsed"]["equal"], 4);
}

/// The agent `note` with one word of its prompt another one.
fn another_prompt(note: &[u8]) -> Vec<u8> {
    let (was, is) = (b"You write a short note", b"You write a brief note");
    let at = note.windows(was.len()).position(|window| window == was).unwrap();
    [&note[..at], &is[..], &note[at + was.len()..]].concat()
}

/// On the new component its record would be another one's: it would have diverged.
#[test]
fn an_attempt_with_an_open_call_goes_on_on_its_own_component_after_a_swap() {
    let desk = Desk::new();
    let project = Project::like(&desk, "02-fan-out");
    let operators = std::fs::read_to_string(project.path().join(OPERATORS)).unwrap();
    desk.file(&format!("project/{OPERATORS}"), &format!("{operators}\n[run]\npin = \"step\"\n"));
    let call = |words: &[&str]| {
        let call = desk.bailiwick(words).option("project", project.path());
        call.option("data", desk.data())
    };
    let begun = call(&["run"]).option("input", project.path().join("input.json"));
    begun.option("run-id", "r").option("inject", "crash-after=CallAnswered:2").dies();
    let own = std::fs::read(end_to_end::agent("note").join("dist/note.wasm")).unwrap();
    let other = desk.path("other.wasm");
    std::fs::write(&other, another_prompt(&own)).unwrap();
    call(&["swap", "note"]).word(&other).ends(0);
    call(&["resume", "r"]).ends(0);
    let journal = Journal::of(&desk, "r");
    journal.did_nothing_twice();
    assert!(journal.count("AttemptContinued") > 0);
    assert_eq!(journal.count("AttemptFailed"), 0);
    let attempts = journal.count("CellFinished");
    let replayed = desk.bailiwick(["replay", "r", "--json"]).option("data", desk.data());
    assert_eq!(replayed.ends(0).json()["equal"], attempts);
}

/// An agent of the repository that asks a model: rebuilt, and with another prompt.
#[test]
fn a_rebuild_of_an_agent_that_asks_a_model_is_equal_and_another_prompt_diverges() {
    let desk = Desk::new();
    let project = Project::like(&desk, "02-fan-out");
    let input = project.path().join("input.json");
    let call = |words: &[&str]| {
        let call = desk.bailiwick(words).option("project", project.path());
        call.option("data", desk.data())
    };
    call(&["run"]).option("input", input).option("run-id", "then").ends(0);
    let cost = |desk: &Desk| {
        let shown = desk.shown("then");
        (shown["calls"].clone(), shown["tokens"].clone(), shown["latest"].clone())
    };
    let before = cost(&desk);
    let own = std::fs::read(end_to_end::agent("note").join("dist/note.wasm")).unwrap();
    let version = |name: &str, bytes: Vec<u8>| {
        let path = desk.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let rehearsed = |to: &Path, code: i32| {
        call(&["swap", "note", "--json", "--require=equal"]).word(to).ends(code).json()
    };
    let said = rehearsed(&version("other.wasm", another_prompt(&own)), 6);
    assert_eq!(said["rehearsal"]["counts"]["diverged"], 6, "{said}");
    let how = &said["rehearsal"]["cells"][0]["how"]["diverged"];
    assert_eq!(how["at"][0]["at"], "/complete/messages/0/parts/0/text", "{how}");
    assert!(how["at"][0]["is"].as_str().unwrap().contains("a brief note"), "{how}");

    // A section more, of which nobody reads a word: other bytes, the same agent.
    let said = rehearsed(&version("rebuilt.wasm", [&own[..], b"\x00\x02\x01x"].concat()), 0);
    assert_eq!(said["rehearsal"]["counts"]["equal"], 6, "{said}");
    assert_eq!(cost(&desk), before, "nothing is spent, nothing is written");
}

#[test]
fn nothing_recorded_is_no_proof() {
    let scene = Scene::new("run");
    let b = writer(&scene.desk, "b");
    let ended = scene.swap(&b).option("require", "equal").ends(5);
    assert!(
        ended.stderr.contains("E190") && ended.stdout.contains("0 recorded cells"),
        "{}",
        ended.stdout
    );
    assert_eq!(scene.writes(), "a");
}

/// How often the agent is swapped while runs follow each other without a pause.
const SWAPS: usize = 50;

#[test]
fn fifty_swaps_under_load_lose_fail_and_repeat_nothing() {
    let scene = Scene::new("step");
    let versions: Vec<_> = ["b", "c", "d"].iter().map(|name| writer(&scene.desk, name)).collect();
    let items: Vec<_> = (0..40).map(|item| format!("\"{item}\"")).collect();
    let fan = format!(
        "[axes]\nitem = [{}]\n[step.one]\nagent = \"writer\"\nover = [\"item\"]\ninput = {{}}\nconcurrency = 4\n[output]\none = \"${{one}}\"\n",
        items.join(", ")
    );
    scene.desk.file("project/pipelines/fan.toml", &fan);
    let _host = scene.serve();
    let over = AtomicBool::new(false);
    let runs = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut runs = Vec::new();
            while !over.load(Ordering::Relaxed) {
                runs.push(scene.submit("fan"));
            }
            runs
        });
        for (number, version) in (0..SWAPS).zip(versions.iter().cycle()) {
            let said = scene.at(&["swap", "writer"]).word(version).ends(0).stdout;
            assert!(said.contains("committed"), "{number}: {said}");
        }
        over.store(true, Ordering::Relaxed);
        load.join().unwrap()
    });
    until("all are done", || runs.iter().all(|run| scene.state(run) == "done"));
    let (mut attempts, mut mixed) = (0, 0);
    for run in &runs {
        let journal = Journal::of(&scene.desk, run);
        journal.did_nothing_twice();
        assert_eq!(journal.count("AttemptFailed"), 0, "{run}");
        assert_eq!(journal.count("CellStarted"), 40, "{run}: nothing is repeated");
        assert_eq!(journal.count("CellFinished"), 40, "{run}: nothing is lost");
        attempts += 40;
        let mut components: Vec<_> =
            journal.named("CellStarted").map(|fact| fact["component"].to_string()).collect();
        components.sort();
        components.dedup();
        mixed += usize::from(components.len() > 1);
    }
    assert_eq!(scene.host_facts("SwapCommitted").len(), SWAPS);
    assert!(mixed > 0, "no run of {} met a swap ({attempts} attempts)", runs.len());
    let last = runs.last().unwrap();
    scene.at(&["replay", last]).ends(0);
    scene.verified();
}
