#![no_main]
//! `facts`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("facts");
