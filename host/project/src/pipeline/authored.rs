//! A pipeline as it was typed: names and templates with their places, not yet judged against each other.

use std::ops::Range;
use std::time::Duration;

use bailiwick_core::Name;
use bailiwick_policy::{Budget, WhenSpent};
use serde_json::Value;
use toml::Spanned;

use crate::codes;
use crate::compile;
use crate::entries::{Entries, as_table, share};
use crate::findings::{Findings, Node};
use crate::pipeline::asking::{self, AuthoredPeople};
use crate::plan::{Retry, Tolerance};
use crate::template::Template;

/// The pause before a second attempt where the file does not say: long enough for a
/// hiccup, short enough for a person who waits.
const BACKOFF_DEFAULT: Duration = Duration::from_secs(1);

pub(super) struct Authored {
    /// In declaration order; without template where it could not be read.
    pub(super) axes: Vec<(Spanned<Name>, Option<Template>)>,
    pub(super) matrix: Option<AuthoredMatrix>,
    pub(super) steps: Vec<AuthoredStep>,
    pub(super) output: Vec<(Spanned<Name>, Option<Template>)>,
    /// What happens when a grant or the day is spent.
    pub(super) when_spent: WhenSpent,
}

pub(super) struct AuthoredMatrix {
    pub(super) span: Range<usize>,
    pub(super) exclude: Option<Template>,
    pub(super) exclude_span: Range<usize>,
    pub(super) sample: Option<AuthoredSample>,
}

pub(super) struct AuthoredSample {
    pub(super) span: Range<usize>,
    pub(super) over: Vec<Spanned<Name>>,
    pub(super) max: u32,
    pub(super) seed: u64,
}

pub(super) struct AuthoredStep {
    pub(super) name: Spanned<Name>,
    pub(super) agent: Option<Spanned<Name>>,
    pub(super) people: Option<AuthoredPeople>,
    pub(super) over: Vec<Spanned<Name>>,
    pub(super) collect: Vec<Spanned<Name>>,
    pub(super) min: Option<u32>,
    pub(super) judges: Option<Spanned<Name>>,
    pub(super) rounds: u32,
    pub(super) input: Option<Template>,
    pub(super) show: Option<Template>,
    pub(super) when: Option<Template>,
    pub(super) needs: Vec<Spanned<Name>>,
    pub(super) retry: Retry,
    pub(super) tolerate: Tolerance,
    /// With the word of this step for when it is spent, where it has one.
    pub(super) budget: Option<(Budget, Option<WhenSpent>)>,
    pub(super) concurrency: Option<usize>,
    pub(super) cache: bool,
    pub(super) repeat_effects: bool,
    /// Which keys are there, and where.
    pub(super) keys: Vec<(String, Range<usize>)>,
}

impl AuthoredStep {
    /// Where a key of this step stands, if it is there.
    pub(super) fn key(&self, name: &str) -> Option<Range<usize>> {
        self.keys.iter().find(|(key, _)| key == name).map(|(_, span)| span.clone())
    }

    /// Where a key stands, or else the step's name.
    pub(super) fn key_or_name(&self, name: &str) -> Range<usize> {
        self.key(name).unwrap_or_else(|| self.name.span())
    }
}

/// Takes apart what the table of keys let pass.
pub(super) fn read(root: Entries<'_, '_>, findings: &mut Findings<'_>) -> Authored {
    let axes = named_nodes(root, "axes")
        .into_iter()
        .map(|(name, node)| {
            let asked = "a list, or exactly one `${…}` that gives one";
            (name, compile::one_expression(node, Value::is_array, asked, findings))
        })
        .collect();
    let output = named_nodes(root, "output")
        .into_iter()
        .map(|(name, node)| (name, compile::template(node, findings)))
        .collect();
    let steps = named_nodes(root, "step")
        .into_iter()
        .filter_map(|(name, node)| Some(step(name, as_table(node)?, findings)));
    let steps = steps.collect();
    let when_spent = when_spent(root).unwrap_or_default();
    Authored { axes, matrix: matrix(root, findings), steps, output, when_spent }
}

/// The word under `when-spent`.
fn when_spent(table: Entries<'_, '_>) -> Option<WhenSpent> {
    WhenSpent::parse(table.text("when-spent")?.get_ref())
}

fn named_nodes<'n, 't>(root: Entries<'n, 't>, key: &str) -> Vec<(Spanned<Name>, &'n Node<'t>)> {
    let all = root.table(key).map(Entries::in_order).unwrap_or_default();
    all.into_iter()
        .filter_map(|(name, node)| {
            Some((Spanned::new(name.span(), Name::new(name.get_ref()).ok()?), node))
        })
        .collect()
}

fn matrix(root: Entries<'_, '_>, findings: &mut Findings<'_>) -> Option<AuthoredMatrix> {
    let table = root.table("matrix")?;
    let exclude = table.node("exclude").and_then(|node| {
        let asked = "a list of tables, or exactly one `${…}` that gives one";
        compile::one_expression(node, Value::is_array, asked, findings)
    });
    let sample = table.table("sample").and_then(|sample| {
        Some(AuthoredSample {
            span: table.key_span("sample")?,
            over: sample.names("over"),
            max: sample.whole("max")?,
            seed: sample.whole("seed").unwrap_or(0),
        })
    });
    let exclude_span = table.node("exclude").map_or(0..0, Spanned::span);
    Some(AuthoredMatrix { span: root.key_span("matrix")?, exclude, exclude_span, sample })
}

fn step(name: Spanned<Name>, table: Entries<'_, '_>, findings: &mut Findings<'_>) -> AuthoredStep {
    let when = table.node("when").filter(|node| node.get_ref().is_str()).and_then(|node| {
        let asked = "exactly one `${…}` that gives true or false";
        compile::one_expression(node, |_| false, asked, findings)
    });
    let mut template =
        |key: &str| table.node(key).and_then(|node| compile::template(node, findings));
    let (input, show) = (template("input"), template("show"));
    let retry = table.table("retry");
    let budget = table.table("budget").map(|budget| (findings.budget(budget), when_spent(budget)));
    let tolerate = table.table("on-failure").and_then(|table| table.text("tolerate"));
    AuthoredStep {
        agent: table.name("agent"),
        people: table.table("people").map(|people| asking::read(people, findings)),
        over: distinct(table.names("over"), findings),
        collect: distinct(table.names("collect"), findings),
        min: table.whole("min"),
        judges: table.name("judges"),
        rounds: table.whole("rounds").unwrap_or(0),
        input,
        show,
        when,
        needs: distinct(table.names("needs"), findings),
        retry: Retry {
            attempts: retry.and_then(|retry| retry.whole("attempts")).unwrap_or(1),
            backoff: retry.and_then(|retry| retry.duration("backoff")).unwrap_or(BACKOFF_DEFAULT),
        },
        tolerate: Tolerance {
            percent: tolerate.and_then(|text| share(text.get_ref())).unwrap_or(0),
        },
        budget,
        concurrency: table.whole::<u32>("concurrency").and_then(|most| usize::try_from(most).ok()),
        cache: table.flag("cache").unwrap_or(false),
        repeat_effects: table.flag("repeat-effects").unwrap_or(false),
        keys: table
            .in_order()
            .iter()
            .map(|(key, _)| (key.get_ref().to_string(), key.span()))
            .collect(),
        name,
    }
}

/// The names of a list, each once.
pub(super) fn distinct(
    names: Vec<Spanned<Name>>,
    findings: &mut Findings<'_>,
) -> Vec<Spanned<Name>> {
    let mut kept: Vec<Spanned<Name>> = Vec::new();
    for name in names {
        if kept.iter().any(|other| other.get_ref() == name.get_ref()) {
            findings.report(
                codes::DUPLICATE,
                name.span(),
                format!("`{}` stands twice", name.get_ref()),
            );
        } else {
            kept.push(name);
        }
    }
    kept
}
