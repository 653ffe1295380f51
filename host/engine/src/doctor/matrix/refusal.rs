//! What must come of an attempt, and whether it did. Knows no attack.

use bailiwick_core::fact::{CallAnswer, Failure, FailureKind, LogEntry};

/// What must come of an attempt: the kind of end, and words that name the reason.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// The attempt fails as this.
    Ends(FailureKind, &'static str),
    /// It fails as this after so many tries.
    Tries(FailureKind, usize),
    /// Its last call is denied, and the operator is told this.
    Denied(&'static str),
    /// Something ran out at its last call.
    Exhausted(&'static str),
    /// Its last call was no call that anybody makes.
    Invalid(&'static str),
    /// So many of its calls are answered; the rest runs out.
    Only(usize),
    /// It is answered what it asked, and that is nothing: all answers are this document.
    Finds(&'static str),
    /// It goes on, and what a person is shown of it has these words.
    Shown(&'static str),
    /// What it gave is not released, for this reason.
    Dropped(&'static str),
    /// It is refused before anything runs, with this code and these words.
    Refused(&'static str, &'static str),
}

/// What came of an attempt.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// The answers to its calls, in order.
    pub(super) answers: Vec<CallAnswer>,
    /// Its log.
    pub(super) lines: Vec<LogEntry>,
    /// How its attempts failed.
    pub(super) failures: Vec<Failure>,
    /// How its cells did.
    pub(super) ended: Vec<Failure>,
    /// Why its cells were dropped.
    pub(super) dropped: Vec<String>,
    /// Cells that ended with a value.
    pub(super) released: usize,
    /// What was found before anything ran: codes and messages.
    pub(super) found: Vec<(String, String)>,
}

impl Refusal {
    /// What was observed, in words, and why it is a breach where it is one.
    pub(super) fn judge(&self, observed: &Observed) -> (String, Option<String>) {
        let shown = observed.shown();
        let held = match self {
            Self::Ends(kind, words) => observed
                .ended
                .iter()
                .any(|failure| failure.kind == *kind && failure.message.contains(words)),
            Self::Tries(kind, tries) => {
                observed.ended.iter().any(|failure| failure.kind == *kind)
                    && observed.failures.len() == *tries
            }
            Self::Denied(words) => match observed.answers.last() {
                Some(CallAnswer::Denied { reason, .. }) => reason.contains(words),
                _ => false,
            },
            Self::Exhausted(words) => match observed.answers.last() {
                Some(CallAnswer::Exhausted { detail, .. }) => detail.contains(words),
                _ => false,
            },
            Self::Invalid(words) => match observed.answers.last() {
                Some(CallAnswer::Invalid { detail }) => detail.contains(words),
                _ => false,
            },
            Self::Only(most) => {
                let is_ok = |answer: &&CallAnswer| matches!(answer, CallAnswer::Ok { .. });
                let is_out = |answer: &&CallAnswer| matches!(answer, CallAnswer::Exhausted { .. });
                let answered = observed.answers.iter().filter(is_ok).count();
                let out = observed.answers.iter().filter(is_out).count();
                answered == *most && answered + out == observed.answers.len() && out > 0
            }
            Self::Finds(document) => {
                let is_it = |answer: &CallAnswer| match answer {
                    CallAnswer::Ok { value, .. } => {
                        value.text().is_some_and(|text| **text == **document)
                    }
                    _ => false,
                };
                !observed.answers.is_empty() && observed.answers.iter().all(is_it)
            }
            Self::Shown(words) => {
                observed.released > 0
                    && observed.lines.iter().any(|line| line.message.contains(words))
            }
            Self::Dropped(words) => observed.dropped.iter().any(|reason| reason.contains(words)),
            Self::Refused(code, words) => observed
                .found
                .iter()
                .any(|(found, message)| found == code && message.contains(words)),
        };
        let breach = (!held).then(|| format!("expected {self}; found {shown}"));
        (shown, breach)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ends(FailureKind::Limit, words) => write!(f, "ended: {words}"),
            Self::Ends(kind, "") => write!(f, "ended: {}", kind.as_str()),
            Self::Ends(kind, words) => write!(f, "ended: {}, {words}", kind.as_str()),
            Self::Tries(kind, tries) => write!(f, "ended: {}, after {tries} tries", kind.as_str()),
            Self::Denied(words) => write!(f, "denied: {words}"),
            Self::Exhausted(words) => write!(f, "exhausted: {words}"),
            Self::Invalid(words) => write!(f, "invalid: {words}"),
            Self::Only(most) => write!(f, "{most} answered, the rest exhausted"),
            Self::Finds(document) => write!(f, "answered {document}"),
            Self::Shown(words) => write!(f, "shown as {words}"),
            Self::Dropped(words) => write!(f, "dropped: {words}"),
            Self::Refused(code, words) => write!(f, "refused: {code} {words}"),
        }
    }
}

impl Observed {
    /// The most telling of it, on one line.
    fn shown(&self) -> String {
        if let Some((code, message)) = self.found.first() {
            return format!("{code} {message}");
        }
        if let Some(failure) = self.ended.first() {
            let tries = self.failures.len();
            let after = if tries > 1 { format!(" (after {tries} tries)") } else { String::new() };
            return format!("{failure}{after}");
        }
        if let Some(reason) = self.dropped.first() {
            return format!("dropped: {reason}");
        }
        let answered =
            self.answers.iter().filter(|one| matches!(one, CallAnswer::Ok { .. })).count();
        match self.answers.last() {
            Some(CallAnswer::Ok { value, .. }) if self.answers.len() == 1 => {
                format!("answered {}", value.text().map_or("a document", |text| text))
            }
            Some(CallAnswer::Ok { .. }) => format!("{answered} of {} answered", self.answers.len()),
            Some(CallAnswer::Denied { reason, .. }) => format!("denied: {reason}"),
            Some(CallAnswer::Exhausted { detail, .. }) => {
                format!("exhausted after {answered} answers: {detail}")
            }
            Some(CallAnswer::Invalid { detail }) => format!("invalid: {detail}"),
            Some(CallAnswer::Unavailable { detail }) => format!("unavailable: {detail}"),
            Some(CallAnswer::Failed { failure }) => format!("failed: {}", failure.message),
            None => match self.lines.last() {
                Some(line) => format!("went on: {}", line.message),
                None if self.released > 0 => "went on, and nothing was refused".into(),
                None => "nothing happened".into(),
            },
        }
    }
}
