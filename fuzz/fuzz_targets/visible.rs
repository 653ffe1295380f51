#![no_main]
//! `visible`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("visible");
