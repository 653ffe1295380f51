//! `doctor`: whether this machine can run and build agents.
