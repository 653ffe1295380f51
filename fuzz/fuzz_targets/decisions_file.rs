#![no_main]
//! `decisions_file`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("decisions_file");
