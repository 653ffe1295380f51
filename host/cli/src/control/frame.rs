//! Frames on the control socket: a length, a kind, bytes. Bounded before anything is allocated, and within a time. Knows no message.

use std::io;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The largest frame: what page 50 of the design allows one message.
pub(crate) const FRAME_MAX_BYTES: usize = 1024 * 1024;
/// The most bytes of a piece or of a long answer in one frame: some of them fit into a
/// socket's buffer, and the other side is never far from its next word.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;
/// How long one frame may take from its first byte to its last, at either side: a
/// megabyte through a pipe takes milliseconds.
pub(crate) const FRAME_TIME: Duration = Duration::from_secs(20);
/// The largest answer that is put together from parts: what a listing of ten thousand
/// questions has, ten times over.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A message, or its last part.
    Whole,
    /// A part of a message; more follows.
    Part,
    /// Bytes that the message before has announced.
    Bytes,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Whole => b'm',
            Self::Part => b'p',
            Self::Bytes => b'b',
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Whole, Self::Part, Self::Bytes].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// What is wrong with what the other side sends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// It went away.
    #[error("the other side has closed the connection")]
    Closed,
    /// It began a frame and did not end it.
    #[error("a message took longer than {} s", FRAME_TIME.as_secs())]
    Slow,
    /// It said nothing.
    #[error("nothing was said for too long")]
    Idle,
    /// More than may be.
    #[error("a message has at most {FRAME_MAX_BYTES} bytes; {0} were announced")]
    TooLarge(u64),
    /// Not what was expected.
    #[error("that is no message: {0}")]
    Nonsense(String),
    /// The system.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Reads a frame; waits for its first byte so long.
pub(crate) async fn read(
    from: &mut (impl AsyncRead + Unpin),
    wait: Option<Duration>,
) -> Result<(Kind, Vec<u8>), FrameError> {
    let first = match wait {
        Some(wait) => {
            tokio::time::timeout(wait, from.read_u8()).await.map_err(|_| FrameError::Idle)?
        }
        None => from.read_u8().await,
    };
    let first = first.map_err(closed)?;
    tokio::time::timeout(FRAME_TIME, rest(from, first)).await.map_err(|_| FrameError::Slow)?
}

async fn rest(
    from: &mut (impl AsyncRead + Unpin),
    kind: u8,
) -> Result<(Kind, Vec<u8>), FrameError> {
    let kind = Kind::of(kind).ok_or_else(|| FrameError::Nonsense("it has no known kind".into()))?;
    let length = from.read_u32().await.map_err(closed)?;
    if length as usize > FRAME_MAX_BYTES {
        return Err(FrameError::TooLarge(length.into()));
    }
    // Grows with what comes: who announces a megabyte and sends nothing holds nothing.
    let mut bytes = Vec::new();
    from.take(length.into()).read_to_end(&mut bytes).await.map_err(closed)?;
    match bytes.len() == length as usize {
        true => Ok((kind, bytes)),
        false => Err(FrameError::Closed),
    }
}

/// Writes a frame.
pub(crate) async fn write(
    to: &mut (impl AsyncWrite + Unpin),
    kind: Kind,
    bytes: &[u8],
) -> Result<(), FrameError> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    if bytes.len() > FRAME_MAX_BYTES {
        return Err(FrameError::TooLarge(length.into()));
    }
    let sent = async {
        let mut head = [kind.byte(), 0, 0, 0, 0];
        if let Some(place) = head.get_mut(1..) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        to.write_all(&head).await?;
        to.write_all(bytes).await?;
        to.flush().await
    };
    tokio::time::timeout(FRAME_TIME, sent).await.map_err(|_| FrameError::Slow)?.map_err(closed)
}

/// Sends a message, in parts where it is long.
pub(crate) async fn send(
    to: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
) -> Result<(), FrameError> {
    let text =
        serde_json::to_vec(message).map_err(|error| FrameError::Nonsense(error.to_string()))?;
    let mut parts = text.chunks(CHUNK_BYTES).peekable();
    while let Some(part) = parts.next() {
        let kind = if parts.peek().is_some() { Kind::Part } else { Kind::Whole };
        write(to, kind, part).await?;
    }
    Ok(())
}

/// Takes a message that fits into one frame: what a host takes from anybody.
pub(crate) async fn take<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    wait: Duration,
) -> Result<T, FrameError> {
    match read(from, Some(wait)).await? {
        (Kind::Whole, text) => parse(&text),
        _ => Err(FrameError::Nonsense("a message was expected".into())),
    }
}

/// Takes a message of any length, however long it takes to come: what a command takes
/// from the host that it has chosen.
pub(crate) async fn take_long<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<T, FrameError> {
    let mut text = Vec::new();
    loop {
        let (kind, part) = read(from, None).await?;
        text.extend_from_slice(&part);
        if text.len() > ANSWER_MAX_BYTES {
            return Err(FrameError::TooLarge(text.len() as u64));
        }
        match kind {
            Kind::Whole => return parse(&text),
            Kind::Part => {}
            Kind::Bytes => return Err(FrameError::Nonsense("a message was expected".into())),
        }
    }
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(text).map_err(|error| FrameError::Nonsense(error.to_string()))
}

fn closed(error: io::Error) -> FrameError {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match error.kind() {
        UnexpectedEof | ConnectionReset | BrokenPipe => FrameError::Closed,
        _ => FrameError::System(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sent_is_taken_and_nothing_else_is() {
        let long = "x".repeat(3 * CHUNK_BYTES);
        let mut wire = Vec::new();
        send(&mut wire, &"short").await.unwrap();
        send(&mut wire, &long).await.unwrap();
        let mut from = wire.as_slice();
        assert_eq!(take::<String>(&mut from, FRAME_TIME).await.unwrap(), "short");
        assert_eq!(take_long::<String>(&mut from).await.unwrap(), long);
        assert!(matches!(take::<String>(&mut from, FRAME_TIME).await, Err(FrameError::Closed)));
        let huge = [b'm', 255, 255, 255, 255];
        for (bad, words) in [
            (b"GET / HTTP/1.1\r\n".as_slice(), "no known kind"),
            (&huge, "4294967295 were announced"),
            (&[b'm', 0, 0, 0, 2, b'{', b'}'], "invalid type"),
            (&[b'm', 0, 0, 0, 1, b'['], "invalid type"),
            (&[b'm', 0, 0, 0, 9, b'"', b'"'], "closed"),
            (&[b'b', 0, 0, 0, 2, b'"', b'"'], "a message was expected"),
            (&[b'm', 0, 0], "closed"),
        ] {
            let mut bad = bad;
            let error = take::<String>(&mut bad, FRAME_TIME).await.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let mut parts = Vec::new();
        write(&mut parts, Kind::Part, b"\"").await.unwrap();
        let mut parts = parts.as_slice();
        assert!(take::<String>(&mut parts, FRAME_TIME).await.is_err(), "hosts take no parts");
        assert!(write(&mut Vec::new(), Kind::Bytes, &vec![0; FRAME_MAX_BYTES + 1]).await.is_err());
    }
}
