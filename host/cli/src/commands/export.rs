//! `bailiwick export`: a run as one file that proves itself.

use std::path::PathBuf;

use bailiwick_core::Diagnostic;
use bailiwick_engine::export::export;
use bailiwick_engine::{Problems, codes};
use clap::Args;

use crate::arguments::DataPlace;
use crate::commands::run::run_id;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::past::history;
use crate::stdout;
use crate::talk::Talk;
use crate::words::many;

/// Which run and where to.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The run
    run: String,
    /// A file that does not exist yet; it is a tar archive
    file: PathBuf,
    #[command(flatten)]
    place: DataPlace,
    /// The admin's file, where there is no /etc/bailiwick/policy.toml
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let run = run_id(&arguments.run)?;
    let data = environment.data(&arguments.place)?;
    let Some(history) = history(environment, &data, arguments.policy.as_deref())? else {
        let message = format!("there is no run {run}: this data folder has none yet");
        return Err(Problems::one(Diagnostic::error(codes::NO_RUN, message)).into());
    };
    let done = export(&history, &run, &arguments.file).await?;
    stdout::write(&format!("{}\n", arguments.file.display()))?;
    talk.say(&format!(
        "run {run}: {} and {} up to {}",
        many(usize::try_from(done.appends).unwrap_or(usize::MAX), "append"),
        many(usize::try_from(done.blobs).unwrap_or(usize::MAX), "blob"),
        done.link
    ));
    Ok(Ending::Done)
}
