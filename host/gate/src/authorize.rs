//! Whether a call may be made: grants, aliases, collections, references, room. The default is no; asks nobody and changes nothing.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use bailiwick_core::fact::{CallAnswer, Capability, Limit};
use bailiwick_core::{Artifact, Bytes, Currency, DELEGATE_DEPTH_MAX, Name};
use bailiwick_policy::grants::{KvGrant, ModelGrant};
use bailiwick_policy::price::Priced;
use bailiwick_policy::{Generation, Route};

use crate::call::Request;
use crate::delegate::DelegateRequest;
use crate::gate::Gate;
use crate::http::Way;
use crate::kv::KvRequest;

/// What authorisation found: exactly what the effect needs, so that nothing is looked
/// up again after it was judged.
pub(crate) enum Permit {
    Routes(Vec<Route>),
    Web(Box<Way>),
    Collection(Name),
    Put,
    Get,
    Kv(KvGrant),
    Delegate(Arc<Generation>),
}

impl Gate {
    pub(crate) fn authorize(&self, request: &Request) -> Result<Permit, CallAnswer> {
        request.check().map_err(|detail| CallAnswer::Invalid { detail })?;
        match request {
            Request::Complete(model) => {
                let readable = self.readable.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(stranger) =
                    model.artifacts().find(|artifact| !readable.contains(artifact))
                {
                    return Err(self.unreadable(stranger));
                }
                self.authorize_model(&model.alias, Priced::Words)
            }
            Request::Embed(model) => self.authorize_model(&model.alias, Priced::Vectors),
            Request::GenerateImage(model) => self.authorize_model(&model.alias, Priced::Pictures),
            Request::EmbedQuery { collection, request } => {
                self.authorize_collection(collection)?;
                // The collection's model needs no grant, but what it takes is counted with
                // the agent's own calls, and bounded with them.
                self.routes(&request.alias, Priced::Vectors)
            }
            Request::Search(search) => self.authorize_collection(&search.collection),
            Request::Fetch(fetch) => self.authorize_fetch(fetch).map(Box::new).map(Permit::Web),
            Request::Put(put) => self.authorize_put(put.bytes.len() as u64),
            Request::Get(artifact) => self.authorize_get(artifact),
            Request::Kv(request) => self.authorize_kv(request),
            Request::Delegate(request) => self.authorize_delegate(request),
        }
    }

    fn authorize_model(&self, alias: &str, kind: Priced) -> Result<Permit, CallAnswer> {
        let grant = self.generation.effective.grants.model.as_ref();
        match grant.filter(|grant| grant.aliases.iter().any(|name| name.as_str() == alias)) {
            None => Err(self.ungranted(
                format!("the model {alias:?} is not granted to {}", self.generation.agent),
                model_line(grant, alias, self.gateway.ledger.currency(&self.run)),
            )),
            Some(_) => self.routes(alias, kind),
        }
    }

    /// Where money is bounded, only what has a price is asked: without one, a call could
    /// cost anything.
    fn routes(&self, alias: &str, kind: Priced) -> Result<Permit, CallAnswer> {
        let routes = self.gateway.models.get(alias).map(Vec::as_slice).unwrap_or_default();
        if routes.is_empty() {
            let detail = format!("the model {alias:?} has no route");
            return Err(CallAnswer::Unavailable { detail });
        }
        let routes = self.cleared(routes)?;
        let Some(first) = routes.first() else { return Ok(Permit::Routes(routes)) };
        if !self.gateway.ledger.counts_money(self.payer(Capability::Model)) {
            return Ok(Permit::Routes(routes));
        }
        let priced = routes.iter().filter(|route| route.lacks_price(kind).is_none());
        let priced: Vec<_> = priced.cloned().collect();
        if !priced.is_empty() {
            return Ok(Permit::Routes(priced));
        }
        let missing = first.lacks_price(kind).unwrap_or("input");
        Err(CallAnswer::Denied {
            reason: format!(
                "money is bounded, and no route of {alias:?} has a price for this call"
            ),
            hint: Some(format!(
                "in bailiwick.toml, in the route {first} under [models.{alias}]: price = {{ {missing} = \"…\" }}"
            )),
        })
    }

    /// The routes along which what this step may know may be sent. The static check looked
    /// at all of them; this one looks at what is dialled.
    fn cleared(&self, routes: &[Route]) -> Result<Vec<Route>, CallAnswer> {
        let (mut cleared, mut refused) = (Vec::new(), None);
        for route in routes {
            match self.gateway.clearances.route(&self.attempt.cell.step, route) {
                Ok(()) => cleared.push(route.clone()),
                Err(not) => refused = Some(not),
            }
        }
        match refused {
            Some(not) if cleared.is_empty() => {
                Err(CallAnswer::Denied { reason: not.to_string(), hint: Some(not.hint) })
            }
            _ => Ok(cleared),
        }
    }

    fn authorize_collection(&self, collection: &str) -> Result<Permit, CallAnswer> {
        let granted = &self.generation.effective.grants.knowledge;
        match granted.get(collection) {
            Some(name) => Ok(Permit::Collection(name.clone())),
            None => Err(self.ungranted(
                format!(
                    "the collection {collection:?} is not granted to {}",
                    self.generation.agent
                ),
                format!("grants.knowledge = {}", names(granted, collection)),
            )),
        }
    }

    fn authorize_put(&self, bytes: u64) -> Result<Permit, CallAnswer> {
        let granted = self.generation.effective.grants.artifacts.and_then(|grant| grant.put);
        let Some(granted) = granted else {
            return Err(self.ungranted(
                format!("{} may not put artifacts", self.generation.agent),
                "grants.artifacts = { put = \"64 MiB\" }".into(),
            ));
        };
        let most = granted.min(self.generation.effective.limits.artifacts);
        let put = self.put.load(Ordering::Relaxed);
        if put.saturating_add(bytes) > most.0 {
            let detail =
                format!("{} are put, {} more do not fit into {most}", Bytes(put), Bytes(bytes));
            return Err(CallAnswer::Exhausted { limit: Limit::Bytes, detail, finish: false });
        }
        Ok(Permit::Put)
    }

    fn authorize_get(&self, artifact: &Artifact) -> Result<Permit, CallAnswer> {
        if self.generation.effective.grants.artifacts.is_none() {
            return Err(self.ungranted(
                format!("{} may not read artifacts", self.generation.agent),
                "grants.artifacts = {}".into(),
            ));
        }
        let readable = self.readable.lock().unwrap_or_else(PoisonError::into_inner);
        if readable.contains(artifact) { Ok(Permit::Get) } else { Err(self.unreadable(artifact)) }
    }

    fn authorize_kv(&self, request: &KvRequest) -> Result<Permit, CallAnswer> {
        let agent = &self.generation.agent;
        let Some(grant) = &self.generation.effective.grants.kv else {
            let reason = format!("no namespace is granted to {agent}");
            return Err(self.ungranted(reason, "grants.kv = { namespace = \"NAMESPACE\" }".into()));
        };
        if request.writes() && !grant.write {
            let namespace = &grant.namespace;
            return Err(CallAnswer::Denied {
                reason: format!("{agent} reads the namespace {namespace} and may not write it"),
                hint: Some(format!(
                    "in bailiwick.toml, under [kv.{namespace}]: writers = [{:?}]",
                    agent.as_str()
                )),
            });
        }
        if let Some(value) = request.sends() {
            self.check_references(value).map_err(|foreign| CallAnswer::Invalid {
                detail: format!("foreign-artifact: {foreign}"),
            })?;
        }
        Ok(Permit::Kv(grant.clone()))
    }

    /// Who is called works under its own grants, so nothing of this attempt's is asked here
    /// but whether it may call.
    fn authorize_delegate(&self, request: &DelegateRequest) -> Result<Permit, CallAnswer> {
        let (own, wanted) = (&self.generation.agent, request.agent.as_str());
        let granted: BTreeSet<Name> = self.generation.effective.grants.callees().cloned().collect();
        let Some(name) = granted.get(wanted) else {
            return Err(self.ungranted(
                format!("the agent {wanted:?} is not granted to {own}"),
                format!("grants.delegate = {}", names(&granted, wanted)),
            ));
        };
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
        if let Err(foreign) = self.check_references(&request.input.value()) {
            let reason = format!("foreign-artifact: what it hands to {name}: {foreign}");
            let hint = Some("an agent hands on what its input names, and what it was given".into());
            return Err(CallAnswer::Denied { reason, hint });
        }
        match self.gateway.agents.current(name) {
            Some(generation) => Ok(Permit::Delegate(generation)),
            None => {
                let reason = format!("there is no agent {name} in this run");
                let hint = Some(format!("declare [agents.{name}] in bailiwick.toml"));
                Err(CallAnswer::Denied { reason, hint })
            }
        }
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

    pub(crate) fn ungranted(&self, reason: String, line: String) -> CallAnswer {
        let hint = format!("in bailiwick.toml, under [agents.{}]: {line}", self.generation.agent);
        CallAnswer::Denied { reason, hint: Some(hint) }
    }
}

/// The line that grants `alias` besides what is granted: it stands for the whole line
/// of now, so it must not take anything away.
fn model_line(granted: Option<&ModelGrant>, alias: &str, currency: Option<Currency>) -> String {
    let Some(granted) = granted else {
        return format!("grants.model = {{ use = [{alias:?}] }}");
    };
    let numbers = [
        ("calls", granted.calls.map(|calls| calls.0.to_string())),
        ("tokens", granted.tokens.map(|tokens| tokens.0.to_string())),
        ("money", granted.money.map(|money| format!("{:?}", money.show(currency)))),
    ];
    let numbers: String = numbers
        .into_iter()
        .filter_map(|(key, number)| Some(format!(", {key} = {}", number?)))
        .collect();
    format!("grants.model = {{ use = {}{numbers} }}", names(&granted.aliases, alias))
}

/// A list of TOML.
fn names(granted: &BTreeSet<Name>, asked: &str) -> String {
    let names: BTreeSet<_> = granted.iter().map(Name::as_str).chain([asked]).collect();
    format!("{:?}", Vec::from_iter(names))
}
