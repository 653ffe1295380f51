//! Whether a call of an attempt may be made: the decision about its request by what holds now, and that it names nothing that is not its own. Asks nobody and changes nothing.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use bailiwick_core::fact::{CallAnswer, Capability};
use bailiwick_core::{Artifact, Bytes, Currency, DELEGATE_DEPTH_MAX};
use bailiwick_policy::Standing;
use serde_json::Value;

use crate::call::Request;
use crate::decide::{Case, Money, Permit};
use crate::delegate::DelegateRequest;
use crate::gate::Gate;

/// What bounds the money of this attempt, looked up where it is asked for.
pub(crate) struct Accounts<'a> {
    gate: &'a Gate,
    standing: &'a Standing,
    /// Who pays depends on what is asked for.
    power: Capability,
}

impl Money for Accounts<'_> {
    fn currency(&self) -> Option<Currency> {
        self.gate.gateway.ledger.currency(&self.gate.run)
    }

    fn is_bounded(&self) -> bool {
        let payer = self.gate.payer(self.power, self.standing);
        self.gate.gateway.ledger.counts_money(payer)
    }
}

impl Gate {
    pub(crate) fn authorize(
        &self,
        request: &Request,
        standing: &Standing,
    ) -> Result<Permit, CallAnswer> {
        let accounts = self.accounts(standing, request.capability());
        let permit = self.case(standing, &accounts).decide_by(request, standing)?;
        self.is_its_own(request)?;
        Ok(permit)
    }

    pub(crate) fn accounts<'a>(
        &'a self,
        standing: &'a Standing,
        power: Capability,
    ) -> Accounts<'a> {
        Accounts { gate: self, standing, power }
    }

    /// What a decision about a request of this attempt is made from.
    pub(crate) fn case<'a>(&'a self, standing: &'a Standing, money: &'a Accounts<'a>) -> Case<'a> {
        Case {
            agent: &self.generation.agent,
            identity: &self.generation.identity,
            step: &self.attempt.cell.step,
            powers: standing.effective(),
            clearances: &standing.clearances,
            models: &self.gateway.models,
            money,
            put: Bytes(self.put.load(Ordering::Relaxed)),
        }
    }

    /// Artifacts that a request names must be readable, wherever they stand in it.
    fn is_its_own(&self, request: &Request) -> Result<(), CallAnswer> {
        let readable = || self.readable.lock().unwrap_or_else(PoisonError::into_inner);
        match request {
            Request::Complete(model) => {
                let readable = readable();
                let stranger = model.artifacts().find(|artifact| !readable.contains(artifact));
                stranger.map_or(Ok(()), |stranger| Err(self.unreadable(stranger)))
            }
            Request::Get(artifact) => match readable().contains(artifact) {
                true => Ok(()),
                false => Err(self.unreadable(artifact)),
            },
            Request::Fetch(fetch) => self.check_body(&fetch.body),
            Request::Kv(request) => match request.sends() {
                Some(value) => self.check_references(value).map_err(|foreign| {
                    CallAnswer::Invalid { detail: format!("foreign-artifact: {foreign}") }
                }),
                None => Ok(()),
            },
            Request::Delegate(request) => self.may_call(request),
            Request::Embed(_)
            | Request::EmbedQuery { .. }
            | Request::GenerateImage(_)
            | Request::Search(_)
            | Request::Put(_) => Ok(()),
        }
    }

    /// Who is called works under its own grants, so nothing of this attempt's is asked here
    /// but whether it hands on what is its own, and whether anybody would wait for himself.
    fn may_call(&self, request: &DelegateRequest) -> Result<(), CallAnswer> {
        let (own, name) = (&self.generation.agent, request.agent.as_str());
        let hint = Some("let the pipeline have another step instead".to_owned());
        if self.works_above(name) {
            let reason = format!("{name} waits for {own} already: no agent calls itself");
            return Err(CallAnswer::Denied { reason, hint });
        }
        if self.attempt.path.depth() >= DELEGATE_DEPTH_MAX {
            let reason =
                format!("{own} was called {DELEGATE_DEPTH_MAX} deep, and may not call {name}");
            return Err(CallAnswer::Denied { reason, hint });
        }
        self.check_references(&request.input.value()).map_err(|foreign| {
            let reason = format!("foreign-artifact: what it hands to {name}: {foreign}");
            let hint = Some("an agent hands on what its input names, and what it was given".into());
            CallAnswer::Denied { reason, hint }
        })
    }

    fn unreadable(&self, artifact: &Artifact) -> CallAnswer {
        CallAnswer::Denied {
            reason: format!(
                "the artifact {:?} is neither in the input of {} nor put by this attempt",
                artifact.digest, self.generation.agent
            ),
            hint: Some("name it in the step's `input`: an agent reads what its input names".into()),
        }
    }

    /// References in a body that is JSON must be the sender's own. Text that merely looks
    /// like it is nobody's business: what cannot be parsed cannot be a reference.
    fn check_body(&self, body: &[u8]) -> Result<(), CallAnswer> {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        if !matches!(first, Some(b'{' | b'[')) {
            return Ok(());
        }
        let checked = self.work(|| match serde_json::from_slice::<Value>(body) {
            Ok(document) => self.check_references(&document).map_err(|error| error.to_string()),
            Err(_) => Ok(()),
        });
        let reason = match checked {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => reason,
            Err(error) => error.to_string(),
        };
        Err(CallAnswer::Denied { reason: format!("foreign-artifact: {reason}"), hint: None })
    }
}
