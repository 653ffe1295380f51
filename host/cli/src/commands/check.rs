//! `bailiwick check`: what is wrong with a project, which policy holds, what each agent may do, what each pipeline costs at worst.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bailiwick_core::fact::StepBy;
use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::Problems;
use bailiwick_engine::check::check;
use bailiwick_engine::components::Agent;
use bailiwick_engine::load::{self, Opened, PolicySource};
use bailiwick_engine::powers::{Power, powers};
use clap::Args;

use crate::arguments::ProjectPlace;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::live::tally;
use crate::stdout;
use crate::talk::Talk;
use crate::words;

/// What is to be checked.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: ProjectPlace,
    /// Prints what is wrong as JSON, one problem a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let places = match environment.places(&arguments.place, &[]) {
        Ok(places) => places,
        Err(error) => return problems_of(error.downcast()?, arguments, talk),
    };
    let opened = match load::open(&places) {
        Ok(opened) => opened,
        Err(problems) => return problems_of(problems, arguments, talk),
    };
    let checked = check(&opened);
    if !arguments.json {
        let mut text = policy(&opened);
        checked.agents.values().for_each(|agent| text.push_str(&of_agent(&opened, agent)));
        pipelines(&opened, &mut text);
        stdout::write(&text)?;
    }
    problems_of(checked.problems, arguments, talk)
}

fn problems_of(problems: Problems, arguments: &Arguments, talk: &Talk) -> anyhow::Result<Ending> {
    if arguments.json {
        for found in &problems.diagnostics {
            stdout::write(&stdout::line(&serde_json::to_value(found)?))?;
        }
    } else if problems.diagnostics.is_empty() {
        talk.say("nothing is wrong");
    } else {
        talk.problems(&problems);
    }
    Ok(if problems.has_errors() { Ending::WrongInput } else { Ending::Done })
}

fn policy(opened: &Opened) -> String {
    match &opened.policy_source {
        PolicySource::BuiltIn => {
            "policy: the built-in one; it advises, because there is no /etc/bailiwick/policy.toml\n"
                .into()
        }
        PolicySource::File { path, binds: true } => {
            format!("policy: {}; it binds: another user owns it\n", path.display())
        }
        PolicySource::File { path, binds: false } => {
            format!("policy: {}; it advises: you own it and could change it\n", path.display())
        }
    }
}

fn of_agent(opened: &Opened, agent: &Agent) -> String {
    let profile = &agent.embedded.profile;
    let mut text = format!("\nagent {}: {} {}\n", agent.name, agent.identity, profile.version);
    // One line, whatever its author wrote: a second could pass for one of ours.
    text.push_str(&format!("  {}\n", visible(&profile.summary, Lines::Escape)));
    text.push_str(&format!(
        "  {} ({})\n",
        shown(&agent.path).display(),
        agent.embedded.outline.digest
    ));
    for power in powers(opened, agent) {
        of_power(&power, &mut text);
    }
    visible(&text, Lines::Keep)
}

/// Without the `..` between the project and its agents.
fn shown(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// The five columns of a capability, under each other: they are sentences, not words.
fn of_power(power: &Power, text: &mut String) {
    let none = || "nothing".to_owned();
    if power.capability == "limits" {
        let asked = power.granted.clone().unwrap_or_else(|| "the defaults".into());
        text.push_str(&format!("  limits\n    asked      {asked}\n"));
    } else {
        let idle = !power.imported && power.wanted.is_none() && power.granted.is_none();
        if idle {
            text.push_str(&format!("  {}: not asked for, not granted\n", power.capability));
            return;
        }
        // Assets are no interface: they reach an agent through its input alone.
        let imports = match (power.capability, power.imported) {
            ("assets", _) => "no import: its inputs may hold them",
            (_, true) => "yes",
            (_, false) => "no",
        };
        text.push_str(&format!("  {}\n    imports    {imports}\n", power.capability));
        let wanted = power.wanted.clone().unwrap_or_else(none);
        text.push_str(&format!("    wants      {}\n", visible(&wanted, Lines::Escape)));
        text.push_str(&format!("    granted    {}\n", power.granted.clone().unwrap_or_else(none)));
    }
    text.push_str(&format!("    ceiling    {}\n", power.ceiling.clone().unwrap_or_else(none)));
    text.push_str(&format!("    effective  {}\n", power.effective.clone().unwrap_or_else(none)));
    if let Some(change) = &power.change {
        text.push_str(&format!("    to change  {change}\n"));
    }
}

fn pipelines(opened: &Opened, text: &mut String) {
    for (name, plan) in &opened.plans {
        text.push_str(&format!("\npipeline {name}\n"));
        for axis in &plan.axes {
            text.push_str(&format!("  axis {}\n", axis.name));
        }
        for step in &plan.steps {
            let by = tally::by(&step.by);
            let judge = step.judges.as_ref();
            let judges = judge.map(|judge| {
                format!(
                    ", judges {}, {}",
                    judge.subject,
                    words::many(judge.rounds as usize, "round")
                )
            });
            let along = |word: &str, axes: &[bailiwick_core::Name]| match axes {
                [] => String::new(),
                axes => format!(
                    ", {word} {}",
                    axes.iter().map(bailiwick_core::Name::as_str).collect::<Vec<_>>().join(" × ")
                ),
            };
            let axes = format!("{}{}", along("over", &step.over), along("collects", &step.collect));
            text.push_str(&format!(
                "  step {}: {by}{}{axes}\n",
                step.name,
                judges.unwrap_or_default()
            ));
        }
        // Axes that come from the input or from a step are known when it runs: for one
        // value of each, the worst case is a factor.
        let one: BTreeMap<_, _> = plan.steps.iter().map(|step| (step.name.clone(), 1)).collect();
        let worst = plan.worst_case(&one);
        let people = plan.steps.iter().any(|step| matches!(step.by, StepBy::People(_)));
        let asked = if people {
            format!(" and {}", words::many(worst.questions as usize, "question"))
        } else {
            String::new()
        };
        let each =
            if plan.axes.is_empty() { "at worst" } else { "at worst, for one cell of each step" };
        text.push_str(&format!(
            "  {each}: {}{asked}\n",
            words::many(worst.attempts as usize, "attempt")
        ));
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::Diagnostic;
    use serde_json::json;

    #[test]
    fn a_problem_is_an_object_with_code_and_message() {
        let value = serde_json::to_value(Diagnostic::error("E002", "x").hint("y")).unwrap();
        assert_eq!(
            value,
            json!({"code": "E002", "severity": "error", "message": "x", "place": null, "hint": "y"})
        );
    }
}
