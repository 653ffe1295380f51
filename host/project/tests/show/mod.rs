//! How cases show what they read: one line for each thing that matters.

#![allow(dead_code, reason = "each test program uses its part of it")]

use std::fmt::Write;

use bailiwick_core::Diagnostic;
use bailiwick_core::fact::StepBy;
use bailiwick_core::units::show_duration;
use bailiwick_policy::{LabelOrder, Level, Policy};
use bailiwick_project::labels::{Flow, Lowering};
use bailiwick_project::{Asking, Plan, Project, Read, Template};

pub(crate) fn diagnostic(found: &Diagnostic) -> String {
    let place = found
        .place
        .as_ref()
        .map_or_else(|| "nowhere".to_owned(), |p| format!("{}:{}:{}", p.file, p.line, p.column));
    let hint = found.hint.as_ref().map(|hint| format!(" | {hint}")).unwrap_or_default();
    format!("{} {place} {}{hint}", found.code, found.message)
}

pub(crate) fn flow(flow: &Flow, order: &LabelOrder) -> String {
    let level = |level: Level| format!("{} {}", order.name(level.label), level.trust);
    let mut said = String::new();
    writeln!(
        said,
        "label of input {}, of output {}",
        order.name(flow.input.label),
        level(flow.output)
    )
    .unwrap();
    for (name, step) in &flow.steps {
        let lowers = match step.lowers {
            Some(Lowering { own: true, .. }) => " lowers, whoever submitted it",
            Some(_) => " lowers",
            None => "",
        };
        let (knows, gives) = (level(step.level), level(step.released));
        writeln!(said, "label of {name} {knows}, released {gives}{lowers}").unwrap();
        for source in &step.reads {
            let default = if source.defaulted { " by default" } else { "" };
            writeln!(said, "  reads {}: {}{default}", source.what, level(source.level)).unwrap();
        }
        for sink in &step.sinks {
            let default = if sink.clearance.defaulted { " by default" } else { "" };
            let cleared = order.name(sink.clearance.label);
            writeln!(said, "  sends to {}: {cleared}{default}", sink.to).unwrap();
        }
    }
    said
}

pub(crate) fn plan(plan: &Plan) -> String {
    let mut said = String::new();
    if let Some(input) = &plan.input {
        writeln!(said, "input {}", input.value()).unwrap();
    }
    for axis in &plan.axes {
        writeln!(said, "axis {} {} reads {:?}", axis.name, template(&axis.values), axis.reads)
            .unwrap();
    }
    if let Some(exclude) = &plan.matrix.exclude {
        writeln!(said, "exclude {}", template(exclude)).unwrap();
    }
    if let Some(sample) = &plan.matrix.sample {
        writeln!(said, "sample {} of {:?}, seed {}", sample.max, sample.over, sample.seed).unwrap();
    }
    for step in &plan.steps {
        let by = match &step.by {
            StepBy::Agent(agent) => format!("agent {agent}"),
            StepBy::People(groups) => format!("people {groups:?}"),
        };
        write!(said, "step {} by {by} over {:?}", step.name, step.over).unwrap();
        if !step.collect.is_empty() {
            write!(said, " collect {:?} min {}", step.collect, step.min).unwrap();
        }
        if let Some(judges) = &step.judges {
            write!(said, " judges {} rounds {}", judges.subject, judges.rounds).unwrap();
        }
        if let Some(asking) = &step.asking {
            said.push_str(&self::asking(asking));
        }
        write!(said, " input {}", template(&step.input)).unwrap();
        for (key, one) in [("when", &step.when), ("show", &step.show)] {
            if let Some(one) = one {
                write!(said, " {key} {}", template(one)).unwrap();
            }
        }
        if !step.needs.is_empty() {
            write!(said, " needs {:?}", step.needs).unwrap();
        }
        if step.reads_feedback {
            said.push_str(" feedback");
        }
        if step.retry.attempts > 1 {
            write!(said, " retry {} {}", step.retry.attempts, show_duration(step.retry.backoff))
                .unwrap();
        }
        if step.tolerate.percent > 0 {
            write!(said, " tolerate {}%", step.tolerate.percent).unwrap();
        }
        if let Some(budget) = step.budget {
            let (most, when) = (budget.most.show(plan.currency), budget.when.as_str());
            write!(said, " budget {most}, then {when}").unwrap();
        }
        if let Some(most) = step.concurrency {
            write!(said, " concurrency {most}").unwrap();
        }
        said.push('\n');
        step.reads.iter().for_each(|read| said.push_str(&self::read(read)));
    }
    for (name, value) in &plan.output {
        writeln!(said, "output {name} {}", template(value)).unwrap();
    }
    plan.output_reads.iter().for_each(|read| said.push_str(&self::read(read)));
    said
}

/// What differs from one approval at any time.
fn asking(asking: &Asking) -> String {
    let mut said = String::new();
    if asking.quorum.get() > 1 {
        write!(said, " quorum {}", asking.quorum).unwrap();
    }
    if let Some(timeout) = &asking.timeout {
        write!(said, " {:?} after {}", timeout.then, show_duration(timeout.after)).unwrap();
    }
    if let Some(remind) = asking.remind {
        write!(said, " remind {}", show_duration(remind)).unwrap();
    }
    said
}

fn read(read: &Read) -> String {
    format!("  reads {} shared {:?} collected {:?}\n", read.step, read.shared, read.collected)
}

fn template(template: &Template) -> String {
    match template.as_literal() {
        Some(value) => value.to_string(),
        None => {
            let reads: Vec<_> = template.reads().iter().map(|path| path.to_string()).collect();
            format!("${{{}}}", reads.join(", "))
        }
    }
}

pub(crate) fn project(project: &Project) -> String {
    let mut said = String::new();
    for (name, agent) in &project.agents {
        writeln!(said, "agent {name} is {}", agent.component).unwrap();
        writeln!(said, "  grants {}", serde_json::to_string(&agent.grants).unwrap()).unwrap();
        writeln!(said, "  limits {:?}", agent.limits.named).unwrap();
    }
    for (name, routes) in &project.models {
        let routes: Vec<_> = routes.iter().map(|route| route.to_string()).collect();
        writeln!(said, "model {name} {routes:?}").unwrap();
    }
    for (kind, folders) in [("knowledge", &project.knowledge), ("assets", &project.assets)] {
        for (name, folder) in folders {
            writeln!(said, "{kind} {name} {}", folder.path).unwrap();
        }
    }
    said
}

pub(crate) fn policy(policy: &Policy) -> String {
    format!("policy {}\n", serde_json::to_string(policy).unwrap())
}
