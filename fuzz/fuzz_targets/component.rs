#![no_main]
//! `component`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("component");
