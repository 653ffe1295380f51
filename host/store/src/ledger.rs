//! The journal's rules inside one transaction: who owns a run, what its next entry is. Knows no thread and no commit.

use std::collections::{HashMap, HashSet};

use bailiwick_core::kv::KvWrites;
use bailiwick_core::ports::{Durable, JournalError, Term};
use bailiwick_core::{Cost, Digest, RunId};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::course::{Course, day_of};
use crate::derived::{self, RunRow, Spend};
use crate::entry::{first_link, next_link};
use crate::kv::Writing;
use crate::named::Named;
use crate::summary::RunPhase;
use crate::work::{Append, Verdict};
use crate::{blob, kv, sql};

/// The most runs that are known here at once. Each takes about a kilobyte; a host drives
/// far fewer at a time, and what waits for people is read again when they have answered.
pub(crate) const RUNS_OWNED_MAX: usize = 4_096;

/// Where the runs that this process owns stand.
#[derive(Default)]
pub(crate) struct Ledger {
    session: i64,
    heads: HashMap<RunId, Head>,
    /// Runs of a batch with unknown outcome; a claim takes them out.
    lost: HashSet<RunId>,
    /// Where the others ended when a commit failed: it is looked at again before anything
    /// is put behind it.
    seen: HashMap<RunId, (u64, Digest)>,
    /// What the appends of this batch spent; written once, by [`Ledger::finish`].
    spend: Spend,
    /// Which blobs somebody may still name.
    pub(crate) named: Named,
}

/// The end of one run's journal.
struct Head {
    row: i64,
    term: Term,
    sequence: u64,
    link: Digest,
    course: Course,
    /// Whether values of it were erased.
    erased: bool,
}

impl Head {
    /// The end of a journal as it is on disk.
    fn read(
        connection: &Connection,
        run: &RunId,
        row: i64,
        term: Term,
    ) -> Result<Result<Self, JournalError>, rusqlite::Error> {
        let (sequence, link, course) = match derived::read_course(connection, run, row) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error.into())),
        };
        let erased = connection
            .prepare_cached(sql::READ_OWNER)?
            .query_row([row], |row| row.get::<_, i64>(1))?;
        Ok(Ok(Self { row, term, sequence, link, course, erased: erased != 0 }))
    }

    fn row(&self, run: &RunId, session: i64) -> RunRow {
        RunRow {
            name: run.clone(),
            term: self.term,
            session,
            summary: self.course.summary().clone(),
            appends: self.course.summary_since(),
            erased: self.erased,
        }
    }
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
            return Ok(Verdict::Refused(full));
        }
        let (term, course) = (Term(1), Course::default());
        let mut head =
            Head { row: 0, term, sequence: 0, link: first_link(run), course, erased: false };
        head.row = head.row(run, self.session).insert(connection)?;
        self.lost.remove(run);
        self.seen.remove(run);
        self.heads.insert(run.clone(), head);
        Ok(Verdict::Owned(term))
    }

    pub(crate) fn claim(
        &mut self,
        connection: &Connection,
        run: &RunId,
    ) -> Result<Verdict, rusqlite::Error> {
        let Some((row, found)) = find(connection, run)? else {
            return Ok(Verdict::Refused(JournalError::NoSuchRun(run.clone())));
        };
        if let Some(full) = self.make_room() {
            return Ok(Verdict::Refused(full));
        }
        // The row is made anew, damaged or not; what is known here of a term is never forgotten.
        let known = self.heads.get(run).map_or(Term(0), |head| head.term);
        let term = Term(found.max(known).0.saturating_add(1));
        // The whole run is read here, on the writer's thread: who claims a run is
        // about to read it anyway, and nothing else may be appended meanwhile.
        let head = match Head::read(connection, run, row, term)? {
            Ok(head) => head,
            Err(error) => return Ok(Verdict::Refused(error)),
        };
        head.row(run, self.session).write(connection, row)?;
        self.lost.remove(run);
        self.seen.remove(run);
        self.heads.insert(run.clone(), head);
        Ok(Verdict::Owned(term))
    }

    pub(crate) fn append(
        &mut self,
        connection: &Connection,
        append: &Append,
    ) -> Result<Verdict, rusqlite::Error> {
        Ok(match self.try_append(connection, append)? {
            Ok(durable) => Verdict::Appended(durable),
            Err(error) => Verdict::Refused(error),
        })
    }

    /// All of several appends, or none of them.
    pub(crate) fn append_all(
        &mut self,
        connection: &Connection,
        appends: &[Append],
    ) -> Result<Verdict, rusqlite::Error> {
        // Looked at before the first is made: nothing has to be taken back.
        for append in appends {
            if let Err(error) = self.owner(connection, append)? {
                return Ok(Verdict::NoneAppended(append.run.clone(), error));
            }
        }
        let mut all = Vec::with_capacity(appends.len());
        for append in appends {
            match self.try_append(connection, append)? {
                Ok(durable) => all.push(durable),
                // Too many runs are under way to know these at once: the whole batch fails.
                Err(_) => return Err(rusqlite::Error::StatementChangedRows(appends.len())),
            }
        }
        Ok(Verdict::AllAppended(all))
    }

    /// The end of a run's journal, for who owns the run.
    fn owner(
        &mut self,
        connection: &Connection,
        append: &Append,
    ) -> Result<Result<&mut Head, JournalError>, rusqlite::Error> {
        let Append { run, term, .. } = append;
        if self.lost.contains(run) {
            return Ok(Err(unknown_outcome()));
        }
        if let Err(error) = self.remember(connection, run, *term)? {
            return Ok(Err(error));
        }
        match self.heads.get_mut(run).filter(|head| head.term == *term) {
            Some(head) => Ok(Ok(head)),
            None => Ok(Err(match find(connection, run)? {
                Some(_) => JournalError::Fenced { run: run.clone(), held: term.0 },
                None => JournalError::NoSuchRun(run.clone()),
            })),
        }
    }

    fn try_append(
        &mut self,
        connection: &Connection,
        append: &Append,
    ) -> Result<Result<Durable, JournalError>, rusqlite::Error> {
        let session = self.session;
        if let Err(error) = self.owner(connection, append)? {
            return Ok(Err(error));
        }
        let Append { run, entry, written, .. } = append;
        let Some(head) = self.heads.get_mut(run) else { return Ok(Err(unknown_outcome())) };
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
            written.texts.plain(),
            written.texts.packed(),
        ])?;
        self.named.written(&written.facts);
        let texts = written.blobs.values().chain(&written.inline);
        texts.for_each(|text| self.named.written(text.as_bytes()));
        for (attempt, namespace, writes) in bailiwick_core::kv::applied(&entry.facts) {
            // A live append has its texts; writes that are none would be a defect.
            let Some(writes) = KvWrites::read(writes) else {
                tracing::error!(%run, %attempt, "what it wrote into a namespace cannot be read");
                continue;
            };
            let writing = Writing {
                project: &head.course.summary().project,
                namespace: namespace.as_str(),
                by: format!("{run}/{attempt}"),
                level: head.course.label_of(&attempt.cell.step),
                at: entry.at,
            };
            let texts = kv::write(connection, &writing, &writes)?;
            texts.iter().for_each(|text| self.named.written(text));
        }
        let changes = head.course.apply(entry);
        derived::write_asks(connection, sql::entry_id(head.row, sequence), &changes)?;
        if changes.spent != Cost::ZERO {
            let key = (head.course.summary().project.clone(), day_of(entry.at));
            let sum = self.spend.entry(key).or_default();
            *sum = sum.plus(changes.spent);
        }
        if changes.summary {
            head.row(run, session).write(connection, head.row)?;
        }
        (head.sequence, head.link) = (sequence, link);
        Ok(Ok(Durable::attest(sequence)))
    }

    /// Writes what all appends of a batch come to together. The last thing before the commit.
    pub(crate) fn finish(&mut self, connection: &Connection) -> Result<(), rusqlite::Error> {
        derived::add_spend(connection, &std::mem::take(&mut self.spend))
    }

    /// Forgets what is only known if a commit that failed did happen. Nothing is taken for
    /// granted of the others either: they are read again.
    pub(crate) fn lose(&mut self, runs: impl Iterator<Item = RunId>) {
        self.spend.clear();
        for run in runs {
            self.heads.remove(&run);
            self.seen.remove(&run);
            self.lost.insert(run);
        }
        let others = self.heads.drain();
        self.seen.extend(others.map(|(run, head)| (run, (head.sequence, head.link))));
    }

    /// Forgets a run that is not what it was: who wants it must claim it.
    pub(crate) fn forget(&mut self, run: &RunId) {
        self.heads.remove(run);
        self.seen.remove(run);
    }

    /// Reads a run that was forgotten, for who owns it still.
    fn remember(
        &mut self,
        connection: &Connection,
        run: &RunId,
        term: Term,
    ) -> Result<Result<(), JournalError>, rusqlite::Error> {
        if self.heads.contains_key(run) {
            return Ok(Ok(()));
        }
        let Some((row, _)) = find(connection, run)?.filter(|(_, found)| *found == term) else {
            return Ok(Ok(()));
        };
        // What an earlier process owned must be claimed.
        let session: i64 =
            connection.prepare_cached(sql::READ_OWNER)?.query_row([row], |row| row.get(0))?;
        if session != self.session {
            return Ok(Ok(()));
        }
        if let Some(full) = self.make_room() {
            return Ok(Err(full));
        }
        let head = match Head::read(connection, run, row, term)? {
            Ok(head) => head,
            Err(error) => return Ok(Err(error)),
        };
        if self.seen.remove(run).is_some_and(|seen| seen != (head.sequence, head.link)) {
            self.lost.insert(run.clone());
            return Ok(Err(unknown_outcome()));
        }
        self.heads.insert(run.clone(), head);
        Ok(Ok(()))
    }

    /// Forgets runs that have ended, rest or wait, where too many are known: ten
    /// thousand of them may. Who goes on with one has it read again.
    fn make_room(&mut self) -> Option<JournalError> {
        use RunPhase::{Paused, Waiting};
        if self.heads.len() >= RUNS_OWNED_MAX {
            self.heads.retain(|_, head| {
                let phase = head.course.summary().phase;
                !(phase.is_over() || matches!(phase, Paused | Waiting))
            });
        }
        (self.heads.len() >= RUNS_OWNED_MAX)
            .then(|| JournalError::Storage(format!("{RUNS_OWNED_MAX} runs are under way already")))
    }
}

fn unknown_outcome() -> JournalError {
    let reason = "an earlier append has an unknown outcome: claim the run and read it again";
    JournalError::Storage(reason.into())
}

fn find(connection: &Connection, run: &RunId) -> Result<Option<(i64, Term)>, rusqlite::Error> {
    connection
        .prepare_cached(sql::FIND_RUN)?
        .query_row([run.as_str()], |row| {
            Ok((row.get(0)?, Term(row.get::<_, i64>(1)?.cast_unsigned())))
        })
        .optional()
}
