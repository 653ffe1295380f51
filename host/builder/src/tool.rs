//! A program of another language's toolchain: where it is, what would install it, and one run of it; installs nothing itself.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;

/// How much of a tool's words is read; the rest is dropped. Tracebacks are kilobytes; the
/// bound keeps a module that prints while it is imported from filling the memory.
const WORDS_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The longest line that is shown, in bytes: a bundler quotes minified sources.
const LINE_BYTES_MAX: usize = 4 * 1024;

/// A program that a build needs, and the version that this builder was tried with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// The program's name.
    pub program: &'static str,
    /// The version that is tried and known to fit.
    pub version: &'static str,
    /// The folder below an agent's or one above it where its package manager puts it.
    pub(crate) local: &'static str,
    /// The line that installs it into the agent's folder.
    pub(crate) install: &'static str,
}

/// Makes a component of a Python module and CPython.
pub const COMPONENTIZE_PY: Tool = Tool {
    program: "componentize-py",
    version: "0.25.1",
    local: ".venv/bin",
    install: "python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.1",
};

/// The line that brings both JavaScript tools. Their install scripts are not needed.
const NPM_INSTALL: &str =
    "npm install --save-dev --ignore-scripts esbuild@0.28.2 componentize-qjs@0.4.5";

/// Makes one JavaScript module of an agent's TypeScript and all it imports.
pub const ESBUILD: Tool = Tool {
    program: "esbuild",
    version: "0.28.2",
    local: "node_modules/.bin",
    install: NPM_INSTALL,
};

/// Makes a component of that module and QuickJS.
pub const COMPONENTIZE_QJS: Tool = Tool {
    program: "componentize-qjs",
    version: "0.4.5",
    local: "node_modules/.bin",
    install: NPM_INSTALL,
};

/// A tool that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub tool: Tool,
    /// The program.
    pub path: PathBuf,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.tool.program, self.path.display())
    }
}

/// Why a tool did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is nowhere.
    #[error(
        "{} is not installed: neither {} in {folder} or above it, nor on the PATH; this line installs it:\n  \
         cd {folder} && {}",
        tool.program, tool.local, tool.install
    )]
    Missing {
        /// Which one.
        tool: Tool,
        /// The agent's folder.
        folder: String,
    },
    /// It does not start.
    #[error("{path} cannot be run: {error}")]
    Start {
        /// The program.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// It refused the source; its words were handed on while it ran.
    #[error("{program} could not build the agent in {folder}")]
    Failed {
        /// Which one.
        program: &'static str,
        /// The agent's folder.
        folder: String,
    },
}

impl Tool {
    /// Looks beside the agent, in the folders above it, then on the PATH: what an author
    /// pinned for this agent goes before what the machine has.
    ///
    /// # Errors
    /// [`ToolError::Missing`] with the line that installs it.
    pub fn find(self, folder: &Path) -> Result<Found, ToolError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        self.find_with(folder, std::env::split_paths(&path))
    }

    fn find_with(
        self,
        folder: &Path,
        path: impl Iterator<Item = PathBuf>,
    ) -> Result<Found, ToolError> {
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        let local = whole.ancestors().map(|above| above.join(self.local));
        let found = local.chain(path).map(|one| one.join(self.program)).find(|one| one.is_file());
        let missing = || ToolError::Missing { tool: self, folder: folder.display().to_string() };
        found.map(|path| Found { tool: self, path }).ok_or_else(missing)
    }
}

impl Found {
    /// A command of this tool in a folder. A virtual environment that it lies in is active.
    pub(crate) fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(folder);
        let environment = self.path.parent().and_then(Path::parent);
        if let Some(one) = environment.filter(|one| one.join("pyvenv.cfg").is_file()) {
            command.env("VIRTUAL_ENV", one);
        }
        command
    }

    /// Runs a command to its end; `line` is handed each line that it says.
    ///
    /// # Errors
    /// [`ToolError`] where it does not start or does not end well.
    pub(crate) fn run(
        &self,
        command: &mut Command,
        folder: &Path,
        line: &mut dyn FnMut(&str),
    ) -> Result<(), ToolError> {
        let start = |error| ToolError::Start { path: self.path.display().to_string(), error };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(start)?;
        let (sender, lines) = mpsc::channel();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            // Both pipes at once: a tool stops when either is full.
            let other = sender.clone();
            scope.spawn(move || stdout.map(|pipe| hand_on(pipe, &sender)));
            scope.spawn(move || stderr.map(|pipe| hand_on(pipe, &other)));
            lines.iter().for_each(|text: String| line(&text));
        });
        if child.wait().map_err(start)?.success() {
            return Ok(());
        }
        let folder = folder.display().to_string();
        Err(ToolError::Failed { program: self.tool.program, folder })
    }
}

/// Lines up to the limit; what is over it is read and dropped, so that the tool can end.
fn hand_on(pipe: impl Read, lines: &mpsc::Sender<String>) {
    let mut reader = BufReader::new(pipe);
    for text in reader.by_ref().take(WORDS_BYTES_MAX).split(b'\n') {
        let Ok(mut text) = text else { break };
        text.truncate(LINE_BYTES_MAX);
        // Nobody listens only when the build has ended.
        let _ = lines.send(String::from_utf8_lossy(&text).trim_end().to_owned());
    }
    let _ = std::io::copy(&mut reader, &mut std::io::sink());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_nearest_before_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let agent = root.join("agents/mine");
        for place in ["bin", "node_modules/.bin", "agents/mine/node_modules/.bin"] {
            std::fs::create_dir_all(root.join(place)).unwrap();
        }
        let found = || ESBUILD.find_with(&agent, std::iter::once(root.join("bin")));
        let told = found().unwrap_err().to_string();
        assert!(told.contains("agents/mine && npm install --save-dev"), "{told}");
        for place in ["bin", "node_modules/.bin", "agents/mine/node_modules/.bin"] {
            let program = root.join(place).join("esbuild");
            std::fs::write(&program, "").unwrap();
            assert_eq!(found().unwrap().path, program);
        }
    }

    #[test]
    fn versions_stand_in_the_lines_that_install() {
        for tool in [COMPONENTIZE_PY, ESBUILD, COMPONENTIZE_QJS] {
            assert!(tool.install.contains(tool.version), "{tool:?}");
        }
    }

    #[test]
    fn hands_on_both_pipes_and_says_who_failed() {
        let found = Found { tool: ESBUILD, path: "sh".into() };
        let script = "i=0; while [ $i -lt 3000 ]; do echo \"a long line, to fill a pipe $i\"; echo err >&2; i=$((i+1)); done; exit 3";
        let mut lines = 0;
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let error = found.run(&mut command, Path::new("mine"), &mut |_| lines += 1).unwrap_err();
        assert_eq!(error.to_string(), "esbuild could not build the agent in mine");
        assert_eq!(lines, 6000);
    }
}
