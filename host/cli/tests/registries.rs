//! `push`, as it is typed: what is listed and what is not, and what a script is given.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;
#[path = "../../engine/tests/registry/real.rs"]
mod real;

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
