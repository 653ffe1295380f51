//! A component that somebody typed, fetched where it is in a registry.

use bailiwick_engine::plugins::{Pulled, fetch, meant};
use bailiwick_engine::registry::Errand;

use crate::ending::Broken;

/// What a registry gave; nothing where no registry was named. What was typed wrong is the
/// user's mistake, what a registry did not give is none.
pub(crate) async fn fetched(errand: &Errand, typed: &str) -> anyhow::Result<Option<Pulled>> {
    let Some(meant) = meant(errand, typed)? else { return Ok(None) };
    Ok(Some(fetch(errand, &meant).await.map_err(Broken)?))
}
