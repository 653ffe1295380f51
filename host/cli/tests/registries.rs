//! Registries, as they are typed: `push`, and `add`, `update` and `outdated` of what was pushed; what is listed and what is not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;
#[path = "../../engine/tests/registry/real.rs"]
mod real;

use std::path::{Path, PathBuf};

use end_to_end::guest::Guest;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::shelf::{Key, pack, ship};
use end_to_end::{Call, Desk, Ended, root};
use real::{ANA, Door, Real};

/// An agent that is in the repository without being built.
fn hello() -> std::path::PathBuf {
    root().join("host/engine/src/init/hello.wasm")
}

#[test]
fn a_component_is_pushed_where_policy_says_and_a_script_gets_its_digest() {
    let Some(real) = Real::start(Door::Ana) else { return };
    let (desk, host) = (Desk::new(), &real.host);
    let to = format!("oci://{host}/acme/hello:0.1.0");
    let push = || desk.bailiwick(["push"]).word(hello()).word(&to);
    // Nobody wrote a policy.
    let refused = push().ends(2).stderr;
    let line = format!("{{ at = \"{host}/acme\", scheme = \"http\", network = \"loopback\" }}");
    assert!(refused.contains("E185") && refused.contains(&line), "{refused}");
    // With the line, it is asked, and does not know who asks.
    let policy = desk.file("policy.toml", &format!("[sources]\nregistries = [{line}]\n"));
    let refused = push().option("policy", &policy).ends(1).stderr;
    assert!(refused.contains("E187") && refused.contains("credential = \"NAME\""), "{refused}");
    let line = line.replace(" }", ", credential = \"ana\" }");
    let text = format!(
        "[sources]\nregistries = [{line}]\n[credentials.ana]\nenv = \"ANA\"\n\
         origin = \"http://{host}\"\nprefix = \"Basic \"\n"
    );
    let policy = desk.file("policy.toml", &text);
    let push = || push().option("policy", &policy).env("ANA", ANA);
    let pushed = push().ends(0);
    let pinned = format!("{to}@sha256:");
    assert!(pushed.stdout.starts_with(&pinned), "{}", pushed.stdout);
    assert!(pushed.stderr.contains("not signed"), "{}", pushed.stderr);
    assert!(!pushed.stderr.contains(ANA));
    let again = push().ends(0);
    assert_eq!(again.stdout, pushed.stdout);
    assert!(again.stderr.contains("it was there already"), "{}", again.stderr);
}

#[test]
fn what_cannot_be_pushed_is_said_before_anybody_is_asked() {
    let desk = Desk::new();
    let nothing = desk.file("x.wasm", "nothing");
    let policy = desk.file("policy.toml", "sources.registries = [{ at = \"ghcr.io/acme\" }]\n");
    for (file, to, code) in [
        (hello(), "hello:1", "E184"),
        (hello(), "oci://ghcr.io/acme/hello", "E184"),
        (hello(), &format!("oci://ghcr.io/acme/hello:1@sha256:{}", "0f".repeat(32)), "E184"),
        (hello(), "oci://ghcr.io/other/hello:1", "E185"),
        (nothing, "oci://ghcr.io/acme/hello:1", "E111"),
        (desk.path("no.wasm"), "oci://ghcr.io/acme/hello:1", "E102"),
    ] {
        let push = desk.bailiwick(["push"]).word(file).word(to).option("policy", &policy);
        let refused = push.ends(2).stderr;
        assert!(refused.contains(code), "{to}: {refused}");
    }
}

/// Built again since it was packed: who pushes is told before anybody takes the tag.
#[test]
fn a_signature_of_what_was_built_before_is_not_shipped() {
    let desk = Desk::new();
    let policy = desk.file("policy.toml", "sources.registries = [{ at = \"ghcr.io/acme\" }]\n");
    let key = Key::new(&desk, "acme");
    let guest = |version| Guest { version, ..Guest::new("greeter", "") };
    let folder = guest("1.0.0").build(&desk);
    pack(&desk, &folder, "acme", &key);
    guest("1.1.0").build(&desk);
    let push = || desk.bailiwick(["push"]).word(&folder).word("oci://ghcr.io/acme/greeter:1.1.0");
    let refused = push().option("policy", &policy).ends(2).stderr;
    assert!(refused.contains("E177") && refused.contains("greeter 1.0.0"), "{refused}");
    assert!(refused.contains("bailiwick pack"), "{refused}");
}

const LOCK: &str = "bailiwick.lock";
const PIPELINE: &str =
    "[step.greet]\nagent = \"greeter\"\ninput = {}\n[output]\ntext = \"${greet}\"\n";

/// A project without agents, a publisher `acme` with a key, and a registry that policy lists.
struct Scene {
    desk: Desk,
    project: Project,
    key: Key,
    policy: PathBuf,
    host: String,
    real: Option<Real>,
}

impl Scene {
    fn new() -> Option<Self> {
        let real = Real::start(Door::Open)?;
        let (desk, host) = (Desk::new(), real.host.clone());
        let project = Project::of(&desk, &[(OPERATORS, ""), ("pipelines/main.toml", PIPELINE)]);
        let key = Key::new(&desk, "acme");
        let line = format!("{{ at = \"{host}/acme\", scheme = \"http\", network = \"loopback\" }}");
        let policy = desk.file(
            "policy.toml",
            &format!(
                "labels = {{ unlabelled = \"public\" }}\n[sources]\nregistries = [{line}]\n\
                 [publishers.acme]\nkeys = [{{ {} }}]\n[ceiling.\"acme/*\"]\n",
                key.line
            ),
        );
        Some(Self { desk, project, key, policy, host, real: Some(real) })
    }

    fn at(&self, tag: &str) -> String {
        format!("oci://{}/acme/greeter:{tag}", self.host)
    }

    /// A version of the agent, signed and on the shelf.
    fn ships(&self, version: &'static str, wants: &'static str) -> PathBuf {
        let extra = "(data (i32.const 4096) \"\\\"hi\\\"\")".to_owned();
        let perform = "(return (call $ok (i32.const 4096) (i32.const 4)))";
        let guest = Guest { version, wants, extra, ..Guest::new("greeter", perform) };
        ship(&self.desk, &guest, "acme", &self.key)
    }

    /// Pushes a version of the agent under a tag, whatever that was.
    fn pushes(&self, version: &'static str, tag: &str) {
        let file = self.ships(version, "");
        self.push(&file, tag).word("--replace").ends(0);
    }

    fn push(&self, file: &Path, tag: &str) -> Call {
        let call = self.desk.bailiwick(["push"]).word(file).word(self.at(tag));
        call.option("policy", &self.policy)
    }

    fn call(&self, words: &[&str]) -> Call {
        let call = self.desk.bailiwick(words).option("project", self.project.path());
        call.option("policy", &self.policy)
    }

    fn runs(&self, code: i32) -> Ended {
        self.desk.run(self.project.path()).option("policy", &self.policy).ends(code)
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.project.path().join(name)).unwrap_or_default()
    }

    fn kept(&self) -> PathBuf {
        self.project.path().join("components")
    }
}

/// From one project's shelf over a registry into another project, which then needs neither.
#[test]
fn what_was_pushed_is_added_updated_and_run_without_the_registry() {
    let Some(mut scene) = Scene::new() else { return };
    let host = scene.host.clone();
    scene.pushes("1.0.0", "1.0.0");
    let elsewhere = format!("oci://{host}/other/greeter:1.0.0");
    let refused = scene.call(&["add", &elsewhere]).ends(2).stderr;
    assert!(refused.contains("E185"), "{refused}");
    let refused = scene.call(&["add", &scene.at("9.9.9")]).ends(1).stderr;
    assert!(refused.contains("E187"), "{refused}");
    assert!(scene.file(OPERATORS).is_empty() && scene.file(LOCK).is_empty());
    let added = scene.call(&["add", &scene.at("1.0.0")]).ends(0).stdout;
    assert!(added.contains("acme/greeter 1.0.0") && added.contains(&scene.at("1.0.0")), "{added}");
    assert!(scene.file(OPERATORS).contains(&scene.at("1.0.0")), "{}", scene.file(OPERATORS));
    scene.runs(0);
    assert!(scene.call(&["outdated"]).ends(0).stdout.contains("1.0.0, as it was taken"));
    scene.pushes("1.1.0", "1.1.0");
    let seen = scene.call(&["outdated"]).ends(1).stdout;
    let typed = format!("bailiwick update greeter --to {}", scene.at("1.1.0"));
    assert!(seen.contains(&typed), "{seen}");
    scene.call(&["update", "greeter", "--to", &scene.at("1.1.0")]).ends(0);
    assert!(scene.file(LOCK).contains("1.1.0"), "{}", scene.file(LOCK));
    // The same again: it is fetched and nothing has changed.
    let again = scene.call(&["update", "greeter"]).ends(0).stderr;
    assert!(again.contains("nothing was changed"), "{again}");
    drop(scene.real.take());
    scene.runs(0);
    // What cannot be asked is said, and changes nothing.
    let seen = scene.call(&["outdated"]).ends(1).stdout;
    let says = "1.1.0; whether there is a newer one is not known: E186: ";
    assert!(seen.contains(says) && seen.contains(&host), "{seen}");
    let seen = scene.call(&["outdated", "--json"]).ends(1).lines();
    assert_eq!((&seen[0]["standing"], &seen[0]["code"]), (&"unknown".into(), &"E186".into()));
    let before = scene.file(LOCK);
    scene.call(&["update", "greeter"]).ends(1);
    let said = scene.call(&["update"]).ends(1).stderr;
    assert!(said.contains("E186"), "{said}");
    assert_eq!(scene.file(LOCK), before);
}

#[test]
fn a_fresh_checkout_has_what_the_lock_says_and_not_what_the_tag_means_now() {
    let Some(scene) = Scene::new() else { return };
    scene.pushes("1.0.0", "1");
    scene.call(&["add", &scene.at("1")]).ends(0);
    scene.pushes("1.0.1", "1");
    let (operators, lock) = (scene.file(OPERATORS), scene.file(LOCK));
    std::fs::remove_dir_all(scene.kept()).unwrap();
    let said = scene.runs(2).stderr;
    assert!(said.contains("E102") && said.contains("`bailiwick update --locked`"), "{said}");
    let seen = scene.call(&["outdated"]).ends(1).stdout;
    assert!(seen.contains("1.0.0, which is not here; type: bailiwick update greeter --locked"));
    let said = scene.call(&["update", "--locked"]).ends(0).stderr;
    assert!(said.contains("`greeter` is 1.0.0, as bailiwick.lock says: fetched again"), "{said}");
    assert_eq!((scene.file(OPERATORS), scene.file(LOCK)), (operators, lock));
    scene.runs(0);
    let said = scene.call(&["update", "--locked", "greeter"]).ends(0).stderr;
    assert!(said.contains("nothing is to be updated"), "{said}");
    // That the tag means something else now is said, and taken by who asks for it.
    let seen = scene.call(&["outdated", "--json"]).ends(1).lines();
    assert_eq!((&seen[0]["standing"], &seen[0]["taken"]), (&"moved".into(), &"1.0.0".into()));
    let seen = scene.call(&["outdated"]).ends(1).stdout;
    assert!(seen.contains("1.0.0, and its tag means something else now"), "{seen}");
    let said = scene.call(&["update"]).ends(0).stderr;
    assert!(said.contains("`greeter` was 1.0.0, and is 1.0.1 from the next run on"), "{said}");
    assert!(said.contains("its tag is 1, and it says that it is 1.0.1"), "{said}");
    scene.runs(0);
    // Without names, what is lost is fetched again, too.
    std::fs::remove_dir_all(scene.kept()).unwrap();
    scene.call(&["update"]).ends(0);
    scene.runs(0);
}

#[test]
fn a_source_that_somebody_wrote_by_hand_is_fetched_and_what_is_lost_is_added_again() {
    let Some(scene) = Scene::new() else { return };
    scene.pushes("1.0.0", "1.0.0");
    let text = format!("[agents.greeter]\ncomponent = {:?}\n", scene.at("1.0.0"));
    std::fs::write(scene.project.path().join(OPERATORS), text).unwrap();
    let seen = scene.call(&["outdated", "--json"]).ends(1).lines();
    assert_eq!((&seen[0]["standing"], &seen[0]["version"]), (&"untaken".into(), &().into()));
    scene.call(&["update"]).ends(0);
    scene.runs(0);
    std::fs::remove_dir_all(scene.kept()).unwrap();
    let said = scene.call(&["add", &scene.at("1.0.0")]).ends(0).stderr;
    assert!(said.contains("is this already, and is fetched again"), "{said}");
    scene.runs(0);
    let said = scene.call(&["add", &scene.at("1.0.0")]).ends(0).stderr;
    assert!(said.contains("nothing was changed"), "{said}");
}

/// The lock of a program that did not write down manifests and identities.
#[test]
fn an_older_lock_is_read_restored_where_that_is_certain_and_completed() {
    let Some(scene) = Scene::new() else { return };
    scene.pushes("1.0.0", "1");
    scene.call(&["add", &scene.at("1")]).ends(0);
    let lock = scene.file(LOCK);
    let kept = |line: &&str| !line.starts_with("manifest = ") && !line.starts_with("identity = ");
    let old: String = lock.lines().filter(kept).map(|line| format!("{line}\n")).collect();
    assert_ne!(old, lock);
    std::fs::write(scene.project.path().join(LOCK), &old).unwrap();
    scene.runs(0);
    std::fs::remove_dir_all(scene.kept()).unwrap();
    scene.call(&["update", "--locked"]).ends(0);
    assert_eq!(scene.file(LOCK), old);
    scene.runs(0);
    let said = scene.call(&["update", "greeter"]).ends(0).stderr;
    assert!(said.contains("bailiwick.lock says more of it now"), "{said}");
    assert_eq!(scene.file(LOCK), lock, "what it did not say is learnt");
    // Where the tag means something else and nobody knows what it meant, nothing is guessed.
    std::fs::write(scene.project.path().join(LOCK), &old).unwrap();
    std::fs::remove_dir_all(scene.kept()).unwrap();
    scene.pushes("1.0.1", "1");
    let said = scene.call(&["update", "--locked"]).ends(1).stderr;
    assert!(said.contains("E176") && said.contains("bailiwick.lock says 1.0.0"), "{said}");
    assert_eq!(scene.file(LOCK), old);
    assert!(!scene.kept().exists(), "nothing is left behind");
}

#[test]
fn newer_is_a_released_version_however_its_tag_is_written() {
    let Some(scene) = Scene::new() else { return };
    scene.pushes("1.0.0", "1.0.0");
    scene.call(&["add", &scene.at("1.0.0")]).ends(0);
    scene.pushes("2.0.0-rc.1", "2.0.0-rc.1");
    assert!(scene.call(&["outdated"]).ends(0).stdout.contains("1.0.0, as it was taken"));
    scene.pushes("1.1.0", "v1.1.0");
    let seen = scene.call(&["outdated", "--json"]).ends(1).lines();
    assert_eq!((&seen[0]["standing"], &seen[0]["version"]), (&"newer".into(), &"1.1.0".into()));
    assert_eq!(seen[0]["to"], *scene.at("v1.1.0"));
    // Without names it is taken, and where from is said.
    let said = scene.call(&["update"]).ends(0).stderr;
    let (old, new) = (scene.at("1.0.0"), scene.at("v1.1.0"));
    let says = format!("`greeter` was 1.0.0 from {old}, and is 1.1.0 from {new} from the next run");
    assert!(said.contains(&says) && !said.contains("its tag is"), "{said}");
    // A tag that is above what the component says of itself is not newer for ever.
    scene.pushes("1.2.0", "9.9.9");
    scene.call(&["update"]).ends(0);
    let seen = scene.call(&["outdated"]).ends(0).stdout;
    assert!(seen.contains("1.2.0, as it was taken"), "{seen}");
    // Who names a digest stays there.
    let digest = scene.file(LOCK).lines().find_map(|line| {
        Some(line.strip_prefix("manifest = \"")?.trim_end_matches('"').to_owned())
    });
    let pinned = format!("{}@{}", scene.at("1.2.0"), digest.unwrap());
    scene.call(&["update", "greeter", "--to", &pinned]).ends(0);
    let said = scene.call(&["update"]).ends(0).stderr;
    assert!(said.contains("`greeter` stays at its digest, and there is 9.9.9"), "{said}");
    assert!(scene.file(OPERATORS).contains(&pinned));
}

#[test]
fn what_is_wrong_with_one_agent_leaves_no_other_behind() {
    let Some(scene) = Scene::new() else { return };
    scene.pushes("1.0.0", "1.0.0");
    scene.call(&["add", &scene.at("1.0.0"), "--name", "a"]).ends(0);
    scene.call(&["add", &scene.at("1.0.0"), "--name", "greeter"]).ends(0);
    // `a` comes from a file, which asks for more by now.
    let file = scene.ships("1.0.0", "");
    scene.call(&["update", "a", "--to", file.to_str().unwrap()]).ends(0);
    scene.pushes("1.1.0", "1.1.0");
    scene.ships("1.0.1", "http = { hosts = [\"api.example.com\"], reason = \"prices\" }");
    let said = scene.call(&["update"]).ends(1).stderr;
    assert!(said.contains("E180") && said.contains("`greeter` was 1.0.0 from"), "{said}");
    assert!(scene.file(OPERATORS).contains(&scene.at("1.1.0")));
    // Of several that are named, too; one alone is answered as before.
    scene.pushes("1.2.0", "1.1.0");
    scene.ships("1.0.1", "http = { hosts = [\"api.example.com\"], reason = \"prices\" }");
    let said = scene.call(&["update", "a", "greeter"]).ends(1).stderr;
    assert!(said.contains("E180") && said.contains("and is 1.2.0"), "{said}");
    scene.call(&["update", "a"]).ends(2);
    // What is not there is told, and is no success.
    std::fs::remove_file(file).unwrap();
    let said = scene.call(&["update"]).ends(1).stderr;
    assert!(said.contains("`a`:") && said.contains("E102"), "{said}");
}

/// Who typed nothing wrong is not told so: what a registry has is the registry's.
#[test]
fn what_a_registry_has_and_is_not_taken_is_no_mistake_of_who_typed() {
    let Some(scene) = Scene::new() else { return };
    scene.pushes("1.1.0", "1");
    scene.call(&["add", &scene.at("1")]).ends(0);
    scene.pushes("1.0.0", "1");
    let said = scene.call(&["update", "greeter"]).ends(1).stderr;
    assert!(said.contains("E181"), "{said}");
    let two = scene.call(&["update", "greeter", "other", "--to", &scene.at("1")]).ends(2).stderr;
    assert!(two.contains("--to is about one agent"), "{two}");
}
