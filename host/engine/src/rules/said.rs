//! Which versions of the files of rules are in force when a host begins: said in its own stream, where they are not those that were said last. Judges no rule.

use bailiwick_core::{Digest, Timestamp};
use bailiwick_store::{HostFact, Store};

use crate::load::{Opened, POLICY_FILE, PROJECT_FILE, PolicySource};
use crate::pinned::storage;
use crate::plugins::LOCK_FILE;
use crate::problems::Problems;

/// What stands in the place of a path where nobody wrote a policy.
const BUILT_IN: &str = "the built-in policy";

/// Writes down what rules these projects, as far as the stream does not say it. All of it
/// is one entry.
///
/// # Errors
/// [`Problems`] where the stream is damaged, or nothing could be written.
pub(crate) async fn say<'a>(
    store: &Store,
    at: Timestamp,
    projects: impl Iterator<Item = &'a Opened>,
) -> Result<(), Problems> {
    let mut now: Vec<_> = projects.flat_map(|opened| [policy(opened), project(opened)]).collect();
    // One policy is over all projects.
    now.sort();
    now.dedup();
    let said = store.archive().rules().await.map_err(storage)?;
    let is_policy = |file: &str| ![PROJECT_FILE, LOCK_FILE].iter().any(|own| file.ends_with(own));
    // Of policies there is one at a time, whatever its file: the last one said.
    let policy = said.iter().rfind(|(file, _)| is_policy(file));
    let is_said = |one: &(String, Digest)| match is_policy(&one.0) {
        true => policy == Some(one),
        false => said.contains(one),
    };
    let facts: Vec<_> = now
        .into_iter()
        .filter(|one| !is_said(one))
        .map(|(file, digest)| HostFact::RulesTaken { file, digest, above: Vec::new(), start: true })
        .collect();
    match facts.is_empty() {
        true => Ok(()),
        false => store.note(at, facts).await.map_err(storage),
    }
}

fn project(opened: &Opened) -> (String, Digest) {
    let file = opened.root.join(PROJECT_FILE).display().to_string();
    (file, digest(opened, PROJECT_FILE))
}

fn policy(opened: &Opened) -> (String, Digest) {
    let file = match &opened.policy_source {
        PolicySource::BuiltIn => BUILT_IN.to_owned(),
        PolicySource::File { path, .. } => path.display().to_string(),
    };
    (file, digest(opened, POLICY_FILE))
}

/// Of the text that was read; of the built-in policy there is none.
fn digest(opened: &Opened, pinned: &str) -> Digest {
    let text = opened.pinned.0.get(pinned).map(String::as_str).unwrap_or_default();
    Digest::of(text.as_bytes())
}
