//! A store keeps the texts of documents beside the facts: a fact that forgets one would lose it.

use bailiwick_core::artifact::Artifact;
use bailiwick_core::fact::{
    CallAnswer, Capability, Decision, Fact, Failure, FailureKind, Judgement, Pin, Repin, RunEnd,
    Verdict,
};
use bailiwick_core::{Bytes, Cost, Digest, Document};
use serde_json::{Value, json};

use crate::words::{attempt, beginning, fact};

/// One number for each variant. A new one does not compile until it has a sample.
fn variant(fact: &Fact) -> usize {
    match fact {
        Fact::RunStarted { .. } => 0,
        Fact::AxisFixed { .. } => 1,
        Fact::StepLaidOut { .. } => 2,
        Fact::CellSkipped { .. } => 3,
        Fact::CellStarted { .. } => 4,
        Fact::CallIntended { .. } => 5,
        Fact::CallAnswered { answer, .. } => match answer {
            CallAnswer::Ok { .. } => 6,
            CallAnswer::Denied { .. } => 7,
            CallAnswer::Exhausted { .. } => 8,
            CallAnswer::Unavailable { .. } => 9,
            CallAnswer::Invalid { .. } => 10,
            CallAnswer::Failed { .. } => 35,
        },
        Fact::Logged { .. } => 11,
        Fact::AttemptFailed { .. } => 12,
        Fact::CellFinished { .. } => 13,
        Fact::Judged { .. } => 14,
        Fact::JudgeSkipped { .. } => 15,
        Fact::Escalated { .. } => 16,
        Fact::Asked { .. } => 17,
        Fact::Decided { decision, .. } => match decision {
            Decision::Approve { .. } => 18,
            Decision::Reject { .. } => 19,
            Decision::Edit { .. } => 20,
        },
        Fact::Released { .. } => 21,
        Fact::Dropped { .. } => 22,
        Fact::CellFailed { .. } => 23,
        Fact::RunEnded { .. } => 24,
        Fact::Embedded { .. } => 25,
        Fact::RunResumed { .. } => 26,
        Fact::RunPaused { .. } => 27,
        Fact::CellReused { .. } => 28,
        Fact::AttemptContinued { .. } => 29,
        Fact::CellParked { .. } => 30,
        Fact::CallLost { .. } => 31,
        Fact::Reminded { .. } => 32,
        Fact::Recast { .. } => 33,
        Fact::KvWritten { .. } => 34,
        Fact::Delegated { .. } => 36,
        Fact::KvStaged { .. } => 37,
    }
}

const VARIANTS: usize = 38;

fn samples() -> Vec<Fact> {
    let document = Document::of(&json!({ "a": 1 }));
    let answered = |answer| Fact::CallAnswered {
        attempt: attempt("draft", 0, 1),
        index: 0,
        capability: Capability::Model,
        request: Digest::of(b""),
        answer,
        cost: Cost::ZERO,
    };
    let detail = || "so".to_owned();
    let mut begun = beginning().remove(0);
    if let Fact::RunStarted { imported, .. } = &mut begun {
        let (digest, media_type) = (Digest::of(b"x"), "image/png".into());
        imported.push(Artifact { digest, media_type, bytes: Bytes(1), name: None });
    }
    let mut all = vec![
        begun,
        answered(CallAnswer::Ok { value: document.clone(), via: None }),
        answered(CallAnswer::Denied { reason: detail(), hint: None }),
        answered(CallAnswer::Exhausted {
            limit: bailiwick_core::fact::Limit::Calls,
            detail: detail(),
            finish: false,
        }),
        answered(CallAnswer::Invalid { detail: detail() }),
        answered(CallAnswer::Failed {
            failure: Failure { kind: FailureKind::Fatal, message: detail(), hint: None },
        }),
        Fact::Delegated {
            attempt: attempt("draft", 0, 1),
            index: 0,
            request: Digest::of(b""),
            agent: crate::words::name("finder"),
            component: Digest::of(b""),
            powers: Digest::of(b""),
            input: document.clone(),
        },
        Fact::KvStaged {
            attempt: attempt("draft", 0, 1).callee(0),
            namespace: crate::words::name("notes"),
            by: [crate::words::name("finder")].into(),
            writes: document.clone(),
            expected: [("k".to_owned(), None)].into(),
        },
        Fact::Judged {
            judge: crate::words::name("check"),
            cell: crate::words::cell(),
            round: 0,
            judgement: Judgement {
                verdict: Verdict::Pass,
                score: 1.0,
                reasons: document.clone(),
                opinion: false,
            },
        },
        Fact::RunEnded { end: RunEnd::Done, output: Some(document), reason: None },
    ];
    let words = [
        "fix axis",
        "lay out draft",
        "skip",
        "draft 0/1 starts",
        "draft 0/1 intends",
        "draft 0/1 answered",
        "draft 0/1 logs",
        "draft 0/1 writes",
        "draft 0/1 fails",
        "draft 0/1 finishes",
        "check skips 0",
        "check escalates 0",
        "editor asks 0",
        "editor approves 0",
        "editor rejects 0",
        "editor edits 0",
        "draft 0/1 loses",
        "draft 0/1 parks",
        "draft 0/1 continues",
        "draft 0/1 reuses",
        "run pauses",
        "release 0",
        "drop",
        "fail",
    ];
    all.extend(words.map(fact));
    let pin = || Pin {
        project: "/p".into(),
        files: Default::default(),
        models: Vec::new(),
        assets: Document::of(&json!({ "brand": {} })),
        currency: None,
    };
    if let Some(Fact::RunStarted { pin: none, .. }) = all.first_mut() {
        *none = Some(pin());
    }
    let repinned = Repin { pin: Some(pin()), ..Repin::default() };
    all.push(Fact::RunResumed { by: detail(), repinned: Some(repinned), retry_failed: false });
    all.push(Fact::Reminded { ask: bailiwick_core::fact::AskId(detail()) });
    let artifact = |bytes: &[u8]| Artifact {
        digest: Digest::of(bytes),
        media_type: "image/png".into(),
        bytes: Bytes(1),
        name: None,
    };
    let (was, is) = (artifact(b"x"), artifact(b"y"));
    all.push(Fact::Recast { attempt: attempt("draft", 0, 1), was, is });
    all.push(Fact::Embedded {
        collection: crate::words::name("facts"),
        route: "builtin".into(),
        passages: 2,
        cost: Cost::ZERO,
    });
    all
}

/// What looks like a document in a fact that was written down: digest and size, and no artifact.
fn documents_in(written: &Value) -> usize {
    match written {
        Value::Object(map)
            if map.len() == 2 && map.contains_key("digest") && map.contains_key("bytes") =>
        {
            1
        }
        Value::Object(map) => map.values().map(documents_in).sum(),
        Value::Array(items) => items.iter().map(documents_in).sum(),
        _ => 0,
    }
}

#[test]
fn every_document_of_every_fact_is_listed() {
    let samples = samples();
    let mut seen: Vec<usize> = samples.iter().map(variant).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..VARIANTS).collect::<Vec<_>>(), "one sample for each variant");
    for mut fact in samples {
        let written = serde_json::to_value(&fact).unwrap();
        let listed = fact.documents().len();
        assert_eq!(listed, documents_in(&written), "{written}");
        let shared: Vec<_> = fact.documents().into_iter().cloned().collect();
        let mutable: Vec<_> = fact.documents_mut().into_iter().map(|d| d.clone()).collect();
        assert_eq!(shared, mutable, "{written}");
        assert_eq!(written["fact"], fact.name());
    }
}

#[test]
fn texts_are_attached_again_after_reading() {
    for fact in samples() {
        let mut read: Fact = serde_json::from_value(serde_json::to_value(&fact).unwrap()).unwrap();
        assert_eq!(read, fact);
        for (unloaded, original) in read.documents_mut().into_iter().zip(fact.documents()) {
            assert!(unloaded.text().is_none());
            assert!(unloaded.load(original.text().unwrap().clone()));
        }
        let texts =
            |fact: &Fact| fact.documents().iter().map(|d| d.text().cloned()).collect::<Vec<_>>();
        assert_eq!(texts(&read), texts(&fact));
    }
}
