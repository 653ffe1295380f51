//! `bailiwick outdated`: what sources have now, beside what was taken of them.

use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::Problems;
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
    let Seen { name, source, standing, .. } = seen;
    let update = format!("bailiwick update {name}");
    let says = match standing {
        Standing::Built => "is built here".to_owned(),
        Standing::Current { version, more_tags: false } => format!("{version}, as it was taken"),
        Standing::Current { version, more_tags: true } => {
            format!("{version}, as it was taken; its registry has more tags than were read")
        }
        Standing::Untaken { version: Some(version) } => {
            format!("{version}, which bailiwick.lock does not know; type: {update}")
        }
        Standing::Untaken { version: None } => {
            format!("not fetched yet, and bailiwick.lock does not know it; type: {update}")
        }
        Standing::Missing { version, .. } => {
            format!("{version}, which is not here; type: {update} --locked")
        }
        Standing::Other { taken, version } if taken == version => {
            format!("{taken}, and there is another one of that version; type: {update}")
        }
        Standing::Other { taken, version } => {
            format!("{taken}, and there is {version}; type: {update}")
        }
        Standing::Moved { version } => {
            format!("{version}, and its tag means something else now; type: {update}")
        }
        Standing::Newer { taken, version, source } => {
            format!("{taken}, and there is {version}; type: {update} --to {source}")
        }
        Standing::Unknown { taken, why } => {
            format!("{taken}; whether there is a newer one is not known: {}", told(why))
        }
        Standing::Refused(why) => format!("would not be taken: {}", told(why)),
    };
    format!("{}\n", visible(&format!("{name} ({source}): {says}"), Lines::Escape))
}

/// What is wrong, in one line: with its codes, which have a page each, and the lines that
/// would change it.
fn told(why: &Problems) -> String {
    let each = why.diagnostics.iter().map(|found| match &found.hint {
        Some(hint) => format!("{}: {} ({hint})", found.code, found.message),
        None => format!("{}: {}", found.code, found.message),
    });
    each.collect::<Vec<_>>().join("; ")
}

fn as_json(seen: &Seen) -> String {
    let Seen { name, source, standing, .. } = seen;
    let (word, taken, version) = match standing {
        Standing::Built => ("built", None, None),
        Standing::Current { version, .. } => ("current", Some(version), Some(version)),
        Standing::Untaken { version } => ("untaken", None, version.as_ref()),
        Standing::Missing { version, .. } => ("missing", Some(version), None),
        Standing::Other { taken, version } => ("other", Some(taken), Some(version)),
        Standing::Moved { version } => ("moved", Some(version), None),
        Standing::Newer { taken, version, .. } => ("newer", Some(taken), Some(version)),
        Standing::Unknown { taken, .. } => ("unknown", Some(taken), None),
        Standing::Refused(_) => ("refused", None, None),
    };
    let to = match standing {
        Standing::Newer { source, .. } | Standing::Missing { source, .. } => Some(source),
        _ => None,
    };
    let why = match standing {
        Standing::Unknown { why, .. } | Standing::Refused(why) => Some(why),
        _ => None,
    };
    stdout::line(&json!({
        "agent": name.as_str(),
        "source": source,
        "standing": word,
        "taken": taken,
        "version": version,
        "to": to,
        "code": why.and_then(|why| Some(why.diagnostics.first()?.code)),
        "why": why.map(told),
        "more_tags": matches!(standing, Standing::Current { more_tags: true, .. }),
    }))
}
