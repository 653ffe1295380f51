//! `bailiwick swap` of signed components: each that is refused has its own sentence and changes nothing; the highest version that ever served is remembered.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::path::{Path, PathBuf};

use end_to_end::guest::Guest;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::shelf::{Key, pack, signature};
use end_to_end::{Call, Desk};
use serde_json::{Value, json};

const ONE: &str = "[step.one]\nagent = \"writer\"\ninput = {}\n\n[output]\none = \"${one}\"\n";

/// A project whose agent `writer` is version 1.1.0 as `acme` signed it.
struct Scene {
    desk: Desk,
    project: Project,
    policy: PathBuf,
    acme: Key,
    own: PathBuf,
}

/// A version of the agent that says this, unsigned.
fn writer(desk: &Desk, (version, says): (&'static str, &str), wants: &'static str) -> PathBuf {
    let answer = json!({ "by": says }).to_string();
    let perform = format!("(return (call $ok (i32.const 4096) (i32.const {})))", answer.len());
    let extra = format!("(data (i32.const 4096) {answer:?})");
    let guest = Guest { version, wants, extra, ..Guest::new("writer", &perform) };
    let folder = guest.build_in(desk, &format!("writer-{says}"));
    let kept = desk.path(&format!("{says}.wasm"));
    std::fs::copy(folder.join("dist/writer.wasm"), &kept).unwrap();
    kept
}

/// The same, signed.
fn signed(desk: &Desk, version: (&'static str, &str), (publisher, key): (&str, &Key)) -> PathBuf {
    let component = writer(desk, version, "");
    pack(desk, &component, publisher, key);
    component
}

impl Scene {
    fn new() -> Self {
        let desk = Desk::new();
        let acme = Key::new(&desk, "acme");
        let own = signed(&desk, ("1.1.0", "own"), ("acme", &acme));
        let operators = format!("[agents.writer]\ncomponent = {own:?}\n");
        let files = [(OPERATORS, operators.as_str()), ("pipelines/one.toml", ONE)];
        let project = Project::of(&desk, &files);
        let scene = Self { policy: desk.path("policy/policy.toml"), desk, project, acme, own };
        scene.admit(&scene.acme.line, "");
        scene
    }

    /// A policy that admits `acme` with these keys, and what else it says.
    fn admit(&self, keys: &str, more: &str) {
        let uid = rustix::process::getuid().as_raw();
        let text = format!(
            "labels = {{ unlabelled = \"public\" }}\n{more}\n[people.me]\nuid = {uid}\ngroups = []\nmay = [\"submit\", \"swap\"]\n[publishers.acme]\nkeys = [{{ {keys} }}]\n[ceiling.\"acme/*\"]\n[ceiling.\"globex/*\"]\n"
        );
        self.desk.file("policy/policy.toml", &text);
    }

    fn signed(&self, version: &'static str, says: &str) -> PathBuf {
        signed(&self.desk, (version, says), ("acme", &self.acme))
    }

    fn call(&self, words: &[&str]) -> Call {
        let call = self.desk.bailiwick(words).option("project", self.project.path());
        call.option("data", self.desk.data()).option("policy", &self.policy)
    }

    fn swap(&self, to: &Path) -> Call {
        self.call(&["swap", "writer"]).word(to)
    }

    fn writes(&self) -> String {
        let output = self.call(&["run", "one"]).ends(0).json();
        output["one"]["by"].as_str().unwrap().to_owned()
    }

    fn commits(&self) -> Vec<Value> {
        let export = self.desk.bailiwick(["audit", "export"]).option("data", self.desk.data());
        let lines = export.ends(0).lines();
        let facts = lines.iter().filter(|line| line["stream"] == "host");
        let facts = facts.flat_map(|line| match line["facts"].as_str() {
            Some(text) => serde_json::from_str::<Vec<Value>>(text).unwrap(),
            None => line["facts"].as_array().unwrap().clone(),
        });
        facts.filter(|fact| fact["fact"] == "SwapCommitted").collect()
    }

    /// A swap that is refused with these words, and leaves what serves as it was.
    #[track_caller]
    fn refused(&self, to: &Path, code: &str, says: &str) {
        let before = self.commits();
        let ended = self.swap(to).ends(2);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains(code) && said.contains(says), "wanted {code} {says:?}:\n{said}");
        assert_eq!(self.commits(), before, "{code}: something was changed");
    }

    #[track_caller]
    fn taken(&self, to: &Path) {
        self.swap(to).ends(0);
    }
}

/// One line for each way in which somebody else's component could come in.
#[test]
fn each_signature_that_does_not_hold_has_its_sentence_and_changes_nothing() {
    let scene = Scene::new();
    assert_eq!(scene.writes(), "own");
    let (other, globex) = (Key::new(&scene.desk, "other"), Key::new(&scene.desk, "globex"));
    let by = |says, publisher, key| signed(&scene.desk, ("1.2.0", says), (publisher, key));

    // One bit of what was signed, in what it says of itself.
    let changed = scene.signed("1.2.0", "changed");
    let mut bytes = std::fs::read(&changed).unwrap();
    let summary = b"An agent of the tests.";
    let at = bytes.windows(summary.len()).rposition(|window| window == summary).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&changed, bytes).unwrap();
    scene.refused(&changed, "E177", "its signature is not of these bytes");
    // A signature of another component.
    let lent = scene.signed("1.2.0", "lent");
    std::fs::copy(signature(&scene.own), signature(&lent)).unwrap();
    scene.refused(&lent, "E177", "its signature is not of these bytes");

    let second = by("second", "acme", &other);
    scene.refused(&second, "E177", "which is none of the keys of acme");
    let stranger = by("stranger", "globex", &globex);
    scene.refused(&stranger, "E178", "policy.toml admits no publisher globex");
    let admits = format!("[publishers.globex]\nkeys = [{{ {} }}]", globex.line);
    scene.admit(&scene.acme.line, &admits);
    let usurped = by("usurped", "acme", &globex);
    scene.refused(&usurped, "E177", "is a key of globex: globex signs globex/… and nothing else");
    // Under its own name it is somebody else's.
    scene.refused(&stranger, "E189", "! identity: acme/writer -> globex/writer");
    let bare = writer(&scene.desk, ("1.2.0", "bare"), "");
    scene.refused(&bare, "E115", "is not signed, and lies in no folder");

    let newer = scene.signed("1.2.0", "newer");
    scene.admit(&format!("{}, until = \"2001-01-01\"", scene.acme.line), "");
    scene.refused(&newer, "E177", "counted until 2001-01-01");
    let revoked = format!("[revoked]\nkeys = [{:?}]", scene.acme.id);
    scene.admit(&scene.acme.line, &revoked);
    scene.refused(&newer, "E179", &format!("key {}, which signed it, is revoked", scene.acme.id));
    let digest = blake3::hash(&std::fs::read(&newer).unwrap()).to_hex();
    scene.admit(&scene.acme.line, &format!("[revoked]\ndigests = [\"blake3:{digest}\"]"));
    scene.refused(&newer, "E179", &format!("the component blake3:{digest} is revoked"));
    assert_eq!(scene.writes(), "own");
    // And then it is nobody's fault.
    scene.admit(&scene.acme.line, "");
    scene.taken(&newer);
    assert_eq!(scene.writes(), "newer");
}

#[test]
fn what_asks_for_more_is_swapped_in_on_purpose_only() {
    let scene = Scene::new();
    let wants = "http = { hosts = [\"api.example.com\"], reason = \"prices\" }";
    let grown = writer(&scene.desk, ("1.2.0", "grown"), wants);
    pack(&scene.desk, &grown, "acme", &scene.acme);
    assert_eq!(scene.writes(), "own");
    scene.refused(&grown, "E189", "! wants http: nothing -> api.example.com (prices)");
    assert_eq!(scene.writes(), "own");
    scene.swap(&grown).word("--accept").ends(0);
    assert_eq!(scene.commits()[0]["accepted"], json!(["wants http"]));
    assert_eq!(scene.writes(), "grown");
}

/// Each power that has a want, by itself.
#[test]
fn each_want_that_grows_is_taken_on_purpose_only() {
    let scene = Scene::new();
    let why = ", reason = \"prices\" }";
    let pairs = [
        (
            "kv = { write = false",
            "kv = { write = true",
            "wants kv: read (prices) -> read, write (prices)",
        ),
        (
            "artifacts = { put = \"64 KiB\"",
            "artifacts = { put = \"1 GiB\"",
            "wants artifacts: put 64 KiB (prices) -> put 1 GiB (prices)",
        ),
        (
            "model = { use = [\"a\"]",
            "model = { use = [\"a\", \"b\"]",
            "wants model: a (prices) -> a, b (prices)",
        ),
        (
            "knowledge = { use = [\"a\"]",
            "knowledge = { use = [\"b\"]",
            "wants knowledge: a (prices) -> b (prices)",
        ),
    ];
    for (index, (small, large, row)) in pairs.into_iter().enumerate() {
        let wants = |text: &str| -> &'static str { format!("{text}{why}").leak() };
        let build = |says: &str, text| {
            let path = writer(&scene.desk, ("1.2.0", says), wants(text));
            pack(&scene.desk, &path, "acme", &scene.acme);
            path
        };
        let (small, large) =
            (build(&format!("s{index}"), small), build(&format!("l{index}"), large));
        scene.swap(&small).word("--accept").ends(0);
        scene.refused(&large, "E189", &format!("! {row} (it asks for more)"));
        // Less than before asks nobody.
        scene.swap(&large).word("--accept").ends(0);
        if row.contains("kv") || row.contains("artifacts") {
            scene.taken(&small);
        }
    }
}

/// A key was revoked, and its owner has signed the same bytes with the next one.
#[test]
fn the_same_bytes_signed_anew_take_the_place_of_what_is_revoked() {
    let scene = Scene::new();
    let (second, newer) = (Key::new(&scene.desk, "second"), scene.signed("1.2.0", "newer"));
    let both = format!("{} }}, {{ {}", scene.acme.line, second.line);
    scene.admit(&both, "");
    scene.taken(&newer);
    let revoked = format!("[revoked]\nkeys = [{:?}]", scene.acme.id);
    scene.admit(&both, &revoked);
    assert!(scene.call(&["run", "one"]).ends(2).stderr.contains("E179"));
    pack(&scene.desk, &newer, "acme", &second);
    scene.taken(&newer);
    assert_eq!(scene.writes(), "newer");
    assert!(scene.swap(&newer).ends(0).stdout.contains("it serves already"));
    // A rollback goes to what served before, and not to itself.
    scene.admit(&both, "");
    scene.call(&["swap", "writer", "--rollback"]).ends(0);
    assert_eq!(scene.writes(), "own");
}

#[test]
fn the_hint_names_what_was_not_said() {
    let scene = Scene::new();
    let wants = "http = { hosts = [\"api.example.com\"], reason = \"prices\" }";
    let other = writer(&scene.desk, ("1.0.0", "other"), wants);
    pack(&scene.desk, &other, "acme", &scene.acme);
    let hint = |words: &[&str]| {
        let call = words.iter().fold(scene.swap(&other), |call, word| call.word(word));
        call.ends(2).stderr
    };
    assert!(hint(&[]).contains("says --accept --downgrade"));
    assert!(hint(&["--accept"]).contains("who wants a lower version says --downgrade"));
    assert!(hint(&["--downgrade"]).contains("who wants it all the same says --accept\n"));
}

/// What is no version can be compared with none.
#[test]
fn what_is_no_version_is_lower_than_one() {
    let scene = Scene::new();
    let other = scene.desk.path("alpha.wasm");
    let alpha = writer(&scene.desk, ("alpha", "alpha"), "");
    std::fs::rename(alpha, &other).unwrap();
    scene.admit(&scene.acme.line, "[ceiling.\"local/*\"]");
    let operators =
        format!("[agents.writer]\ncomponent = {:?}\n", writer(&scene.desk, ("1.0.0", "plain"), ""));
    scene.desk.file("project/bailiwick.toml", &operators);
    let text = std::fs::read_to_string(&scene.policy).unwrap();
    // Without publishers a swap needs no signature.
    let at = text.find("[publishers.acme]").unwrap();
    let end = text.find("[ceiling.\"acme").unwrap();
    std::fs::write(&scene.policy, format!("{}{}", &text[..at], &text[end..])).unwrap();
    assert_eq!(scene.writes(), "plain");
    scene.refused(&other, "--downgrade", "! version: 1.0.0 -> alpha (it is lower)");
}

/// What was taken on purpose is no reason to take the next one that is lower.
#[test]
fn a_version_below_the_highest_that_ever_served_is_taken_on_purpose_only() {
    let scene = Scene::new();
    let versions = [("1.3.0", "high"), ("1.0.0", "low"), ("1.2.0", "between"), ("1.0.0", "other")];
    let [high, low, between, other] = versions.map(|(version, says)| scene.signed(version, says));
    scene.taken(&high);
    scene.refused(&low, "--downgrade", "! version: 1.3.0 -> 1.0.0 (it is lower)");
    scene.swap(&low).word("--downgrade").ends(0);
    // It is higher than what serves, and lower than what has served.
    let says = "! version: 1.0.0 -> 1.2.0 (it is lower than 1.3.0, which was there)";
    scene.refused(&between, "--downgrade", says);
    let says = "! version: 1.0.0 -> 1.0.0 (it is lower than 1.3.0, which was there)";
    scene.refused(&other, "--downgrade", says);
    assert_eq!(scene.writes(), "low");
    // The rows are made anew from the stream, and know it still.
    scene.desk.bailiwick(["audit", "rebuild"]).option("data", scene.desk.data()).ends(0);
    scene.refused(&other, "--downgrade", says);
    // What serves already is none, and a rollback goes to what was taken.
    assert!(scene.swap(&low).ends(0).stdout.contains("it serves already"));
    scene.call(&["swap", "writer", "--rollback"]).ends(0);
    assert_eq!(scene.writes(), "high");
    scene.taken(&scene.signed("1.3.1", "higher"));
    let highest: Vec<_> = scene.commits().iter().map(|fact| fact["highest"].clone()).collect();
    assert_eq!(highest, ["1.3.0", "1.3.0", "1.3.0", "1.3.1"]);
    // The file that is changed since serves; what served before is not forgotten for it.
    scene.project.change(OPERATORS, "own.wasm", "other.wasm");
    assert_eq!(scene.writes(), "other");
    let says = "! version: 1.0.0 -> 1.2.0 (it is lower than 1.3.1, which was there)";
    scene.refused(&between, "--downgrade", says);
    scene.desk.bailiwick(["audit", "verify"]).option("data", scene.desk.data()).ends(0);
}

#[test]
fn the_highest_version_of_the_lock_counts_for_swaps() {
    let scene = Scene::new();
    let versions = [("1.3.0", "high"), ("1.0.0", "low"), ("1.2.0", "between")];
    let [high, low, between] = versions.map(|(version, says)| scene.signed(version, says));
    let to = |path: &Path| path.to_str().unwrap().to_owned();
    let project = |words: &[&str]| {
        let call = scene.desk.bailiwick(words).option("project", scene.project.path());
        call.option("policy", &scene.policy).ends(0)
    };
    project(&["update", "writer", "--to", &to(&high)]);
    project(&["update", "writer", "--to", &to(&low), "--downgrade"]);
    assert_eq!(scene.writes(), "low");
    let says = "! version: 1.0.0 -> 1.2.0 (it is lower than 1.3.0, which was there)";
    scene.refused(&between, "--downgrade", says);
    scene.swap(&between).word("--downgrade").ends(0);
    assert_eq!(scene.commits()[0]["highest"], "1.3.0");

    // `check` and `outdated` are about the files, and say where these do not serve.
    let checked = scene.call(&["check"]).ends(0).stdout;
    assert!(checked.contains("agent writer: acme/writer 1.0.0"), "{checked}");
    let digest = blake3::hash(&std::fs::read(&between).unwrap());
    let line = format!("  not what serves: blake3:{digest} was swapped in by me, ");
    assert!(checked.contains(&line), "{line}: {checked}");
    assert!(project(&["outdated"]).stdout.contains("1.0.0, as it was taken"));
    scene.call(&["swap", "writer", "--rollback"]).ends(0);
    let checked = scene.call(&["check"]).ends(0).stdout;
    assert!(!checked.contains("not what serves"), "{checked}");
}
