//! `bailiwick test`: an agent's cases, each held against what its author expects.

use std::path::PathBuf;
use std::sync::Arc;

use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_core::{CellKey, Diagnostic};
use bailiwick_engine::cases::{Fault, RecordRequest, Tested, record, test};
use bailiwick_engine::{Problems, codes};
use clap::Args;
use serde_json::{Value, json};

use crate::arguments::{DataPlace, ViewPlace};
use crate::commands::run::run_id;
use crate::commands::show::known_step;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::past::history;
use crate::shown::compared::{detail, places};
use crate::stdout;
use crate::talk::Talk;
use crate::words::many;

/// The most of an output that was not expected, in bytes: a few lines of a terminal.
const OUTPUT_MAX_BYTES: usize = 600;

/// Which cases.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder of a built agent
    #[arg(value_name = "DIR")]
    agent: PathBuf,
    /// Only the case of this name
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// Makes a case of what the agent did in this run, and runs that one
    #[arg(long, value_name = "RUN", conflicts_with = "case")]
    record: Option<String>,
    /// With --record: at this step
    #[arg(long, requires = "record")]
    step: Option<String>,
    /// With --record: at this cell, as locale=de
    #[arg(long, value_name = "KEY", requires = "record")]
    cell: Option<String>,
    #[command(flatten)]
    place: ViewPlace,
    /// Prints one JSON document for each case, one a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    // Nothing is kept: the engine alone is started.
    let none = DataPlace { project: None, data: Some(arguments.agent.clone()) };
    let host = environment.host(&environment.data(&none)?);
    let recorded = match &arguments.record {
        Some(run) => Some(recorded(run, arguments, environment, talk).await?),
        None => None,
    };
    let only = recorded.as_deref().or(arguments.case.as_deref());
    let tested = test(&host, &arguments.agent, only).await?;
    let failed = tested.iter().filter(|one| !one.faults.is_empty()).count();
    match arguments.json {
        true => tested.iter().try_for_each(|one| stdout::write(&stdout::line(&as_json(one))))?,
        false => {
            stdout::write(&tested.iter().map(as_text).collect::<String>())?;
            let passed = tested.len() - failed;
            stdout::write(&format!(
                "{}: {passed} passed, {failed} failed\n",
                many(tested.len(), "case")
            ))?;
        }
    }
    Ok(if failed == 0 { Ending::Done } else { Ending::Failed })
}

/// Makes a case of a run, and returns its name.
async fn recorded(
    run: &str,
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<String> {
    let data = environment.data(&arguments.place.data)?;
    let Some(history) = history(environment, &data, arguments.place.policy.as_deref())? else {
        let message = "this data folder has no run yet";
        return Err(Problems::one(Diagnostic::error(codes::NO_RUN, message)).into());
    };
    let run = run_id(run)?;
    let step = match &arguments.step {
        Some(step) => Some(known_step(&history.record(&run).await?, step)?),
        None => None,
    };
    let cell = arguments.cell.as_deref().map(CellKey::from_text);
    let request = RecordRequest { run, step, cell };
    let name = record(Arc::new(history), &arguments.agent, &request).await?;
    talk.say(&format!("made {}", arguments.agent.join("cases").join(&name).display()));
    Ok(name)
}

fn as_text(tested: &Tested) -> String {
    let case = visible(&tested.case, Lines::Escape);
    if tested.faults.is_empty() {
        return format!("ok   {case}\n");
    }
    let faults: String = tested.faults.iter().map(told).collect();
    format!("BAD  {case}\n{faults}")
}

fn told(fault: &Fault) -> String {
    let line = |text: &str| format!("  {}\n", visible(text, Lines::Escape));
    match fault {
        Fault::Different(differences) => {
            format!("  the output is another one:\n{}", places(differences, ("expected", "found")))
        }
        Fault::Unlike(why) => line(&format!("the output is not like expected.schema.json: {why}")),
        Fault::Failed(failure) => line(&format!("no output: {failure}")),
        Fault::Succeeded(output) => {
            line(&format!("it has an output, and no failure: {}", clip(output, OUTPUT_MAX_BYTES)))
        }
        Fault::FailedOtherwise(failure) => line(&format!("it failed otherwise: {failure}")),
        Fault::Answers(what) => line(what),
        Fault::Recorded(comparison) => {
            format!("  it did something else than in the run:\n{}", detail(comparison))
        }
    }
}

fn as_json(tested: &Tested) -> Value {
    let fault = |fault: &Fault| match fault {
        Fault::Different(differences) => json!({ "different": differences }),
        Fault::Unlike(why) => json!({ "unlike": why }),
        Fault::Failed(failure) => json!({ "failed": failure }),
        Fault::Succeeded(_) => json!({ "succeeded": true }),
        Fault::FailedOtherwise(failure) => json!({ "failed_otherwise": failure }),
        Fault::Answers(what) => json!({ "answers": what }),
        Fault::Recorded(comparison) => json!({ "recorded": detail(comparison) }),
    };
    json!({
        "case": tested.case,
        "passed": tested.faults.is_empty(),
        "faults": tested.faults.iter().map(fault).collect::<Vec<_>>(),
    })
}
