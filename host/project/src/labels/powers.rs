//! One row for each power: what it lets an agent read, where it lets it send, and whether it changes anything. A new power comes into the labels by its row alone.

use std::collections::BTreeMap;

use bailiwick_core::Name;
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
    changes: fn(&Grants, &Around<'_>) -> Vec<Changing>,
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

/// All powers but one. `artifacts` is none of them: what it reads is in the input, and what it
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

/// The power to have others do what they may do: the powers above, of whoever is called.
const DELEGATE: Power = Power { reads: callees_read, sinks: callees_send, changes: callees_change };

fn all() -> impl Iterator<Item = &'static Power> {
    POWERS.iter().chain([&DELEGATE])
}

/// Everything that grants let an agent read.
pub(crate) fn reads(grants: &Grants, around: &Around<'_>) -> Vec<Source> {
    all().flat_map(|power| (power.reads)(grants, around)).collect()
}

/// Everywhere that grants let an agent send.
pub(crate) fn sinks(grants: &Grants, around: &Around<'_>) -> Vec<Sink> {
    all().flat_map(|power| (power.sinks)(grants, around)).collect()
}

/// Everything that grants let an agent change.
pub(crate) fn changing_powers(grants: &Grants, around: &Around<'_>) -> Vec<Changing> {
    all().flat_map(|power| (power.changes)(grants, around)).collect()
}

fn nothing(_: &Grants, _: &Around<'_>) -> Vec<Changing> {
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
fn web_changes(grants: &Grants, _: &Around<'_>) -> Vec<Changing> {
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
fn namespace_changes(grants: &Grants, _: &Around<'_>) -> Vec<Changing> {
    let written = grants.kv.iter().filter(|grant| grant.write);
    let changes = written.map(|grant| Changing {
        key: "grants.kv",
        shown: format!("what the namespace `{}` holds", grant.namespace),
        even_if_outside: grant.even_if_outside,
        but: None,
    });
    changes.collect()
}

/// Who may be called, also by those who are called, and whether every grant on the way
/// accepts what comes from outside. Each is looked at once, or twice where ways differ.
fn called<'a>(grants: &'a Grants, around: &Around<'a>) -> BTreeMap<(&'a Name, bool), &'a Grants> {
    let agents = &around.project.agents;
    let (mut open, mut found) = (vec![(grants, true)], BTreeMap::new());
    while let Some((caller, accepted)) = open.pop() {
        let accepted = accepted && caller.delegate.as_ref().is_some_and(|one| one.even_if_outside);
        for name in caller.callees() {
            let Some(agent) = agents.get(name) else { continue };
            if found.insert((name, accepted), &agent.grants).is_none() {
                open.push((&agent.grants, accepted));
            }
        }
    }
    found
}

/// Who is called answers with what it may read, and so on.
fn callees_read(grants: &Grants, around: &Around<'_>) -> Vec<Source> {
    let mut found: Vec<Source> = Vec::new();
    for (_, grants) in called(grants, around) {
        for source in POWERS.iter().flat_map(|power| (power.reads)(grants, around)) {
            if !found.contains(&source) {
                found.push(source);
            }
        }
    }
    found
}

/// Who is called may send on what it is told.
fn callees_send(grants: &Grants, around: &Around<'_>) -> Vec<Sink> {
    let mut found: Vec<Sink> = Vec::new();
    for (_, grants) in called(grants, around) {
        for sink in POWERS.iter().flat_map(|power| (power.sinks)(grants, around)) {
            let sink = Sink { key: "grants.delegate", ..sink };
            if !found.contains(&sink) {
                found.push(sink);
            }
        }
    }
    found
}

/// Who is called changes what its callers want: all their grants must accept who steers that.
fn callees_change(grants: &Grants, around: &Around<'_>) -> Vec<Changing> {
    let changes = called(grants, around).into_iter().flat_map(|((name, accepted), grants)| {
        let theirs = POWERS.iter().flat_map(|power| (power.changes)(grants, around));
        let by_way = move |change: Changing| Changing {
            key: "grants.delegate",
            shown: format!("by way of `{name}`: {}", change.shown),
            even_if_outside: accepted && change.even_if_outside,
            but: change.but,
        };
        theirs.map(by_way).collect::<Vec<_>>()
    });
    changes.collect()
}
