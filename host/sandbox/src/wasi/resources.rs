//! What stands behind the handles of WASI. The generated bindings re-export these types, so they are `pub` in a private module.

#![allow(unreachable_pub, reason = "re-exported by generated code, which must find them public")]

use std::convert::Infallible;
use std::time::Duration;

/// A resource that nobody can have: no operation of ours fails with details.
pub struct Never(pub(super) Infallible);

/// Standard input, at its end.
pub struct Stdin;

/// Standard output or error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What an agent prints.
    Out,
    /// What it complains about; a language's panics come here.
    Err,
}

/// Ready at this reading of the guest's clock, counted from the start of the attempt.
pub struct Pollable {
    pub(super) at: Duration,
}

/// There is no terminal.
pub struct TerminalInput;

/// There is no terminal.
pub struct TerminalOutput;
