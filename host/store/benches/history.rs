//! What a long history costs: durable appends and listings in a folder with 100 000 finished runs against an empty one, and the room that a run takes. Five repetitions, each beside the disk's own time.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench"
)]

mod long;

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use bailiwick_core::fact::{Entry, Fact, Used};
use bailiwick_core::ports::{Journal as _, Term};
use bailiwick_core::{Digest, Document, RunId, Timestamp};
use bailiwick_store::Store;
use long::{RUNS, attempt, cost, ended, fill, open, started_fact, wait};
use serde_json::json;
use tempfile::TempDir;

const REPETITIONS: usize = 5;

/// Samples of each measure and repetition.
const SAMPLES: usize = 400;

/// What a one-page commit writes into the log: a frame header and a page.
const FRAME_BYTES: usize = 24 + 4_096;

fn main() {
    // `cargo test --benches` only wants to see that it builds.
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let (empty, full) = (folder(), folder());
    let made = Instant::now();
    fill(full.path());
    let size = size_of(full.path());
    println!("{RUNS} finished runs: {size} bytes, made in {:.1?}", made.elapsed());
    let mut ratios: Vec<Vec<f64>> = Vec::new();
    for repetition in 1..=REPETITIONS {
        let (sync, sync_late) = fdatasync(empty.path());
        println!(
            "repetition {repetition}: fdatasync p50 {:.3} ms, p99 {:.3} ms",
            ms(sync),
            ms(sync_late)
        );
        let measured = measure([empty.path(), full.path()], repetition);
        ratios.resize_with(measured.len(), Vec::new);
        for (index, (name, [bare, long])) in measured.into_iter().enumerate() {
            let ratio = long.0.as_secs_f64() / bare.0.as_secs_f64();
            ratios[index].push(ratio);
            println!(
                "  {name:16} empty p50 {:7.3} p99 {:7.3} ms, full p50 {:7.3} p99 {:7.3} ms, ratio of p50 {ratio:.2}",
                ms(bare.0),
                ms(bare.1),
                ms(long.0),
                ms(long.1)
            );
        }
    }
    for (mut ratios, name) in ratios.into_iter().zip(NAMES) {
        ratios.sort_by(f64::total_cmp);
        let (least, most) = (ratios[0], ratios[REPETITIONS - 1]);
        println!("{name:16} median ratio {:.2} ({least:.2} to {most:.2})", ratios[REPETITIONS / 2]);
    }
    for (name, chained) in [("small inputs", false), ("each output is the next input", true)] {
        println!("100 steps of 10 kB, {name}: {} bytes after closing", storage(chained));
    }
}

/// What is measured, in this order.
const NAMES: [&str; 4] = ["create a run", "append", "one-step run", "list 100 runs"];

/// Median and 99th percentile.
type Times = (Duration, Duration);

/// Samples of the two folders by turns: whatever else the machine does meets both.
fn measure(folders: [&Path; 2], repetition: usize) -> Vec<(&'static str, [Times; 2])> {
    let stores = folders.map(open);
    let name =
        |kind: &str, number: usize| RunId::new(&format!("{kind}-{repetition}-{number}")).unwrap();
    let going = name("going", 0);
    let terms = stores.each_ref().map(|store| {
        let term = wait(store.create(&going)).unwrap();
        append(store, &going, term, started_fact(&going));
        term
    });
    let works: [&dyn Fn(usize, usize); 4] = [
        &|which, number| {
            wait(stores[which].create(&name("create", number))).unwrap();
        },
        &|which, _| append(&stores[which], &going, terms[which], cost()),
        &|which, number| {
            let (store, run) = (&stores[which], name("run", number));
            let term = wait(store.create(&run)).unwrap();
            append(store, &run, term, started_fact(&run));
            append(store, &run, term, cost());
            append(store, &run, term, ended());
        },
        &|which, _| drop(wait(stores[which].archive().runs(100, None)).unwrap()),
    ];
    NAMES.into_iter().zip(works).map(|(name, work)| (name, by_turns(work))).collect()
}

fn by_turns(work: &dyn Fn(usize, usize)) -> [Times; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..SAMPLES {
        // Who is first changes: the second finds the disk as the first left it.
        for which in [number % 2, 1 - number % 2] {
            let started = Instant::now();
            work(which, number);
            times[which].push(started.elapsed());
        }
    }
    times.map(percentiles)
}

fn percentiles(mut times: Vec<Duration>) -> Times {
    times.sort_unstable();
    (times[SAMPLES / 2], times[SAMPLES * 99 / 100])
}

fn append(store: &Store, run: &RunId, term: Term, facts: Vec<Fact>) {
    let entry = Entry { at: Timestamp(1), facts };
    wait(store.append(run, term, entry).unwrap().durable()).unwrap();
}

/// What the disk takes for the bytes of the smallest commit, in a file that has its size.
fn fdatasync(folder: &Path) -> Times {
    let path = folder.join("probe");
    let mut file = File::create(&path).unwrap();
    file.write_all(&vec![0; 4 << 20]).unwrap();
    file.sync_all().unwrap();
    let bytes = [7; FRAME_BYTES];
    let sample = |number: usize| {
        let started = Instant::now();
        file.write_all_at(&bytes, (number * FRAME_BYTES % (3 << 20)) as u64).unwrap();
        file.sync_data().unwrap();
        started.elapsed()
    };
    let times = (0..SAMPLES).map(sample).collect();
    std::fs::remove_file(path).unwrap();
    percentiles(times)
}

/// What 100 steps leave on the disk whose outputs have 10 kB each, hardly compressible.
fn storage(chained: bool) -> u64 {
    let folder = folder();
    let store = open(folder.path());
    let run = RunId::new("steps").unwrap();
    let term = wait(store.create(&run)).unwrap();
    append(&store, &run, term, started_fact(&run));
    let mut input = Document::of(&json!({ "step": 0 }));
    for step in 0..100_u32 {
        let attempt = attempt(&format!("s{step}"));
        let any = Digest::of(b"");
        let begins = Fact::CellStarted {
            attempt: attempt.clone(),
            component: any,
            powers: any,
            input: input.clone(),
            content: None,
        };
        append(&store, &run, term, vec![begins]);
        let text: String = (0..157_u32)
            .map(|part| Digest::of_parts(&[&step.to_le_bytes(), &part.to_le_bytes()]).hex())
            .collect();
        let output = Document::of(&json!({ "text": text.get(..10_000).unwrap() }));
        let cell = attempt.cell.clone();
        let finished =
            Fact::CellFinished { attempt, output: output.clone(), used: Used::default() };
        let released = Fact::Released { cell, round: 0, output: output.clone() };
        append(&store, &run, term, vec![finished, released]);
        input = match chained {
            true => Document::of(&json!({ "before": output.value() })),
            false => Document::of(&json!({ "step": step })),
        };
    }
    append(&store, &run, term, ended());
    drop(store);
    size_of(folder.path())
}

/// On the disk that the build folder is on: `/tmp` is often memory.
fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap() {
            about if about.is_dir() => size_of(&entry.path()),
            about => about.len(),
        })
        .sum()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
