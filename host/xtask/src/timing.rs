//! How long each stage of a task took, as the table that CONTRIBUTING shows.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// The stages of one task, in order.
#[derive(Default)]
pub(crate) struct Stages(Vec<(String, Duration, &'static str)>);

impl Stages {
    /// Runs a stage. The name goes before its output and into its error.
    pub(crate) fn run<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("== {name}");
        let start = Instant::now();
        let result = work().with_context(|| name.to_owned());
        let end = if result.is_ok() { "" } else { "  failed" };
        self.0.push((name.to_owned(), start.elapsed(), end));
        result
    }

    /// The table, after everything else.
    pub(crate) fn print(&self) {
        if self.0.is_empty() {
            return;
        }
        eprintln!("\nstage                  seconds");
        for (name, time, end) in &self.0 {
            eprintln!("{name:<20} {:>9.1}{end}", time.as_secs_f64());
        }
        let total: Duration = self.0.iter().map(|(_, time, _)| *time).sum();
        eprintln!("{:<20} {:>9.1}", "all", total.as_secs_f64());
    }
}
