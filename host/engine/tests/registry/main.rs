//! Components by way of a registry: a real one gives back what it was given, and what a false one sends is not kept.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "files, programs and servers of tests"
)]

mod real;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use bailiwick_engine::pack::pack;
use bailiwick_engine::registry::{self, Errand, Existing, Reference};
use bailiwick_engine::signing::{KeyFile, keygen};
use bailiwick_engine::{Keys, Problems};
use bailiwick_policy::Policy;
use bailiwick_project::read_policy;
use real::{ANA, Door, Real};

fn policy(host: &str, more: &str) -> Policy {
    let text = format!(
        "sources.registries = [{{ at = \"{host}\", scheme = \"http\", network = \"loopback\"{more} }}]\n\
         [credentials.ana]\nenv = \"ANA\"\norigin = \"http://{host}\"\nprefix = \"Basic \"\n"
    );
    read_policy("policy.toml", &text).unwrap()
}

fn hello() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/init/hello.wasm")
}

fn named(host: &str, tag: &str) -> Reference {
    registry::reference(&format!("oci://{host}/acme/agents/hello:{tag}")).unwrap()
}

#[tokio::test]
async fn a_real_registry_gives_back_what_it_was_given() {
    let Some(real) = Real::start(Door::Open) else { return };
    let (policy, keys) = (policy(&real.host, ""), Keys::default());
    let folder = tempfile::tempdir().unwrap();
    let errand = Errand::below(folder.path(), policy, &keys).unwrap();
    let component = folder.path().join("hello.wasm");
    std::fs::copy(hello(), &component).unwrap();
    let key = folder.path().join("me.key");
    keygen(&key, None).unwrap();
    let key = KeyFile::read(&key).unwrap().open(None).unwrap();
    let packed = pack(&component, Some("acme"), &key).unwrap();
    let signature = std::fs::read_to_string(packed.signature).unwrap();
    let parcel = registry::parcel(&component).unwrap();
    let reference = named(&real.host, "1.0.0");
    let pushed = registry::push(&errand, &parcel, &reference, Existing::Keep).await.unwrap();
    assert!(!pushed.was_there);
    let again = registry::push(&errand, &parcel, &reference, Existing::Keep).await.unwrap();
    assert!(again.was_there && again.manifest == pushed.manifest);

    let fetched = registry::pull(&errand, &reference).await.unwrap();
    let original = std::fs::read(hello()).unwrap();
    assert!(fetched.bytes == original);
    assert_eq!(fetched.signature, Some(signature));
    assert_eq!(fetched.manifest, pushed.manifest);
    let pinned = registry::pull(&errand, &reference.pinned(pushed.manifest)).await.unwrap();
    assert!(pinned == fetched);

    // Another one under the same tag, only where that is wanted.
    std::fs::remove_file(folder.path().join("hello.wasm.minisig")).unwrap();
    let unsigned = registry::parcel(&component).unwrap();
    let other = registry::push(&errand, &unsigned, &reference, Existing::Keep).await;
    assert!(told(&other.unwrap_err(), "E187").contains("something else under this tag"));
    registry::push(&errand, &unsigned, &reference, Existing::Replace).await.unwrap();
    let moved = registry::resolve(&errand, &reference).await.unwrap();
    assert_ne!(moved, reference.pinned(pushed.manifest));
    registry::push(&errand, &unsigned, &named(&real.host, "1.1.0"), Existing::Keep).await.unwrap();
    let mut tags = registry::tags(&errand, &reference).await.unwrap();
    // This one has them in no order.
    tags.names.sort();
    assert_eq!((tags.names, tags.more), (vec!["1.0.0".into(), "1.1.0".into()], false));
    let nobody = registry::pull(&errand, &named(&real.host, "9")).await.unwrap_err();
    assert!(told(&nobody, "E187").contains("has no manifest of this name"));
}

#[tokio::test]
async fn a_real_registry_lets_in_who_has_the_credential() {
    let Some(real) = Real::start(Door::Ana) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (parcel, reference) = (registry::parcel(&hello()).unwrap(), named(&real.host, "1"));
    let push = async |more: &str, keys: &Keys| {
        let policy = policy(&real.host, more);
        let errand = Errand::below(folder.path(), policy, keys).unwrap();
        registry::push(&errand, &parcel, &reference, Existing::Keep).await
    };
    let nobody = Keys::default();
    let ana = Keys::reading(|name| (name == "ANA").then(|| ANA.to_owned()));
    let other = Keys::reading(|name| (name == "ANA").then(|| "YW5hOm5vdC1oZXItc2VjcmV0".into()));
    let named = ", credential = \"ana\"";
    let error = push("", &ana).await.unwrap_err();
    assert!(told(&error, "E187").contains("lets nobody in here without a credential"));
    let error = push(named, &nobody).await.unwrap_err();
    assert!(told(&error, "E187").contains("ANA is not set"));
    let error = push(named, &other).await.unwrap_err();
    assert!(told(&error, "E187").contains("lets nobody in here with ANA"));
    let pushed = push(named, &ana).await.unwrap();
    let policy = policy(&real.host, named);
    let errand = Errand::below(folder.path(), policy, &ana).unwrap();
    let fetched = registry::pull(&errand, &reference).await.unwrap();
    assert_eq!(fetched.manifest, pushed.manifest);
}

/// A server that says the same to everybody, once for each connection.
fn always(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 8192]);
            let _ = stream.write_all(&answer);
        }
    });
    host
}

/// A manifest of a component of so many bytes, and then that many others.
fn lying() -> Vec<u8> {
    let descriptor = |kind: &str, size: usize| serde_json::json!({"mediaType": kind, "digest": format!("sha256:{}", "0f".repeat(32)), "size": size});
    let manifest = |size: usize| {
        serde_json::json!({
            "schemaVersion": 2,
            "config": descriptor("application/vnd.wasm.config.v0+json", 2),
            "layers": [descriptor("application/wasm", size)],
        })
        .to_string()
    };
    // It is its own component, by its size; by its hash it is not.
    let length = manifest(manifest(100).len()).len();
    format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{}",
        manifest(length)
    )
    .into_bytes()
}

#[tokio::test]
async fn what_a_registry_lies_about_leaves_nothing_behind() {
    let http = |text: &str| format!("HTTP/1.1 {text}").into_bytes();
    let keys = Keys::default();
    for (answer, code, says) in [
        (lying(), "E187", "sent other bytes than asked for"),
        (http("503 Away\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n"), "E186", "in trouble"),
        (http("200 OK\r\ncontent-length: 9999999999\r\n\r\n"), "E187", "more than 1 MiB"),
        (http("200 OK\r\ncontent-length: 6\r\n\r\n<html>"), "E187", "a page of HTML"),
        (http("200 OK\r\ncontent-length: 600\r\n\r\n{"), "E186", "broke off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "E186", "broke off"),
    ] {
        let host = always(answer);
        let (policy, folder) = (policy(&host, ""), tempfile::tempdir().unwrap());
        let errand = Errand::below(folder.path(), policy, &keys).unwrap();
        let error = registry::pull(&errand, &named(&host, "1")).await.unwrap_err();
        assert!(told(&error, code).contains(says), "{says}: {error}");
        let hint = error.diagnostics[0].hint.clone().unwrap_or_default();
        assert_eq!(hint.contains("it may go well"), code == "E186", "{says}: {hint}");
    }
}

#[tokio::test]
async fn nothing_is_asked_of_who_is_not_listed_and_nothing_is_guessed() {
    let (keys, folder) = (Keys::default(), tempfile::tempdir().unwrap());
    let built_in = Policy::built_in();
    let errand = Errand::below(folder.path(), built_in, &keys).unwrap();
    let error = registry::pull(&errand, &named("ghcr.io", "1")).await.unwrap_err();
    assert!(told(&error, "E185").contains("lists no registry ghcr.io/acme/agents/hello"));
    let hint = error.diagnostics[0].hint.clone().unwrap_or_default();
    assert!(hint.contains("registries = [{ at = \"ghcr.io/acme/agents\" }]"), "{hint}");
    for text in ["hello", "oci://hello", "oci://ghcr.io/acme/hello", "https://ghcr.io/x:1"] {
        assert!(!told(&registry::reference(text).unwrap_err(), "E184").is_empty());
    }
}

/// Roots of TLS are found by the project's folder, as policy.toml names it.
#[test]
fn the_folder_of_a_project_is_the_same_however_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink("real", &link).unwrap();
    let below = |path: &Path| Errand::below(path, Policy::built_in(), &Keys::default());
    let real = real.canonicalize().unwrap();
    for named in [&link, &folder.path().join("real/../link/.")] {
        assert_eq!(below(named).unwrap().folder, real);
    }
    assert!(below(Path::new(".")).unwrap().folder.is_absolute());
    assert!(!told(&below(&folder.path().join("none")).unwrap_err(), "E101").is_empty());
}

#[test]
fn only_agents_are_pushed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.wasm");
    std::fs::write(&file, b"\0asm").unwrap();
    assert!(registry::parcel(&file).err().is_some_and(|error| !told(&error, "E111").is_empty()));
    std::fs::copy(hello(), &file).unwrap();
    std::fs::write(folder.path().join("x.wasm.minisig"), vec![b'x'; 17 * 1024]).unwrap();
    let error = registry::parcel(&file).err().unwrap();
    assert!(told(&error, "E102").contains("at most 16 KiB"));
}

/// The one problem, which has this code.
fn told(problems: &Problems, code: &str) -> String {
    let [found] = problems.diagnostics.as_slice() else { panic!("{problems:?}") };
    assert_eq!(found.code, code, "{problems:?}");
    found.message.clone()
}
