//! The one wasmtime engine of a process: which WebAssembly is admitted, how it is compiled, where instances lie, the ticker. Knows no component.

use std::time::Duration;

use bailiwick_core::DELEGATE_DEPTH_MAX;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmFeatures};

use crate::limits::{
    ATTEMPTS_MAX, CALLED_MAX, FIBER, FIBER_KEPT, INSTANCES_MAX, STACK_MAX, TABLE_ELEMENTS_MAX,
    TABLES_MAX, TICK,
};

/// What a component may be made of. Everything else is off, also what wasmtime would
/// allow by default: threads and shared memory (time, races), relaxed SIMD (differs
/// between machines), gc, exceptions, stack switching, memory64, several memories in
/// one module, and component-model-async (open advisories; none is in the contract).
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::CALL_INDIRECT_OVERLONG)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::BULK_MEMORY_OPT)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::COMPONENT_MODEL);

/// Memories in the pool. Most components have one; the pool reserves 4 GiB of
/// address space for each, 4 TiB in all, and no memory.
const POOL_MEMORIES: u32 = 2 * ATTEMPTS_MAX;

/// Depths of calls of agents by agents.
const DEPTHS: u32 = DELEGATE_DEPTH_MAX as u32;

/// Memories of the places of one depth.
pub(crate) const CALLED_MEMORIES: usize = 2 * CALLED_MAX as usize;

/// Instances in the pool: of steps, and of each depth of calls.
const INSTANCES: u32 = ATTEMPTS_MAX + DEPTHS * CALLED_MAX;

/// Where instances lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// In slots that were reserved at the start: tens of microseconds for each attempt.
    Pooling,
    /// Mapped for each attempt: slower, and all that a machine with little address space allows.
    OnDemand,
}

/// Why there is no engine at all.
#[derive(Debug, thiserror::Error)]
#[error("this machine cannot run the sandbox: {0}")]
pub struct NoEngine(String);

/// The engine with its ticker.
pub(crate) fn open() -> Result<(Engine, Allocation), NoEngine> {
    let opened = open_with(&pool())?;
    tick(&opened.0)?;
    Ok(opened)
}

/// An engine that compiles the same code, without a pool: the child has no room for one.
pub(crate) fn for_compiling() -> Result<Engine, NoEngine> {
    Engine::new(&config()).map_err(|error| NoEngine(format!("{error:#}")))
}

/// Tries the pool (its address space is reserved here and now, so that this is the
/// probe), else does without and says so.
fn open_with(pool: &PoolingAllocationConfig) -> Result<(Engine, Allocation), NoEngine> {
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool.clone()));
    match Engine::new(&config) {
        Ok(engine) => Ok((engine, Allocation::Pooling)),
        Err(error) => {
            tracing::warn!(
                "no pool for instances ({error:#}); each attempt maps its own memory, which is slower"
            );
            Ok((for_compiling()?, Allocation::OnDemand))
        }
    }
}

/// What decides about the code that is compiled, and about the way it runs.
fn config() -> Config {
    let mut config = Config::new();
    config.wasm_features(FEATURES.complement(), false);
    config.wasm_features(FEATURES, true);
    // For the adapters that wasmtime itself makes where a text passes between two parts
    // of a component; a guest's own module with two memories is refused before this.
    config.wasm_features(WasmFeatures::MULTI_MEMORY, true);
    config.epoch_interruption(true);
    // The same bits on every machine: a replay on another one must not differ.
    config.cranelift_nan_canonicalization(true);
    config.max_wasm_stack(bytes(STACK_MAX.0));
    config.async_stack_size(bytes(FIBER.0));
    config.async_stack_zeroing(true);
    // Bounds checks by guard pages, memory images mapped copy-on-write: the fast way
    // of x86-64 and aarch64, and what the pool is made for.
    config.signals_based_traps(true);
    config.memory_reservation(4 << 30);
    config.memory_guard_size(32 << 20);
    config.memory_init_cow(true);
    // Traps are told to operators by kind, without addresses of guest code, but one
    // frame is kept: it tells an error inside the guest from one after it returned.
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(1));
    config
}

fn pool() -> PoolingAllocationConfig {
    let instances = u32::try_from(INSTANCES_MAX).unwrap_or(u32::MAX);
    let tables = u32::try_from(TABLES_MAX).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_stacks(INSTANCES)
        .total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES.saturating_mul(instances))
        .total_memories(POOL_MEMORIES + 2 * DEPTHS * CALLED_MAX)
        .total_tables(INSTANCES.saturating_mul(tables))
        .total_gc_heaps(0)
        .async_stack_keep_resident(bytes(FIBER_KEPT.0))
        // How many a component may have is said at its admission, in words of ours.
        .max_tables_per_module(tables)
        .table_elements(TABLE_ELEMENTS_MAX)
        // The limiter decides; the slot only has to be as large as any policy allows.
        .max_memory_size(bytes(bailiwick_policy::Limits::MAXIMUM.memory.0));
    pool
}

/// Memories that attempts share: the pool has no more.
pub(crate) fn memories(allocation: Allocation) -> usize {
    match allocation {
        Allocation::Pooling => POOL_MEMORIES as usize,
        // Each maps 4 GiB of the 128 TiB that a process can address.
        Allocation::OnDemand => 4_096,
    }
}

/// Moves the epoch while the engine lives.
fn tick(engine: &Engine) -> Result<(), NoEngine> {
    let engine = engine.weak();
    let tick: Duration = TICK;
    let ticker = std::thread::Builder::new().name("bailiwick-epoch".into()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(tick);
        }
    });
    ticker.map(drop).map_err(|error| NoEngine(format!("no thread for the ticker: {error}")))
}

/// Sizes of ours are far below the address space of any machine that wasmtime runs on.
fn bytes(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn does_without_a_pool_where_there_is_no_address_space() {
        let mut greedy = pool();
        greedy.total_memories(60_000);
        let (_, allocation) = open_with(&greedy).unwrap();
        assert_eq!(allocation, Allocation::OnDemand);
    }

    #[test]
    fn the_child_compiles_for_the_pool() {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let hash = |engine: &Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let (pooled, _) = open_with(&pool()).unwrap();
        assert_eq!(hash(&pooled), hash(&for_compiling().unwrap()));
    }
}
