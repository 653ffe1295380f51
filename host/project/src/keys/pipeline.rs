//! The keys of `pipelines/NAME.toml`.

use std::time::Duration;

use super::{COUNT, Key, LINE, NAMES, Shape, WHEN_SPENT, WORD, key, must};

/// The most axes: a cell's key has one pair for each, and people read it.
const AXES_MAX: usize = 16;

/// The most steps: above it a pipeline is two pipelines.
const STEPS_MAX: usize = 256;

/// The most keys of `[output]`: each becomes a file.
const OUTPUTS_MAX: usize = 256;

/// The most attempts at one round: what ten tries do not mend is no accident.
const ATTEMPTS_MAX: i64 = 10;

/// The most revisions of one judge: each is paid, and humans stop reading before.
const ROUNDS_MAX: i64 = 10;

/// The longest pause between attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(3600);

/// The most people that one approval takes: above it nobody remembers who is missing.
const QUORUM_MAX: i64 = 64;

/// The longest wait for people: a candidate that is older is about another world.
const QUESTION_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// As many as a run has cells.
const CELLS: i64 = 10_000;

pub(super) const KEYS: &[Key] = &[
    key(
        "input",
        Shape::OneOf(&[LINE, Shape::Fields]),
        "What the run's input must be: the path of a JSON Schema beside this file, or an inline table such as { subject = \"string\", locales = [\"string\"] }.",
    ),
    key(
        "axes",
        Shape::Named { of: &Shape::Template, most: AXES_MAX },
        "Each axis once: a list, or one ${…} over `input` and steps without axes.",
    ),
    key("matrix", Shape::Table(MATRIX), "What thins the product of the axes."),
    must("step", Shape::Named { of: &Shape::Table(STEP), most: STEPS_MAX }, "The steps, by name."),
    key(
        "when-spent",
        WHEN_SPENT,
        "When the grant of an agent or the day of the project is spent: pause (wait for more), fail (tell the agent) or finish (end with what was released). Default pause.",
    ),
    key(
        "output",
        Shape::Named { of: &Shape::Template, most: OUTPUTS_MAX },
        "What `run` prints and --out writes. Steps with axes are read as lists.",
    ),
];

const MATRIX: &[Key] = &[
    key(
        "exclude",
        Shape::Template,
        "Combinations that do not exist: a list of tables from axis to value, or one ${…} over `input`.",
    ),
    key("sample", Shape::Table(SAMPLE), "A choice of the combinations, the same each time."),
];

const SAMPLE: &[Key] = &[
    must("over", NAMES, "The axes whose combinations are chosen from."),
    must("max", Shape::Whole { least: 1, most: CELLS }, "How many combinations stay."),
    key("seed", COUNT, "Another seed chooses others. Default 0."),
];

const STEP: &[Key] = &[
    key("agent", Shape::Name, "Who does it: a name from bailiwick.toml."),
    key("over", NAMES, "The axes of this step: one cell for each of their combinations."),
    key("collect", NAMES, "Axes of steps that are read, along which this step reads lists."),
    key(
        "min",
        Shape::Whole { least: 0, most: CELLS },
        "How many items each collected list must have, else the cell fails. Default 1.",
    ),
    key(
        "input",
        Shape::Template,
        "What the agent gets. For a judge { subject = \"${subject}\" } unless said.",
    ),
    key(
        "when",
        Shape::Text { most: 4096 },
        "One ${…} that gives a boolean; where it is false the cell is skipped.",
    ),
    key("needs", NAMES, "Steps that come first without being read."),
    key("judges", Shape::Name, "Makes this step a judge of that one; it has exactly its axes."),
    key("people", Shape::Table(PEOPLE), "A judge that is done by people instead of an agent."),
    key("show", Shape::Template, "What people are shown besides the subject."),
    key(
        "rounds",
        Shape::Whole { least: 0, most: ROUNDS_MAX },
        "How many revisions this judge may ask of one cell. Default 0.",
    ),
    key("retry", Shape::Table(RETRY), "What happens after a failure that may pass."),
    key("on-failure", Shape::Table(ON_FAILURE), "What happens when cells fail for good."),
    key(
        "budget",
        Shape::Table(STEP_BUDGET),
        "What all cells of this step may spend in one run, revisions and retries included. The smallest of all budgets holds.",
    ),
    key(
        "concurrency",
        Shape::Whole { least: 1, most: CELLS },
        "How many cells of this step run at a time. Unset: as many as the run allows.",
    ),
    key(
        "repeat-effects",
        Shape::Flag,
        "Whether `retry` also begins anew after a request that may have changed something outside (all but GET and HEAD). Without it such a cell fails as effects-done. Default false.",
    ),
    key(
        "cache",
        Shape::Flag,
        "Takes the output of an equal attempt of an earlier run of this project: same component, input, cell, round, routes and contents of what it may read. Default false.",
    ),
];

const STEP_BUDGET: &[Key] = &[
    key(
        "money",
        Shape::Money,
        "At the prices of the routes, such as \"1.00 USD\". Unset: no bound here.",
    ),
    key("tokens", COUNT, "Input and output tokens. Unset: no bound here."),
    key("calls", COUNT, "Requests that leave the host. Unset: no bound here."),
    key(
        "when-spent",
        WHEN_SPENT,
        "When this budget is spent: pause, fail or finish. Unset: as the pipeline says.",
    ),
];

const PEOPLE: &[Key] = &[
    must(
        "groups",
        Shape::List { of: &WORD, most: 64 },
        "The groups of policy.toml whose members may answer.",
    ),
    key(
        "quorum",
        Shape::Whole { least: 1, most: QUORUM_MAX },
        "How many different people must approve. One rejection or edit decides at once. Default 1.",
    ),
    key(
        "timeout",
        Shape::Duration { most: QUESTION_MAX },
        "How long a question stays open. Unset: until somebody answers.",
    ),
    key(
        "on-timeout",
        Shape::Word(&["reject", "approve"]),
        "What is decided when nobody did in time. Default reject. What is escalated is never approved by it.",
    ),
    key(
        "remind",
        Shape::Duration { most: QUESTION_MAX },
        "How long after a question, and after each reminder of it, an open question is told of again.",
    ),
];

const RETRY: &[Key] = &[
    key(
        "attempts",
        Shape::Whole { least: 1, most: ATTEMPTS_MAX },
        "Tries of one round of one cell, the first included. Default 1.",
    ),
    key(
        "backoff",
        Shape::Duration { most: BACKOFF_MAX },
        "The pause before the second try. Default 1 s.",
    ),
];

const ON_FAILURE: &[Key] = &[must(
    "tolerate",
    Shape::Share,
    "The share of cells, skipped ones not counted, that may fail before the run does; rounded down.",
)];
