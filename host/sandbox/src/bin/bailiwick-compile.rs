//! The compiling child by itself, for this crate's tests and benchmarks; the product starts its own binary instead.

fn main() -> std::process::ExitCode {
    bailiwick_sandbox::compile_child_main()
}
