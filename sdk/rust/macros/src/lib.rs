//! The `#[bailiwick::agent]` attribute; what it makes of a function is in `expansion`, what
//! it refuses in `signature`.

mod expansion;
mod signature;

use proc_macro::TokenStream;

/// Makes one typed function the agent that this crate is.
///
/// ```text
/// /// The first paragraph of the documentation is the summary.
/// #[bailiwick::agent]
/// fn draft(brief: Brief, host: &Host) -> Result<Draft, Failure> { … }
/// ```
///
/// `host` may be left out. The input is `Deserialize + JsonSchema`, the output `Serialize +
/// JsonSchema`. Name and version are the crate's; without documentation the summary is
/// the crate's description. The exports exist on wasm alone: elsewhere the function stays what it
/// is, an ordinary function to be called by tests.
#[proc_macro_attribute]
pub fn agent(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expansion::expand(arguments.into(), item.into()).into()
}
