//! What becomes of an answer to a question: new, said before, or refused with a reason. One function for hosts that drive the run and for commands that only write it down; changes nothing.

use bailiwick_core::artifact::references;
use bailiwick_core::fact::{AskId, Decision, RunEnd};
use bailiwick_core::ports::JournalError;
use bailiwick_core::run::{Ask, End};
use bailiwick_core::schema::Schema;
use bailiwick_core::{Digest, Document, RunState, canonical};

/// What somebody says of a question. Whether he may was looked at before.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The question.
    pub ask: AskId,
    /// What he says.
    pub decision: Decision,
    /// Who he is.
    pub by: String,
    /// The candidate that he was shown, where he says it: the answer is about that one only.
    pub subject: Option<Digest>,
}

/// An answer that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is to be written down.
    New,
    /// The same was decided before, by whom it says; nothing changes.
    Already {
        /// Who said it first.
        by: String,
    },
}

/// Why an answer was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The run has ended.
    #[error("the run has ended")]
    RunEnded,
    /// There is no such question.
    #[error("there is no question {0}")]
    NoSuchQuestion(AskId),
    /// Something else was decided before.
    #[error("{ask} is {was} already, by {by}")]
    Answered {
        /// The question.
        ask: AskId,
        /// What was decided, as `approved`.
        was: &'static str,
        /// By whom.
        by: String,
    },
    /// Nobody needs an answer any more.
    #[error("{ask} was withdrawn: {why}")]
    Withdrawn {
        /// The question.
        ask: AskId,
        /// What happened to its candidate.
        why: String,
    },
    /// The candidate is not the one that he was shown.
    #[error("{ask} is about {asked}, and you were shown {shown}")]
    Changed {
        /// The question.
        ask: AskId,
        /// The digest of the candidate that is asked about.
        asked: Digest,
        /// The digest that came with the answer.
        shown: Digest,
    },
    /// An edit takes a round, and none is left.
    #[error("an edit takes one of this judge's rounds, and none is left")]
    NoRoundLeft,
    /// The new value is not what the judged step may put out.
    #[error("the new value does not fit: {0}")]
    Value(String),
    /// He lowers the label of what he started himself.
    #[error(
        "{by} started {run}, and {judge} lowers it from {from} to {to}: somebody else has to approve"
    )]
    OwnRun {
        /// Who wanted to approve.
        by: String,
        /// The run.
        run: bailiwick_core::RunId,
        /// The judge.
        judge: bailiwick_core::Name,
        /// The label of what is judged.
        from: String,
        /// What its readers would get.
        to: String,
    },
    /// Storage failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The answer as it is taken: the new value of what people lower the label of is kept in
/// the form in which it is shown to them.
#[must_use]
pub fn in_form(state: &RunState, mut answer: Answer) -> Answer {
    let judge = state.asks.get(&answer.ask).map(|ask| &ask.judge);
    let lowers = judge.and_then(|judge| state.labels.as_ref()?.lowers(judge)).is_some();
    if let (true, Decision::Edit { value, .. }) = (lowers, &mut answer.decision)
        // One that would lose a member is refused by `fit`.
        && let Ok(form) = canonical::document(&value.value())
    {
        *value = Document::of(&form);
    }
    answer
}

/// Judges an answer against everything that is known of the run. `output` is the schema
/// of what the judged step puts out; an edit cannot be judged without one.
///
/// # Errors
/// [`Refused`] with the reason.
pub fn fit(state: &RunState, output: Option<&Schema>, answer: &Answer) -> Result<Fit, Refused> {
    let id = &answer.ask;
    let ask = state.asks.get(id).ok_or_else(|| Refused::NoSuchQuestion(id.clone()))?;
    if let Some(shown) = answer.subject
        && shown != ask.subject
    {
        return Err(Refused::Changed { ask: id.clone(), asked: ask.subject, shown });
    }
    if let Some((was, by)) = &ask.answer {
        let by = by.clone();
        return match is_same(was, &answer.decision) {
            true => Ok(Fit::Already { by }),
            false => Err(Refused::Answered { ask: id.clone(), was: past(was), by }),
        };
    }
    if let Some(why) = withdrawn(state, id, ask) {
        return Err(Refused::Withdrawn { ask: id.clone(), why });
    }
    match &answer.decision {
        Decision::Approve { .. } if ask.votes.contains(&answer.by) => {
            Ok(Fit::Already { by: answer.by.clone() })
        }
        Decision::Approve { .. } => own_run(state, ask, answer).map_or(Ok(Fit::New), Err),
        Decision::Edit { value, .. } => {
            let value = value.value();
            if rounds_left(state, ask) == 0 {
                return Err(Refused::NoRoundLeft);
            }
            let schema = output.ok_or_else(|| {
                Refused::Value("the agent that would have to fit is not here".to_owned())
            })?;
            let lowers = state.labels.as_ref().and_then(|labels| labels.lowers(&ask.judge));
            let form = canonical::document(&value);
            if lowers.is_some() && form.as_ref() != Ok(&value) {
                let why = "it holds what cannot be seen, and its label is lowered";
                return Err(Refused::Value(why.to_owned()));
            }
            schema.check(&value).map_err(|mismatch| Refused::Value(mismatch.to_string()))?;
            no_foreign_artifact(state, ask, &value).map(|()| Fit::New)
        }
        _ => Ok(Fit::New),
    }
}

/// Who says what runs does not count where people lower a label, unless the rule says so.
fn own_run(state: &RunState, ask: &Ask, answer: &Answer) -> Option<Refused> {
    let lowers = state.labels.as_ref()?.lowers(&ask.judge)?;
    if lowers.own || !state.steered_by.contains(&answer.by) {
        return None;
    }
    let label = state.labels.as_ref()?.steps.get(&ask.judge)?;
    Some(Refused::OwnRun {
        by: answer.by.clone(),
        run: state.run.clone(),
        judge: ask.judge.clone(),
        from: label.label.clone(),
        to: lowers.to.clone(),
    })
}

/// Revisions that the judge who asks may still cause for the cell that he asks about.
#[must_use]
pub fn rounds_left(state: &RunState, ask: &Ask) -> u32 {
    let judge = state.step(&ask.judge).and_then(|step| step.shape.judges.as_ref());
    let caused = state.cell(&ask.cell).map_or(0, |cell| cell.revisions_of(&ask.judge));
    judge.map_or(0, |judge| judge.rounds).saturating_sub(caused)
}

/// What was decided, in words.
#[must_use]
pub fn past(decision: &Decision) -> &'static str {
    match decision {
        Decision::Approve { .. } => "approved",
        Decision::Reject { .. } => "rejected",
        Decision::Edit { .. } => "edited",
    }
}

/// Whether both come to the same; what was said besides does not count.
fn is_same(one: &Decision, other: &Decision) -> bool {
    match (one, other) {
        (Decision::Edit { value, .. }, Decision::Edit { value: other, .. }) => {
            value.digest() == other.digest()
        }
        _ => one.as_str() == other.as_str(),
    }
}

/// Why a question without answer needs none any more.
fn withdrawn(state: &RunState, id: &AskId, ask: &Ask) -> Option<String> {
    let cell = state.cell(&ask.cell)?;
    let said = match cell.end() {
        Some(End::Dropped { reason }) => format!("{} was dropped: {reason}", ask.cell),
        Some(End::Failed { failure }) => format!("{} failed: {failure}", ask.cell),
        Some(End::Released { .. } | End::Skipped) => format!("{} has ended", ask.cell),
        None => match state.end {
            Some(end) if end != RunEnd::Interrupted => "the run has ended".to_owned(),
            _ if cell.is_asked(id) => return None,
            _ => format!("the candidate of {} is another one since", ask.cell),
        },
    };
    Some(said)
}

/// An edit may keep, move and leave out what the candidate holds; it brings in no bytes.
fn no_foreign_artifact(
    state: &RunState,
    ask: &Ask,
    value: &serde_json::Value,
) -> Result<(), Refused> {
    let candidate = state.cell(&ask.cell).and_then(|cell| cell.candidate(ask.round));
    let known = candidate.and_then(|c| references(&c.output.value()).ok()).unwrap_or_default();
    let named = references(value).map_err(|error| Refused::Value(error.to_string()))?;
    match named.into_iter().find(|(_, artifact)| !known.values().any(|own| own == artifact)) {
        Some((path, _)) => {
            Err(Refused::Value(format!("at {path}: an artifact that the candidate does not have")))
        }
        None => Ok(()),
    }
}
