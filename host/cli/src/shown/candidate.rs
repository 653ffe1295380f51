//! A component that comes into a project, as people see it before they grant anything.

use bailiwick_core::Bytes;
use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::plugins::Candidate;
use bailiwick_engine::registry::reference;

/// Profile, publisher, imports and wants, one a line.
pub(crate) fn candidate(candidate: &Candidate) -> String {
    let Candidate { source, path, embedded, identity, signed, imports, asks, .. } = candidate;
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
        "{identity} {}\n  {}\n  from      {}\n  file      {} ({}, {})\n  contract  {}\n  signed by {publisher}\n  imports   {}\n  wants     {}, which grants nothing\n",
        line(&profile.version),
        line(&profile.summary),
        line(source),
        line(path),
        Bytes(outline.size_bytes as u64),
        outline.digest,
        embedded.contract,
        listed(imports.clone()),
        listed(asks.iter().cloned().collect()),
    )
}

/// Who takes a tag for a version is told where it is none of this component.
pub(crate) fn other_tag(candidate: &Candidate) -> Option<String> {
    let version = &candidate.embedded.profile.version;
    let meant = reference(&candidate.source).ok()?;
    let tag = meant.tag().filter(|tag| tag.strip_prefix('v').unwrap_or(tag) != version)?;
    Some(format!("its tag is {tag}, and it says that it is {}", visible(version, Lines::Escape)))
}
