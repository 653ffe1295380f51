//! One row for each power: what it lets an agent read, where it lets it send, and whether it changes anything. A new power comes into the labels by its row alone.

use bailiwick_policy::http::Method;
use bailiwick_policy::{Grants, Level, Said, Trust};

use super::sources::{assets, collection, namespace, of};
use super::{Around, Sink, Source, To, What};

/// What a grant of one power means for labels.
struct Power {
    /// What it lets an agent read.
    reads: fn(&Grants, &Around<'_>) -> Vec<Source>,
    /// Where it lets it send.
    sinks: fn(&Grants, &Around<'_>) -> Vec<Sink>,
    /// What it lets it change outside of the run.
    changes: fn(&Grants) -> Vec<Changing>,
}

/// A power with which an agent changes something outside of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changing {
    /// The key under the agent, as `grants.http`.
    pub(crate) key: &'static str,
    /// What it is, for people.
    pub(crate) shown: String,
    /// Whether the grant says `even-if = "outside"`.
    pub(crate) even_if_outside: bool,
    /// What may come from outside all the same: the answers of the very host that it changes.
    pub(crate) but: Option<What>,
}

/// All powers. `artifacts` is none of them: what it reads is in the input, and what it
/// puts is in the output.
const POWERS: &[Power] = &[
    Power {
        reads: |grants, around| {
            grants.knowledge.iter().map(|name| collection(name, around)).collect()
        },
        sinks: embedders,
        changes: nothing,
    },
    Power {
        reads: |grants, around| grants.assets.iter().map(|name| assets(name, around)).collect(),
        sinks: |_, _| Vec::new(),
        changes: nothing,
    },
    Power { reads: answers, sinks: routes, changes: nothing },
    Power { reads: web_answers, sinks: web_hosts, changes: web_changes },
    Power { reads: namespaces, sinks: namespaces_written, changes: namespace_changes },
];

/// Everything that grants let an agent read.
pub(crate) fn reads(grants: &Grants, around: &Around<'_>) -> Vec<Source> {
    POWERS.iter().flat_map(|power| (power.reads)(grants, around)).collect()
}

/// Everywhere that grants let an agent send.
pub(crate) fn sinks(grants: &Grants, around: &Around<'_>) -> Vec<Sink> {
    POWERS.iter().flat_map(|power| (power.sinks)(grants, around)).collect()
}

/// Everything that grants let an agent change.
pub(crate) fn changing_powers(grants: &Grants) -> Vec<Changing> {
    POWERS.iter().flat_map(|power| (power.changes)(grants)).collect()
}

fn nothing(_: &Grants) -> Vec<Changing> {
    Vec::new()
}

/// Queries leave along the route of the model that embeds the collection.
fn embedders(grants: &Grants, around: &Around<'_>) -> Vec<Sink> {
    let mut sinks = Vec::new();
    for collection in &grants.knowledge {
        let Some(alias) = around.project.embedders.get(collection) else { continue };
        for route in around.project.models.get(alias).into_iter().flatten() {
            let Some(clearance) = around.policy.labels.route(route) else { continue };
            let to = To::Embedder { collection: collection.clone(), route: route.clone() };
            sinks.push(Sink { to, clearance, key: "grants.knowledge" });
        }
    }
    sinks
}

/// A model has no label of its own, unless the policy labels its origin.
fn answers(grants: &Grants, around: &Around<'_>) -> Vec<Source> {
    let mut sources = Vec::new();
    for alias in grants.model.iter().flat_map(|model| &model.aliases) {
        let routes = around.project.models.get(alias).into_iter().flatten();
        let label = routes.filter_map(|route| around.policy.labels.answers_of(route)).max();
        let Some(label) = label else { continue };
        let level = Level { label, trust: Trust::Trusted };
        sources.push(Source { what: What::Model(alias.clone()), level, defaulted: false });
    }
    sources
}

/// Each route, so that the least cleared one counts, and is named.
fn routes(grants: &Grants, around: &Around<'_>) -> Vec<Sink> {
    let mut sinks = Vec::new();
    for alias in grants.model.iter().flat_map(|model| &model.aliases) {
        for route in around.project.models.get(alias).into_iter().flatten() {
            let Some(clearance) = around.policy.labels.route(route) else { continue };
            let to = To::Route { alias: alias.clone(), route: route.clone() };
            sinks.push(Sink { to, clearance, key: "grants.model.use" });
        }
    }
    sinks
}

/// Whoever answers is nobody that was chosen here. A rule that only sends is answered, too.
fn web_answers(grants: &Grants, around: &Around<'_>) -> Vec<Source> {
    let rules = grants.http.rules.iter();
    let answers = rules.map(|rule| {
        let said = around.policy.labels.answers_of_web(rule);
        of(What::Web(rule.site()), said, Trust::Outside)
    });
    answers.collect()
}

/// Every request tells something, also one that only asks.
fn web_hosts(grants: &Grants, around: &Around<'_>) -> Vec<Sink> {
    let mut sinks: Vec<Sink> = Vec::new();
    for rule in &grants.http.rules {
        let to = To::Web { site: rule.site(), origin: rule.origin() };
        if sinks.iter().all(|known| known.to != to) {
            let clearance = around.policy.labels.web(rule);
            sinks.push(Sink { to, clearance, key: "grants.http" });
        }
    }
    sinks
}

/// A host may be told what it answered itself. Below a pattern another one might be told.
fn web_changes(grants: &Grants) -> Vec<Changing> {
    let changes = grants.http.rules.iter().filter_map(|rule| {
        let methods = rule.methods.iter().filter(|method| method.changes());
        let methods: Vec<_> = methods.map(|method| Method::as_str(*method)).collect();
        (!methods.is_empty()).then(|| Changing {
            key: "grants.http",
            shown: format!("{} {}", methods.join(", "), rule.site()),
            even_if_outside: rule.even_if_outside,
            but: rule.origin().map(|_| What::Web(rule.site())),
        })
    });
    changes.collect()
}

/// Who writes a namespace reads it as well.
fn namespaces(grants: &Grants, around: &Around<'_>) -> Vec<Source> {
    grants.kv.iter().map(|grant| namespace(&grant.namespace, around)).collect()
}

/// Who reads a namespace learns at most its label, so no more may be written there.
fn namespaces_written(grants: &Grants, around: &Around<'_>) -> Vec<Sink> {
    let written = grants.kv.iter().filter(|grant| grant.write);
    let sinks = written.map(|grant| {
        let Source { level, defaulted, .. } = namespace(&grant.namespace, around);
        let to = To::Namespace(grant.namespace.clone());
        Sink { to, clearance: Said { label: level.label, defaulted }, key: "grants.kv" }
    });
    sinks.collect()
}

/// What is written lasts, and steers who reads it in other runs.
fn namespace_changes(grants: &Grants) -> Vec<Changing> {
    let written = grants.kv.iter().filter(|grant| grant.write);
    let changes = written.map(|grant| Changing {
        key: "grants.kv",
        shown: format!("what the namespace `{}` holds", grant.namespace),
        even_if_outside: grant.even_if_outside,
        but: None,
    });
    changes.collect()
}
