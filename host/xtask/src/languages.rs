//! The tools that make agents of Python and TypeScript, fetched once and pinned by content, and the tests of what is written in these languages.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::command::Program;
use crate::install::{self, Wheel};
use crate::node::Node;

/// componentize-py with CPython in it, prebuilt for x86-64 Linux.
const COMPONENTIZE_PY: Wheel = Wheel {
    package: "componentize-py",
    version: "0.25.1",
    sha256: "8623cd8cab8453cb0cd8bf03f3c7103420d06f2f3d360186a280a70a1ca5e89f",
};

/// The SDK whose lock file pins the JavaScript tools; they are installed beside it.
const SDK: &str = "sdk/js";

/// Programs of npm packages that builds and tests call.
const NPM_PROGRAMS: [&str; 3] = ["esbuild", "componentize-qjs", "tsc"];

/// The agents of the examples in these languages, and the SDK that each is made of.
pub(crate) const AGENTS: [(&str, &str); 2] = [
    ("examples/08-languages/agents/verse", "sdk/python/bailiwick"),
    ("examples/08-languages/agents/card", "sdk/js/src"),
];

/// The folder to put before PATH so that `bailiwick build` finds the tools. Installs them
/// where they are not there yet: 180 MB, half a minute.
pub(crate) fn tools() -> Result<PathBuf> {
    let bin = folder().join("bin");
    std::fs::create_dir_all(&bin)?;
    let node = Node::find()?;
    python(&bin)?;
    npm(&bin, &node)?;
    Ok(bin)
}

fn folder() -> PathBuf {
    crate::root().join("target/tools/languages")
}

/// componentize-py in an environment of its own.
fn python(bin: &Path) -> Result<()> {
    let environment = folder().join(format!("python-{}", COMPONENTIZE_PY.version));
    let program = environment.join("bin/componentize-py");
    if !Program::new(&program).arg("--version").succeeds() {
        println!("installing {} {}", COMPONENTIZE_PY.package, COMPONENTIZE_PY.version);
        let make = || Program::new("python3").args(["-m", "venv", "--clear"]).arg(&environment);
        if make().run().is_err() {
            install::apt_get(&["python3", "python3-venv"])?;
            make().run()?;
        }
        let pin = environment.join("requirement.txt");
        let Wheel { package, version, sha256 } = COMPONENTIZE_PY;
        std::fs::write(&pin, format!("{package}=={version} --hash=sha256:{sha256}\n"))?;
        Program::new(environment.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement"])
            .arg(&pin)
            .run()?;
    }
    call(bin, "componentize-py", &program, &environment.join("bin"))
}

/// The packages of the SDK's lock file, and what runs them.
fn npm(bin: &Path, node: &Node) -> Result<()> {
    let sdk = crate::root().join(SDK);
    let (lock, mark) = (sdk.join("package-lock.json"), sdk.join("node_modules/.installed"));
    let wanted = std::fs::read(&lock).with_context(|| lock.display().to_string())?;
    if std::fs::read(&mark).ok().as_ref() != Some(&wanted) {
        println!("installing the packages of {SDK}/package-lock.json");
        node.install_packages(&sdk)?;
        std::fs::write(&mark, &wanted)?;
    }
    let node = node.folder();
    for program in NPM_PROGRAMS {
        call(bin, program, &sdk.join("node_modules/.bin").join(program), node)?;
    }
    for program in ["node", "npm"] {
        call(bin, program, &node.join(program), node)?;
    }
    Ok(())
}

/// A program of this name in `bin` that is another one, with what that needs on its PATH.
fn call(bin: &Path, name: &str, program: &Path, needs: &Path) -> Result<()> {
    let text = format!(
        "#!/bin/sh\nPATH='{}':\"$PATH\" exec '{}' \"$@\"\n",
        needs.display(),
        program.display()
    );
    let file = bin.join(name);
    if std::fs::read(&file).ok().as_deref() != Some(text.as_bytes()) {
        std::fs::write(&file, text)?;
        install::make_executable(&file)?;
    }
    Ok(())
}

/// The unit tests of both SDKs and of the agents in these languages.
pub(crate) fn tests() -> Result<()> {
    let tools = tools()?;
    let unittest = |folder: &str, top: &str| {
        Program::new("python3")
            .args(["-m", "unittest", "discover", "-s", folder, "-t", top])
            .env("PYTHONPATH", crate::root().join("sdk/python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .run()
    };
    unittest("sdk/python/tests", "sdk/python")?;
    Program::new("npm").path_first(&tools)?.args(["--prefix", SDK, "test"]).run()?;
    for (agent, sdk) in AGENTS {
        match sdk.starts_with(SDK) {
            false => unittest(agent, agent)?,
            true => node_test(&tools, agent, sdk)?,
        }
    }
    Ok(())
}

/// `agent.test.ts` of an agent, bundled with the SDK of this repository.
fn node_test(tools: &Path, agent: &str, sdk: &str) -> Result<()> {
    let bundle = folder().join("tests").join(agent).join("agent.test.mjs");
    let alias = |package: &str, file: &str| {
        format!("--alias:{package}={}", crate::root().join(sdk).join(file).display())
    };
    Program::new("esbuild")
        .path_first(tools)?
        .arg(format!("{agent}/agent.test.ts"))
        .args(["--bundle", "--platform=node", "--format=esm", "--log-level=warning"])
        .arg(alias("@bailiwick/agent/fake", "fake.ts"))
        .arg(alias("@bailiwick/agent", "index.ts"))
        .arg(format!("--outfile={}", bundle.display()))
        .run()?;
    Program::new("node").path_first(tools)?.arg("--test").arg(&bundle).run()
}
