//! Registries, as they are typed: `push`, and `add`, `update` and `outdated` of what was pushed; what is listed and what is not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;
#[path = "../../engine/tests/registry/real.rs"]
mod real;

use end_to_end::guest::Guest;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::shelf::{Key, ship};
use end_to_end::{Desk, root};
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
        (hello(), "oci://ghcr.io/other/hello:1", "E185"),
        (nothing, "oci://ghcr.io/acme/hello:1", "E111"),
        (desk.path("no.wasm"), "oci://ghcr.io/acme/hello:1", "E102"),
    ] {
        let push = desk.bailiwick(["push"]).word(file).word(to).option("policy", &policy);
        let refused = push.ends(2).stderr;
        assert!(refused.contains(code), "{to}: {refused}");
    }
}

/// From one project's shelf over a registry into another project, which then needs neither.
#[test]
fn what_was_pushed_is_added_updated_and_run_without_the_registry() {
    let Some(real) = Real::start(Door::Open) else { return };
    let (desk, host) = (Desk::new(), real.host.clone());
    let pipeline = "[step.greet]\nagent = \"greeter\"\ninput = {}\n[output]\ntext = \"${greet}\"\n";
    let project = Project::of(&desk, &[(OPERATORS, ""), ("pipelines/main.toml", pipeline)]);
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
    let at = |version: &str| format!("oci://{host}/acme/greeter:{version}");
    let shipped = |version: &'static str| {
        let extra = "(data (i32.const 4096) \"\\\"hi\\\"\")".to_owned();
        let perform = "(return (call $ok (i32.const 4096) (i32.const 4)))";
        let guest = Guest { version, extra, ..Guest::new("greeter", perform) };
        let file = ship(&desk, &guest, "acme", &key);
        desk.bailiwick(["push"]).word(file).word(at(version)).option("policy", &policy).ends(0);
    };
    let call = |words: &[&str]| {
        desk.bailiwick(words).option("project", project.path()).option("policy", &policy)
    };
    let kept = |name: &str| std::fs::read_to_string(project.path().join(name)).unwrap();
    shipped("1.0.0");
    let elsewhere = format!("oci://{host}/other/greeter:1.0.0");
    let refused = call(&["add"]).word(elsewhere).ends(2).stderr;
    assert!(refused.contains("E185"), "{refused}");
    let refused = call(&["add"]).word(at("9.9.9")).ends(1).stderr;
    assert!(refused.contains("E187"), "{refused}");
    assert!(kept(OPERATORS).is_empty() && !project.path().join("bailiwick.lock").exists());
    let added = call(&["add"]).word(at("1.0.0")).ends(0);
    assert!(added.stdout.contains("acme/greeter 1.0.0"), "{}", added.stdout);
    assert!(kept(OPERATORS).contains(&at("1.0.0")), "{}", kept(OPERATORS));
    desk.run(project.path()).option("policy", &policy).ends(0);
    assert!(call(&["outdated"]).ends(0).stdout.contains("1.0.0, as it was taken"));
    shipped("1.1.0");
    let seen = call(&["outdated"]).ends(1).stdout;
    let typed = format!("bailiwick update greeter --to {}", at("1.1.0"));
    assert!(seen.contains(&typed), "{seen}");
    call(&["update", "greeter"]).option("to", at("1.1.0")).ends(0);
    assert!(kept("bailiwick.lock").contains("1.1.0"), "{}", kept("bailiwick.lock"));
    // The same again: it is fetched and nothing has changed.
    assert!(call(&["update", "greeter"]).ends(0).stderr.contains("nothing was changed"));
    drop(real);
    desk.run(project.path()).option("policy", &policy).ends(0);
    // What cannot be asked is said, and changes nothing.
    let seen = call(&["outdated"]).ends(1).stdout;
    assert!(seen.contains("would not be taken") && seen.contains(&host), "{seen}");
    let before = kept("bailiwick.lock");
    call(&["update", "greeter"]).ends(1);
    assert_eq!(kept("bailiwick.lock"), before);
}
