//! Versions of the contract beside each other: a guest of each in one host, neither knowing of the other; what no host serves is refused before anything is compiled.
//!
//! The second version is a draft that exists for these tests alone: `contract/v0.2`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bailiwick_core::contract::{NAMES_MAX, Unserved};
use bailiwick_core::fact::{Capability, Fact};
use bailiwick_core::{AttemptId, Digest};
use bailiwick_gate::Until;
use bailiwick_policy::ports::{Job, StepRunner as _};
use bailiwick_policy::{Grants, Limits};
use bailiwick_sandbox::{Compiler, Refused, Sandbox};
use serde_json::json;
use support::guest::{Contract, DRAFT, Guest, V0_1, answer, performs};
use support::{Counting, Facts, Host, everything, sandbox};
use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, InstanceType,
};

/// What every guest here keeps: the same bytes, whatever the call is named.
const DATA: &str = "(data (i32.const 9100) \"kepttext/plainother\")";

const REFUSED: &str = "(if (i32.load8_u (i32.const 11104)) (then (unreachable)))";

/// Keeps a text twice and answers: by `put`, which every version has.
fn puts(contract: Contract) -> Guest {
    let imports = format!(
        r#"(import "bailiwick:agent/artifacts@{}" "put"
    (func $put (param i32 i32 i32 i32 i32 i32 i32 i32)))"#,
        contract.version
    );
    let put = format!(
        "(call $put (i32.const 9100) (i32.const 4) (i32.const 9104) (i32.const 10)
         (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 11104)) {REFUSED}"
    );
    let body = format!("{put}{put}{}", answer("\"put\""));
    Guest { imports, extra: DATA.into(), contract, ..performs(&body) }
}

/// The same by `put-text`, which the draft added.
fn puts_texts() -> Guest {
    let imports = r#"(import "bailiwick:agent/artifacts@0.2.0" "put-text"
    (func $put (param i32 i32 i32 i32 i32 i32)))"#;
    let put = format!(
        "(call $put (i32.const 9100) (i32.const 4)
         (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 11104)) {REFUSED}"
    );
    let body = format!("{put}{put}{}", answer("\"put\""));
    Guest { imports: imports.into(), extra: DATA.into(), contract: DRAFT, ..performs(&body) }
}

/// Has `other` do its work and answers what that answered.
fn caller(contract: Contract) -> Guest {
    let imports = format!(
        r#"(import "bailiwick:agent/delegate@{}" "call" (func $call (param i32 i32 i32 i32 i32)))"#,
        contract.version
    );
    let body = "(call $call (i32.const 9114) (i32.const 5) (local.get $input)
        (local.get $input_length) (i32.const 1200))
      (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
      (return (call $ok (i32.load (i32.const 1204)) (i32.load (i32.const 1208))))";
    Guest { imports, extra: DATA.into(), contract, ..performs(body) }
}

/// A component that names `to` wherever it named `from`; both have as many bytes.
fn renamed(component: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut renamed = component.to_vec();
    let mut found = 0;
    for at in 0..=component.len() - from.len() {
        if component[at..].starts_with(from.as_bytes()) {
            renamed[at..at + to.len()].copy_from_slice(to.as_bytes());
            found += 1;
        }
    }
    assert!(found > 0, "nothing was renamed");
    renamed
}

/// A host of the released versions and the draft.
struct Both {
    host: Host,
    _folder: tempfile::TempDir,
}

impl Both {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = sandbox(&folder.path().join("code")).with_draft().unwrap();
        Self { host: Host::over(Arc::new(sandbox)), _folder: folder }
    }
}

/// The same attempt again, after the first `count` of these facts.
fn after(host: &Host, component: Digest, facts: &[Fact], count: usize) -> (Job, Arc<Facts>) {
    let past = Arc::new(Facts::after(&facts[..count]));
    let record = Arc::new(past.record());
    (Job { record, recorder: Arc::clone(&past) as _, ..host.job(component) }, past)
}

/// Cut after each fact it goes on to the same end and the same facts, and on its whole
/// record alone it asks and ends the same.
async fn goes_on_and_replays(host: &Host, component: Digest, facts: &[Fact], output: &str) {
    for cut in 0..=facts.len() {
        let (job, book) = after(host, component, facts, cut);
        let again = host.runner.run(job).await.result.unwrap();
        assert_eq!(&**again.text().unwrap(), output, "after {cut} facts");
        assert_eq!(book.all(), facts, "after {cut} facts");
    }
    let (job, book) = after(host, component, facts, facts.len());
    let replayed = host.runner.replay(job, Until::Output, None).await;
    assert_eq!(&**replayed.result.unwrap().text().unwrap(), output);
    assert_eq!(replayed.divergence, None);
    assert!(!replayed.over);
    assert_eq!(book.all(), facts, "a replay writes nothing");
}

#[tokio::test]
async fn guests_of_both_versions_run_in_one_host_at_once_and_leave_the_same_journal() {
    let Both { host: old, _folder } = Both::new();
    let of_draft = Host::over(Arc::clone(&old.sandbox));
    let (first, second) =
        (old.load(&puts(V0_1).component()).await, of_draft.load(&puts_texts().component()).await);
    let (one, other) = tokio::join!(old.run(first), of_draft.run(second));
    let (one, other) = (one.result.unwrap(), other.result.unwrap());
    assert_eq!((one.value(), other.value()), (json!("put"), json!("put")));
    // `put-text` is `put`: one gate, one shape of the journal, byte for byte.
    let written = |host: &Host| serde_json::to_string(&host.facts.all()).unwrap();
    assert_eq!(written(&old), written(&of_draft));
    let puts = old.facts.all().into_iter().filter(|fact| {
        matches!(fact, Fact::CallAnswered { capability: Capability::Artifacts, .. })
    });
    assert_eq!(puts.count(), 2);
}

#[tokio::test]
async fn a_guest_of_the_draft_goes_on_wherever_it_was_cut_and_replays() {
    let Both { host, _folder } = Both::new();
    let component = host.load(&puts_texts().component()).await;
    let output = host.run(component).await.result.unwrap();
    let facts = host.facts.all();
    assert_eq!(facts.len(), 2, "{facts:?}");
    goes_on_and_replays(&host, component, &facts, output.text().unwrap()).await;
}

#[tokio::test]
async fn agents_of_different_versions_call_each_other() {
    for (calls, called) in [(V0_1, puts_texts()), (DRAFT, puts(V0_1)), (DRAFT, puts_texts())] {
        let Both { host, _folder } = Both::new();
        let grants = Grants { artifacts: everything().artifacts, ..Grants::none() };
        host.casts("other", &called.component(), grants, Limits::DEFAULT).await;
        let component = host.load(&caller(calls).component()).await;
        let output = host.run(component).await.result.unwrap();
        assert_eq!(output.value(), json!("put"));
        let facts = host.facts.all();
        let whose = |fact: &Fact| match fact {
            Fact::CallAnswered { attempt, .. } => Some(attempt.clone()),
            _ => None,
        };
        let answered: Vec<AttemptId> = facts.iter().filter_map(whose).collect();
        let [put, put_again, call] = &answered[..] else { panic!("{facts:?}") };
        assert_eq!((put, put_again), (&call.callee(0), &call.callee(0)));
        let (job, _) = after(&host, component, &facts, facts.len());
        let replayed = host.runner.replay(job, Until::Output, None).await;
        assert_eq!(replayed.result.unwrap().value(), json!("put"));
        assert_eq!(replayed.divergence, None);
    }
}

#[tokio::test]
async fn what_was_recorded_before_a_version_came_is_the_same_beside_it() {
    let before = Host::new();
    let guest = puts(V0_1).component();
    let admitted = before.sandbox.prepare(&guest).await.unwrap();
    assert_eq!(admitted.contract, "0.1.0");
    let profile = before.sandbox.profile(&admitted.digest).await.unwrap();
    let output = before.run(admitted.digest).await.result.unwrap();
    let facts = before.facts.all();
    let Both { host, _folder } = Both::new();
    assert_eq!(host.sandbox.prepare(&guest).await.unwrap(), admitted);
    assert_eq!(host.sandbox.profile(&admitted.digest).await.unwrap(), profile);
    assert_eq!(host.run(admitted.digest).await.result.unwrap(), output);
    assert_eq!(host.facts.all(), facts);
    // Its blobs lie in the other host: what was answered is not looked up again.
    let (job, _) = after(&host, admitted.digest, &facts, facts.len());
    let replayed = host.runner.replay(job, Until::Output, None).await;
    assert_eq!((replayed.result.unwrap(), replayed.divergence), (output.clone(), None));
    goes_on_and_replays(&host, admitted.digest, &facts, output.text().unwrap()).await;
}

#[tokio::test]
async fn a_version_has_its_own_functions_and_none_of_the_next() {
    let Both { host, _folder } = Both::new();
    host.load(&puts(DRAFT).component()).await;
    let early = renamed(&puts_texts().component(), "@0.2.0", "@0.1.0");
    let refused = host.refused(&early).await;
    assert!(matches!(refused, Refused::Link { .. }), "{refused}");
    assert!(refused.to_string().contains("put-text"), "{refused}");
}

/// A host that cannot compile: whoever is not refused before that is refused for it.
fn without_compiler(folder: &Path) -> Sandbox {
    let compiler = Compiler { executable: "/does/not/exist".into(), arguments: Vec::new() };
    Sandbox::new(&folder.join("code"), compiler, Arc::new(Counting::default())).unwrap()
}

#[tokio::test]
async fn what_is_not_served_is_refused_by_both_versions_before_it_is_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let host = without_compiler(folder.path());
    let good = puts(V0_1).component();
    let compiled = host.prepare(&good).await.unwrap_err();
    assert!(matches!(compiled, Refused::Compile(_)), "the control is not compiled: {compiled}");
    for (version, words) in [
        ("0.9.0", "run it on a newer bailiwick that serves 0.9.0, or build it with the SDK"),
        ("1.0.0", "run it on a newer bailiwick that serves 1.0.0, or build it with the SDK"),
        ("0.1.1", "run it on a newer bailiwick that serves 0.1.1, or build it with the SDK"),
        ("0.0.9", ": build it with the SDK of bailiwick 0.1"),
    ] {
        let refused = host.prepare(&renamed(&good, "@0.1.0", &format!("@{version}"))).await;
        let said = refused.unwrap_err();
        assert!(matches!(said, Refused::Unserved(Unserved::Other { .. })), "{said}");
        let said = said.to_string();
        assert!(said.starts_with(&format!("the component speaks contract {version} (")), "{said}");
        assert!(said.contains("and this host serves 0.1.0: ") && said.contains(words), "{said}");
    }
    let draft = host.prepare(&puts_texts().component()).await.unwrap_err().to_string();
    assert!(draft.starts_with("the component speaks contract 0.2.0 ("), "{draft}");
    assert!(draft.contains("this host serves 0.1.0: "), "{draft}");
    let mixed = renamed(&good, "artifacts@0.1.0", "artifacts@0.2.0");
    let mixed = host.prepare(&mixed).await.unwrap_err();
    assert!(matches!(mixed, Refused::Unserved(Unserved::Several { .. })), "{mixed}");
    let bare = r#"(component (instance $i) (export "bailiwick:agent/agent" (instance $i)))"#;
    let bare = host.prepare(&wat::parse_str(bare).unwrap()).await.unwrap_err();
    assert!(matches!(bare, Refused::Unserved(Unserved::NoVersion { .. })), "{bare}");
}

#[tokio::test]
async fn a_mix_is_refused_where_both_versions_are_served() {
    let Both { host, _folder } = Both::new();
    let guest = puts(V0_1).component();
    let mixed = host.refused(&renamed(&guest, "artifacts@0.1.0", "artifacts@0.2.0")).await;
    assert!(matches!(mixed, Refused::Unserved(Unserved::Several { .. })), "{mixed}");
    let unknown = host.refused(&renamed(&guest, "@0.1.0", "@0.9.0")).await.to_string();
    assert!(unknown.contains("0.9.0") && unknown.contains("serves 0.1.0 and 0.2.0: "), "{unknown}");
}

/// A component with so many imports. Encoded by hand: the reader of texts takes minutes.
fn many(count: usize) -> Vec<u8> {
    let mut component = Component::new();
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    component.section(&types);
    let mut imports = ComponentImportSection::new();
    for index in 0..count {
        let name = format!("bailiwick:agent/i{index}@0.1.0");
        imports.import(name.as_str(), ComponentTypeRef::Instance(0));
    }
    component.section(&imports);
    component.finish()
}

#[tokio::test]
async fn names_beyond_counting_are_refused_before_they_are_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let host = without_compiler(folder.path());
    for count in [NAMES_MAX + 1, 100_000] {
        let refused = host.prepare(&many(count)).await.unwrap_err();
        assert!(matches!(refused, Refused::TooManyNames), "{count}: {refused}");
    }
    let most = host.prepare(&many(NAMES_MAX)).await.unwrap_err();
    assert!(matches!(most, Refused::NotOffered { .. }), "{most}");
    // As long as a name of a file may be.
    let long = format!(
        "(component (import \"bailiwick:agent/log@0.1.0-{}\" (instance)))",
        "x".repeat(90_000)
    );
    let refused = host.prepare(&wat::parse_str(long).unwrap()).await.unwrap_err().to_string();
    assert!(refused.len() < 512 && refused.contains("this host serves 0.1.0"), "{refused}");
}

/// Every file of a folder of the contract, without the line of its version.
fn words(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut words: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|end| end == "wit"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let (package, rest) = text.split_once('\n').unwrap();
            assert!(package.starts_with("package bailiwick:agent@"), "{package}");
            (path.file_name().unwrap().to_str().unwrap().to_owned(), rest.to_owned())
        })
        .collect();
    words.sort();
    words
}

#[test]
fn the_draft_is_the_contract_and_a_function_more() {
    let (old, new) = (words(V0_1.folder), words(DRAFT.folder));
    assert_eq!(old.len(), new.len());
    let mut changed = BTreeSet::new();
    for ((file, before), (_, after)) in old.iter().zip(&new) {
        if before != after {
            let kept = before.trim_end().trim_end_matches('}').trim_end();
            assert!(after.starts_with(kept), "{file} says something else, and not only more");
            changed.insert(file.as_str());
        }
    }
    assert_eq!(changed, ["artifacts.wit"].into());
}
