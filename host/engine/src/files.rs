//! Reads the operator's files and folders: bounded, without links, sorted; and replaces one whole. Knows no TOML.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use bailiwick_core::{Bytes, Diagnostic};
use rustix::fs::{Access, OFlags};

use crate::codes;

/// The largest file of the three, and of `decisions.toml`: the reader stops there too.
pub(crate) const TEXT_MAX: Bytes = Bytes::mib(1);
/// The largest input: what a document may have, with room for spaces.
pub(crate) const INPUT_MAX: Bytes = Bytes::mib(16);
/// The largest file that comes in as an artifact: what one attempt may put.
pub(crate) const ARTIFACT_MAX: Bytes = Bytes::mib(64);
/// The most files of one folder: above it, it is an archive and no folder of assets.
pub(crate) const FILES_MAX: usize = 10_000;
/// What to do where a file may be read, and this process may not read it.
const WALLED: &str =
    "a host that serves reads only what its files named when it was started; start it again";
/// How deep folders go: above it, something links in a circle.
const DEPTH_MAX: usize = 32;

/// The bytes of a file, where it is one and not larger than `most`.
///
/// It is opened once, without waiting, and judged by what was opened: whoever puts a pipe or
/// a file that grows into its place gains nothing.
pub(crate) fn read(path: &Path, most: Bytes) -> Result<Vec<u8>, String> {
    let without_waiting = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(without_waiting.bits()).unwrap_or_default();
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| refused(path, &error))?;
    let found = file.metadata().map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("it is no file".into());
    }
    let too_large = |size| Err(format!("it has {size}; at most {most} are read"));
    if found.len() > most.0 {
        return too_large(Bytes(found.len()).to_string());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
    let read = file.take(most.0.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    match bytes.len() as u64 > most.0 {
        true => too_large("more by now".to_owned()),
        false => Ok(bytes),
    }
}

/// Why a file could not be opened. Where its rights would allow it, it is the wall that this
/// process put around itself.
fn refused(path: &Path, error: &io::Error) -> String {
    let is_walled = error.kind() == io::ErrorKind::PermissionDenied
        && rustix::fs::access(path, Access::READ_OK).is_ok();
    match is_walled {
        true => format!("{error}: {WALLED}"),
        false => error.to_string(),
    }
}

/// The text of a file of the operator.
pub(crate) fn text(path: &Path, shown: &str) -> Result<String, Diagnostic> {
    let fail = |why: String| Diagnostic::error(codes::UNREADABLE, format!("{shown}: {why}"));
    let bytes = read(path, TEXT_MAX).map_err(fail)?;
    String::from_utf8(bytes).map_err(|_| fail("it is not UTF-8".into()))
}

/// A file of a folder.
pub(crate) struct Found {
    /// Relative to the folder, with `/`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) size: Bytes,
}

/// Every file below a folder, sorted by name. Hidden files are left out; a link is an
/// error, because it could lead anywhere.
pub(crate) fn walk(folder: &Path) -> Result<Vec<Found>, String> {
    let mut found = Vec::new();
    descend(folder, "", 0, &mut found)?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn descend(
    folder: &Path,
    prefix: &str,
    depth: usize,
    found: &mut Vec<Found>,
) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!("{} lies more than {DEPTH_MAX} folders deep", folder.display()));
    }
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let entry = entry.map_err(|error| error.to_string())?;
        let Ok(file_name) = entry.file_name().into_string() else {
            return Err(format!("{}: a name that is not UTF-8", folder.display()));
        };
        if file_name.starts_with('.') {
            continue;
        }
        let name = if prefix.is_empty() { file_name } else { format!("{prefix}/{file_name}") };
        let kind = entry.metadata().map_err(|error| format!("{name}: {error}"))?;
        if kind.is_symlink() {
            return Err(format!("{name} is a link; folders of a project hold files"));
        } else if kind.is_dir() {
            descend(&entry.path(), &name, depth + 1, found)?;
        } else if kind.is_file() {
            found.push(Found { name, path: entry.path(), size: Bytes(kind.len()) });
        }
        if found.len() > FILES_MAX {
            return Err(format!("it has more than {FILES_MAX} files"));
        }
    }
    Ok(())
}

/// `path` below `base`, where it stays there and passes no link.
pub(crate) fn below(base: &Path, path: &str) -> Result<PathBuf, String> {
    let mut whole = base.to_path_buf();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => whole.push(name),
            Component::CurDir => continue,
            _ => return Err("it leaves its folder".into()),
        }
        let kind = fs::symlink_metadata(&whole).map_err(|error| error.to_string())?;
        if kind.is_symlink() {
            return Err("it passes a link".into());
        }
    }
    Ok(whole)
}

/// A path without links and `..`, as policy compares it.
pub(crate) fn real(path: &Path) -> Result<String, String> {
    let real = fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
    real.into_os_string().into_string().map_err(|_| "a path that is not UTF-8".into())
}

/// Where the links in a path lead, as far as it is there; what is not is taken as it stands.
pub(crate) fn led_to(path: &Path) -> String {
    let mut above = path.ancestors();
    let led = above.find_map(|there| {
        let rest = path.strip_prefix(there).ok()?;
        let real = fs::canonicalize(there).ok()?;
        // An empty rest would leave a slash behind.
        Some(if rest.as_os_str().is_empty() { real } else { real.join(rest) })
    });
    led.unwrap_or_else(|| path.to_path_buf()).display().to_string()
}

/// Puts a file in the place of another one, or of none: whoever looks sees the old bytes or
/// the new ones, also after the machine has lost its power. Rights stay as they were, and a
/// link stays one; a new file has those that the user's mask leaves.
///
/// # Errors
/// Whatever the disk says. Then the old one is there still, and nothing else.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // The file that a link leads to is another person's idea of where it lies.
    let path = if path.exists() { fs::canonicalize(path)? } else { path.to_path_buf() };
    let new = beside(&path);
    // What a cut has left behind; nothing that somebody has put there is written through.
    let _ = fs::remove_file(&new);
    let written =
        OpenOptions::new().write(true).create_new(true).open(&new).and_then(|mut file| {
            if let Ok(old) = fs::metadata(&path) {
                file.set_permissions(old.permissions())?;
            }
            file.write_all(bytes)?;
            // A rename may reach the disk before the bytes do.
            file.sync_all()?;
            fs::rename(&new, &path)
        });
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written?;
    // It has happened. A folder that cannot be synced is one in which a loss of power may
    // bring back the old file, which is whole as well.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
    Ok(())
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

/// The media type of a file, by the end of its name.
pub(crate) fn media_type(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    match end.as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("gif") => "image/gif",
        Some("svg") => "image/svg+xml",
        Some("ttf") => "font/ttf",
        Some("otf") => "font/otf",
        Some("woff") => "font/woff",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        Some("csv") => "text/csv",
        Some("md" | "markdown") => "text/markdown",
        Some("txt") => "text/plain",
        Some("html" | "htm") => "text/html",
        Some("pdf") => "application/pdf",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_others_can_read_it() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a"), folder.path().join("link"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        replace(&path, b"one").unwrap();
        // What this process makes otherwise, and not what a temporary file has.
        fs::write(folder.path().join("usual"), "").unwrap();
        assert_eq!(mode(&path), mode(&folder.path().join("usual")));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        symlink("a", &link).unwrap();
        // Half a file of somebody who was cut off, and a trap.
        symlink("usual", folder.path().join(".a.new")).unwrap();
        replace(&link, b"two").unwrap();
        assert!(link.is_symlink());
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"two".to_vec(), 0o604));
        assert!(fs::read(folder.path().join("usual")).unwrap().is_empty());
        // A folder in its way.
        fs::create_dir(folder.path().join(".a.new")).unwrap();
        assert!(replace(&path, b"three").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"two");
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let fifo = path("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
        // Nobody writes into it: who would open it as a file would wait for ever.
        for none in [&fifo, folder.path(), Path::new("/dev/zero")] {
            assert_eq!(read(none, Bytes(9)).unwrap_err(), "it is no file");
        }
        fs::write(path("nine"), "123456789").unwrap();
        assert_eq!(read(&path("nine"), Bytes(9)).unwrap(), b"123456789");
        assert!(read(&path("nine"), Bytes(8)).unwrap_err().contains("at most 8 B are read"));
        // One that says that it is empty, and has more than it may.
        let grown = read(Path::new("/proc/self/status"), Bytes(9)).unwrap_err();
        assert!(grown.contains("at most 9 B are read"), "{grown}");
    }

    #[test]
    fn nothing_leaves_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.txt"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("etc")).unwrap();
        assert!(below(folder.path(), "./a.txt").is_ok());
        for bad in ["../a.txt", "/etc/passwd", "etc/passwd", "none.txt", "a.txt/../../x"] {
            assert!(below(folder.path(), bad).is_err(), "{bad}");
        }
        assert!(walk(folder.path()).is_err(), "a link in a folder is an error");
    }

    #[test]
    fn links_are_followed_as_far_as_there_is_something() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().canonicalize().unwrap().join(name);
        fs::create_dir_all(path("real/in")).unwrap();
        std::os::unix::fs::symlink("real", path("link")).unwrap();
        for (written, led) in [
            ("link", "real"),
            ("link/in", "real/in"),
            ("link/none/at/all", "real/none/at/all"),
            ("none/link", "none/link"),
            ("real", "real"),
        ] {
            assert_eq!(led_to(&path(written)), path(led).display().to_string());
        }
        assert_eq!(led_to(Path::new("/")), "/");
    }

    #[test]
    fn files_are_found_in_order_without_hidden_ones() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["c.md", "b/a.md", ".git"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let names: Vec<_> = walk(folder.path()).unwrap().into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["b/a.md", "c.md"]);
    }
}
