//! Standard output and error: lines for the operator's log. The log counts and clips them.

use bailiwick_core::fact::Level;
use bailiwick_gate::logbook::LINE_MAX_BYTES;

use super::resources::Stream;
use crate::state::State;

/// The line that is not finished yet, of each.
#[derive(Default)]
pub(super) struct Words {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Words {
    fn line(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        }
    }
}

impl State {
    /// Takes what a guest wrote; each finished line goes to the log.
    pub(super) async fn say(&mut self, stream: Stream, bytes: &[u8]) -> wasmtime::Result<()> {
        let mut line = std::mem::take(self.wasi.words.line(stream));
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            // Of a line only what the log keeps is held.
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            let room = LINE_MAX_BYTES.saturating_sub(line.len());
            line.extend_from_slice(text.get(..room).unwrap_or(text));
            if piece.ends_with(b"\n") {
                self.log_line(stream, &line).await?;
                line.clear();
            }
        }
        *self.wasi.words.line(stream) = line;
        Ok(())
    }

    /// Writes down what was never finished.
    pub(crate) async fn end_of_words(&mut self) -> wasmtime::Result<()> {
        for stream in [Stream::Out, Stream::Err] {
            let line = std::mem::take(self.wasi.words.line(stream));
            self.log_line(stream, &line).await?;
        }
        Ok(())
    }

    async fn log_line(&mut self, stream: Stream, line: &[u8]) -> wasmtime::Result<()> {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if text.is_empty() {
            return Ok(());
        }
        let level = match stream {
            Stream::Out => Level::Info,
            Stream::Err => Level::Warn,
        };
        self.log(level, text, None).await
    }
}
