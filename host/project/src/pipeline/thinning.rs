//! `[matrix]`: whether what it names is there. Computes no points.

use bailiwick_core::{Name, Place};
use serde_json::Value;
use toml::Spanned;

use super::authored::{Authored, distinct};
use super::links::Links;
use crate::codes;
use crate::entries::Entries;
use crate::findings::Findings;
use crate::matrix::{Matrix, Sample};
use crate::template::Template;

/// The matrix of a pipeline; an empty one where it has none.
pub(super) fn matrix(
    authored: &Authored,
    links: &Links<'_>,
    root: Entries<'_, '_>,
    whole: Place,
    findings: &mut Findings<'_>,
) -> Matrix {
    literal_axes(authored, findings);
    let Some(matrix) = &authored.matrix else {
        let place = root.key_span("axes").map_or(whole, |span| findings.place(span));
        return Matrix { place, exclude: None, sample: None };
    };
    if let Some(exclude) = &matrix.exclude {
        for (path, place) in exclude.placed_reads() {
            if path.root != "input" {
                let message = format!("`exclude` cannot read `{}`", path.root);
                let found = bailiwick_core::Diagnostic::error(codes::UNKNOWN_NAME, message);
                findings.push(found.at(place.clone()).hint("it reads `input` only"));
            }
        }
        literal_exclusions(exclude, &matrix.exclude_span, authored, links, findings);
    }
    let sample = matrix.sample.as_ref().map(|sample| {
        let over = distinct(sample.over.clone(), findings);
        over.iter().for_each(|axis| _ = links.known_axis(axis, findings));
        Sample {
            over: links.in_declaration_order(&over),
            max: sample.max,
            seed: sample.seed,
            place: findings.place(sample.span.clone()),
        }
    });
    if let Some(sample) = matrix.sample.as_ref().filter(|sample| sample.over.is_empty()) {
        let message = "`sample` chooses from the combinations of no axis";
        findings.report(codes::WRONG_VALUE, sample.span.clone(), message);
    }
    Matrix { place: findings.place(matrix.span.clone()), exclude: matrix.exclude.clone(), sample }
}

/// Literal axes are resolved here, so that what is wrong with them is known at once.
fn literal_axes(authored: &Authored, findings: &mut Findings<'_>) {
    for (name, values) in &authored.axes {
        let Some(values) = values.as_ref().filter(|values| values.as_literal().is_some()) else {
            continue;
        };
        let axis = crate::matrix::Axis {
            name: name.get_ref().clone(),
            values: values.clone(),
            reads: std::collections::BTreeSet::new(),
        };
        if let Err(error) = axis.resolve(&crate::Scope::default()) {
            let message = format!("the axis `{}`: {}", name.get_ref(), error.kind);
            findings.report(codes::WRONG_VALUE, values.place().span.clone(), message);
        }
    }
}

fn literal_exclusions(
    exclude: &Template,
    span: &std::ops::Range<usize>,
    authored: &Authored,
    links: &Links<'_>,
    findings: &mut Findings<'_>,
) {
    let Some(Value::Array(items)) = exclude.as_literal() else { return };
    for (index, item) in items.iter().enumerate() {
        let members = item.as_object().filter(|members| !members.is_empty());
        let Some(members) = members else {
            let message = format!("item {index} of `exclude` is no table from axis to value");
            findings.report(codes::WRONG_VALUE, span.clone(), message);
            continue;
        };
        for (axis, value) in members {
            let Ok(name) = Name::new(axis) else {
                findings.report(codes::BAD_NAME, span.clone(), format!("{axis:?} is not a name"));
                continue;
            };
            if links.known_axis(&Spanned::new(span.clone(), name.clone()), findings) {
                literal_value(&name, value, span, authored, findings);
            }
        }
    }
}

/// Excluding a value that a literal axis does not have would silently exclude nothing.
fn literal_value(
    axis: &Name,
    value: &Value,
    span: &std::ops::Range<usize>,
    authored: &Authored,
    findings: &mut Findings<'_>,
) {
    let id = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        Value::Object(map) => map.get("id").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    let wanted = if value.is_object() { None } else { id(value) };
    let Some(wanted) = wanted else {
        let message = format!("`exclude` names a value of `{axis}` by its text or integer");
        findings.report(codes::WRONG_VALUE, span.clone(), message);
        return;
    };
    let declared = authored.axes.iter().find(|(name, _)| name.get_ref() == axis);
    let literal = declared.and_then(|(_, values)| values.as_ref()?.as_literal()?.as_array());
    if let Some(values) = literal
        && !values.iter().filter_map(id).any(|known| known == wanted)
    {
        findings.report(
            codes::WRONG_VALUE,
            span.clone(),
            format!("the axis `{axis}` has no value {wanted:?}"),
        );
    }
}
