//! A version of the contract that was released never changes: components of it are out, and their records and signatures are of these words.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::Path;

use bailiwick_core::Digest;
use bailiwick_core::contract::SERVED;

/// The folders of `wit/` with the digest of all that is in them. A line is added when a
/// version is released, and no line ever changes: what has to be said otherwise is a version
/// of its own.
const RELEASED: &[(&str, &str)] =
    &[("v0.1", "blake3:477414ac1af768d0698ea5a208fcca80de35afa66742493efdf6902824262f62")];

/// Of the names and the bytes of its files.
fn digest(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    let parts: Vec<&[u8]> =
        files.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes.as_slice()]).collect();
    Digest::of_parts(&parts).to_string()
}

#[test]
fn a_released_version_never_changes() {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let mut found: Vec<_> = fs::read_dir(&wit)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    let named: Vec<&str> = RELEASED.iter().map(|(folder, _)| *folder).collect();
    assert_eq!(found, named, "each folder of wit/ is a released version");
    for (folder, expected) in RELEASED {
        assert_eq!(digest(&wit.join(folder)), *expected, "wit/{folder} was changed");
    }
}

#[test]
fn every_released_version_is_served() {
    let served = SERVED.releases().iter().map(|release| {
        let (line, patch) = release.version.rsplit_once('.').unwrap();
        assert_eq!(patch, "0", "a folder holds one version, and is named after it");
        format!("v{line}")
    });
    assert_eq!(served.collect::<Vec<_>>(), RELEASED.iter().map(|row| row.0).collect::<Vec<_>>());
}
