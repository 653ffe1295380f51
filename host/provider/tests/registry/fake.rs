//! A registry that answers as a test says, path by path, and counts what it could send.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.wasm.config.v0+json";
pub(crate) const LAYER: &str = "application/wasm";

/// How a request is answered.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// These bytes, and nothing after them.
    Hang(Vec<u8>),
    /// These bytes, then one more now and again, for ever.
    Trickle(Vec<u8>),
    /// This head, then this again and again as long as it is read.
    Flood(Vec<u8>, Vec<u8>),
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    /// The whole head, in lower case but for values.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn is(&self, beginning: &str) -> bool {
        self.line.starts_with(beginning)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

type Answers = dyn Fn(&Request) -> Reply + Send + Sync;

/// The server.
pub(crate) struct Fake {
    pub(crate) host: String,
    requests: Arc<Mutex<Vec<Request>>>,
    sent: Arc<AtomicU64>,
}

impl Fake {
    /// Starts one; `answers` is told where it is.
    pub(crate) async fn start<A>(answers: impl FnOnce(String) -> A) -> Self
    where
        A: Fn(&Request) -> Reply + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let answers: Arc<Answers> = Arc::new(answers(host.clone()));
        let (requests, sent) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::<AtomicU64>::default());
        let (kept, counted) = (Arc::clone(&requests), Arc::clone(&sent));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, kept) = (Arc::clone(&answers), Arc::clone(&kept));
                tokio::spawn(serve(stream, answers, kept, Arc::clone(&counted)));
            }
        });
        Self { host, requests, sent }
    }

    /// One that answers everything alike.
    pub(crate) async fn always(reply: Reply) -> Self {
        Self::start(|_| move |_: &Request| reply.clone()).await
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }

    /// How many bytes it could send.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    answers: Arc<Answers>,
    kept: Arc<Mutex<Vec<Request>>>,
    sent: Arc<AtomicU64>,
) {
    let _ = stream.set_nodelay(true);
    let Some(request) = read(&mut stream).await else { return };
    let reply = answers(&request);
    kept.lock().unwrap().push(request);
    let mut send = async |bytes: &[u8]| -> io::Result<()> {
        stream.write_all(bytes).await?;
        sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        Ok(())
    };
    match reply {
        Reply::Bytes(bytes) => {
            let _ = send(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Hang(bytes) => {
            let _ = send(&bytes).await;
            std::future::pending::<()>().await;
        }
        Reply::Trickle(bytes) => {
            let mut sending = send(&bytes).await;
            while sending.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
                sending = send(b"x").await;
            }
        }
        Reply::Flood(head, piece) => {
            let mut sending = send(&head).await;
            while sending.is_ok() {
                sending = send(&piece).await;
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let (mut bytes, mut piece) = (Vec::new(), [0u8; 65536]);
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            let body = &bytes[end + 4..];
            if body.len() >= length.unwrap_or(0) {
                let line = head.lines().next().unwrap_or_default();
                let line = line.trim_end_matches(" HTTP/1.1").to_owned();
                return Some(Request { line, head, body: body.to_vec() });
            }
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

/// An answer with a status, headers and a body, closed at its end.
pub(crate) fn http(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = head(status, headers, Some(body.len() as u64));
    bytes.extend_from_slice(body);
    bytes
}

/// The head of one; without a length it is chunked.
pub(crate) fn head(status: &str, headers: &[(&str, &str)], length: Option<u64>) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
    headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    match length {
        Some(length) => text.push_str(&format!("content-length: {length}\r\n\r\n")),
        None => text.push_str("transfer-encoding: chunked\r\n\r\n"),
    }
    text.into_bytes()
}

/// One chunk of such an answer.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    let digits: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

pub(crate) fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": kind, "digest": sha256(bytes), "size": bytes.len()})
}

/// A manifest of one component.
pub(crate) fn manifest(component: &[u8]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, b"{}"),
        "layers": [descriptor(LAYER, component)],
    })
}

/// What an honest registry with one component answers.
pub(crate) fn honest(
    component: &[u8],
) -> impl Fn(&Request) -> Reply + Send + Sync + use<> + 'static {
    serving(manifest(component), Reply::Bytes(http("200 OK", &[], component)))
}

/// This manifest under any name, and this answer for any blob.
pub(crate) fn serving(
    manifest: Value,
    blob: Reply,
) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request: &Request| {
        if request.is("GET /v2/acme/draft/manifests/") {
            let headers = [("content-type", MANIFEST)];
            return Reply::Bytes(http("200 OK", &headers, manifest.to_string().as_bytes()));
        }
        if request.is("GET /v2/acme/draft/blobs/") {
            return blob.clone();
        }
        Reply::Bytes(http("404 Not Found", &[], b""))
    }
}
