//! How the database of one format becomes one of the next, step by step. Knows no query but those that change tables.

use rusqlite::Connection;

use crate::{derived, standing};

/// The form that this program writes. A change of tables adds a step below.
pub(crate) const FORMAT: i64 = 7;

/// The first format, which every folder had or has: new folders begin here, too, and go
/// through all steps, so that an old folder cannot come out different from a new one.
///
/// `run` and `blob` are plain. `entry.id` is the number of the run and the number of
/// the append in one integer, so that an append touches one page of one tree and the
/// entries of a run lie together. `facts` is never rewritten; `texts` can be erased.
pub(crate) const FIRST: &str = "
    CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE run (
        id         INTEGER PRIMARY KEY,
        name       TEXT NOT NULL UNIQUE,
        term       INTEGER NOT NULL,
        session    INTEGER NOT NULL,
        pipeline   TEXT,
        state      TEXT NOT NULL,
        started_at INTEGER,
        ended_at   INTEGER,
        tokens     INTEGER NOT NULL,
        calls      INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE entry (
        id    INTEGER PRIMARY KEY,
        at    INTEGER NOT NULL,
        facts BLOB NOT NULL,
        hash  BLOB NOT NULL,
        texts TEXT
    ) STRICT;
    CREATE TABLE blob (
        digest BLOB NOT NULL UNIQUE,
        size   INTEGER NOT NULL,
        bytes  BLOB
    ) STRICT;
    INSERT INTO meta VALUES ('format', 1), ('session', 0);
";

/// The way from the format with the same index, plus one, to the next.
const STEPS: [&str; 6] = [TO_2, TO_3, TO_4, TO_5, TO_6, TO_7];

/// Projects, open questions, spend and the host's own stream; a seal in each derived row.
///
/// `appends` is how many entries a run had when its row last changed; `erased` says that
/// its values are gone on purpose. `ask.entry` is the id of the entry that asked. The
/// index `run_over` serves retention alone and is touched when a run ends; `run_open` finds
/// what a host goes on with, however much has ended.
const TO_2: &str = "
    ALTER TABLE run ADD COLUMN project TEXT NOT NULL DEFAULT '';
    ALTER TABLE run ADD COLUMN money INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN appends INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX run_over ON run (project, ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX run_open ON run (id)
        WHERE state IN ('running', 'waiting', 'paused', 'interrupted');
    CREATE TABLE ask (
        id    TEXT NOT NULL PRIMARY KEY,
        entry INTEGER NOT NULL,
        seal  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE spend (
        project TEXT NOT NULL,
        day     INTEGER NOT NULL,
        tokens  INTEGER NOT NULL,
        calls   INTEGER NOT NULL,
        money   INTEGER NOT NULL,
        seal    INTEGER NOT NULL,
        PRIMARY KEY (project, day)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE host (
        id    INTEGER PRIMARY KEY,
        at    INTEGER NOT NULL,
        facts BLOB NOT NULL,
        hash  BLOB NOT NULL
    ) STRICT;
";

/// The texts of an entry lie in `texts` or, packed, in `packed`; what was written before
/// stays as it is.
const TO_3: &str = "ALTER TABLE entry ADD COLUMN packed BLOB";

/// The last format that the derived rows of today are not those of.
const DERIVED_OTHERWISE: i64 = 1;

/// Values of namespaces: derived from the host's own stream, texts are blobs.
const TO_4: &str = "
    CREATE TABLE kv (
        project   TEXT NOT NULL,
        namespace TEXT NOT NULL,
        key       TEXT NOT NULL,
        digest    BLOB NOT NULL,
        bytes     INTEGER NOT NULL,
        seal      INTEGER NOT NULL,
        PRIMARY KEY (project, namespace, key)
    ) STRICT, WITHOUT ROWID;
";

/// Powers that were taken away: derived from the host's own stream, which no older
/// program can read from then on.
const TO_5: &str = "
    CREATE TABLE revoked (
        holder   TEXT NOT NULL,
        power    TEXT NOT NULL,
        taken_by TEXT NOT NULL,
        at       INTEGER NOT NULL,
        seal     INTEGER NOT NULL,
        PRIMARY KEY (holder, power)
    ) STRICT, WITHOUT ROWID;
";

/// What agent names point at since somebody swapped: derived from the host's own stream.
/// `said` is one document for each slot.
const TO_6: &str = "
    CREATE TABLE slot (
        project TEXT NOT NULL,
        agent   TEXT NOT NULL,
        said    TEXT NOT NULL,
        seal    INTEGER NOT NULL,
        PRIMARY KEY (project, agent)
    ) STRICT, WITHOUT ROWID;
";

/// What stands by the host's own stream is one table for every kind of thing, and files of
/// rules and signatures are two more kinds. `said` is JSON. The rows come over as they are,
/// so that nothing that was taken away is given back where the stream cannot be read.
const TO_7: &str = "
    CREATE TABLE standing (
        kind  TEXT NOT NULL,
        whose TEXT NOT NULL,
        which TEXT NOT NULL,
        said  TEXT NOT NULL,
        seal  INTEGER NOT NULL,
        PRIMARY KEY (kind, whose, which)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO standing
        SELECT 'revoked', holder, power, json_object('by', taken_by, 'at', at), 0 FROM revoked;
    INSERT INTO standing SELECT 'slot', project, agent, said, 0 FROM slot;
    DROP TABLE revoked;
    DROP TABLE slot;
";

/// The last format whose rows of what stands are not those of today.
const STANDING_OTHERWISE: i64 = 6;

/// Brings a database from the format `found` to [`FORMAT`], inside the caller's
/// transaction: what fails leaves the old one. Derived rows are made anew from the facts
/// where their form has changed since.
pub(crate) fn migrate(connection: &Connection, found: i64) -> Result<(), rusqlite::Error> {
    let done = usize::try_from(found).unwrap_or(0).saturating_sub(1);
    for step in STEPS.iter().skip(done) {
        connection.execute_batch(step)?;
    }
    connection.execute("UPDATE meta SET value = ?1 WHERE key = 'format'", [FORMAT])?;
    if found <= STANDING_OTHERWISE {
        standing::seal_as_they_are(connection)?;
        if let Err(damaged) = standing::rebuild(connection) {
            tracing::error!(%damaged, "the host's own stream could not be read while the data folder was migrated");
        }
    }
    if found > DERIVED_OTHERWISE {
        return Ok(());
    }
    for damaged in derived::rebuild(connection)? {
        // The others must not wait for it; whoever opens it, and the audit, name it.
        tracing::error!(%damaged, "a run could not be read while the data folder was migrated");
    }
    Ok(())
}
