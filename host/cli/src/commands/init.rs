//! `bailiwick init`: a project that runs.

use std::path::PathBuf;

use bailiwick_engine::init::init;
use clap::Args;

use crate::ending::Ending;
use crate::talk::Talk;

/// Where.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A folder that does not exist yet, or is empty
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

pub(crate) fn command(arguments: &Arguments, talk: &Talk) -> anyhow::Result<Ending> {
    let folder = arguments.folder.display();
    for file in init(&arguments.folder)?.files {
        talk.say(&format!("made {folder}/{file}"));
    }
    talk.say(&format!("run it: bailiwick run --project {folder} --input {folder}/input.json"));
    Ok(Ending::Done)
}
