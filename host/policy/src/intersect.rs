//! The one function that intersects grants with the ceiling.

use std::collections::BTreeMap;

use bailiwick_core::units::show_duration;
use bailiwick_core::{Bytes, Digest, Name};
use serde::{Deserialize, Serialize};

use crate::ceiling::{Ceiling, Pattern, Policy};
use crate::grants::{ArtifactsGrant, DelegateGrant, Grants, KvGrant, ModelGrant};
use crate::http::{HttpPower, HttpRule};
use crate::limits::Limits;
use crate::route::Route;

/// What an agent may do in the end: grants ∩ ceiling, with the limits that hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effective {
    /// The powers. The numbers of `model` are already the smaller ones.
    pub grants: Grants,
    /// The limits of each attempt.
    pub limits: Limits,
}

impl Effective {
    /// The digest that facts name.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // Plain data: serialisation cannot fail; an empty text would only be a digest of nothing.
        Digest::of(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }
}

/// What the intersection must know of the project besides the grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// The routes of each model alias.
    pub models: BTreeMap<Name, Vec<Route>>,
    /// The folder (absolute, normalised) of each collection.
    pub knowledge: BTreeMap<Name, String>,
    /// The model alias of each collection that has one for its vectors.
    pub embedders: BTreeMap<Name, Name>,
    /// The folder (absolute, normalised) of each asset name.
    pub assets: BTreeMap<Name, String>,
    /// What the components of agents that others may call say they are: `publisher/name`.
    pub agents: BTreeMap<Name, String>,
}

/// One grant that is above the ceiling: an error of `check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The key under the agent, as `grants.model.tokens` or `limits.wall`.
    pub key: String,
    /// What was granted, as people write it.
    pub granted: String,
    /// What is allowed, as people write it.
    pub allowed: String,
    /// The rule that says so; nothing where no rule matches the agent at all.
    pub rule: Option<Pattern>,
}

/// Intersects what an operator granted with what the admin allows.
///
/// The result never holds more than either (a property test keeps it so); every
/// difference is also in the list of excesses. Limits that the operator did not ask
/// for are lowered to the ceiling silently: a default is no request.
#[must_use]
pub fn intersect(
    identity: &str,
    granted: &Grants,
    limits: &RequestedLimits,
    resources: &Resources,
    policy: &Policy,
) -> (Effective, Vec<Excess>) {
    let mut excesses = Vec::new();
    let mut effective = Effective { grants: granted.clone(), limits: limits.limits };
    let mut matched = false;
    for (pattern, ceiling) in policy.matching(identity) {
        matched = true;
        let asked = Asked { grants: granted, limits, resources };
        lower(&mut effective, &asked, ceiling, &mut |key, granted, allowed| {
            excesses.push(Excess { key, granted, allowed, rule: Some(pattern.clone()) });
        });
    }
    if !matched {
        excesses.push(Excess {
            key: "component".into(),
            granted: identity.into(),
            allowed: "nothing: no [ceiling] rule matches it".into(),
            rule: None,
        });
        effective =
            Effective { grants: Grants::none(), limits: limits.limits.min(Limits::DEFAULT) };
    }
    effective.limits = effective.limits.min(Limits::MAXIMUM);
    (effective, excesses)
}

/// Limits as an agent's table asks for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedLimits {
    /// All of them, defaults filled in.
    pub limits: Limits,
    /// The keys that the file names; the others are defaults.
    pub named: Vec<&'static str>,
}

impl Default for RequestedLimits {
    fn default() -> Self {
        Self { limits: Limits::DEFAULT, named: Vec::new() }
    }
}

type Report<'a> = dyn FnMut(String, String, String) + 'a;

/// What the operator asked for: excesses are against this, not against what an
/// earlier rule left of it, so that each rule that is in the way is named.
struct Asked<'a> {
    grants: &'a Grants,
    limits: &'a RequestedLimits,
    resources: &'a Resources,
}

fn lower(effective: &mut Effective, asked: &Asked<'_>, ceiling: &Ceiling, report: &mut Report<'_>) {
    let (grants, folders) = (&mut effective.grants, asked.resources);
    lower_model(&mut grants.model, asked, ceiling, report);
    let roots = ceiling.knowledge.as_ref().map(|c| c.roots.as_deref());
    lower_folders("knowledge", &mut grants.knowledge, &folders.knowledge, roots, report);
    lower_embedders(&mut grants.knowledge, folders, ceiling, report);
    let roots = ceiling.assets.as_ref().map(|c| c.roots.as_deref());
    lower_folders("assets", &mut grants.assets, &folders.assets, roots, report);
    lower_artifacts(&mut grants.artifacts, asked, ceiling, report);
    lower_http(&mut grants.http, asked, &ceiling.http, report);
    lower_kv(&mut grants.kv, asked, ceiling, report);
    lower_delegate(&mut grants.delegate, asked, ceiling, report);
    lower_limits(&mut effective.limits, asked.limits, &ceiling.limits, report);
}

fn lower_model(
    grant: &mut Option<ModelGrant>,
    asked: &Asked<'_>,
    ceiling: &Ceiling,
    report: &mut Report<'_>,
) {
    let Some(model) = grant else { return };
    let Some(most) = &ceiling.model else {
        report("grants.model".into(), "granted".into(), "not allowed".into());
        *grant = None;
        return;
    };
    model.aliases.retain(|alias| {
        let routes = asked.resources.models.get(alias).map_or(&[][..], Vec::as_slice);
        let refused = routes.iter().find(|route| !most.origins.allow(route));
        if let Some(route) = refused {
            report(
                format!("grants.model.use {alias}"),
                route.to_string(),
                most.origins.to_string(),
            );
        }
        refused.is_none()
    });
    let asked = asked.grants.model.as_ref();
    lower_number(&mut model.calls, most.calls);
    if let Some((granted, allowed)) = over(asked.and_then(|m| m.calls), most.calls) {
        report("grants.model.calls".into(), granted.0.to_string(), allowed.0.to_string());
    }
    lower_number(&mut model.tokens, most.tokens);
    if let Some((granted, allowed)) = over(asked.and_then(|m| m.tokens), most.tokens) {
        report("grants.model.tokens".into(), granted.0.to_string(), allowed.0.to_string());
    }
    lower_number(&mut model.money, most.money);
    if let Some((granted, allowed)) = over(asked.and_then(|m| m.money), most.money) {
        report("grants.model.money".into(), granted.to_string(), allowed.to_string());
    }
}

/// The smaller number; where the grant says none, the ceiling's.
fn lower_number<T: Ord + Copy>(granted: &mut Option<T>, most: Option<T>) {
    *granted = match (*granted, most) {
        (Some(wanted), Some(most)) => Some(wanted.min(most)),
        (wanted, most) => wanted.or(most),
    };
}

/// Both numbers, where more was asked for than is allowed. An unset number is no request.
fn over<T: Ord + Copy>(asked: Option<T>, most: Option<T>) -> Option<(T, T)> {
    asked.zip(most).filter(|(asked, most)| asked > most)
}

fn lower_folders(
    capability: &str,
    granted: &mut std::collections::BTreeSet<Name>,
    folders: &BTreeMap<Name, String>,
    ceiling: Option<Option<&[String]>>,
    report: &mut Report<'_>,
) {
    granted.retain(|name| {
        let allowed = match ceiling {
            None => Err("not allowed".to_owned()),
            Some(None) => Ok(()),
            Some(Some(roots)) => {
                let inside = folders
                    .get(name)
                    .is_some_and(|folder| roots.iter().any(|root| is_below(folder, root)));
                if inside { Ok(()) } else { Err(format!("below {}", roots.join(", "))) }
            }
        };
        if let Err(allowed) = &allowed {
            let folder = folders.get(name).cloned().unwrap_or_else(|| name.to_string());
            report(format!("grants.{capability} {name}"), folder, allowed.clone());
        }
        allowed.is_ok()
    });
}

/// A collection whose vectors are made by a model sends its passages and every query there,
/// for whoever may search it: its routes are held to the origins of `model`, whether the
/// agent is granted that model or not. What stays in the host, as `builtin` does, needs none.
fn lower_embedders(
    granted: &mut std::collections::BTreeSet<Name>,
    resources: &Resources,
    ceiling: &Ceiling,
    report: &mut Report<'_>,
) {
    granted.retain(|collection| {
        let Some(alias) = resources.embedders.get(collection) else { return true };
        let routes = resources.models.get(alias).map_or(&[][..], Vec::as_slice);
        let refused = routes.iter().find(|route| match &ceiling.model {
            Some(most) => !most.origins.allow(route),
            None => route.base.is_some() || route.origin.is_some(),
        });
        let Some(route) = refused else { return true };
        let allowed = match &ceiling.model {
            Some(most) => format!("model asks {}", most.origins),
            None => "no model".to_owned(),
        };
        report(
            format!("grants.knowledge {collection}"),
            format!("embedded by the model `{alias}`, {route}"),
            allowed,
        );
        false
    });
}

/// Whether a normalised absolute path is `root` or below it, by whole elements.
#[must_use]
pub fn is_below(path: &str, root: &str) -> bool {
    match path.strip_prefix(root.trim_end_matches('/')) {
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

fn lower_artifacts(
    grant: &mut Option<ArtifactsGrant>,
    asked: &Asked<'_>,
    ceiling: &Ceiling,
    report: &mut Report<'_>,
) {
    let Some(artifacts) = grant else { return };
    let Some(most) = &ceiling.artifacts else {
        report("grants.artifacts".into(), "granted".into(), "not allowed".into());
        *grant = None;
        return;
    };
    // Without `put` it only reads: a ceiling must not turn that into writing.
    if artifacts.put.is_some() {
        lower_number(&mut artifacts.put, most.put);
    }
    if let Some((granted, allowed)) = over(asked.grants.artifacts.and_then(|a| a.put), most.put) {
        report("grants.artifacts.put".into(), granted.to_string(), allowed.to_string());
    }
}

/// Every rule must lie within one rule of the ceiling, or `check` refuses it; at the gate
/// a request must be let through by both, whatever was checked.
fn lower_http(
    power: &mut HttpPower,
    asked: &Asked<'_>,
    ceiling: &[HttpRule],
    report: &mut Report<'_>,
) {
    for rule in &asked.grants.http.rules {
        if !ceiling.iter().any(|most| most.covers(rule)) {
            let lines: Vec<_> = ceiling.iter().map(HttpRule::line).collect();
            let allowed = match lines.as_slice() {
                [] => "not allowed".to_owned(),
                lines => lines.join(", "),
            };
            report(format!("grants.http {}", rule.host), rule.line(), allowed);
        }
    }
    *power = std::mem::take(power).within(ceiling);
}

fn lower_kv(
    grant: &mut Option<KvGrant>,
    asked: &Asked<'_>,
    ceiling: &Ceiling,
    report: &mut Report<'_>,
) {
    let (Some(kv), Some(asked)) = (&mut *grant, &asked.grants.kv) else { return };
    let Some(most) = &ceiling.kv else {
        report("grants.kv".into(), asked.namespace.to_string(), "not allowed".into());
        *grant = None;
        return;
    };
    if asked.write && !most.write {
        let namespace = &asked.namespace;
        report("grants.kv".into(), format!("a writer of {namespace}"), "read only".into());
    }
    kv.write &= most.write;
    let allowed = most.quota.unwrap_or(KvGrant::QUOTA_MAX).min(KvGrant::QUOTA_MAX);
    // The default is no request: it is lowered silently, as limits are.
    if asked.quota > allowed && asked.quota != KvGrant::QUOTA {
        report("grants.kv".into(), format!("quota {}", asked.quota), allowed.to_string());
    }
    kv.quota = kv.quota.min(allowed);
}

/// The key of an [`Excess`] that says that an agent must not call this one.
#[must_use]
pub fn callee_key(callee: &Name) -> String {
    format!("grants.delegate {callee}")
}

/// An agent that is called works under its own rules of the ceiling; these only say who
/// may call it.
fn lower_delegate(
    grant: &mut Option<DelegateGrant>,
    asked: &Asked<'_>,
    ceiling: &Ceiling,
    report: &mut Report<'_>,
) {
    for name in asked.grants.callees() {
        let identity = asked.resources.agents.get(name);
        let allowed = match &ceiling.delegate {
            Some(most) if most.allows(identity) => continue,
            Some(most) => most.to_string(),
            None => "not allowed".to_owned(),
        };
        let shown =
            identity.map_or_else(|| name.to_string(), |identity| format!("{name} ({identity})"));
        report(callee_key(name), shown, allowed);
        if let Some(grant) = grant {
            grant.agents.remove(name);
        }
    }
    // Who may call nobody has no such power.
    if grant.as_ref().is_some_and(|grant| grant.agents.is_empty()) {
        *grant = None;
    }
}

fn lower_limits(
    limits: &mut Limits,
    requested: &RequestedLimits,
    most: &Limits,
    report: &mut Report<'_>,
) {
    let before = *limits;
    *limits = before.min(*most);
    let mut excess = |key: &'static str, over: bool, granted: String, allowed: String| {
        if over && requested.named.contains(&key) {
            report(format!("limits.{key}"), granted, allowed);
        }
    };
    let size = |a: Bytes, b: Bytes| (a > b, a.to_string(), b.to_string());
    let time = |a, b| (a > b, show_duration(a), show_duration(b));
    let count = |a: u32, b: u32| (a > b, a.to_string(), b.to_string());
    for (key, (over, granted, allowed)) in [
        ("memory", size(before.memory, most.memory)),
        ("cpu", time(before.cpu, most.cpu)),
        ("wall", time(before.wall, most.wall)),
        ("output", size(before.output, most.output)),
        ("log-lines", count(before.log_lines, most.log_lines)),
        ("artifacts", size(before.artifacts, most.artifacts)),
        ("gate-calls", count(before.gate_calls, most.gate_calls)),
        ("denials", count(before.denials, most.denials)),
    ] {
        excess(key, over, granted, allowed);
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::{Calls, Money, Tokens};

    use super::*;
    use crate::ceiling::{DelegateCeiling, FolderCeiling, KvCeiling, ModelCeiling};
    use crate::origins::Origins;
    use crate::route::Origin;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn policy(ceilings: Vec<(&str, Ceiling)>) -> Policy {
        let ceilings = ceilings.into_iter().map(|(p, c)| (Pattern::parse(p).unwrap(), c)).collect();
        Policy { ceilings, ..Policy::built_in() }
    }

    fn model(calls: Option<u64>, tokens: Option<u64>) -> Grants {
        Grants {
            model: Some(ModelGrant {
                aliases: [name("writer")].into(),
                calls: calls.map(Calls),
                tokens: tokens.map(Tokens),
                money: tokens.map(Money),
            }),
            ..Grants::none()
        }
    }

    fn resources() -> Resources {
        Resources {
            models: [(name("writer"), vec![Route::builtin()])].into(),
            knowledge: [(name("brand"), "/srv/brand".to_owned())].into(),
            embedders: BTreeMap::new(),
            assets: BTreeMap::new(),
            agents: [(name("facts"), "local/fact_finder".to_owned())].into(),
        }
    }

    fn models_of(calls: Option<u64>, tokens: Option<u64>) -> Ceiling {
        Ceiling {
            model: Some(ModelCeiling {
                calls: calls.map(Calls),
                tokens: tokens.map(Tokens),
                money: tokens.map(Money),
                origins: Origins::PublicHttpsOrLoopback,
            }),
            ..Ceiling::nothing()
        }
    }

    /// What is granted is a collection; what leaves is its passages, to the model's origin.
    #[test]
    fn a_collection_is_embedded_within_the_origins_of_models_or_not_granted() {
        let away = Route {
            provider: crate::route::ProviderKind::Openai,
            base: Some("http://127.0.0.1:9/v1".into()),
            origin: Some(Origin("http://127.0.0.1:9".into())),
            ..Route::builtin()
        };
        let resources = |route: Route| Resources {
            models: [(name("vec"), vec![route])].into(),
            embedders: [(name("brand"), name("vec"))].into(),
            ..resources()
        };
        let granted = Grants { knowledge: [name("brand")].into(), ..Grants::none() };
        let under = |origins: Option<Origins>, resources: &Resources| {
            let model = origins.map(|origins| ModelCeiling {
                calls: None,
                tokens: None,
                money: None,
                origins,
            });
            let ceiling = Ceiling {
                model,
                knowledge: Some(FolderCeiling { roots: None }),
                ..Ceiling::nothing()
            };
            let policy = policy(vec![("local/*", ceiling)]);
            let limits = RequestedLimits::default();
            let (effective, excesses) =
                intersect("local/draft", &granted, &limits, resources, &policy);
            (effective.grants.knowledge.len(), excesses)
        };
        let (here, away) = (resources(Route::builtin()), resources(away));
        let none = || Some(Origins::Listed(Vec::new()));
        let this = || Some(Origins::Listed(vec![Origin("http://127.0.0.1:9".into())]));
        for (origins, resources) in [(this(), &away), (none(), &here), (None, &here)] {
            let (left, excesses) = under(origins, resources);
            assert_eq!((left, excesses), (1, Vec::new()));
        }
        for (origins, allowed) in [(none(), "model asks the origins "), (None, "no model")] {
            let (left, excesses) = under(origins, &away);
            let [excess] = &excesses[..] else { panic!("{excesses:?}") };
            assert_eq!((left, excess.key.as_str()), (0, "grants.knowledge brand"));
            assert_eq!(excess.allowed, allowed);
            assert!(excess.granted.contains("`vec`"), "{}", excess.granted);
        }
    }

    #[test]
    fn numbers_are_the_minimum_of_all_matches() {
        let policy = policy(vec![
            ("local/*", models_of(Some(10), Some(500))),
            ("local/draft", models_of(Some(20), Some(100))),
            ("local/other", models_of(Some(1), Some(1))),
        ]);
        let (effective, excesses) = intersect(
            "local/draft",
            &model(Some(15), None),
            &RequestedLimits::default(),
            &resources(),
            &policy,
        );
        let model = effective.grants.model.unwrap();
        assert_eq!((model.calls, model.tokens), (Some(Calls(10)), Some(Tokens(100))));
        assert_eq!(model.money, Some(Money(100)));
        assert_eq!(excesses.len(), 1, "an unset number is no request: {excesses:?}");
    }

    #[test]
    fn an_agent_that_no_rule_matches_may_do_nothing() {
        let (effective, excesses) = intersect(
            "local/draft",
            &model(None, None),
            &RequestedLimits::default(),
            &resources(),
            &policy(vec![("acme/*", Ceiling::built_in())]),
        );
        assert_eq!(effective.grants, Grants::none());
        assert_eq!(excesses.len(), 1);
    }

    #[test]
    fn folders_count_by_whole_elements() {
        let granted = Grants { knowledge: [name("brand")].into(), ..Grants::none() };
        for (root, expected) in [("/srv", 0), ("/srv/brand", 0), ("/srv/bra", 1), ("/etc", 1)] {
            let ceiling = Ceiling {
                knowledge: Some(FolderCeiling { roots: Some(vec![root.into()]) }),
                ..Ceiling::nothing()
            };
            let (_, excesses) = intersect(
                "local/x",
                &granted,
                &RequestedLimits::default(),
                &resources(),
                &policy(vec![("local/*", ceiling)]),
            );
            assert_eq!(excesses.len(), expected, "{root}");
        }
    }

    #[test]
    fn a_namespace_is_lowered_to_what_the_ceiling_lets_it_hold_and_take() {
        let granted = |write, quota| {
            let namespace = name("notes");
            let kv = KvGrant { namespace, write, quota, even_if_outside: false };
            Grants { kv: Some(kv), ..Grants::none() }
        };
        let run = |granted: &Grants, kv: Option<KvCeiling>| {
            let ceiling = Ceiling { kv, ..Ceiling::nothing() };
            let policy = policy(vec![("local/*", ceiling)]);
            let none = RequestedLimits::default();
            let (effective, excesses) = intersect("local/x", granted, &none, &resources(), &policy);
            (effective.grants.kv.map(|kv| (kv.write, kv.quota)), excesses.len())
        };
        let (one, two) = (Bytes::mib(1), Bytes::mib(2));
        assert_eq!(run(&granted(true, one), None), (None, 1));
        let most = |quota, write| Some(KvCeiling { quota, write });
        assert_eq!(run(&granted(true, two), most(Some(one), true)), (Some((true, one)), 1));
        assert_eq!(run(&granted(true, two), most(None, false)), (Some((false, two)), 1));
        assert_eq!(run(&granted(false, one), most(Some(two), false)), (Some((false, one)), 0));
        // The default is no request.
        assert_eq!(
            run(&granted(true, KvGrant::QUOTA), most(Some(one), true)),
            (Some((true, one)), 0)
        );
    }

    #[test]
    fn who_is_called_is_told_by_the_component_and_not_by_the_operators_name() {
        let delegate =
            DelegateGrant { agents: [name("facts"), name("ghost")].into(), even_if_outside: false };
        let granted = Grants { delegate: Some(delegate), ..Grants::none() };
        let run = |delegate: Option<DelegateCeiling>| {
            let ceiling = Ceiling { delegate, ..Ceiling::nothing() };
            let policy = policy(vec![("local/*", ceiling)]);
            let none = RequestedLimits::default();
            let (effective, excesses) =
                intersect("local/x", &granted, &none, &resources(), &policy);
            let left: Vec<_> = effective.grants.callees().map(ToString::to_string).collect();
            (left.join(" "), excesses.len())
        };
        let only =
            |pattern| Some(DelegateCeiling::Profiles(vec![Pattern::parse(pattern).unwrap()]));
        assert_eq!(run(None), (String::new(), 2));
        assert_eq!(run(Some(DelegateCeiling::Any)), ("facts ghost".into(), 0));
        assert_eq!(run(only("local/fact_finder")), ("facts".into(), 1));
        assert_eq!(run(only("local/facts")), (String::new(), 2));
    }

    #[test]
    fn default_limits_are_lowered_silently_and_named_ones_are_reported() {
        let low = Limits { memory: Bytes::mib(64), ..Limits::DEFAULT };
        let policy = policy(vec![("local/*", Ceiling { limits: low, ..Ceiling::nothing() })]);
        let run = |requested: &RequestedLimits| {
            intersect("local/x", &Grants::none(), requested, &resources(), &policy)
        };
        let (effective, excesses) = run(&RequestedLimits::default());
        assert_eq!((effective.limits.memory, excesses.len()), (Bytes::mib(64), 0));
        let named = RequestedLimits { named: vec!["memory"], ..RequestedLimits::default() };
        assert_eq!(run(&named).1.len(), 1);
    }

    /// Effective ⊆ granted ∩ ceiling, over every combination of a small world.
    #[test]
    fn never_holds_more_than_either() {
        let numbers = [None, Some(0), Some(5), Some(50)];
        for granted in numbers {
            for most in numbers {
                let policy = policy(vec![("local/*", models_of(most, most))]);
                let (effective, _) = intersect(
                    "local/x",
                    &model(granted, granted),
                    &RequestedLimits::default(),
                    &resources(),
                    &policy,
                );
                let budget = effective.grants.model.unwrap().budget();
                let calls = budget.calls.map(|c| c.0);
                assert_eq!(budget.money.map(|m| m.0), calls);
                let expected = match (granted, most) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                assert_eq!(calls, expected, "{granted:?} {most:?}");
            }
        }
    }
}
