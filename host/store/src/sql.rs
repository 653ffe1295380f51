//! Every statement of the journal and its blobs on one screen. A test looks at the plan of each.

/// An entry's id is the number of its run times this, plus the number of the append.
const APPENDS_PER_RUN: i64 = 1 << 32;

/// The columns that a row of a run is read from, in the order of `RunRow::read`.
macro_rules! runs {
    ($($rest:literal),+) => {
        concat!(
            "SELECT id, name, term, session, pipeline, project, state, started_at, ended_at,
                    tokens, calls, money, appends, erased, seal ",
            $($rest),+
        )
    };
}

pub(crate) const FIND_RUN: &str = "SELECT id, term FROM run WHERE name = ?1";

pub(crate) const READ_RUN: &str = runs!("FROM run WHERE name = ?1");

/// What is written at once anew; the seal of the row comes with that.
pub(crate) const CREATE_RUN: &str = "
    INSERT INTO run (name, term, session, state, tokens, calls)
    VALUES (?1, 0, 0, 'running', 0, 0) RETURNING id";

pub(crate) const WRITE_RUN: &str = "
    UPDATE run SET term = ?2, session = ?3, pipeline = ?4, project = ?5, state = ?6, started_at = ?7,
                   ended_at = ?8, tokens = ?9, calls = ?10, money = ?11, appends = ?12, erased = ?13,
                   seal = ?14
    WHERE id = ?1";

pub(crate) const NEXT_RUN: &str =
    "SELECT id, name, term FROM run WHERE id > ?1 ORDER BY id LIMIT 1";

pub(crate) const READ_NUMBERED_RUN: &str = runs!("FROM run WHERE id = ?1");

pub(crate) const READ_NEXT_RUN: &str = runs!("FROM run WHERE id > ?1 ORDER BY id LIMIT 1");

/// Runs of a project that ended before a time, through the index that is there for this.
pub(crate) const ENDED_RUNS: &str =
    runs!("FROM run WHERE project = ?1 AND ended_at < ?2 ORDER BY ended_at");

/// Runs that have not ended, through the index that is there for this.
pub(crate) const UNFINISHED_RUNS: &str = runs!(
    "FROM run WHERE state IN ('running', 'waiting', 'paused', 'interrupted') AND id > ?1
     ORDER BY id LIMIT ?2"
);

pub(crate) const NEWEST_ENTRY: &str =
    "SELECT id FROM entry WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1";

pub(crate) const DELETE_RUN: &str = "DELETE FROM run WHERE id = ?1";

pub(crate) const DELETE_ENTRIES: &str = "DELETE FROM entry WHERE id BETWEEN ?1 AND ?2";

pub(crate) const ERASE_TEXTS: &str = "UPDATE entry SET texts = NULL, packed = NULL
    WHERE id BETWEEN ?1 AND ?2 AND (texts IS NOT NULL OR packed IS NOT NULL)";

pub(crate) const FIND_ENTRY: &str = "SELECT 1 FROM entry WHERE id = ?1";

pub(crate) const DELETE_BLOB: &str = "DELETE FROM blob WHERE digest = ?1";

pub(crate) const READ_OWNER: &str = "SELECT session, erased FROM run WHERE id = ?1";

pub(crate) const OPEN_ASK: &str =
    "INSERT OR REPLACE INTO ask (id, entry, seal) VALUES (?1, ?2, ?3)";

pub(crate) const CLOSE_ASK: &str = "DELETE FROM ask WHERE id = ?1";

pub(crate) const READ_ASK: &str = "SELECT id, entry, seal FROM ask WHERE id = ?1";

pub(crate) const LIST_ASKS: &str =
    "SELECT id, entry, seal FROM ask WHERE id > ?1 ORDER BY id LIMIT ?2";

pub(crate) const READ_SPEND: &str =
    "SELECT tokens, calls, money, seal FROM spend WHERE project = ?1 AND day = ?2";

pub(crate) const WRITE_SPEND: &str = "
    INSERT OR REPLACE INTO spend (project, day, tokens, calls, money, seal)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

pub(crate) const DELETE_SPEND: &str = "DELETE FROM spend WHERE project = ?1 AND day = ?2";

/// The whole table, for who checks all of it: a row for each project and day.
pub(crate) const ALL_SPEND: &str =
    "SELECT tokens, calls, money, seal, project, day FROM spend ORDER BY project, day";

/// The whole table: as many rows as questions wait.
pub(crate) const ALL_ASKS: &str = "SELECT id, entry, seal FROM ask ORDER BY id";

/// The whole stream: a row for each thing that was done to the folder.
pub(crate) const READ_HOST: &str = "SELECT id, at, facts, hash FROM host ORDER BY id";

pub(crate) const APPEND_HOST: &str =
    "INSERT INTO host (id, at, facts, hash) VALUES (?1, ?2, ?3, ?4)";

/// The last entry, for who adds one.
pub(crate) const LAST_HOST: &str =
    "SELECT id, hash FROM host WHERE id > 0 ORDER BY id DESC LIMIT 1";

pub(crate) const READ_KV: &str =
    "SELECT digest, bytes, seal FROM kv WHERE project = ?1 AND namespace = ?2 AND key = ?3";

pub(crate) const WRITE_KV: &str = "
    INSERT OR REPLACE INTO kv (project, namespace, key, digest, bytes, seal)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

pub(crate) const DELETE_KV: &str =
    "DELETE FROM kv WHERE project = ?1 AND namespace = ?2 AND key = ?3";

/// Keys from a prefix on and behind another key; who reads stops where the prefix ends.
pub(crate) const LIST_KV: &str = "
    SELECT key FROM kv WHERE project = ?1 AND namespace = ?2 AND key >= ?3 AND key > ?4
    ORDER BY key";

/// A namespace is bounded, and this is asked once for an attempt that writes into it.
pub(crate) const HELD_KV: &str = "
    SELECT count(*), coalesce(sum(bytes + length(CAST(key AS BLOB))), 0) FROM kv
    WHERE project = ?1 AND namespace = ?2";

/// The whole table, for who checks or marks all of it.
pub(crate) const ALL_KV: &str =
    "SELECT digest, bytes, seal, project, namespace, key FROM kv ORDER BY project, namespace, key";

/// Only before all of it is made anew.
pub(crate) const FORGET_KV: &str = "DELETE FROM kv";

/// All that stands of one kind.
pub(crate) const WORDS: &str =
    "SELECT whose, which, said, seal FROM standing WHERE kind = ?1 ORDER BY whose, which";

pub(crate) const WORDS_OF: &str = "
    SELECT whose, which, said, seal FROM standing WHERE kind = ?1 AND whose = ?2
    ORDER BY which";

pub(crate) const READ_WORD: &str = "
    SELECT whose, which, said, seal FROM standing
    WHERE kind = ?1 AND whose = ?2 AND which = ?3";

pub(crate) const WRITE_WORD: &str = "
    INSERT OR REPLACE INTO standing (kind, whose, which, said, seal)
    VALUES (?1, ?2, ?3, ?4, ?5)";

pub(crate) const DELETE_WORD: &str =
    "DELETE FROM standing WHERE kind = ?1 AND whose = ?2 AND which = ?3";

/// Only before all of the kind is written again.
pub(crate) const FORGET_WORDS: &str = "DELETE FROM standing WHERE kind = ?1";

/// The whole table, when a folder of an older format is brought up to date.
pub(crate) const EVERY_WORD: &str = "SELECT whose, which, said, seal, kind FROM standing";

/// Every blob, for who checks or sweeps all of them.
pub(crate) const NEXT_BLOBS: &str =
    "SELECT rowid, digest, size FROM blob WHERE rowid > ?1 ORDER BY rowid LIMIT ?2";

/// Every blob that lies in a file, for who copies all of them.
pub(crate) const BLOBS_IN_FILES: &str = "SELECT digest, size FROM blob WHERE bytes IS NULL";

/// Only before all of it is made anew.
pub(crate) const FORGET_DERIVED: &str = "DELETE FROM ask; DELETE FROM spend";

pub(crate) const APPEND: &str =
    "INSERT INTO entry (id, at, facts, hash, texts, packed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

pub(crate) const READ_ENTRIES: &str =
    "SELECT id, at, facts, hash, texts, packed FROM entry WHERE id BETWEEN ?1 AND ?2 ORDER BY id";

pub(crate) const READ_ENTRY: &str = "SELECT at, facts, texts, packed FROM entry WHERE id = ?1";

pub(crate) const FIND_BLOB: &str = "SELECT 1 FROM blob WHERE digest = ?1";

pub(crate) const READ_BLOB: &str = "SELECT bytes FROM blob WHERE digest = ?1";

pub(crate) const KEEP_BLOB: &str =
    "INSERT INTO blob (digest, size, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

pub(crate) const SESSION: &str = "SELECT value FROM meta WHERE key = 'session'";

pub(crate) const LIST_RUNS: &str = runs!("FROM run WHERE id < ?1 ORDER BY id DESC LIMIT ?2");

pub(crate) const LIST_RUN: &str = runs!("FROM run WHERE name = ?1");

/// The id of a run's append number `sequence`.
pub(crate) fn entry_id(run: i64, sequence: u64) -> i64 {
    run.wrapping_mul(APPENDS_PER_RUN).wrapping_add(sequence.cast_signed())
}

/// The number of the run and of the append in the id of an entry.
pub(crate) fn parts_of_entry_id(id: i64) -> (i64, u64) {
    (id.div_euclid(APPENDS_PER_RUN), id.rem_euclid(APPENDS_PER_RUN).cast_unsigned())
}

/// The first and last id that entries of a run can have.
pub(crate) fn entry_ids(run: i64) -> (i64, i64) {
    (entry_id(run, 0), entry_id(run, APPENDS_PER_RUN.cast_unsigned() - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[&str] = &[
        FIND_RUN,
        READ_RUN,
        CREATE_RUN,
        WRITE_RUN,
        NEXT_RUN,
        READ_NUMBERED_RUN,
        READ_NEXT_RUN,
        ENDED_RUNS,
        UNFINISHED_RUNS,
        NEWEST_ENTRY,
        DELETE_RUN,
        DELETE_ENTRIES,
        ERASE_TEXTS,
        FIND_ENTRY,
        DELETE_BLOB,
        READ_OWNER,
        OPEN_ASK,
        CLOSE_ASK,
        READ_ASK,
        LIST_ASKS,
        READ_SPEND,
        WRITE_SPEND,
        DELETE_SPEND,
        APPEND_HOST,
        LAST_HOST,
        READ_KV,
        WRITE_KV,
        DELETE_KV,
        WORDS,
        WORDS_OF,
        READ_WORD,
        WRITE_WORD,
        DELETE_WORD,
        LIST_KV,
        HELD_KV,
        NEXT_BLOBS,
        APPEND,
        READ_ENTRIES,
        READ_ENTRY,
        FIND_BLOB,
        READ_BLOB,
        KEEP_BLOB,
        SESSION,
        LIST_RUNS,
        LIST_RUN,
    ];

    #[test]
    fn no_statement_costs_more_with_every_finished_run() {
        let temp = tempfile::tempdir().unwrap();
        let (db, _) = crate::schema::open_and_prepare(&temp.path().join("store.db")).unwrap();
        for sql in ALL {
            let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps: Vec<String> =
                plan.raw_query().mapped(|row| row.get("detail")).collect::<Result<_, _>>().unwrap();
            for step in &steps {
                assert!(
                    !step.contains("SCAN") && !step.contains("TEMP B-TREE"),
                    "{sql}\n{steps:#?}"
                );
            }
        }
    }

    #[test]
    fn entries_of_a_run_lie_together() {
        let (first, last) = entry_ids(7);
        assert!(first < entry_id(7, 1) && entry_id(7, 4_000_000_000) < last);
        assert_eq!(last + 1, entry_ids(8).0);
        assert_eq!((first, last), (7 << 32, (7 << 32) + 4_294_967_295));
    }
}
