//! `bailiwick pause`: a run of a host that stays rests until it is resumed.

use clap::Args;

use super::run::run_id;
use crate::arguments::DataPlace;
use crate::control::client::Client;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::talk::Talk;

/// Which run.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The run
    run: String,
    #[command(flatten)]
    place: DataPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let run = run_id(&arguments.run)?;
    let mut client = Client::reach(environment, &environment.data(&arguments.place)?).await?;
    client.pause(&run).await?;
    let place = arguments.place.words();
    talk.say(&format!("run {run} rests; to go on: bailiwick resume {run}{place}"));
    Ok(Ending::Done)
}
