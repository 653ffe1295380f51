//! What stands behind the handles of WASI. The generated bindings re-export these types, so they are `pub` in a private module.

#![allow(unreachable_pub, reason = "re-exported by generated code, which must find them public")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::room::{Place, Room};

/// A resource that nobody can have: no operation of ours fails with details.
pub struct Never(pub(super) Infallible);

/// Where bytes come from.
pub enum Input {
    /// Standard input, at its end.
    Stdin,
    /// The body of an answer, all of it there.
    Body {
        /// The bytes.
        kept: Kept,
        /// How many of them were read.
        at: usize,
    },
}

/// Bytes that were given to the guest and that it has not read yet.
pub struct Kept {
    pub(super) bytes: Vec<u8>,
    _place: Place,
}

impl Kept {
    /// The bytes, where there is room for them.
    pub(super) fn of(mut bytes: Vec<u8>, room: &Room) -> wasmtime::Result<Self> {
        bytes.shrink_to_fit();
        let place = room.place_of(bytes.len())?;
        Ok(Self { bytes, _place: place })
    }
}

/// Where bytes go.
pub enum Output {
    /// To the log.
    Words(Stream),
    /// Into the body of a request.
    Body(Sink),
}

/// Standard output or error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What an agent prints.
    Out,
    /// What it complains about; a language's panics come here.
    Err,
}

/// The body of a request while it is written: shared by its handle, its stream, and whoever
/// waits for the answer.
#[derive(Clone)]
pub struct Sink(Arc<Mutex<Written>>);

/// What was written, and whether that is all.
pub struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) stage: Stage,
    /// What the request announced in its headers.
    pub(super) announced: Option<u64>,
    /// Of the bytes, as many as are allocated.
    pub(super) place: Place,
}

/// How far a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is written.
    Open,
    /// It is complete: nothing can be added.
    Finished,
    /// It will never be complete.
    Aborted,
}

impl Sink {
    pub(super) fn new(announced: Option<u64>, place: Place) -> Self {
        let written = Written { bytes: Vec::new(), stage: Stage::Open, announced, place };
        Self(Arc::new(Mutex::new(written)))
    }

    pub(super) fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_open(&self) -> bool {
        self.written().stage == Stage::Open
    }
}

/// Ready at this reading of the guest's clock, counted from the start of the attempt; one
/// for an answer not before the body of its request is finished.
pub struct Pollable {
    pub(super) at: Duration,
    pub(super) after: Option<Sink>,
}

/// There is no terminal.
pub struct TerminalInput;

/// There is no terminal.
pub struct TerminalOutput;
