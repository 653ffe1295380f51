//! What stands behind the handles of WASI. The generated bindings re-export these types, so they are `pub` in a private module.

#![allow(unreachable_pub, reason = "re-exported by generated code, which must find them public")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A resource that nobody can have: no operation of ours fails with details.
pub struct Never(pub(super) Infallible);

/// Where bytes come from.
pub enum Input {
    /// Standard input, at its end.
    Stdin,
    /// The body of an answer, all of it there.
    Body {
        /// The bytes.
        bytes: Vec<u8>,
        /// How many of them were read.
        at: usize,
    },
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
#[derive(Clone, Default)]
pub struct Sink(Arc<Mutex<Written>>);

/// What was written, and whether that is all.
#[derive(Default)]
pub struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) stage: Stage,
    /// What the request announced in its headers.
    pub(super) announced: Option<u64>,
}

/// How far a body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It is written.
    #[default]
    Open,
    /// It is complete: nothing can be added.
    Finished,
    /// It will never be complete.
    Aborted,
}

impl Sink {
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
