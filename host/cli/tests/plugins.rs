//! Components that publishers ship and operators take in: packed, admitted, pinned, updated, refused; each refusal with its own sentence and nothing changed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::guest::Guest;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::served::Served;
use end_to_end::shelf::{Key, pack, ship, signature};
use end_to_end::{Desk, Ended, folder, until};

const LOCK: &str = "bailiwick.lock";
const PIPELINE: &str =
    "[step.greet]\nagent = \"greeter\"\ninput = {}\n[output]\ntext = \"${greet}\"\n";
const PUBLIC: &str = "labels = { unlabelled = \"public\" }\n";

/// An agent that answers a text and wants what it is said to want.
fn greeter(version: &'static str, wants: &'static str) -> Guest {
    let extra = "(data (i32.const 4096) \"\\\"hi\\\"\")".to_owned();
    let perform = "(return (call $ok (i32.const 4096) (i32.const 4)))";
    Guest { version, wants, extra, ..Guest::new("greeter", perform) }
}

/// A project without agents, a publisher `acme` with a key, and its component on a shelf.
struct Scene {
    desk: Desk,
    project: Project,
    key: Key,
    component: PathBuf,
    policy: PathBuf,
}

impl Scene {
    fn new() -> Self {
        Self::with(&greeter("1.0.0", ""))
    }

    fn with(guest: &Guest) -> Self {
        let desk = Desk::new();
        let project =
            Project::of(&desk, &[(OPERATORS, "# ours\n"), ("pipelines/main.toml", PIPELINE)]);
        let key = Key::new(&desk, "acme");
        let component = ship(&desk, guest, "acme", &key);
        let scene = Self { policy: desk.path("policy/policy.toml"), desk, project, key, component };
        scene.admit(&scene.key.line, "");
        scene
    }

    /// A policy that admits `acme` with these keys, and what else it says.
    fn admit(&self, keys: &str, more: &str) {
        let uid = rustix::process::getuid().as_raw();
        let text = format!(
            "{PUBLIC}{more}\n[people.me]\nuid = {uid}\ngroups = []\nmay = [\"submit\"]\n[publishers.acme]\nkeys = [{{ {keys} }}]\n[ceiling.\"acme/*\"]\n"
        );
        self.desk.file("policy/policy.toml", &text);
    }

    fn call(&self, words: &[&str], code: i32) -> Ended {
        let call = self.desk.bailiwick(words).option("project", self.project.path());
        call.option("policy", &self.policy).ends(code)
    }

    fn add(&self, code: i32) -> Ended {
        self.call(&["add", self.component.to_str().unwrap()], code)
    }

    fn runs(&self, code: i32) -> Ended {
        let call = self.desk.run(self.project.path()).option("policy", &self.policy);
        call.ends(code)
    }

    /// A newer or older one lies on the shelf.
    fn ships(&self, guest: &Guest) {
        ship(&self.desk, guest, "acme", &self.key);
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.project.path().join(name)).unwrap_or_default()
    }

    /// The files of the project, but for what runs leave.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let all = folder::files(self.project.path()).into_iter();
        all.filter(|(name, _)| !name.starts_with(".bailiwick/")).collect()
    }

    /// A call that is refused with these words, and leaves every file as it was.
    #[track_caller]
    fn refused(&self, words: &[&str], code: &str, says: &str) -> String {
        let before = self.files();
        let said = self.call(words, 2).stderr;
        assert!(said.contains(code) && said.contains(says), "wanted {code} {says:?}:\n{said}");
        assert!(self.files() == before, "something was changed");
        said
    }

    /// The same of what is in the project: by `check`, and by `run`.
    #[track_caller]
    fn not_loaded(&self, code: &str, says: &str) {
        self.refused(&["check"], code, says);
        let said = self.runs(2).stderr;
        assert!(said.contains(code) && said.contains(says), "{said}");
    }
}

#[test]
fn a_packed_component_is_admitted_under_its_publishers_name() {
    let wants = "http = { hosts = [\"api.example.com\"], reason = \"current prices\\u001b\" }\nmodel = { use = [\"writer\"], reason = \"writes the copy\" }";
    let scene = Scene::with(&greeter("1.0.0", wants));
    let added = scene.add(0);
    for words in [
        "acme/greeter 1.0.0\n",
        &format!("signed by acme, with key {} on 20", scene.key.id),
        "wants     http api.example.com, model writer, which grants nothing",
    ] {
        assert!(added.stdout.contains(words), "{words}: {}", added.stdout);
    }
    let text = scene.file(OPERATORS);
    let (ours, stub) = text.split_once("\n[agents.greeter]\n").unwrap();
    assert_eq!(ours, "# ours\n");
    for line in [
        "# grants.model = { use = [\"writer\"] }\n",
        "#   http: current prices\\u{1b}\n",
        "#   model: writes the copy\n",
    ] {
        assert!(stub.contains(line), "{line}: {stub}");
    }
    assert!(stub.ends_with(&format!("component = {:?}\n", scene.component)), "{stub}");
    let lock = scene.file(LOCK);
    for line in
        ["publisher = \"acme\"", "version = \"1.0.0\"", &format!("key = \"{}\"", scene.key.id)]
    {
        assert!(lock.contains(line), "{line}: {lock}");
    }

    let before = scene.files();
    let again = scene.add(0);
    assert!(again.stderr.contains("nothing was changed"), "{}", again.stderr);
    assert!(scene.files() == before);

    // Only what `acme` signed has a ceiling here.
    let checked = scene.call(&["check"], 0).stdout;
    assert!(checked.contains("agent greeter: acme/greeter 1.0.0"), "{checked}");
    assert!(checked.contains("pinned in bailiwick.lock"), "{checked}");
    assert_eq!(scene.runs(0).json()["text"], "hi");
    // Nothing is outdated.
    let outdated = scene.call(&["outdated", "--json"], 0).lines();
    assert_eq!(outdated[0]["standing"], "current");
}

/// The ordinary tool, where this machine has it: what we sign it verifies, with the statement,
/// and what it signs under a statement we take.
#[test]
fn the_ordinary_tool_verifies_what_is_packed() {
    if Command::new("minisign").arg("-v").output().is_err() {
        eprintln!("no minisign here: nothing is shown");
        return;
    }
    let scene = Scene::new();
    let verify = || {
        let mut tool = Command::new("minisign");
        tool.arg("-Vm").arg(&scene.component).arg("-p").arg(&scene.key.public);
        tool.output().unwrap()
    };
    let verified = verify();
    let said = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.success(), "{said}");
    assert!(said.contains("bailiwick component 1: acme/greeter 1.0.0, blake3:"), "{said}");
    let text = std::fs::read_to_string(signature(&scene.component)).unwrap();
    std::fs::write(signature(&scene.component), text.replace("acme/greeter", "acme/teller"))
        .unwrap();
    assert!(!verify().status.success(), "the statement is signed, too");

    // Signed by the tool itself, without password, under the same statement.
    let statement = text.lines().nth(2).unwrap().strip_prefix("trusted comment: ").unwrap();
    let (public, secret) = (scene.desk.path("tool.pub"), scene.desk.path("tool.key"));
    let tool = |words: &[&str], paths: &[(&str, &Path)]| {
        let mut tool = Command::new("minisign");
        tool.args(words);
        paths.iter().for_each(|(flag, path)| _ = tool.arg(flag).arg(path));
        let ended = tool.output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    tool(&["-G", "-W"], &[("-p", &public), ("-s", &secret)]);
    std::fs::remove_file(signature(&scene.component)).unwrap();
    tool(&["-S", "-t", statement], &[("-s", &secret), ("-m", &scene.component)]);
    let key = std::fs::read_to_string(public).unwrap();
    scene.admit(&format!("key = {:?}", key.lines().nth(1).unwrap()), "");
    scene.add(0);
    // And its keys sign here.
    pack(&scene.desk, &scene.component, "acme", &Key { secret, ..Key::new(&scene.desk, "other") });
    scene.call(&["check"], 0);
}

#[test]
fn one_bit_changed_against_the_lock_is_refused() {
    let scene = Scene::new();
    scene.add(0);
    let mut bytes = std::fs::read(&scene.component).unwrap();
    // In what it says of itself, so that it is a component still.
    let summary = b"An agent of the tests.";
    let at = bytes.windows(summary.len()).rposition(|window| window == summary).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&scene.component, bytes).unwrap();
    scene.not_loaded("E176", "is not what `greeter` means: bailiwick.lock says 1.0.0 blake3:");
    // Who would take it all the same is told that nobody signed it.
    scene.refused(&["update", "greeter"], "E177", "its signature is not of these bytes");
}

#[test]
fn another_key_than_the_one_of_the_lock_is_refused() {
    let scene = Scene::new();
    scene.add(0);
    let other = Key::new(&scene.desk, "second");
    pack(&scene.desk, &scene.component, "acme", &other);
    scene.not_loaded("E177", "which is none of the keys of acme");
    // A second key of the same publisher: admitted, and still not what was taken.
    scene.admit(&format!("{} }}, {{ {}", scene.key.line, other.line), "");
    scene.not_loaded(
        "E176",
        &format!("signed with another key, {}, and `greeter` was taken", other.id),
    );
    scene.call(&["update", "greeter"], 0);
    assert!(scene.file(LOCK).contains(&other.id));
    scene.runs(0);
    // And without any signature.
    std::fs::remove_file(signature(&scene.component)).unwrap();
    scene.not_loaded("E176", "is not signed, and `greeter` was taken as signed by acme");
    let said = scene.call(&["check"], 2).stderr;
    assert!(said.contains("bailiwick update greeter --accept"), "{said}");
}

#[test]
fn a_key_signs_for_its_own_publisher_alone() {
    let scene = Scene::new();
    let globex = Key::new(&scene.desk, "globex");
    let line = &globex.line;
    let more = format!("[publishers.globex]\nkeys = [{{ {line} }}]\n[ceiling.\"globex/*\"]\n");
    scene.admit(&scene.key.line, &more);
    pack(&scene.desk, &scene.component, "acme", &globex);
    let source = scene.component.to_str().unwrap();
    scene.refused(
        &["add", source],
        "E177",
        "is a key of globex: globex signs globex/… and nothing else",
    );
    // Under its own name it may.
    pack(&scene.desk, &scene.component, "globex", &globex);
    scene.add(0);
    let checked = scene.call(&["check"], 0).stdout;
    assert!(checked.contains("agent greeter: globex/greeter"), "{checked}");
}

#[test]
fn a_publisher_that_is_not_admitted_leaves_nothing_behind() {
    let scene = Scene::new();
    let source = scene.component.to_str().unwrap().to_owned();
    std::fs::write(&scene.policy, format!("{PUBLIC}[ceiling.\"acme/*\"]\n")).unwrap();
    let said = scene.refused(&["add", &source], "E178", "policy.toml admits no publisher acme");
    assert!(said.contains(&format!("with the key of id {}", scene.key.id)), "{said}");
    assert!(!scene.project.path().join(LOCK).exists());
    // What is signed by nobody is taken from nowhere, once publishers are named.
    scene.admit(&scene.key.line, "");
    std::fs::remove_file(signature(&scene.component)).unwrap();
    scene.refused(&["add", &source], "E115", "is unsigned, and policy admits what is signed alone");
    let shelf = scene.desk.path("shelf");
    let roots = format!("sources = {{ roots = [{shelf:?}] }}\n[ceiling.\"local/*\"]\n");
    scene.admit(&scene.key.line, &roots);
    scene.add(0);
    let checked = scene.call(&["check"], 0).stdout;
    assert!(checked.contains("agent greeter: local/greeter"), "{checked}");
}

#[test]
fn a_key_that_is_not_of_its_days_is_refused() {
    let scene = Scene::new();
    let source = scene.component.to_str().unwrap();
    for (days, says) in [
        ("from = \"2999-01-01\"", "counts from 2999-01-01 on, and this was signed on 20"),
        ("until = \"2001-01-01\"", "counted until 2001-01-01, and this was signed on 20"),
    ] {
        scene.admit(&format!("{}, {days}", scene.key.line), "");
        scene.refused(&["add", source], "E177", says);
    }
    scene.admit(&format!("{}, from = \"2001-01-01\", until = \"2999-01-01\"", scene.key.line), "");
    scene.add(0);
    scene.admit(&format!("{}, until = \"2001-01-01\"", scene.key.line), "");
    scene.not_loaded("E177", "counted until 2001-01-01");
}

#[test]
fn what_is_revoked_is_not_loaded() {
    let scene = Scene::new();
    scene.add(0);
    let revoke = |what: &str| scene.admit(&scene.key.line, &format!("[revoked]\n{what}\n"));
    revoke(&format!("keys = [{:?}]", scene.key.id));
    scene.not_loaded("E179", &format!("key {}, which signed it, is revoked", scene.key.id));
    let digest = blake3::hash(&std::fs::read(&scene.component).unwrap()).to_hex();
    revoke(&format!("digests = [\"blake3:{digest}\"]"));
    scene.not_loaded("E179", &format!("the component blake3:{digest} is revoked"));
    revoke("");
    scene.runs(0);
}

#[test]
fn a_version_that_asks_for_more_is_taken_on_purpose_only() {
    let scene = Scene::new();
    scene.add(0);
    let wants = "http = { hosts = [\"api.example.com\"], reason = \"prices\" }";
    scene.ships(&greeter("1.1.0", wants));
    scene.not_loaded("E176", "is not what `greeter` means");
    let said = scene.refused(
        &["update", "greeter"],
        "E180",
        "1.1.0 asks for more than `greeter` 1.0.0 did: http api.example.com",
    );
    assert!(said.contains("--accept"), "{said}");
    scene.call(&["update", "greeter", "--accept"], 0);
    let lock = scene.file(LOCK);
    assert!(lock.contains("accepted = [\"http api.example.com, 20"), "{lock}");
    assert!(lock.contains("uid:"), "{lock}");
    // It grants nothing.
    assert!(!scene.file(OPERATORS).contains("http"));
    scene.runs(0);
    // By somebody else is more, too.
    let globex = Key::new(&scene.desk, "globex");
    scene.admit(
        &scene.key.line,
        &format!("[publishers.globex]\nkeys = [{{ {} }}]\n[ceiling.\"globex/*\"]\n", globex.line),
    );
    ship(&scene.desk, &greeter("1.2.0", wants), "globex", &globex);
    scene.refused(&["update", "greeter"], "E180", "that it is signed by globex and not by acme");
}

/// The lock would know its version for good.
#[test]
fn what_is_not_what_its_file_says_comes_in_nowhere() {
    let scene = Scene::new();
    let lying = scene.desk.path("lying.wasm");
    let mut bytes = std::fs::read(&scene.component).unwrap();
    let version = b"\"1.0.0\"";
    let at = bytes.windows(version.len()).rposition(|window| window == version).unwrap();
    bytes[at + 1] = b'9';
    std::fs::write(&lying, bytes).unwrap();
    pack(&scene.desk, &lying, "acme", &scene.key);
    let says = "its file says greeter 9.0.0, the agent says greeter 1.0.0";
    let lying = lying.to_str().unwrap();
    let said = scene.refused(&["add", lying], "E113", says);
    assert!(said.contains("nothing was changed"), "{said}");
    scene.add(0);
    scene.refused(&["update", "greeter", "--to", lying], "E113", says);
    scene.runs(0);
}

/// Taking the `#` away is all that it takes.
#[test]
fn the_lines_that_are_offered_grant_what_is_asked_for_and_are_taken() {
    let wants = "artifacts = { put = \"64 KiB\", reason = \"pictures\" }\nkv = { write = true, reason = \"notes\" }";
    let scene = Scene::with(&greeter("1.0.0", wants));
    let more = "[ceiling.\"local/*\"]\n";
    scene.admit(&scene.key.line, more);
    scene.add(0);
    let text = scene.file(OPERATORS);
    assert!(text.contains("# grants.artifacts = { put = \"64 KiB\" }"), "{text}");
    let line = "grants.kv = { namespace = \"greeter\" }";
    assert!(text.contains(&format!("# {line}")), "{text}");
    assert!(text.contains("a table [kv.greeter] with writers = [\"greeter\"]"), "{text}");
    let granted = text.replace("# grants.", "grants.");
    let namespace = "\n[kv.greeter]\nwriters = [\"greeter\"]\nquota = \"1 MiB\"\n";
    std::fs::write(scene.project.path().join(OPERATORS), format!("{granted}{namespace}")).unwrap();
    let said = scene.call(&["check"], 2).stderr;
    // What is left is the ceiling's word alone.
    assert!(said.contains("E072") && !said.contains("E006"), "{said}");
}

#[test]
fn a_lower_version_is_taken_on_purpose_only_and_never_forgotten() {
    let scene = Scene::with(&greeter("1.10.0", ""));
    scene.add(0);
    scene.ships(&greeter("1.9.0", ""));
    let outdated = scene.call(&["outdated"], 1).stdout;
    assert!(outdated.contains("1.10.0, and there is 1.9.0"), "{outdated}");
    scene.refused(&["update", "greeter"], "E181", "is version 1.9.0, and `greeter` has had 1.10.0");
    // To remove it and to add it again is no way around.
    scene.call(&["remove", "greeter"], 0);
    assert_eq!(scene.file(OPERATORS), "# ours\n");
    let source = scene.component.to_str().unwrap();
    scene.refused(&["add", source], "E181", "has had 1.10.0");
    scene.call(&["add", source, "--downgrade"], 0);
    let lock = scene.file(LOCK);
    assert!(lock.contains("downgrades = [\"1.10.0 to 1.9.0, 20"), "{lock}");
    assert!(lock.contains("highest = \"1.10.0\""), "{lock}");
    scene.runs(0);
    scene.ships(&greeter("1.10.1", ""));
    scene.call(&["update"], 0);
    assert!(scene.file(LOCK).contains("highest = \"1.10.1\""));
    // Nor is a folder that is built here, in between or added anew.
    let wants = "http = { hosts = [\"api.example.com\"], reason = \"prices\" }";
    let built = greeter("0.1.0", wants).build(&scene.desk);
    let built = built.to_str().unwrap();
    let roots = format!("sources = {{ roots = [{built:?}] }}\n[ceiling.\"local/*\"]\n");
    scene.admit(&scene.key.line, &roots);
    scene.call(&["update", "greeter", "--to", built], 0);
    scene.ships(&greeter("1.9.0", ""));
    let back = ["update", "greeter", "--to", source];
    scene.refused(&back, "E181", "is version 1.9.0, and `greeter` has had 1.10.1");
    scene.call(&["remove", "greeter"], 0);
    scene.call(&["add", built], 0);
    scene.refused(&back, "E181", "has had 1.10.1");
    scene.ships(&greeter("1.11.0", wants));
    scene.refused(&back, "E180", "asks for more than `greeter` 1.10.1 did: http api.example.com");
    // Nor is another source by hand, and a change of something else.
    let by_hand = scene.file(OPERATORS).replace("component = ", "component = \"other.wasm\" #");
    std::fs::write(scene.project.path().join(OPERATORS), by_hand).unwrap();
    scene.call(&["add", built, "--name", "second"], 0);
    scene.refused(&back, "E180", "asks for more");
}

#[test]
fn a_name_means_one_component_and_can_be_given_another() {
    let scene = Scene::new();
    scene.add(0);
    let other =
        ship(&scene.desk, &Guest { name: "teller", ..greeter("2.0.0", "") }, "acme", &scene.key);
    let other = other.to_str().unwrap();
    scene.refused(
        &["add", other, "--name", "greeter"],
        "E183",
        "there is an agent `greeter` already",
    );
    // The hint can be typed where the first command was.
    let call = scene.desk.bailiwick(["add", "teller.wasm", "--name", "greeter"]);
    let call = call.option("project", scene.project.path()).option("policy", &scene.policy);
    let said = call.from(&scene.desk.path("shelf")).ends(2).stderr;
    assert!(said.contains("`bailiwick update greeter --to teller.wasm`"), "{said}");
    // Its publisher signed it, and as something else than what was granted powers here.
    let to = ["update", "greeter", "--to", other];
    scene.refused(&to, "E180", "that it is acme/teller and not acme/greeter; nothing was changed");
    scene.call(&[&to[..], &["--accept"]].concat(), 0);
    let lock = scene.file(LOCK);
    assert!(lock.contains("teller.wasm") && !lock.contains("greeter.wasm"), "{lock}");
    assert!(lock.contains("identity = \"acme/teller\""), "{lock}");
    assert!(
        lock.contains("accepted = [\"that it is acme/teller and not acme/greeter, 20"),
        "{lock}"
    );
    assert!(scene.file(OPERATORS).contains(&format!("component = {other:?}\n")));
    scene.runs(0);
    scene.refused(&["update", "nobody"], "E183", "bailiwick.toml has no agent `nobody`");
    scene.refused(&["remove", "nobody"], "E183", "bailiwick.toml has no agent `nobody`");
    scene.refused(&["add", "oci://registry.example/x@1.0.0"], "E184", "names no component");
    scene.refused(&["add", "nowhere.wasm"], "E102", "nowhere.wasm");
}

/// A developer's own folder: built, run, built again, without a word about locks.
#[test]
fn a_folder_is_built_here_and_nothing_pins_it() {
    let desk = Desk::new();
    let project = Project::of(&desk, &[(OPERATORS, ""), ("pipelines/main.toml", PIPELINE)]);
    let folder = greeter("1.0.0", "").build(&desk);
    let call = |words: &[&str]| desk.bailiwick(words).option("project", project.path());
    call(&["add", folder.to_str().unwrap()]).ends(0);
    assert!(!project.path().join(LOCK).exists());
    desk.run(project.path()).ends(0);
    greeter("0.9.0", "").build(&desk);
    desk.run(project.path()).ends(0);
    let listed = call(&["outdated", "--json"]).ends(0).lines();
    assert_eq!(listed[0]["standing"], "built");
    // What he packs there is for others: it changes nothing for him.
    let key = Key::new(&desk, "me");
    pack(&desk, &folder, "me", &key);
    let checked = call(&["check"]).ends(0).stdout;
    assert!(checked.contains("agent greeter: local/greeter 0.9.0"), "{checked}");
}

#[test]
fn who_packs_is_told_what_is_missing() {
    let desk = Desk::new();
    let folder = greeter("1.0.0", "").build(&desk);
    let key = Key::new(&desk, "me");
    let packs = |key: &Path| desk.bailiwick(["pack"]).word(&folder).option("key", key);
    let said = packs(&key.secret).ends(2).stderr;
    assert!(said.contains("E182") && said.contains("nobody says who publishes"), "{said}");
    let manifest = folder.join("agent.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, format!("{text}[pack]\npublisher = \"acme\"\n")).unwrap();
    packs(&key.secret).ends(0);
    for (key, says) in [
        (desk.path("none.key"), "No such file"),
        (key.public.clone(), "which signs nothing"),
        (desk.file("empty.key", ""), "others may read it"),
    ] {
        let said = packs(&key).ends(2).stderr;
        assert!(said.contains("E182") && said.contains(says), "{said}");
    }
    let said = packs(&key.secret).option("publisher", "local").ends(2).stderr;
    assert!(said.contains("\"local\" cannot be a publisher"), "{said}");
    // A password is asked for on a terminal, and there is none here.
    let secret = desk.path("with.key");
    let said = desk.bailiwick(["keygen"]).word(&secret).ends(1).stderr;
    assert!(said.contains("no terminal to ask for it") && !secret.exists(), "{said}");
    let guest = greeter("one", "").build(&desk);
    let said = desk.bailiwick(["pack"]).word(guest).option("key", &key.secret);
    let said = said.option("publisher", "acme").ends(2).stderr;
    assert!(said.contains("its version is \"one\""), "{said}");
}

/// On a full disk, as far as a test can have one: files of this process may have no bytes.
#[test]
fn half_a_key_is_not_left_behind() {
    let desk = Desk::new();
    let secret = desk.path("me.key");
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]);
    shell.args([env!("CARGO_BIN_EXE_bailiwick"), "keygen", "--no-password"]).arg(&secret);
    let ended = shell.output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && said.contains("File too large"), "{said}");
    assert!(!secret.exists());
    desk.bailiwick(["keygen", "--no-password"]).word(&secret).ends(0);
}

/// A run that was let go goes on under the publisher's name that it began with.
#[test]
fn a_run_keeps_the_signature_of_its_components() {
    let scene = Scene::new();
    scene.add(0);
    let call = scene.desk.run(scene.project.path()).option("policy", &scene.policy);
    call.option("run-id", "r").option("inject", "crash-after=CellStarted:1").dies();
    std::fs::remove_file(signature(&scene.component)).unwrap();
    std::fs::write(&scene.component, "gone").unwrap();
    let resumes = |code| {
        let call = scene.desk.bailiwick(["resume", "r"]).option("data", scene.desk.data());
        let call = call.option("project", scene.project.path());
        call.option("policy", &scene.policy).ends(code)
    };
    scene.admit(&scene.key.line, &format!("[revoked]\nkeys = [{:?}]\n", scene.key.id));
    let said = resumes(2).stderr;
    assert!(said.contains("E179") && said.contains("is revoked"), "{said}");
    scene.admit(&scene.key.line, "");
    assert_eq!(resumes(0).json()["text"], "hi");
}

/// A host that serves goes by the lock as it is: what is submitted after an update runs what
/// was taken, whether that lies in the place of the old one or elsewhere.
#[test]
fn what_is_updated_beside_a_host_that_serves_runs_there_next() {
    let scene = Scene::new();
    scene.add(0);
    // Another one of the same publisher, in another place.
    std::fs::create_dir(scene.project.path().join("newer")).unwrap();
    let at_host = |words: &[&str]| {
        let call = scene.desk.bailiwick(words).option("data", scene.desk.data());
        call.ends_with_one_of(&[0, 1, 2])
    };
    let call = scene.desk.bailiwick(["serve"]).option("project", scene.project.path());
    let _served =
        Served::by(call.option("data", scene.desk.data()).option("policy", &scene.policy));
    // What the host answers next: an edit is in force within a tenth of a second.
    let answers = |wanted: &str| {
        until(&format!("it answers {wanted}"), || {
            let run = at_host(&["submit"]).stdout.trim().to_owned();
            let state = || {
                let listed = at_host(&["runs", "--json"]).lines();
                let found = listed.iter().find(|one| one["run"] == run.as_str());
                found.map_or(String::new(), |one| one["state"].as_str().unwrap().to_owned())
            };
            // One that never began is in no list.
            let ended = (0..200).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                state() == "done"
            });
            ended && scene.desk.shown(&run)["output"]["text"] == wanted
        });
    };
    answers("hi");

    let says = |version, word: &str| {
        let extra = format!("(data (i32.const 4096) \"\\\"{word}\\\"\")");
        Guest { extra, ..greeter(version, "") }
    };
    scene.ships(&says("1.1.0", "ho"));
    scene.call(&["update", "greeter"], 0);
    answers("ho");

    scene.ships(&says("1.2.0", "he"));
    let to = scene.project.path().join("newer/greeter.wasm");
    std::fs::copy(&scene.component, &to).unwrap();
    std::fs::copy(signature(&scene.component), signature(&to)).unwrap();
    scene.call(&["update", "greeter", "--to", to.to_str().unwrap()], 0);
    answers("he");
    let export = scene.desk.bailiwick(["audit", "export"]).option("data", scene.desk.data());
    let stream = export.ends(0).stdout;
    assert!(stream.contains("bailiwick.lock"), "and it is written down: {stream}");
}

/// A locked host reads what its files pointed at when it was started; the way out is said.
#[test]
fn a_component_that_a_locked_host_may_not_read_takes_a_restart_and_that_is_said() {
    let scene = Scene::new();
    scene.add(0);
    let call = scene.desk.bailiwick(["serve"]).option("project", scene.project.path());
    let call = call.option("data", scene.desk.data()).option("policy", &scene.policy);
    let mut host = call.starts();
    let said = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let (stderr, all) = (host.stderr.take().unwrap(), std::sync::Arc::clone(&said));
    std::thread::spawn(move || {
        use std::io::BufRead as _;
        for line in std::io::BufReader::new(stderr).lines().map_while(Result::ok) {
            all.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
    let has = |words: &str| said.lock().unwrap().contains(words);
    until("it serves", || has("serving "));
    scene.ships(&greeter("1.1.0", ""));
    let elsewhere = scene.desk.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let to = elsewhere.join("greeter.wasm");
    std::fs::copy(&scene.component, &to).unwrap();
    std::fs::copy(signature(&scene.component), signature(&to)).unwrap();
    scene.call(&["update", "greeter", "--to", to.to_str().unwrap()], 0);
    match has("landlock: files") {
        true => until("it says so", || has("reads only what its files named when it was started")),
        // A kernel without that wall reads it.
        false => until("it is in force", || has("bailiwick.toml was changed and is in force")),
    }
    host.kill().unwrap();
    host.wait().unwrap();
}
