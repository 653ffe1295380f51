//! Turns values of a TOML file into JSON and templates, expressions compiled and placed. Knows no keys.

use std::ops::Range;

use bailiwick_core::Place;
use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::DeValue;

use crate::codes;
use crate::entries::integer;
use crate::expr::{self, Expression, Path};
use crate::findings::{Findings, Node};
use crate::template::{Part, Piece, Placed, Template};

/// A template with every expression in it compiled; errors are reported, and then
/// there is none.
pub(crate) fn template(node: &Node<'_>, findings: &mut Findings<'_>) -> Option<Template> {
    let part = part(node, findings)?;
    Some(Template::new(findings.place(node.span()), part))
}

/// `{ subject = "${subject}" }`: what a judge gets that is told nothing.
pub(crate) fn subject_only(place: Place) -> Option<Template> {
    let expression = Expression::compile("subject").ok()?;
    let reads = expression.reads().iter().map(|(path, _)| (path.clone(), place.clone())).collect();
    let placed = Placed { expression, place: place.clone(), reads };
    Some(Template::new(place, Part::Object(vec![("subject".to_owned(), Part::Whole(placed))])))
}

/// A template that is exactly one expression or, where `literal` fits it, a value
/// without any.
pub(crate) fn one_expression(
    node: &Node<'_>,
    literal: impl Fn(&Value) -> bool,
    asked: &str,
    findings: &mut Findings<'_>,
) -> Option<Template> {
    let template = template(node, findings)?;
    let fits = match template.part() {
        Part::Whole(_) => true,
        Part::Literal(value) => literal(value),
        _ => false,
    };
    if !fits {
        findings.report(codes::NOT_AN_EXPRESSION, node.span(), format!("this must be {asked}"));
    }
    fits.then_some(template)
}

/// A value without expressions.
pub(crate) fn json(node: &Node<'_>, findings: &mut Findings<'_>) -> Option<Value> {
    match node.get_ref() {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| json(item, findings)).collect();
            items.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
        }
        DeValue::Table(table) => {
            let members: Vec<_> = table
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), json(value, findings)?)))
                .collect();
            members.into_iter().collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        value => scalar(value, node.span(), findings),
    }
}

fn scalar(value: &DeValue<'_>, span: Range<usize>, findings: &mut Findings<'_>) -> Option<Value> {
    let refused = match value {
        DeValue::Boolean(flag) => return Some((*flag).into()),
        DeValue::Integer(_) => match integer(value) {
            Some(number) => return Some(number.into()),
            None => "an integer of at most 64 bits",
        },
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(Number::from_f64);
            match number {
                Some(number) => return Some(Value::Number(number)),
                None => "a finite number",
            }
        }
        _ => "a value that JSON has (write dates as texts)",
    };
    findings.report(codes::WRONG_VALUE, span, format!("this must be {refused}"));
    None
}

fn part(node: &Node<'_>, findings: &mut Findings<'_>) -> Option<Part> {
    match node.get_ref() {
        DeValue::String(text) => text_part(node, text, findings),
        DeValue::Array(items) => {
            let parts: Vec<_> = items.iter().map(|item| part(item, findings)).collect();
            parts.into_iter().collect::<Option<Vec<_>>>().map(folded_list)
        }
        DeValue::Table(table) => {
            if let Some((key, _)) = table.iter().find(|(key, _)| key.get_ref() == "$artifact") {
                let message = "an artifact reference cannot be written down";
                let hint = "name a file as ${assets.NAME[\"FILE\"]}, or pass on what a step gives";
                findings.report_with(codes::FORGED_ARTIFACT, key.span(), message, hint);
                return None;
            }
            let members: Vec<_> = table
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), part(value, findings)?)))
                .collect();
            members.into_iter().collect::<Option<Vec<_>>>().map(folded_object)
        }
        value => scalar(value, node.span(), findings).map(Part::Literal),
    }
}

/// A list of literals is one literal.
fn folded_list(parts: Vec<Part>) -> Part {
    if parts.iter().all(|part| matches!(part, Part::Literal(_))) {
        Part::Literal(parts.into_iter().map(literal).collect())
    } else {
        Part::List(parts)
    }
}

fn folded_object(members: Vec<(String, Part)>) -> Part {
    if members.iter().all(|(_, part)| matches!(part, Part::Literal(_))) {
        let members = members.into_iter().map(|(key, part)| (key, literal(part)));
        Part::Literal(Value::Object(members.collect()))
    } else {
        Part::Object(members)
    }
}

fn literal(part: Part) -> Value {
    match part {
        Part::Literal(value) => value,
        _ => Value::Null,
    }
}

fn text_part(node: &Node<'_>, text: &str, findings: &mut Findings<'_>) -> Option<Part> {
    let within = Within::of(node, text, findings);
    let pieces = match expr::pieces(text) {
        Ok(pieces) => pieces,
        Err(unclosed) => {
            let span = within.span(unclosed.start..unclosed.start + 2);
            let hint = "close it with `}`, or write `$${` for the characters themselves";
            findings.report_with(codes::EXPRESSION_SYNTAX, span, "`${` is never closed", hint);
            return None;
        }
    };
    let mut compiled = Vec::with_capacity(pieces.len());
    let mut whole = true;
    for piece in pieces {
        compiled.push(match piece {
            expr::Piece::Text(literal) => Some(Piece::Text(literal)),
            expr::Piece::Expression(range) => {
                expression(text, range, &within, findings).map(Piece::Expression)
            }
        });
    }
    let mut compiled = compiled.into_iter().collect::<Option<Vec<_>>>()?;
    whole &= compiled.len() == 1;
    match compiled.pop() {
        None => Some(Part::Literal(Value::String(String::new()))),
        Some(Piece::Text(literal)) if whole => Some(Part::Literal(Value::String(literal))),
        Some(Piece::Expression(placed)) if whole => Some(Part::Whole(placed)),
        Some(last) => {
            compiled.push(last);
            Some(Part::Mixed(compiled))
        }
    }
}

fn expression(
    text: &str,
    range: Range<usize>,
    within: &Within,
    findings: &mut Findings<'_>,
) -> Option<Placed> {
    let source = text.get(range.clone()).unwrap_or_default();
    match Expression::compile(source) {
        Ok(expression) => {
            let reads: Vec<(Path, Place)> = expression
                .reads()
                .iter()
                .map(|(path, at)| {
                    let start = range.start + at;
                    (path.clone(), findings.place(within.span(start..start + path.root.len())))
                })
                .collect();
            let place = findings.place(within.span(range));
            Some(Placed { expression, place, reads })
        }
        Err(faults) => {
            for fault in faults {
                let start = range.start + fault.at;
                let span = within.span(start..range.end.max(start));
                match fault.hint {
                    Some(hint) => findings.report_with(fault.code, span, fault.message, hint),
                    None => findings.report(fault.code, span, fault.message),
                }
            }
            None
        }
    }
}

/// Where the characters of a text stand in the file: exactly, where the text stands
/// there as it is; else at its beginning.
struct Within {
    exact: Option<usize>,
    whole: Range<usize>,
}

impl Within {
    fn of(node: &Spanned<DeValue<'_>>, text: &str, findings: &Findings<'_>) -> Self {
        let whole = node.span();
        let raw = findings.text.get(whole.clone()).unwrap_or_default();
        let exact = ["\"\"\"\n", "'''\n", "\"\"\"", "'''", "\"", "'"].iter().find_map(|quote| {
            let inner = raw.strip_prefix(quote)?.strip_suffix(quote.trim_end())?;
            (inner == text).then_some(whole.start + quote.len())
        });
        Self { exact, whole }
    }

    fn span(&self, range: Range<usize>) -> Range<usize> {
        match self.exact {
            Some(start) => start + range.start..start + range.end,
            None => self.whole.clone(),
        }
    }
}
