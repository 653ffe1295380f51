//! What the builder embeds can be read back without running anything, and nothing else passes for it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::Path;

use bailiwick_builder::{
    BuildError, EncodeError, InspectError, NESTING_MAX, Note, PROFILE_SECTION, Profile,
    SECTION_BYTES_MAX, WANTS_SECTION, Wants, build, componentize, embed, find_built, read_embedded,
    world,
};
use bailiwick_core::Digest;
use serde_json::json;
use wit_parser::Resolve;

fn component() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules");
    let text = fs::read_to_string(folder.join("bare.wat")).unwrap();
    componentize(&wat::parse_str(text).unwrap(), &Wants::default()).unwrap()
}

fn profile(name: &str) -> Profile {
    Profile {
        name: name.into(),
        version: "1.2.3".into(),
        summary: "Says hello.".into(),
        input_schema: json!({ "type": "object" }),
        output_schema: json!({ "type": "string" }),
    }
}

/// A component whose custom sections of our names hold these texts.
fn with_sections(sections: &[(&str, &str)]) -> Vec<u8> {
    let customs: String =
        sections.iter().map(|(name, text)| format!("(@custom {name:?} {:?})\n", text)).collect();
    wat::parse_str(format!(
        r#"(component (instance $agent) (export "bailiwick:agent/agent@0.1.0" (instance $agent)) {customs})"#
    ))
    .unwrap()
}

#[test]
fn reads_back_what_was_embedded() {
    let bytes = embed(&component(), &profile("hello"), &Wants::default()).unwrap();
    let embedded = read_embedded(&bytes).unwrap();
    assert_eq!(embedded.profile, profile("hello"));
    assert_eq!(embedded.wants, Wants::default());
    assert_eq!(embedded.contract, "0.1.0");
    assert_eq!(embedded.outline.exports, ["bailiwick:agent/agent@0.1.0"]);
    assert_eq!(embedded.outline.size_bytes, bytes.len());
    assert_eq!(embedded.outline.digest, Digest::of(&bytes));
}

#[test]
fn embedding_again_replaces() {
    let once = embed(&component(), &profile("old_name"), &Wants::default()).unwrap();
    let again = embed(&once, &profile("new_name"), &Wants::default()).unwrap();
    let direct = embed(&component(), &profile("new_name"), &Wants::default()).unwrap();
    assert_eq!(again, direct);
}

#[test]
fn a_profile_over_a_limit_is_not_embedded() {
    let long = |bytes: usize| "x".repeat(bytes);
    let good = profile("hello");
    for bad in [
        profile("Hello"),
        profile("../hello"),
        profile(""),
        profile(&long(65)),
        Profile { version: long(65), ..good.clone() },
        Profile { summary: long(1025), ..good.clone() },
        Profile { input_schema: json!(long(64 * 1024)), ..good.clone() },
        Profile { output_schema: json!(long(64 * 1024)), ..good.clone() },
    ] {
        assert!(embed(&component(), &bad, &Wants::default()).is_err(), "{}", bad.name);
    }
}

#[test]
fn refuses_sections_that_no_build_wrote() {
    let good = serde_json::to_string(&profile("hello")).unwrap();
    let large = " ".repeat(SECTION_BYTES_MAX + 1);
    let deep = "[".repeat(10_000);
    for (sections, expected) in [
        (&[][..], "the component has no section bailiwick:profile"),
        (&[(PROFILE_SECTION, good.as_str())], "the component has no section bailiwick:wants"),
        (
            &[(PROFILE_SECTION, &good), (PROFILE_SECTION, &good), (WANTS_SECTION, "{}")],
            "the component has the section bailiwick:profile twice",
        ),
        (&[(PROFILE_SECTION, &large)], "the section bailiwick:profile has 262145 bytes"),
        (&[(PROFILE_SECTION, &deep)], "the embedded profile cannot be used"),
        (&[(PROFILE_SECTION, "{}")], "the embedded profile cannot be used"),
        (&[(PROFILE_SECTION, &good), (WANTS_SECTION, "[]")], "the embedded wants cannot be used"),
    ] {
        let error = read_embedded(&with_sections(sections)).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_component_in_a_component_in_a_component_ends() {
    let nested = |depth: usize| {
        let text = "(component ".repeat(depth) + &")".repeat(depth);
        wat::parse_str(text).unwrap()
    };
    let outline = bailiwick_builder::read_outline;
    assert!(outline(&nested(NESTING_MAX)).is_ok());
    assert_eq!(outline(&nested(NESTING_MAX + 2)), Err(InspectError::TooDeep));
}

#[test]
fn builds_a_folder_with_a_finished_module() {
    let folder = tempfile::tempdir().unwrap();
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules/wanted.wat");
    fs::write(folder.path().join("made.wasm"), wat::parse_file(module).unwrap()).unwrap();
    let manifest = |wants: &str| {
        let text = format!("[build]\nmodule = \"made.wasm\"\n[wants]\n{wants}");
        fs::write(folder.path().join("agent.toml"), text).unwrap();
    };

    manifest("");
    let error = build(folder.path(), &mut |_| {}).unwrap_err();
    assert!(
        matches!(&error, BuildError::Encode { error: EncodeError::Unwanted(two), .. } if two.len() == 2),
        "{error}"
    );
    assert!(find_built(folder.path()).is_err());

    manifest(
        "model = { use = [\"writer\"], reason = \"a\" }\nknowledge = { use = [\"brand\"], reason = \"b\" }",
    );
    let mut notes = Vec::new();
    let unprofiled = build(folder.path(), &mut |note| match note {
        Note::Module(path) => notes.push(path.to_path_buf()),
        other => panic!("{other:?}"),
    })
    .unwrap();
    assert_eq!(notes, [folder.path().join("made.wasm")]);
    let built = unprofiled.finish(&profile("made")).unwrap().write().unwrap();
    assert_eq!(built.path, folder.path().join("dist/made.wasm"));
    assert_eq!(find_built(folder.path()).unwrap(), built.path);
    let embedded = read_embedded(&fs::read(built.path).unwrap()).unwrap();
    assert_eq!(&embedded.wants, unprofiled.wants());
}

#[test]
fn a_folder_without_an_agent_is_told_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let error = build(folder.path(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, BuildError::NoSource { .. }), "{error}");
    fs::write(folder.path().join("agent.toml"), "[build]\nmodule = \"gone.wasm\"").unwrap();
    let error = build(folder.path(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, BuildError::Read { .. }), "{error}");
    fs::write(folder.path().join("agent.toml"), "[wants]\nhttp = 1\nkv = 2").unwrap();
    let error = build(folder.path(), &mut |_| {}).unwrap_err();
    assert!(matches!(&error, BuildError::Manifest(two) if two.len() == 2), "{error}");
}

#[test]
fn an_agents_own_world_imports_what_it_wants_and_nothing_else() {
    let wants =
        bailiwick_builder::read_manifest("agent.toml", "wants.artifacts = { reason = \"reads\" }")
            .unwrap()
            .wants;
    let folder = tempfile::tempdir().unwrap();
    world::write(folder.path(), &wants).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder.path()).unwrap();
    let id = resolve.select_world(&[package], Some(world::WORLD)).unwrap();
    let world = &resolve.worlds[id];
    let mut imports: Vec<String> =
        world.imports.keys().map(|key| resolve.name_world_key(key)).collect();
    imports.sort();
    assert_eq!(
        imports,
        [
            "bailiwick:agent/artifacts@0.1.0",
            "bailiwick:agent/log@0.1.0",
            "bailiwick:agent/types@0.1.0"
        ]
    );
    let exports: Vec<String> =
        world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    assert_eq!(exports, ["bailiwick:agent/agent@0.1.0"]);
}
