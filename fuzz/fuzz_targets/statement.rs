#![no_main]
//! `statement`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("statement");
