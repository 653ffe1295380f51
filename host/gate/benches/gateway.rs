//! What the gate adds to a call of a model: a call through it beside the same call made to the provider at once, in five repetitions. The journal and the provider answer at once, so only the gate's own work is timed.
//!
//! `cargo bench -p bailiwick-gate`. Medians of the repetitions, with the least and the
//! most in brackets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "a benchmark; it uses a part of the support"
)]
#![allow(clippy::print_stdout, reason = "its result")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bailiwick_core::Digest;
use bailiwick_core::ports::Durable;
use bailiwick_gate::model::CompleteRequest;
use bailiwick_gate::{ModelProvider as _, ProviderCall};
use bailiwick_policy::grants::ModelGrant;
use bailiwick_policy::{Grants, Limits, Route};
use serde_json::json;
use support::{World, ask, name};

/// Repetitions of each.
const REPETITIONS: usize = 5;
/// Calls of one repetition.
const CALLS: usize = 5_000;
/// Calls of one attempt: an agent that asks more is rare, and each attempt has its own gate.
const CALLS_OF_ATTEMPT: usize = 10;
/// A prompt of a page.
const PROMPT_BYTES: usize = 4_096;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    println!("a call of a model, {PROMPT_BYTES} bytes of prompt");
    for (shape, schema) in [("text", false), ("checked by a schema", true)] {
        let (mut through, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..REPETITIONS {
            through.push(runtime.block_on(through_the_gate(schema)));
            bare.push(runtime.block_on(at_once(schema)));
        }
        for percent in [50, 99] {
            line(&format!("through the gate, {shape}"), percent, &through);
            line("to the provider at once", percent, &bare);
        }
    }
}

fn request(schema: bool) -> CompleteRequest {
    let answer = json!({ "type": "object", "required": ["title"], "properties": { "title": { "type": "string" } } });
    CompleteRequest {
        output_schema: schema.then_some(answer),
        ..ask(&"word ".repeat(PROMPT_BYTES / 5))
    }
}

fn says(world: &World, schema: bool) {
    let answer = if schema { r#"{"title": "A title"}"# } else { "A title" };
    world.answers((0..CALLS).map(|_| Ok(answer)));
}

async fn through_the_gate(schema: bool) -> Vec<Duration> {
    let world = World::new(false);
    says(&world, schema);
    let grants = || Grants {
        model: Some(ModelGrant {
            aliases: [name("writer")].into(),
            calls: None,
            tokens: None,
            money: None,
        }),
        ..Grants::none()
    };
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS / CALLS_OF_ATTEMPT {
        let gate = world.gate(grants(), Limits::DEFAULT);
        for _ in 0..CALLS_OF_ATTEMPT {
            let request = request(schema);
            let began = Instant::now();
            gate.complete(request).await.unwrap();
            times.push(began.elapsed());
        }
    }
    times
}

async fn at_once(schema: bool) -> Vec<Duration> {
    let world = World::new(false);
    says(&world, schema);
    let (route, key, durable) = (Route::builtin(), Digest::of(b"key"), Durable::attest(1));
    let images = BTreeMap::new();
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let request = request(schema);
        let began = Instant::now();
        let call = ProviderCall {
            route: &route,
            request: &request,
            images: &images,
            idempotency_key: &key,
            timeout: Duration::from_secs(60),
        };
        world.script.complete(&durable, call).await.unwrap();
        times.push(began.elapsed());
    }
    times
}

fn line(name: &str, percent: usize, repetitions: &[Vec<Duration>]) {
    let mut figures: Vec<f64> = repetitions.iter().map(|times| at(times, percent)).collect();
    figures.sort_by(f64::total_cmp);
    let [least, median, most] =
        [figures[0], figures[figures.len() / 2], figures[figures.len() - 1]];
    println!("  {name:<40} p{percent} {median:>8.4} ms [{least:.4} to {most:.4}]");
}

/// In milliseconds.
fn at(times: &[Duration], percent: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    times[(times.len() - 1) * percent / 100].as_secs_f64() * 1_000.0
}
