//! Where the guide is gone through: a folder of its own with empty caches, and a shell. Knows no command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::Language;
use super::registry::Registry;
use crate::node::Node;

/// A shell in a folder of its own.
pub(super) struct Desk {
    root: PathBuf,
    here: PathBuf,
    path: std::ffi::OsString,
    registry: Option<Registry>,
    /// What the last round of `dev` showed.
    shown: String,
}

impl Desk {
    /// An empty folder, without anything that an earlier time left.
    pub(super) fn new(language: Language, bailiwick: &Path) -> Result<Self> {
        let root = crate::root().join("target/guide").join(language.word());
        match fs::remove_dir_all(&root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir_all(&root)?,
        }
        let mut folders = vec![bailiwick.parent().context("a program in no folder")?.to_path_buf()];
        if language == Language::TypeScript {
            folders.push(Node::find()?.folder().to_path_buf());
        }
        let usual = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&usual)))?;
        Ok(Self { here: root.clone(), root, path, registry: None, shown: String::new() })
    }

    /// `cd`.
    pub(super) fn goes_to(&mut self, folder: &str) {
        match folder {
            ".." => drop(self.here.pop()),
            below => self.here.push(below),
        }
    }

    /// Types a line, and says how long it took. What it printed is shown where it ends badly.
    pub(super) fn types(&mut self, line: &str) -> Result<Duration> {
        let line = match &self.registry {
            Some(registry) => line.replace("REGISTRY", registry.host()),
            None => line.to_owned(),
        };
        eprintln!("$ {line}");
        let caches = self.root.join("caches");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &line])
            .current_dir(&self.here)
            .env("PATH", &self.path)
            .env("XDG_CACHE_HOME", &caches)
            .env("npm_config_cache", caches.join("npm"))
            // Each agent is compiled in its own folder, as at its author's.
            .env_remove("CARGO_TARGET_DIR");
        if line.starts_with("bailiwick ") {
            // No policy of whoever measures.
            shell.env("XDG_CONFIG_HOME", self.root.join("config"));
        }
        let begun = Instant::now();
        let ended = shell.output().with_context(|| line.clone())?;
        let took = begun.elapsed();
        let told = String::from_utf8_lossy(&ended.stdout);
        if !ended.status.success() {
            bail!("{line}: {}\n{told}\n{}", ended.status, String::from_utf8_lossy(&ended.stderr));
        }
        if line.starts_with("bailiwick dev") {
            self.shown = told.into_owned();
        }
        Ok(took)
    }

    /// Replaces a text that has to be there, as an author with an editor.
    pub(super) fn change(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.here.join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        if !text.contains(from) {
            bail!("{} has no {from:?}", path.display());
        }
        Ok(fs::write(path, text.replace(from, to))?)
    }

    /// Whether the round showed what was changed.
    pub(super) fn saw_another_greeting(&self) -> bool {
        self.shown.contains("Good day, Ada!")
    }

    /// A registry, and the admin's file that lists it and admits the key of the author.
    pub(super) fn write_policy(&mut self) -> Result<()> {
        let registry = Registry::start(&self.root.join("registry"))?;
        let public = fs::read_to_string(self.root.join("me.pub"))?;
        let key = public.lines().nth(1).context("me.pub has no second line")?;
        let (host, root) = (registry.host(), self.root.display());
        let policy = format!(
            "[publishers.acme]\nkeys = [{{ key = \"{key}\" }}]\n\n\
             [sources]\nroots = [\"{root}/shop\"]\n\
             registries = [{{ at = \"{host}/acme\", scheme = \"http\", network = \"loopback\" }}]\n\n\
             [ceiling.\"acme/*\"]\n\n[ceiling.\"local/*\"]\n"
        );
        fs::write(self.root.join("policy.toml"), policy)?;
        self.registry = Some(registry);
        Ok(())
    }
}

/// `2 cores with a load of 0.7`.
pub(super) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    format!("{cores} cores with a load of {load}")
}
