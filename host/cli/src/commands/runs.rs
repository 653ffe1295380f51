//! `bailiwick runs`: the runs of a data folder, newest first.

use bailiwick_engine::history::Listing;
use clap::Args;
use serde_json::json;

use crate::arguments::ViewPlace;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::past::Past;
use crate::talk::Talk;
use crate::{stdout, words};

/// Which folder.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: ViewPlace,
    /// The most runs that are listed
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Prints one JSON object a run
    #[arg(long)]
    json: bool,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let Some(mut past) = Past::open(environment, &arguments.place).await? else {
        return Ok(Ending::Done);
    };
    let Listing { runs, hidden } = past.runs(arguments.limit).await?;
    for listed in runs {
        let pipeline = listed.pipeline.as_ref().map(ToString::to_string);
        let line = if arguments.json {
            stdout::line(&json!({
                "run": listed.run,
                "pipeline": pipeline,
                "state": listed.phase.as_str(),
                "started": listed.started.map(words::instant),
                "ended": listed.ended.map(words::instant),
                "tokens": listed.cost.tokens,
                "calls": listed.cost.calls,
                "money": listed.cost.money.to_string(),
                "currency": listed.currency,
                "rests": listed.rests.map(|rests| rests.reason),
            }))
        } else {
            let started = listed.started.map(words::instant).unwrap_or_default();
            let pipeline = pipeline.unwrap_or_default();
            let cost = words::cost(listed.cost, listed.currency);
            let rests = listed.rests.map(|rests| format!(", {}", words::rests(rests.reason)));
            format!(
                "{:26} {:11} {started:20} {pipeline}, {cost}{}\n",
                listed.run,
                listed.phase,
                rests.unwrap_or_default()
            )
        };
        stdout::write(&line)?;
    }
    if hidden > 0 {
        let them = words::many(hidden, "run");
        talk.say(&format!("{them} more that this user is not cleared for"));
    }
    Ok(Ending::Done)
}
