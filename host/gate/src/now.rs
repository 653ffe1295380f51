//! What holds for an attempt at this moment, and how it ends when a power is gone that it had. Decides about no request.

use std::sync::{Arc, PoisonError};

use bailiwick_core::fact::{CallAnswer, Capability, Failure, FailureKind};
use bailiwick_core::{Cost, Digest};
use bailiwick_policy::Standing;

use crate::call::{Answer, CallError, Request};
use crate::gate::Gate;

impl Gate {
    /// What holds now, as one snapshot. A look at a number, unless something has changed.
    pub(crate) fn standing(&self) -> Arc<Standing> {
        let version = self.gateway.rules.version();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.version != version {
            *seen = self.gateway.rules.standing(&self.generation);
        }
        Arc::clone(&seen)
    }

    /// Whether a request that is denied now was not when the attempt began.
    pub(crate) fn had(&self, request: &Request, answer: &CallAnswer) -> bool {
        matches!(answer, CallAnswer::Denied { .. })
            && !Arc::ptr_eq(&self.began, &self.standing())
            && self.authorize(request, &self.began).is_ok()
    }

    /// The denial of every request where the component itself is admitted no more.
    pub(crate) fn withdrawn(&self, standing: &Standing) -> Option<CallAnswer> {
        let gone = standing.withdrawn()?;
        Some(CallAnswer::Denied { reason: gone.to_string(), hint: Some(gone.line()) })
    }

    /// The denial of a request that was let through a moment ago, where it would not be now.
    pub(crate) fn gone(&self, request: &Request, before: &Standing) -> Option<CallAnswer> {
        let now = self.standing();
        if now.version == before.version {
            return None;
        }
        self.authorize(request, &now).err().filter(|gone| matches!(gone, CallAnswer::Denied { .. }))
    }

    /// A power is gone that the attempt had: whatever was answered is lost, what it cost is
    /// kept, the denial stands in the run, and the attempt is over.
    pub(crate) async fn revoked(
        &self,
        (index, capability, request): (u32, Capability, Digest),
        gone: CallAnswer,
        cost: Cost,
    ) -> Result<Answer, CallError> {
        let (reason, hint) = match &gone {
            CallAnswer::Denied { reason, hint } => (reason.clone(), hint.clone()),
            _ => (String::new(), None),
        };
        let noted = self.note(index, capability, request, Err(gone), cost, None).await;
        // Without a journal nothing that follows would be written down either.
        if let Err(CallError::Ended(failure)) = noted
            && failure.kind == FailureKind::Host
        {
            return Err(CallError::Ended(failure));
        }
        let message = format!("a power was taken away while it ran: {reason}");
        Err(CallError::Ended(Failure { kind: FailureKind::Revoked, message, hint }))
    }
}
