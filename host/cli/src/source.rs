//! Where a component is taken from, as somebody typed it.

use bailiwick_core::Diagnostic;
use bailiwick_engine::{Problems, codes};

/// Whether this build can take it from there.
pub(crate) fn reaches(source: &str) -> Result<(), Problems> {
    if !source.starts_with("oci://") {
        return Ok(());
    }
    let message = format!("{source}: this build reaches no registries");
    let hint = "fetch the two files, NAME.wasm and NAME.wasm.minisig, and add the first";
    Err(Problems::one(Diagnostic::error(codes::NOT_ADDED, message).hint(hint)))
}
