//! `[kv]` of `bailiwick.toml`: the namespaces of a project, who reads and who writes each, what each may hold. Grants nothing by itself.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::{Bytes, Name, Place};
use bailiwick_policy::grants::KvGrant;
use toml::Spanned;

use crate::codes;
use crate::entries::Entries;
use crate::findings::Findings;
use crate::nearest::did_you_mean;
use crate::project::named;

/// A namespace of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Agents that read it.
    pub readers: BTreeSet<Name>,
    /// Agents that read and write it.
    pub writers: BTreeSet<Name>,
    /// What it may hold.
    pub quota: Bytes,
    /// How confidential the operator says it is, in the words of whatever policy holds, and where.
    pub label: Option<(String, Place)>,
    /// Where its name stands.
    pub place: Place,
}

/// The namespaces of a file. Whoever is named must be one of its agents.
pub(crate) fn namespaces(
    root: Entries<'_, '_>,
    findings: &mut Findings<'_>,
) -> BTreeMap<Name, Namespace> {
    let agents: BTreeSet<Name> =
        named(root, "agents").into_iter().map(|(name, _, _)| name).collect();
    let mut found = BTreeMap::new();
    for (name, span, table) in named(root, "kv") {
        let mut people = |key: &str| -> BTreeSet<Name> {
            let names = table.names(key);
            for name in names.iter().filter(|name| !agents.contains(name.get_ref())) {
                let message = format!("there is no [agents.{}]", name.get_ref());
                let known = agents.iter().map(Name::as_str);
                let hint = did_you_mean(name.get_ref().as_str(), known)
                    .unwrap_or_else(|| "name agents of this file".to_owned());
                findings.report_with(codes::UNKNOWN_AGENT, name.span(), message, hint);
            }
            names.into_iter().map(Spanned::into_inner).collect()
        };
        let (readers, writers) = (people("readers"), people("writers"));
        let quota = table.size("quota").unwrap_or(KvGrant::QUOTA);
        if quota > KvGrant::QUOTA_MAX
            && let Some(key) = table.key_span("quota")
        {
            let message =
                format!("a namespace holds at most {}; this says {quota}", KvGrant::QUOTA_MAX);
            findings.report(codes::WRONG_VALUE, key, message);
        }
        let label = table.text("label").map(|label| {
            let place = findings.place(label.span());
            (label.into_inner(), place)
        });
        let place = findings.place(span);
        found.insert(name, Namespace { readers, writers, quota, label, place });
    }
    found
}

/// What `grants.kv` gives an agent: what the namespace that it names says of the agent.
pub(crate) fn kv_grant(
    agent: &Name,
    table: Entries<'_, '_>,
    namespaces: &BTreeMap<Name, Namespace>,
    findings: &mut Findings<'_>,
) -> Option<KvGrant> {
    let wanted = table.name("namespace")?;
    let name = wanted.get_ref();
    let Some(namespace) = namespaces.get(name) else {
        let message = format!("there is no [kv.{name}]");
        let hint = did_you_mean(name.as_str(), namespaces.keys().map(Name::as_str))
            .unwrap_or_else(|| format!("declare it: [kv.{name}] writers = [{:?}]", agent.as_str()));
        findings.report_with(codes::UNKNOWN_NAMESPACE, wanted.span(), message, hint);
        return None;
    };
    let write = namespace.writers.contains(agent);
    if !write && !namespace.readers.contains(agent) {
        let message = format!("[kv.{name}] names `{agent}` neither as a reader nor as a writer");
        let hint = format!("under [kv.{name}]: readers = [{:?}]", agent.as_str());
        findings.report_with(codes::NOT_NAMED_THERE, wanted.span(), message, hint);
        return None;
    }
    let even_if_outside = table.text("even-if").is_some();
    Some(KvGrant { namespace: name.clone(), write, quota: namespace.quota, even_if_outside })
}
