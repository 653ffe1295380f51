#![no_main]
//! `pipeline_file`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("pipeline_file");
