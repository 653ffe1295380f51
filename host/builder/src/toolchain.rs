//! Which compiler on this machine can make WebAssembly of a crate; installs nothing and builds nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What agents are compiled to: it imports nothing but the contract.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Where Debian's packages put their compiler and their cargo.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// Linkers that Debian's `lld` packages bring, best first.
const DEBIAN_LINKERS: [&str; 2] = ["/usr/bin/wasm-ld-22", "/usr/bin/wasm-ld"];

/// A compiler and a cargo that can build an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolchain {
    /// The active toolchain has the target's standard library.
    Active {
        /// Where that library lies.
        library: PathBuf,
    },
    /// Debian's packages, which compile the standard library from its source.
    Debian {
        /// The version of the compiler, as it says it.
        version: String,
        /// The linker for WebAssembly.
        linker: PathBuf,
    },
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active { library } => {
                write!(f, "the active toolchain with {TARGET} ({})", library.display())
            }
            Self::Debian { version, linker } => {
                write!(f, "Debian's {version} with std from source, linked by {}", linker.display())
            }
        }
    }
}

/// Nothing here can build an agent.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "no compiler here can build for {TARGET}; any of these lines gives you one:\n  \
     rustup target add {TARGET}\n  \
     apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src rust-web-llvm lld-22   (Debian 12)\n\
     or give a finished module or component in agent.toml:\n  \
     [build] module = \"FILE.wasm\""
)]
pub struct NoToolchain;

/// What the search asks of a machine; a test has others than the one it runs on.
pub(crate) trait Machine {
    /// What a program prints when it ends well; nothing where it cannot be run.
    fn output(&self, program: &str, arguments: &[&str]) -> Option<String>;
    fn is_file(&self, path: &Path) -> bool;
    fn is_dir(&self, path: &Path) -> bool;
}

/// The machine that this runs on. Programs run in `folder`, whose
/// `rust-toolchain.toml` may choose another toolchain.
pub(crate) struct ThisMachine<'a> {
    pub(crate) folder: &'a Path,
}

impl Machine for ThisMachine<'_> {
    fn output(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let output =
            Command::new(program).args(arguments).current_dir(self.folder).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }
}

impl Toolchain {
    /// The best toolchain for agents in `folder`: the active one where it has the
    /// target, else Debian's.
    ///
    /// # Errors
    /// [`NoToolchain`], which lists the commands that would bring one.
    pub fn find(folder: &Path) -> Result<Self, NoToolchain> {
        Self::on(&ThisMachine { folder })
    }

    pub(crate) fn on(machine: &dyn Machine) -> Result<Self, NoToolchain> {
        active(machine).or_else(|| debian(machine)).ok_or(NoToolchain)
    }

    /// A cargo command of this toolchain, without arguments.
    pub(crate) fn cargo(&self) -> Command {
        match self {
            Self::Active { .. } => Command::new("cargo"),
            Self::Debian { linker, .. } => {
                let mut cargo = Command::new(DEBIAN_CARGO);
                cargo
                    .env("RUSTC", DEBIAN_RUSTC)
                    // `-Zbuild-std` is unstable; the sources are those of this compiler.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                cargo
            }
        }
    }

    /// What `cargo build` has to be told besides the target.
    pub(crate) fn build_arguments(&self) -> &'static [&'static str] {
        match self {
            Self::Active { .. } => &[],
            Self::Debian { .. } => &["-Zbuild-std=std,panic_abort"],
        }
    }
}

fn active(machine: &dyn Machine) -> Option<Toolchain> {
    let printed = machine.output("rustc", &["--print", "target-libdir", "--target", TARGET])?;
    let library = PathBuf::from(printed);
    machine.is_dir(&library).then_some(Toolchain::Active { library })
}

fn debian(machine: &dyn Machine) -> Option<Toolchain> {
    let here = [DEBIAN_RUSTC, DEBIAN_CARGO].iter().all(|path| machine.is_file(Path::new(path)));
    let sysroot = here.then(|| machine.output(DEBIAN_RUSTC, &["--print", "sysroot"])).flatten()?;
    let source = Path::new(&sysroot).join("lib/rustlib/src/rust/library/std");
    if !machine.is_dir(&source) {
        return None;
    }
    let version = machine.output(DEBIAN_RUSTC, &["--version"])?;
    Some(Toolchain::Debian { version, linker: linker(machine)? })
}

/// The `rust-lld` of the active toolchain, else Debian's `wasm-ld`.
fn linker(machine: &dyn Machine) -> Option<PathBuf> {
    let debian = || DEBIAN_LINKERS.into_iter().map(PathBuf::from);
    rust_lld(machine).into_iter().chain(debian()).find(|path| machine.is_file(path))
}

fn rust_lld(machine: &dyn Machine) -> Option<PathBuf> {
    let sysroot = machine.output("rustc", &["--print", "sysroot"])?;
    let verbose = machine.output("rustc", &["-vV"])?;
    let host = verbose.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some(Path::new(&sysroot).join("lib/rustlib").join(host).join("bin/rust-lld"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that has the named files and folders, and programs that print.
    #[derive(Default, Clone)]
    struct Fake {
        paths: Vec<&'static str>,
        programs: Vec<(&'static str, &'static str)>,
    }

    impl Machine for Fake {
        fn output(&self, program: &str, arguments: &[&str]) -> Option<String> {
            let line = format!("{program} {}", arguments.join(" "));
            self.programs.iter().find(|(wanted, _)| *wanted == line).map(|(_, text)| (*text).into())
        }
        fn is_file(&self, path: &Path) -> bool {
            self.paths.iter().any(|have| Path::new(have) == path)
        }
        fn is_dir(&self, path: &Path) -> bool {
            self.is_file(path)
        }
    }

    const LIBDIR: &str = "rustc --print target-libdir --target wasm32-unknown-unknown";

    fn rustup() -> Fake {
        Fake {
            paths: vec!["/rustup/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld"],
            programs: vec![
                (LIBDIR, "/rustup/wasm"),
                ("rustc --print sysroot", "/rustup"),
                ("rustc -vV", "rustc 1.95.0\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0"),
            ],
        }
    }

    fn with_debian(mut machine: Fake) -> Fake {
        machine.paths.extend([
            DEBIAN_RUSTC,
            DEBIAN_CARGO,
            "/usr/lib/rustlib/src/rust/library/std",
            "/usr/bin/wasm-ld-22",
        ]);
        machine.programs.extend([
            ("/usr/bin/rustc --print sysroot", "/usr"),
            ("/usr/bin/rustc --version", "rustc 1.96.0"),
        ]);
        machine
    }

    #[test]
    fn takes_the_active_toolchain_before_debians() {
        let mut machine = with_debian(rustup());
        machine.paths.push("/rustup/wasm");
        assert_eq!(
            Toolchain::on(&machine),
            Ok(Toolchain::Active { library: "/rustup/wasm".into() })
        );
    }

    #[test]
    fn takes_debians_with_the_linker_of_the_active_one() {
        assert_eq!(
            Toolchain::on(&with_debian(rustup())),
            Ok(Toolchain::Debian {
                version: "rustc 1.96.0".into(),
                linker: "/rustup/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld".into(),
            })
        );
    }

    #[test]
    fn takes_debians_linker_where_there_is_no_other() {
        let found = Toolchain::on(&with_debian(Fake::default())).unwrap();
        assert!(found.to_string().ends_with("linked by /usr/bin/wasm-ld-22"), "{found}");
    }

    #[test]
    fn a_part_of_debians_packages_is_not_enough() {
        let whole = with_debian(Fake::default());
        for missing in whole.paths.clone() {
            let mut machine = whole.clone();
            machine.paths.retain(|path| *path != missing);
            assert_eq!(Toolchain::on(&machine), Err(NoToolchain), "without {missing}");
        }
    }

    #[test]
    fn refusal_lists_the_commands_to_type() {
        let text = Toolchain::on(&Fake::default()).unwrap_err().to_string();
        for line in [
            "rustup target add wasm32-unknown-unknown",
            "rustc-web cargo-web rust-web-src rust-web-llvm",
            "module = ",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
