//! `log`: words for the operator. Converts, decides nothing.

use bailiwick_core::fact::Level;

use super::wit::log;
use crate::state::State;

impl log::Host for State {
    async fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log(level, &message, None).await
    }

    async fn progress(&mut self, fraction: f32, note: String) -> wasmtime::Result<()> {
        self.log(Level::Info, &note, Some(fraction)).await
    }
}
