//! Runs cargo for one agent crate and finds the module that it made; knows nothing of components.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::toolchain::{TARGET, Toolchain};

/// How much of cargo's messages is read. A big dependency tree makes a few MiB; the
/// bound is there so that a runaway build script cannot fill the memory.
const MESSAGES_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Why a crate did not become a module.
#[derive(Debug, thiserror::Error)]
pub enum CargoError {
    /// Cargo itself did not start.
    #[error("cargo cannot be run: {0}")]
    Start(std::io::Error),
    /// Cargo's pipes broke.
    #[error("cargo's output cannot be read: {0}")]
    Output(std::io::Error),
    /// Cargo could not read the package; its own words.
    #[error("{0}")]
    Metadata(String),
    /// The manifest is a workspace without a package of its own.
    #[error("{manifest} describes no package; an agent is one package with a library")]
    NoPackage {
        /// The `Cargo.toml`.
        manifest: String,
    },
    /// The library is of another kind.
    #[error(
        "the package {package} makes no WebAssembly module; add to its Cargo.toml:\n  \
         [lib]\n  crate-type = [\"cdylib\", \"rlib\"]"
    )]
    NoCdylib {
        /// Its name.
        package: String,
    },
    /// The compiler refused; its messages were handed on while it ran.
    #[error("cargo could not build the package {package}")]
    Build {
        /// Its name.
        package: String,
    },
    /// Cargo ended well and named no module.
    #[error("cargo built the package {package} and named no .wasm file")]
    NoModule {
        /// Its name.
        package: String,
    },
}

/// Builds the package in `folder` and returns the path of its module.
///
/// Where it is built is cargo's business (the workspace's target folder). `line` is
/// handed each line that cargo and the compiler say.
pub(crate) fn build(
    folder: &Path,
    toolchain: &Toolchain,
    line: &mut dyn FnMut(&str),
) -> Result<PathBuf, CargoError> {
    let package = package(folder, toolchain)?;
    let mut cargo = toolchain.cargo();
    cargo
        .current_dir(folder)
        .args(["build", "--release", "--lib", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(&package.manifest_path)
        .args(toolchain.build_arguments());
    let (messages, succeeded) = run(&mut cargo, line)?;
    if !succeeded {
        return Err(CargoError::Build { package: package.name });
    }
    module(&messages, &package).ok_or(CargoError::NoModule { package: package.name })
}

/// What `cargo metadata` says of one package, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

fn package(folder: &Path, toolchain: &Toolchain) -> Result<Package, CargoError> {
    let manifest = folder.join("Cargo.toml").canonicalize().map_err(CargoError::Start)?;
    let output = toolchain
        .cargo()
        .current_dir(folder)
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(&manifest)
        .output()
        .map_err(CargoError::Start)?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(CargoError::Metadata(words.trim().to_owned()));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(|error| {
        CargoError::Metadata(format!("cargo metadata is not understood: {error}"))
    })?;
    let ours = |package: &Package| package.manifest_path == manifest;
    let package = metadata
        .packages
        .into_iter()
        .find(ours)
        .ok_or_else(|| CargoError::NoPackage { manifest: manifest.display().to_string() })?;
    let is_cdylib = |target: &Target| target.crate_types.iter().any(|kind| kind == "cdylib");
    if package.targets.iter().any(is_cdylib) {
        Ok(package)
    } else {
        Err(CargoError::NoCdylib { package: package.name })
    }
}

/// Runs cargo to its end: its messages, and whether it ended well.
fn run(cargo: &mut Command, line: &mut dyn FnMut(&str)) -> Result<(Vec<Value>, bool), CargoError> {
    let mut child = cargo
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(CargoError::Start)?;
    let messages = follow(&mut child, line);
    if messages.is_err() {
        // Half-read pipes would block it for ever; that it is gone already is fine.
        let _ = child.kill();
    }
    let status = child.wait().map_err(CargoError::Output)?;
    Ok((messages?, status.success()))
}

/// Both pipes at once: cargo stops when either is full.
fn follow(child: &mut Child, line: &mut dyn FnMut(&str)) -> Result<Vec<Value>, CargoError> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let messages = scope.spawn(|| stdout.map_or(Ok(Vec::new()), read_messages));
        let talk = stderr.map_or(Ok(()), |stderr| hand_on(stderr, line));
        let broken = || std::io::Error::other("the reader of cargo's messages ended early");
        let messages = messages.join().unwrap_or_else(|_| Err(broken()));
        talk.and(messages).map_err(CargoError::Output)
    })
}

fn hand_on(stderr: ChildStderr, line: &mut dyn FnMut(&str)) -> std::io::Result<()> {
    for text in BufReader::new(stderr.take(MESSAGES_BYTES_MAX)).split(b'\n') {
        line(String::from_utf8_lossy(&text?).trim_end());
    }
    Ok(())
}

/// The messages about finished artifacts; others are dropped as they come.
fn read_messages(stdout: ChildStdout) -> std::io::Result<Vec<Value>> {
    let mut messages = Vec::new();
    for text in BufReader::new(stdout.take(MESSAGES_BYTES_MAX)).split(b'\n') {
        // Build scripts and old cargos may print other lines.
        if let Ok(message) = serde_json::from_slice::<Value>(&text?)
            && message.get("reason").and_then(Value::as_str) == Some("compiler-artifact")
        {
            messages.push(message);
        }
    }
    Ok(messages)
}

/// The `.wasm` file of this package among what cargo made.
fn module(messages: &[Value], package: &Package) -> Option<PathBuf> {
    let ours = |message: &&Value| {
        let manifest = message.get("manifest_path").and_then(Value::as_str);
        manifest.is_some_and(|path| Path::new(path) == package.manifest_path)
    };
    let files = |message: &Value| {
        let files = message.get("filenames").and_then(Value::as_array).cloned();
        files.unwrap_or_default()
    };
    messages
        .iter()
        .filter(ours)
        .flat_map(files)
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package() -> Package {
        Package { name: "mine".into(), manifest_path: "/a/mine/Cargo.toml".into(), targets: vec![] }
    }

    #[test]
    fn finds_the_module_of_the_package_and_no_dependencys() {
        let messages = [
            json!({ "reason": "compiler-artifact", "manifest_path": "/a/dep/Cargo.toml", "filenames": ["/t/dep.wasm"] }),
            json!({ "reason": "compiler-artifact", "manifest_path": "/a/mine/Cargo.toml", "filenames": ["/t/libmine.rlib", "/t/mine.wasm"] }),
        ];
        assert_eq!(module(&messages, &package()), Some("/t/mine.wasm".into()));
        assert_eq!(module(&messages[..1], &package()), None);
    }

    /// What is said of a package with this `Cargo.toml`. Reading one compiles nothing.
    fn refusal(manifest: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        std::fs::write(folder.path().join("src/lib.rs"), "").unwrap();
        let toolchain = Toolchain::Active { library: PathBuf::new() };
        let told = super::package(folder.path(), &toolchain).map(|package| package.name);
        told.map_or_else(|error| error.to_string(), |name| format!("accepted {name}"))
    }

    #[test]
    fn packages_that_make_no_module_are_refused_before_anything_compiles() {
        let package = "[package]\nname = \"mine\"\nedition = \"2024\"\n";
        for (manifest, expected) in [
            (format!("{package}[lib]\ncrate-type = [\"cdylib\"]"), "accepted mine"),
            (package.to_owned(), "the package mine makes no WebAssembly module"),
            ("[workspace]".to_owned(), "Cargo.toml describes no package"),
            ("[package".to_owned(), "unclosed table"),
        ] {
            let told = refusal(&manifest);
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn hands_on_lines_and_keeps_artifacts_while_both_pipes_are_full() {
        let script = r#"
            i=0
            while [ $i -lt 2000 ]; do
                echo "line $i of the compiler, long enough to fill a pipe after a while" >&2
                echo '{"reason":"compiler-message","filler":"filler filler filler filler"}'
                i=$((i+1))
            done
            echo 'not json'
            echo '{"reason":"compiler-artifact","manifest_path":"m"}'
            exit 3"#;
        let mut lines = 0;
        let (messages, succeeded) =
            run(Command::new("sh").args(["-c", script]), &mut |_| lines += 1).unwrap();
        assert_eq!((lines, messages.len(), succeeded), (2000, 1, false));
    }

    #[test]
    fn a_cargo_that_is_not_there_is_an_error() {
        let error = run(&mut Command::new("/nonexistent/cargo"), &mut |_| {}).unwrap_err();
        assert!(matches!(error, CargoError::Start(_)));
    }
}
