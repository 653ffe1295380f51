//! A host that is served by the built binary, ended with the value; knows no project.

use std::io::{BufRead as _, BufReader};
use std::process::Child;

use super::Call;

/// The running host.
pub(crate) struct Served {
    child: Child,
    /// What it said until it listened.
    pub(crate) said: String,
}

impl Served {
    /// Begins a `bailiwick serve` and waits until it listens.
    pub(crate) fn by(call: Call) -> Self {
        let mut served = Self { child: call.starts(), said: String::new() };
        let stderr = BufReader::new(served.child.stderr.take().unwrap());
        let mut lines = stderr.lines().map_while(Result::ok);
        for line in lines.by_ref() {
            served.said.push_str(&line);
            served.said.push('\n');
            if line.contains("serving ") {
                // What it says besides is read, so that it can say it.
                std::thread::spawn(move || lines.for_each(drop));
                return served;
            }
        }
        panic!("it does not serve: {}", served.said)
    }

    /// Waits until it was killed, by somebody else.
    pub(crate) fn dies(mut self) {
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), None, "it ended by itself");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
