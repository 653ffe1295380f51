//! A real small language model behind a real server (llama.cpp's), as long as a value lives. Only for tests that `cargo xtask test --with-model` asks for.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The key that the server wants.
pub(crate) const KEY: &str = "a-key-of-the-tests-0123456789";

/// How long a busy machine may take to load the model.
const READY_WITHIN: Duration = Duration::from_secs(180);
/// How often it is asked whether it has.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// The running server. It ends with this value.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        let path =
            |name: &str| {
                let path = std::env::var_os(name);
                PathBuf::from(path.unwrap_or_else(|| {
                    panic!("{name} is not set; run: cargo xtask test --with-model")
                }))
            };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(path("BAILIWICK_TEST_LLAMA_SERVER"))
            .arg("-m")
            .arg(path("BAILIWICK_TEST_MODEL"))
            .args([
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "-c",
                "8192",
                "-np",
                "2",
                "-t",
                "2",
            ])
            .args(["--offline", "--no-webui", "--alias", "smollm2", "--api-key", KEY])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { child, port };
        let since = Instant::now();
        while !server.is_ready() {
            assert!(server.child.try_wait().unwrap().is_none(), "the server ended");
            assert!(since.elapsed() < READY_WITHIN, "the server did not become ready");
            std::thread::sleep(ASK_EVERY);
        }
        server
    }

    /// `PROVIDER:smollm2@` with the address where it speaks that protocol.
    pub(crate) fn route(&self, provider: &str) -> String {
        let path = if provider == "openai" { "/v1" } else { "" };
        format!("{provider}:smollm2@http://127.0.0.1:{}{path}", self.port)
    }

    fn is_ready(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let asked = stream.write_all(b"GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
        let mut answer = String::new();
        asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing of it is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
