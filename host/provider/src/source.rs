//! Where secrets are read: a file, or what a program prints. Knows no credential and keeps nothing.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

/// The most that a file or a program may give: far above the largest secret.
const SOURCE_MAX_BYTES: u64 = 64 * 1024;
/// The longest that a program may take, and a file: a share that hangs must not hold up
/// everybody else.
pub(crate) const READ_MAX: Duration = Duration::from_secs(10);

/// What tells one version of a file from the next, whether it was written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp([i64; 4], [u64; 3]);

impl Stamp {
    /// Nothing where there is no such file.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
        Some(Self(times, [found.dev(), found.ino(), found.size()]))
    }
}

/// What a file holds, however it is replaced: it is opened anew each time.
pub(crate) fn file(path: &str) -> std::io::Result<Zeroizing<String>> {
    use std::io::Read as _;
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)?.take(SOURCE_MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// What a program prints. It gets no input; what it complains of is nobody's, because it
/// may hold the secret.
pub(crate) async fn printed(words: &[String]) -> Result<Zeroizing<String>, String> {
    let Some((program, arguments)) = words.split_first() else { return Err("no program".into()) };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn().map_err(|error| not_started(&error))?;
    let output = child.stdout.take().ok_or("it has no output")?;
    let mut text = Zeroizing::new(String::new());
    let ended = async {
        output.take(SOURCE_MAX_BYTES).read_to_string(&mut text).await?;
        child.wait().await
    };
    match tokio::time::timeout(READ_MAX, ended).await {
        Ok(Ok(status)) if status.success() => Ok(text),
        Ok(Ok(status)) => Err(format!("it ended with {status}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it took more than {} s", READ_MAX.as_secs())),
    }
}

/// Why a program did not start. That a host locks itself is nothing that the system's words
/// would tell anybody.
fn not_started(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::Unsupported => format!(
            "its `command` was not started ({error}): a host that locks itself, as `bailiwick serve` does, starts no programs; take `env` or `file` in policy.toml, or serve with --unlocked"
        ),
        _ => error.to_string(),
    }
}
