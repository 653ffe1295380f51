fn double(number: u8) -> bailiwick::Result<Vec<u16>> {
    Ok(vec![u16::from(number) * 2])
}
const _: () = {
    #[allow(dead_code, reason = "exported on wasm alone")]
    struct __BailiwickAgent;
    impl ::bailiwick::agent::Agent for __BailiwickAgent {
        type Input = u8;
        type Output = Vec<u16>;
        const NAME: &'static str = ::core::env!("CARGO_PKG_NAME");
        const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
        const SUMMARY: &'static str = ::core::env!("CARGO_PKG_DESCRIPTION");
        #[allow(unused_variables, reason = "an agent may do without the host")]
        fn perform(
            input: Self::Input,
            host: &::bailiwick::Host,
        ) -> ::core::result::Result<Self::Output, ::bailiwick::Failure> {
            double(input)
        }
    }
    ::core::assert!(
        ::bailiwick::agent::is_name(::core::env!("CARGO_PKG_NAME")),
        "an agent's crate is named `[a-z][a-z0-9_-]*`, at most 64 bytes",
    );
    ::core::assert!(
        ::bailiwick::agent::is_summary(::core::env!("CARGO_PKG_DESCRIPTION")),
        "an agent says in its documentation, or its crate's description, what it does: at most 1 KiB",
    );
    #[cfg(target_family = "wasm")]
    ::bailiwick::guest::bindings::export!(
        __BailiwickAgent with_types_in::bailiwick::guest::bindings
    );
};
