//! What a listing shows of a run. Knows no fact and no table.

use bailiwick_core::{Cost, Name, Timestamp};

/// Where a run stands, as far as its facts say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RunPhase {
    /// Something is done or about to be.
    #[default]
    Running,
    /// Only people can go on.
    Waiting,
    /// A host lets it rest until it is resumed.
    Paused,
    /// It ended and has its output.
    Done,
    /// A step failed beyond what it tolerates.
    Failed,
    /// Somebody ended it for good.
    Cancelled,
    /// Its process was stopped, or ended before it did.
    Interrupted,
}

impl RunPhase {
    const ALL: [Self; 7] = [
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The word that people and scripts read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The phase of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }

    /// Whether its owner does nothing more with it now. What is interrupted or failed can
    /// be resumed, by a claim.
    #[must_use]
    pub fn is_over(self) -> bool {
        self.is_ended() || self == Self::Interrupted
    }

    /// Whether it ended, as retention counts: an interrupted run still waits for somebody.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl std::fmt::Display for RunPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The derived columns of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) pipeline: Option<Name>,
    /// Empty where the run does not say, as those of the first format.
    pub(crate) project: String,
    pub(crate) phase: RunPhase,
    pub(crate) started: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) cost: Cost,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_phases_correspond() {
        for phase in RunPhase::ALL {
            assert_eq!(RunPhase::from_word(phase.as_str()), Some(phase));
        }
        assert_eq!(RunPhase::from_word("resting"), None);
    }
}
