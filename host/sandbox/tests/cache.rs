//! Compiled code is used again where this host wrote it, and compiled again where anybody else could have.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bailiwick_sandbox::{CacheError, Compiler, Sandbox, SandboxError};
use support::guest::{Guest, answer, performs};
use support::{Counting, Host, sandbox};

fn kept(cache: &Path) -> PathBuf {
    let files = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    let code: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "code")).collect();
    assert_eq!(code.len(), 1, "{code:?}");
    code[0].clone()
}

/// A host that cannot compile: what it has is from the cache.
fn without_compiler(cache: &Path) -> Sandbox {
    let compiler = Compiler { executable: "/does/not/exist".into(), arguments: Vec::new() };
    Sandbox::new(cache, compiler, Arc::new(Counting::default())).unwrap()
}

#[tokio::test]
async fn code_is_kept_for_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("code");
    let component = Guest::default().component();
    sandbox(&cache).prepare(&component).await.unwrap();
    assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(kept(&cache)).unwrap().permissions().mode() & 0o777, 0o600);
    let host = Host::over(Arc::new(without_compiler(&cache)));
    host.answer(&component).await;
    let other = performs(&answer("2")).component();
    let refused = host.refused(&other).await.to_string();
    assert!(
        refused.starts_with("the compiling process /does/not/exist cannot be used"),
        "{refused}"
    );
}

#[tokio::test]
async fn code_that_was_changed_is_never_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("code");
    let component = Guest::default().component();
    sandbox(&cache).prepare(&component).await.unwrap();
    let path = kept(&cache);
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let mut other_hash = good.clone();
    other_hash[10] ^= 1;
    let bare = good[40..].to_vec();
    for bad in [
        flipped,
        other_hash,
        bare,
        good[..good.len() - 1].to_vec(),
        good[..20].to_vec(),
        Vec::new(),
    ] {
        fs::write(&path, &bad).unwrap();
        let refused = without_compiler(&cache).prepare(&component).await;
        assert!(refused.is_err(), "only a compiler could help now");
        // With one it is compiled and replaced.
        let host = Host::over(Arc::new(sandbox(&cache)));
        host.answer(&component).await;
        assert_eq!(fs::read(&path).unwrap().len(), good.len());
    }
}

#[tokio::test]
async fn code_of_another_component_or_host_is_never_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, elsewhere) = (folder.path().join("code"), folder.path().join("other"));
    let (wanted, planted) =
        (Guest::default().component(), performs(&answer("\"planted\"")).component());
    sandbox(&cache).prepare(&wanted).await.unwrap();
    // The same host, another component under the wanted name.
    let path = kept(&cache);
    fs::remove_file(&path).unwrap();
    sandbox(&cache).prepare(&planted).await.unwrap();
    fs::rename(kept(&cache), &path).unwrap();
    assert!(without_compiler(&cache).prepare(&wanted).await.is_err());
    // The right component, compiled under another key.
    sandbox(&elsewhere).prepare(&wanted).await.unwrap();
    fs::copy(kept(&elsewhere), &path).unwrap();
    assert!(without_compiler(&cache).prepare(&wanted).await.is_err());
}

#[tokio::test]
async fn files_and_folders_that_others_can_write_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("code");
    let component = Guest::default().component();
    sandbox(&cache).prepare(&component).await.unwrap();
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&kept(&cache), 0o620);
    assert!(without_compiler(&cache).prepare(&component).await.is_err());
    mode(&kept(&cache), 0o600);
    let open = || Sandbox::new(&cache, support::compiler(), Arc::new(Counting::default()));
    for (path, bad, good) in
        [(cache.clone(), 0o750, 0o700), (cache.join("compiled.key"), 0o640, 0o600)]
    {
        mode(&path, bad);
        let refused = open().map(drop).unwrap_err();
        assert!(matches!(&refused, SandboxError::Cache(CacheError::Exposed(_))), "{refused}");
        mode(&path, good);
    }
    assert!(without_compiler(&cache).prepare(&component).await.is_ok());
}

/// The invariant of the crate: one function builds a store.
#[test]
fn one_place_builds_stores() {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let builds = text
                .lines()
                .filter(|line| line.contains("Store::new(") || line.contains("Store::try_new("));
            found.extend(
                builds.map(|line| {
                    format!("{}: {}", path.file_name().unwrap().display(), line.trim())
                }),
            );
        }
    }
    assert_eq!(found, ["store.rs: let built = Store::try_new(engine, state);"]);
}
