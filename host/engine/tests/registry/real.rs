//! A real registry for a test: Debian's `docker-registry` on a free port, with its own folder, gone when the test ends.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How `cargo xtask test` says that it is installed: then it must start.
const VARIABLE: &str = "BAILIWICK_TEST_REGISTRY";
/// What Debian calls it.
const PROGRAM: &str = "docker-registry";
/// One user, `ana`, with the password `a-secret-of-ana-16`.
const HTPASSWD: &str = "ana:$2b$05$abcdefghijklmnopqrstuu3YL2Zyi.bsme34wMvsOLdRYLj5DU4Eu\n";
/// What she sends along.
pub(crate) const ANA: &str = "YW5hOmEtc2VjcmV0LW9mLWFuYS0xNg==";

/// Who is let in.
#[allow(dead_code, reason = "each test program opens another door")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    /// `ana` alone.
    Ana,
}

/// A registry that runs.
pub(crate) struct Real {
    child: Child,
    /// Host and port.
    pub(crate) host: String,
    _folder: tempfile::TempDir,
}

impl Real {
    /// Starts one; nothing, and a word about it, where it is not installed.
    #[allow(clippy::print_stderr, reason = "who reads the tests must see what was left out")]
    pub(crate) fn start(door: Door) -> Option<Self> {
        let named = std::env::var_os(VARIABLE);
        let program = named.clone().unwrap_or_else(|| PROGRAM.into());
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), door);
        let mut command = Command::new(&program);
        command.arg("serve").arg(config).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) if named.is_none() => {
                eprintln!(
                    "skipped: {PROGRAM} is not installed ({error}); `cargo xtask test` gets it"
                );
                return None;
            }
            Err(error) => panic!("{VARIABLE}={}: {error}", program.display()),
        };
        let mut words = BufReader::new(child.stderr.take().unwrap()).lines();
        let host = words.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split(['"', ' ']).next()?.to_owned())
        });
        // What it says later must go somewhere, or it stops.
        std::thread::spawn(move || words.for_each(drop));
        Some(Self { child, host: host.unwrap(), _folder: folder })
    }
}

fn config(folder: &Path, door: Door) -> std::path::PathBuf {
    let (store, passwords) = (folder.join("store"), folder.join("htpasswd"));
    std::fs::write(&passwords, HTPASSWD).unwrap();
    let auth = match door {
        Door::Open => String::new(),
        Door::Ana => format!("auth: {{htpasswd: {{realm: here, path: {passwords:?}}}}}\n"),
    };
    let text = format!(
        "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {store:?}}}}}\n\
         http: {{addr: \"127.0.0.1:0\", secret: of-a-test}}\n{auth}"
    );
    let config = folder.join("config.yml");
    std::fs::write(&config, text).unwrap();
    config
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
