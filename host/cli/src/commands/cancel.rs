//! `bailiwick cancel`: a run ends for good.

use bailiwick_engine::host::Host;
use bailiwick_engine::resume::cancel;
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
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) place: DataPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let run = run_id(&arguments.run)?;
    let data = environment.data(&arguments.place)?;
    match Client::find(environment, &data).await? {
        Some(mut client) => client.cancel(&run).await?,
        None => {
            let host = Host::open(&environment.host(&data))?;
            cancel(&host, &run, format!("uid:{}", environment.uid)).await?;
        }
    }
    talk.say(&format!("run {run} is cancelled"));
    Ok(Ending::Done)
}
