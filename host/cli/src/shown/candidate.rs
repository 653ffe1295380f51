//! A component that comes into a project, as people see it before they grant anything.

use bailiwick_core::Bytes;
use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::plugins::Candidate;

/// Profile, publisher, imports and wants, one a line.
pub(crate) fn candidate(candidate: &Candidate) -> String {
    let Candidate { path, embedded, identity, signed, imports, asks, .. } = candidate;
    let (profile, outline) = (&embedded.profile, &embedded.outline);
    let line = |text: &str| visible(text, Lines::Escape);
    let listed = |all: Vec<String>| match all.is_empty() {
        true => "nothing".to_owned(),
        false => line(&all.join(", ")),
    };
    let publisher = match signed {
        Some(signed) => format!(
            "{}, with key {} on {}",
            signed.statement.publisher, signed.key, signed.statement.date
        ),
        None => "nobody whose signature counts here".to_owned(),
    };
    format!(
        "{identity} {}\n  {}\n  file      {} ({}, {})\n  contract  {}\n  signed by {publisher}\n  imports   {}\n  wants     {}, which grants nothing\n",
        line(&profile.version),
        line(&profile.summary),
        line(path),
        Bytes(outline.size_bytes as u64),
        outline.digest,
        embedded.contract,
        listed(imports.clone()),
        listed(asks.iter().cloned().collect()),
    )
}
