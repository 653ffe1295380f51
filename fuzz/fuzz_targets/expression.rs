#![no_main]
//! `expression`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("expression");
