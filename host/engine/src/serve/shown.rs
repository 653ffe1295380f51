//! Which bytes of a run somebody may fetch: what it was given, what it put out, what people were asked about. Never the files that it is pinned to, nor what agents said to models.

use std::collections::BTreeSet;

use bailiwick_core::artifact::references;
use bailiwick_core::run::Ask;
use bailiwick_core::{Diagnostic, Digest, Document, RunId, RunState};
use bailiwick_policy::Right;

use crate::codes;
use crate::problems::Problems;

/// What of a run somebody may fetch, as it was when he asked.
#[derive(Clone, Debug)]
pub struct Shown {
    pub(crate) run: RunId,
    /// By which right: it is looked at again at each fetch.
    pub(crate) right: Right,
    digests: BTreeSet<Digest>,
}

impl Shown {
    /// For who starts runs: all that it was given and has put out.
    pub(crate) fn whole(state: &RunState) -> Self {
        let mut digests: BTreeSet<_> =
            state.imported.iter().map(|artifact| artifact.digest).collect();
        let cells = state.steps.iter().flat_map(|step| step.cells.values());
        let candidates = cells.flat_map(|cell| &cell.candidates).map(|candidate| &candidate.output);
        let shown = state.asks.values().map(|ask| &ask.show);
        for document in candidates.chain(shown).chain(&state.output) {
            add(&mut digests, document);
        }
        Self { run: state.run.clone(), right: Right::Submit, digests }
    }

    /// For who answers questions: what those are about that he is asked.
    pub(crate) fn asked(state: &RunState, is_asked: impl Fn(&Ask) -> bool) -> Self {
        let mut digests = BTreeSet::new();
        for (_, ask) in state.open_asks().filter(|(_, ask)| is_asked(ask)) {
            let candidate = state.cell(&ask.cell).and_then(|cell| cell.candidate(ask.round));
            add(&mut digests, &ask.show);
            if let Some(candidate) = candidate {
                add(&mut digests, &candidate.output);
            }
        }
        Self { run: state.run.clone(), right: Right::Approve, digests }
    }

    /// Whether these bytes are among them.
    #[must_use]
    pub fn holds(&self, run: &RunId, digest: &Digest) -> bool {
        self.run == *run && self.digests.contains(digest)
    }

    pub(crate) fn refuse(&self, digest: &Digest) -> Problems {
        let whose = match self.right {
            Right::Submit => "what it was given, what it has put out and what people are asked",
            _ => "what the questions are about that are put to you",
        };
        let message = format!("{digest} is not handed out: of run {} it is {whose}", self.run);
        Problems::one(Diagnostic::error(codes::MAY_NOT, message))
    }
}

/// A document, and the artifacts in it.
fn add(digests: &mut BTreeSet<Digest>, document: &Document) {
    digests.insert(document.digest());
    let named = references(&document.value()).unwrap_or_default();
    digests.extend(named.into_values().map(|artifact| artifact.digest));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bailiwick_core::fact::{AskId, Entry, Fact, JudgeShape, StepBy, StepShape, Used};
    use bailiwick_core::{Artifact, AttemptId, Bytes, CellId, CellKey, Name, Timestamp};
    use serde_json::json;

    use super::*;

    fn artifact(text: &str) -> Artifact {
        let media_type = "image/png".into();
        let digest = Digest::of(text.as_bytes());
        Artifact { digest, media_type, bytes: Bytes(1), name: None }
    }

    #[test]
    fn who_answers_gets_what_he_is_asked_about_and_who_submits_gets_more() {
        let name = |text: &str| Name::new(text).unwrap();
        let (run, draft, editor) = (RunId::new("r").unwrap(), name("draft"), name("editor"));
        let cell = CellId { step: draft.clone(), key: CellKey::single() };
        let attempt = AttemptId::new(cell.clone(), 0, 1);
        let [brief, picture, beside] = ["brief", "picture", "beside"].map(artifact);
        let (component, pinned) = (Digest::of(b"component"), Digest::of(b"powers"));
        let output = Document::of(&json!({ "picture": picture.to_json() }));
        let judges = JudgeShape { subject: draft.clone(), rounds: 0, quorum: 1 };
        let asked = Fact::Asked {
            ask: AskId::of(&run, &editor, &cell, 0),
            cell: cell.clone(),
            round: 0,
            subject: output.digest(),
            show: Document::of(&json!({ "beside": beside.to_json() })),
            groups: vec!["editors".into()],
            quorum: 1,
            until: None,
        };
        let started = Fact::RunStarted {
            run: run.clone(),
            pipeline: name("main"),
            input: Document::of(&json!({})),
            shape: vec![
                StepShape { name: draft.clone(), by: StepBy::Agent(draft.clone()), judges: None },
                StepShape {
                    name: editor.clone(),
                    by: StepBy::People(vec!["editors".into()]),
                    judges: Some(judges),
                },
            ],
            agents: BTreeMap::new(),
            imported: vec![brief.clone()],
            by: "ana".into(),
            pin: None,
            forked: None,
            labels: None,
        };
        let input = Document::of(&json!({}));
        let facts = vec![
            started,
            Fact::StepLaidOut { step: draft, cells: vec![CellKey::single()] },
            Fact::CellStarted {
                attempt: attempt.clone(),
                component,
                powers: pinned,
                input,
                content: None,
            },
            Fact::CellFinished { attempt, output, used: Used::default() },
            asked,
        ];
        let state = RunState::replay(&[Entry { at: Timestamp(1), facts }]).unwrap().unwrap();
        let holds =
            |shown: &Shown| [&brief, &picture, &beside].map(|one| shown.holds(&run, &one.digest));
        assert_eq!(holds(&Shown::whole(&state)), [true, true, true]);
        assert_eq!(holds(&Shown::asked(&state, |_| true)), [false, true, true]);
        assert_eq!(holds(&Shown::asked(&state, |_| false)), [false; 3]);
        let other = RunId::new("other").unwrap();
        assert!(!Shown::whole(&state).holds(&other, &brief.digest));
        for secret in [component, pinned] {
            assert!(!Shown::whole(&state).holds(&run, &secret));
        }
    }
}
