//! What `policy.toml` says of labels: their order, roots, origins, and who may lower them. Judges no pipeline.

use std::collections::BTreeMap;

use bailiwick_policy::{Declassify, Label, LabelOrder, LabelRules, Origin, OriginRule};
use toml::Spanned;

use crate::codes;
use crate::entries::{Entries, as_table};
use crate::findings::Findings;
use crate::folders::absolute;
use crate::nearest::did_you_mean;
use crate::routes::origin;

/// The rules of a file. Without `labels` a source that says nothing has the highest.
pub(crate) fn rules(root: Entries<'_, '_>, findings: &mut Findings<'_>) -> LabelRules {
    let mut rules = LabelRules::strict();
    if let Some(table) = root.table("labels") {
        rules.order = order(table, findings).unwrap_or(rules.order);
        rules.unlabelled = label(table, "unlabelled", &rules.order, findings);
    }
    rules.roots = roots(root, &rules.order, findings);
    rules.origins = origins(root, &rules.order, findings);
    for node in root.items("declassify") {
        let Some(table) = as_table(node) else { continue };
        rules.declassify.extend(declassify(node.span(), table, &rules.order, findings));
    }
    rules
}

fn order(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Option<LabelOrder> {
    let span = table.node("order")?.span();
    let names = table.texts("order").into_iter().map(Spanned::into_inner).collect();
    LabelOrder::new(names)
        .map_err(|error| findings.report(codes::BAD_LABELS, span, error.to_string()))
        .ok()
}

/// The label under a key; nothing where it is not there, or reported.
pub(crate) fn label(
    table: Entries<'_, '_>,
    key: &str,
    order: &LabelOrder,
    findings: &mut Findings<'_>,
) -> Option<Label> {
    let text = table.text(key)?;
    let found = order.find(text.get_ref());
    if found.is_none() {
        let (message, hint) = unknown(text.get_ref(), order);
        findings.report_with(codes::UNKNOWN_LABEL, text.span(), message, hint);
    }
    found
}

/// What is said of a label that there is not.
pub(crate) fn unknown(name: &str, order: &LabelOrder) -> (String, String) {
    let known = order.names().iter().map(String::as_str);
    let hint = did_you_mean(name, known).unwrap_or_else(|| format!("the labels are {order}"));
    (format!("there is no label {name:?}"), hint)
}

fn roots(
    root: Entries<'_, '_>,
    order: &LabelOrder,
    findings: &mut Findings<'_>,
) -> BTreeMap<String, Label> {
    let mut roots = BTreeMap::new();
    for (name, node) in root.table("roots").map(Entries::in_order).unwrap_or_default() {
        let Some(table) = as_table(node) else { continue };
        let least = label(table, "min-label", order, findings);
        let Some(path) = absolute(name.get_ref()) else {
            let message =
                format!("{:?} is no absolute folder without `.` and `..`", name.get_ref());
            findings.report(codes::BAD_FOLDER, name.span(), message);
            continue;
        };
        if let Some(least) = least
            && roots.insert(path.clone(), least).is_some()
        {
            findings.report(codes::BAD_LABELS, name.span(), format!("{path:?} stands twice"));
        }
    }
    roots
}

fn origins(
    root: Entries<'_, '_>,
    order: &LabelOrder,
    findings: &mut Findings<'_>,
) -> BTreeMap<Origin, OriginRule> {
    let mut origins = BTreeMap::new();
    for (name, node) in root.table("origins").map(Entries::in_order).unwrap_or_default() {
        let Some(table) = as_table(node) else { continue };
        let rule = OriginRule {
            clearance: label(table, "clearance", order, findings),
            label: label(table, "label", order, findings),
        };
        match origin(name.get_ref()) {
            Ok(origin) => {
                if origins.insert(origin.clone(), rule).is_some() {
                    let message = format!("the origin {origin} stands twice");
                    findings.report(codes::BAD_LABELS, name.span(), message);
                }
            }
            Err(error) => {
                let message = format!("{:?} is no origin: {error}", name.get_ref());
                let hint = "an origin is scheme, host and port: \"https://api.example.com\"";
                findings.report_with(codes::BAD_ROUTE, name.span(), message, hint);
            }
        }
    }
    origins
}

fn declassify(
    span: std::ops::Range<usize>,
    table: Entries<'_, '_>,
    order: &LabelOrder,
    findings: &mut Findings<'_>,
) -> Option<Declassify> {
    let (from, to) = (label(table, "from", order, findings), label(table, "to", order, findings));
    let by: std::collections::BTreeSet<_> =
        table.texts("by").into_iter().map(Spanned::into_inner).collect();
    let pipelines: std::collections::BTreeSet<_> =
        table.names("pipelines").into_iter().map(Spanned::into_inner).collect();
    for (key, empty) in [("by", by.is_empty()), ("pipelines", pipelines.is_empty())] {
        if let Some(node) = table.node(key).filter(|_| empty) {
            let message = format!("`{key}` is empty: this rule is for nobody");
            findings.report(codes::BAD_LABELS, node.span(), message);
        }
    }
    let (from, to) = from.zip(to)?;
    if to >= from {
        let (from, to) = (order.name(from), order.name(to));
        let message = format!("{to} is not below {from}: this rule lowers nothing");
        let hint = format!("the labels are {order}");
        findings.report_with(codes::BAD_LABELS, span, message, hint);
        return None;
    }
    Some(Declassify { from, to, by, pipelines, own: table.flag("self").unwrap_or(false) })
}
