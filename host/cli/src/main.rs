//! The front end `bailiwick`: arguments, printing, environment, signals and exit codes. Holds no logic that another front end would need.

mod answers;
mod arguments;
mod commands;
mod control;
mod denials;
mod ending;
mod environment;
mod foreground;
mod live;
mod past;
mod problems;
mod prompt;
mod remote;
mod shown;
mod stdout;
mod summary;
mod talk;
mod words;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::environment::Environment;
use crate::talk::Talk;

/// The hidden subcommand that the host starts itself with to compile a component.
pub(crate) const COMPILE: &str = "__compile";

fn main() -> ExitCode {
    // Before anything else of the process: the child limits itself first of all, and
    // after that it can open nothing.
    if environment::is_compiling_child(COMPILE) {
        return bailiwick_engine::compile_child_main();
    }
    let arguments = Arguments::parse();
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(error) => return ending::refuse(&error),
    };
    let talk = Talk::new(&environment);
    talk.listen(environment.log.as_deref());
    let ended = runtime().and_then(|runtime| {
        runtime.block_on(commands::dispatch(arguments.command, &environment, &talk))
    });
    ending::report(ended, &talk).into()
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
