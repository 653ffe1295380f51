//! The repository's task runner: builds guests, runs the demo, the tests and the benchmarks; holds nothing that the product needs.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task runner talks")]

mod command;
mod counter;
mod demo;
mod deny;
mod foreign;
mod guests;
mod guide;
mod install;
mod kills;
mod languages;
mod model;
mod node;
mod registry;
mod simulate;
mod suite;
mod timing;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::kills::Kills;
use crate::suite::Scope;
use crate::timing::Stages;

const USAGE: &str = "\
usage: cargo xtask TASK

  guests                build every agent in agents/ (and what builds them)
  languages             fetch the tools of Python and TypeScript agents, and run the tests
                        of what is written in these languages
  guide [LANGUAGE…]     go through the author's guide with empty caches (bailiwick has to be
                        built), and print how long each of its commands took
  demo [--out DIR]      run the reference campaign, and say where its gallery is
  test                  all tests that need nothing but this machine
  test --with-model     these, the ones with a real model behind a real server, and the
                        ones with a guest of another language
       --only-model     with the above: without the first
  model                 fetch that model and server, and print where they are
  registry              fetch a real registry for the tests, and print where it is
  foreign               build that guest with its language's tools, and print where it is
  kills [--cycles N] [--seed S] [--binary PATH]
                        kill -9 the real binary N times in the middle of a fan-out
                        (it and the agents have to be built), and count what repeats
  simulate [--runs N] [--seed S]
                        lets N random runs go through random faults
  deny                  licences, bans and sources of everything in Cargo.lock
  deny advisories       known faults of these (fetches the database of them)
  bench                 the benchmarks

It installs what is missing for building agents and running tests, and prints what
it installs; `guests`, `demo` and `test` are safe to repeat.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut stages = Stages::default();
    let result = run(&words, &mut stages);
    stages.print();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str], stages: &mut Stages) -> Result<()> {
    match words {
        ["guests"] => guests::build_all(stages),
        ["languages"] => stages.run("other languages", languages::tests),
        ["guide", chosen @ ..] => guide::run(chosen, stages),
        ["demo"] => demo::run(None, stages),
        ["demo", "--out", folder] => demo::run(Some(Path::new(folder)), stages),
        ["test"] => suite::run(Scope::Local, stages),
        ["test", "--with-model"] => suite::run(Scope::Everything, stages),
        ["test", "--with-model", "--only-model"] => suite::run(Scope::Model, stages),
        ["model"] => stages.run("fetch model", model::fetch).map(drop),
        ["registry"] => stages.run("registry", registry::fetch).map(drop),
        ["foreign"] => stages.run("foreign guest", foreign::build).map(drop),
        ["kills", options @ ..] => {
            let asked = kills_of(options)?;
            stages.run("kills", || kills::run(&asked))
        }
        ["simulate", options @ ..] => simulate::run(options),
        ["deny"] => stages.run("deny", || deny::run(&["licenses", "bans", "sources"])),
        ["deny", "advisories"] => stages.run("advisories", || deny::run(&["advisories"])),
        ["bench"] => stages.run("bench", || command::cargo().args(["bench", "--workspace"]).run()),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => bail!("which task?\n\n{USAGE}"),
        other => bail!("unknown task: {}\n\n{USAGE}", other.join(" ")),
    }
}

/// `--cycles N`, `--seed S` and `--binary PATH`, in any order.
fn kills_of(options: &[&str]) -> Result<Kills> {
    let mut asked = Kills::default();
    for pair in options.chunks(2) {
        match pair {
            ["--cycles", number] => asked.cycles = number.parse()?,
            ["--seed", number] => asked.seed = number.parse()?,
            ["--binary", path] => asked.binary = Some(path.into()),
            other => bail!("unknown option: {}\n\n{USAGE}", other.join(" ")),
        }
    }
    Ok(asked)
}

/// The root of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
