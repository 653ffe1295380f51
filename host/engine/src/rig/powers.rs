//! What a component may do on the rig: everything that it wants, or all of that without one power. Knows no operator.

use std::sync::Arc;

use bailiwick_builder::Wants;
use bailiwick_core::Name;
use bailiwick_core::fact::Capability;
use bailiwick_policy::grants::{ArtifactsGrant, DelegateGrant, KvGrant, ModelGrant};
use bailiwick_policy::http::HostPattern;
use bailiwick_policy::{
    Clearances, Effective, Generation, Grants, HttpPower, HttpRule, PowerKey, Rules, Standing,
};

/// What an operator would grant who believes every word of its author.
pub(super) fn wanted(wants: &Wants) -> Grants {
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
    let hosts = hosts.filter_map(|host| HostPattern::try_from(host.clone()).ok());
    let rules = hosts.flat_map(|host| {
        let to_it = move |rule| HttpRule { host: host.clone(), ..rule };
        HttpRule::public().into_iter().map(to_it)
    });
    Grants {
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
    }
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
