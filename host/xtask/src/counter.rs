//! A model behind HTTP that counts: it speaks as much of OpenAI's protocol as a host asks for, and remembers each request with its idempotency key. Knows no host.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// The largest request: the agents that ask here send a page of text.
const BODY_MAX: usize = 1 << 20;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `Idempotency-Key`.
    pub(crate) key: String,
    /// What was asked.
    pub(crate) body: String,
    /// When it was there.
    pub(crate) at: Instant,
}

/// How long the request of this number (from 0) takes.
pub(crate) type Pace = dyn Fn(usize) -> Duration + Send + Sync;

/// What is said to a request with this body.
pub(crate) type Says = dyn Fn(&str) -> String + Send + Sync;

/// The server. It ends with this value.
pub(crate) struct Counter {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    asked: Mutex<Vec<Asked>>,
    /// Requests that are being worked on, and the most that were at once.
    open: AtomicUsize,
    most: AtomicUsize,
    answered: AtomicUsize,
    over: AtomicBool,
    pace: Box<Pace>,
    says: Box<Says>,
}

impl Counter {
    /// Starts one on a free port of this machine.
    pub(crate) fn start(says: Box<Says>, pace: Box<Pace>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let port = listener.local_addr().context("no free port")?.port();
        let shared = Arc::new(Shared {
            asked: Mutex::default(),
            open: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            pace,
            says,
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&accepting);
                // Who asks may be killed at any moment: a broken connection is no news.
                thread::spawn(move || shared.serve(stream).unwrap_or_default());
            }
        });
        Ok(Self { port, shared })
    }

    /// Where it is, as `base` of a route.
    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// Everything that was asked so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked().clone()
    }

    /// Forgets what was asked.
    pub(crate) fn forget(&self) {
        self.shared.asked().clear();
    }

    /// The most requests that were worked on at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }

    /// How many answers were sent off, read or not.
    pub(crate) fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::SeqCst)
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the one that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn asked(&self) -> std::sync::MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let Some((key, body)) = request(&stream)? else { return Ok(()) };
        let answer = answer(&(self.says)(&body));
        let number = {
            let mut asked = self.asked();
            asked.push(Asked { key, body, at: Instant::now() });
            asked.len() - 1
        };
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(open, Ordering::SeqCst);
        thread::sleep((self.pace)(number));
        self.open.fetch_sub(1, Ordering::SeqCst);
        self.answered.fetch_add(1, Ordering::SeqCst);
        stream.write_all(answer.as_bytes())?;
        stream.shutdown(Shutdown::Write)
    }
}

/// Key and body of the one request of a connection.
fn request(stream: &TcpStream) -> std::io::Result<Option<(String, String)>> {
    let mut reader = BufReader::new(stream);
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("idempotency-key") {
            value.trim().clone_into(&mut key);
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0).min(BODY_MAX);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((key, String::from_utf8_lossy(&body).into_owned())))
}

/// One answer with head and body, in one document instead of a stream.
fn answer(text: &str) -> String {
    let body = serde_json::json!({
        "id": "counted",
        "object": "chat.completion",
        "model": "counted",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text },
            "finish_reason": "stop",
        }],
        "usage": { "prompt_tokens": 20, "completion_tokens": 30 },
    })
    .to_string();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
