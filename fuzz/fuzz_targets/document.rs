#![no_main]
//! `document`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("document");
