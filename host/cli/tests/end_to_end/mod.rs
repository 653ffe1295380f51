//! Calls the built `bailiwick` as a script would, with folders of its own; knows no project and no pipeline.

#![allow(dead_code, reason = "each of the tests uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

pub(crate) mod facts;
pub(crate) mod folder;
pub(crate) mod guest;
pub(crate) mod journal;
pub(crate) mod project;
pub(crate) mod readme;
pub(crate) mod receiver;
pub(crate) mod served;
pub(crate) mod server;
pub(crate) mod shelf;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a busy machine.
pub(crate) const HANGS: Duration = Duration::from_secs(120);

/// Waits until something holds; a test that waits for ever says for what.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < HANGS, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap().to_path_buf()
}

/// An example of the repository. Its agents have to be built.
pub(crate) fn example(name: &str) -> PathBuf {
    root().join("examples").join(name)
}

/// The folder of a built agent of the repository.
pub(crate) fn agent(name: &str) -> PathBuf {
    let folder = root().join("agents").join(name);
    let built = folder.join("dist").join(format!("{name}.wasm"));
    assert!(built.is_file(), "{} is not there; run: cargo xtask guests", built.display());
    folder
}

/// What a call is given besides words: a temporary folder with room for its data and
/// what comes out.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// A file with this text.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A call of `bailiwick` in the root of the repository. It sees no policy and no
    /// keys of the user who runs the tests.
    pub(crate) fn bailiwick<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Call {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bailiwick"));
        command
            .args(words)
            .current_dir(root())
            .stdin(Stdio::null())
            .env("XDG_CONFIG_HOME", self.path("config"))
            // Compiled code may be kept from test to test: it is found by its content.
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env("NO_COLOR", "1");
        for variable in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "BAILIWICK_LOG"] {
            command.env_remove(variable);
        }
        Call { command }
    }

    /// `bailiwick run` of a project, with the data of this desk.
    pub(crate) fn run(&self, project: &Path) -> Call {
        self.bailiwick(["run"]).option("project", project).option("data", self.data())
    }

    /// The run with this id as `show --json` tells it.
    pub(crate) fn shown(&self, run: &str) -> Value {
        self.bailiwick(["show", run, "--json"]).option("data", self.data()).ends(0).json()
    }

    /// The same for people.
    pub(crate) fn told(&self, run: &str) -> String {
        self.bailiwick(["show", run]).option("data", self.data()).ends(0).stdout
    }

    /// One cell of it.
    pub(crate) fn cell(&self, run: &str, cell: &str) -> Value {
        self.bailiwick(["show", run, "--json", "--cell", cell])
            .option("data", self.data())
            .ends(0)
            .json()
    }
}

/// A call that is about to be made.
pub(crate) struct Call {
    command: Command,
}

impl Call {
    pub(crate) fn word(mut self, word: impl AsRef<OsStr>) -> Self {
        self.command.arg(word);
        self
    }

    pub(crate) fn option(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.word(format!("--{name}")).word(value)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The same for each of these.
    pub(crate) fn words<S: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.command.args(words);
        self
    }

    /// The same call from another folder.
    pub(crate) fn from(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// The same call by another user. Only root can become one.
    pub(crate) fn user(mut self, uid: u32, gid: u32) -> Self {
        use std::os::unix::process::CommandExt as _;
        self.command.uid(uid).gid(gid);
        self
    }

    /// Begins the call and hands it over; what it says is read from the child.
    pub(crate) fn starts(mut self) -> std::process::Child {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Makes the call, however it ends.
    fn output(&mut self) -> Ended {
        let output = self.command.output().unwrap();
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Makes the call; it is killed before it can end.
    pub(crate) fn dies(mut self) -> Ended {
        let ended = self.output();
        assert_eq!(ended.code, None, "{:?}\n{}\n{}", self.command, ended.stdout, ended.stderr);
        ended
    }

    /// Makes the call; it ends with one of these codes, and without a panic.
    pub(crate) fn ends_with_one_of(mut self, codes: &[i32]) -> Ended {
        let ended = self.output();
        let told = || {
            format!(
                "{:?} ended with {:?}\n{}\n{}",
                self.command, ended.code, ended.stdout, ended.stderr
            )
        };
        assert!(
            ended.code.is_some_and(|code| codes.contains(&code)),
            "wanted {codes:?}: {}",
            told()
        );
        assert!(
            !ended.stderr.contains("panicked") && !ended.stderr.contains("RUST_BACKTRACE"),
            "{}",
            told()
        );
        ended
    }

    /// The same with one code.
    pub(crate) fn ends(self, code: i32) -> Ended {
        self.ends_with_one_of(&[code])
    }
}

/// A call that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Standard output as one document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// Standard output as a document a line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
