//! `bailiwick replay`: what a run did, done again on its record and compared.

use std::path::PathBuf;
use std::sync::Arc;

use bailiwick_core::{CellKey, Diagnostic};
use bailiwick_engine::replay::{ReplayRequest, Worst, replay_run};
use bailiwick_engine::{Problems, codes};
use clap::Args;

use crate::arguments::ViewPlace;
use crate::commands::run::run_id;
use crate::commands::show::known_step;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::past::history;
use crate::shown::compared;
use crate::stdout;

/// Which run, what of it, and on what.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The run
    run: String,
    /// Only the attempts of this step
    #[arg(long)]
    step: Option<String>,
    /// Only the attempts at this cell, as locale=de
    #[arg(long, value_name = "KEY")]
    cell: Option<String>,
    /// Runs the step on this component instead of its own: a file, or the folder of a built agent
    #[arg(long, value_name = "COMPONENT", requires = "step")]
    with: Option<PathBuf>,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: ViewPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
) -> anyhow::Result<Ending> {
    let data = environment.data(&arguments.place.data)?;
    let Some(history) = history(environment, &data, arguments.place.policy.as_deref())? else {
        let message = "this data folder has no run yet";
        return Err(Problems::one(Diagnostic::error(codes::NO_RUN, message)).into());
    };
    let known = history.record(&run_id(&arguments.run)?).await?;
    let step = arguments.step.as_deref().map(|step| known_step(&known, step)).transpose()?;
    let request = ReplayRequest {
        run: run_id(&arguments.run)?,
        step,
        cell: arguments.cell.as_deref().map(CellKey::from_text),
        with: arguments.with.clone(),
    };
    let replay = replay_run(&environment.host(&data), Arc::new(history), &request).await?;
    stdout::write(&match arguments.json {
        true => stdout::line(&compared::as_json(&replay)),
        false => compared::as_text(&replay),
    })?;
    Ok(match replay.worst() {
        Worst::Equal => Ending::Done,
        Worst::Impossible => Ending::Failed,
        Worst::Different => Ending::Different,
        Worst::Diverged => Ending::Diverged,
    })
}
