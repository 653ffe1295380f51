//! Lines that an attempt leaves on its way, its own and the host's, within their bounds. Answers nothing.

use std::sync::atomic::Ordering;

use bailiwick_core::fact::{Fact, Level, LogEntry};

use crate::call::CallError;
use crate::gate::Gate;
use crate::unanswered::gone;

impl Gate {
    /// A line for the operator. Over the limit it is dropped and counted.
    ///
    /// # Errors
    /// [`CallError::Ended`] where the journal is gone.
    pub async fn log(
        &self,
        level: Level,
        message: &str,
        fraction: Option<f32>,
    ) -> Result<(), CallError> {
        let Some(entry) = self.logbook.line(level, message, fraction) else { return Ok(()) };
        if !self.tree.line() {
            return Ok(());
        }
        if let Some(at) = self.recorded_line() {
            self.clock.store(at.0, Ordering::Relaxed);
            return Ok(());
        }
        if self.replay.is_some() {
            return Ok(());
        }
        let fact = Fact::Logged { attempt: self.attempt.clone(), entry };
        let (_, at) = self.recorder.record(fact).await.map_err(gone)?;
        self.clock.store(at.0, Ordering::Relaxed);
        Ok(())
    }

    /// The host's words about a call on its way. They are not the agent's: its clock does
    /// not move, and they are not said again when it executes again.
    pub(crate) async fn aside(&self, level: Level, message: &str) -> Result<(), CallError> {
        let Some(entry) = self.asides.line(level, message, None) else { return Ok(()) };
        let entry = LogEntry { aside: true, ..entry };
        let fact = Fact::Logged { attempt: self.attempt.clone(), entry };
        self.recorder.record(fact).await.map(|_| ()).map_err(gone)
    }

    /// The last line, where lines were dropped.
    ///
    /// # Errors
    /// [`CallError::Ended`] where the journal is gone.
    pub async fn close_log(&self) -> Result<(), CallError> {
        let Some(entry) = self.logbook.closing().filter(|_| self.replay.is_none()) else {
            return Ok(());
        };
        let fact = Fact::Logged { attempt: self.attempt.clone(), entry };
        self.recorder.record(fact).await.map(|_| ()).map_err(gone)
    }
}
