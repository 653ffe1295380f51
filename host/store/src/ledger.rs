//! The journal's rules inside one transaction: who owns a run, what its next entry is. Knows no thread and no commit.

use std::collections::{HashMap, HashSet};

use bailiwick_core::ports::{Durable, JournalError, Term};
use bailiwick_core::{Digest, RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::entry::{first_link, next_link, read_back};
use crate::error::ReadError;
use crate::summary::{Course, Summary};
use crate::work::{Append, Verdict};
use crate::{blob, sql};

/// The most runs that are owned at once. Each takes about a kilobyte here; a host
/// admits far fewer, so this only bounds mistakes.
pub(crate) const RUNS_OWNED_MAX: usize = 4_096;

/// Where the runs that this process owns stand.
#[derive(Default)]
pub(crate) struct Ledger {
    session: i64,
    heads: HashMap<RunId, Head>,
    /// Runs of a batch with unknown outcome; a claim takes them out.
    lost: HashSet<RunId>,
}

/// The end of one run's journal.
struct Head {
    row: i64,
    term: Term,
    sequence: u64,
    link: Digest,
    course: Course,
}

impl Ledger {
    pub(crate) fn new(session: i64) -> Self {
        Self { session, ..Self::default() }
    }

    pub(crate) fn create(
        &mut self,
        connection: &Connection,
        run: &RunId,
    ) -> Result<Verdict, rusqlite::Error> {
        if find(connection, run)?.is_some() {
            return Ok(Verdict::Refused(JournalError::RunExists(run.clone())));
        }
        if let Some(full) = self.make_room() {
            return Ok(full);
        }
        let row = connection
            .prepare_cached(sql::CREATE_RUN)?
            .query_row(params![run.as_str(), self.session], |row| row.get(0))?;
        let (term, course) = (Term(1), Course::default());
        let head = Head { row, term, sequence: 0, link: first_link(run), course };
        self.lost.remove(run);
        self.heads.insert(run.clone(), head);
        Ok(Verdict::Owned(term))
    }

    pub(crate) fn claim(
        &mut self,
        connection: &Connection,
        run: &RunId,
    ) -> Result<Verdict, rusqlite::Error> {
        let Some((row, _)) = find(connection, run)? else {
            return Ok(Verdict::Refused(JournalError::NoSuchRun(run.clone())));
        };
        if let Some(full) = self.make_room() {
            return Ok(full);
        }
        // The whole run is read here, on the writer's thread: who claims a run is
        // about to read it anyway, and nothing else may be appended meanwhile.
        let (sequence, link, course) = match read_course(connection, run, row) {
            Ok(found) => found,
            Err(error) => return Ok(Verdict::Refused(error.into())),
        };
        let term = connection
            .prepare_cached(sql::CLAIM_RUN)?
            .query_row(params![row, self.session], |row| row.get::<_, i64>(0))?;
        let term = Term(term.cast_unsigned());
        self.lost.remove(run);
        self.heads.insert(run.clone(), Head { row, term, sequence, link, course });
        Ok(Verdict::Owned(term))
    }

    pub(crate) fn append(
        &mut self,
        connection: &Connection,
        append: &Append,
    ) -> Result<Verdict, rusqlite::Error> {
        let Append { run, term, entry, written, .. } = append;
        if self.lost.contains(run) {
            let reason =
                "an earlier append has an unknown outcome: claim the run and read it again";
            return Ok(Verdict::Refused(JournalError::Storage(reason.into())));
        }
        let Some(head) = self.heads.get_mut(run).filter(|head| head.term == *term) else {
            let error = match find(connection, run)? {
                Some(_) => JournalError::Fenced { run: run.clone(), held: term.0 },
                None => JournalError::NoSuchRun(run.clone()),
            };
            return Ok(Verdict::Refused(error));
        };
        for (digest, text) in &written.blobs {
            blob::keep(connection, digest, text.as_bytes())?;
        }
        let sequence = head.sequence + 1;
        let link = next_link(&head.link, written.at, &written.facts);
        connection.prepare_cached(sql::APPEND)?.execute(params![
            sql::entry_id(head.row, sequence),
            written.at.0.cast_signed(),
            written.facts,
            link.as_bytes(),
            written.texts,
        ])?;
        let before = head.course.summary().clone();
        head.course.apply(entry);
        if *head.course.summary() != before {
            write_summary(connection, head.row, head.course.summary())?;
        }
        (head.sequence, head.link) = (sequence, link);
        Ok(Verdict::Appended(Durable::attest(sequence)))
    }

    /// Forgets what is only known if a commit that failed did happen.
    pub(crate) fn lose(&mut self, runs: impl Iterator<Item = RunId>) {
        for run in runs {
            self.heads.remove(&run);
            self.lost.insert(run);
        }
    }

    /// Forgets runs that ended where too many are known.
    fn make_room(&mut self) -> Option<Verdict> {
        if self.heads.len() >= RUNS_OWNED_MAX {
            self.heads.retain(|_, head| !head.course.summary().phase.is_over());
        }
        (self.heads.len() >= RUNS_OWNED_MAX).then(|| {
            let reason = format!("{RUNS_OWNED_MAX} runs are under way already");
            Verdict::Refused(JournalError::Storage(reason))
        })
    }
}

fn find(connection: &Connection, run: &RunId) -> Result<Option<(i64, Term)>, rusqlite::Error> {
    connection
        .prepare_cached(sql::FIND_RUN)?
        .query_row([run.as_str()], |row| {
            Ok((row.get(0)?, Term(row.get::<_, i64>(1)?.cast_unsigned())))
        })
        .optional()
}

fn write_summary(
    connection: &Connection,
    row: i64,
    summary: &Summary,
) -> Result<(), rusqlite::Error> {
    let time = |at: Option<Timestamp>| at.map(|at| at.0.cast_signed());
    connection.prepare_cached(sql::SUMMARISE_RUN)?.execute(params![
        row,
        summary.pipeline.as_ref().map(|name| name.as_str()),
        summary.phase.as_str(),
        time(summary.started),
        time(summary.ended),
        summary.cost.tokens.0.cast_signed(),
        summary.cost.calls.0.cast_signed(),
    ])?;
    Ok(())
}

/// Follows the chain of a run to its end; texts are not needed for that.
fn read_course(
    connection: &Connection,
    run: &RunId,
    row: i64,
) -> Result<(u64, Digest, Course), ReadError> {
    let mut course = Course::default();
    let (sequence, link) = crate::chain::walk(connection, run, row, |at, facts, _| {
        let entry = read_back(at, facts, None, |_| Ok::<_, String>(None))?;
        course.apply(&entry);
        Ok(())
    })?;
    Ok((sequence, link, course))
}
