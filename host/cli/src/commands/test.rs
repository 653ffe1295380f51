//! `bailiwick test`: an agent's cases, each held against what its author expects.

use std::path::PathBuf;
use std::sync::Arc;

use bailiwick_core::{CellKey, Diagnostic};
use bailiwick_engine::cases::{RecordRequest, record, test};
use bailiwick_engine::{Problems, codes};
use clap::Args;

use crate::arguments::{DataPlace, ViewPlace};
use crate::commands::run::run_id;
use crate::commands::show::known_step;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::past::history;
use crate::shown::tested;
use crate::stdout;
use crate::talk::Talk;

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
    let all = test(&host, &arguments.agent, only).await?;
    match arguments.json {
        true => {
            all.iter().try_for_each(|one| stdout::write(&stdout::line(&tested::as_json(one))))?
        }
        false => stdout::write(&tested::as_text(&all))?,
    }
    let failed = all.iter().filter(|one| !one.faults.is_empty()).count();
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
