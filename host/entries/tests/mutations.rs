//! Every entry, with its examples and ten thousand mutations of them: whatever comes, what must hold holds.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bailiwick_entries::{ALL, Entry, Mutator, Reached, SMALL_MAX_BYTES, entry, examples};

/// Mutations of one entry. All entries together take a few seconds of one core.
const MUTATIONS: u64 = 10_000;

/// Every so many mutations one of a large example, whole agents of half a megabyte.
const OF_LARGE: u64 = 50;

/// Feeds an entry; what it panics with is shown with the bytes that did it.
fn feed(entry: &Entry, bytes: &[u8], which: &str) -> &'static str {
    let came = catch_unwind(AssertUnwindSafe(|| (entry.run)(bytes))).unwrap_or_else(|_| {
        let shown = &bytes[..bytes.len().min(4096)];
        panic!(
            "{} does not hold for {which} ({} bytes; keep them in corpus/{}/):\n{}",
            entry.name,
            bytes.len(),
            entry.name,
            shown.escape_ascii()
        )
    });
    match came {
        Reached::Nothing => "nothing",
        Reached::Form => "form",
        Reached::Taken => "taken",
    }
}

fn holds(name: &str) {
    let entry = entry(name).unwrap();
    let all = examples(name);
    let mut reached = BTreeMap::<&str, u64>::new();
    for (at, example) in all.iter().enumerate() {
        *reached.entry(feed(entry, example, &format!("example {at}"))).or_default() += 1;
    }
    assert!(reached.contains_key("taken"), "no example of {name} is good: {reached:?}");
    let (small, large): (Vec<&[u8]>, Vec<&[u8]>) =
        all.iter().map(Vec::as_slice).partition(|example| example.len() <= SMALL_MAX_BYTES);
    assert!(!small.is_empty());
    for seed in 0..MUTATIONS {
        let of_large = !large.is_empty() && seed % OF_LARGE == 0;
        let bytes = Mutator::new(seed).mutated(if of_large { &large } else { &small });
        *reached.entry(feed(entry, &bytes, &format!("seed {seed}"))).or_default() += 1;
    }
    // Mutations that all end at the door, or are all taken, would prove nothing.
    for (word, least) in [("form", 20), ("taken", 20)] {
        let times = reached.get(word).copied().unwrap_or_default();
        assert!(times >= least, "{name}: only {times} came as far as {word}: {reached:?}");
    }
}

macro_rules! entries {
    ($($name:ident)*) => {
        $(#[test] fn $name() { holds(stringify!($name)); })*

        #[test]
        fn every_entry_has_its_test() {
            let tested = [$(stringify!($name)),*];
            let named: Vec<_> = ALL.iter().map(|entry| entry.name).collect();
            assert_eq!(tested.as_slice(), named);
        }
    };
}

entries! {
    project_file policy_file pipeline_file decisions_file agent_file
    lock_file statement signature_file expression
    document schema facts component contract visible quantity
    url host values
    manifest reference
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let examples: [&[u8]; 2] = [b"abc = 1", b"[step.x]\nagent = \"a\""];
    let make = |seed| Mutator::new(seed).mutated(&examples);
    assert_eq!(make(7), make(7));
    assert!((0..100).map(make).collect::<std::collections::BTreeSet<_>>().len() > 90);
}
