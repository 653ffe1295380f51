//! What a resident host may still ask of the kernel: the paths that its projects and this system need, and processes that show what is refused. What a wall is made of stands in `bailiwick_lockdown`.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use bailiwick_core::{Diagnostic, Name};
pub use bailiwick_lockdown::{LockError, Paths, Tried, Wall, Walls};
use bailiwick_lockdown::{lock_host, tried_by_host};
use bailiwick_policy::Policy;
use bailiwick_policy::credential::Source;

use crate::codes;
use crate::host::HostConfig;
use crate::load::{Opened, POLICY_OF_THE_HOST, Places};
use crate::problems::Problems;
use crate::provenance::signature_path;
use crate::serve::Projects;

/// The hidden subcommand that calls [`compile_child_tries`](crate::compile_child_tries).
pub const TRY_COMPILER: &str = "__try-compiler";

/// The hidden subcommand that calls [`host_tries_main`], with its three paths.
pub const TRY_HOST: &str = "__try-host";

/// What the libraries of a server read of a system: names of hosts and users, roots of
/// TLS, the time zone, how much of a machine there is.
const SYSTEM: &[&str] = &[
    "/dev/random",
    "/dev/urandom",
    "/lib",
    "/lib64",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self",
    "/proc/stat",
    "/proc/sys/vm",
    "/run/nscd",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
];

/// Of `/etc` as a whole, because its files are replaced while a host serves (the list of
/// name servers by every change of a network), and a rule is about the file that was there.
const ETC: &str = "/etc";

/// The same for root, who could read what is nobody else's there; a replaced one is
/// read again after a restart.
const ETC_OF_ROOT: &[&str] = &[
    "/etc/bailiwick",
    "/etc/ca-certificates",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
];

/// This program, and what loads programs: without the loader it would not start itself.
/// No other starts by its path. The loader starts whatever can be read, and what lies in
/// memory has no path: both behind the same walls, which are inherited.
const PROGRAMS: &[&str] = &[
    "/proc/self/exe",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

/// What a child is started with in place of its input and its errors.
const NOTHING: &str = "/dev/null";

/// Where a host stands, before it locks itself into it.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Its paths. A front end adds where it listens.
    pub paths: Paths,
    /// The group whose OS users may reach it, where policy names one.
    pub group: Option<String>,
    /// Credentials that programs print: a locked host starts none of them.
    pub printed: BTreeSet<Name>,
}

impl Ground {
    /// The ground of a host for these projects. Makes its data and cache folders.
    ///
    /// # Errors
    /// Everything that is wrong in the files of the projects.
    pub fn of(config: &HostConfig, projects: &[Places]) -> Result<Self, Problems> {
        // Judged as the host will: what is wrong is told before anything is made.
        let opened = Projects::open(projects)?;
        let (group, printed) = (opened.policy.group.clone(), BTreeSet::new());
        let mut ground = Self { paths: system(), group, printed };
        ground.paths.read.extend(opened.all().flat_map(|opened| of_project(opened)));
        for opened in opened.all() {
            let Policy { credentials, tls_roots, .. } = &opened.policy;
            let kept =
                credentials.iter().filter_map(|(name, credential)| match &credential.source {
                    Source::File(path) => Some(path),
                    Source::Command(_) => {
                        ground.printed.insert(name.clone());
                        None
                    }
                    Source::Env(_) => None,
                });
            let files: Vec<_> = kept.chain(tls_roots.values().flatten()).collect();
            ground.paths.read.extend(files.into_iter().flat_map(|file| of_file(Path::new(file))));
        }
        for places in projects {
            let policies = [places.policy.as_deref(), places.user_policy.as_deref()];
            let policies = policies.into_iter().flatten().chain([Path::new(POLICY_OF_THE_HOST)]);
            // Its folder, because an editor replaces a file instead of writing into it.
            ground.paths.read.extend(policies.filter_map(Path::parent).map(PathBuf::from));
        }
        for own in [&config.data, &config.cache] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(own);
            made.map_err(|error| {
                let message = format!("{}: {error}", own.display());
                Problems::one(Diagnostic::error(codes::STORAGE, message))
            })?;
            ground.paths.write.push(own.clone());
        }
        Ok(ground)
    }

    /// Locks this process into it, for good. Before its first thread.
    ///
    /// # Errors
    /// [`Problems`] where the kernel has the means and refuses them.
    pub fn lock(&self) -> Result<Walls, Problems> {
        lock_host(&self.paths).map_err(|error| {
            let hint = "`bailiwick doctor` says what this kernel has; `--unlocked` serves without";
            Problems::one(Diagnostic::error(codes::HOST, error.to_string()).hint(hint))
        })
    }
}

fn system() -> Paths {
    let owned = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    let mut read = owned(SYSTEM);
    if rustix::process::geteuid().is_root() {
        read.extend(owned(ETC_OF_ROOT));
    } else {
        read.push(ETC.into());
    }
    Paths { read, write: vec![NOTHING.into()], start: owned(PROGRAMS) }
}

/// Its folder, and what it names outside of it.
fn of_project(opened: &Opened) -> Vec<PathBuf> {
    let components =
        opened.project.agents.values().map(|agent| opened.root.join(&agent.component)).flat_map(
            // Signed anew, it has another signature beside it.
            |path| [signature_path(&path), path],
        );
    let folders = opened.resources.knowledge.values().chain(opened.resources.assets.values());
    [opened.root.clone()].into_iter().chain(components).chain(folders.map(PathBuf::from)).collect()
}

/// A file that is replaced while a host serves: its folder too, because a rule is about the
/// file that was there; but no folder of the system for the sake of one file.
fn of_file(file: &Path) -> Vec<PathBuf> {
    let folder = file.parent().filter(|folder| ![Path::new("/"), Path::new(ETC)].contains(folder));
    [Some(file), folder].into_iter().flatten().map(PathBuf::from).collect()
}

/// What a locked process of ours came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Which walls stood.
    pub walls: Walls,
    /// What it tried.
    pub tried: Vec<Tried>,
}

/// What every process of ours must be able to do.
const NEEDED: &[&str] =
    &["start a thread", "write in its own folder", "remove from its own folder", "dial"];

impl Trial {
    /// What it could and must not, or must and could not.
    #[must_use]
    pub fn wrong(&self) -> Vec<String> {
        let wrong = self.tried.iter().filter(|one| one.done != NEEDED.contains(&&*one.what));
        wrong
            .map(|one| match one.done {
                true => one.what.clone(),
                false => format!("not {} ({})", one.what, one.said),
            })
            .collect()
    }

    /// Whether this kernel has everything that is asked of it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!((&self.walls.files, &self.walls.calls), (Wall::Whole(_), Wall::Whole(_)))
    }
}

/// Starts a compiling process that tries what it must not.
///
/// # Errors
/// Why it could not be started or locked.
pub async fn compiler_tries(config: &HostConfig) -> Result<Trial, String> {
    told_by(config, TRY_COMPILER, &[]).await
}

/// Starts a host's process that tries what it must not, in folders made for it.
///
/// # Errors
/// Why it could not be started or locked.
pub async fn host_tries(config: &HostConfig) -> Result<Trial, String> {
    let said = |error: std::io::Error| error.to_string();
    let [own, beside] = [tempfile::tempdir().map_err(said)?, tempfile::tempdir().map_err(said)?];
    let other = beside.path().join("other");
    std::fs::write(&other, "somebody else's").map_err(said)?;
    told_by(config, TRY_HOST, &[own.path(), &other, beside.path()]).await
}

async fn told_by(config: &HostConfig, word: &str, paths: &[&Path]) -> Result<Trial, String> {
    let mut command = std::process::Command::new(&config.compiler);
    command.arg(word).args(paths).env_clear().current_dir("/");
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let ended = tokio::task::spawn_blocking(move || command.output()).await;
    let output = ended.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let told: Result<(Walls, Vec<Tried>), String> = serde_json::from_slice(&output.stdout)
        .map_err(|_| {
            let said = String::from_utf8_lossy(&output.stderr);
            format!("its process ended with {} and said nothing {}", output.status, said.trim())
        })?;
    told.map(|(walls, tried)| Trial { walls, tried })
}

/// What the hidden subcommand does: locks itself as a host with the folder `own`, and
/// tries. Must run before any thread of the process.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the pipe to the process that asks")]
pub fn host_tries_main(own: &Path, other: &Path, beside: &Path) -> ExitCode {
    let mut paths = system();
    paths.write.push(own.to_path_buf());
    let told = lock_host(&paths).map(|walls| (walls, tried_by_host(own, other, beside)));
    let text = serde_json::to_vec(&told.map_err(|error| error.to_string()));
    let written = text.is_ok_and(|text| std::io::stdout().lock().write_all(&text).is_ok());
    if written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_be_replaced_and_opens_no_folder_of_the_system() {
        let of = |file: &str| of_file(Path::new(file));
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(of("/run/secrets/token"), paths(&["/run/secrets/token", "/run/secrets"]));
        assert_eq!(of("/token"), paths(&["/token"]));
        assert_eq!(of("/etc/token"), paths(&["/etc/token"]));
    }
}
