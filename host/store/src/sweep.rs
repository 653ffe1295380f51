//! Retention: which runs are too old, which blobs nobody names, and the order in which they go. Deletes only through the writer.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use bailiwick_core::fact::Fact;
use bailiwick_core::ports::BlobError;
use bailiwick_core::{Bytes, Digest, RunId, Timestamp};
use rusqlite::Connection;

use crate::chore::{Chore, Doomed};
use crate::derived::{self, RunRow};
use crate::entry::{INLINE_MAX, read_back};
use crate::error::ReadError;
use crate::folder::Folder;
use crate::named::digests_in;
use crate::standing::slots;
use crate::store::Store;
use crate::texts::Texts;
use crate::{blob, chain, kv, sql};

/// How many blobs go with one commit: appends of running attempts stand behind it.
const BLOBS_AT_ONCE: usize = 256;

/// What retention asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepRequest {
    /// Whose runs. Runs that do not say their project, as those of the first format,
    /// count to whichever is asked for.
    pub project: String,
    /// Runs that ended before this go.
    pub delete_before: Option<Timestamp>,
    /// The values of runs that ended before this go.
    pub erase_before: Option<Timestamp>,
    /// The time now.
    pub now: Timestamp,
    /// Who asks.
    pub by: String,
    /// How much of it is done.
    pub reach: Reach,
}

/// How far one sweep goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everything.
    All,
    /// At most so many runs, and no blob: one turn of a host that works meanwhile.
    Runs(NonZeroUsize),
    /// No run: the blobs that nobody names.
    Blobs,
}

impl Reach {
    fn runs(self) -> usize {
        match self {
            Self::All => usize::MAX,
            Self::Runs(most) => most.get(),
            Self::Blobs => 0,
        }
    }
}

/// What went, or would go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Runs that are gone.
    pub deleted: Vec<RunId>,
    /// Runs whose values are gone.
    pub erased: Vec<RunId>,
    /// How many blobs are gone.
    pub blobs: u64,
    /// Their size.
    pub bytes: Bytes,
    /// Runs that were left because they are damaged, with what is wrong.
    pub left: Vec<String>,
}

/// What a sweep finds before it deletes anything.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) delete: Vec<Doomed>,
    pub(crate) erase: Vec<Doomed>,
    pub(crate) left: Vec<String>,
}

/// A blob that nobody names, with its size.
pub(crate) type Unnamed = BTreeMap<Digest, Bytes>;

impl Store {
    /// Deletes what is too old and what nobody names. Runs that did not end, and what
    /// they or a running attempt name, stay; a put during the sweep wins.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] where it cannot be known what is named: then no blob is
    /// deleted. [`ReadError::Storage`] where a sweep goes on already, or storage failed.
    pub async fn sweep(&self, request: SweepRequest) -> Result<Swept, ReadError> {
        if self.chore(Chore::BeginSweep).await? == 0 {
            return Err(ReadError::Storage("a sweep goes on already".into()));
        }
        let swept = self.sweep_begun(request).await;
        self.chore(Chore::EndSweep).await?;
        swept
    }

    async fn sweep_begun(&self, request: SweepRequest) -> Result<Swept, ReadError> {
        let reach = request.reach;
        let found = self.archive().doomed(request).await?;
        let mut swept = Swept { left: found.left, ..Swept::default() };
        for doomed in found.delete {
            let run = doomed.run.clone();
            if self.chore(Chore::DeleteRun(Box::new(doomed))).await? > 0 {
                swept.deleted.push(run);
            }
        }
        for doomed in found.erase {
            let run = doomed.run.clone();
            if self.chore(Chore::EraseValues(Box::new(doomed))).await? > 0 {
                swept.erased.push(run);
            }
        }
        if let Reach::Runs(_) = reach {
            return Ok(swept);
        }
        let unnamed: Vec<(Digest, Bytes)> =
            self.archive().unnamed(BTreeSet::new()).await?.into_iter().collect();
        for page in unnamed.chunks(BLOBS_AT_ONCE) {
            let digests = page.iter().map(|(digest, _)| *digest).collect();
            let gone = self.chore(Chore::DeleteBlobs(digests)).await?;
            swept.blobs += gone;
            if gone == page.len() as u64 {
                swept.bytes = page.iter().fold(swept.bytes, |sum, (_, size)| sum.plus(*size));
            }
        }
        Ok(swept)
    }

    /// Makes all derived rows anew from the facts.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] with a run that could not be read, while the others were.
    pub async fn rebuild(&self) -> Result<(), ReadError> {
        self.chore(Chore::Rebuild).await.map(drop)
    }
}

/// Runs that are old enough, as they are now.
pub(crate) fn doomed(
    connection: &mut Connection,
    request: &SweepRequest,
) -> Result<Found, ReadError> {
    let mut found = Found::default();
    let most = request.reach.runs();
    let snapshot = connection.transaction()?;
    let mut seen = BTreeSet::new();
    for project in BTreeSet::from([request.project.as_str(), ""]) {
        for (before, deletes) in [(request.delete_before, true), (request.erase_before, false)] {
            let Some(before) = before else { continue };
            let mut query = snapshot.prepare_cached(sql::ENDED_RUNS)?;
            let mut rows = query.query((project, before.0.cast_signed()))?;
            while found.delete.len() + found.erase.len() < most {
                let Some(row) = rows.next()? else { break };
                let (id, row) = match RunRow::read(row) {
                    Ok(read) => read,
                    Err(error) => {
                        found.left.push(error.to_string());
                        continue;
                    }
                };
                let passed = !row.summary.phase.is_ended() || (row.erased && !deletes);
                if passed || !seen.insert(row.name.clone()) {
                    continue;
                }
                match look_at(&snapshot, id, &row, request) {
                    Ok(doomed) if deletes => found.delete.push(doomed),
                    Ok(doomed) => found.erase.push(doomed),
                    Err(error) => found.left.push(error.to_string()),
                }
            }
        }
    }
    found.left.sort();
    found.left.dedup();
    Ok(found)
}

fn look_at(
    connection: &Connection,
    id: i64,
    row: &RunRow,
    request: &SweepRequest,
) -> Result<Doomed, ReadError> {
    let (appends, link, course) = derived::read_course(connection, &row.name, id)?;
    Ok(Doomed {
        run: row.name.clone(),
        term: row.term,
        appends,
        link,
        spend: derived::spend_of(&course),
        at: request.now,
        by: request.by.clone(),
    })
}

/// Blobs that no run names but those in `without`, and files that have no row.
pub(crate) fn unnamed(
    connection: &mut Connection,
    folder: &Folder,
    without: &BTreeSet<RunId>,
) -> Result<Unnamed, ReadError> {
    let mut unnamed = blob::files(folder).map_err(|error| ReadError::Storage(error.to_string()))?;
    let mut after = 0;
    while let Some((last, sizes)) = blob::sizes(connection, after)? {
        after = last;
        unnamed.extend(sizes);
    }
    // What a namespace holds outlives the runs that wrote it.
    let snapshot = connection.transaction()?;
    kv::texts(&snapshot, folder, |digest, text| {
        unnamed.remove(&digest);
        digests_in(text).for_each(|digest| {
            unnamed.remove(&digest);
        });
    })?;
    for component in slots::components(&snapshot)? {
        unnamed.remove(&component);
    }
    drop(snapshot);
    let mut last = 0;
    loop {
        // Each run in a transaction of its own: the log must be able to start over. What
        // is appended meanwhile, the writer remembers.
        let snapshot = connection.transaction()?;
        let Some(next) = next_run(&snapshot, last)? else { return Ok(unnamed) };
        last = next.0;
        if next.1.erased || without.contains(&next.1.name) {
            continue;
        }
        strike_out(&snapshot, folder, &next, &mut unnamed)?;
    }
}

fn next_run(connection: &Connection, after: i64) -> Result<Option<(i64, RunRow)>, ReadError> {
    let mut query = connection.prepare_cached(sql::READ_NEXT_RUN)?;
    let mut rows = query.query([after])?;
    rows.next()?.map(RunRow::read).transpose()
}

/// Strikes out what a run names: in its facts, in their texts, in texts that are blobs.
fn strike_out(
    connection: &Connection,
    folder: &Folder,
    (id, row): &(i64, RunRow),
    unnamed: &mut Unnamed,
) -> Result<(), ReadError> {
    chain::walk(connection, &row.name, *id, |at, facts, texts| {
        let inline = texts.json()?;
        for text in [Some(facts), inline.as_deref().map(str::as_bytes)].into_iter().flatten() {
            for digest in digests_in(text) {
                unnamed.remove(&digest);
            }
        }
        let entry = read_back(at, facts, &Texts::None, |_| Ok::<_, String>(None))?;
        let documents = entry.facts.iter().flat_map(Fact::documents);
        for document in documents.filter(|document| document.bytes() > INLINE_MAX.0) {
            match blob::fetch(connection, folder, &document.digest()) {
                Ok(text) => {
                    for digest in digests_in(&text) {
                        unnamed.remove(&digest);
                    }
                }
                Err(BlobError::Missing(_)) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    })?;
    Ok(())
}
