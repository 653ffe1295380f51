//! `bailiwick check`: what is wrong with a project, which policy holds, what each agent may do, what each pipeline costs at worst.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bailiwick_core::text::{Lines, visible};
use bailiwick_core::{Bytes, Name};
use bailiwick_engine::check::check;
use bailiwick_engine::components::Agent;
use bailiwick_engine::costs::{ANSWER_TOKENS, Costs, PROMPT_BYTES, costs};
use bailiwick_engine::history::History;
use bailiwick_engine::labels::{follow, standing_in};
use bailiwick_engine::load::{self, Opened, PolicySource};
use bailiwick_engine::powers::{Power, powers};
use bailiwick_engine::rules::{self, Taken};
use bailiwick_engine::swap::{self, Slot};
use bailiwick_engine::trial::{Resolve, Verdict, judge};
use bailiwick_engine::viewing::Viewer;
use bailiwick_engine::{Caller, Problems};
use clap::Args;
use serde_json::{Value, json};

use crate::arguments::ProjectPlace;
use crate::commands::revoke;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::live::tally;
use crate::shown::labels::way;
use crate::stdout;
use crate::talk::Talk;
use crate::words;

/// What is to be checked.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: ProjectPlace,
    /// The label of the run's input [default: what policy.toml says of what has none]
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// Prints the way of each label through the pipelines, and what holds by default
    #[arg(long)]
    labels: bool,
    /// Judges one request that nobody makes, as the gate would: 'draft model writer',
    /// 'research http GET https://api.example.com/v1/x', 'note kv set notes'. Ends with 0 where
    /// it is allowed, with 1 where it is denied
    #[arg(long = "try", value_name = "REQUEST", conflicts_with = "labels")]
    request: Option<String>,
    /// With --try: looks the name of the host up, and says what its addresses are
    #[arg(long, requires = "request")]
    resolve: bool,
    /// The data folder whose revocations and swaps hold [default: PROJECT/.bailiwick]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Prints what is wrong as JSON, one problem a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn command(
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
    let (opened, gone, swapped) = said_since(arguments, environment, opened).await?;
    if let Some(request) = &arguments.request {
        return tried(request, arguments, &opened, &gone, talk);
    }
    let checked = check(&opened, arguments.label.as_deref());
    if arguments.labels && !arguments.json {
        for plan in opened.plans.values() {
            // A label that there is not is among the problems.
            let Ok(flow) = follow(&opened, plan, arguments.label.as_deref()) else { continue };
            stdout::write(&way(plan, &flow, &opened.policy.labels.order))?;
        }
    } else if !arguments.json {
        let mut text = policy(&opened);
        for taken in &gone {
            text.push_str(&format!("revoked: {}", revoke::as_text(taken)));
        }
        for agent in checked.agents.values() {
            text.push_str(&of_agent(&opened, agent));
            let instead = swapped.iter().find(|slot| slot.agent == agent.name);
            text.push_str(&instead.map(swapped_in).unwrap_or_default());
        }
        pipelines(&opened, &checked.agents, &mut text);
        stdout::write(&text)?;
    }
    problems_of(checked.problems, arguments, talk)
}

/// The project with what its namespaces hold in its data folder, what was taken away there
/// and what was swapped, where there is one that this user may read.
async fn said_since(
    arguments: &Arguments,
    environment: &Environment,
    opened: Opened,
) -> anyhow::Result<(Opened, Vec<Taken>, Vec<Slot>)> {
    let data = arguments.data.clone().unwrap_or_else(|| opened.root.join(".bailiwick"));
    let viewer = Viewer::new(opened.policy.clone(), Caller::who_runs_it(environment.uid));
    match History::open(&data, viewer)? {
        Some(history) => {
            let gone = rules::revoked(&history).await?;
            let swapped = swap::instead(&history, &opened).await?;
            Ok((standing_in(&history, opened).await?, gone, swapped))
        }
        None => Ok((opened, Vec::new(), Vec::new())),
    }
}

/// That this is not what serves: the files are what is checked.
fn swapped_in(slot: &Slot) -> String {
    let (component, by, at) = (&slot.component, &slot.by, words::instant(slot.at));
    let line = format!("  not what serves: {component} was swapped in by {by}, {at}");
    format!("{}\n", visible(&line, Lines::Escape))
}

/// `--try`: one request, and what decides about it.
fn tried(
    request: &str,
    arguments: &Arguments,
    opened: &Opened,
    gone: &[Taken],
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let parsed = gone.iter().map(|taken| rules::parse(&taken.holder, &taken.power));
    let revoked = parsed.collect::<Result<Vec<_>, _>>()?;
    let resolve = if arguments.resolve { Resolve::Yes } else { Resolve::No };
    let judged = judge(opened, request, arguments.label.as_deref(), (&revoked, resolve));
    let Verdict { allowed, lines } = match judged {
        Ok(verdict) => verdict,
        Err(problems) => return problems_of(problems, arguments, talk),
    };
    let word = if allowed { "allowed" } else { "denied" };
    if arguments.json {
        let lines = lines.iter().map(|(key, value)| json!([key, value]));
        let told: Value = lines.collect();
        stdout::write(&stdout::line(&json!({ "request": request, "verdict": word, "why": told })))?;
    } else {
        let mut text = format!("{word}: {request}\n");
        for (key, value) in &lines {
            text.push_str(&format!("  {key:10} {value}\n"));
        }
        stdout::write(&visible(&text, Lines::Keep))?;
    }
    Ok(if allowed { Ending::Done } else { Ending::Failed })
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
    if let Some(signed) = &agent.signed {
        let (by, on) = (&signed.statement.publisher, signed.statement.date);
        text.push_str(&format!("  signed by {by} with key {} on {on}\n", signed.key));
    }
    let written = opened.project.agents.get(&agent.name);
    if written.is_some_and(|written| opened.lock.pin(&agent.name, &written.component).is_some()) {
        text.push_str("  pinned in bailiwick.lock\n");
    }
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

fn pipelines(opened: &Opened, agents: &BTreeMap<Name, Agent>, text: &mut String) {
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
            let along = |word: &str, axes: &[Name]| match axes {
                [] => String::new(),
                axes => format!(
                    ", {word} {}",
                    axes.iter().map(Name::as_str).collect::<Vec<_>>().join(" × ")
                ),
            };
            let axes = format!("{}{}", along("over", &step.over), along("collects", &step.collect));
            text.push_str(&format!(
                "  step {}: {by}{}{axes}\n",
                step.name,
                judges.unwrap_or_default()
            ));
        }
        text.push_str(&of_costs(&costs(opened, plan, agents)));
    }
}

/// What a run may come to: what it would do, what the budgets leave of that, and what
/// one ordinary call costs, so that the one can be held against the other.
fn of_costs(costs: &Costs) -> String {
    let worst = &costs.worst;
    let asked = if costs.asks_people {
        format!(" and {}", words::many(worst.questions as usize, "question"))
    } else {
        String::new()
    };
    let each = match costs.open.as_slice() {
        [] => String::new(),
        axes => format!(
            ", for one value of each of {} and times as many for more",
            axes.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
        ),
    };
    let attempts = words::many(worst.attempts as usize, "attempt");
    let mut text = format!("  at worst{each}: {attempts}{asked}\n");
    let cap = costs.cap.show(costs.currency);
    let Some(one_each) = costs.one_each else { return text };
    text.push_str(&match (costs.cap.is_none(), costs.cap.money) {
        (true, _) => "  no budget bounds a run: `money`, `tokens` or `calls` in the agents' grants.model would\n".to_owned(),
        (false, None) => format!("  budgets stop a run at {cap}; nothing bounds its money\n"),
        (false, Some(_)) => format!("  budgets stop a run at {cap}\n"),
    });
    text.push_str(&format!(
        "  one call in each attempt would be reserved at {} (a prompt of {}, an answer of {ANSWER_TOKENS} tokens)\n",
        words::cost(one_each, costs.currency),
        Bytes(PROMPT_BYTES),
    ));
    for (alias, call) in &costs.calls {
        let call = words::cost(*call, costs.currency);
        text.push_str(&format!("    of {alias}: {call}\n"));
    }
    text
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
