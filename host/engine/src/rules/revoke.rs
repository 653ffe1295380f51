//! Powers are taken away and given back: written down in the host's own stream, in force from the next call of whatever runs. Decides nothing about who may.

use std::sync::Arc;

use bailiwick_core::{Diagnostic, Timestamp};
use bailiwick_policy::{Holder, PowerKey, Revocation};
use bailiwick_store::{HostFact, RevokedBy, RevokedPower};

use crate::codes;
use crate::history::History;
use crate::host::Host;
use crate::pinned::storage;
use crate::problems::Problems;

/// A power that is taken away, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// From whom: an agent name, or `publisher/name`.
    pub holder: String,
    /// Which.
    pub power: String,
    /// Who did.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl From<(RevokedPower, RevokedBy)> for Taken {
    fn from((key, by): (RevokedPower, RevokedBy)) -> Self {
        Self { holder: key.holder, power: key.power, by: by.by, at: by.at }
    }
}

/// Reads whose power and which, as somebody typed it.
///
/// # Errors
/// [`Problems`] with what there is.
pub fn parse(holder: &str, power: &str) -> Result<Revocation, Problems> {
    let wrong = |why: String| {
        let hint = "for example: bailiwick revoke draft model; bailiwick revoke local/publish http.hooks.example.com";
        Problems::one(Diagnostic::error(codes::BAD_REVOKE, why).hint(hint))
    };
    Ok(Revocation {
        holder: Holder::parse(holder).map_err(|error| wrong(error.to_string()))?,
        power: PowerKey::parse(power).map_err(|error| wrong(error.to_string()))?,
    })
}

pub(super) fn parsed(key: &RevokedPower) -> Result<Revocation, Problems> {
    // What cannot be understood must not be passed over: it was taken away.
    parse(&key.holder, &key.power)
}

/// Whether a power is taken away or given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is taken away.
    Revoke,
    /// It is given back: the files hold again.
    Undo,
}

/// Takes a power away, or gives it back. When this returns, it is durable and in force.
/// Gives whether anything changed.
///
/// # Errors
/// [`Problems`] where the data folder cannot be held, or nothing could be written.
pub async fn revoke(
    host: &Host,
    what: &Revocation,
    change: Change,
    by: String,
) -> Result<bool, Problems> {
    let held = host.hold()?;
    held.rules.load(&held.store).await?;
    let is_gone = held.rules.revoked().contains(what);
    if is_gone == (change == Change::Revoke) {
        return Ok(false);
    }
    let (holder, power) = (what.holder.to_string(), what.power.to_string());
    let fact = match change {
        Change::Revoke => HostFact::PowerRevoked { holder, power, by },
        Change::Undo => HostFact::PowerReturned { holder, power, by },
    };
    held.store.note(host.clock.now(), vec![fact]).await.map_err(storage)?;
    Arc::clone(&held.rules).read(&held.store).await?;
    Ok(true)
}

/// What is taken away in a data folder.
///
/// # Errors
/// [`Problems`] where it cannot be read.
pub async fn revoked(history: &History) -> Result<Vec<Taken>, Problems> {
    let rows = history.archive().revoked().await.map_err(storage)?;
    Ok(rows.into_iter().map(Taken::from).collect())
}
