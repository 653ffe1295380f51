//! Why a call has no answer: the guest is told so, the attempt is let go, or it is over. Makes no call.

use bailiwick_core::fact::{CallAnswer, Failure, FailureKind, Limit, ParkReason};
use bailiwick_core::ports::{BlobError, JournalError};
use bailiwick_policy::WhenSpent;
use bailiwick_policy::ports::Park;

use crate::call::CallError;
use crate::ledger::Spent;

/// Why a call has no answer: the guest is told so, the attempt is let go, or it is over.
pub(crate) enum Unanswered {
    Told(CallAnswer),
    NotNow(Park),
    Over(CallError),
}

impl From<CallAnswer> for Unanswered {
    fn from(answer: CallAnswer) -> Self {
        Self::Told(answer)
    }
}

impl From<Spent> for Unanswered {
    fn from(spent: Spent) -> Self {
        let Spent { limit, detail, when, renews, .. } = spent;
        let told =
            |finish| Self::Told(CallAnswer::Exhausted { limit, detail: detail.clone(), finish });
        match when {
            WhenSpent::Fail => told(false),
            WhenSpent::Finish => told(true),
            WhenSpent::Pause if renews => Self::NotNow(Park { reason: ParkReason::Day, detail }),
            WhenSpent::Pause => Self::NotNow(Park { reason: ParkReason::Budget, detail }),
        }
    }
}

pub(crate) fn exhausted(limit: Limit, detail: String) -> Unanswered {
    CallAnswer::Exhausted { limit, detail, finish: false }.into()
}

/// A full disk is made room on; anything else that storage says is told.
pub(crate) fn no_room(error: BlobError) -> Unanswered {
    match error {
        BlobError::Full { .. } => {
            Unanswered::NotNow(Park { reason: ParkReason::Disk, detail: error.to_string() })
        }
        error => exhausted(Limit::Storage, error.to_string()),
    }
}

pub(crate) fn limit(name: &str, used: u32, allowed: u32) -> Failure {
    let message = format!("limit:{name} used {used} of {allowed}");
    Failure { kind: FailureKind::Limit, message, hint: None }
}

pub(crate) fn gone(error: JournalError) -> CallError {
    CallError::Ended(Failure { kind: FailureKind::Host, message: error.to_string(), hint: None })
}
