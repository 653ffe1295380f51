//! What registries have of a project's components: fetched so that it can be offered. Judges no component.

use super::source::{Pulled, Source};
use crate::problems::Problems;
use crate::registry::{Errand, Fetched, Reference, listed, pull, reference};

/// What somebody typed, where it names a component in a registry that the policy lists;
/// nothing where it names no registry. Asks nobody.
///
/// # Errors
/// [`Problems`] with the rule that it breaks, or the line that would list it.
pub fn meant(errand: &Errand, typed: &str) -> Result<Option<Reference>, Problems> {
    let Source::Registry(typed) = Source::of(typed) else { return Ok(None) };
    let meant = reference(&typed)?;
    listed(&errand.policy, &meant)?;
    Ok(Some(meant))
}

/// Fetches a component.
///
/// # Errors
/// [`Problems`] where the registry gave nothing; nothing is left behind then.
pub async fn fetch(errand: &Errand, meant: &Reference) -> Result<Pulled, Problems> {
    let Fetched { manifest, bytes, signature } = pull(errand, meant).await?;
    Ok(Pulled { source: meant.to_string(), manifest, bytes, signature })
}
