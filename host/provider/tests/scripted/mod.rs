//! A server that answers as a test says, byte for byte, and keeps what it was sent.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bailiwick_core::ports::Durable;
use bailiwick_gate::model::{CompleteRequest, Completion, Message, Role};
use bailiwick_gate::provider::{ModelProvider as _, ProviderCall, ProviderError};
use bailiwick_policy::{Origin, ProviderKind, Route};
use bailiwick_provider::{Keys, Providers};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const KEY: &str = "sk-test-0123456789abcdef";

/// What a connection is answered with.
#[derive(Clone)]
pub(crate) enum Script {
    /// These bytes in these pieces, then the connection is closed.
    Bytes(Vec<Vec<u8>>),
    /// These bytes, then nothing for ever.
    Hang(Vec<u8>),
    /// This head, then this piece again and again, as long as it is read.
    Flood(Vec<u8>, Vec<u8>),
    /// These bytes for each request of a connection that stays open.
    KeepAlive(Vec<u8>),
    /// Bytes made of the request.
    Echo(fn(&str) -> Vec<u8>),
}

/// The server: one script for each request, the last one again for the rest.
pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn start(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                counted.fetch_add(1, Ordering::SeqCst);
                let script = scripts.get(number).or(scripts.last()).unwrap().clone();
                tokio::spawn(answer(stream, script, Arc::clone(&kept)));
            }
        });
        Self { base, requests, connections }
    }

    /// With one answer for all.
    pub(crate) async fn with(answer: impl Into<Vec<u8>>) -> Self {
        Self::start(vec![Script::Bytes(vec![answer.into()])]).await
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The body of the last request.
    pub(crate) fn body(&self) -> Value {
        let requests = self.requests();
        let (_, body) = requests.last().unwrap().split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }
}

async fn answer(mut stream: TcpStream, script: Script, kept: Arc<Mutex<Vec<String>>>) {
    let _ = stream.set_nodelay(true);
    let request = read_request(&mut stream).await;
    kept.lock().unwrap().push(request.clone());
    match script {
        Script::Bytes(pieces) => {
            for piece in pieces {
                if stream.write_all(&piece).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            let _ = stream.shutdown().await;
        }
        Script::KeepAlive(bytes) => loop {
            if stream.write_all(&bytes).await.is_err() {
                return;
            }
            let next = read_request(&mut stream).await;
            if next.is_empty() {
                return;
            }
            kept.lock().unwrap().push(next);
        },
        Script::Hang(bytes) => {
            let _ = stream.write_all(&bytes).await;
            std::future::pending::<()>().await;
        }
        Script::Flood(head, piece) => {
            let _ = stream.write_all(&head).await;
            while stream.write_all(&piece).await.is_ok() {}
        }
        Script::Echo(make) => {
            let _ = stream.write_all(&make(&request)).await;
            let _ = stream.shutdown().await;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0u8; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return text,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

/// An answer with a status and a body, closed at its end.
pub(crate) fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A stream of events, closed at its end.
pub(crate) fn stream(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n{body}")
        .into_bytes()
}

pub(crate) fn route(kind: ProviderKind, base: &str) -> Route {
    let origin = url::Url::parse(base).unwrap().origin().ascii_serialization();
    Route {
        provider: kind,
        base: Some(base.to_owned()),
        origin: Some(Origin(origin)),
        model: "small".into(),
        price: None,
    }
}

pub(crate) fn providers() -> Providers {
    Providers::new(Keys::new(Some(KEY), Some(KEY)))
}

pub(crate) fn request(text: &str) -> CompleteRequest {
    CompleteRequest {
        alias: "writer".into(),
        messages: vec![Message::text(Role::System, "Be brief."), Message::text(Role::User, text)],
        max_tokens: Some(64),
        temperature: Some(0.5),
        seed: Some(7),
        stop: vec!["END".into()],
        output_schema: None,
        tools: Vec::new(),
    }
}

/// Generous: a test that waits for it waits on purpose.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn complete(
    providers: &Providers,
    route: &Route,
    request: &CompleteRequest,
) -> Result<Completion, ProviderError> {
    complete_within(providers, route, request, PATIENCE).await
}

pub(crate) async fn complete_within(
    providers: &Providers,
    route: &Route,
    request: &CompleteRequest,
    timeout: Duration,
) -> Result<Completion, ProviderError> {
    let images = BTreeMap::new();
    let idempotency_key = bailiwick_core::Digest::of(b"key");
    let call = ProviderCall {
        route,
        request,
        images: &images,
        idempotency_key: &idempotency_key,
        timeout,
    };
    providers.complete(&Durable::attest(1), call).await
}
