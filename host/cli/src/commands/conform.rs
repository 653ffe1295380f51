//! `bailiwick conform`: whether components are agents that any host can run.

use std::path::PathBuf;

use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::conform::{Check, Conformance, Found, conform};
use clap::Args;
use serde_json::{Value, json};

use crate::arguments::DataPlace;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::stdout;

/// Which ones.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Components, or folders of built agents, whose cases are tried as well
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Prints one JSON document for each, one a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
) -> anyhow::Result<Ending> {
    let mut ending = Ending::Done;
    for path in &arguments.paths {
        // Nothing is kept: the engine alone is started.
        let none = DataPlace { project: None, data: Some(path.clone()) };
        let conformance = conform(&environment.host(&environment.data(&none)?), path).await?;
        let shown = path.display().to_string();
        stdout::write(&match arguments.json {
            true => stdout::line(&as_json(&shown, &conformance)),
            false => as_text(&shown, &conformance),
        })?;
        if !conformance.holds() {
            ending = Ending::Failed;
        }
    }
    Ok(ending)
}

fn as_text(path: &str, conformance: &Conformance) -> String {
    let Conformance { agent, rows, .. } = conformance;
    let agent = agent.as_ref().map(|(name, version)| format!("{name} {version}, "));
    let mut text = format!("{}{path}\n", agent.unwrap_or_default());
    for (check, found) in rows {
        let (mark, seen) = said(found);
        text.push_str(&format!("{mark:4} {:9} {}\n", check.name, check.asks));
        text.push_str(&format!("               {}\n", visible(seen, Lines::Escape)));
    }
    let broken = rows.iter().filter(|(_, found)| matches!(found, Found::Broken(_))).count();
    text.push_str(&match broken {
        0 => "it conforms\n".to_owned(),
        some => format!("it does not conform: {some} of {} checks\n", rows.len()),
    });
    text
}

fn said(found: &Found) -> (&'static str, &str) {
    match found {
        Found::Holds(seen) => ("ok", seen),
        Found::Unseen(why) => ("–", why),
        Found::Broken(why) => ("BAD", why),
    }
}

fn as_json(path: &str, conformance: &Conformance) -> Value {
    let Conformance { digest, agent, rows } = conformance;
    json!({
        "path": path,
        "digest": digest.to_string(),
        "name": agent.as_ref().map(|(name, _)| name),
        "version": agent.as_ref().map(|(_, version)| version),
        "conforms": conformance.holds(),
        "checks": rows.iter().map(|(check, found)| row(check, found)).collect::<Vec<_>>(),
    })
}

fn row(check: &Check, found: &Found) -> Value {
    let word = match found {
        Found::Holds(_) => "holds",
        Found::Unseen(_) => "unseen",
        Found::Broken(_) => "broken",
    };
    json!({ "check": check.name, "asks": check.asks, "found": word, "seen": said(found).1 })
}
