//! `bailiwick outdated`: what sources have now, beside what was taken of them.

use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::plugins::{Seen, Standing, look_for_newer, outdated};
use bailiwick_engine::registry::Errand;
use clap::Args;
use serde_json::json;

use crate::arguments::ProjectPlace;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::stdout;

/// Of which project.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Prints one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: ProjectPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
) -> anyhow::Result<Ending> {
    let errand =
        Errand::of_project(&environment.places(&arguments.place, &[])?, &environment.keys)?;
    let mut seen = outdated(&errand)?;
    look_for_newer(&errand, &mut seen).await;
    for one in &seen {
        let line = if arguments.json { as_json(one) } else { as_text(one) };
        stdout::write(&line)?;
    }
    let asks = seen.iter().any(|one| one.standing.asks_for_somebody());
    Ok(if asks { Ending::Failed } else { Ending::Done })
}

fn as_text(seen: &Seen) -> String {
    let Seen { name, source, standing } = seen;
    let says = match standing {
        Standing::Built => "is built here".to_owned(),
        Standing::Current { version } => format!("{version}, as it was taken"),
        Standing::Untaken { version } => {
            format!("{version}, which bailiwick.lock does not know; type: bailiwick update {name}")
        }
        Standing::Other { taken, version } => {
            format!("{taken}, and there is {version}; type: bailiwick update {name}")
        }
        Standing::Newer { taken, version, source } => {
            format!("{taken}, and there is {version}; type: bailiwick update {name} --to {source}")
        }
        Standing::Refused(problems) => format!("would not be taken: {problems}"),
    };
    format!("{}\n", visible(&format!("{name} ({source}): {says}"), Lines::Escape))
}

fn as_json(seen: &Seen) -> String {
    let Seen { name, source, standing } = seen;
    let (word, taken, version, why) = match standing {
        Standing::Built => ("built", None, None, None),
        Standing::Current { version } => ("current", Some(version), Some(version), None),
        Standing::Untaken { version } => ("untaken", None, Some(version), None),
        Standing::Other { taken, version } => ("other", Some(taken), Some(version), None),
        Standing::Newer { taken, version, .. } => ("newer", Some(taken), Some(version), None),
        Standing::Refused(problems) => ("refused", None, None, Some(problems.to_string())),
    };
    stdout::line(&json!({
        "agent": name.as_str(),
        "source": source,
        "standing": word,
        "taken": taken,
        "version": version,
        "why": why,
    }))
}
