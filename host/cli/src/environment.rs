//! What the process was given: variables, home, current folder, terminals. The only file that reads them.

use std::env;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bailiwick_engine::Keys;
use bailiwick_engine::host::HostConfig;
use bailiwick_engine::load::Places;

use crate::arguments::{DataPlace, ProjectPlace};

/// The folder of a project in which its data lies, unless `--data` says another.
pub(crate) const DATA: &str = ".bailiwick";

/// Where the groups of OS users stand that this machine knows by itself; one that a
/// directory service knows is named by its number.
const GROUPS: &str = "/etc/group";

/// This program, whatever has been put at its path since: a host that is upgraded while
/// it serves goes on with what it began with, and a locked one can start nothing else.
const SELF: &str = "/proc/self/exe";

/// What the process was given.
pub(crate) struct Environment {
    /// The current folder.
    pub(crate) folder: PathBuf,
    /// The user who runs this.
    pub(crate) uid: u32,
    /// The program to edit texts with.
    pub(crate) editor: Option<String>,
    /// What to log, as `BAILIWICK_LOG` says it.
    pub(crate) log: Option<String>,
    /// Where the keys of providers and registries are.
    pub(crate) keys: Keys,
    cache: PathBuf,
    /// The user's private folder for sockets.
    pub(crate) runtime: PathBuf,
    user_policy: Option<PathBuf>,
    command: String,
    /// Whether somebody sees colours on standard error.
    pub(crate) colours: bool,
    /// Which of the three streams are a terminal.
    pub(crate) terminals: Terminals,
}

/// Which of the three streams are a terminal.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the three streams")]
pub(crate) struct Terminals {
    pub(crate) stdin: bool,
    pub(crate) stderr: bool,
}

/// The hidden subcommand that this process was started with, and what follows it.
pub(crate) fn hidden() -> Option<(String, Vec<PathBuf>)> {
    let mut words = env::args_os().skip(1);
    let word = words.next()?.into_string().ok()?;
    word.starts_with("__").then(|| (word, words.map(PathBuf::from).collect()))
}

impl Environment {
    /// Reads it, once.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let home = env::home_dir().filter(|home| home.is_absolute());
        let under = |variable: &str, otherwise: &str| {
            let named = path(variable).filter(|path| path.is_absolute());
            named.or_else(|| Some(home.as_ref()?.join(otherwise)))
        };
        let cache = under("XDG_CACHE_HOME", ".cache")
            .context("neither XDG_CACHE_HOME nor HOME says where compiled code can be kept")?;
        let terminals =
            Terminals { stdin: io::stdin().is_terminal(), stderr: io::stderr().is_terminal() };
        let arguments: Vec<_> =
            env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = text("TERM").is_some_and(|term| term == "dumb");
        Ok(Self {
            folder: env::current_dir().context("the current folder is gone")?,
            uid: rustix::process::geteuid().as_raw(),
            editor: text("VISUAL").or_else(|| text("EDITOR")),
            log: text("BAILIWICK_LOG"),
            keys: Keys::reading(text),
            runtime: match path("XDG_RUNTIME_DIR").filter(|path| path.is_absolute()) {
                Some(runtime) => runtime.join("bailiwick"),
                None => cache.join("bailiwick/run"),
            },
            cache: cache.join("bailiwick"),
            user_policy: under("XDG_CONFIG_HOME", ".config")
                .map(|folder| folder.join("bailiwick/policy.toml")),
            command: arguments.join(" "),
            colours: terminals.stderr && !plain && !dumb,
            terminals: Terminals { stderr: terminals.stderr && !dumb, ..terminals },
        })
    }

    /// Where a project, its policy and its models are looked for.
    pub(crate) fn places(&self, place: &ProjectPlace, models: &[String]) -> anyhow::Result<Places> {
        Ok(Places {
            project: self.project(place)?,
            policy: place.policy.clone(),
            user_policy: self.user_policy.clone(),
            models: models.to_vec(),
        })
    }

    /// Where the policy of this host is looked for, without a project.
    pub(crate) fn policy(&self, named: Option<&Path>) -> Places {
        Places {
            project: PathBuf::new(),
            policy: named.map(Path::to_path_buf),
            user_policy: self.user_policy.clone(),
            models: Vec::new(),
        }
    }

    /// The folder of the project: the named one, or the one around the current folder.
    pub(crate) fn project(&self, place: &ProjectPlace) -> anyhow::Result<PathBuf> {
        match &place.project {
            Some(project) => Ok(project.clone()),
            None => Ok(bailiwick_engine::load::find_project(&self.folder)?),
        }
    }

    /// The data folder: the named one, or the project's.
    pub(crate) fn data(&self, place: &DataPlace) -> anyhow::Result<PathBuf> {
        match (&place.data, &place.project) {
            (Some(data), _) => Ok(data.clone()),
            (None, Some(project)) => Ok(project.join(DATA)),
            (None, None) => Ok(bailiwick_engine::load::find_project(&self.folder)?.join(DATA)),
        }
    }

    /// The number of a group of OS users, by its name or by itself.
    pub(crate) fn group(&self, group: &str) -> anyhow::Result<u32> {
        if let Ok(number) = group.parse() {
            return Ok(number);
        }
        let known = fs::read_to_string(GROUPS).with_context(|| GROUPS.to_owned())?;
        let mut numbers = known.lines().filter_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == group).then(|| fields.nth(1)?.parse().ok())?
        });
        numbers.next().with_context(|| {
            format!("[host] group of policy.toml: {GROUPS} has no group {group:?}")
        })
    }

    /// What a host needs to know of this machine.
    pub(crate) fn host(&self, data: &Path) -> HostConfig {
        HostConfig {
            data: data.to_path_buf(),
            cache: self.cache.clone(),
            compiler: SELF.into(),
            compiler_arguments: vec![crate::COMPILE.to_owned()],
            keys: self.keys.clone(),
            command: self.command.clone(),
        }
    }
}

fn text(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

fn path(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}
