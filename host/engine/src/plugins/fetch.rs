//! What registries have of a project's components: fetched so that it can be offered, or only looked at. Judges no component.

use bailiwick_core::Name;
use bailiwick_project::lock::{is_lower, newest};

use super::source::{Pulled, Source};
use super::{Seen, Standing};
use crate::problems::Problems;
use crate::registry::{Errand, Fetched, Reference, listed, pull, reference, tags};

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
    let Fetched { bytes, signature, .. } = pull(errand, meant).await?;
    Ok(Pulled { source: meant.to_string(), bytes, signature })
}

/// What stands in a project's file as the source of an agent, where that is a registry.
#[must_use]
pub fn in_registry<'a>(seen: &'a [Seen], name: &Name) -> Option<&'a str> {
    let seen = seen.iter().find(|seen| seen.name == *name)?;
    matches!(Source::of(&seen.source), Source::Registry(_)).then_some(seen.source.as_str())
}

/// Asks the registries of these agents for versions above those that were taken.
pub async fn look_for_newer(errand: &Errand, seen: &mut [Seen]) {
    for one in seen {
        let Standing::Current { version } = &one.standing else { continue };
        let Source::Registry(source) = Source::of(&one.source) else { continue };
        match newer(errand, &source, version).await {
            Ok(None) => {}
            Ok(Some((version, source))) => {
                let taken = match &one.standing {
                    Standing::Current { version } => version.clone(),
                    _ => continue,
                };
                one.standing = Standing::Newer { taken, version, source };
            }
            Err(problems) => one.standing = Standing::Refused(problems),
        }
    }
}

async fn newer(
    errand: &Errand,
    source: &str,
    taken: &str,
) -> Result<Option<(String, String)>, Problems> {
    let meant = reference(source)?;
    let found = tags(errand, &meant).await?;
    let Some(version) = newest(found.names.iter().map(String::as_str)) else { return Ok(None) };
    let tagged = meant.tagged(version).ok().filter(|_| is_lower(taken, version));
    Ok(tagged.map(|tagged| (version.to_owned(), tagged.to_string())))
}
