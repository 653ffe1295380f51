//! What each agent may do and why not more: imports, wants, grants, ceiling and what is left of them, as rows. Decides nothing: that is the intersection's work.

use std::collections::BTreeSet;

use bailiwick_core::units::show_duration;
use bailiwick_core::{Bytes, Currency, Name};
use bailiwick_policy::ceiling::{ArtifactsCeiling, FolderCeiling, KvCeiling};
use bailiwick_policy::grants::ArtifactsGrant;
use bailiwick_policy::{Budget, Ceiling, Grants, HttpRule, Limits};
use bailiwick_project::grant_line;

use crate::components::Agent;
use crate::load::Opened;

/// The capabilities, as the rows have them.
pub const CAPABILITIES: [&str; 7] =
    ["model", "knowledge", "assets", "artifacts", "http", "kv", "delegate"];

/// What grants have of a capability, as people read it; nothing where they have nothing.
/// Of the web also what bounds it.
pub(crate) fn shown_grant(grants: &Grants, capability: &str) -> Option<String> {
    let shown = of_grants(grants, capability, None)?;
    if capability != "http" {
        return Some(shown);
    }
    let bounds = grants.http.bounds.iter().filter_map(|bound| rules(bound));
    let except = grants.http.except.iter().map(|host| format!("not {host}"));
    let parts: Vec<_> = std::iter::once(shown).chain(bounds).chain(except).collect();
    Some(parts.join(", and within "))
}

/// One capability of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Power {
    /// The interface, or `limits`.
    pub capability: &'static str,
    /// Whether the component imports it.
    pub imported: bool,
    /// What its author asks for, and what for.
    pub wanted: Option<String>,
    /// What the operator granted.
    pub granted: Option<String>,
    /// The most that policy allows; nothing where it allows nothing.
    pub ceiling: Option<String>,
    /// What holds.
    pub effective: Option<String>,
    /// The line that would change a refusal, and where it goes.
    pub change: Option<String>,
}

/// The rows of an agent: each capability of the contract, then the limits.
#[must_use]
pub fn powers(opened: &Opened, agent: &Agent) -> Vec<Power> {
    let none = Grants::none();
    let written = opened.project.agents.get(&agent.name);
    let granted = written.map_or(&none, |written| &written.grants);
    let ceilings: Vec<&Ceiling> =
        opened.policy.matching(&agent.identity).map(|(_, ceiling)| ceiling).collect();
    let currency = opened.currency();
    let rows = CAPABILITIES.into_iter().map(|capability| {
        let mut power = Power {
            capability,
            imported: agent.imports.iter().any(|import| import == capability),
            wanted: wanted(agent, capability),
            granted: of_grants(granted, capability, currency),
            ceiling: of_ceilings(&ceilings, capability, currency),
            effective: of_grants(&agent.effective.grants, capability, currency),
            change: None,
        };
        power.change = change(agent, &power);
        power
    });
    let most = ceilings.iter().fold(Limits::MAXIMUM, |most, ceiling| most.min(ceiling.limits));
    let limits = Power {
        capability: "limits",
        imported: false,
        wanted: None,
        granted: written.and_then(asked_limits),
        ceiling: Some(of_limits(&most)),
        effective: Some(of_limits(&agent.effective.limits)),
        change: None,
    };
    rows.chain([limits]).collect()
}

pub(crate) fn wanted(agent: &Agent, capability: &str) -> Option<String> {
    let wants = &agent.embedded.wants;
    match capability {
        "model" => {
            wants.model.as_ref().map(|want| format!("{} ({})", joined(&want.names), want.reason))
        }
        "knowledge" => wants
            .knowledge
            .as_ref()
            .map(|want| format!("{} ({})", joined(&want.names), want.reason)),
        "http" => {
            wants.http.as_ref().map(|want| format!("{} ({})", want.hosts.join(", "), want.reason))
        }
        "artifacts" => wants.artifacts.as_ref().map(|want| match want.put {
            Some(put) => format!("put {put} ({})", want.reason),
            None => format!("read ({})", want.reason),
        }),
        "delegate" => {
            wants.delegate.as_ref().map(|want| format!("{} ({})", joined(&want.names), want.reason))
        }
        "kv" => wants.kv.as_ref().map(|want| {
            let kind = if want.write { "read, write" } else { "read" };
            format!("{kind} ({})", want.reason)
        }),
        _ => None,
    }
}

/// What grants have of a capability, with amounts in the currency.
pub(crate) fn of_grants(
    grants: &Grants,
    capability: &str,
    currency: Option<Currency>,
) -> Option<String> {
    let folders = |names: &BTreeSet<Name>| Some(joined(names)).filter(|text| !text.is_empty());
    match capability {
        "model" => grants
            .model
            .as_ref()
            .map(|grant| parts([Some(joined(&grant.aliases)), counted(grant.budget(), currency)])),
        "knowledge" => folders(&grants.knowledge),
        "assets" => folders(&grants.assets),
        "http" => rules(&grants.http.rules),
        "artifacts" => grants.artifacts.map(|ArtifactsGrant { put }| put_of(put)),
        "delegate" => grants.delegate.as_ref().map(|grant| {
            let steered = if grant.even_if_outside { ", even if outside" } else { "" };
            format!("{}{steered}", joined(&grant.agents))
        }),
        "kv" => grants.kv.as_ref().map(|kv| {
            let steered = if kv.even_if_outside { ", even if outside" } else { "" };
            match kv.write {
                true => format!("{}: read, write up to {}{steered}", kv.namespace, kv.quota),
                false => format!("{}: read", kv.namespace),
            }
        }),
        _ => None,
    }
}

/// The smallest of all rules that match; nothing where one of them, or none at all, allows nothing.
fn of_ceilings(
    ceilings: &[&Ceiling],
    capability: &str,
    currency: Option<Currency>,
) -> Option<String> {
    let texts: Option<Vec<_>> =
        ceilings.iter().map(|ceiling| of_ceiling(ceiling, capability, currency)).collect();
    let mut texts = texts.filter(|texts| !texts.is_empty())?;
    texts.dedup();
    Some(texts.join("; and "))
}

fn of_ceiling(ceiling: &Ceiling, capability: &str, currency: Option<Currency>) -> Option<String> {
    let folder = |folder: &Option<FolderCeiling>| {
        folder.as_ref().map(|folder| match &folder.roots {
            Some(roots) => format!("below {}", roots.join(", ")),
            None => "any folder of the project".to_owned(),
        })
    };
    match capability {
        "model" => ceiling
            .model
            .as_ref()
            .map(|most| parts([Some(most.origins.to_string()), counted(most.budget(), currency)])),
        "knowledge" => folder(&ceiling.knowledge),
        "assets" => folder(&ceiling.assets),
        "http" => rules(&ceiling.http),
        "artifacts" => ceiling.artifacts.map(|ArtifactsCeiling { put }| match put {
            Some(put) => format!("put {put}"),
            None => "put as much as limits allow".into(),
        }),
        "delegate" => ceiling.delegate.as_ref().map(ToString::to_string),
        "kv" => ceiling.kv.map(|KvCeiling { quota, write }| match (write, quota) {
            (false, _) => "read".into(),
            (true, Some(quota)) => format!("read, write up to {quota}"),
            (true, None) => "read, write as much as a namespace may hold".into(),
        }),
        _ => None,
    }
}

/// Rules as the files have them, one after the other.
fn rules(rules: &[HttpRule]) -> Option<String> {
    let lines: Vec<_> = rules.iter().map(HttpRule::line).collect();
    Some(lines.join(", ")).filter(|text| !text.is_empty())
}

/// What the operator could write so that a want or an import is granted.
fn change(agent: &Agent, power: &Power) -> Option<String> {
    let asked = power.imported || power.wanted.is_some();
    if !asked || power.effective.is_some() {
        return None;
    }
    if power.granted.is_some() || power.ceiling.is_none() {
        return Some(format!(
            "[ceiling.\"…\"] {} in policy.toml, which is the admin's",
            power.capability
        ));
    }
    let line = grant_line(power.capability, &agent.wanted(power.capability))?;
    let agent = &agent.name;
    Some(format!("under [agents.{agent}] in bailiwick.toml: {line}"))
}

/// The limits that the operator's file names; the others are defaults.
fn asked_limits(agent: &bailiwick_project::Agent) -> Option<String> {
    let all = limit_rows(&agent.limits.limits);
    let named = all.into_iter().filter(|(key, _)| agent.limits.named.contains(key));
    let text = named.map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(", ");
    Some(text).filter(|text| !text.is_empty())
}

fn of_limits(limits: &Limits) -> String {
    limit_rows(limits).map(|(key, value)| format!("{key} {value}")).join(", ")
}

/// The keys of `limits` with their values, as the file writes them.
fn limit_rows(limits: &Limits) -> [(&'static str, String); 8] {
    [
        ("memory", limits.memory.to_string()),
        ("cpu", show_duration(limits.cpu)),
        ("wall", show_duration(limits.wall)),
        ("output", limits.output.to_string()),
        ("log-lines", limits.log_lines.to_string()),
        ("artifacts", limits.artifacts.to_string()),
        ("gate-calls", limits.gate_calls.to_string()),
        ("denials", limits.denials.to_string()),
    ]
}

fn counted(budget: Budget, currency: Option<Currency>) -> Option<String> {
    (!budget.is_none()).then(|| budget.show(currency))
}

fn put_of(put: Option<Bytes>) -> String {
    put.map_or_else(|| "read".into(), |put| format!("read, put {put}"))
}

fn joined<'a>(names: impl IntoIterator<Item = &'a Name>) -> String {
    names.into_iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

fn parts<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
