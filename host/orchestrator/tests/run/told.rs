//! A journal as text: by cell, in the order of the plan, so that what runs at the same time reads the same each time.

use std::fmt::Write as _;

use bailiwick_core::fact::{Decision, Fact, Judgement};
use bailiwick_core::run::RunState;
use bailiwick_core::{CellId, Document};
use bailiwick_orchestrator::Question;
use bailiwick_project::Plan;

use crate::house::House;

/// Everything that happened in a run, and what people were asked.
pub(crate) fn told(house: &House, state: &RunState) -> String {
    let (plan, facts) = (&house.plan, house.facts());
    let mut text = String::new();
    for axis in plan.axes.iter().filter_map(|axis| Some((&axis.name, state.axes.get(&axis.name)?)))
    {
        let ids: Vec<_> = axis.1.iter().map(|value| value.id()).collect();
        writeln!(text, "axis {}: {}", axis.0, ids.join(" ")).unwrap();
    }
    for step in &state.steps {
        for key in &step.order {
            let cell = CellId { step: step.shape.name.clone(), key: key.clone() };
            writeln!(text, "{cell}").unwrap();
            let lines = facts.iter().filter_map(|fact| line(plan, fact, &cell));
            lines.for_each(|line| writeln!(text, "    {line}").unwrap());
        }
    }
    let mut questions: Vec<_> = house.desk.questions.lock().unwrap().iter().map(question).collect();
    questions.sort();
    questions.iter().for_each(|question| writeln!(text, "{question}").unwrap());
    for refused in house.desk.refused.lock().unwrap().iter() {
        writeln!(text, "refused: {refused}").unwrap();
    }
    let reason = state.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let output =
        state.output.as_ref().map(|output| format!(": {}", body(output))).unwrap_or_default();
    writeln!(text, "run {}{reason}{output}", state.status().as_str()).unwrap();
    text
}

fn body(document: &Document) -> &str {
    document.text().map_or("(no text)", |text| text)
}

/// What a fact says of a cell, where it is about it.
fn line(plan: &Plan, fact: &Fact, of: &CellId) -> Option<String> {
    let about = |cell: &CellId| (cell == of).then_some(());
    match fact {
        Fact::CellStarted { attempt, .. }
        | Fact::AttemptFailed { attempt, .. }
        | Fact::CellFinished { attempt, .. } => {
            let judge = plan.step(&attempt.cell.step)?.judges.as_ref();
            let subject = judge.map_or(&attempt.cell.step, |judge| &judge.subject);
            about(&CellId { step: subject.clone(), key: attempt.cell.key.clone() })?;
            let who = judge.map(|_| format!("{} ", attempt.cell.step)).unwrap_or_default();
            let what = match fact {
                Fact::CellStarted { input, .. } => format!("starts {}", body(input)),
                Fact::CellFinished { output, .. } => format!("gives {}", body(output)),
                Fact::AttemptFailed { failure, retry, .. } => {
                    let retry =
                        retry.map(|at| format!(", again at {} ms", at.0)).unwrap_or_default();
                    format!("fails: {failure}{retry}")
                }
                _ => return None,
            };
            Some(format!("{who}{}/{} {what}", attempt.round, attempt.attempt))
        }
        Fact::CellSkipped { cell } => about(cell).map(|()| "skipped".into()),
        Fact::Judged { judge, cell, round, judgement } => {
            about(cell).map(|()| format!("{judge} on {round}: {}", verdict(judgement)))
        }
        Fact::JudgeSkipped { judge, cell, round } => {
            about(cell).map(|()| format!("{judge} on {round}: skipped"))
        }
        Fact::Escalated { judge, cell, round } => {
            about(cell).map(|()| format!("{judge} escalates {round}"))
        }
        Fact::Asked { ask, cell, show, .. } => {
            about(cell).map(|()| format!("asks {ask}, showing {}", body(show)))
        }
        Fact::Decided { ask, decision, by } => {
            let (key, step) = (
                format!("/{}/", of.key),
                plan.judges_of(&of.step).any(|j| ask.0.contains(&format!("/{}/", j.name))),
            );
            (step && ask.0.contains(&key)).then(|| format!("{by} on {ask}: {}", decided(decision)))
        }
        Fact::Released { cell, round, output } => {
            about(cell).map(|()| format!("released {round}: {}", body(output)))
        }
        Fact::Dropped { cell, reason } => about(cell).map(|()| format!("dropped: {reason}")),
        Fact::CellFailed { cell, failure } => about(cell).map(|()| format!("failed: {failure}")),
        _ => None,
    }
}

fn verdict(judgement: &Judgement) -> String {
    let opinion = if judgement.opinion { " (opinion)" } else { "" };
    format!(
        "{} {}{opinion} {}",
        judgement.verdict.as_str(),
        judgement.score,
        body(&judgement.reasons)
    )
}

fn decided(decision: &Decision) -> String {
    let comment = decision.comment().map(|comment| format!(" {comment:?}")).unwrap_or_default();
    match decision {
        Decision::Edit { value, .. } => format!("edit {}{comment}", body(value)),
        _ => format!("{}{comment}", decision.as_str()),
    }
}

fn question(question: &Question) -> String {
    let opinions: Vec<_> =
        question.opinions.iter().map(|o| format!("{} {}", o["by"], o["verdict"])).collect();
    format!(
        "question {} to {}: {}, {} rounds left{}{}",
        question.ask,
        question.groups.join(" "),
        body(&question.subject),
        question.rounds_left,
        if question.escalated { ", escalated" } else { "" },
        if opinions.is_empty() {
            String::new()
        } else {
            format!(", opinions: {}", opinions.join(", "))
        },
    )
}
