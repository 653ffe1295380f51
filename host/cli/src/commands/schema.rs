//! `bailiwick schema`: the keys of the files, for editors.

use bailiwick_engine::{FileKind, schema};
use clap::{Args, ValueEnum};

use crate::ending::Ending;
use crate::stdout;

/// Which file.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The file
    #[arg(default_value = "pipeline")]
    file: File,
}

#[derive(Clone, Copy, ValueEnum)]
enum File {
    /// pipelines/NAME.toml
    Pipeline,
    /// bailiwick.toml
    Project,
    /// policy.toml
    Policy,
    /// decisions.toml
    Decisions,
}

pub(crate) fn command(arguments: &Arguments) -> anyhow::Result<Ending> {
    let kind = match arguments.file {
        File::Pipeline => FileKind::Pipeline,
        File::Project => FileKind::Project,
        File::Policy => FileKind::Policy,
        File::Decisions => FileKind::Decisions,
    };
    stdout::write(&format!("{}\n", stdout::pretty(&schema(kind))))?;
    Ok(Ending::Done)
}
