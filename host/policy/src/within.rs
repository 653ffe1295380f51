//! Whether powers lie within others. Errs on the side of no; changes nothing.

use crate::grants::{DelegateGrant, Grants, KvGrant, ModelGrant};
use crate::http::HttpPower;

impl Grants {
    /// Whether everything that these grants allow is allowed by others, too. Errs on the
    /// side of no.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let artifacts = match (self.artifacts, other.artifacts) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => {
                own.put.is_none_or(|put| other.put.is_some_and(|most| put <= most))
            }
        };
        artifacts
            && both(self.model.as_ref(), other.model.as_ref(), ModelGrant::is_within)
            && self.knowledge.is_subset(&other.knowledge)
            && self.assets.is_subset(&other.assets)
            && self.http.is_within(&other.http)
            && both(self.kv.as_ref(), other.kv.as_ref(), KvGrant::is_within)
            && both(self.delegate.as_ref(), other.delegate.as_ref(), DelegateGrant::is_within)
    }
}

/// What is not granted lies within anything; what is, needs something to lie within.
fn both<T>(own: Option<&T>, other: Option<&T>, is_within: impl Fn(&T, &T) -> bool) -> bool {
    own.is_none_or(|own| other.is_some_and(|other| is_within(own, other)))
}

impl ModelGrant {
    fn is_within(&self, other: &Self) -> bool {
        self.aliases.is_subset(&other.aliases)
            && at_most(self.calls, other.calls)
            && at_most(self.tokens, other.tokens)
            && at_most(self.money, other.money)
    }
}

/// An unset number is no bound.
fn at_most<T: Ord>(own: Option<T>, other: Option<T>) -> bool {
    other.is_none_or(|most| own.is_some_and(|own| own <= most))
}

impl KvGrant {
    fn is_within(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && (other.write || !self.write)
            && self.quota <= other.quota
            && (other.even_if_outside || !self.even_if_outside)
    }
}

impl DelegateGrant {
    fn is_within(&self, other: &Self) -> bool {
        self.agents.is_subset(&other.agents) && (other.even_if_outside || !self.even_if_outside)
    }
}

impl HttpPower {
    /// Each rule must lie within one of the others, and whatever bounds those bounds these.
    fn is_within(&self, other: &Self) -> bool {
        let rules = self.rules.iter().all(|rule| {
            other
                .rules
                .iter()
                .any(|own| own.covers(rule) && (own.even_if_outside || !rule.even_if_outside))
        });
        let bounds = other.bounds.iter().all(|bound| self.bounds.contains(bound));
        rules && (self.is_none() || bounds && self.except.is_superset(&other.except))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bailiwick_core::{Bytes, Calls, Name};

    use super::*;
    use crate::grants::ArtifactsGrant;
    use crate::http::{HttpRule, Method, PathPattern};

    fn names(text: &str) -> BTreeSet<Name> {
        text.split_whitespace().map(|name| Name::new(name).unwrap()).collect()
    }

    fn all() -> Grants {
        let mut rule = HttpRule::public().remove(0);
        rule.paths = vec![PathPattern::parse("/v1/*").unwrap()];
        Grants {
            model: Some(ModelGrant {
                aliases: names("a b"),
                calls: Some(Calls(9)),
                tokens: None,
                money: None,
            }),
            knowledge: names("x y"),
            assets: names("z"),
            artifacts: Some(ArtifactsGrant { put: Some(Bytes(9)) }),
            http: HttpPower { rules: vec![rule], ..HttpPower::none() },
            kv: Some(KvGrant {
                namespace: Name::new("n").unwrap(),
                write: false,
                quota: Bytes(9),
                even_if_outside: false,
            }),
            delegate: Some(DelegateGrant { agents: names("f"), even_if_outside: false }),
        }
    }

    /// Each of these is more than `all` in one place.
    #[test]
    fn every_power_that_grows_is_no_longer_within() {
        assert!(all().is_within(&all()) && Grants::none().is_within(&all()));
        assert!(!all().is_within(&Grants::none()));
        let grown: &[fn(&mut Grants)] = &[
            |g| g.model.as_mut().unwrap().aliases.extend(names("c")),
            |g| g.model.as_mut().unwrap().calls = Some(Calls(10)),
            |g| g.model.as_mut().unwrap().calls = None,
            |g| g.knowledge.extend(names("w")),
            |g| g.assets.extend(names("w")),
            |g| g.artifacts.as_mut().unwrap().put = Some(Bytes(10)),
            |g| _ = g.http.rules[0].methods.insert(Method::Get),
            |g| g.http.rules[0].paths = vec![PathPattern::all()],
            |g| g.http.rules[0].credential = Some(Name::new("c").unwrap()),
            |g| g.http.rules[0].even_if_outside = true,
            |g| g.kv.as_mut().unwrap().write = true,
            |g| g.kv.as_mut().unwrap().quota = Bytes(10),
            |g| g.kv.as_mut().unwrap().even_if_outside = true,
            |g| g.kv.as_mut().unwrap().namespace = Name::new("m").unwrap(),
            |g| g.delegate.as_mut().unwrap().agents.extend(names("g")),
            |g| g.delegate.as_mut().unwrap().even_if_outside = true,
        ];
        for (number, grow) in grown.iter().enumerate() {
            let mut base = all();
            base.http.rules[0].methods = [Method::Head].into();
            let mut more = base.clone();
            grow(&mut more);
            assert!(!more.is_within(&base), "the {number}th");
        }
    }

    #[test]
    fn what_bounds_the_larger_must_bound_the_smaller() {
        let (mut bounded, rules) = (all(), all().http.rules);
        bounded.http = bounded.http.within(&rules);
        assert!(bounded.is_within(&all()));
        assert!(!all().is_within(&bounded));
    }
}
