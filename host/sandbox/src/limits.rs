//! Every limit that is the same for all agents; what an operator can set is in `bailiwick_policy::Limits`.

use std::time::Duration;

use bailiwick_core::Bytes;
use bailiwick_policy::Limits;

/// Stack of guest code: four times what the deepest first-party agent (a picture's
/// layout) uses, and a quarter of the fiber that it shares with host calls.
pub const STACK_MAX: Bytes = Bytes::kib(512);

/// The fiber on which guest and host code of one attempt run. Host calls (TLS, JSON
/// nested 128 deep) have what the guest cannot use: 1.5 MiB.
pub(crate) const FIBER: Bytes = Bytes::mib(2);

/// What of a stack stays in memory after its attempt, zeroed: what honest attempts reach, so
/// that they find their pages again. All below goes back to the system, as the pool hands out
/// every stack before it hands out one twice: a guest that recurses would leave half a MiB in
/// each of a thousand.
pub(crate) const FIBER_KEPT: Bytes = Bytes::kib(16);

/// Table elements, sum over the store: the function table of CPython has 8 000.
pub const TABLE_ELEMENTS_MAX: usize = 20_000;

/// Core instances of one store: a CPython component links about 30 modules.
pub const INSTANCES_MAX: usize = 64;

/// Linear memories of one store: one each for a component and what is composed into
/// it. Their sizes are summed; this bounds the address space that they reserve.
pub const MEMORIES_MAX: usize = 8;

/// Tables of one store: one each for memories, plus the encoder's shims.
pub const TABLES_MAX: usize = 16;

/// Handles of a store's resources that are alive, seen from the guest and from the host.
pub const HANDLES_MAX: usize = 1_024;

/// What one call of the guest may hand to the host, and one answer to the host's
/// call: twice the largest document. It bounds what is allocated for the guest
/// before anybody can look at it.
pub const HOSTCALL_MAX: Bytes = Bytes::mib(8);

/// The same for `profile`: two schemas of 64 KiB and three short texts.
pub(crate) const PROFILE_HOSTCALL_MAX: Bytes = Bytes::kib(192);

/// How often running guests are looked at: a loop is ended, and gives way to its
/// neighbours, within this; at 10 ms the look costs below 0.1 %.
pub const TICK: Duration = Duration::from_millis(10);

/// Attempts that run at once. Each has a fiber from a pool; more of them wait.
/// Eight times the default concurrency of a run.
pub const ATTEMPTS_MAX: u32 = 512;

/// Attempts that agents have called and that run at once, for each depth of calls. Who
/// waits for one keeps its own place meanwhile, so these are places besides: however many
/// callers there are, one more depth always goes on.
pub const CALLED_MAX: u32 = 16;

/// Components that are ready to run, in one process: an order above the largest
/// pipeline. Each keeps its compiled code in memory.
pub const COMPONENTS_MAX: usize = 256;

/// The largest component.
pub const COMPONENT_MAX: Bytes = Bytes::mib(64);

/// The largest compiled component: machine code is three to six times its source.
pub(crate) const ARTIFACT_MAX: Bytes = Bytes::mib(512);

/// The longest compilation, in CPU and on the wall.
pub const COMPILE_TIME_MAX: Duration = Duration::from_secs(180);

/// Memory of the compiling child.
pub const COMPILE_MEMORY_MAX: Bytes = Bytes::mib(2048);

/// The largest body of one function, in bytes: compiling one takes more than linear
/// time; the largest seen (an interpreter's loop) has 0.4 MB.
pub const FUNCTION_MAX_BYTES: usize = 5_000_000;

/// The deepest nesting of blocks in one function: compilers recurse over it.
pub const NESTING_MAX: u32 = 10_000;

/// The most random bytes of one call: more is not randomness but a data set.
pub(crate) const RANDOM_MAX: Bytes = Bytes::mib(1);

/// The longest text of a failure, in bytes, as the contract says.
pub(crate) const FAILURE_TEXT_MAX_BYTES: usize = 4 * 1024;

/// What `profile` may use: an interpreter must start in it, and nothing else.
pub(crate) const PROFILE_LIMITS: Limits = Limits {
    memory: Bytes::mib(128),
    cpu: Duration::from_secs(2),
    wall: Duration::from_secs(20),
    gate_calls: 0,
    log_lines: 0,
    ..Limits::DEFAULT
};
