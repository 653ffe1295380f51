//! A component that somebody typed, fetched where it is in a registry; and how it ends where that is refused.

use bailiwick_engine::Problems;
use bailiwick_engine::plugins::{Pulled, fetch, meant};
use bailiwick_engine::registry::Errand;

use crate::ending::Broken;

/// What a registry gave; nothing where no registry was named. What was typed wrong is the
/// user's mistake, what a registry did not give is none.
pub(crate) async fn fetched(errand: &Errand, typed: &str) -> anyhow::Result<Option<Pulled>> {
    let Some(meant) = meant(errand, typed)? else { return Ok(None) };
    Ok(Some(fetch(errand, &meant).await.map_err(Broken)?))
}

/// Neither is what a registry gave and is not taken.
pub(crate) fn of_registry(pulled: Option<&Pulled>) -> impl FnOnce(Problems) -> anyhow::Error {
    move |problems| match pulled {
        Some(_) => Broken(problems).into(),
        None => problems.into(),
    }
}
