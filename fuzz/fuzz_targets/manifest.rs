#![no_main]
//! `manifest`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("manifest");
