#![no_main]
//! `contract`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("contract");
