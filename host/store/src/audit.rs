//! Whether a data folder is what was written: facts, texts, blobs, derived rows and the database itself. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::fact::{AskId, Entry, Fact};
use bailiwick_core::ports::BlobError;
use bailiwick_core::{Digest, RunId, artifact};
use rusqlite::{Connection, OptionalExtension as _};

use crate::course::Course;
use crate::derived::{self, RunRow, Spend};
use crate::entry::{INLINE_MAX, read_back};
use crate::error::ReadError;
use crate::folder::Folder;
use crate::host_log;
use crate::{blob, chain, sql};

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

/// Texts and blobs that a run names, as far as they are known while it is read.
#[derive(Default)]
struct Named {
    /// Small documents without text, by the append that names them first.
    without_text: BTreeMap<Digest, u64>,
    with_text: BTreeSet<Digest>,
    /// Blobs, by the append that names them first.
    blobs: BTreeMap<Digest, u64>,
}

/// One run: its chain, its texts, what it names, its row, its open questions.
fn one_run(
    connection: &Connection,
    folder: &Folder,
    (id, run): (i64, &RunId),
    found: &mut Audit,
) -> Result<Course, ReadError> {
    let row = RunRow::find(connection, run);
    let (mut course, mut named) = (Course::default(), Named::default());
    let erased = row.as_ref().is_ok_and(|row| row.as_ref().is_some_and(|(_, row)| row.erased));
    let mut append = 0;
    let walked = chain::walk(connection, run, id, |at, facts, texts| {
        append += 1;
        let read = |digest: &Digest| match blob::fetch(connection, folder, digest) {
            Ok(bytes) => String::from_utf8(bytes)
                .map(|text| Some(text.into()))
                .map_err(|_| format!("the text of {digest} is no text")),
            Err(BlobError::Missing(_)) if erased => Ok(None),
            // Looked at again below, with all blobs that the run names.
            Err(_) => Ok(None),
        };
        let entry = match read_back(at, facts, texts, read) {
            Ok(entry) => entry,
            // The facts themselves are whole: the chain says so. What follows is looked at, too.
            Err(what) => {
                found.damage(format!("run {run}, append {append}: {what}"));
                read_back(at, facts, None, |_| Ok::<_, String>(None))?
            }
        };
        if erased && texts.is_some() {
            found.damage(format!("run {run}, append {append}: a text of an erased run is there"));
        }
        named.take(append, &entry);
        course.apply(&entry);
        Ok(())
    });
    let (appends, link) = walked?;
    found.heads.push(StreamHead { stream: format!("run/{run}"), appends, link });
    match row {
        Ok(Some((_, row))) if row.summary == *course.summary() && row.appends <= appends => {}
        Ok(_) => found.damage(format!(
            "run {run}: its row speaks of other facts than there are ({appends} appends)"
        )),
        Err(error) => found.damage(without_preface(&error)),
    }
    if !erased {
        named.check(connection, folder, run, found);
    }
    Ok(course)
}

impl Named {
    fn take(&mut self, append: u64, entry: &Entry) {
        for fact in &entry.facts {
            for document in fact.documents() {
                match document.text() {
                    Some(_) => {
                        self.with_text.insert(document.digest());
                    }
                    None if document.bytes() <= INLINE_MAX.0 => {
                        self.without_text.entry(document.digest()).or_insert(append);
                    }
                    None => {
                        self.blobs.entry(document.digest()).or_insert(append);
                    }
                }
            }
            for digest in blobs_of(fact) {
                self.blobs.entry(digest).or_insert(append);
            }
        }
    }

    fn check(&self, connection: &Connection, folder: &Folder, run: &RunId, found: &mut Audit) {
        for (digest, append) in &self.without_text {
            if !self.with_text.contains(digest) {
                found.damage(format!(
                    "run {run}, append {append}: the text of {digest} is gone, and nobody erased it"
                ));
            }
        }
        for (digest, append) in &self.blobs {
            let what = match blob::fetch(connection, folder, digest) {
                Ok(_) => continue,
                Err(BlobError::Missing(_)) => {
                    found.missing.insert(*digest);
                    "is missing".to_owned()
                }
                Err(BlobError::Damaged(_)) => "is damaged".to_owned(),
                Err(error) => format!("cannot be read: {error}"),
            };
            found.blob(*digest, format!("run {run}, append {append}: blob {digest} {what}"));
        }
    }
}

/// The blobs that a fact promises: files that came in or that a run is pinned to, and
/// artifacts in what came out. Components of runs that are not pinned were not kept.
fn blobs_of(fact: &Fact) -> BTreeSet<Digest> {
    let mut named = BTreeSet::new();
    match fact {
        Fact::RunStarted { imported, pin, agents, .. } => {
            named.extend(imported.iter().map(|artifact| artifact.digest));
            if let Some(pin) = pin {
                named.extend(pin.files.values());
                named.extend(agents.values().map(|agent| agent.component));
            }
        }
        Fact::RunResumed { repinned: Some(repin), .. } => {
            named.extend(repin.pin.iter().flat_map(|pin| pin.files.values()));
            named.extend(repin.agents.values().map(|agent| agent.component));
        }
        Fact::CellFinished { output, .. } | Fact::Released { output, .. } => {
            let references = artifact::references(&output.value()).unwrap_or_default();
            named.extend(references.values().map(|artifact| artifact.digest));
        }
        _ => {}
    }
    named
}

/// What belongs to no single run: blobs, questions, spend, the host's stream.
fn rest(connection: &Connection, folder: &Folder, expected: &Expected, found: &mut Audit) {
    let listed = blobs(connection, folder, found);
    listed.unwrap_or_else(|error| found.damage(format!("the list of blobs: {error}")));
    let asks = asks(connection, expected, found);
    asks.unwrap_or_else(|error| found.damage(format!("the list of open questions: {error}")));
    match derived::all_spend(connection) {
        // What a run spent that cannot be read, nobody knows.
        Ok(written) if expected.unread.is_empty() => {
            let keys: BTreeSet<_> = written.keys().chain(expected.spend.keys()).collect();
            for key in keys.into_iter().filter(|key| written.get(*key) != expected.spend.get(*key))
            {
                let (project, day) = key;
                let what = format!("the spend of {project:?} on day {day}");
                found.damage(format!("{what} is not that of the facts"));
            }
        }
        Ok(_) => {}
        Err(error) => found.damage(without_preface(&error)),
    }
    match host_log::walk(connection, |_, _| Ok(())) {
        Ok((0, _)) => {}
        Ok((appends, link)) => {
            found.heads.push(StreamHead { stream: host_log::STREAM.into(), appends, link });
        }
        Err(error) => found.damage(without_preface(&error)),
    }
}

fn blobs(
    connection: &Connection,
    folder: &Folder,
    found: &mut Audit,
) -> Result<(), rusqlite::Error> {
    let mut after = 0;
    while let Some((last, names)) = blob::names(connection, after)? {
        after = last;
        for name in names {
            found.blobs += 1;
            let digest = match name {
                Ok(digest) => digest,
                Err(row) => {
                    found.damage(format!("blob in row {row}: its name is none"));
                    continue;
                }
            };
            match blob::fetch(connection, folder, &digest) {
                Ok(_) => {}
                Err(BlobError::Damaged(_)) => {
                    found.blob(digest, format!("blob {digest} is damaged"));
                }
                Err(error) => found.damage(format!("blob {digest}: {error}")),
            }
        }
    }
    Ok(())
}

/// Whether the questions that are listed as open are those that the facts leave open.
fn asks(
    connection: &Connection,
    expected: &Expected,
    found: &mut Audit,
) -> Result<(), rusqlite::Error> {
    let mut query = connection.prepare_cached(sql::ALL_ASKS)?;
    let mut rows = query.query([])?;
    let mut listed = BTreeSet::new();
    while let Some(row) = rows.next()? {
        match derived::read_ask(row) {
            Ok((ask, entry)) => {
                let unread = expected.unread.contains(&sql::parts_of_entry_id(entry).0);
                if !unread && expected.asks.get(&ask) != Some(&entry) {
                    found.damage(format!("the question {ask} is listed as open and is not"));
                }
                listed.insert(ask);
            }
            Err(error) => found.damage(without_preface(&error)),
        }
    }
    for ask in expected.asks.keys().filter(|ask| !listed.contains(ask)) {
        found.damage(format!("the open question {ask} is not listed"));
    }
    Ok(())
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
        heads.push(StreamHead { stream: format!("run/{run}"), appends, link });
    }
    let (appends, link) = host_log::walk(connection, |_, _| Ok(()))?;
    if appends > 0 {
        heads.push(StreamHead { stream: host_log::STREAM.into(), appends, link });
    }
    Ok(heads)
}
