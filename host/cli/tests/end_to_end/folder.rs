//! A folder as a value: every file below it with its bytes.

use std::collections::BTreeMap;
use std::path::Path;

/// Every file below `folder` by its path in it. Folders without a file do not count.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Both folders have the same files with the same bytes, and at least one.
pub(crate) fn assert_equal(one: &Path, other: &Path) {
    let (one, other) = (files(one), files(other));
    assert!(!one.is_empty(), "nothing to compare");
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    let different: Vec<_> =
        one.iter().filter(|(name, bytes)| other.get(*name) != Some(bytes)).collect();
    assert!(
        different.is_empty(),
        "different: {:?}",
        different.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
}

/// A copy of every file below `from`.
pub(crate) fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let path = to.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(from.join(path.strip_prefix(to).unwrap()), &path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}

/// Whether a text is anywhere in the files below a folder.
pub(crate) fn is_anywhere(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_anywhere(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}
