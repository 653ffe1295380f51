//! The keys of `bailiwick.lock`, which commands write and people read.

use super::{Key, LINE, Shape, WORD, key, must};

/// The most components of a project: as many as any table of it may have.
const COMPONENTS_MAX: usize = 1024;

/// The most powers that an author may ask for: every name of every want fits.
const ASKS_MAX: usize = 256;

/// What people took on purpose, once for each time; the commands keep the last ones.
const NOTES_MAX: usize = 64;

pub(crate) const KEYS: &[Key] = &[
    must("version", Shape::Whole { least: 1, most: 1 }, "The version of this form."),
    key(
        "component",
        Shape::List { of: &Shape::Table(COMPONENT), most: COMPONENTS_MAX },
        "What each agent name means, by where it is from.",
    ),
];

const COMPONENT: &[Key] = &[
    must("agent", Shape::Name, "The name in bailiwick.toml."),
    must("source", LINE, "`component` in bailiwick.toml, as it stands there."),
    must("digest", WORD, "Of its bytes."),
    key("manifest", WORD, "What it came as from a registry: `sha256:…`. Left out: not known."),
    must("version", WORD, "What its profile says."),
    key("identity", LINE, "Who it is: PUBLISHER/NAME. Left out: an older file did not say."),
    must("highest", WORD, "The highest version that there ever was under this agent name."),
    key("publisher", WORD, "Who signed it. Left out: nobody did."),
    key("key", WORD, "The id of the key that signed it."),
    key(
        "asks",
        Shape::List { of: &LINE, most: ASKS_MAX },
        "What its author asks for: more of it is taken only on purpose.",
    ),
    key(
        "accepted",
        Shape::List { of: &LINE, most: NOTES_MAX },
        "When somebody took more powers on purpose, and who.",
    ),
    key(
        "downgrades",
        Shape::List { of: &LINE, most: NOTES_MAX },
        "When somebody took a lower version on purpose, and who.",
    ),
];
