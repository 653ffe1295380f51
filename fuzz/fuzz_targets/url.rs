#![no_main]
//! `url`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("url");
