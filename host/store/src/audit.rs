//! Whether a data folder is what was written: facts, texts, blobs, derived rows and the database itself. Changes nothing.

mod rest;
mod run;

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::fact::AskId;
use bailiwick_core::{Digest, RunId};
use rusqlite::{Connection, OptionalExtension as _};

use self::rest::rest;
use self::run::one_run;
use crate::course::Course;
use crate::derived::{self, RunRow, Spend};
use crate::error::ReadError;
use crate::folder::Folder;
use crate::{blob, chain, host_log, sql};

/// The most damages of one audit that are told: who has so many needs his backup.
pub const DAMAGES_MAX: usize = 1_000;

/// How many lines of SQLite's own check are read.
const DATABASE_LINES_MAX: u32 = 100;

/// One thing that is not what was written, in one line that names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage(pub String);

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The end of a stream: how long it is and the link after its last entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct StreamHead {
    /// `run/NAME`, or `host`.
    pub stream: String,
    /// How many entries it has.
    pub appends: u64,
    /// The link after the last.
    pub link: Digest,
}

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Everything that is wrong, at most [`DAMAGES_MAX`].
    pub damages: Vec<Damage>,
    /// The heads of the streams whose chain is whole, in the order in which the runs
    /// were made, `host` last.
    pub heads: Vec<StreamHead>,
    /// How many blobs were compared with their names.
    pub blobs: u64,
    /// What was said of which blob.
    suspects: Vec<(Digest, String)>,
    /// Blobs that had no row when they were looked for.
    missing: BTreeSet<Digest>,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditScope {
    /// Everything in the folder.
    All,
    /// One run and what it names.
    Run(RunId),
}

/// Looks at a folder. Errors are only those of a machine; damage is a result.
pub(crate) fn audit(
    connection: &mut Connection,
    folder: &Folder,
    scope: &AuditScope,
) -> Result<Audit, ReadError> {
    let mut found = Audit::default();
    // One transaction: everything is looked at as of one moment.
    let snapshot = connection.transaction()?;
    let rows = match scope {
        AuditScope::All => {
            for line in database(&snapshot) {
                found.damage(format!("database: {line}"));
            }
            // What SQLite cannot even list is named above.
            runs(&snapshot).unwrap_or_else(|error| {
                found.damage(format!("the list of runs: {error}"));
                Vec::new()
            })
        }
        AuditScope::Run(run) => {
            let row: Option<i64> = snapshot
                .prepare_cached(sql::FIND_RUN)?
                .query_row([run.as_str()], |row| row.get(0))
                .optional()?;
            vec![(row.ok_or_else(|| ReadError::NoSuchRun(run.clone()))?, run.to_string())]
        }
    };
    let mut expected = Expected::default();
    for (id, name) in rows {
        let Ok(run) = RunId::new(&name) else {
            found.damage(format!("run {name:?}: its name is none"));
            expected.unread.insert(id);
            continue;
        };
        match one_run(&snapshot, folder, (id, &run), &mut found) {
            Ok(course) => expected.take(id, &course),
            Err(error) => {
                expected.unread.insert(id);
                found.damage(without_preface(&error));
            }
        }
    }
    if *scope == AuditScope::All {
        rest(&snapshot, folder, &expected, &mut found);
    }
    drop(snapshot);
    found.forget_deleted(connection);
    Ok(found)
}

/// What the tables that belong to no single run must say.
#[derive(Default)]
struct Expected {
    spend: Spend,
    asks: BTreeMap<AskId, i64>,
    /// The numbers of runs that could not be read.
    unread: BTreeSet<i64>,
}

impl Expected {
    fn take(&mut self, id: i64, course: &Course) {
        for (key, cost) in derived::spend_of(course) {
            let sum = self.spend.entry(key).or_default();
            *sum = sum.plus(cost);
        }
        let asks = course.open_asks().map(|(ask, append)| (ask.clone(), sql::entry_id(id, append)));
        self.asks.extend(asks);
    }
}

impl Audit {
    fn damage(&mut self, what: String) {
        let damage = Damage(what);
        if self.damages.len() < DAMAGES_MAX && !self.damages.contains(&damage) {
            self.damages.push(damage);
        }
    }

    fn blob(&mut self, digest: Digest, what: String) {
        self.suspects.push((digest, what.clone()));
        self.damage(what);
    }

    /// Takes back what is said of blobs that retention deleted since the snapshot: their
    /// files go when their rows are gone.
    fn forget_deleted(&mut self, connection: &Connection) {
        for (digest, what) in std::mem::take(&mut self.suspects) {
            if matches!(blob::is_kept(connection, &digest), Ok(false))
                && !self.missing.contains(&digest)
            {
                self.damages.retain(|damage| damage.0 != what);
            }
        }
    }
}

/// `the journal is damaged: ` is said by the whole report.
fn without_preface(error: &ReadError) -> String {
    match error {
        ReadError::Damaged(what) => what.clone(),
        other => other.to_string(),
    }
}

/// What SQLite says of its own pages.
fn database(connection: &Connection) -> Vec<String> {
    let ask = || -> Result<Vec<String>, rusqlite::Error> {
        let mut check =
            connection.prepare(&format!("PRAGMA integrity_check({DATABASE_LINES_MAX})"))?;
        let lines = check.query_map([], |row| row.get::<_, String>(0))?;
        lines.filter(|line| line.as_ref().map_or(true, |line| line != "ok")).collect()
    };
    ask().unwrap_or_else(|error| vec![error.to_string()])
}

fn runs(connection: &Connection) -> Result<Vec<(i64, String)>, ReadError> {
    let (mut found, mut last) = (Vec::new(), 0);
    loop {
        let next: Option<(i64, String)> = connection
            .prepare_cached(sql::NEXT_RUN)?
            .query_row([last], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some(next) = next else { return Ok(found) };
        last = next.0;
        found.push(next);
    }
}

/// The heads of all streams, without looking at texts and blobs.
pub(crate) fn heads(connection: &mut Connection) -> Result<Vec<StreamHead>, ReadError> {
    let snapshot = connection.transaction()?;
    let connection = &snapshot;
    let mut heads = Vec::new();
    for (id, name) in runs(connection)? {
        let run = RunId::new(&name)
            .map_err(|_| ReadError::Damaged(format!("run {name:?}: its name is none")))?;
        let (appends, link) = chain::walk(connection, &run, id, |_, _, _| Ok(()))?;
        // A head is what an anchor signs: a chain that is cut off must not pass for a short one.
        let known = RunRow::find(connection, &run)?.map_or(0, |(_, row)| row.appends);
        if appends < known {
            let what = format!("run {run}: its row speaks of more facts than there are");
            return Err(ReadError::Damaged(what));
        }
        heads.push(StreamHead { stream: format!("run/{run}"), appends, link });
    }
    let (appends, link) = host_log::walk(connection, |_, _| Ok(()))?;
    if appends > 0 {
        heads.push(StreamHead { stream: host_log::STREAM.into(), appends, link });
    }
    Ok(heads)
}
