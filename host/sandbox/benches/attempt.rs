//! What an attempt of ours costs over raw wasmtime: the same component, the same run, alternating; prints medians, spread and the ratio.
//!
//! Raw is what anybody would write: pooled instances, `InstancePre`, epochs on, a fresh
//! store for each call. Ours is everything: all limits, metering, gate, schemas of input
//! and output, references. Neither writes a journal, and neither waits: what is measured
//! is the thread's CPU time, so that a busy machine decides as little as it can.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]
#![allow(clippy::print_stdout, reason = "its result")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use bailiwick_gate::work::thread_cpu;
use bailiwick_policy::ports::StepRunner as _;
use serde_json::{Value, json};
use support::Host;
use support::guest::{answer, performs};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

#[allow(missing_docs, unreachable_pub, reason = "generated")]
mod raw {
    wasmtime::component::bindgen!({
        path: "../../wit/v0.1",
        world: "full",
        imports: { default: async | trappable },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

impl raw::bailiwick::agent::log::Host for () {
    async fn write(
        &mut self,
        _: raw::bailiwick::agent::log::Level,
        _: String,
    ) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn progress(&mut self, _: f32, _: String) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// Calls of one repetition: long enough that a tick or two of a neighbour does not decide.
const CALLS: u32 = 4_000;
/// Repetitions of each, alternating.
const REPETITIONS: usize = 5;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let schema =
        json!({"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}});
    let guest = performs(&answer("{\"ok\":true}")).component();
    runtime.block_on(compare("a guest of 1 KB", &guest, json!({"name": "Ada"}), schema));
    // The agent of the first example, where it was built: what the figures on page 80 are about.
    let hello = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../agents/target/wasm32-unknown-unknown/release/hello.wasm"
    );
    match std::fs::read(hello) {
        Ok(module) => {
            let encoder = wit_component::ComponentEncoder::default().module(&module).unwrap();
            let hello = encoder.validate(true).encode().unwrap();
            runtime.block_on(compare("agents/hello", &hello, json!({"name": "Ada"}), json!(true)));
        }
        Err(_) => println!("agents/hello is not built: `cargo xtask guests` builds it"),
    }
}

async fn compare(name: &str, component: &[u8], input: Value, output: Value) {
    let mut host = Host::new();
    host.input = input.clone();
    host.input_schema = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    host.output_schema = output;
    let digest = host.load(component).await;
    let raw = Raw::new(component);
    let input = input.to_string();
    let (mut raws, mut ours) = (Vec::new(), Vec::new());
    // The first round warms slots and caches and is not counted.
    for _ in 0..=REPETITIONS {
        let began = thread_cpu();
        for _ in 0..CALLS {
            raw.call(&input).await;
        }
        raws.push((thread_cpu() - began) / CALLS);
        let generation = host.job(digest).generation;
        let template = host.job(digest);
        let began = thread_cpu();
        for _ in 0..CALLS {
            let job = bailiwick_policy::ports::Job {
                run: template.run.clone(),
                attempt: template.attempt.clone(),
                generation: std::sync::Arc::clone(&generation),
                input: template.input.clone(),
                started: template.started,
                record: std::sync::Arc::default(),
                patience: template.patience,
                recorder: std::sync::Arc::clone(&template.recorder),
                called: None,
            };
            host.runner.run(job).await.result.unwrap();
        }
        ours.push((thread_cpu() - began) / CALLS);
    }
    let (raw, raw_spread) = median(&mut raws);
    let (our, our_spread) = median(&mut ours);
    println!("{name} ({:?}, {REPETITIONS} × {CALLS} calls)", host.sandbox.allocation());
    println!("  raw wasmtime  {raw:>10.2?}  ± {raw_spread:.2?}");
    println!("  our attempt   {our:>10.2?}  ± {our_spread:.2?}");
    println!("  ratio         {:>10.3}  (target ≤ 1.25)", our.as_secs_f64() / raw.as_secs_f64());
}

/// Median and half the range, without the warming round.
fn median(times: &mut Vec<Duration>) -> (Duration, Duration) {
    times.remove(0);
    times.sort_unstable();
    (times[times.len() / 2], (times[times.len() - 1] - times[0]) / 2)
}

struct Raw {
    engine: Engine,
    pre: raw::FullPre<()>,
}

impl Raw {
    fn new(component: &[u8]) -> Self {
        let mut config = Config::new();
        config.epoch_interruption(true);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(
            PoolingAllocationConfig::default(),
        ));
        let engine = Engine::new(&config).unwrap();
        let ticking = engine.weak();
        std::thread::spawn(move || {
            while let Some(engine) = ticking.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let component = Component::new(&engine, component).unwrap();
        let mut linker = Linker::new(&engine);
        raw::bailiwick::agent::log::add_to_linker::<_, HasSelf<()>>(&mut linker, |nothing| nothing)
            .unwrap();
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let pre = raw::FullPre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
        Self { engine, pre }
    }

    async fn call(&self, input: &str) -> String {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let agent = self.pre.instantiate_async(&mut store).await.unwrap();
        let task = raw::exports::bailiwick::agent::agent::Task {
            step: "step",
            cell: "-",
            round: 0,
            input,
        };
        agent.bailiwick_agent_agent().call_perform(&mut store, task).await.unwrap().unwrap()
    }
}
