//! What a component may do on the rig: everything that it wants, or all of that without one power. Knows no operator.

use std::sync::Arc;

use bailiwick_builder::Wants;
use bailiwick_core::Name;
use bailiwick_core::fact::Capability;
use bailiwick_policy::grants::{ArtifactsGrant, DelegateGrant, KvGrant, ModelGrant};
use bailiwick_policy::http::{HostPattern, NotAHost};
use bailiwick_policy::{
    Clearances, Effective, Generation, Grants, HttpPower, HttpRule, PowerKey, Rules, Standing,
};

/// What an operator would grant who believes every word of its author.
///
/// # Errors
/// [`NotAHost`] where a host is wanted that nobody can grant.
pub(super) fn wanted(wants: &Wants) -> Result<Grants, NotAHost> {
    let names = |want: Option<&bailiwick_builder::NamesWant>| {
        want.into_iter().flat_map(|want| want.names.iter().cloned()).collect()
    };
    let model = wants.model.as_ref().map(|want| ModelGrant {
        aliases: names(Some(want)),
        calls: None,
        tokens: None,
        money: None,
    });
    let hosts = wants.http.iter().flat_map(|want| &want.hosts);
    let hosts: Vec<_> = hosts.map(|host| HostPattern::parse(host)).collect::<Result<_, _>>()?;
    let rules = hosts.into_iter().flat_map(|host| {
        let to_it = move |rule| HttpRule { host: host.clone(), ..rule };
        HttpRule::public().into_iter().map(to_it)
    });
    Ok(Grants {
        model,
        knowledge: names(wants.knowledge.as_ref()),
        assets: [].into(),
        artifacts: wants.artifacts.as_ref().map(|want| ArtifactsGrant { put: want.put }),
        http: HttpPower { rules: rules.collect(), ..HttpPower::none() },
        kv: wants.kv.as_ref().and_then(|want| {
            Some(KvGrant {
                namespace: Name::new("kept").ok()?,
                write: want.write,
                quota: KvGrant::QUOTA,
                even_if_outside: false,
            })
        }),
        delegate: wants
            .delegate
            .as_ref()
            .map(|want| DelegateGrant { agents: names(Some(want)), even_if_outside: false }),
    })
}

/// Rules that leave an agent everything, or everything but one power.
pub(super) struct Without(pub(super) Option<Capability>);

impl Rules for Without {
    fn version(&self) -> u64 {
        0
    }

    fn standing(&self, generation: &Generation) -> Arc<Standing> {
        let Effective { grants, limits } = generation.effective.clone();
        let grants = match self.0 {
            Some(power) => grants.without(&PowerKey::Whole(power.as_str())),
            None => grants,
        };
        let left = Effective { grants, limits };
        Arc::new(Standing::unnarrowed(&left, Clearances::unlabelled()))
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_builder::HttpWant;

    use super::*;

    #[test]
    fn a_host_that_nobody_can_grant_is_no_host_fewer() {
        let of = |hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
            let http = Some(HttpWant { hosts, reason: "x".into() });
            wanted(&Wants { http, ..Wants::default() })
        };
        let granted = of(&["api.example.com", "*.example.org"]).unwrap().http.rules;
        assert!(granted.iter().any(|rule| rule.host.to_string() == "*.example.org"));
        let refused = of(&["api.example.com", "*.co.uk"]).unwrap_err();
        assert!(refused.to_string().starts_with("*.co.uk is everybody's"), "{refused}");
    }
}
