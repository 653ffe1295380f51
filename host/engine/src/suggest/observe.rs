//! Looks on while recorded attempts execute again, and notes what each agent used of what today's grants allow. What they do not allow is noted as that, and is no use of anything.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use bailiwick_core::fact::{CallAnswer, Capability};
use bailiwick_core::{AttemptId, Bytes, Cost, Currency, Name};
use bailiwick_gate::{Case, FetchRequest, Money, Permit, Request, Seen, Witness};
use bailiwick_policy::grants::ModelGrant;
use bailiwick_policy::http::{Asked, Method};
use bailiwick_policy::{Clearances, Effective, Route};
use url::Url;

use super::usage::Usage;

/// The powers of one agent name, and what its component says it is.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    /// `publisher/name`.
    pub(crate) identity: String,
    /// Grants ∩ ceiling.
    pub(crate) effective: Effective,
}

/// Everybody's powers at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Powers {
    pub(crate) agents: BTreeMap<Name, Holder>,
    pub(crate) models: BTreeMap<Name, Vec<Route>>,
}

impl Powers {
    /// What the gate would decide about a request that was seen; nothing where there is no
    /// such agent. What labels say is not asked: a smaller grant only ever lowers them.
    pub(crate) fn decide(&self, seen: &Seen<'_>) -> Option<Result<Permit, CallAnswer>> {
        let holder = self.agents.get(seen.agent)?;
        let case = Case {
            agent: seen.agent,
            identity: &holder.identity,
            step: &seen.attempt.cell.step,
            powers: &holder.effective,
            clearances: &Clearances::unlabelled(),
            models: &self.models,
            money: &Unpriced,
            put: seen.put,
        };
        Some(case.decide(seen.request))
    }
}

impl Powers {
    /// Whether the numbers of an agent's models hold what a run took of them.
    pub(crate) fn holds(&self, agent: &Name, took: Cost) -> bool {
        let grant = self.agents.get(agent).and_then(|one| one.effective.grants.model.as_ref());
        // Who has no numbers is not bounded by them.
        grant.map(ModelGrant::budget).is_none_or(|budget| {
            budget.calls.is_none_or(|most| took.calls <= most)
                && budget.tokens.is_none_or(|most| took.tokens <= most)
                && budget.money.is_none_or(|most| took.money <= most)
        })
    }
}

/// Whether money bounds somebody does not change from one grant to a smaller one here: a
/// bound of money is only ever lowered where there is one.
struct Unpriced;

impl Money for Unpriced {
    fn currency(&self) -> Option<Currency> {
        None
    }

    fn is_bounded(&self) -> bool {
        false
    }
}

/// Whether a request has got through, whatever it was told then.
pub(crate) fn got_through(decided: &Result<Permit, CallAnswer>) -> bool {
    matches!(decided, Ok(_) | Err(CallAnswer::Unavailable { .. }))
}

/// The witness of one run.
pub(crate) struct Observer {
    powers: Powers,
    /// How often calls to the web left, where that is more than once.
    left: HashMap<(AttemptId, u32), u32>,
    usages: Mutex<BTreeMap<Name, Usage>>,
}

impl Observer {
    /// By the powers of today.
    pub(crate) fn new(powers: Powers, left: HashMap<(AttemptId, u32), u32>) -> Self {
        Self { powers, left, usages: Mutex::default() }
    }

    /// What each agent used.
    pub(crate) fn usages(&self) -> BTreeMap<Name, Usage> {
        self.usages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Witness for Observer {
    fn saw(&self, seen: Seen<'_>) {
        let Some(decided) = self.powers.decide(&seen) else { return };
        let mut usages = self.usages.lock().unwrap_or_else(PoisonError::into_inner);
        let usage = usages.entry(seen.agent.clone()).or_default();
        let power = seen.request.capability();
        if !got_through(&decided) {
            match decided {
                Err(CallAnswer::Denied { .. }) => *usage.denied.entry(power).or_default() += 1,
                Err(CallAnswer::Exhausted { .. }) => _ = usage.exhausted.insert(power),
                _ => {}
            }
            return;
        }
        let holder = self.powers.agents.get(seen.agent);
        let Some(holder) = holder.map(|holder| &holder.effective) else { return };
        let times = self.left.get(&(seen.attempt.clone(), seen.index)).copied().unwrap_or(1);
        note(usage, holder, &seen, decided.ok(), times);
    }
}

fn note(
    usage: &mut Usage,
    powers: &Effective,
    seen: &Seen<'_>,
    permit: Option<Permit>,
    times: u32,
) {
    match seen.request {
        Request::Complete(model) => count_alias(usage, powers, &model.alias),
        Request::Embed(model) => count_alias(usage, powers, &model.alias),
        Request::GenerateImage(model) => count_alias(usage, powers, &model.alias),
        Request::EmbedQuery { collection, .. } => {
            if let Some(name) = powers.grants.knowledge.get(collection.as_str()) {
                // The search itself follows, and is counted then.
                usage.collections.entry(name.clone()).or_default();
            }
        }
        Request::Search(search) => {
            if let Some(name) = powers.grants.knowledge.get(search.collection.as_str()) {
                *usage.collections.entry(name.clone()).or_default() += 1;
            }
        }
        Request::Put(put) => {
            usage.puts += 1;
            let sum = seen.put.0.saturating_add(put.bytes.len() as u64);
            usage.put = usage.put.max(Bytes(sum));
        }
        Request::Get(_) => usage.reads += 1,
        Request::Fetch(fetch) => {
            if let Some(Permit::Web(way)) = permit {
                fetched(usage, powers, (fetch, way.pass().rule), seen, times);
            }
        }
        Request::Kv(request) if request.writes() => usage.kv_writes += 1,
        Request::Kv(_) => usage.kv_reads += 1,
        Request::Delegate(request) => {
            let name = powers.grants.callees().find(|name| name.as_str() == request.agent);
            if let Some(name) = name {
                *usage.callees.entry(name.clone()).or_default() += 1;
            }
        }
    }
}

fn count_alias(usage: &mut Usage, powers: &Effective, alias: &str) {
    let aliases = powers.grants.model.as_ref().map(|grant| &grant.aliases);
    if let Some(name) = aliases.and_then(|aliases| aliases.get(alias)) {
        *usage.models.entry(name.clone()).or_default() += 1;
    }
}

fn fetched(
    usage: &mut Usage,
    powers: &Effective,
    (fetch, rule): (&FetchRequest, usize),
    seen: &Seen<'_>,
    times: u32,
) {
    let (Some(method), Ok(url)) = (Method::parse(&fetch.method), Url::parse(&fetch.url)) else {
        return;
    };
    let headers: Vec<String> =
        fetch.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let answered = seen.call.answer.as_ref().map(|(answer, _)| answer);
    let (via, answer) = match answered {
        Some(CallAnswer::Ok { value, via }) => (via.as_deref(), answer_size(&value.value())),
        _ => (None, Bytes(0)),
    };
    let body = Bytes(fetch.body.len() as u64);
    pass(usage, rule, (method, &url, &headers), body, answer);
    // It was sent on: the journal has the last address of the way, and no other.
    let own = format!("{method} {}{}", url.origin().ascii_serialization(), url.path());
    let sent_on = via.is_some_and(|via| via != own);
    if times <= 1 && !sent_on {
        return;
    }
    let last = via.filter(|_| sent_on && times == 2).and_then(told_url);
    let names: Vec<&str> = headers.iter().map(String::as_str).collect();
    let passed = last.as_ref().and_then(|url| {
        let asked = Asked { method, url, typed_path: url.path(), headers: &names, body: Bytes(0) };
        powers.grants.http.decide(&asked).ok()
    });
    match (last, passed) {
        (Some(url), Some(passed)) => {
            pass(usage, passed.rule, (method, &url, &headers), Bytes(0), answer);
        }
        _ => usage.lost_ways += 1,
    }
}

fn pass(
    usage: &mut Usage,
    rule: usize,
    (method, url, headers): (Method, &Url, &[String]),
    body: Bytes,
    answer: Bytes,
) {
    let used = usage.web.entry(rule).or_default();
    used.requests += 1;
    used.methods.insert(method);
    used.hosts.add(url.host_str().unwrap_or_default());
    used.paths.add(url.path());
    headers.iter().for_each(|name| used.headers.add(name));
    used.body = used.body.max(body);
    used.answer = used.answer.max(answer);
}

/// The URL of `GET https://host/path`, where it is told whole: what was clipped or made
/// visible is another one.
fn told_url(via: &str) -> Option<Url> {
    let (_, text) = via.split_once(' ')?;
    let url = Url::parse(text).ok()?;
    let again = format!("{}{}", url.origin().ascii_serialization(), url.path());
    // Clipping begins at 200 bytes.
    (again == text && via.len() < 200).then_some(url)
}

/// The size of the body of an answer as the journal has it.
fn answer_size(value: &serde_json::Value) -> Bytes {
    let body = value.get("body");
    let text = |key: &str| body.and_then(|body| body.get(key)).and_then(serde_json::Value::as_str);
    let size = match (text("text"), text("base64")) {
        (Some(text), _) => text.len(),
        (None, Some(coded)) => coded.len() / 4 * 3,
        (None, None) => 0,
    };
    Bytes(size as u64)
}

/// What a judge of a proposal found.
pub(crate) struct Judge {
    today: Powers,
    proposed: Powers,
    refused: Mutex<Vec<String>>,
}

/// The most refusals of a proposal that are told: one is enough to withhold it.
const REFUSED_MAX: usize = 5;

impl Judge {
    /// Of a proposal against today's powers.
    pub(crate) fn new(today: Powers, proposed: Powers) -> Self {
        Self { today, proposed, refused: Mutex::default() }
    }

    /// Recorded requests that get through today, and would not.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn objection(&self, seen: &Seen<'_>) -> Option<String> {
        let today = self.today.decide(seen)?;
        if !got_through(&today) {
            return None;
        }
        match (today, self.proposed.decide(seen)?) {
            (Ok(Permit::Web(was)), Ok(Permit::Web(is))) => {
                let (was, is) = (was.pass(), is.pass());
                let answer = match &seen.call.answer {
                    Some((CallAnswer::Ok { value, .. }, _)) => answer_size(&value.value()),
                    _ => Bytes(0),
                };
                let same = was.credential == is.credential && was.network == is.network;
                (!same || is.response < answer.min(was.response))
                    .then(|| "it would leave on other terms".to_owned())
            }
            (_, decided) if got_through(&decided) => None,
            (_, Err(CallAnswer::Denied { reason, .. })) => Some(reason),
            (_, Err(CallAnswer::Exhausted { detail, .. } | CallAnswer::Invalid { detail })) => {
                Some(detail)
            }
            _ => Some("it would not get through".to_owned()),
        }
    }
}

impl Witness for Judge {
    fn saw(&self, seen: Seen<'_>) {
        let Some(why) = self.objection(&seen) else { return };
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < REFUSED_MAX {
            let power: Capability = seen.request.capability();
            refused.push(format!("{}: {power}: {why}", seen.attempt));
        }
    }
}
