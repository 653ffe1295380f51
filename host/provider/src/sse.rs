//! Server-sent events out of bytes that arrive in any pieces, under limits. Knows nothing of what the events say.

use bailiwick_core::Bytes;

/// The longest line: one event of a provider is a few hundred bytes; whole tool calls may come as one.
const LINE_MAX: Bytes = Bytes::mib(4);
/// The most data of one event, which may have several lines.
const EVENT_MAX: Bytes = Bytes::mib(4);

/// One event.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its type; empty where it has none.
    pub(crate) name: String,
    /// Its data, lines joined by line breaks.
    pub(crate) data: String,
}

/// A stream that does not keep to the limits, or is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAStream {
    #[error("a line of the stream has more than {LINE_MAX}")]
    Line,
    #[error("an event of the stream has more than {EVENT_MAX}")]
    Event,
    #[error("the stream is not UTF-8")]
    Utf8,
}

/// Cuts a stream into events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_return: bool,
    began: bool,
}

impl Events {
    /// The events that end in this piece.
    ///
    /// # Errors
    /// [`NotAStream`].
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<Vec<Event>, NotAStream> {
        let mut events = Vec::new();
        for byte in piece {
            let after_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    events.extend(self.end_of_line()?);
                }
                other if (self.line.len() as u64) < LINE_MAX.0 => self.line.push(*other),
                _ => return Err(NotAStream::Line),
            }
        }
        Ok(events)
    }

    /// What the last piece left without its empty line: some servers leave it out.
    ///
    /// # Errors
    /// [`NotAStream`].
    pub(crate) fn finish(mut self) -> Result<Option<Event>, NotAStream> {
        if !self.line.is_empty() {
            self.end_of_line()?;
        }
        Ok(self.has_data.then_some(self.event))
    }

    fn end_of_line(&mut self) -> Result<Option<Event>, NotAStream> {
        let line =
            String::from_utf8(std::mem::take(&mut self.line)).map_err(|_| NotAStream::Utf8)?;
        let line =
            if self.began { line.as_str() } else { line.strip_prefix('\u{feff}').unwrap_or(&line) };
        self.began = true;
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return Ok(std::mem::take(&mut self.has_data).then_some(event));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if (self.event.data.len() + value.len()) as u64 > EVENT_MAX.0 {
                    return Err(NotAStream::Event);
                }
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            // Comments, ids and retry times: a stream of one answer is not resumed.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}: hello\r\nevent: a\r\ndata: {\"x\":\r\ndata: \"ü\"}\r\n\r\ndata:one\n\nid: 3\nevent: none\n\ndata\n\ndata: [DONE]";

    fn events(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut stream = Events::default();
        let mut found = Vec::new();
        for piece in pieces {
            found.extend(stream.feed(piece).unwrap());
        }
        found.extend(stream.finish().unwrap());
        found.into_iter().map(|event| (event.name, event.data)).collect()
    }

    #[test]
    fn is_the_same_wherever_it_is_cut() {
        let own = |name: &str, data: &str| (name.to_owned(), data.to_owned());
        let expected =
            vec![own("a", "{\"x\":\n\"ü\"}"), own("", "one"), own("", ""), own("", "[DONE]")];
        let bytes = STREAM.as_bytes();
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(events(&[first, second]), expected, "cut at {cut}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(events(&single), expected);
    }

    #[test]
    fn has_limits() {
        let long = vec![b'x'; LINE_MAX.0 as usize + 1];
        assert_eq!(Events::default().feed(&long), Err(NotAStream::Line));
        let line = format!("data: {}\n", "x".repeat(1 << 20));
        let mut stream = Events::default();
        let outcome = (0..8).try_for_each(|_| stream.feed(line.as_bytes()).map(drop));
        assert_eq!(outcome, Err(NotAStream::Event));
        assert_eq!(Events::default().feed(b"data: \xff\n"), Err(NotAStream::Utf8));
    }
}
