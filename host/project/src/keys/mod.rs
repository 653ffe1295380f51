//! The one table of keys: what each file may hold. The reader checks by it and the JSON Schema is printed from it, so they cannot differ.

mod check;
mod decisions;
mod json_schema;
mod lock;
mod paths;
mod pipeline;
mod policy;
mod project;

pub(crate) use check::checked;
pub use json_schema::schema;
pub(crate) use lock::KEYS as LOCK_KEYS;
pub use paths::key_paths;

use std::time::Duration;

use bailiwick_policy::WhenSpent;
use bailiwick_policy::http::{Method, RULES_MAX};

/// The files that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `pipelines/NAME.toml`.
    Pipeline,
    /// `bailiwick.toml`.
    Project,
    /// `policy.toml`.
    Policy,
    /// `decisions.toml`.
    Decisions,
}

impl FileKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pipeline, Self::Project, Self::Policy, Self::Decisions];

    /// The word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Project => "project",
            Self::Policy => "policy",
            Self::Decisions => "decisions",
        }
    }

    pub(crate) fn keys(self) -> &'static [Key] {
        match self {
            Self::Pipeline => pipeline::KEYS,
            Self::Project => project::KEYS,
            Self::Policy => policy::KEYS,
            Self::Decisions => decisions::KEYS,
        }
    }
}

/// One key of one table.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// One or two sentences for editors.
    pub(crate) doc: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
}

/// What a value may be.
pub(crate) enum Shape {
    /// Any text of 1 to so many bytes.
    Text { most: usize },
    /// `[a-z][a-z0-9_]*`.
    Name,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `64 MiB`.
    Size,
    /// `1.50 USD`.
    Money,
    /// `30 s`.
    Duration { most: Duration },
    /// `90 days`.
    Days,
    /// `10%`.
    Share,
    /// `true` or `false`.
    Flag,
    /// An integer.
    Whole { least: i64, most: i64 },
    /// A list of at most so many.
    List { of: &'static Shape, most: usize },
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table from names to values.
    Named { of: &'static Shape, most: usize },
    /// A table from texts that the reader judges to values.
    Labelled { of: &'static Shape, most: usize },
    /// Any JSON, with expressions in its texts.
    Template,
    /// Any JSON, without.
    Json,
    /// The first one that has the kind of the value.
    OneOf(&'static [Shape]),
    /// The inline form of a schema.
    Fields,
}

/// A key that may be left out.
const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, doc, shape, required: false }
}

/// A key that must be there.
const fn must(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, doc, shape, required: true }
}

/// A list of names of the pipeline or the project.
const NAMES: Shape = Shape::List { of: &Shape::Name, most: 64 };

/// A path or pattern that a person typed.
const LINE: Shape = Shape::Text { most: 1024 };

/// A short word that a person chose.
const WORD: Shape = Shape::Text { most: 128 };

/// The integers of limits and counters: what JSON, TOML and SQLite all hold exactly.
const COUNT: Shape = Shape::Whole { least: 0, most: 9_007_199_254_740_991 };

/// The keys of a budget, wherever one stands. Steps have one more.
const BUDGET: &[Key] = &[
    key(
        "money",
        Shape::Money,
        "At the prices of the routes, such as \"1.00 USD\". Unset: no bound here.",
    ),
    key("tokens", COUNT, "Input and output tokens. Unset: no bound here."),
    key("calls", COUNT, "Requests that leave the host. Unset: no bound here."),
];

/// The keys of a rule for requests, in grants and in ceilings.
const HTTP: &[Key] = &[
    key("scheme", Shape::Word(&["https", "http"]), "How it travels. Default https."),
    must(
        "host",
        Shape::Text { most: 255 },
        "The host as it stands in URLs, or \"*.example.com\" for every name below one that is no public suffix. In a ceiling \"*\" is any.",
    ),
    key(
        "port",
        Shape::OneOf(&[Shape::Whole { least: 1, most: 65_535 }, Shape::Word(&["*"])]),
        "Default: that of the scheme. In a ceiling \"*\" is any.",
    ),
    key(
        "methods",
        Shape::List { of: &Shape::Word(&Method::WORDS), most: 7 },
        "Default GET and HEAD. All others are taken to change something.",
    ),
    must(
        "paths",
        Shape::List { of: &LINE, most: 64 },
        "Such as \"/v1/*\" (`*` does not cross `/`), \"/v1/**\" (anything below), \"/**\" (anything). The query is free.",
    ),
    key(
        "headers",
        Shape::List { of: &WORD, most: 64 },
        "What a request may carry, in lower case. Default: accept, accept-language, content-type, if-*. What belongs to the connection or to the host is never sent. In a ceiling \"*\" is any other.",
    ),
    key(
        "request",
        Shape::Size,
        "The largest body of a request, at most 4 MiB. Default 1 MiB; in a ceiling: no bound here.",
    ),
    key(
        "response",
        Shape::Size,
        "The largest body of an answer, at most 4 MiB. Default 1 MiB; in a ceiling: no bound here.",
    ),
    key(
        "credential",
        Shape::Name,
        "The credential of policy.toml that goes along. The agent never sees it.",
    ),
    key(
        "network",
        NETWORK,
        "Which addresses the host may have: public, private, loopback, or blocks such as [\"10.1.0.0/16\"]. Default public. More than public only where the ceiling has it too; this machine's own addresses only as loopback; metadata addresses never.",
    ),
    key("even-if", Shape::Word(&["outside"]), EVEN_IF),
];

/// A class of addresses, or blocks of them.
const NETWORK: Shape = Shape::OneOf(&[
    Shape::Word(&["public", "private", "loopback"]),
    Shape::List { of: &WORD, most: 64 },
]);

/// What `even-if` says, wherever it stands.
const EVEN_IF: &str = "In a grant, \"outside\": an agent that reads what comes from outside may change things all the same, so outsiders may steer it.";

/// Names alone, or with what else a grant says of them.
const DELEGATE: Shape = Shape::OneOf(&[NAMES, Shape::Table(DELEGATE_GRANT)]);

const DELEGATE_GRANT: &[Key] = &[
    must("use", NAMES, "Agents of [agents]."),
    key("even-if", Shape::Word(&["outside"]), EVEN_IF),
];

/// The rules for requests of one grant or ceiling.
const HTTP_RULES: Shape = Shape::List { of: &Shape::Table(HTTP), most: RULES_MAX };

/// What happens when a budget is spent.
const WHEN_SPENT: Shape = Shape::Word(&WhenSpent::WORDS);

/// The keys of `limits`, in bailiwick.toml and in policy.toml. The bounds are those of
/// [`bailiwick_policy::Limits::MAXIMUM`]; the reader tells what is above them.
const LIMITS: &[Key] = &[
    key(
        "memory",
        Shape::Size,
        "Linear memories and tables of one attempt, in sum. Default 128 MiB.",
    ),
    key(
        "cpu",
        Shape::Duration { most: DAY },
        "Time that the code of one attempt runs. Default 5 s.",
    ),
    key(
        "wall",
        Shape::Duration { most: DAY },
        "Time from start to end of one attempt, waits included. Default 2 min.",
    ),
    key("output", Shape::Size, "The output document. Default 4 MiB."),
    key(
        "log-lines",
        Shape::Whole { least: 0, most: u32::MAX as i64 },
        "Lines of log of one attempt. Default 1000.",
    ),
    key(
        "artifacts",
        Shape::Size,
        "Bytes that one attempt puts as artifacts, in sum. Default 64 MiB.",
    ),
    key(
        "gate-calls",
        Shape::Whole { least: 0, most: u32::MAX as i64 },
        "Calls to the host of one attempt, `log` not counted. Default 10000.",
    ),
    key(
        "denials",
        Shape::Whole { least: 0, most: u32::MAX as i64 },
        "Denied calls after which the attempt ends. Default 100.",
    ),
];

/// Longer durations are slips of the unit; the reader has tighter bounds where there are any.
const DAY: Duration = Duration::from_secs(24 * 3600);
