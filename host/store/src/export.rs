//! The entries of a stream as they are written, with links and texts, for who keeps or checks them elsewhere. Reads only.

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::{Digest, RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};

use crate::entry::{first_link, next_link, read_back};
use crate::error::ReadError;
use crate::folder::Folder;
use crate::{archive, chain, host_log, sql};

/// One of the chains of a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What was done to the folder itself.
    Host,
    /// A run.
    Run(RunId),
}

impl Stream {
    /// The stream of this name: `host` or `run/NAME`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.strip_prefix("run/") {
            Some(run) => RunId::new(run).ok().map(Self::Run),
            None => (name == host_log::STREAM).then_some(Self::Host),
        }
    }
}

impl std::fmt::Display for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host => f.write_str(host_log::STREAM),
            Self::Run(run) => write!(f, "run/{run}"),
        }
    }
}

/// An entry as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenEntry {
    /// Its number, from 1.
    pub append: u64,
    /// When it was written.
    pub at: Timestamp,
    /// JSON of its facts, byte for byte what the link covers: of documents only digest and size.
    pub facts: String,
    /// blake3 over the link before (32 bytes), the time (8, little-endian) and the facts,
    /// each preceded by its length (8, little-endian).
    pub link: Digest,
    /// The documents that it names and that were not erased.
    pub texts: BTreeMap<Digest, Arc<str>>,
}

pub(crate) fn entries(
    connection: &mut Connection,
    folder: &Folder,
    stream: &Stream,
) -> Result<Vec<WrittenEntry>, ReadError> {
    let snapshot = connection.transaction()?;
    let mut entries: Vec<WrittenEntry> = Vec::new();
    let mut take = |at, facts: &[u8], before: &Digest, texts| {
        let link = next_link(before, at, facts);
        let append = entries.len() as u64 + 1;
        let facts = String::from_utf8(facts.to_vec()).map_err(|_| "its facts are no text")?;
        entries.push(WrittenEntry { append, at, facts, link, texts });
        Ok::<_, String>(link)
    };
    match stream {
        Stream::Host => {
            let mut link = host_log::first_link();
            host_log::walk_raw(&snapshot, |at, facts| {
                link = take(at, facts, &link, BTreeMap::new())?;
                Ok(())
            })?;
        }
        Stream::Run(run) => {
            let row: Option<i64> = snapshot
                .prepare_cached(sql::FIND_RUN)?
                .query_row([run.as_str()], |row| row.get(0))
                .optional()?;
            let row = row.ok_or_else(|| ReadError::NoSuchRun(run.clone()))?;
            let mut link = first_link(run);
            chain::walk(&snapshot, run, row, |at, facts, texts| {
                let blob = |digest: &Digest| archive::text_of(&snapshot, folder, digest);
                let texts = texts_of(&read_back(at, facts, texts, blob)?);
                link = take(at, facts, &link, texts)?;
                Ok(())
            })?;
        }
    }
    Ok(entries)
}

fn texts_of(entry: &Entry) -> BTreeMap<Digest, Arc<str>> {
    let documents = entry.facts.iter().flat_map(Fact::documents);
    documents.filter_map(|document| Some((document.digest(), document.text()?.clone()))).collect()
}
