#![no_main]
//! `lock_file`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("lock_file");
