//! The keys of `decisions.toml`.

use super::{Key, Shape, key, must};

/// The most rules: as many as a run has cells.
const RULES_MAX: usize = 10_000;

pub(super) const KEYS: &[Key] = &[key(
    "decide",
    Shape::List { of: &Shape::Table(DECIDE), most: RULES_MAX },
    "Rules; the first that matches a question answers it, and no match waits.",
)];

const DECIDE: &[Key] = &[
    must("step", Shape::Name, "The people judge that asks."),
    key(
        "where",
        Shape::Named {
            of: &Shape::OneOf(&[
                Shape::Text { most: 128 },
                Shape::Whole { least: i64::MIN, most: i64::MAX },
            ]),
            most: 16,
        },
        "Axis to value; what is left out matches anything.",
    ),
    key("round", Shape::Whole { least: 0, most: 1_000 }, "The round of the candidate. Unset: any."),
    must("decision", Shape::Word(&["approve", "reject", "edit"]), "The answer."),
    key("comment", Shape::Text { most: 4_096 }, "What the person says besides."),
    key("value", Shape::Json, "With edit: the new output of the judged step."),
];
