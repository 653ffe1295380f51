//! Writes the examples of every entry into folders, as a fuzzer wants them: `seeds FOLDER`.

#![allow(clippy::unwrap_used, reason = "a tool for hands")]

use std::path::Path;

use bailiwick_entries::{ALL, SMALL_MAX_BYTES, examples};

fn main() {
    let to = std::env::args().nth(1).unwrap();
    for entry in ALL {
        let folder = Path::new(&to).join(entry.name);
        std::fs::create_dir_all(&folder).unwrap();
        let small = examples(entry.name).into_iter().filter(|one| one.len() <= SMALL_MAX_BYTES);
        for (at, example) in small.enumerate() {
            std::fs::write(folder.join(format!("seed-{at}")), example).unwrap();
        }
    }
}
