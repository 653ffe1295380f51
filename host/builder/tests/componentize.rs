//! Modules and components in `modules/`, each with the agent that becomes of it or the reason why none does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::Path;

use bailiwick_builder::{
    ArtifactsWant, COMPONENT_BYTES_MAX, EncodeError, HttpWant, InspectError, NamesWant, Wants,
    componentize, read_outline,
};
use bailiwick_core::Name;
use expect_test::{expect, expect_file};
use wit_component::StringEncoding;
use wit_parser::Resolve;

/// Fewer than these would mean that the folder was not found.
const CASES_AT_LEAST: usize = 16;

#[test]
fn makes_of_every_case_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules");
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            let text = fs::read_to_string(&path).unwrap();
            let told = told(&wat::parse_str(&text).unwrap(), &wants_of(&text));
            expect_file![path.with_extension("txt")].assert_eq(&told);
            cases += 1;
        }
    }
    assert!(cases >= CASES_AT_LEAST, "{cases} cases");
}

#[test]
fn takes_a_finished_component_as_it_is() {
    let component = componentize(&module("wanted"), &wants(&["model", "knowledge"])).unwrap();
    let again = componentize(&component, &wants(&["model", "knowledge"])).unwrap();
    assert_eq!(component, again);
    assert!(matches!(componentize(&component, &wants(&[])), Err(EncodeError::Unwanted(_))));
}

#[test]
fn takes_the_types_that_a_binding_generator_left() {
    let mut typed = module("wanted");
    embed_types(&mut typed, "0.1.0");
    let component = componentize(&typed, &wants(&["model", "knowledge"])).unwrap();
    let bare = componentize(&module("wanted"), &wants(&["model", "knowledge"])).unwrap();
    assert_eq!(names(&component), names(&bare));
}

#[test]
fn names_both_versions_of_the_contract() {
    let text = fixture("wanted").replace("0.1.0", "0.2.0");
    let mut typed = wat::parse_str(text).unwrap();
    embed_types(&mut typed, "0.2.0");
    expect![[r#"
        the component speaks contract 0.2.0 (bailiwick:agent/agent@0.2.0), and this host serves 0.1.0: run it on a newer bailiwick that serves 0.2.0, or build it with the SDK of bailiwick 0.1, which is for 0.1.0
    "#]]
    .assert_eq(&told(&typed, &wants(&["model", "knowledge"])));
}

#[test]
fn tells_what_a_file_is_that_is_none() {
    for (bytes, found) in [
        (&b""[..], "an empty file"),
        (b"(module)", "WebAssembly text (make it binary with `wasm-tools parse`)"),
        (b"\x7fELF\x02\x01", "a native program (ELF)"),
        (b"\x1f\x8b\x08\x00", "a gzip archive"),
        (b"PK\x03\x04", "a zip archive"),
        (b"#!/bin/sh\n", "a text file"),
        (b"\xff\xd8\xff\xe0", "a file of another kind"),
        (b"\0asm", "a WebAssembly file that is cut off or of an unknown version"),
        (b"\0asm\x09\0\0\0", "a WebAssembly file that is cut off or of an unknown version"),
    ] {
        let error = componentize(bytes, &Wants::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("this is no WebAssembly module or component but {found}")
        );
    }
}

#[test]
fn no_part_of_a_file_passes_for_the_whole() {
    let module = module("bare");
    let component = componentize(&module, &Wants::default()).unwrap();
    let mut refused = 0;
    for whole in [&module, &component] {
        for cut in 0..whole.len() {
            match componentize(&whole[..cut], &Wants::default()) {
                Err(_) => refused += 1,
                // The name section at the end may go: nothing of the agent is in it.
                Ok(part) => assert_eq!(names(&part), names(&component), "{cut} bytes"),
            }
        }
    }
    assert!(refused > module.len(), "{refused}");
}

#[test]
fn damage_is_named_with_its_place() {
    let module = module("bare");
    let error = componentize(&module[..module.len() - 1], &Wants::default()).unwrap_err();
    let EncodeError::Component(InspectError::Broken(broken)) = error else {
        panic!("{error}");
    };
    assert!(broken.to_string().contains("breaks off or is damaged at byte"), "{broken}");
}

#[test]
fn a_file_over_the_limit_is_not_looked_at() {
    let large = vec![0; COMPONENT_BYTES_MAX + 1];
    let error = componentize(&large, &Wants::default()).unwrap_err();
    assert!(matches!(error, EncodeError::Component(InspectError::TooLarge { .. })), "{error}");
}

/// Imports and exports.
fn names(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let outline = read_outline(component).unwrap();
    (outline.imports, outline.exports)
}

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules");
    fs::read_to_string(folder.join(name).with_extension("wat")).unwrap()
}

fn module(name: &str) -> Vec<u8> {
    wat::parse_str(fixture(name)).unwrap()
}

/// As a binding generator does: the types of the full world in a custom section.
fn embed_types(module: &mut Vec<u8>, version: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/v0.1");
    let mut sources = wit_parser::SourceMap::default();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap().replace("@0.1.0", &format!("@{version}"));
        sources.push(&path, text);
    }
    let mut resolve = Resolve::default();
    let package = resolve.push_group(sources.parse().unwrap()).unwrap();
    let world = resolve.select_world(&[package], Some("full")).unwrap();
    wit_component::embed_component_metadata(module, &resolve, world, StringEncoding::UTF8).unwrap();
}

fn wants_of(text: &str) -> Wants {
    let line = text.lines().find_map(|line| line.strip_prefix(";; wants:")).unwrap();
    wants(&line.split_whitespace().collect::<Vec<_>>())
}

fn wants(capabilities: &[&str]) -> Wants {
    let names = || NamesWant { names: vec![Name::new("any").unwrap()], reason: "a test".into() };
    let mut wants = Wants::default();
    for capability in capabilities {
        match *capability {
            "model" => wants.model = Some(names()),
            "knowledge" => wants.knowledge = Some(names()),
            "artifacts" => {
                wants.artifacts = Some(ArtifactsWant { put: None, reason: "a test".into() });
            }
            "http" => {
                let hosts = vec!["api.example.com".to_owned()];
                wants.http = Some(HttpWant { hosts, reason: "a test".into() });
            }
            other => panic!("{other} cannot be wanted"),
        }
    }
    wants
}

fn told(bytes: &[u8], wants: &Wants) -> String {
    match componentize(bytes, wants) {
        Err(error) => format!("{error}\n"),
        Ok(component) => {
            let outline = read_outline(&component).unwrap();
            let lines = |word: &str, names: &[String]| -> String {
                names.iter().map(|name| format!("{word} {name}\n")).collect()
            };
            lines("import", &outline.imports) + &lines("export", &outline.exports)
        }
    }
}
