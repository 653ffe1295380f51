#![no_main]
//! `policy_file`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("policy_file");
