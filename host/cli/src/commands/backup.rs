//! `bailiwick backup`: copies a data folder while a host may be running, and looks at the copy.

use std::path::PathBuf;

use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::backup;
use clap::Args;

use crate::arguments::DataPlace;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::stdout;
use crate::talk::Talk;

/// What and where to.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A folder that does not exist yet, or a file NAME.tar
    #[arg(value_name = "FILE_OR_DIR")]
    target: PathBuf,
    #[command(flatten)]
    place: DataPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let data = environment.data(&arguments.place)?;
    let made = backup::backup(&data, &arguments.target).await?;
    stdout::write(&format!("{}\n", arguments.target.display()))?;
    if made.damages.is_empty() {
        talk.say(&format!("copied {} and verified the copy", made.bytes));
        return Ok(Ending::Done);
    }
    for damage in &made.damages {
        talk.say(&format!("damaged: {}", visible(damage, Lines::Escape)));
    }
    Ok(Ending::Failed)
}
