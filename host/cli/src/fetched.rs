//! A component that somebody typed, fetched where it is in a registry.

use bailiwick_engine::load::Places;
use bailiwick_engine::plugins::{Pulled, fetch, meant};

use crate::ending::Broken;
use crate::environment::Environment;

/// What a registry gave; nothing where no registry was named. What was typed wrong is the
/// user's mistake, what a registry did not give is none.
pub(crate) async fn fetched(
    places: &Places,
    typed: &str,
    environment: &Environment,
) -> anyhow::Result<Option<Pulled>> {
    let Some(meant) = meant(places, typed)? else { return Ok(None) };
    let room = std::env::temp_dir();
    Ok(Some(fetch(places, &meant, &environment.keys, &room).await.map_err(Broken)?))
}
