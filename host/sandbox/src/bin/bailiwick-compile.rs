//! The compiling child by itself, for this crate's tests and benchmarks; the product starts its own binary instead.

fn main() -> std::process::ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("--try") => bailiwick_sandbox::compile_child_tries(),
        _ => bailiwick_sandbox::compile_child_main(),
    }
}
