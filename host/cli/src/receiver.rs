//! A server on this machine's loopback that plays the web for `doctor`: it attacks by its answers and keeps what it was asked. Knows no row of the matrix.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_engine::doctor::matrix::Receiver;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// The most of a request that is kept: all that the matrix sends on purpose.
const REQUEST_MAX_BYTES: usize = 64 * 1024;

/// What `/large` answers: more than any row lets through.
const LARGE_BYTES: usize = 64 * 1024;

/// As a model answers, in few words.
const COMPLETION: &str = r#"{"id":"1","object":"chat.completion","model":"far","choices":[{"index":0,"message":{"role":"assistant","content":"a line"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":5}}"#;

/// The server; it ends when it is dropped, with all of its connections.
pub(crate) struct Web {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    serving: AbortHandle,
}

impl Web {
    /// Listens on a port that is free.
    pub(crate) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&heard);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, Arc::clone(&kept)));
                // Those that ended are forgotten.
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { port, heard, serving: serving.abort_handle() })
    }
}

impl Receiver for Web {
    fn port(&self) -> u16 {
        self.port
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One request, one answer. Whoever hangs up does not want it any more.
async fn answer(mut stream: TcpStream, heard: Arc<Mutex<Vec<String>>>) {
    let Ok(request) = read(&mut stream).await else { return };
    let line = request.lines().next().unwrap_or_default().to_owned();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    let (status, headers, body) = match path.trim_start_matches("/open") {
        // Until whoever asked has had enough.
        "/slow" => return stream.read(&mut [0]).await.map_or((), |_| ()),
        "/large" => ("200 OK", String::new(), "x".repeat(LARGE_BYTES)),
        "/away" => ("302 Found", "location: http://10.0.0.1/never/away\r\n".into(), String::new()),
        "/aside" => ("302 Found", "location: /never/web_aside\r\n".into(), String::new()),
        "/echo-body" => ("200 OK", String::new(), request),
        "/echo-header" => {
            ("200 OK", format!("x-echo: {}\r\n", credential(&request)), String::new())
        }
        "/echo-redirect" => {
            let location = format!("location: /open/{}\r\n", credential(&request));
            ("302 Found", location, String::new())
        }
        path if path.starts_with("/v1/") => ("200 OK", String::new(), COMPLETION.to_owned()),
        _ => ("200 OK", String::new(), "{}".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// What the request was authorised with.
fn credential(request: &str) -> &str {
    let header = request.lines().find_map(|line| line.strip_prefix("authorization: "));
    header.and_then(|value| value.split(' ').nth(1)).unwrap_or_default()
}

/// Head and body, as far as they fit.
async fn read(stream: &mut TcpStream) -> io::Result<String> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(text.into_owned());
            }
        }
        match stream.read(&mut piece).await? {
            0 => return Ok(text.into_owned()),
            _ if bytes.len() > REQUEST_MAX_BYTES => return Ok(text.into_owned()),
            read => bytes.extend_from_slice(piece.get(..read).unwrap_or_default()),
        }
    }
}
