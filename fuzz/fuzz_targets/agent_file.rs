#![no_main]
//! `agent_file`: what must hold stands in `host/entries`.
bailiwick_fuzz::feeds!("agent_file");
