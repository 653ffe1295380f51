//! The decision about one request: powers, clearances and routes in, a permit or a denial with its line out. Pure; the gate asks it before anything happens, and `check --try` without anything happening.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::fact::{CallAnswer, Limit};
use bailiwick_core::{Bytes, Currency, Name};
use bailiwick_policy::grants::{KvGrant, ModelGrant};
use bailiwick_policy::price::Priced;
use bailiwick_policy::{Clearances, Effective, Revocation, Route, Says, Standing};

use crate::call::Request;
use crate::http::Way;
use crate::kv::KvRequest;

/// What a decision found: exactly what the effect needs, so that nothing is looked up
/// again after it was judged.
#[derive(Clone, Debug)]
pub enum Permit {
    /// A model may be asked along these routes.
    Routes(Vec<Route>),
    /// A request to the web may leave, by this rule of the grant.
    Web(Box<Way>),
    /// A collection may be searched.
    Collection(Name),
    /// Bytes may be kept.
    Put,
    /// An artifact may be read, where it is the attempt's own.
    Get,
    /// A namespace may be asked.
    Kv(KvGrant),
    /// Another agent may be called.
    Delegate(Name),
}

/// Whether money bounds what an agent does, and which.
pub trait Money {
    /// What money is here.
    fn currency(&self) -> Option<Currency>;
    /// Whether every request needs a price.
    fn is_bounded(&self) -> bool;
}

/// Everything that a decision is made from.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The operator's name for the agent.
    pub agent: &'a Name,
    /// `publisher/name` of its component: what ceilings are matched against.
    pub identity: &'a str,
    /// The step that it works for: its label is what may be sent.
    pub step: &'a Name,
    /// What it may do.
    pub powers: &'a Effective,
    /// What may be sent where.
    pub clearances: &'a Clearances,
    /// The routes of each model.
    pub models: &'a BTreeMap<Name, Vec<Route>>,
    /// What bounds its money.
    pub money: &'a dyn Money,
    /// What it has put so far.
    pub put: Bytes,
}

impl Case<'_> {
    /// Whether a request may be made. The default is no.
    ///
    /// # Errors
    /// The answer in the place of one: `denied` with the line that would allow it,
    /// `exhausted`, `invalid`, or `unavailable` where a model has no route.
    pub fn decide(&self, request: &Request) -> Result<Permit, CallAnswer> {
        request.check().map_err(|detail| CallAnswer::Invalid { detail })?;
        match request {
            Request::Complete(model) => self.model(&model.alias, Priced::Words),
            Request::Embed(model) => self.model(&model.alias, Priced::Vectors),
            Request::GenerateImage(model) => self.model(&model.alias, Priced::Pictures),
            Request::EmbedQuery { collection, request } => {
                self.collection(collection)?;
                // The collection's model needs no grant, but what it takes is counted with
                // the agent's own calls, and bounded with them; its origin is bounded where
                // the collection is.
                self.routes(&request.alias, Priced::Vectors)
            }
            Request::Search(search) => self.collection(&search.collection),
            Request::Fetch(fetch) => self.fetch(fetch).map(Box::new).map(Permit::Web),
            Request::Put(put) => self.put(put.bytes.len() as u64),
            Request::Get(_) => self.get(),
            Request::Kv(request) => self.kv(request),
            Request::Delegate(request) => self.callee(&request.agent),
        }
    }

    /// The same by what holds now. A denial names the file, and the line of it, that decides.
    ///
    /// # Errors
    /// As [`Case::decide`].
    pub fn decide_by(&self, request: &Request, standing: &Standing) -> Result<Permit, CallAnswer> {
        let with = |powers| Case { powers, clearances: &standing.clearances, ..*self };
        if let Request::EmbedQuery { request, .. } = request
            && let Some(gone) = standing.revoked_model(&request.alias)
        {
            // It needs no grant of the model, so no grant is missing where that is gone.
            let reason = format!(
                "no vector of a query is asked of the model {:?} for {}: it was revoked",
                request.alias, self.agent
            );
            return Err(CallAnswer::Denied { reason, hint: Some(undo(gone)) });
        }
        let denied = match with(standing.effective()).decide(request) {
            Err(denied @ CallAnswer::Denied { .. }) => denied,
            decided => return decided,
        };
        // What the powers of the beginning do not allow either, nobody took away since.
        if with(standing.first()).decide(request).is_err() {
            return Err(denied);
        }
        for step in standing.steps() {
            let Err(CallAnswer::Denied { reason, hint }) = with(&step.left).decide(request) else {
                continue;
            };
            let (reason, hint) = match &step.says {
                Says::Grants => (reason, hint),
                Says::Ceiling(Some(pattern)) => {
                    let of = format!("[ceiling.{:?}] in policy.toml", pattern.as_str());
                    let key = format!("grants.{}", request.capability());
                    let above = step.above.iter().find(|excess| excess.key.starts_with(&key));
                    let above = above.map(|excess| {
                        let (key, has, most) = (&excess.key, &excess.granted, &excess.allowed);
                        format!("in policy.toml, under [ceiling.{:?}]: {} must allow {has}, which is {key}; it says: {most}", pattern.as_str(), request.capability())
                    });
                    (format!("{reason}: {of} does not allow it"), above.or(hint))
                }
                Says::Ceiling(None) => (
                    format!("{reason}: no [ceiling] of policy.toml matches it"),
                    Some(format!("in policy.toml: [ceiling.\"…\"] with {}", request.capability())),
                ),
                // What it may is beside the point: it is not to run.
                Says::Withdrawn(gone) => (gone.to_string(), Some(gone.line())),
                Says::Revoked(gone) => (format!("{reason}: it was revoked"), Some(undo(gone))),
            };
            return Err(CallAnswer::Denied { reason, hint });
        }
        Err(denied)
    }

    fn model(&self, alias: &str, kind: Priced) -> Result<Permit, CallAnswer> {
        let grant = self.powers.grants.model.as_ref();
        match grant.filter(|grant| grant.aliases.iter().any(|name| name.as_str() == alias)) {
            None => Err(self.ungranted(
                format!("the model {alias:?} is not granted to {}", self.agent),
                model_line(grant, alias, self.money.currency()),
            )),
            Some(_) => self.routes(alias, kind),
        }
    }

    /// Where money is bounded, only what has a price is asked: without one, a call could
    /// cost anything.
    fn routes(&self, alias: &str, kind: Priced) -> Result<Permit, CallAnswer> {
        let routes = self.models.get(alias).map(Vec::as_slice).unwrap_or_default();
        if routes.is_empty() {
            let detail = format!("the model {alias:?} has no route");
            return Err(CallAnswer::Unavailable { detail });
        }
        let routes = self.cleared(routes)?;
        let Some(first) = routes.first() else { return Ok(Permit::Routes(routes)) };
        if !self.money.is_bounded() {
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
            match self.clearances.route(self.step, route) {
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

    fn collection(&self, collection: &str) -> Result<Permit, CallAnswer> {
        let granted = &self.powers.grants.knowledge;
        match granted.get(collection) {
            Some(name) => Ok(Permit::Collection(name.clone())),
            None => Err(self.ungranted(
                format!("the collection {collection:?} is not granted to {}", self.agent),
                format!("grants.knowledge = {}", names(granted, collection)),
            )),
        }
    }

    fn put(&self, bytes: u64) -> Result<Permit, CallAnswer> {
        let granted = self.powers.grants.artifacts.and_then(|grant| grant.put);
        let Some(granted) = granted else {
            return Err(self.ungranted(
                format!("{} may not put artifacts", self.agent),
                "grants.artifacts = { put = \"64 MiB\" }".into(),
            ));
        };
        let most = granted.min(self.powers.limits.artifacts);
        if self.put.0.saturating_add(bytes) > most.0 {
            let detail =
                format!("{} are put, {} more do not fit into {most}", self.put, Bytes(bytes));
            return Err(CallAnswer::Exhausted { limit: Limit::Bytes, detail, finish: false });
        }
        Ok(Permit::Put)
    }

    fn get(&self) -> Result<Permit, CallAnswer> {
        match self.powers.grants.artifacts {
            Some(_) => Ok(Permit::Get),
            None => Err(self.ungranted(
                format!("{} may not read artifacts", self.agent),
                "grants.artifacts = {}".into(),
            )),
        }
    }

    fn kv(&self, request: &KvRequest) -> Result<Permit, CallAnswer> {
        let agent = self.agent;
        let Some(grant) = &self.powers.grants.kv else {
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
        Ok(Permit::Kv(grant.clone()))
    }

    fn callee(&self, wanted: &str) -> Result<Permit, CallAnswer> {
        let granted: BTreeSet<Name> = self.powers.grants.callees().cloned().collect();
        match granted.get(wanted) {
            Some(name) => Ok(Permit::Delegate(name.clone())),
            None => Err(self.ungranted(
                format!("the agent {wanted:?} is not granted to {}", self.agent),
                format!("grants.delegate = {}", names(&granted, wanted)),
            )),
        }
    }

    pub(crate) fn ungranted(&self, reason: String, line: String) -> CallAnswer {
        let hint = format!("in bailiwick.toml, under [agents.{}]: {line}", self.agent);
        CallAnswer::Denied { reason, hint: Some(hint) }
    }
}

/// What gives back what was taken away.
fn undo(gone: &Revocation) -> String {
    format!("type: bailiwick revoke --undo {} {}", gone.holder, gone.power)
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
