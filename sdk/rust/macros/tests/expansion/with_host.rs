/// Drafts copy
/// from a brief.
///
/// # Errors
/// None of these words are in the summary.
#[allow(dead_code)]
pub(crate) fn draft(task: Brief, host: &Host) -> Result<Draft, Failure> {
    host.log().info("drafting");
    Ok(Draft::from(task))
}
const _: () = {
    #[allow(dead_code, reason = "exported on wasm alone")]
    struct __BailiwickAgent;
    impl ::bailiwick::agent::Agent for __BailiwickAgent {
        type Input = Brief;
        type Output = Draft;
        const NAME: &'static str = ::core::env!("CARGO_PKG_NAME");
        const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
        const SUMMARY: &'static str = "Drafts copy from a brief.";
        #[allow(unused_variables, reason = "an agent may do without the host")]
        fn perform(
            input: Self::Input,
            host: &::bailiwick::Host,
        ) -> ::core::result::Result<Self::Output, ::bailiwick::Failure> {
            draft(input, host)
        }
    }
    ::core::assert!(
        ::bailiwick::agent::is_name(::core::env!("CARGO_PKG_NAME")),
        "an agent's crate is named `[a-z][a-z0-9_-]*`, at most 64 bytes",
    );
    ::core::assert!(
        ::bailiwick::agent::is_summary("Drafts copy from a brief."),
        "an agent says in its documentation, or its crate's description, what it does: at most 1 KiB",
    );
    #[cfg(target_family = "wasm")]
    ::bailiwick::guest::bindings::export!(
        __BailiwickAgent with_types_in::bailiwick::guest::bindings
    );
};
