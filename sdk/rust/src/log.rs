//! Words for the operator; knows nothing of where they are kept.

use crate::host::Host;
use crate::powers::Powers;

/// Writes to the log of this attempt. Nothing here fails: what is over the limit (4 KiB
/// a line, 1 000 lines an attempt) is dropped and counted by the host.
#[derive(Debug, Clone, Copy)]
pub struct Log<'h> {
    host: &'h Host,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the author of the agent.
    Debug,
    /// What is being done.
    Info,
    /// Done, but not as asked.
    Warn,
    /// Not done.
    Error,
}

impl<'h> Log<'h> {
    pub(crate) fn new(host: &'h Host) -> Self {
        Self { host }
    }

    /// One line for the author of the agent.
    pub fn debug(&self, message: impl AsRef<str>) {
        self.write(Level::Debug, message.as_ref());
    }

    /// One line on what is being done.
    pub fn info(&self, message: impl AsRef<str>) {
        self.write(Level::Info, message.as_ref());
    }

    /// One line on what was done otherwise than asked.
    pub fn warn(&self, message: impl AsRef<str>) {
        self.write(Level::Warn, message.as_ref());
    }

    /// One line on what could not be done.
    pub fn error(&self, message: impl AsRef<str>) {
        self.write(Level::Error, message.as_ref());
    }

    /// How far the work is, from 0.0 to 1.0, with a note of at most 256 bytes.
    pub fn progress(&self, fraction: f32, note: impl AsRef<str>) {
        self.host.reach().report(fraction, note.as_ref());
    }

    fn write(&self, level: Level, message: &str) {
        self.host.reach().write(level, message);
    }
}
