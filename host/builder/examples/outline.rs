//! Builds an agent's folder and prints what its component imports and exports; asks it for no profile.
//!
//! `cargo run --release -p bailiwick-builder --example outline agents/hello`

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example is a front end")]

use std::error::Error;
use std::path::PathBuf;

use bailiwick_builder::{Note, build, read_outline};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("which folder?")?;
    let unprofiled = build(&folder, &mut |note| match note {
        Note::Toolchain(toolchain) => eprintln!("toolchain: {toolchain}"),
        Note::Tool(tool) => eprintln!("tool: {tool}"),
        Note::Module(path) => eprintln!("file: {}", path.display()),
        Note::Line(line) => eprintln!("{line}"),
    })?;
    let outline = read_outline(unprofiled.component())?;
    for import in &outline.imports {
        println!("import {import}");
    }
    for export in &outline.exports {
        println!("export {export}");
    }
    println!("{} bytes, {}", outline.size_bytes, outline.digest);
    Ok(())
}
