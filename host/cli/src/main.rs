//! The front end `bailiwick`: arguments, printing, environment, signals and exit codes. Holds no logic that another front end would need.

mod answers;
mod arguments;
mod commands;
mod control;
mod denials;
mod ending;
mod environment;
mod fetched;
mod foreground;
mod live;
mod password;
mod past;
mod problems;
mod prompt;
mod receiver;
mod remote;
mod shown;
mod stdout;
mod stops;
mod summary;
mod talk;
mod words;
mod workbench;

use std::process::ExitCode;

use bailiwick_engine::lockdown;
use clap::Parser as _;

use crate::arguments::Arguments;
use crate::environment::Environment;
use crate::talk::Talk;

/// The hidden subcommand that the host starts itself with to compile a component.
pub(crate) const COMPILE: &str = "__compile";

fn main() -> ExitCode {
    // Before anything else of the process: the child limits itself first of all, and
    // after that it can open nothing.
    if let Some((word, paths)) = environment::hidden() {
        match (word.as_str(), paths.as_slice()) {
            (COMPILE, []) => return bailiwick_engine::compile_child_main(),
            (lockdown::TRY_COMPILER, []) => return bailiwick_engine::compile_child_tries(),
            (lockdown::TRY_HOST, [own, other, beside]) => {
                return lockdown::host_tries_main(own, other, beside);
            }
            _ => {}
        }
    }
    let arguments = Arguments::parse();
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(error) => return ending::refuse(&error),
    };
    let talk = Talk::new(&environment);
    talk.listen(environment.log.as_deref());
    // Before the first thread: the walls hold a thread and those that it starts.
    let locked = commands::lock(&arguments.command, &environment, &talk);
    let ended = locked.and_then(|()| runtime()).and_then(|runtime| {
        runtime.block_on(commands::dispatch(arguments.command, &environment, &talk))
    });
    ending::report(ended, &talk).into()
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
