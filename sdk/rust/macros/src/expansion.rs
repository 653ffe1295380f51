//! What `#[bailiwick::agent]` makes of a function: the function itself, and beside it, on
//! wasm, the exports of the contract. Knows nothing of bindings but the macro's name.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ItemFn;
use syn::spanned::Spanned;

use crate::signature::{self, Signature};

/// The item, with exports or with errors.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        let error = signature::no_function(&item).into_compile_error();
        return quote! { #item #error };
    };
    match Signature::read(&arguments, &function) {
        Ok(signature) => {
            let exports = exports(&signature, &function);
            quote! { #function #exports }
        }
        Err(error) => {
            let error = error.into_compile_error();
            quote! { #function #error }
        }
    }
}

fn exports(signature: &Signature, function: &ItemFn) -> TokenStream {
    let Signature { name, input, output, .. } = signature;
    let summary = match signature.summary.as_str() {
        "" => quote! { ::core::env!("CARGO_PKG_DESCRIPTION") },
        summary => quote! { #summary },
    };
    // Where the types do not fit, the compiler is to point at the function's own words.
    let call = if signature.takes_host {
        quote_spanned! { function.sig.output.span()=> #name(input, host) }
    } else {
        quote_spanned! { function.sig.output.span()=> #name(input) }
    };
    quote! {
        const _: () = {
            #[allow(dead_code, reason = "exported on wasm alone")]
            struct __BailiwickAgent;

            impl ::bailiwick::agent::Agent for __BailiwickAgent {
                type Input = #input;
                type Output = #output;
                const NAME: &'static str = ::core::env!("CARGO_PKG_NAME");
                const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
                const SUMMARY: &'static str = #summary;

                #[allow(unused_variables, reason = "an agent may do without the host")]
                fn perform(
                    input: Self::Input,
                    host: &::bailiwick::Host,
                ) -> ::core::result::Result<Self::Output, ::bailiwick::Failure> {
                    #call
                }
            }

            ::core::assert!(
                ::bailiwick::agent::is_name(::core::env!("CARGO_PKG_NAME")),
                "an agent's crate is named `[a-z][a-z0-9_-]*`, at most 64 bytes",
            );

            ::core::assert!(
                ::bailiwick::agent::is_summary(#summary),
                "an agent says in its documentation, or its crate's description, what it does: at most 1 KiB",
            );

            #[cfg(target_family = "wasm")]
            ::bailiwick::guest::bindings::export!(
                __BailiwickAgent with_types_in ::bailiwick::guest::bindings
            );
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{ExpectFile, expect_file};

    #[expect(clippy::needless_pass_by_value, reason = "reads as a table")]
    fn check(arguments: TokenStream, item: TokenStream, expected: ExpectFile) {
        let file = syn::parse2(expand(arguments, item)).unwrap();
        expected.assert_eq(&prettyplease::unparse(&file));
    }

    #[test]
    fn exports_stand_beside_the_function() {
        check(
            TokenStream::new(),
            quote! {
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
            },
            expect_file!["../tests/expansion/with_host.rs"],
        );
    }

    #[test]
    fn host_and_documentation_may_be_left_out() {
        check(
            TokenStream::new(),
            quote! {
                fn double(number: u8) -> bailiwick::Result<Vec<u16>> {
                    Ok(vec![u16::from(number) * 2])
                }
            },
            expect_file!["../tests/expansion/bare.rs"],
        );
    }

    #[test]
    fn misuse_keeps_the_function_and_adds_every_error() {
        check(
            quote! { name = "draft" },
            quote! {
                async fn draft<T>(task: T, host: Host) {}
            },
            expect_file!["../tests/expansion/misused.rs"],
        );
    }

    #[test]
    fn an_item_of_another_kind_is_kept() {
        check(
            TokenStream::new(),
            quote! { struct Draft; },
            expect_file!["../tests/expansion/no_function.rs"],
        );
    }
}
