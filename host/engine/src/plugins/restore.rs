//! What bailiwick.lock says and the project's folder lacks, fetched again byte for byte: a fresh checkout. Changes neither of the two files.

use bailiwick_core::{Diagnostic, Digest, Name};
use bailiwick_project::LockPin;

use super::candidate::Candidate;
use super::change::Change;
use super::pin::{self, LOCK_FILE};
use super::site::Site;
use super::source::Pulled;
use crate::codes;
use crate::problems::Problems;
use crate::registry::{Errand, reference};

/// Where what is pinned can be had again: by its manifest, whatever the tag means now. An
/// older lock knows none; then the tag is asked, and what it has must be the pinned bytes.
pub(super) fn pinned(pin: &LockPin) -> Result<String, Problems> {
    let meant = reference(&pin.source)?;
    Ok(pin.manifest.map_or(meant.clone(), |manifest| meant.pinned(manifest)).to_string())
}

/// Keeps what an agent means, which was fetched again.
///
/// # Errors
/// [`Problems`] where it is not what bailiwick.lock says, or is admitted no more; then nothing
/// was changed.
pub fn restore(errand: &Errand, name: &Name, pulled: &Pulled) -> Result<Candidate, Problems> {
    let site = Site::take(errand)?;
    let source = site.component(name)?;
    let Some(pin) = site.lock.pin(name, source) else {
        let message = format!("{LOCK_FILE} does not say which bytes {source} means");
        let hint = format!("`bailiwick update {name}` fetches it, shows it and says so");
        return Err(Problems::one(Diagnostic::error(codes::NOT_LOCKED, message).hint(hint)));
    };
    pin::bytes(pin, &pulled.source, &Digest::of(&pulled.bytes)).map_err(Problems::one)?;
    let candidate = Candidate::pulled(&site, pulled, (source, Some(name)))?;
    // Without a policy nobody could say who a signature is by.
    if site.policy.publishers.is_some() {
        let signed = candidate.signed.as_ref();
        pin::signer(pin, &pulled.source, signed).map_err(Problems::one)?;
    }
    Change::new(&site, None, None)?.keeping(Some(pulled)).commit()?;
    Ok(candidate)
}
