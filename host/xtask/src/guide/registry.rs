//! A registry on this machine for as long as somebody holds it. Knows nothing of what is pushed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

/// The running registry.
pub(super) struct Registry {
    child: Child,
    host: String,
}

impl Registry {
    /// Starts the one that the tests have, with its data in a folder.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let program = crate::registry::fetch()?;
        fs::create_dir_all(folder)?;
        let config = folder.join("config.yml");
        let store = folder.join("store");
        fs::write(
            &config,
            format!(
                "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {store:?}}}}}\n\
                 http: {{addr: \"127.0.0.1:0\", secret: of-a-guide}}\n"
            ),
        )?;
        let mut command = Command::new(&program);
        command.arg("serve").arg(config).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| program.display().to_string())?;
        let words = child.stderr.take().context("a registry without a standard error")?;
        let mut words = BufReader::new(words).lines();
        let host = words.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split(['"', ' ']).next()?.to_owned())
        });
        // What it says later must go somewhere, or it stops.
        std::thread::spawn(move || words.for_each(drop));
        let mut registry = Self { child, host: String::new() };
        registry.host = host.context("the registry ended before it listened")?;
        Ok(registry)
    }

    /// Host and port.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
