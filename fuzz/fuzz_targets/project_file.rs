#![no_main]
//! `project_file`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("project_file");
