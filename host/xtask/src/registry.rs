//! A real registry for the tests: Debian's, unpacked into a folder of ours and not installed, because installed it serves a port of the machine.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::command::Program;
use crate::install;

/// What Debian calls it.
const PACKAGE: &str = "docker-registry";
/// How the tests are told where it is. With it, they may not skip what needs it.
pub(crate) const VARIABLE: &str = "BAILIWICK_TEST_REGISTRY";

/// The program, fetched where it is not there yet.
pub(crate) fn fetch() -> Result<PathBuf> {
    let folder = crate::root().join("target/tools/registry");
    let program = folder.join("unpacked/usr/bin").join(PACKAGE);
    if !starts(&program) {
        unpacked(&folder)?;
    }
    if !starts(&program) {
        bail!("{} --version does not end well", program.display());
    }
    println!("{VARIABLE}={}", program.display());
    Ok(program)
}

/// The same; nothing, and a word about it, where this machine has no way to it.
pub(crate) fn found() -> Option<PathBuf> {
    let fetched = fetch();
    if let Err(error) = &fetched {
        println!(
            "no {PACKAGE} here ({error:#}): the tests that want a real registry skip themselves"
        );
    }
    fetched.ok()
}

fn starts(program: &Path) -> bool {
    program.is_file() && Program::new(program).arg("--version").succeeds()
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
