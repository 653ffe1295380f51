//! `doctor`: whether this machine can run and build agents, each line found out and none assumed.

mod machine;
pub mod matrix;
mod walls;

use bailiwick_builder::{COMPONENTIZE_PY, COMPONENTIZE_QJS, ESBUILD};
use machine::{data, disk, engine, language, policy, toolchain};
use walls::walls;

use crate::host::HostConfig;
use crate::load::Places;
use crate::lockdown;

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
