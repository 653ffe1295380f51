//! A component held to its pin in bailiwick.lock: the same bytes, signed by the same key. Reads nothing.

use bailiwick_core::{Diagnostic, Digest};
use bailiwick_policy::publishers::{Moment, Signature, Signed};
use bailiwick_project::LockPin;

use super::source::OCI;
use crate::codes;
use crate::provenance::today;

/// The file in which what a project's agent names mean is pinned.
pub const LOCK_FILE: &str = "bailiwick.lock";

/// Whether a component with this signature was let in before, whatever day it is, or comes in
/// today. Both count: whoever finds the key of a publisher after its last day can date a
/// signature back, also over bytes that were taken long ago as nobody's.
pub(crate) fn moment(pin: Option<&LockPin>, bytes: &Digest, signature: Option<&str>) -> Moment {
    let key = signature.and_then(|text| Signature::parse(text).ok()).map(|read| read.key);
    let taken = |pin: &LockPin| pin.signed.as_ref().map(|(_, key)| *key);
    match pin {
        Some(pin) if pin.component == *bytes && taken(pin) == key => Moment::Before,
        _ => Moment::Today(today()),
    }
}

/// The bytes are those that were taken.
pub(crate) fn bytes(pin: &LockPin, path: &str, found: &Digest) -> Result<(), Diagnostic> {
    if pin.component == *found {
        return Ok(());
    }
    let message = format!(
        "{path} is not what `{}` means: {LOCK_FILE} says {} {}, and these bytes are {found}",
        pin.agent, pin.version, pin.component
    );
    if pin.source.starts_with(OCI) {
        let hint =
            "what was fetched was changed since; `bailiwick update --locked` fetches it again";
        return Err(Diagnostic::error(codes::NOT_LOCKED, message).hint(hint));
    }
    Err(refused(pin, message, ""))
}

/// They are signed as they were then.
pub(crate) fn signer(pin: &LockPin, path: &str, found: Option<&Signed>) -> Result<(), Diagnostic> {
    let now = found.map(|signed| (&signed.statement.publisher, &signed.key));
    let then = pin.signed.as_ref().map(|(publisher, key)| (publisher, key));
    let gone = now.is_none_or(|(now, _)| then.is_some_and(|(then, _)| then != now));
    let message = match (then, now) {
        (then, now) if then == now => return Ok(()),
        // The very same bytes, and somebody answers for them by now.
        (None, Some(_)) => return Ok(()),
        (Some((publisher, key)), None) => format!(
            "{path} is not signed, and `{}` was taken as signed by {publisher} with key {key}",
            pin.agent
        ),
        (Some((was, _)), Some((publisher, key))) if was != publisher => format!(
            "{path} is signed by {publisher} with key {key}, and `{}` was taken from {was}",
            pin.agent
        ),
        (then, now) => {
            let id = |signer: Option<(_, &_)>| {
                signer.map_or_else(String::new, |(_, key): (&String, _)| format!("{key}"))
            };
            format!(
                "{path} is signed with another key, {}, and `{}` was taken with key {}",
                id(now),
                pin.agent,
                id(then)
            )
        }
    };
    Err(if gone { refused(pin, message, " --accept") } else { refused(pin, message, "") })
}

fn refused(pin: &LockPin, message: String, accepting: &str) -> Diagnostic {
    let hint = format!(
        "put the old one back, or look at the new one and take it: bailiwick update {}{accepting}",
        pin.agent
    );
    Diagnostic::error(codes::NOT_LOCKED, message).hint(hint)
}

#[cfg(test)]
mod tests;
