//! `bailiwick new`: an agent that builds.

use std::path::PathBuf;

use bailiwick_engine::new::{Language, new};
use clap::Args;
use clap::ValueEnum;

use crate::ending::Ending;
use crate::talk::Talk;

/// What and where.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The agent's name, and its folder's: [a-z][a-z0-9_]*
    name: String,
    /// What its author writes
    #[arg(long, value_enum, default_value = "rust")]
    lang: Lang,
    /// Where the folder is made
    #[arg(long = "in", value_name = "DIR", default_value = ".")]
    place: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Lang {
    Rust,
    Python,
    Typescript,
}

pub(crate) fn command(arguments: &Arguments, talk: &Talk) -> anyhow::Result<Ending> {
    let language = match arguments.lang {
        Lang::Rust => Language::Rust,
        Lang::Python => Language::Python,
        Lang::Typescript => Language::TypeScript,
    };
    let (folder, files) = new(&arguments.place, &arguments.name, language)?;
    let folder = folder.strip_prefix(".").unwrap_or(&folder).display();
    for file in files {
        talk.say(&format!("made {folder}/{}", file.display()));
    }
    talk.say("build it, and run it in the project that lies in it:");
    talk.say(&format!("  bailiwick build {folder}"));
    talk.say(&format!("  bailiwick run --project {folder}/try --input {folder}/try/input.json"));
    talk.say("or let both be done again whenever you save something:");
    talk.say(&format!("  bailiwick dev {folder}"));
    Ok(Ending::Done)
}
