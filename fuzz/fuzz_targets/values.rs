#![no_main]
//! `values`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("values");
