//! Every statement of the journal and its blobs on one screen. A test looks at the plan of each.

/// An entry's id is the number of its run times this, plus the number of the append.
const APPENDS_PER_RUN: i64 = 1 << 32;

pub(crate) const FIND_RUN: &str = "SELECT id, term FROM run WHERE name = ?1";

pub(crate) const CREATE_RUN: &str = "
    INSERT INTO run (name, term, session, state, tokens, calls)
    VALUES (?1, 1, ?2, 'running', 0, 0) RETURNING id";

pub(crate) const CLAIM_RUN: &str =
    "UPDATE run SET term = term + 1, session = ?2 WHERE id = ?1 RETURNING term";

pub(crate) const SUMMARISE_RUN: &str = "
    UPDATE run SET pipeline = ?2, state = ?3, started_at = ?4, ended_at = ?5, tokens = ?6, calls = ?7
    WHERE id = ?1";

pub(crate) const APPEND: &str =
    "INSERT INTO entry (id, at, facts, hash, texts) VALUES (?1, ?2, ?3, ?4, ?5)";

pub(crate) const READ_ENTRIES: &str =
    "SELECT id, at, facts, hash, texts FROM entry WHERE id BETWEEN ?1 AND ?2 ORDER BY id";

pub(crate) const FIND_BLOB: &str = "SELECT 1 FROM blob WHERE digest = ?1";

pub(crate) const READ_BLOB: &str = "SELECT bytes FROM blob WHERE digest = ?1";

pub(crate) const KEEP_BLOB: &str =
    "INSERT INTO blob (digest, size, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

pub(crate) const SESSION: &str = "SELECT value FROM meta WHERE key = 'session'";

pub(crate) const LIST_RUNS: &str = "
    SELECT name, session, pipeline, state, started_at, ended_at, tokens, calls,
           (SELECT at FROM entry WHERE entry.id BETWEEN run.id << 32 AND (run.id << 32) + 4294967295
            ORDER BY entry.id DESC LIMIT 1)
    FROM run WHERE id < ?1 ORDER BY id DESC LIMIT ?2";

pub(crate) const LIST_RUN: &str = "
    SELECT name, session, pipeline, state, started_at, ended_at, tokens, calls,
           (SELECT at FROM entry WHERE entry.id BETWEEN run.id << 32 AND (run.id << 32) + 4294967295
            ORDER BY entry.id DESC LIMIT 1)
    FROM run WHERE name = ?1";

/// The id of a run's append number `sequence`.
pub(crate) fn entry_id(run: i64, sequence: u64) -> i64 {
    run.wrapping_mul(APPENDS_PER_RUN).wrapping_add(sequence.cast_signed())
}

/// The first and last id that entries of a run can have.
pub(crate) fn entry_ids(run: i64) -> (i64, i64) {
    (entry_id(run, 0), entry_id(run, APPENDS_PER_RUN.cast_unsigned() - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 12] = [
        FIND_RUN,
        CREATE_RUN,
        CLAIM_RUN,
        SUMMARISE_RUN,
        APPEND,
        READ_ENTRIES,
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
