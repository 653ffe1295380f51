//! `bailiwick show`: what happened in a run, or at one of its cells.

use std::iter::repeat;

use bailiwick_core::{CellId, CellKey, Diagnostic, Name};
use bailiwick_engine::history::Record;
use bailiwick_engine::{Problems, codes};
use clap::Args;

use crate::arguments::ViewPlace;
use crate::commands::run::run_id;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::live::watcher::event;
use crate::past::Past;
use crate::shown::{cell, tree};
use crate::stdout;

/// Which run, and what of it.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The run
    run: String,
    /// One cell with its attempts, calls, logs and documents, as draft/locale=de
    #[arg(long, value_name = "STEP/KEY")]
    cell: Option<String>,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
    /// Prints its journal: one event a line, as `run --json` does
    #[arg(long, conflicts_with_all = ["cell", "json"])]
    facts: bool,
    #[command(flatten)]
    place: ViewPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
) -> anyhow::Result<Ending> {
    let mut past = Past::open(environment, &arguments.place).await?;
    let mut record = record(past.as_mut(), &arguments.run).await?;
    let text = match (&arguments.cell, &past) {
        (Some(id), Some(past)) => {
            let id = known_cell(&record, id)?;
            past.load(&mut record, &id).await;
            let shown = cell::cell(&record, &id);
            if arguments.json { stdout::line(&shown.as_json()) } else { shown.as_text() }
        }
        _ if arguments.facts => {
            let facts =
                record.entries.iter().flat_map(|entry| entry.facts.iter().zip(repeat(entry)));
            facts.map(|(fact, entry)| stdout::line(&event(fact, entry))).collect()
        }
        _ if arguments.json => stdout::line(&tree::as_json(&record)),
        _ => tree::as_text(&record),
    };
    stdout::write(&text)?;
    Ok(Ending::Done)
}

/// A run of a data folder.
pub(crate) async fn record(past: Option<&mut Past>, run: &str) -> anyhow::Result<Record> {
    let run = run_id(run)?;
    match past {
        Some(past) => past.record(&run).await,
        None => Err(unknown(
            format!("there is no run {run}: this data folder has none yet"),
            "a run is made by `bailiwick run`",
        )
        .into()),
    }
}

/// A step of a run as somebody typed it.
pub(crate) fn known_step(record: &Record, step: &str) -> Result<Name, Problems> {
    let names = record.state.steps.iter().map(|step| &step.shape.name);
    names.clone().find(|name| name.as_str() == step).cloned().ok_or_else(|| {
        let names: Vec<_> = names.map(Name::as_str).collect();
        unknown(
            format!("run {} has no step {step:?}", record.state.run),
            format!("it has {}", names.join(", ")),
        )
    })
}

fn known_cell(record: &Record, id: &str) -> Result<CellId, Problems> {
    let (step, key) = id.split_once('/').unwrap_or((id, "-"));
    let step = known_step(record, step)?;
    let id = CellId { step, key: CellKey::from_text(key) };
    // A judge has the cells of the step that it judges.
    let judged = record.state.step(&id.step).and_then(|step| step.shape.judges.as_ref());
    let owner = judged.map_or(&id.step, |judge| &judge.subject);
    if record.state.cell(&CellId { step: owner.clone(), key: id.key.clone() }).is_some() {
        return Ok(id);
    }
    let hint = format!("`bailiwick show {}` lists its cells", record.state.run);
    Err(unknown(format!("run {} has no cell {id}", record.state.run), hint))
}

fn unknown(message: String, hint: impl Into<String>) -> Problems {
    Problems::one(Diagnostic::error(codes::NO_RUN, message).hint(hint))
}
