//! The labels of what is there before any step: the run's input and the folders of the project. Follows nothing.

use bailiwick_core::Name;
use bailiwick_policy::{Level, Said, Trust};

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

pub(super) fn of(what: What, said: Said, trust: Trust) -> Source {
    Source { what, level: Level { label: said.label, trust }, defaulted: said.defaulted }
}

/// A label that the policy does not know is reported elsewhere; until then it is as high as can be.
fn folder(written: Option<&Folder>, path: Option<&String>, around: &Around<'_>) -> Said {
    let rules = &around.policy.labels;
    let stated = written.and_then(|folder| folder.label.as_ref());
    let stated = stated.map(|(name, _)| rules.order.find(name).unwrap_or(rules.order.highest()));
    rules.folder(stated, path.map_or("", String::as_str))
}
