//! From what an agent used to the smallest grant in the words of bailiwick.toml, each line with its reason. Pure; proposes nothing that was not granted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use bailiwick_core::fact::Capability;
use bailiwick_core::units::show_duration;
use bailiwick_core::{Bytes, Calls, Cost, Currency, Money, Name, Tokens};
use bailiwick_policy::grants::{ArtifactsGrant, ModelGrant};
use bailiwick_policy::intersect::RequestedLimits;
use bailiwick_policy::{Grants, HttpPower, Limits};

use super::figures::{self, COUNT_RULE, SIZE_RULE, TIME_RULE};
use super::usage::Usage;
use super::web::{self, PATHS_RULE};
use crate::powers::of_grants;

/// What is known of an agent name besides what it used.
pub(crate) struct Subject<'a> {
    /// What bailiwick.toml grants it.
    pub(crate) granted: &'a Grants,
    /// The limits that it asks for.
    pub(crate) limits: &'a RequestedLimits,
    /// What its component imports: an import without a grant is refused.
    pub(crate) imports: &'a [String],
    /// The asset folders that inputs of its steps name.
    pub(crate) assets: &'a BTreeSet<Name>,
    /// What money is here.
    pub(crate) currency: Option<Currency>,
}

/// What an agent name is proposed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proposal {
    /// The powers.
    pub(crate) grants: Grants,
    /// The limits, those that the file names.
    pub(crate) limits: Limits,
    /// What of the granted rules for the web becomes which rule; nothing: it goes.
    pub(crate) rules: Vec<bool>,
    /// One line for each power and each limit that the file names.
    pub(crate) lines: Vec<Line>,
}

/// One power: what was used, granted, proposed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The key under `grants`, or `limits`.
    pub power: &'static str,
    /// What was used of it.
    pub used: String,
    /// What is granted.
    pub granted: String,
    /// What is proposed; the same where nothing smaller would do.
    pub proposed: String,
    /// Why.
    pub why: String,
    /// Whether that is a change.
    pub changes: bool,
}

/// A power with what was decided about it.
struct Judged {
    power: &'static str,
    used: String,
    why: String,
}

const UNUSED: &str = "not used";
const IMPORTED: &str =
    "its component imports it, and an import needs a grant: without one it is not run";

/// The smallest grant that lets through all that was used.
pub(crate) fn propose(subject: &Subject<'_>, usage: &Usage) -> Proposal {
    let granted = subject.granted;
    let mut proposal = Proposal {
        grants: granted.clone(),
        limits: subject.limits.limits,
        rules: vec![true; granted.http.rules.len()],
        lines: Vec::new(),
    };
    let imports = |power: &str| subject.imports.iter().any(|import| import == power);
    let grants = &mut proposal.grants;
    let judged = [
        model(&mut grants.model, granted, usage, imports("model")),
        names("knowledge", &mut grants.knowledge, &usage.collections, imports("knowledge")),
        assets(&mut grants.assets, subject.assets),
        artifacts(&mut grants.artifacts, usage, imports("artifacts")),
        http(&mut grants.http, &mut proposal.rules, usage, imports("http")),
        kv(grants, usage, imports("kv")),
        delegate(grants, usage, imports("delegate")),
    ];
    for Judged { power, used, why } in judged.into_iter().flatten() {
        let shown = |grants: &Grants| {
            of_grants(grants, power, subject.currency).unwrap_or_else(|| "nothing".to_owned())
        };
        let (before, after) = (shown(granted), shown(&proposal.grants));
        let used = match usage.denied.get(&capability(power)) {
            Some(times) => format!("{used}; {times} denied, which is no use of it"),
            None => used,
        };
        let changes = before != after;
        proposal.lines.push(Line { power, used, granted: before, proposed: after, why, changes });
    }
    limits(&mut proposal, subject, usage);
    proposal
}

fn capability(power: &str) -> Capability {
    match power {
        "model" => Capability::Model,
        "knowledge" => Capability::Knowledge,
        "http" => Capability::Http,
        "kv" => Capability::Kv,
        "delegate" => Capability::Delegate,
        // Nobody is denied assets at the gate: files are named by inputs.
        _ => Capability::Artifacts,
    }
}

fn model(
    grant: &mut Option<ModelGrant>,
    granted: &Grants,
    usage: &Usage,
    imported: bool,
) -> Option<Judged> {
    let own = grant.as_mut()?;
    let used = counted(&usage.models, "request");
    let peak = usage.peak;
    let of_all = format!(
        "{used}; at most {} and {} spent and reserved at one moment of a run",
        many(peak.calls.0, "call"),
        many(peak.tokens.0, "token")
    );
    // Its numbers also bound what those spend whom it calls.
    let bounds_others = own.budget() != bailiwick_policy::Budget::NONE && usage.peak != Cost::ZERO;
    if usage.models.is_empty() && !imported && !bounds_others {
        *grant = None;
        return Some(judged("model", UNUSED, "what was not used is not granted"));
    }
    if !usage.models.is_empty() {
        own.aliases.retain(|alias| usage.models.contains_key(alias));
    }
    if usage.exhausted.iter().any(|of| matches!(of, Capability::Model | Capability::Knowledge)) {
        let why = "it was told that there is no more, so its numbers stay";
        return Some(judged("model", of_all, why));
    }
    own.calls = lower(own.calls, Calls(figures::count(peak.calls.0)));
    if peak == Cost::ZERO {
        return Some(judged("model", used, format!("{IMPORTED}; no call is left to it")));
    }
    own.tokens = lower(own.tokens, Tokens(figures::count(peak.tokens.0)));
    // A bound of money asks for a price on every route: none is proposed where there is none.
    if let Some(money) = own.money {
        own.money = Some(money.min(Money(figures::count(peak.money.0))));
    }
    let why = match (usage.models.is_empty(), granted.delegate.is_some()) {
        (true, _) => "it bounds what those spend whom it calls".to_owned(),
        (false, true) => format!("{COUNT_RULE}; those whom it calls count"),
        (false, false) => COUNT_RULE.to_owned(),
    };
    Some(judged("model", of_all, why))
}

/// The smaller bound; an unset one is none.
fn lower<T: Ord>(own: Option<T>, enough: T) -> Option<T> {
    match own {
        Some(own) => Some(own.min(enough)),
        None => Some(enough),
    }
}

fn names(
    power: &'static str,
    grant: &mut BTreeSet<Name>,
    used: &BTreeMap<Name, u64>,
    imported: bool,
) -> Option<Judged> {
    if grant.is_empty() {
        return None;
    }
    if used.is_empty() && imported {
        return Some(judged(power, UNUSED, IMPORTED));
    }
    grant.retain(|name| used.contains_key(name));
    Some(judged(power, counted(used, "search"), "what was not searched is not granted"))
}

/// Whose files an input may name is known before anything runs.
fn assets(grant: &mut BTreeSet<Name>, named: &BTreeSet<Name>) -> Option<Judged> {
    if grant.is_empty() {
        return None;
    }
    grant.retain(|name| named.contains(name));
    let used = match grant.is_empty() {
        true => "no input of its steps names one".to_owned(),
        false => format!("inputs of its steps name {}", joined(grant.iter())),
    };
    Some(judged("assets", used, "what no input of a pipeline names is not granted"))
}

fn artifacts(grant: &mut Option<ArtifactsGrant>, usage: &Usage, imported: bool) -> Option<Judged> {
    let own = grant.as_mut()?;
    let refused = usage.exhausted.contains(&Capability::Artifacts);
    let used = match (usage.reads, usage.puts) {
        (0, 0) => UNUSED.to_owned(),
        (reads, 0) => format!("{} read", many(reads, "artifact")),
        (reads, puts) => {
            let most = usage.put;
            format!("{reads} read, {puts} put, at most {most} by one attempt")
        }
    };
    if (usage.reads, usage.puts, imported || refused) == (0, 0, false) {
        *grant = None;
        return Some(judged("artifacts", used, "what was not used is not granted"));
    }
    let why = match own.put {
        Some(_) if refused => "an attempt was told that there is no room, so `put` stays".into(),
        Some(put) if usage.puts > 0 => {
            own.put = Some(put.min(figures::size(usage.put)));
            SIZE_RULE.to_owned()
        }
        _ => {
            own.put = None;
            match usage.reads {
                0 => format!("{IMPORTED}; to read what its input names"),
                _ => "it reads what its input names".to_owned(),
            }
        }
    };
    Some(judged("artifacts", used, why))
}

fn http(power: &mut HttpPower, kept: &mut [bool], usage: &Usage, imported: bool) -> Option<Judged> {
    if power.rules.is_empty() {
        return None;
    }
    let requests: u64 = usage.web.values().map(|used| used.requests).sum();
    if requests == 0 && imported {
        return Some(judged("http", UNUSED, IMPORTED));
    }
    let ways = usage.web.values().flat_map(|used| {
        let (hosts, paths) = (used.hosts.all(), used.paths.all());
        let hosts = hosts.map_or_else(|| "many hosts".to_owned(), |all| joined(all.iter()));
        let paths = paths.map_or_else(|| "many paths".to_owned(), few);
        let methods = joined(used.methods.iter());
        [format!("{methods} {hosts} {paths} ({})", many(used.requests, "request"))]
    });
    let used = match requests {
        0 => UNUSED.to_owned(),
        _ => ways.collect::<Vec<_>>().join("; "),
    };
    if usage.lost_ways > 0 {
        let why = format!(
            "{} sent on, and not every address of the way is written down: it stays",
            many(usage.lost_ways, "request")
        );
        return Some(judged("http", used, why));
    }
    let answers = !usage.exhausted.contains(&Capability::Http);
    let mut left = Vec::with_capacity(power.rules.len());
    for ((number, rule), kept) in power.rules.iter().enumerate().zip(kept) {
        let went = usage.web.get(&number);
        *kept = went.is_some();
        left.extend(went.map(|went| web::narrowed(rule, went, answers)));
    }
    power.rules = left;
    let why = match requests {
        0 => "what was not used is not granted".to_owned(),
        _ => format!("a rule that nothing went through goes; {PATHS_RULE}"),
    };
    Some(judged("http", used, why))
}

fn kv(grants: &mut Grants, usage: &Usage, imported: bool) -> Option<Judged> {
    let own = grants.kv.as_mut()?;
    let used = match (usage.kv_reads, usage.kv_writes) {
        (0, 0) => UNUSED.to_owned(),
        (reads, writes) => format!("{} and {}", many(reads, "read"), many(writes, "write")),
    };
    let why = match (usage.kv_reads, usage.kv_writes) {
        (0, 0) if imported => {
            own.write = false;
            IMPORTED
        }
        (0, 0) => {
            grants.kv = None;
            "what was not used is not granted"
        }
        (_, 0) if own.write => {
            own.write = false;
            "it wrote nothing: it is a reader of the namespace"
        }
        (_, 0) => "it reads",
        _ => "it writes; what the namespace may hold is said there, and stays",
    };
    Some(judged("kv", used, why))
}

fn delegate(grants: &mut Grants, usage: &Usage, imported: bool) -> Option<Judged> {
    let own = grants.delegate.as_mut()?;
    if usage.callees.is_empty() {
        if imported {
            return Some(judged("delegate", UNUSED, IMPORTED));
        }
        grants.delegate = None;
        return Some(judged("delegate", UNUSED, "what was not used is not granted"));
    }
    own.agents.retain(|name| usage.callees.contains_key(name));
    let used = counted(&usage.callees, "call");
    Some(judged("delegate", used, "whom it did not call it is not granted to call"))
}

/// Only limits that the file names, and of which the journal has figures. A default is no
/// request, and whatever waits for others says nothing of tomorrow.
fn limits(proposal: &mut Proposal, subject: &Subject<'_>, usage: &Usage) {
    let asked = subject.limits;
    if asked.named.is_empty() {
        return;
    }
    let (host, mut parts) = (usage.host, Vec::new());
    let mut whys = BTreeSet::new();
    let stays = if host.limited { "an attempt ended at a limit, so they stay" } else { "" };
    for key in &asked.named {
        let (limits, before) = (&mut proposal.limits, asked.limits);
        if !host.known || host.limited {
            continue;
        }
        match *key {
            "cpu" => {
                limits.cpu = before.cpu.min(figures::time(host.cpu));
                parts.push(format!("cpu {}", show_duration(host.cpu)));
                whys.insert(TIME_RULE);
            }
            "memory" => {
                limits.memory = before.memory.min(figures::size(host.memory));
                parts.push(format!("memory {}", host.memory));
                whys.insert(SIZE_RULE);
            }
            "gate-calls" => {
                let enough = figures::count(u64::from(host.gate_calls));
                let enough = u32::try_from(enough).unwrap_or(u32::MAX).max(1);
                limits.gate_calls = before.gate_calls.min(enough);
                parts.push(format!("gate-calls {}", host.gate_calls));
                whys.insert(COUNT_RULE);
            }
            _ => {}
        }
    }
    let used = match parts.is_empty() {
        true => "no figures of these".to_owned(),
        false => format!("at most {}", parts.join(", ")),
    };
    let why = match (stays.is_empty(), whys.is_empty()) {
        (false, _) => stays.to_owned(),
        (true, true) => "only cpu, memory and gate-calls are narrowed".to_owned(),
        (true, false) => Vec::from_iter(whys).join("; "),
    };
    let shown = |limits: &Limits| {
        let each = asked.named.iter().map(|key| format!("{key} {}", limit(limits, key)));
        each.collect::<Vec<_>>().join(", ")
    };
    let (granted, proposed) = (shown(&asked.limits), shown(&proposal.limits));
    let changes = granted != proposed;
    proposal.lines.push(Line { power: "limits", used, granted, proposed, why, changes });
}

/// One limit, as the file has it.
pub(crate) fn limit(limits: &Limits, key: &str) -> String {
    let size = |Bytes(size): Bytes| Bytes(size).to_string();
    match key {
        "memory" => size(limits.memory),
        "cpu" => show_duration(limits.cpu),
        "wall" => show_duration(limits.wall),
        "output" => size(limits.output),
        "log-lines" => limits.log_lines.to_string(),
        "artifacts" => size(limits.artifacts),
        "gate-calls" => limits.gate_calls.to_string(),
        _ => limits.denials.to_string(),
    }
}

fn judged(power: &'static str, used: impl Into<String>, why: impl Into<String>) -> Judged {
    Judged { power, used: used.into(), why: why.into() }
}

/// `writer 12 times, critic once`.
fn counted(used: &BTreeMap<Name, u64>, what: &str) -> String {
    let each = used.iter().map(|(name, times)| format!("{name} ({})", many(*times, what)));
    let each: Vec<_> = each.collect();
    if each.is_empty() { UNUSED.to_owned() } else { each.join(", ") }
}

fn many(count: u64, word: &str) -> String {
    let plural = if word.ends_with("ch") { "es" } else { "s" };
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}{plural}") }
}

fn joined<T: Display>(all: impl Iterator<Item = T>) -> String {
    all.map(|one| one.to_string()).collect::<Vec<_>>().join(", ")
}

/// The first of many.
fn few(all: &BTreeSet<String>) -> String {
    const SHOWN: usize = 6;
    let shown = joined(all.iter().take(SHOWN));
    match all.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
