//! The labels of what is there before any step: the run's input, the folders and the namespaces of the project. Follows nothing.

use bailiwick_core::{Name, Place};
use bailiwick_policy::grants::KvGrant;
use bailiwick_policy::{Label, Level, Said, Trust};

use super::{Around, Source, What};
use crate::project::Folder;

/// The run's input is what its operator says, and trusted.
pub(super) fn input(around: &Around<'_>) -> Said {
    around.policy.labels.source(around.input)
}

/// A collection of the project.
pub(super) fn collection(name: &Name, around: &Around<'_>) -> Source {
    let written = around.project.knowledge.get(name);
    let trust = written.map_or(Trust::Trusted, |folder| folder.trust);
    let said = folder(written, around.resources.knowledge.get(name), around);
    of(What::Collection(name.clone()), said, trust)
}

/// An asset folder of the project. Its files are the operator's.
pub(super) fn assets(name: &Name, around: &Around<'_>) -> Source {
    let said = folder(around.project.assets.get(name), around.resources.assets.get(name), around);
    of(What::Assets(name.clone()), said, Trust::Trusted)
}

/// A namespace of the project has one label: of what is read there, and of the most that
/// may be written. Others' words are in it where somebody who writes it may be steered. What
/// it holds counts too: another label in the file makes nothing of that public.
pub(super) fn namespace(name: &Name, around: &Around<'_>) -> Source {
    let written = around.project.kv.get(name).and_then(|namespace| namespace.label.as_ref());
    let said = around.policy.labels.source(stated(written, around));
    let steered =
        |grant: &KvGrant| grant.namespace == *name && grant.write && grant.even_if_outside;
    let agents = around.project.agents.values();
    let outside = agents.filter_map(|agent| agent.grants.kv.as_ref()).any(steered);
    let trust = if outside { Trust::Outside } else { Trust::Trusted };
    let by_file = of(What::Namespace(name.clone()), said, trust);
    match around.stood.get(name) {
        None => by_file,
        Some(stood) => Source {
            level: by_file.level.join(*stood),
            defaulted: by_file.defaulted && stood.label <= said.label,
            ..by_file
        },
    }
}

pub(super) fn of(what: What, said: Said, trust: Trust) -> Source {
    Source { what, level: Level { label: said.label, trust }, defaulted: said.defaulted }
}

fn folder(written: Option<&Folder>, path: Option<&String>, around: &Around<'_>) -> Said {
    let stated = stated(written.and_then(|folder| folder.label.as_ref()), around);
    around.policy.labels.folder(stated, path.map_or("", String::as_str))
}

/// A label that the policy does not know is reported elsewhere; until then it is as high as can be.
fn stated(written: Option<&(String, Place)>, around: &Around<'_>) -> Option<Label> {
    let order = &around.policy.labels.order;
    written.map(|(name, _)| order.find(name).unwrap_or(order.highest()))
}
