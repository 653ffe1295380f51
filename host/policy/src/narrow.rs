//! What is left of powers that were pinned when something narrower holds today. Can only take away.

use std::collections::BTreeSet;

use bailiwick_core::Name;

use crate::grants::{ArtifactsGrant, DelegateGrant, Grants, KvGrant, ModelGrant};
use crate::intersect::Effective;

impl Effective {
    /// What both allow.
    #[must_use]
    pub fn narrowed(&self, today: &Self) -> Self {
        Self { grants: grants(&self.grants, &today.grants), limits: self.limits.min(today.limits) }
    }
}

fn grants(pinned: &Grants, today: &Grants) -> Grants {
    Grants {
        model: pinned.model.as_ref().zip(today.model.as_ref()).and_then(|(a, b)| model(a, b)),
        knowledge: both(&pinned.knowledge, &today.knowledge),
        assets: both(&pinned.assets, &today.assets),
        artifacts: pinned
            .artifacts
            .zip(today.artifacts)
            .map(|(a, b)| ArtifactsGrant { put: a.put.zip(b.put).map(|(a, b)| a.min(b)) }),
        http: pinned.http.narrowed(&today.http),
        kv: pinned.kv.as_ref().zip(today.kv.as_ref()).and_then(|(a, b)| kv(a, b)),
        delegate: pinned
            .delegate
            .as_ref()
            .zip(today.delegate.as_ref())
            .and_then(|(a, b)| delegate(a, b)),
    }
}

fn model(pinned: &ModelGrant, today: &ModelGrant) -> Option<ModelGrant> {
    let aliases = both(&pinned.aliases, &today.aliases);
    (!aliases.is_empty()).then(|| ModelGrant {
        aliases,
        calls: least(pinned.calls, today.calls),
        tokens: least(pinned.tokens, today.tokens),
        money: least(pinned.money, today.money),
    })
}

/// Another namespace is another power.
fn kv(pinned: &KvGrant, today: &KvGrant) -> Option<KvGrant> {
    (pinned.namespace == today.namespace).then(|| KvGrant {
        namespace: pinned.namespace.clone(),
        write: pinned.write && today.write,
        quota: pinned.quota.min(today.quota),
        even_if_outside: pinned.even_if_outside && today.even_if_outside,
    })
}

fn delegate(pinned: &DelegateGrant, today: &DelegateGrant) -> Option<DelegateGrant> {
    let agents = both(&pinned.agents, &today.agents);
    let even_if_outside = pinned.even_if_outside && today.even_if_outside;
    (!agents.is_empty()).then_some(DelegateGrant { agents, even_if_outside })
}

fn both(one: &BTreeSet<Name>, other: &BTreeSet<Name>) -> BTreeSet<Name> {
    one.intersection(other).cloned().collect()
}

/// The smaller of two bounds; an unset one is none.
fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::{Bytes, Calls, Tokens};

    use super::*;
    use crate::limits::Limits;

    fn names(text: &str) -> BTreeSet<Name> {
        text.split(' ').map(|name| Name::new(name).unwrap()).collect()
    }

    fn effective(aliases: &str, calls: Option<u64>, put: Option<u64>) -> Effective {
        let model = ModelGrant {
            aliases: names(aliases),
            calls: calls.map(Calls),
            tokens: Some(Tokens(100)),
            money: None,
        };
        let grants = Grants {
            model: Some(model),
            knowledge: names("brand past"),
            artifacts: Some(ArtifactsGrant { put: put.map(Bytes) }),
            ..Grants::none()
        };
        Effective { grants, limits: Limits::DEFAULT }
    }

    #[test]
    fn what_is_gone_today_is_gone() {
        let pinned = effective("writer critic", None, Some(9));
        let nothing = Effective { grants: Grants::none(), limits: Limits::DEFAULT };
        assert_eq!(pinned.narrowed(&nothing).grants, Grants::none());
        let left = pinned.narrowed(&effective("critic painter", Some(3), None)).grants;
        let model = left.model.unwrap();
        assert_eq!((model.aliases, model.calls), (names("critic"), Some(Calls(3))));
        assert_eq!(left.artifacts.unwrap().put, None, "reading is left, putting is not");
    }

    #[test]
    fn what_came_since_is_not_given() {
        let pinned = effective("writer", Some(2), None);
        let today = effective("writer critic", None, Some(9));
        assert_eq!(pinned.narrowed(&today), pinned);
    }

    #[test]
    fn of_a_namespace_the_smaller_power_is_left_and_of_another_one_none() {
        let of = |namespace: &str, write, quota| {
            let kv = KvGrant {
                namespace: Name::new(namespace).unwrap(),
                write,
                quota: Bytes(quota),
                even_if_outside: false,
            };
            let grants = Grants { kv: Some(kv), ..Grants::none() };
            Effective { grants, limits: Limits::DEFAULT }
        };
        let left = of("notes", true, 9).narrowed(&of("notes", false, 99)).grants.kv.unwrap();
        assert_eq!((left.write, left.quota), (false, Bytes(9)));
        assert_eq!(of("notes", true, 9).narrowed(&of("other", true, 9)).grants.kv, None);
    }

    #[test]
    fn whom_both_let_it_call_is_left_and_without_one_nobody() {
        let of = |agents: &str| {
            let delegate = DelegateGrant { agents: names(agents), even_if_outside: true };
            let grants = Grants { delegate: Some(delegate), ..Grants::none() };
            Effective { grants, limits: Limits::DEFAULT }
        };
        let left = of("facts tone").narrowed(&of("tone seo")).grants.delegate.unwrap();
        assert_eq!((left.agents, left.even_if_outside), (names("tone"), true));
        assert_eq!(of("facts").narrowed(&of("tone")).grants.delegate, None);
    }

    #[test]
    fn without_a_common_model_there_is_none() {
        assert_eq!(
            effective("a", None, None).narrowed(&effective("b", None, None)).grants.model,
            None
        );
    }
}
