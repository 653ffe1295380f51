//! Runs programs: shows what is run, and makes a bad end an error that names it.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// A program to be run in the root of the repository unless said.
pub(crate) struct Program(Command);

/// The cargo that runs this.
pub(crate) fn cargo() -> Program {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Program::new(cargo)
}

impl Program {
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(name);
        command.current_dir(crate::root());
        Self(command)
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// In another folder than the root.
    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// With `folder` before all others where programs are looked for.
    pub(crate) fn path_first(self, folder: &Path) -> Result<Self> {
        let old = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&old));
        let path = std::env::join_paths(folders).context("a folder's name breaks PATH")?;
        Ok(self.env("PATH", path))
    }

    /// Runs it with our terminal. Ends other than with 0 are errors.
    pub(crate) fn run(mut self) -> Result<()> {
        let line = self.line();
        eprintln!("$ {line}");
        let status = self.0.status().with_context(|| line.clone())?;
        if !status.success() {
            bail!("{line}: {status}");
        }
        Ok(())
    }

    /// What it prints, without our terminal.
    pub(crate) fn output(mut self) -> Result<String> {
        let line = self.line();
        let output = self.0.stderr(Stdio::inherit()).output().with_context(|| line.clone())?;
        if !output.status.success() {
            bail!("{line}: {}", output.status);
        }
        String::from_utf8(output.stdout).context(line)
    }

    /// Whether it can be run and ends well. Nothing of it is seen.
    pub(crate) fn succeeds(mut self) -> bool {
        let quiet = self.0.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }

    /// As one would type it.
    fn line(&self) -> String {
        let program = Path::new(self.0.get_program());
        let mut line = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for argument in self.0.get_args() {
            // A String takes whatever is written into it.
            let _ = write!(line, " {}", argument.to_string_lossy());
        }
        line
    }
}
