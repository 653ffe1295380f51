//! What an attempt uses while it runs: the thread's CPU time over its polls, its memory, the limit that refused it. Shared by the store and whoever waits for it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bailiwick_core::Bytes;
use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_core::units::show_duration;
use bailiwick_gate::Gate;

use crate::cpu::{Moment, nanos};

/// How many times its CPU budget an attempt may use to come back to where it was left:
/// what it does on the way was paid for before, and a busy machine is not held against it.
const REPLAY_FACTOR: u32 = 10;

/// `live_from` of an attempt that is still on its way back.
const NOT_LIVE: u64 = u64::MAX;

/// The counters of one attempt.
///
/// CPU is that of the thread while it polls the attempt: guest code, and what the
/// host does for it on this thread. Waiting costs nothing, and neither does what
/// other attempts do meanwhile.
pub(crate) struct Meter {
    budget: Duration,
    /// The gate of an attempt that continues.
    replay: Option<Arc<Gate>>,
    /// What was spent when it was back where it was left, in nanoseconds.
    live_from: AtomicU64,
    /// Nanoseconds of the polls that ended.
    spent: AtomicU64,
    /// When the present poll began: a [`Moment`].
    since_wall: AtomicU64,
    since_cpu: AtomicU64,
    /// The largest sum of memories and tables, in bytes.
    memory: AtomicU64,
    /// The first limit that an allocation ran into.
    refusal: OnceLock<Failure>,
}

impl Meter {
    pub(crate) fn new(budget: Duration, gate: Option<&Arc<Gate>>) -> Self {
        let replay = gate.filter(|gate| gate.is_replaying()).map(Arc::clone);
        Self {
            budget,
            live_from: AtomicU64::new(if replay.is_some() { NOT_LIVE } else { 0 }),
            replay,
            spent: AtomicU64::new(0),
            since_wall: AtomicU64::new(0),
            since_cpu: AtomicU64::new(0),
            memory: AtomicU64::new(0),
            refusal: OnceLock::new(),
        }
    }

    /// Runs a future and counts each poll.
    pub(crate) async fn count<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|context| {
            let Moment { wall, cpu } = Moment::now();
            self.since_wall.store(wall, Ordering::Relaxed);
            self.since_cpu.store(cpu, Ordering::Relaxed);
            let polled = future.as_mut().poll(context);
            self.spent.fetch_add(self.present(), Ordering::Relaxed);
            polled
        })
        .await
    }

    /// Whether it may go on; asked from within a poll, at every tick.
    pub(crate) fn go_on(&self) -> Result<(), Failure> {
        let spent = self.spent.load(Ordering::Relaxed).saturating_add(self.present());
        self.judge(Duration::from_nanos(spent))
    }

    /// Whether the polls so far kept the budget. Asks no clock.
    pub(crate) fn within_budget(&self) -> Result<(), Failure> {
        self.judge(self.cpu())
    }

    /// What may still be spent.
    pub(crate) fn left(&self) -> Duration {
        let spent = self.cpu();
        self.allowed(spent).saturating_sub(spent)
    }

    /// Counts what was spent for it on another thread.
    pub(crate) fn charge(&self, spent: Duration) {
        self.spent.fetch_add(nanos(spent), Ordering::Relaxed);
    }

    /// The failure of one whose budget is spent.
    pub(crate) fn out_of_cpu(&self) -> Failure {
        let budget = show_duration(self.budget);
        limit("cpu", &budget, &budget)
    }

    fn judge(&self, spent: Duration) -> Result<(), Failure> {
        if spent < self.allowed(spent) {
            return Ok(());
        }
        // The tick is coarse: nobody is told that he used more than he had.
        Err(self.out_of_cpu())
    }

    /// What may be spent in all; from the first look after the way back, the budget counts.
    fn allowed(&self, spent: Duration) -> Duration {
        let mut from = self.live_from.load(Ordering::Relaxed);
        if from == NOT_LIVE {
            if self.replay.as_ref().is_some_and(|gate| gate.is_replaying()) {
                return self.budget * REPLAY_FACTOR;
            }
            from = nanos(spent);
            self.live_from.store(from, Ordering::Relaxed);
        }
        self.budget.saturating_add(Duration::from_nanos(from))
    }

    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    pub(crate) fn memory(&self) -> Bytes {
        Bytes(self.memory.load(Ordering::Relaxed))
    }

    pub(crate) fn holds(&self, memory: Bytes) {
        self.memory.fetch_max(memory.0, Ordering::Relaxed);
    }

    /// Remembers why an allocation was refused: guests turn that into a panic.
    pub(crate) fn refuse(&self, failure: Failure) {
        // The first one is what the guest stumbled over.
        let _ = self.refusal.set(failure);
    }

    pub(crate) fn refusal(&self) -> Option<&Failure> {
        self.refusal.get()
    }

    fn present(&self) -> u64 {
        let wall = self.since_wall.load(Ordering::Relaxed);
        Moment { wall, cpu: self.since_cpu.load(Ordering::Relaxed) }.spent()
    }
}

/// The failure of whoever ran into a limit.
pub(crate) fn limit(
    name: &str,
    used: &dyn std::fmt::Display,
    allowed: &dyn std::fmt::Display,
) -> Failure {
    let message = format!("limit:{name} used {used} of {allowed}");
    Failure { kind: FailureKind::Limit, message, hint: hint(name) }
}

/// The line that would raise it, for the limits that operators can set.
fn hint(name: &str) -> Option<String> {
    let example = match name {
        "memory" => "256 MiB",
        "cpu" => "30 s",
        "wall" => "10 min",
        _ => return None,
    };
    Some(format!("in bailiwick.toml, under the agent: limits.{name} = \"{example}\""))
}
