//! `bailiwick logs`: what agents wrote to their logs in a run.

use bailiwick_core::fact::{Fact, Level};
use bailiwick_core::text::{Lines, visible};
use clap::Args;

use crate::arguments::ViewPlace;
use crate::commands::show;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::past::Past;
use crate::{stdout, words};

/// Which run.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The run
    run: String,
    /// Only this step
    #[arg(long)]
    step: Option<String>,
    #[command(flatten)]
    place: ViewPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
) -> anyhow::Result<Ending> {
    let mut past = Past::open(environment, &arguments.place).await?;
    let record = show::record(past.as_mut(), &arguments.run).await?;
    if let Some(step) = &arguments.step {
        show::known_step(&record, step)?;
    }
    for entry in &record.entries {
        for fact in &entry.facts {
            let Fact::Logged { attempt, entry: logged } = fact else { continue };
            if arguments.step.as_ref().is_some_and(|step| attempt.cell.step.as_str() != step) {
                continue;
            }
            let level = match logged.level {
                Level::Debug => "debug",
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error => "error",
            };
            let progress = logged
                .fraction
                .map(|fraction| format!("{:.0}% ", fraction * 100.0))
                .unwrap_or_default();
            let message = visible(&logged.message, Lines::Keep).replace('\n', "\n    ");
            stdout::write(&format!(
                "{} {attempt} {level:5} {progress}{message}\n",
                words::instant(entry.at)
            ))?;
        }
    }
    Ok(Ending::Done)
}
