//! Checks the form of a whole file by its table of keys, all errors at once. Knows no meaning.

use std::ops::Range;

use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_core::units::{parse_duration, show_duration};
use bailiwick_core::{Bytes, Money, Name};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Key, Shape};
use crate::codes;
use crate::entries::{integer, share};
use crate::findings::{Findings, Node};
use crate::nearest::{did_you_mean, nearest};
use crate::retention::{DAYS_MAX, days};

/// The file as a table, and reports everything in it that is not as its keys say. Nothing
/// where it is no table, or where so much is in it that the rest is not judged.
pub(crate) fn checked<'t>(
    keys: &[Key],
    findings: &mut Findings<'t>,
) -> Option<Spanned<DeTable<'t>>> {
    let table = findings.parse()?;
    keyed(table.get_ref(), table.span(), keys, "this file", findings);
    (!findings.is_too_much()).then_some(table)
}

fn keyed(
    table: &DeTable<'_>,
    span: Range<usize>,
    keys: &[Key],
    called: &str,
    findings: &mut Findings<'_>,
) {
    for (name, node) in table {
        if findings.is_too_much() {
            return;
        }
        let written = name.get_ref().as_ref();
        match keys.iter().find(|key| key.name == written) {
            Some(key) => shape(node, &key.shape, key.name, findings),
            None => {
                let shown = shown(written);
                let message = format!("unknown key `{shown}` in {called}");
                let known = keys.iter().map(|key| key.name);
                let hint = did_you_mean(written, known.clone()).unwrap_or_else(|| {
                    let names: Vec<_> = known.map(|name| format!("`{name}`")).collect();
                    format!("the keys here are {}", names.join(", "))
                });
                findings.report_with(codes::UNKNOWN_KEY, name.span(), message, hint);
            }
        }
    }
    for key in keys.iter().filter(|key| key.required && !table.contains_key(key.name)) {
        let message = format!("{called} needs the key `{}`", key.name);
        findings.report_with(codes::MISSING_KEY, span.clone(), message, key.doc);
    }
}

fn shape(node: &Node<'_>, expected: &Shape, called: &str, findings: &mut Findings<'_>) {
    match (expected, node.get_ref()) {
        (Shape::OneOf(shapes), value) => {
            match shapes.iter().find(|shape| kinds(shape).contains(&kind(value))) {
                Some(fitting) => shape(node, fitting, called, findings),
                None => wrong_kind(node, expected, called, findings),
            }
        }
        (_, value) if !kinds(expected).contains(&kind(value)) => {
            wrong_kind(node, expected, called, findings);
        }
        (Shape::List { of, most }, DeValue::Array(items)) => {
            if items.len() > *most {
                let message =
                    format!("`{called}` has {} items; at most {most} are allowed", items.len());
                return findings.report(codes::TOO_MUCH, node.span(), message);
            }
            items.iter().for_each(|item| shape(item, of, called, findings));
        }
        (Shape::Table(keys), DeValue::Table(table)) => {
            keyed(table, node.span(), keys, &format!("`{called}`"), findings);
        }
        (Shape::Named { of, most } | Shape::Labelled { of, most }, DeValue::Table(table)) => {
            if table.len() > *most {
                let message =
                    format!("`{called}` has {} entries; at most {most} are allowed", table.len());
                return findings.report(codes::TOO_MUCH, node.span(), message);
            }
            for (name, value) in table {
                let written = name.get_ref().as_ref();
                if matches!(expected, Shape::Named { .. })
                    && let Err(error) = Name::new(written)
                {
                    findings.report(codes::BAD_NAME, name.span(), error.to_string());
                }
                shape(value, of, &format!("{called}.{}", shown(written)), findings);
            }
        }
        (expected, value) => scalar(node.span(), expected, value, called, findings),
    }
}

/// What is left once the kind fits: bounds and the forms of texts.
fn scalar(
    span: Range<usize>,
    expected: &Shape,
    value: &DeValue<'_>,
    called: &str,
    findings: &mut Findings<'_>,
) {
    let text = value.as_str().unwrap_or_default();
    let wrong = match expected {
        Shape::Text { most } if text.is_empty() || text.len() > *most => {
            Some(format!("`{called}` has 1 to {most} bytes; this has {}", text.len()))
        }
        Shape::Name => match Name::new(text) {
            Ok(_) => None,
            Err(error) => {
                findings.report(codes::BAD_NAME, span.clone(), error.to_string());
                None
            }
        },
        Shape::Word(words) if !words.contains(&text) => {
            let message =
                format!("`{called}` is one of {}; this is {:?}", words.join(", "), shown(text));
            match nearest(text, words.iter().copied()) {
                Some(word) => {
                    let hint = format!("did you mean {word:?}?");
                    findings.report_with(codes::WRONG_VALUE, span.clone(), message, hint);
                    None
                }
                None => Some(message),
            }
        }
        Shape::Money => Money::parse(text).err().map(|error| error.to_string()),
        Shape::Size => Bytes::parse(text).err().map(|error| error.to_string()),
        Shape::Duration { most } => match parse_duration(text) {
            Err(error) => Some(error.to_string()),
            Ok(time) if time > *most => {
                Some(format!("`{called}` is at most \"{}\"", show_duration(*most)))
            }
            Ok(_) => None,
        },
        Shape::Days if days(text).is_none() => Some(format!(
            "{:?} is not a number of days such as \"90 days\" (1 to {DAYS_MAX})",
            shown(text)
        )),
        Shape::Share if share(text).is_none() => {
            Some(format!("{:?} is not a share such as \"10%\" (0% to 100%)", shown(text)))
        }
        Shape::Whole { least, most } => match integer(value) {
            Some(number) if (*least..=*most).contains(&number) => None,
            _ => Some(format!("`{called}` is an integer from {least} to {most}")),
        },
        _ => None,
    };
    if let Some(message) = wrong {
        findings.report(codes::WRONG_VALUE, span, message);
    }
}

fn wrong_kind(node: &Node<'_>, expected: &Shape, called: &str, findings: &mut Findings<'_>) {
    let kinds: Vec<_> = kinds(expected).iter().map(|kind| kind.article()).collect();
    let found = kind(node.get_ref()).article();
    let message = format!("`{called}` must be {}; this is {found}", kinds.join(" or "));
    findings.report(codes::WRONG_VALUE, node.span(), message);
}

/// The kinds of values that TOML tells apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Float,
    Boolean,
    Date,
    List,
    Table,
}

impl Kind {
    fn article(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Integer => "an integer",
            Self::Float => "a number with a fraction",
            Self::Boolean => "a boolean",
            Self::Date => "a date",
            Self::List => "a list",
            Self::Table => "a table",
        }
    }
}

fn kind(value: &DeValue<'_>) -> Kind {
    match value {
        DeValue::String(_) => Kind::Text,
        DeValue::Integer(_) => Kind::Integer,
        DeValue::Float(_) => Kind::Float,
        DeValue::Boolean(_) => Kind::Boolean,
        DeValue::Datetime(_) => Kind::Date,
        DeValue::Array(_) => Kind::List,
        DeValue::Table(_) => Kind::Table,
    }
}

fn kinds(shape: &Shape) -> Vec<Kind> {
    match shape {
        Shape::Text { .. }
        | Shape::Name
        | Shape::Word(_)
        | Shape::Size
        | Shape::Money
        | Shape::Duration { .. }
        | Shape::Days
        | Shape::Share => vec![Kind::Text],
        Shape::Flag => vec![Kind::Boolean],
        Shape::Whole { .. } => vec![Kind::Integer],
        Shape::List { .. } => vec![Kind::List],
        Shape::Table(_) | Shape::Named { .. } | Shape::Labelled { .. } | Shape::Fields => {
            vec![Kind::Table]
        }
        // Dates and numbers that JSON has not are told by whoever makes JSON of it.
        Shape::Template | Shape::Json => vec![
            Kind::Text,
            Kind::Integer,
            Kind::Float,
            Kind::Boolean,
            Kind::Date,
            Kind::List,
            Kind::Table,
        ],
        Shape::OneOf(shapes) => shapes.iter().flat_map(kinds).collect(),
    }
}

/// What somebody typed, safe to show on one line.
fn shown(text: &str) -> String {
    visible(clip(text, 80), Lines::Escape)
}
