//! Builds the agents of this repository with the `bailiwick` that is built from it, those whose component is older than what it is made of.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::command::{Program, cargo};
use crate::install;
use crate::languages;
use crate::timing::Stages;

/// What every component is made of besides its own sources: the contract, the SDK
/// and the builder (not the whole host, or each edit of it would build all agents).
const SHARED_SOURCES: [&str; 5] =
    ["wit", "sdk/rust", "host/builder/src", "agents/Cargo.toml", "agents/Cargo.lock"];

/// Folders in which nothing is a source.
const NO_SOURCES: [&str; 3] = ["target", "dist", "__pycache__"];

/// Toolchain, `bailiwick`, and every agent.
pub(crate) fn build_all(stages: &mut Stages) -> Result<()> {
    stages.run("toolchain", install::guest_toolchain)?;
    stages.run("bailiwick", || {
        // The whole workspace is named so that cargo unifies features as the tests
        // do; else it would compile wasmtime a second time for this binary.
        cargo().args(["build", "--release", "--workspace", "--bin", "bailiwick"]).run()
    })?;
    stages.run("guests", build_stale)
}

/// Every agent whose component is older than its sources, with the `bailiwick` that
/// is there, and the tools of other languages for those that need them.
pub(crate) fn build_stale() -> Result<()> {
    let bailiwick = bailiwick()?;
    let tools = languages::tools()?;
    for agent in agents()?.into_iter().chain(foreign()) {
        if is_current(&agent)? {
            println!("{} is current", shown(&agent.folder));
            continue;
        }
        let folder = shown(&agent.folder);
        Program::new(&bailiwick).path_first(&tools)?.arg("build").arg(folder).run()?;
    }
    Ok(())
}

/// The binary of this repository.
pub(crate) fn bailiwick() -> Result<PathBuf> {
    let metadata = metadata("Cargo.toml")?;
    let target = metadata.get("target_directory").and_then(Value::as_str);
    let path = Path::new(target.context("cargo metadata names no target_directory")?)
        .join("release/bailiwick");
    if !path.is_file() {
        bail!("{} is not there", path.display());
    }
    Ok(path)
}

/// One agent, and all that its component is made of.
struct Agent {
    folder: PathBuf,
    sources: Vec<PathBuf>,
}

/// The packages of the guests' workspace that make a module. The others are
/// libraries that these share.
fn agents() -> Result<Vec<Agent>> {
    let metadata = metadata("agents/Cargo.toml")?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    let (mut agents, mut libraries) = (Vec::new(), Vec::new());
    for package in packages.context("cargo metadata names no packages")? {
        let manifest = package.get("manifest_path").and_then(Value::as_str);
        let manifest = Path::new(manifest.context("a package without manifest_path")?);
        let folder = manifest.parent().context("a manifest without a folder")?.to_path_buf();
        if makes_module(package) { agents.push(folder) } else { libraries.push(folder) }
    }
    agents.sort();
    let shared: Vec<PathBuf> =
        SHARED_SOURCES.iter().map(|path| crate::root().join(path)).chain(libraries).collect();
    let with_sources = |folder: PathBuf| {
        let sources = std::iter::once(folder.clone()).chain(shared.iter().cloned()).collect();
        Agent { folder, sources }
    };
    Ok(agents.into_iter().map(with_sources).collect())
}

/// The agents in Python and TypeScript.
fn foreign() -> impl Iterator<Item = Agent> {
    languages::AGENTS.into_iter().map(|(folder, sdk)| {
        let paths = [folder, sdk, "wit", "host/builder/src"];
        let sources = paths.iter().map(|path| crate::root().join(path)).collect();
        Agent { folder: crate::root().join(folder), sources }
    })
}

fn makes_module(package: &Value) -> bool {
    let targets = package.get("targets").and_then(Value::as_array);
    let kinds = targets.into_iter().flatten().filter_map(|target| target.get("crate_types"));
    kinds.filter_map(Value::as_array).flatten().any(|kind| kind == "cdylib")
}

fn metadata(manifest: &str) -> Result<Value> {
    let text = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path", manifest])
        .output()?;
    Ok(serde_json::from_str(&text)?)
}

/// Whether the one component in `dist/` is younger than all it is made of.
fn is_current(agent: &Agent) -> Result<bool> {
    let Ok(entries) = std::fs::read_dir(agent.folder.join("dist")) else {
        return Ok(false);
    };
    let mut components = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            components.push(path.metadata()?.modified()?);
        }
    }
    let [built] = components.as_slice() else {
        return Ok(false);
    };
    for source in &agent.sources {
        if newest(source)?.is_some_and(|changed| changed >= *built) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// When anything at or below a path was last changed; nothing where nothing is there.
fn newest(path: &Path) -> Result<Option<SystemTime>> {
    if !path.exists() {
        return Ok(None);
    }
    let own = path.metadata()?.modified()?;
    if !path.is_dir() {
        return Ok(Some(own));
    }
    // A folder's own time changes with `dist` and `target` in it; but it is also
    // the only trace of a source that was removed, so folders without them count.
    let mut times = Vec::new();
    let mut has_output = false;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?.path();
        if NO_SOURCES.iter().any(|name| entry.file_name().is_some_and(|file| file == *name)) {
            has_output = true;
        } else {
            times.push(newest(&entry)?);
        }
    }
    if !has_output {
        times.push(Some(own));
    }
    Ok(times.into_iter().flatten().max())
}

fn shown(path: &Path) -> String {
    let root = crate::root();
    path.strip_prefix(&root).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::time::Duration;

    /// An agent whose files are all of one past time.
    fn agent(folder: &Path) -> Agent {
        fs::create_dir_all(folder.join("agent/src")).unwrap();
        fs::create_dir_all(folder.join("agent/dist")).unwrap();
        fs::write(folder.join("agent/src/lib.rs"), "").unwrap();
        fs::write(folder.join("shared.toml"), "").unwrap();
        fs::write(folder.join("agent/dist/agent.wasm"), "").unwrap();
        for path in ["agent/src/lib.rs", "agent/src", "shared.toml"] {
            set_age(&folder.join(path), 100);
        }
        set_age(&folder.join("agent/dist/agent.wasm"), 50);
        Agent {
            folder: folder.join("agent"),
            sources: vec![
                folder.join("agent"),
                folder.join("shared.toml"),
                folder.join("not_there"),
            ],
        }
    }

    fn set_age(path: &Path, seconds: u64) {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        File::open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn a_component_younger_than_its_sources_is_current() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_current(&agent(folder.path())).unwrap());
    }

    #[test]
    fn a_change_anywhere_makes_it_stale() {
        for changed in ["agent/src/lib.rs", "agent/src", "shared.toml"] {
            let folder = tempfile::tempdir().unwrap();
            let agent = agent(folder.path());
            set_age(&folder.path().join(changed), 10);
            assert!(!is_current(&agent).unwrap(), "{changed}");
        }
    }

    #[test]
    fn an_agent_without_a_component_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let agent = agent(folder.path());
        fs::write(folder.path().join("agent/dist/other.wasm"), "").unwrap();
        assert!(!is_current(&agent).unwrap(), "two components");
        fs::remove_dir_all(folder.path().join("agent/dist")).unwrap();
        assert!(!is_current(&agent).unwrap(), "none");
    }
}
