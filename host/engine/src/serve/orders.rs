//! Submitted runs on disk: what somebody sent, until its run has begun, and his decisions until it has ended. Starts nothing.
//!
//! `submitted/RUN/` in the data folder: `given/` holds the input and its files,
//! `decisions.toml` the answers ahead of time, `order.json` the rest. A folder without
//! `order.json` was never accepted; it is written last, and an answer goes out after it
//! is on stable storage.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use bailiwick_core::{Name, RunId};
use serde::{Deserialize, Serialize};

/// The most that is read of `order.json`: two names, a path and three flags.
const ORDER_MAX_BYTES: u64 = 16 * 1024;

/// What is to be run, for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The project, as runs are pinned to it.
    pub(crate) project: String,
    pub(crate) pipeline: Name,
    /// The OS user who submitted it, as whom its decisions are made.
    pub(crate) uid: u32,
    /// The label of the input, where he said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    /// Whether an input was given.
    pub(crate) input: bool,
    /// Whether decisions were given.
    pub(crate) decisions: bool,
}

/// The folder of submitted runs.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    folder: PathBuf,
}

impl Orders {
    /// The folder, made where it is missing.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join("submitted");
        make(&folder)?;
        Ok(Self { folder })
    }

    /// What was accepted and not forgotten, in the order in which it was. What was never
    /// accepted is removed.
    pub(crate) fn all(&self) -> io::Result<Vec<(RunId, Order)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match (RunId::new(name), read(&path)) {
                (Ok(run), Some(order)) => found.push((run, order)),
                _ => fs::remove_dir_all(&path)?,
            }
        }
        // The id of a run begins with its time.
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found)
    }

    /// A place for what is being sent.
    pub(crate) fn begin(&self, run: &RunId) -> io::Result<Place> {
        let place = self.place(run);
        make(&place.0)?;
        make(&place.given())?;
        Ok(place)
    }

    pub(crate) fn place(&self, run: &RunId) -> Place {
        Place(self.folder.join(run.as_str()))
    }

    /// The order of a run, where there is one.
    pub(crate) fn order(&self, run: &RunId) -> Option<Order> {
        read(&self.place(run).0)
    }

    /// Decisions for a run that goes on: looked at from there, and not its own yet.
    pub(crate) fn offer(&self, run: &RunId, decisions: &str) -> io::Result<PathBuf> {
        let place = self.place(run);
        make(&place.0)?;
        let path = place.offered();
        let mut file = File::create(&path)?;
        file.write_all(decisions.as_bytes())?;
        file.sync_all()?;
        Ok(path)
    }

    /// What was offered takes the place of the decisions before it, until the run has ended.
    pub(crate) fn keep(&self, run: &RunId, order: &Order) -> io::Result<()> {
        let place = self.place(run);
        fs::rename(place.offered(), place.decisions())?;
        place.accept(order)
    }

    /// What was offered is not wanted.
    pub(crate) fn refuse(&self, run: &RunId) {
        // A folder in which nothing was accepted goes with it.
        let _ = fs::remove_file(self.place(run).offered());
        let _ = fs::remove_dir(&self.place(run).0);
    }

    /// The run has begun: what came in with it is in the data folder by now.
    pub(crate) fn begun(&self, run: &RunId) -> io::Result<()> {
        gone(fs::remove_dir_all(self.place(run).given()))
    }

    /// Nothing of it is needed any more.
    pub(crate) fn forget(&self, run: &RunId) -> io::Result<()> {
        gone(fs::remove_dir_all(self.place(run).0))
    }
}

/// Where one submitted run lies.
#[derive(Clone, Debug)]
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn given(&self) -> PathBuf {
        self.0.join("given")
    }

    pub(crate) fn input(&self) -> PathBuf {
        self.given().join("input.json")
    }

    pub(crate) fn decisions(&self) -> PathBuf {
        self.0.join("decisions.toml")
    }

    fn offered(&self) -> PathBuf {
        self.0.join("decisions.next")
    }

    /// Accepts it: from now on it survives a power cut.
    pub(crate) fn accept(&self, order: &Order) -> io::Result<()> {
        let text = serde_json::to_vec(order)?;
        let part = self.0.join("order.part");
        let mut file = File::create(&part)?;
        file.write_all(&text)?;
        file.sync_all()?;
        gone(sync(&self.given()))?;
        fs::rename(&part, self.0.join("order.json"))?;
        sync(&self.0)?;
        self.0.parent().map_or(Ok(()), sync)
    }

    pub(crate) fn remove(&self) {
        // What stays is removed at the next start: it was not accepted.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A folder that only its owner reads.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read(place: &Path) -> Option<Order> {
    let path = place.join("order.json");
    if fs::metadata(&path).ok()?.len() > ORDER_MAX_BYTES {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_decisions_take_the_place_of_earlier_ones_or_leave_no_trace() {
        let data = tempfile::tempdir().unwrap();
        let orders = Orders::open(data.path()).unwrap();
        let (run, pipeline) = (RunId::new("r").unwrap(), Name::new("main").unwrap());
        let order = |uid| Order {
            label: None,
            project: "/p".into(),
            pipeline: pipeline.clone(),
            uid,
            input: false,
            decisions: true,
        };
        orders.offer(&run, "one").unwrap();
        orders.refuse(&run);
        assert!(!orders.place(&run).0.exists());
        for (uid, text) in [(7, "one"), (8, "two")] {
            orders.offer(&run, text).unwrap();
            orders.keep(&run, &order(uid)).unwrap();
            assert_eq!(fs::read_to_string(orders.place(&run).decisions()).unwrap(), text);
        }
        orders.offer(&run, "three").unwrap();
        orders.refuse(&run);
        assert_eq!(fs::read_to_string(orders.place(&run).decisions()).unwrap(), "two");
        assert_eq!(orders.all().unwrap(), [(run, order(8))]);
    }

    #[test]
    fn what_was_accepted_is_there_again_and_what_was_not_is_gone() {
        let data = tempfile::tempdir().unwrap();
        let orders = Orders::open(data.path()).unwrap();
        let order = Order {
            label: None,
            project: "/p".into(),
            pipeline: Name::new("main").unwrap(),
            uid: 7,
            input: true,
            decisions: false,
        };
        let run = |name: &str| RunId::new(name).unwrap();
        for (name, accepted) in [("b", true), ("a", true), ("c", false)] {
            let place = orders.begin(&run(name)).unwrap();
            fs::write(place.input(), "{}").unwrap();
            if accepted {
                place.accept(&order).unwrap();
            }
        }
        let orders = Orders::open(data.path()).unwrap();
        assert_eq!(orders.all().unwrap(), [(run("a"), order.clone()), (run("b"), order.clone())]);
        assert!(!orders.place(&run("c")).given().exists());
        orders.begun(&run("a")).unwrap();
        orders.begun(&run("a")).unwrap();
        assert_eq!(orders.order(&run("a")), Some(order));
        assert!(!orders.place(&run("a")).input().exists());
        orders.forget(&run("a")).unwrap();
        assert_eq!(orders.order(&run("a")), None);
    }
}
