#![no_main]
//! `quantity`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("quantity");
