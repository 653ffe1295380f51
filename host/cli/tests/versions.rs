//! Versions of the contract as people meet them: each command names the one that a component speaks, and refuses what is not served with both named, before anything is compiled.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::fs;

use serde_json::Value;
use support::{Guest, ONE, World, given, told};

/// The component of a guest, as if it had been built for another version.
fn of_version(version: &str) -> Vec<u8> {
    let world = World::new();
    world.agent("one", &Guest::answers("1"));
    let mut component = fs::read(world.root().join("agents/one/dist/fixture.wasm")).unwrap();
    for at in 0..component.len() - 6 {
        if &component[at..at + 6] == b"@0.1.0" {
            component[at + 1..at + 6].copy_from_slice(version.as_bytes());
        }
    }
    component
}

/// A project whose one agent is this component, which nobody has added.
fn project(component: &[u8]) -> World {
    let world = World::new();
    world.write("one.wasm", component);
    world.write("bailiwick.toml", "[agents.one]\ncomponent = \"one.wasm\"\n");
    world.write("pipelines/main.toml", ONE);
    world
}

#[test]
fn every_command_refuses_what_is_not_served_with_both_versions_and_a_page() {
    let key = "keys/acme.key";
    for (version, code, way) in [
        (
            "0.9.0",
            "E193",
            "a newer bailiwick that serves 0.9.0, or build it with the SDK of bailiwick 0.1",
        ),
        (
            "1.0.0",
            "E193",
            "a newer bailiwick that serves 1.0.0, or build it with the SDK of bailiwick 0.1",
        ),
    ] {
        let world = project(&of_version(version));
        fs::create_dir(world.root().join("keys")).unwrap();
        let made = world.run(["keygen", key, "--no-password"]);
        assert!(made.status.success(), "{}", told(&made));
        world.write("bare/agent.toml", "[build]\nmodule = \"agent.wasm\"\n");
        world.write("bare/agent.wasm", of_version(version));
        let before = world.files();
        for words in [
            vec!["check"],
            vec!["run"],
            vec!["add", "one.wasm", "--name", "other"],
            vec!["pack", "one.wasm", "--key", key, "--publisher", "acme"],
            vec!["build", "bare"],
        ] {
            let refused = world.run(&words);
            let said = told(&refused);
            // The lines of a terminal are broken anywhere.
            let flat = said.replace(['\n', '│'], " ");
            let flat: Vec<&str> = flat.split_whitespace().collect();
            let flat = flat.join(" ");
            assert_eq!(refused.status.code(), Some(2), "{words:?}: {said}");
            assert!(said.contains(code), "{words:?}: {said}");
            assert!(flat.contains(&format!("the component speaks contract {version} (")), "{said}");
            assert!(flat.contains("and this host serves 0.1.0: ") && flat.contains(way), "{said}");
            assert_eq!(world.files(), before, "{words:?} wrote something");
        }
        assert!(world.run(["explain", code]).status.success());
        let found = world.run(["conform", "one.wasm", "--json"]);
        assert_eq!(found.status.code(), Some(1), "{}", told(&found));
        let said = given(&found);
        assert!(said.contains(&format!("speaks contract {version} (")), "{said}");
        assert!(said.contains("this host serves 0.1.0"), "{said}");
        let seen = given(&world.run(["inspect", "one.wasm"]));
        assert!(
            seen.contains(
                "a contract that this host does not serve: the component speaks contract"
            ),
            "{seen}"
        );
        let compiled: Vec<_> =
            walk(&world).into_iter().filter(|name| name.ends_with(".code")).collect();
        assert_eq!(compiled, Vec::<String>::new(), "something was compiled");
    }
}

/// Every file of the world's home, where compiled code is kept.
fn walk(world: &World) -> Vec<String> {
    let mut folders = vec![world.root().parent().unwrap().join("home")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.display().to_string()),
            }
        }
    }
    found
}

#[test]
fn what_names_two_versions_says_so() {
    let world = World::new();
    world.agent("one", &Guest::answers("1"));
    let mut mixed = fs::read(world.root().join("agents/one/dist/fixture.wasm")).unwrap();
    let name = b"bailiwick:agent/log@0.1.0";
    let places: Vec<_> =
        (0..mixed.len() - name.len()).filter(|at| mixed[*at..].starts_with(name)).collect();
    assert!(!places.is_empty());
    for at in places {
        mixed[at + name.len() - 3] = b'2';
    }
    let world = project(&mixed);
    let said = told(&world.run(["check"]));
    assert!(said.contains("E194") && said.contains("0.2.0") && said.contains("0.1.0"), "{said}");
    assert!(world.run(["explain", "E194"]).status.success());
}

#[test]
fn the_version_that_is_served_is_named() {
    let world = project(&of_version("0.1.0"));
    let version = given(&world.run(["--version"]));
    assert_eq!(version, format!("bailiwick {}\ncontract 0.1.0\n", env!("CARGO_PKG_VERSION")));
    let inspected = given(&world.run(["inspect", "one.wasm"]));
    assert!(inspected.contains("  contract 0.1.0, which this host serves\n"), "{inspected}");
    let inspected: Value =
        serde_json::from_str(given(&world.run(["inspect", "one.wasm", "--json"])).trim()).unwrap();
    assert_eq!(inspected["contract"], "0.1.0");
    let added = world.run(["add", "one.wasm", "--name", "other"]);
    assert!(given(&added).contains("  contract  0.1.0\n"), "{}{}", given(&added), told(&added));
    let conforms = given(&world.run(["conform", "one.wasm"]));
    assert!(conforms.contains("contract 0.1.0, "), "{conforms}");
    // The control is compiled: its code is there.
    assert!(walk(&world).iter().any(|name| name.ends_with(".code")), "{:?}", walk(&world));
}
