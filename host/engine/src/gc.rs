//! `gc`: what `[retention]` of a project asks for, done to its data folder. Decides no age and deletes nothing itself.

use std::path::Path;
use std::time::Duration;

use bailiwick_core::Timestamp;
use bailiwick_core::ports::Clock;
use bailiwick_project::Retention;
pub use bailiwick_store::Swept;
use bailiwick_store::{Reach, Store, StoreOptions, SweepRequest};

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

/// A part of the same on a folder that this process holds: for a host that sweeps by itself.
pub(crate) async fn sweep(
    store: &Store,
    opened: &Opened,
    (now, by): (Timestamp, String),
    reach: Reach,
) -> Result<Swept, Problems> {
    let all = request(opened.project.retention, project(&opened.root), now, by);
    store.sweep(SweepRequest { reach, ..all }).await.map_err(storage)
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
        reach: Reach::All,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bailiwick_core::fact::{Entry, Fact, Pin, RunEnd};
    use bailiwick_core::ports::Journal as _;
    use bailiwick_core::{Document, Name, RunId};
    use serde_json::json;

    use super::*;
    use crate::audit;
    use crate::load::{self, Places};

    /// A data folder with a run that ended three days ago and one of now.
    async fn data(folder: &Path, project: &str) -> Store {
        let options = StoreOptions { command: "test".into(), now: Timestamp(0) };
        let store = Store::open(folder, options).unwrap();
        let now = SystemClock.now();
        let old = Timestamp(now.0 - 3 * 24 * 60 * 60 * 1_000);
        for (name, at) in [("old", old), ("young", now)] {
            let run = RunId::new(name).unwrap();
            let term = store.create(&run).await.unwrap();
            let pin = Pin {
                project: project.into(),
                files: BTreeMap::new(),
                models: Vec::new(),
                assets: Document::of(&json!({})),
                currency: None,
            };
            let started = Fact::RunStarted {
                run: run.clone(),
                pipeline: Name::new("main").unwrap(),
                input: Document::of(&json!({ "words": "of the input" })),
                shape: Vec::new(),
                agents: BTreeMap::new(),
                imported: Vec::new(),
                by: "ana".into(),
                pin: Some(pin),
                forked: None,
                labels: None,
            };
            let ended = Fact::RunEnded { end: RunEnd::Done, output: None, reason: None };
            let entry = Entry { at, facts: vec![started, ended] };
            store.append(&run, term, entry).unwrap().durable().await.unwrap();
        }
        store
    }

    #[tokio::test]
    async fn the_files_of_the_project_say_what_goes() {
        let temp = tempfile::tempdir().unwrap();
        let (project, data_folder) = (temp.path().join("project"), temp.path().join("data"));
        std::fs::create_dir_all(project.join("pipelines")).unwrap();
        let project = project.canonicalize().unwrap();
        drop(data(&data_folder, &project.display().to_string()).await);
        let swept = async |retention: &str, mode: Mode| {
            std::fs::write(project.join("bailiwick.toml"), retention).unwrap();
            let places = Places {
                project: project.clone(),
                policy: None,
                user_policy: None,
                models: Vec::new(),
            };
            let opened = load::open(&places).unwrap();
            let swept = collect(&data_folder, &opened, (mode, "gc".into()), 0).await.unwrap();
            let names = |runs: &[RunId]| runs.iter().map(ToString::to_string).collect::<Vec<_>>();
            (names(&swept.deleted), names(&swept.erased))
        };
        let (none, old) = (Vec::<String>::new(), vec!["old".to_owned()]);
        let nothing = (none.clone(), none.clone());
        assert_eq!(swept("", Mode::Sweep).await, nothing);
        assert_eq!(swept("[retention]\nruns = \"4 days\"", Mode::Sweep).await, nothing);
        let values = "[retention]\nruns = \"4 days\"\nvalues = \"2 days\"";
        assert_eq!(swept(values, Mode::DryRun).await, (none.clone(), old.clone()));
        assert_eq!(swept(values, Mode::Sweep).await, (none.clone(), old.clone()));
        assert_eq!(swept(values, Mode::Sweep).await, nothing);
        assert_eq!(swept("[retention]\nruns = \"2 days\"", Mode::Sweep).await, (old, none));
        let left = audit::verify(&data_folder, None, None).await.unwrap();
        assert_eq!((left.damages.len(), left.streams), (0, 2), "one run, and what was done");
    }

    #[tokio::test]
    async fn an_anchor_from_before_still_holds_after_a_sweep() {
        let temp = tempfile::tempdir().unwrap();
        let store = data(temp.path(), "p").await;
        std::fs::write(temp.path().join("host.key"), [7; 32]).unwrap();
        let anchor = audit::anchor(temp.path()).await.unwrap();
        let file = temp.path().join("anchor.json");
        std::fs::write(&file, serde_json::to_vec(&anchor).unwrap()).unwrap();
        let day = Some(Duration::from_secs(24 * 60 * 60));
        let retention = Retention { runs: day, values: None };
        let asked = request(retention, "p".into(), SystemClock.now(), "ana".into());
        assert_eq!(store.sweep(asked).await.unwrap().deleted.len(), 1);
        let found = audit::verify(temp.path(), None, Some(&file)).await.unwrap();
        assert_eq!((found.damages, found.anchored), (Vec::new(), Some(anchor)));
    }

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
