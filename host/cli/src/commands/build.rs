//! `bailiwick build`: agents' folders become components.

use std::path::{Path, PathBuf};

use bailiwick_core::Bytes;
use bailiwick_engine::build::{BuildNote, build};
use clap::Args;

use crate::arguments::DataPlace;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::stdout;
use crate::talk::Talk;

/// What is to be built.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folders of agents
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    for folder in &arguments.folders {
        let built = build_one(folder, environment, talk).await?;
        stdout::write(&format!("{built}\n"))?;
    }
    Ok(Ending::Done)
}

/// Builds one agent and gives the path of its component.
pub(crate) async fn build_one(
    folder: &Path,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<String> {
    // Building needs no data folder: the engine alone is started.
    let none = DataPlace { project: None, data: Some(folder.to_path_buf()) };
    let config = environment.host(&environment.data(&none)?);
    talk.say(&format!("building {}", folder.display()));
    let told = talk.clone();
    let built = build(&config, folder, move |note| match note {
        BuildNote::Toolchain(toolchain) => told.say(&format!("with {toolchain}")),
        BuildNote::Tool(tool) => told.say(&format!("with {tool}")),
        BuildNote::Module(path) => told.say(&format!("from {}", path.display())),
        BuildNote::Line(line) => told.say(line),
    })
    .await?;
    talk.say(&format!("built {} ({})", built.path.display(), Bytes(built.size_bytes as u64)));
    Ok(built.path.display().to_string())
}
