struct Draft;
::core::compile_error! {
    "an agent is one free function\nexpected: `fn NAME(input: INPUT, host: &bailiwick::Host) -> Result<OUTPUT, bailiwick::Failure>`; `host` may be left out"
}
