//! The bytes of the hostile guest, of its neighbour and of components that are no agents. The `.wat` files beside them are what they are made from; a test makes them again.

use super::Component;

/// The hostile guest (`guests/hostile.wat`).
pub(super) const HOSTILE: &[u8] = include_bytes!("../guests/hostile.wasm");

/// Whoever runs beside it: the agent that `init` brings along.
pub(super) const NEIGHBOUR: &[u8] = include_bytes!("../../init/hello.wasm");

const START_LOOP: &[u8] = include_bytes!("../guests/start_loop.wasm");
const PROFILE_LOOP: &[u8] = include_bytes!("../guests/profile_loop.wasm");

/// One byte more than a component may have.
const TOO_LARGE: usize = 64 * 1024 * 1024 + 1;

/// The section of a file in which its profile is, as it is written there.
const VERSION: (&[u8], &[u8]) = (b"\"version\":\"1.0.0\"", b"\"version\":\"9.9.9\"");

/// The file that somebody sends.
pub(super) fn component(component: Component) -> Vec<u8> {
    match component {
        Component::StartLoop => START_LOOP.to_vec(),
        Component::ProfileLoop => PROFILE_LOOP.to_vec(),
        Component::OtherProfile => with(HOSTILE, VERSION),
        Component::Truncated => HOSTILE.get(..HOSTILE.len() / 2).unwrap_or_default().to_vec(),
        // A component and nothing else: `(component)` in binary.
        Component::Anonymous => b"\0asm\x0d\0\x01\0".to_vec(),
        Component::TooLarge => {
            let mut bytes = HOSTILE.to_vec();
            bytes.resize(TOO_LARGE, 0);
            bytes
        }
    }
}

/// The bytes with the first such piece replaced by one that is as long.
fn with(bytes: &[u8], (from, to): (&[u8], &[u8])) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = bytes.windows(from.len()).position(|piece| piece == from);
    if let Some(piece) = at.and_then(|at| bytes.get_mut(at..at + to.len())) {
        piece.copy_from_slice(to);
    }
    bytes
}
