#![no_main]
//! `signature_file`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("signature_file");
