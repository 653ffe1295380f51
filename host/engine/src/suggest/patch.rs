//! A suggestion as a file: the patch that `patch -p1` and `git apply` take, and the new text in the place of the old one. Knows no grant.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use bailiwick_core::Diagnostic;
use similar::TextDiff;

use crate::codes;
use crate::files;
use crate::load::PROJECT_FILE;
use crate::problems::Problems;

/// Lines that are the same around each change, as `diff -u` has them.
const CONTEXT_LINES: usize = 3;

/// The unified patch; empty where both are the same.
pub(crate) fn patch(before: &str, after: &str) -> String {
    let (old, new) = (format!("a/{PROJECT_FILE}"), format!("b/{PROJECT_FILE}"));
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(CONTEXT_LINES).header(&old, &new).to_string()
}

/// Puts a text in the place of the project's file, whole or not at all, where the file is
/// still the one that was read.
pub(crate) fn write(root: &Path, before: &str, after: &str) -> Result<(), Problems> {
    let path = root.join(PROJECT_FILE);
    // Whoever links to a file wants that file changed, and the link left.
    let real = files::real(&path).map_err(|why| unwritten(&why))?;
    let real = Path::new(&real);
    let found = files::text(real, PROJECT_FILE).map_err(Problems::one)?;
    if found != before {
        let message = format!("{PROJECT_FILE} is not the text any more that was verified");
        let hint = "somebody has saved it meanwhile: type the command again";
        let diagnostic = Diagnostic::error(codes::CHANGED_MEANWHILE, message).hint(hint);
        return Err(Problems::one(diagnostic));
    }
    replace(real, after).map_err(|error| unwritten(&error))
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut part = tempfile::NamedTempFile::new_in(folder)?;
    part.write_all(text.as_bytes())?;
    part.as_file().set_permissions(fs::metadata(path)?.permissions())?;
    part.as_file().sync_all()?;
    part.persist(path).map(|_| ()).map_err(|error| error.error)
}

fn unwritten(why: &impl std::fmt::Display) -> Problems {
    let diagnostic = Diagnostic::error(codes::STORAGE, format!("{PROJECT_FILE}: {why}"));
    Problems::one(diagnostic.hint("the patch can be applied by hand: `patch -p1`"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_patch_names_the_file_and_has_the_lines_around() {
        assert_eq!(patch("a\n", "a\n"), "");
        let shown = patch("1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\nfive\n6");
        assert_eq!(
            shown,
            "--- a/bailiwick.toml\n+++ b/bailiwick.toml\n@@ -2,5 +2,5 @@\n 2\n 3\n 4\n-5\n-6\n+five\n+6\n\\ No newline at end of file\n"
        );
    }

    #[test]
    fn only_what_was_verified_is_written_over_and_the_file_stays_the_same_one() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.toml"), folder.path().join(PROJECT_FILE));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(write(folder.path(), "older", "new").unwrap_err().to_string().contains("verified"));
        write(folder.path(), "old", "new").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no part is left behind");
    }
}
