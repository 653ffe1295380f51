//! `doctor`: whether this machine can run and build agents, each line found out and none assumed.

use std::path::{Path, PathBuf};

use bailiwick_builder::{COMPONENTIZE_PY, COMPONENTIZE_QJS, ESBUILD, Tool, ToolError, Toolchain};
use bailiwick_core::Bytes;
use bailiwick_store::Store;

use crate::host::{HostConfig, sandbox};
use crate::load::{POLICY_OF_THE_HOST, Places};
use crate::lockdown::{self, Trial};

/// Free space below which runs are in danger: pictures of one campaign take about a tenth.
const FREE_LEAST: Bytes = Bytes::mib(1024);

/// How a line turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// It works, with something to know.
    Fair,
    /// It does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub subject: &'static str,
    /// How it turned out.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do, where something is to be done.
    pub advice: Option<String>,
}

/// Looks at toolchain, engine, compiling child, the walls around processes, data folder, disk, policy and paths.
/// Writes nothing but the private cache folder, which the engine makes.
pub async fn examine(config: &HostConfig, places: &Places) -> Vec<Finding> {
    vec![
        toolchain(&places.project),
        language("python", &[COMPONENTIZE_PY], &places.project),
        language("typescript", &[ESBUILD, COMPONENTIZE_QJS], &places.project),
        engine(config).await,
        walls("serving", lockdown::host_tries(config).await),
        walls("compiling", lockdown::compiler_tries(config).await),
        data(&config.data),
        disk(&config.data),
        policy(places),
        Finding {
            subject: "paths",
            health: Health::Good,
            found: format!(
                "data {}, compiled code {}",
                config.data.display(),
                config.cache.display()
            ),
            advice: None,
        },
    ]
}

fn toolchain(folder: &Path) -> Finding {
    let subject = "toolchain";
    match Toolchain::find(folder) {
        Ok(found) => {
            Finding { subject, health: Health::Good, found: found.to_string(), advice: None }
        }
        Err(none) => Finding {
            subject,
            health: Health::Fair,
            found: "none: finished components run, Rust agents cannot be built".into(),
            advice: Some(none.to_string()),
        },
    }
}

/// The tools of another language. Most machines do without, so a missing one is no fault.
fn language(subject: &'static str, tools: &[Tool], folder: &Path) -> Finding {
    let found: Result<Vec<String>, _> =
        tools.iter().map(|tool| tool.find(folder).map(|found| found.to_string())).collect();
    let (found, advice) = match found {
        Ok(tools) => (tools.join(", "), None),
        Err(error) => ("no tools: its agents run, and cannot be built".into(), Some(error)),
    };
    let advice = advice.map(|error: ToolError| error.to_string().replace("\n", " "));
    Finding { subject, health: Health::Good, found, advice }
}

/// The smallest component there is, compiled by the child and loaded: what every agent needs first.
async fn engine(config: &HostConfig) -> Finding {
    /// `(component)` in binary.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
    let subject = "engine";
    let bad = |found: String| Finding { subject, health: Health::Bad, found, advice: None };
    let sandbox = match sandbox(config) {
        Ok(sandbox) => sandbox,
        Err(problems) => return bad(problems.to_string()),
    };
    let allocation = sandbox.allocation();
    // It is no agent, so it is refused; that the refusal is about what it exports shows
    // that the child compiled it.
    match sandbox.prepare(EMPTY).await {
        Err(bailiwick_sandbox::Refused::NoAgent) | Ok(_) => {}
        Err(error) => return bad(format!("the compiling process does not work: {error}")),
    }
    match allocation {
        bailiwick_sandbox::Allocation::Pooling => Finding {
            subject,
            health: Health::Good,
            found: "wasmtime 48, instances from a pool, components compiled in a child process"
                .into(),
            advice: None,
        },
        bailiwick_sandbox::Allocation::OnDemand => Finding {
            subject,
            health: Health::Fair,
            found: "wasmtime 48, instances mapped one by one: attempts start slower".into(),
            advice: Some(
                "give the process more address space (ulimit -v, vm.overcommit_memory)".into(),
            ),
        },
    }
}

/// A process of that kind was started, locked itself, and tried what it must not.
fn walls(subject: &'static str, trial: Result<Trial, String>) -> Finding {
    let finding = |health, found: String, advice: Option<&str>| Finding {
        subject,
        health,
        found,
        advice: advice.map(Into::into),
    };
    let trial = match trial {
        Ok(trial) => trial,
        Err(why) => {
            let advice = "`bailiwick serve --unlocked` serves without its walls";
            return finding(Health::Bad, format!("cannot be locked: {why}"), Some(advice));
        }
    };
    let (walls, wrong) = (trial.walls.to_string(), trial.wrong());
    if wrong.is_empty() {
        let refused = trial.tried.iter().filter(|tried| !tried.done).count();
        let found = format!("{walls}; {refused} things tried, all refused");
        return finding(Health::Good, found, None);
    }
    let wrong = wrong.join(", ");
    if trial.is_whole() {
        finding(Health::Bad, format!("{walls}; but it could {wrong}"), None)
    } else {
        let advice = "a kernel from 6.12 on, with landlock in its list of LSMs, has all of it";
        finding(Health::Fair, format!("{walls}; it could {wrong}"), Some(advice))
    }
}

fn data(folder: &Path) -> Finding {
    let subject = "data";
    let finding = |health, found, advice| Finding { subject, health, found, advice };
    if !folder.exists() {
        return finding(
            Health::Good,
            format!("{} will be made by the first run", folder.display()),
            None,
        );
    }
    match Store::open_read_only(folder) {
        Ok(_) => finding(Health::Good, format!("{} can be read", folder.display()), None),
        Err(bailiwick_store::OpenError::Missing(_)) => {
            finding(Health::Good, format!("{} has no run yet", folder.display()), None)
        }
        Err(error) => finding(
            Health::Bad,
            error.to_string(),
            Some("take another folder with --data DIR".into()),
        ),
    }
}

fn disk(folder: &Path) -> Finding {
    let subject = "disk";
    let existing = folder.ancestors().find(|path| path.exists()).map(PathBuf::from);
    let free = existing.and_then(|path| rustix::fs::statvfs(&path).ok());
    match free.map(|found| Bytes(found.f_bavail.saturating_mul(found.f_frsize))) {
        Some(free) if free >= FREE_LEAST => {
            Finding { subject, health: Health::Good, found: format!("{free} free"), advice: None }
        }
        Some(free) => Finding {
            subject,
            health: Health::Fair,
            found: format!("{free} free"),
            advice: Some(format!(
                "make room: runs keep what they made, and {FREE_LEAST} is little"
            )),
        },
        None => Finding {
            subject,
            health: Health::Bad,
            found: format!("{} lies on no disk that can be asked", folder.display()),
            advice: None,
        },
    }
}

fn policy(places: &Places) -> Finding {
    let host = Path::new(POLICY_OF_THE_HOST);
    let named = places.policy.as_deref();
    let user = places.user_policy.as_deref().filter(|path| path.is_file());
    let found = match Some(host).filter(|path| path.exists()).or(named).or(user) {
        Some(path) => format!("{} holds", path.display()),
        None => "the built-in one holds: unsigned agents from any folder, public models by https, loopback by http".into(),
    };
    Finding { subject: "policy", health: Health::Good, found, advice: None }
}
