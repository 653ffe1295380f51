async fn draft<T>(task: T, host: Host) {}
::core::compile_error! {
    "`agent` takes no arguments: name and version are the crate's, the summary is the first paragraph of the documentation\nexpected: `fn NAME(input: INPUT, host: &bailiwick::Host) -> Result<OUTPUT, bailiwick::Failure>`; `host` may be left out"
}
::core::compile_error! {
    "an agent is not `async`: it is straight-line code, and the host suspends it"
}
::core::compile_error! {
    "an agent is not generic: its schemas are of concrete types"
}
::core::compile_error! {
    "the host is borrowed: `&bailiwick::Host`"
}
::core::compile_error! {
    "an agent returns `Result<OUTPUT, bailiwick::Failure>`"
}
