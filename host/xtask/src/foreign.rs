//! A guest of another language, made by that language's own tools, which are fetched once and pinned by content; for tests only, nothing of it is shipped.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::node::Node;

/// What the guest is made of, from the root.
const SOURCES: &str = "host/cli/tests/foreign";
/// The files of the contract that its world names.
const CONTRACT: [&str; 2] = ["wit/v0.1/agent.wit", "wit/v0.1/types.wit"];

/// How the tests are told where the component is.
pub(crate) const VARIABLE: &str = "BAILIWICK_TEST_FOREIGN";

/// The component, built where it is older than what it is made of: half a minute, and half
/// a minute more for the tools, the first time.
pub(crate) fn build() -> Result<PathBuf> {
    let (sources, folder) = (crate::root().join(SOURCES), crate::root().join("target/foreign"));
    let component = folder.join("fetcher.wasm");
    if is_current(&component, &sources)? {
        return Ok(component);
    }
    let node = Node::find()?;
    let tools = tools(&node, &sources, &folder)?;
    let world = world(&sources, &folder)?;
    // Named last, so that half a component is never taken for the whole.
    let partial = folder.join("partial.wasm");
    node.program("node")?
        .arg(tools.join("node_modules/@bytecodealliance/jco/dist/jco.js"))
        .arg("componentize")
        .arg(sources.join("agent.js"))
        .arg("--wit")
        .arg(world)
        .args(["--world-name", "guest", "--out"])
        .arg(&partial)
        .run()?;
    std::fs::rename(&partial, &component)?;
    println!("{VARIABLE}={}", component.display());
    Ok(component)
}

fn is_current(component: &Path, sources: &Path) -> Result<bool> {
    let Ok(built) = component.metadata().and_then(|file| file.modified()) else {
        return Ok(false);
    };
    let contract = CONTRACT.iter().map(|file| crate::root().join(file));
    for file in ["agent.js", "world.wit", "package-lock.json"]
        .into_iter()
        .map(|file| sources.join(file))
        .chain(contract)
    {
        if file.metadata().with_context(|| file.display().to_string())?.modified()? >= built {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The packages of the lock file, installed where nothing of them is a source.
fn tools(node: &Node, sources: &Path, folder: &Path) -> Result<PathBuf> {
    let tools = folder.join("tools");
    std::fs::create_dir_all(&tools)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(sources.join(file), tools.join(file))?;
    }
    node.install_packages(&tools)?;
    Ok(tools)
}

/// The world of the guest with what it names of the contract, as the tools want it.
fn world(sources: &Path, folder: &Path) -> Result<PathBuf> {
    let world = folder.join("wit");
    let contract = world.join("deps/bailiwick-agent");
    std::fs::create_dir_all(&contract)?;
    std::fs::copy(sources.join("world.wit"), world.join("world.wit"))?;
    for file in CONTRACT {
        let name = Path::new(file).file_name().context("a file of the contract without a name")?;
        std::fs::copy(crate::root().join(file), contract.join(name))?;
    }
    Ok(world)
}
