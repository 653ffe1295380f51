#![no_main]
//! `schema`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("schema");
