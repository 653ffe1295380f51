//! The rows of the matrix, by what they are about. A new key that restricts, or a new limit, is a row here; `keys` says which key has which.

mod addresses;
mod ceilings;
mod components;
mod files;
mod powers;
mod sandbox;
mod web;

use super::{Attempt, Component, Files, Guest, Refusal, Row, Under};

pub(super) use ceilings::{CEILING, NARROW};

/// All of them, in the order in which they are printed.
pub fn all() -> impl Iterator<Item = &'static Row> {
    [
        sandbox::ROWS,
        powers::ROWS,
        web::ROWS,
        addresses::ROWS,
        ceilings::ROWS,
        files::ROWS,
        components::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// A row by its name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Row> {
    all().find(|row| row.name == name)
}

/// Name, what is tried, and what stands in the way.
type Title = (&'static str, &'static str, &'static [&'static str]);

/// An attack of the guest: input, and lines of its agent and of its step.
const fn guest(
    (name, attack, guards): Title,
    (input, agent, step): (&'static str, &'static str, &'static str),
    refusal: Refusal,
) -> Row {
    under(Under::Wide, (name, attack, guards), (input, agent, step), refusal)
}

/// The same under another policy.
const fn under(
    under: Under,
    (name, attack, guards): Title,
    (input, agent, step): (&'static str, &'static str, &'static str),
    refusal: Refusal,
) -> Row {
    let guest = Guest { under, input, agent, step, axis: "" };
    Row { name, attack, guards, attempt: Attempt::Guest(guest), refusal }
}

/// Something that stands in files.
const fn files((name, attack, guards): Title, files: Files, refusal: Refusal) -> Row {
    Row { name, attack, guards, attempt: Attempt::Files(files), refusal }
}

/// A component that somebody sends.
const fn component((name, attack, guards): Title, which: Component, refusal: Refusal) -> Row {
    Row { name, attack, guards, attempt: Attempt::Component(which), refusal }
}
