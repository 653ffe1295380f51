//! `bailiwick completions`: a script for a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::ending::Ending;
use crate::stdout;

/// Which shell.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn command(arguments: &Arguments) -> anyhow::Result<Ending> {
    let mut script = Vec::new();
    generate(
        arguments.shell,
        &mut crate::arguments::Arguments::command(),
        "bailiwick",
        &mut script,
    );
    stdout::write(&String::from_utf8_lossy(&script))?;
    Ok(Ending::Done)
}
