//! A real registry for the tests: Debian's, unpacked into a folder of ours and not installed, because installed it serves a port of the machine.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::command::Program;
use crate::install;

/// What Debian calls it.
const PACKAGE: &str = "docker-registry";
/// How the tests are told where it is. With it, they may not skip what needs it.
pub(crate) const VARIABLE: &str = "BAILIWICK_TEST_REGISTRY";

/// The program; nothing, and a word about it, where this machine has no way to it.
pub(crate) fn fetch() -> Option<PathBuf> {
    let folder = crate::root().join("target/tools/registry");
    let program = folder.join("unpacked/usr/bin").join(PACKAGE);
    if starts(&program) {
        return Some(program);
    }
    match unpacked(&folder) {
        Ok(()) if starts(&program) => Some(program),
        Ok(()) => without(&format!("{} --version does not end well", program.display())),
        Err(error) => without(&format!("{error:#}")),
    }
}

fn starts(program: &Path) -> bool {
    program.is_file() && Program::new(program).arg("--version").succeeds()
}

fn without(why: &str) -> Option<PathBuf> {
    println!("no {PACKAGE} here ({why}): the tests that want a real registry skip themselves");
    None
}

fn unpacked(folder: &Path) -> Result<()> {
    if !Path::new("/etc/debian_version").exists() {
        bail!("this is no Debian");
    }
    println!("fetching {PACKAGE} into {}", folder.display());
    std::fs::create_dir_all(folder)?;
    // A machine that never asked for the lists does not know the package; root may ask.
    if download(folder).is_err() {
        Program::new("apt-get").args(["update", "--quiet"]).run()?;
        download(folder)?;
    }
    let package = install::find_suffix(folder, ".deb")?;
    Program::new("dpkg-deb").arg("-x").arg(&package).arg(folder.join("unpacked")).run()?;
    std::fs::remove_file(package)?;
    Ok(())
}

/// Checked by apt against the signature of the archive.
fn download(folder: &Path) -> Result<()> {
    Program::new("apt-get").args(["download", "--quiet", PACKAGE]).folder(folder).run()
}
