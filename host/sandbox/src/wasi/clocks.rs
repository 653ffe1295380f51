//! `wasi:clocks`: the time of the attempt's last fact. It moves at gate calls and requested sleeps only, so it measures nothing and replays.

use std::time::Duration;

use wasmtime::component::Resource;

use super::resources::Pollable;
use super::wit::clocks::{monotonic_clock, wall_clock};
use crate::state::State;

/// Facts have milliseconds.
const RESOLUTION: Duration = Duration::from_millis(1);

impl monotonic_clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(nanos(State::now(self)))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(nanos(RESOLUTION))
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<Pollable>> {
        Ok(self.wasi.table.push(Pollable { at: Duration::from_nanos(when), after: None })?)
    }

    fn subscribe_duration(&mut self, after: u64) -> wasmtime::Result<Resource<Pollable>> {
        let at = State::now(self).saturating_add(Duration::from_nanos(after));
        Ok(self.wasi.table.push(Pollable { at, after: None })?)
    }
}

impl wall_clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let now = Duration::from_millis(self.wasi.started.0).saturating_add(State::now(self));
        Ok(datetime(now))
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(RESOLUTION))
    }
}

impl State {
    /// The guest's clock, counted from the start of the attempt. Never goes backwards.
    pub(super) fn now(&mut self) -> Duration {
        let fact = self.gate().map_or(self.wasi.started, bailiwick_gate::Gate::clock);
        self.wasi.elapsed = self.wasi.elapsed.max(fact.since(self.wasi.started));
        self.wasi.elapsed
    }

    /// Really waits, within the attempt's wall clock; then the guest's clock shows `at`.
    pub(super) async fn wait_until(&mut self, at: Duration) {
        let now = self.now();
        if let Some(sleep) = at.checked_sub(now).filter(|sleep| !sleep.is_zero()) {
            // On the way back to where it was left it has waited already.
            if !self.gate().is_some_and(bailiwick_gate::Gate::is_replaying) {
                tokio::time::sleep(sleep).await;
            }
            self.wasi.elapsed = at;
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn datetime(time: Duration) -> wall_clock::Datetime {
    wall_clock::Datetime { seconds: time.as_secs(), nanoseconds: time.subsec_nanos() }
}
