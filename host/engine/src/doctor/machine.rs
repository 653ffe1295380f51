//! Whether this machine has what agents need: toolchain, engine, compiling child, data folder, disk, policy. Assumes nothing and mends nothing.

use std::path::{Path, PathBuf};

use bailiwick_builder::{Tool, ToolError, Toolchain};
use bailiwick_core::Bytes;
use bailiwick_core::contract::SERVED;
use bailiwick_store::Store;

use super::{Finding, Health};
use crate::host::{HostConfig, sandbox};
use crate::init::HELLO;
use crate::load::{POLICY_OF_THE_HOST, Places};

/// Free space below which runs are in danger: pictures of one campaign take about a tenth.
const FREE_LEAST: Bytes = Bytes::mib(1024);

pub(super) fn toolchain(folder: &Path) -> Finding {
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
pub(super) fn language(subject: &'static str, tools: &[Tool], folder: &Path) -> Finding {
    let found: Result<Vec<String>, _> =
        tools.iter().map(|tool| tool.find(folder).map(|found| found.to_string())).collect();
    let (found, advice) = match found {
        Ok(tools) => (tools.join(", "), None),
        Err(error) => ("no tools: its agents run, and cannot be built".into(), Some(error)),
    };
    let advice = advice.map(|error: ToolError| error.to_string().replace("\n", " "));
    Finding { subject, health: Health::Good, found, advice }
}

/// The agent of a new project, compiled by the child and loaded: what every agent needs first.
pub(super) async fn engine(config: &HostConfig) -> Finding {
    let subject = "engine";
    let bad = |found: String| Finding { subject, health: Health::Bad, found, advice: None };
    let sandbox = match sandbox(config) {
        Ok(sandbox) => sandbox,
        Err(problems) => return bad(problems.to_string()),
    };
    let allocation = sandbox.allocation();
    // What is no agent is refused before it is compiled, so this is one; its code is kept.
    if let Err(error) = sandbox.prepare(HELLO).await {
        return bad(format!("the compiling process does not work: {error}"));
    }
    match allocation {
        bailiwick_sandbox::Allocation::Pooling => Finding {
            subject,
            health: Health::Good,
            found: format!(
                "wasmtime 48, contract {SERVED}, instances from a pool, components compiled in a child process"
            ),
            advice: None,
        },
        bailiwick_sandbox::Allocation::OnDemand => Finding {
            subject,
            health: Health::Fair,
            found: format!(
                "wasmtime 48, contract {SERVED}, instances mapped one by one: attempts start slower"
            ),
            advice: Some(
                "give the process more address space (ulimit -v, vm.overcommit_memory)".into(),
            ),
        },
    }
}

pub(super) fn data(folder: &Path) -> Finding {
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

pub(super) fn disk(folder: &Path) -> Finding {
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

pub(super) fn policy(places: &Places) -> Finding {
    let host = Path::new(POLICY_OF_THE_HOST);
    let named = places.policy.as_deref();
    let user = places.user_policy.as_deref().filter(|path| path.is_file());
    let found = match Some(host).filter(|path| path.exists()).or(named).or(user) {
        Some(path) => format!("{} holds", path.display()),
        None => "the built-in one holds: unsigned agents from any folder, public models by https, loopback by http".into(),
    };
    Finding { subject: "policy", health: Health::Good, found, advice: None }
}
