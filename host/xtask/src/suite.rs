//! The tests of this repository in the order in which they are worth failing: host, doctests, agents, then a real model and a guest of another language.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::{Program, cargo};
use crate::foreign;
use crate::guests;
use crate::install;
use crate::kills::{self, Kills};
use crate::languages;
use crate::model::{self, Model};
use crate::registry;
use crate::timing::Stages;

/// The tests that want a real model: ignored unless asked for, named `real_model…`.
const MODEL_TESTS: Asked = Asked("real_model");
/// The tests that want a guest of another language: the same, named `foreign…`.
const FOREIGN_TESTS: Asked = Asked("foreign");

/// The beginning of the names of tests that are ignored unless asked for.
struct Asked(&'static str);

/// Which tests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All that need nothing but this machine.
    Local,
    /// Only the ones with a real model, and with a guest of another language.
    Model,
    /// Both.
    Everything,
}

pub(crate) fn run(scope: Scope, stages: &mut Stages) -> Result<()> {
    let runner = stages.run("test runner", Runner::find)?;
    // Before the guests, because building the tests builds `bailiwick`, with the
    // features that the tests have: else wasmtime would be compiled twice.
    stages.run("host build", || runner.program()?.args(["--workspace", "--no-run"]).run())?;
    stages.run("toolchain", install::guest_toolchain)?;
    stages.run("guests", guests::build_stale)?;
    if scope != Scope::Model {
        let registry = stages.run("registry", || Ok(registry::found()))?;
        stages.run("host tests", || {
            let program = runner.program()?.arg("--workspace");
            match registry {
                Some(path) => program.env(registry::VARIABLE, &path).run(),
                None => program.run(),
            }
        })?;
        stages.run("kills", || kills::run(&Kills::default()))?;
        stages.run("doctests", || cargo().args(["test", "--release", "--doc"]).run())?;
        stages.run("agents' tests", || agents(&runner))?;
        stages.run("other languages' tests", languages::tests)?;
    }
    if scope != Scope::Local {
        let model = stages.run("fetch model", model::fetch)?;
        stages.run("model tests", || with_model(&runner, &model))?;
        let guest = stages.run("foreign guest", foreign::build)?;
        stages.run("foreign tests", || {
            runner.only(&FOREIGN_TESTS)?.env(foreign::VARIABLE, &guest).run()
        })?;
    }
    Ok(())
}

/// Native unit tests of the guests.
fn agents(runner: &Runner) -> Result<()> {
    runner
        .program()?
        .args(["--workspace", "--manifest-path", "agents/Cargo.toml"])
        // What makes a component small makes a test slow to build.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .run()
}

fn with_model(runner: &Runner, model: &Model) -> Result<()> {
    runner
        .only(&MODEL_TESTS)?
        .env(model::SERVER_VARIABLE, &model.server)
        .env(model::MODEL_VARIABLE, &model.weights)
        .run()
}

/// What runs tests.
enum Runner {
    /// cargo-nextest, and where it is unless cargo finds it.
    Nextest { folder: Option<PathBuf> },
    /// Cargo's own, where there is no way to get the other.
    Cargo,
}

impl Runner {
    fn find() -> Result<Self> {
        Ok(match install::nextest() {
            Ok(folder) => Self::Nextest { folder },
            Err(error) => {
                println!("no cargo-nextest here ({error:#}); `cargo test` does it too, slower");
                Self::Cargo
            }
        })
    }

    /// The command, ready for arguments that both runners know.
    fn program(&self) -> Result<Program> {
        match self {
            Self::Nextest { folder: None } => Ok(cargo().args(["nextest", "run", "--release"])),
            Self::Nextest { folder: Some(folder) } => {
                cargo().args(["nextest", "run", "--release"]).path_first(folder)
            }
            Self::Cargo => Ok(cargo().args(["test", "--release", "--all-targets"])),
        }
    }

    /// Those alone.
    fn only(&self, Asked(names): &Asked) -> Result<Program> {
        let program = self.program()?.arg("--workspace");
        Ok(match self {
            Self::Nextest { .. } => {
                program.args(["--run-ignored", "all", "-E", &format!("test(/(^|::){names}/)")])
            }
            Self::Cargo => program.args([names, "--", "--include-ignored"]),
        })
    }
}
