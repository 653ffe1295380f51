//! `gc`: what `[retention]` of a project asks for, done to its data folder. Decides no age and deletes nothing itself.

use std::path::Path;
use std::time::Duration;

use bailiwick_core::Timestamp;
use bailiwick_core::ports::Clock;
use bailiwick_project::Retention;
pub use bailiwick_store::Swept;
use bailiwick_store::{Store, StoreOptions, SweepRequest};

use crate::host::not_held;
use crate::load::Opened;
use crate::pinned::{project, storage};
use crate::problems::Problems;
use crate::system::SystemClock;

/// Whether anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is only said what would go.
    DryRun,
    /// It goes.
    Sweep,
}

/// Deletes what the project's retention lets go, and what nobody names any more. Takes
/// the folder, unless nothing is to be done: a host that holds it sweeps itself.
///
/// # Errors
/// [`Problems`] where the folder is held or cannot be used.
pub async fn collect(
    data: &Path,
    opened: &Opened,
    (mode, command): (Mode, String),
    uid: u32,
) -> Result<Swept, Problems> {
    let now = SystemClock.now();
    let by = opened.policy.people.name_of(uid);
    let request = request(opened.project.retention, project(&opened.root), now, by);
    let swept = match mode {
        Mode::DryRun => {
            let archive = Store::open_read_only(data).map_err(storage)?;
            archive.sweepable(request).await
        }
        Mode::Sweep => {
            // Nothing is made where nothing is to be swept.
            Store::open_read_only(data).map(drop).map_err(storage)?;
            let store = Store::open(data, StoreOptions { command, now })
                .map_err(|error| not_held(&error, data))?;
            store.sweep(request).await
        }
    };
    swept.map_err(storage)
}

/// The same on a folder that this process holds: for a host that sweeps by itself.
///
/// # Errors
/// [`Problems`] where a sweep goes on already, a run is damaged, or storage failed.
pub async fn sweep(
    store: &Store,
    opened: &Opened,
    now: Timestamp,
    by: String,
) -> Result<Swept, Problems> {
    let request = request(opened.project.retention, project(&opened.root), now, by);
    store.sweep(request).await.map_err(storage)
}

fn request(retention: Retention, project: String, now: Timestamp, by: String) -> SweepRequest {
    let before = |age: Option<Duration>| {
        let age = u64::try_from(age?.as_millis()).unwrap_or(u64::MAX);
        Some(Timestamp(now.0.saturating_sub(age)))
    };
    SweepRequest {
        project,
        delete_before: before(retention.runs),
        erase_before: before(retention.values),
        now,
        by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_kept_for_ever() {
        let day = Duration::from_secs(24 * 60 * 60);
        let now = Timestamp(100 * 24 * 60 * 60 * 1_000);
        let ask = |runs, values| {
            let asked = request(Retention { runs, values }, "p".into(), now, "ana".into());
            (asked.delete_before, asked.erase_before)
        };
        assert_eq!(ask(None, None), (None, None));
        let at = |days: u64| Some(Timestamp(days * 24 * 60 * 60 * 1_000));
        assert_eq!(ask(Some(90 * day), Some(30 * day)), (at(10), at(70)));
        assert_eq!(ask(Some(3_000 * day), None), (Some(Timestamp(0)), None));
    }
}
