//! What a store holds for one attempt: its gate, its counters, its WASI. Knows no wasm.

use std::sync::Arc;

use bailiwick_core::fact::Level;
use bailiwick_core::{AttemptId, RunId, Timestamp};
use bailiwick_gate::{CallError, Gate};
use bailiwick_policy::Limits;

use crate::ended::Ended;
use crate::limiter::Limiter;
use crate::meter::Meter;
use crate::room::Room;
use crate::wasi::Wasi;

/// Who is running: what randomness is derived from.
pub(crate) struct Identity {
    pub(crate) run: RunId,
    pub(crate) attempt: AttemptId,
}

/// The data of one store.
pub(crate) struct State {
    /// Absent while an agent is asked for its profile: it has no powers then, not even words.
    gate: Option<Arc<Gate>>,
    pub(crate) limiter: Limiter,
    pub(crate) meter: Arc<Meter>,
    pub(crate) wasi: Wasi,
}

impl State {
    /// For an attempt.
    pub(crate) fn of_attempt(gate: Arc<Gate>, identity: Identity, limits: &Limits) -> Self {
        let started = gate.clock();
        Self::new(Some(gate), (started, Some(identity)), limits)
    }

    /// For `profile`: no capability, the clock at zero, the same randomness every time.
    pub(crate) fn without_powers(limits: &Limits) -> Self {
        Self::new(None, (Timestamp(0), None), limits)
    }

    fn new(
        gate: Option<Arc<Gate>>,
        (started, identity): (Timestamp, Option<Identity>),
        limits: &Limits,
    ) -> Self {
        let meter = Arc::new(Meter::new(limits.cpu, gate.as_ref()));
        let room = Room::new(limits.memory, Arc::clone(&meter));
        let limiter = Limiter::new(room.clone(), Arc::clone(&meter));
        Self { gate, limiter, meter, wasi: Wasi::new(started, identity, room) }
    }

    pub(crate) fn gate(&self) -> Option<&Gate> {
        self.gate.as_deref()
    }

    /// Words for the operator; dropped where nobody listens.
    pub(crate) async fn log(
        &mut self,
        level: Level,
        message: &str,
        fraction: Option<f32>,
    ) -> wasmtime::Result<()> {
        let Some(gate) = self.gate() else { return Ok(()) };
        match gate.log(level, message, fraction).await {
            Err(CallError::Ended(failure)) => Err(Ended::from(failure).into()),
            // `log` has no other error.
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
