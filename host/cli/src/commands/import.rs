//! `bailiwick import`: an exported run as a data folder that is only read.

use std::path::PathBuf;

use bailiwick_engine::export::import;
use clap::Args;

use crate::ending::Ending;
use crate::stdout;
use crate::talk::Talk;

/// Which file and where to.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The file that `bailiwick export` wrote
    file: PathBuf,
    /// A folder that does not exist yet [default: FILE without its ending]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) fn command(arguments: &Arguments, talk: &Talk) -> anyhow::Result<Ending> {
    let target = arguments.data.clone().unwrap_or_else(|| arguments.file.with_extension(""));
    let done = import(&arguments.file, &target)?;
    stdout::write(&format!("{}\n", target.display()))?;
    talk.say(&format!(
        "run {} up to {}: everything is what was exported\n  bailiwick show {0} --data {}",
        done.run,
        done.link,
        target.display()
    ));
    Ok(Ending::Done)
}
