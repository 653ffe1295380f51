//! `bailiwick revoke`: a power is taken away from whatever runs, at once, until it is given back.

use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::host::Host;
use bailiwick_engine::rules::{self, Change, Taken};
use clap::Args;
use serde_json::json;

use crate::arguments::ViewPlace;
use crate::control::client::Client;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::past::Past;
use crate::talk::Talk;
use crate::{stdout, words};

/// Whose power, and which.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The name of an agent, or PUBLISHER/NAME of a component (local/… where it is unsigned)
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// all, or a key of grants: model, model.ALIAS, knowledge.NAME, http, http.HOST, artifacts.put, kv, …
    #[arg(required_unless_present = "list")]
    power: Option<String>,
    /// Gives it back: the files hold again
    #[arg(long, conflicts_with = "list")]
    undo: bool,
    /// Lists what is taken away
    #[arg(long)]
    list: bool,
    /// With --list: one JSON object a line
    #[arg(long, requires = "list")]
    json: bool,
    #[command(flatten)]
    place: ViewPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let (Some(name), Some(power)) = (&arguments.name, &arguments.power) else {
        return list(arguments, environment, talk).await;
    };
    let what = rules::parse(name, power)?;
    let change = if arguments.undo { Change::Undo } else { Change::Revoke };
    let data = environment.data(&arguments.place.data)?;
    let changed = match Client::find(environment, &data).await? {
        Some(mut client) => client.revoke(name, power, change).await?,
        None => {
            let host = Host::open(&environment.host(&data))?;
            rules::revoke(&host, &what, change, format!("uid:{}", environment.uid)).await?
        }
    };
    talk.say(&match (change, changed) {
        (Change::Revoke, true) => format!("{power} is taken away from {name}"),
        (Change::Revoke, false) => format!("{power} was taken away from {name} before"),
        (Change::Undo, true) => format!("{name} has {power} again, as far as the files grant it"),
        (Change::Undo, false) => format!("{power} was not taken away from {name}"),
    });
    Ok(Ending::Done)
}

async fn list(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let past = Past::open(environment, &arguments.place).await?;
    let gone = match past {
        Some(mut past) => past.revoked().await?,
        None => Vec::new(),
    };
    if gone.is_empty() && !arguments.json {
        talk.say("nothing is taken away here");
    }
    for taken in &gone {
        stdout::write(&if arguments.json { as_json(taken) } else { as_text(taken) })?;
    }
    Ok(Ending::Done)
}

/// `draft model, by ana, 2026-11-22T21:30:00Z`.
pub(crate) fn as_text(taken: &Taken) -> String {
    let Taken { holder, power, by, at } = taken;
    let line = format!("{holder} {power}, by {by}, {}", words::instant(*at));
    format!("{}\n", visible(&line, Lines::Escape))
}

fn as_json(taken: &Taken) -> String {
    let Taken { holder, power, by, at } = taken;
    stdout::line(&json!({ "name": holder, "power": power, "by": by, "at": words::instant(*at) }))
}
