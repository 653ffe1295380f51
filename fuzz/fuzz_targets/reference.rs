#![no_main]
//! `reference`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("reference");
