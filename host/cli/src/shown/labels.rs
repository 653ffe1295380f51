//! The way of labels through a pipeline, as lines. Follows none.

use std::collections::BTreeSet;

use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::labels::{Flow, LabelOrder, Level, Plan, Sink, Source};

/// What each step may know and why, where it may send it, what its readers get; and what
/// nobody said, so that the default holds.
pub(crate) fn way(plan: &Plan, flow: &Flow, order: &LabelOrder) -> String {
    let mut text = format!("\nlabels of pipeline {} ({order})\n", plan.pipeline);
    let mut defaults = BTreeSet::new();
    let name = |label| order.name(label);
    text.push_str(&format!("  input: {}\n", name(flow.input.label)));
    if flow.input.defaulted {
        let by = "--label NAME, with check, run and submit";
        defaults.insert(format!("the run's input is {}: {by}", name(flow.input.label)));
    }
    for step in &plan.steps {
        let Some(own) = flow.step(&step.name) else { continue };
        let judges = step.judges.as_ref();
        let with = judges.map(|judge| format!(", with {}", judge.subject)).unwrap_or_default();
        text.push_str(&format!("  step {}: {}{with}\n", step.name, level(own.level, order)));
        for source in &own.reads {
            text.push_str(&format!("    reads {}: {}\n", source.what, level(source.level, order)));
            defaults.extend(defaulted_source(source, order));
        }
        for sink in &own.sinks {
            let cleared = name(sink.clearance.label);
            text.push_str(&format!("    may send to {}: cleared for {cleared}\n", sink.to));
            defaults.extend(defaulted_sink(sink, order));
        }
        if let Some(lowers) = own.lowers {
            let who = match lowers.own {
                true => "who submitted the run counts (self = true)",
                false => "who submitted the run does not count",
            };
            let (from, to) = (name(lowers.from), name(lowers.to));
            text.push_str(&format!(
                "    lowers {from} to {to} by a rule of [[declassify]]; {who}\n"
            ));
        }
        if judges.is_none() && own.released != own.level {
            text.push_str(&format!("    its readers get: {}\n", level(own.released, order)));
        }
    }
    text.push_str(&format!("  output: {}\n", level(flow.output, order)));
    text.push_str(&format!(
        "  who sees the run (terminal, show, logs, --out, export) must be cleared for {}\n",
        name(flow.whole)
    ));
    if !defaults.is_empty() {
        text.push_str("  by default, because no file says more:\n");
        defaults.iter().for_each(|line| text.push_str(&format!("    {line}\n")));
    }
    visible(&text, Lines::Keep)
}

fn level(level: Level, order: &LabelOrder) -> String {
    format!("{}, {}", order.name(level.label), level.trust)
}

fn defaulted_source(source: &Source, order: &LabelOrder) -> Option<String> {
    use bailiwick_engine::labels::What;
    let key = match &source.what {
        What::Collection(name) => format!("label under [knowledge.{name}] in bailiwick.toml"),
        What::Assets(name) => format!("label under [assets.{name}] in bailiwick.toml"),
        What::Namespace(name) => format!("label under [kv.{name}] in bailiwick.toml"),
        _ => return None,
    };
    let label = order.name(source.level.label);
    source.defaulted.then(|| format!("{} is {label}: {key}", source.what))
}

fn defaulted_sink(sink: &Sink, order: &LabelOrder) -> Option<String> {
    use bailiwick_engine::labels::To;
    let key = match &sink.to {
        To::Route { route, .. } | To::Embedder { route, .. } => {
            let origin = route.origin.as_ref().map(|origin| origin.0.as_str()).unwrap_or_default();
            format!("origins.{origin:?} = {{ clearance = \"…\" }} in policy.toml")
        }
        To::Web { origin: Some(origin), .. } => {
            format!("origins.{:?} = {{ clearance = \"…\" }} in policy.toml", origin.0)
        }
        // A pattern has no line of its own, and a namespace is told of as a source.
        To::Web { origin: None, .. } | To::Namespace(_) | To::People(_) => return None,
    };
    let cleared = order.name(sink.clearance.label);
    sink.clearance.defaulted.then(|| format!("{} is cleared for {cleared}: {key}", sink.to))
}
