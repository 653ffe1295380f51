#![no_main]
//! `host`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("host");
