//! Limits of the sandbox for one attempt. They are never absent; a file only changes them.

use std::time::Duration;

use bailiwick_core::Bytes;
use serde::{Deserialize, Serialize};

/// What one attempt may use of the host. Every field holds in every store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Linear memories and tables of the store, in sum.
    pub memory: Bytes,
    /// Time that guest code runs.
    pub cpu: Duration,
    /// Time from start to end, host waits included.
    pub wall: Duration,
    /// The output document.
    pub output: Bytes,
    /// Lines of log.
    pub log_lines: u32,
    /// Bytes put as artifacts, whatever the grant says.
    pub artifacts: Bytes,
    /// Calls to the gate, `log` not counted.
    pub gate_calls: u32,
    /// Denied calls; after that the attempt ends.
    pub denials: u32,
}

impl Limits {
    /// What holds where a file says nothing.
    ///
    /// 128 MiB holds a picture of 4096² beside the code that draws it; 5 s is a
    /// hundred times what the slowest first-party agent uses; 2 min lets a model
    /// answer; 4 MiB is the largest document; 1 000 lines can still be read by a
    /// person; 10 000 calls are two orders over the busiest agent seen; 100 denials
    /// are probing, not work.
    pub const DEFAULT: Self = Self {
        memory: Bytes::mib(128),
        cpu: Duration::from_secs(5),
        wall: Duration::from_secs(120),
        output: Bytes::mib(4),
        log_lines: 1_000,
        artifacts: Bytes::mib(64),
        gate_calls: 10_000,
        denials: 100,
    };

    /// The most that any policy can allow: above it the host itself is at risk
    /// (memory of a small machine, an attempt that outlives a working day).
    pub const MAXIMUM: Self = Self {
        memory: Bytes::mib(2048),
        cpu: Duration::from_secs(600),
        wall: Duration::from_secs(3600),
        output: Bytes::mib(4),
        log_lines: 10_000,
        artifacts: Bytes::mib(1024),
        gate_calls: 100_000,
        denials: 1_000,
    };

    /// The smaller of each.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self {
            memory: self.memory.min(other.memory),
            cpu: self.cpu.min(other.cpu),
            wall: self.wall.min(other.wall),
            output: self.output.min(other.output),
            log_lines: self.log_lines.min(other.log_lines),
            artifacts: self.artifacts.min(other.artifacts),
            gate_calls: self.gate_calls.min(other.gate_calls),
            denials: self.denials.min(other.denials),
        }
    }
}
