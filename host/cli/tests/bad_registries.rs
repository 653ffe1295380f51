//! Registries that are down, lie or never end, as an operator meets them with `add` and `update`: bounded, each with its sentence, nothing changed, and well again when the registry is.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use end_to_end::project::{OPERATORS, Project};
use end_to_end::{Call, Desk, folder, root};
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What buffers of two sockets and one read can hold beyond what is taken.
const IN_FLIGHT: u64 = 32 * 1024 * 1024;

/// What the registry does to a request for a manifest, and to one for a blob.
#[derive(Clone)]
struct Does {
    manifest: Reply,
    blob: Reply,
}

#[derive(Clone)]
enum Reply {
    /// These bytes, and the end.
    Says(Vec<u8>),
    /// These, and then a mebibyte after the other for as long as somebody reads.
    Floods(Vec<u8>),
}

/// The registry. What it does can be another thing from one request to the next.
struct Registry {
    host: String,
    does: Arc<Mutex<Does>>,
    sent: Arc<AtomicU64>,
}

impl Registry {
    fn start(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (does, sent) = (Arc::new(Mutex::new(does)), Arc::<AtomicU64>::default());
        let (answers, counted) = (Arc::clone(&does), Arc::clone(&sent));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (does, sent) = (answers.lock().unwrap().clone(), Arc::clone(&counted));
                std::thread::spawn(move || answer(stream, &does, &sent));
            }
        });
        Self { host, does, sent }
    }

    fn will(&self, does: Does) {
        *self.does.lock().unwrap() = does;
        self.sent.store(0, Ordering::SeqCst);
    }
}

fn answer(mut stream: TcpStream, does: &Does, sent: &AtomicU64) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    let asks_for_blob = head.windows(7).any(|window| window == b"/blobs/");
    let (first, floods) = match if asks_for_blob { &does.blob } else { &does.manifest } {
        Reply::Says(bytes) => (bytes, false),
        Reply::Floods(head) => (head, true),
    };
    let mut goes_on = stream.write_all(first).is_ok() && floods;
    let piece = vec![b'x'; 1 << 20];
    while goes_on {
        goes_on = stream.write_all(&piece).is_ok();
        sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
    }
}

fn http(status: &str, headers: &str, length: u64) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n")
}

fn says(status: &str, headers: &str, body: &[u8]) -> Reply {
    Reply::Says([http(status, headers, body.len() as u64).as_bytes(), body].concat())
}

fn sha256(bytes: &[u8]) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    let digits: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// A manifest of these bytes, as though they were so many.
fn manifest(component: &[u8], size: u64) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.wasm.config.v0+json",
            "digest": sha256(b"{}"),
            "size": 2,
        },
        "layers": [{ "mediaType": "application/wasm", "digest": sha256(component), "size": size }],
    })
}

fn manifested(manifest: &Value) -> Reply {
    let kind = format!("content-type: {MANIFEST}\r\n");
    says("200 OK", &kind, manifest.to_string().as_bytes())
}

fn honest(component: &[u8]) -> Does {
    let manifest = manifested(&manifest(component, component.len() as u64));
    Does { manifest, blob: says("200 OK", "", component) }
}

/// An agent that is in the repository without being built, and another one of its name.
fn components() -> [Vec<u8>; 2] {
    let hello = std::fs::read(root().join("host/engine/src/init/hello.wasm")).unwrap();
    let newer = [&hello[..], b"\x00\x02\x01x"].concat();
    [hello, newer]
}

/// A project of an operator who lists the registry.
struct Scene {
    desk: Desk,
    project: Project,
    registry: Registry,
    source: String,
}

impl Scene {
    fn new(does: Does) -> Self {
        let (desk, registry) = (Desk::new(), Registry::start(does));
        let project = Project::of(&desk, &[(OPERATORS, "# ours\n")]);
        let line =
            format!("{{ at = \"{}\", scheme = \"http\", network = \"loopback\" }}", registry.host);
        desk.file("policy.toml", &format!("[sources]\nregistries = [{line}]\n"));
        let source = format!("oci://{}/acme/hello:1", registry.host);
        Self { desk, project, registry, source }
    }

    fn call(&self, words: &[&str]) -> Call {
        let call = self.desk.bailiwick(words).option("project", self.project.path());
        call.option("policy", self.desk.path("policy.toml"))
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        folder::files(self.project.path())
    }
}

/// Whether what went wrong may go well another time: the code says which.
const AGAIN: &str = "E186";
const NEVER: &str = "E187";

/// Everything that a registry does wrong with the component of today, and what is said.
fn wrongs(component: &[u8]) -> Vec<(Does, &'static str, &'static str)> {
    let size = component.len() as u64;
    let good = manifested(&manifest(component, size));
    let with = |blob| Does { manifest: good.clone(), blob };
    let all = |manifest: Reply| Does { blob: manifest.clone(), manifest };
    let (half, other) = (&component[..component.len() / 2], vec![b'x'; component.len()]);
    let broken = [http("200 OK", "", size).as_bytes(), half].concat();
    let realm = "www-authenticate: Bearer realm=\"http://127.0.0.1:9/token\",service=\"x\"\r\n";
    let huge = 10_000_000_000;
    vec![
        (all(Reply::Says(Vec::new())), AGAIN, "broke off"),
        (all(says("503 Away", "retry-after: 7\r\n", b"")), AGAIN, "in trouble"),
        (with(Reply::Says(broken)), AGAIN, "broke off"),
        (with(says("200 OK", "", half)), NEVER, "bytes for component and sends"),
        (with(says("200 OK", "", &other)), NEVER, "sent other bytes than asked for"),
        (
            all(says("401 Who", realm, b"")),
            NEVER,
            "sends the host to http://127.0.0.1:9 for a token",
        ),
        // Ten gigabytes: as a manifest, as the component, and announced as such.
        (all(Reply::Floods(http("200 OK", "", huge).into())), NEVER, "more than 1 MiB"),
        (
            with(Reply::Floods(http("200 OK", "", huge).into())),
            NEVER,
            "bytes for component and sends 10000000000",
        ),
        (
            Does {
                manifest: manifested(&manifest(component, huge)),
                blob: Reply::Floods(http("200 OK", "", huge).into()),
            },
            NEVER,
            "is announced with 9.3 GiB; it may have 64 MiB",
        ),
    ]
}

#[test]
fn what_a_registry_does_wrong_changes_nothing_and_goes_well_when_it_does_not() {
    let [hello, newer] = components();
    let scene = Scene::new(honest(&hello));
    let (add, update) = (["add", &scene.source], ["update", "hello"]);
    for (words, component) in [(&add, &hello), (&update, &newer)] {
        let before = scene.files();
        for (does, code, sentence) in wrongs(component) {
            scene.registry.will(does);
            let said = scene.call(&words[..]).ends(1).stderr;
            assert!(said.contains(code) && said.contains(sentence), "{code} {sentence:?}: {said}");
            assert!(scene.files() == before, "{sentence:?}: something was changed");
            assert_eq!(said.contains("it may go well"), code == AGAIN, "{said}");
            let sent = scene.registry.sent.load(Ordering::SeqCst);
            assert!(sent < IN_FLIGHT, "{sentence:?}: {sent} bytes were read");
        }
        // The same command, without a word more.
        scene.registry.will(honest(component));
        scene.call(&words[..]).ends(0);
        assert!(scene.files() != before);
    }
    let lock = String::from_utf8(scene.files()["bailiwick.lock"].clone()).unwrap();
    assert!(lock.contains(&format!("blake3:{}", blake3::hash(&newer))), "{lock}");
}

#[test]
fn a_registry_that_is_down_is_said_to_be() {
    let [hello, _] = components();
    let scene = Scene::new(honest(&hello));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let policy = std::fs::read_to_string(scene.desk.path("policy.toml")).unwrap();
    scene.desk.file("policy.toml", &policy.replace(&scene.registry.host, &free));
    let before = scene.files();
    let said = scene.call(&["add", &format!("oci://{free}/acme/hello:1")]).ends(1).stderr;
    assert!(said.contains(AGAIN) && said.contains("it may go well"), "{said}");
    assert!(scene.files() == before);
}
