//! What an audit says: nothing of a whole folder, and everything that was changed behind the store's back.

use std::path::Path;

use bailiwick_core::fact::{AskId, Entry, Fact, Pin, RunEnd};
use bailiwick_core::ports::{Blobs as _, Journal as _};
use bailiwick_core::{
    Artifact, Bytes, Calls, Cost, Digest, Document, Name, RunId, Timestamp, Tokens,
};
use bailiwick_store::{Archive, AuditScope, Store, Stream};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::{Scratch, attempt, cell, open, run, saying, wait};

/// Every how many bytes of the database a bit is flipped: a prime, so that all places
/// within a page come up.
const STRIDE: usize = 67;

fn artifact(digest: Digest, bytes: usize) -> Artifact {
    let media_type = "image/png".into();
    Artifact { digest, media_type, bytes: Bytes(bytes as u64), name: None }
}

fn started(run: &RunId, files: &[Digest], imported: Vec<Artifact>) -> Fact {
    let files = files.iter().map(|file| ("bailiwick.toml".to_owned(), *file)).collect();
    let assets = Document::of(&json!({ "logo": "marked-assets" }));
    Fact::RunStarted {
        run: run.clone(),
        pipeline: Name::new("campaign").unwrap(),
        input: Document::of(&json!({ "subject": "marked-input" })),
        shape: Vec::new(),
        agents: Default::default(),
        imported,
        by: "ana".into(),
        pin: Some(Pin {
            project: "/srv/project".into(),
            files,
            models: Vec::new(),
            assets,
            currency: None,
        }),
        forked: None,
        labels: None,
    }
}

fn ended(output: Document) -> Fact {
    Fact::RunEnded { end: RunEnd::Done, output: Some(output), reason: None }
}

/// A closed folder with three runs that have something of everything.
fn folder() -> TempDir {
    let scratch = Scratch::new();
    wait(async {
        let [small, large] = [vec![5; 9_000], vec![6; 300_000]];
        let file = scratch.put(small).await.unwrap();
        let picture = scratch.put(large).await.unwrap();
        let text = |size: usize| Document::of(&json!("y".repeat(size)));
        for name in ["a", "b", "c"] {
            let run = run(name);
            let term = scratch.create(&run).await.unwrap();
            let cost = Cost { tokens: Tokens(7), calls: Calls(1), ..Cost::ZERO };
            let lost = Fact::CallLost { attempt: attempt("draft"), index: 0, cost };
            let ask = AskId::of(&run, &Name::new("editor").unwrap(), &cell("draft"), 0);
            let show = Document::of(&json!({ "copy": name }));
            let asked = Fact::Asked {
                ask,
                cell: cell("draft"),
                round: 0,
                subject: show.digest(),
                show,
                groups: Vec::new(),
                quorum: 1,
                until: None,
            };
            let mut entries = vec![
                vec![started(&run, &[file], vec![artifact(picture, 300_000)])],
                vec![lost, asked],
            ];
            if name != "c" {
                entries.push(vec![ended(text(20_000))]);
            }
            for (at, facts) in entries.into_iter().enumerate() {
                let entry = Entry { at: Timestamp(at as u64 + 1), facts };
                scratch.append(&run, term, entry).unwrap().durable().await.unwrap();
            }
            let word = saying(&format!("marked-{name}"));
            scratch.append(&run, term, word).unwrap().durable().await.unwrap();
        }
    });
    scratch.close()
}

/// The damages that are found; what keeps a folder from opening is one, too.
fn damages(folder: &Path) -> Vec<String> {
    match Store::open_read_only(folder).map(|archive| wait(archive.audit(AuditScope::All))) {
        Ok(Ok(audit)) => audit.damages.iter().map(ToString::to_string).collect(),
        Ok(Err(error)) => vec![error.to_string()],
        Err(error) => vec![error.to_string()],
    }
}

/// Everything that is told of a folder, piece by piece; nothing for what is refused.
fn told(folder: &Path) -> Vec<Option<String>> {
    let Ok(archive) = Store::open_read_only(folder) else { return vec![None; PIECES] };
    let mut told = vec![
        wait(archive.runs(100, None)).ok().map(|runs| format!("{runs:?}")),
        wait(archive.open_asks(100, None)).ok().map(|asks| format!("{asks:?}")),
        wait(archive.spent_on("/srv/project".into(), Timestamp(1))).ok().map(|c| format!("{c:?}")),
        wait(archive.heads()).ok().map(|heads| format!("{heads:?}")),
    ];
    for name in ["a", "b", "c"] {
        told.push(wait(archive.read(&run(name))).ok().map(|entries| format!("{entries:?}")));
    }
    for bytes in [vec![5; 9_000], vec![6; 300_000]] {
        told.push(wait(archive.get(Digest::of(&bytes))).ok().map(|bytes| Digest::of(&bytes).hex()));
    }
    told
}

const PIECES: usize = 9;

#[test]
fn a_whole_folder_has_no_damage_and_a_head_for_each_run() {
    let folder = folder();
    let audit = |archive: &Archive| wait(archive.audit(AuditScope::All)).unwrap();
    let found = audit(&Store::open_read_only(folder.path()).unwrap());
    assert_eq!(found.damages, []);
    // A pinned file, a picture, and the large output that two runs share.
    assert_eq!(found.blobs, 3);
    let streams: Vec<_> =
        found.heads.iter().map(|head| (head.stream.as_str(), head.appends)).collect();
    assert_eq!(streams, [("run/a", 4), ("run/b", 4), ("run/c", 3)]);
    let store = open(folder.path());
    assert_eq!(audit(store.archive()).damages, []);
    assert_eq!(wait(store.archive().heads()).unwrap(), found.heads);
    let written = wait(store.archive().written(Stream::named("run/b").unwrap())).unwrap();
    assert_eq!((written.len(), written[3].link), (4, found.heads[1].link));
    assert!(written[0].texts.values().any(|text| text.contains("marked-input")));
    assert!(!written[0].facts.contains("marked-input"));
}

#[test]
fn each_flipped_bit_is_found_or_changes_nothing_and_is_never_told() {
    let folder = folder();
    let path = folder.path().join("store.db");
    for log in ["store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(log));
    }
    let whole = std::fs::read(&path).unwrap();
    let before = told(folder.path());
    assert!(before.len() == PIECES && before.iter().all(Option::is_some));
    let (mut found, mut harmless) = (0, 0);
    for at in (0..whole.len()).step_by(STRIDE) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at / STRIDE % 8);
        std::fs::write(&path, &flipped).unwrap();
        let (now, damages) = (told(folder.path()), damages(folder.path()));
        let place = format!("byte {at} of page {}", at / 4096 + 1);
        for (piece, (now, before)) in now.iter().zip(&before).enumerate() {
            assert!(now.is_none() || now == before, "{place}, piece {piece}: {now:?}\n{damages:?}");
        }
        match damages.is_empty() {
            true => {
                assert_eq!(now, before, "{place}");
                harmless += 1;
            }
            false => found += 1,
        }
    }
    // Free space within pages is much of a small database.
    assert!(found > harmless / 4, "{found} found, {harmless} harmless");
}

#[test]
fn each_flipped_bit_of_a_blob_file_is_found_and_named() {
    let folder = folder();
    let digest = Digest::of(&vec![6; 300_000]);
    let hex = digest.hex();
    let file = folder.path().join("blobs").join(&hex[..2]).join(&hex[2..]);
    let whole = std::fs::read(&file).unwrap();
    for at in [0, 1, 4_095, 4_096, 131_072, 299_999] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&file, flipped).unwrap();
        let damages = damages(folder.path());
        assert!(damages.contains(&format!("blob {digest} is damaged")), "{damages:?}");
        assert!(
            damages.contains(&format!("run a, append 1: blob {digest} is damaged")),
            "{damages:?}"
        );
        assert!(wait(Store::open_read_only(folder.path()).unwrap().get(digest)).is_err());
    }
    std::fs::remove_file(&file).unwrap();
    assert!(damages(folder.path()).contains(&format!("blob {digest} is damaged")));
    std::fs::write(&file, whole).unwrap();
    assert_eq!(damages(folder.path()), [""; 0]);
}

#[test]
fn each_damage_is_one_line_that_names_it() {
    let large = Document::of(&json!("y".repeat(20_000))).digest();
    let pinned = Digest::of(&vec![5; 9_000]);
    let erased = Document::of(&json!({ "copy": "c" })).digest();
    let first = 1_i64 << 32;
    let cases = [
        (
            format!("DELETE FROM entry WHERE id = {}", first + 2),
            "run a, append 2: it is missing".into(),
        ),
        (
            format!("UPDATE entry SET at = 9 WHERE id = {}", first + 3),
            "run a, append 3: it is not what was written".into(),
        ),
        (
            "DELETE FROM entry WHERE id BETWEEN (1 << 32) + 3 AND (2 << 32)".into(),
            "run a: its row speaks of other facts than there are (2 appends)".into(),
        ),
        (
            "UPDATE run SET state = 'failed' WHERE name = 'b'".into(),
            "run b, its row: it is not what was written".into(),
        ),
        (
            format!("DELETE FROM blob WHERE digest = x'{}'", large.hex()),
            format!("run a, append 3: blob {large} is missing"),
        ),
        (
            format!("DELETE FROM blob WHERE digest = x'{}'", pinned.hex()),
            format!("run c, append 1: blob {pinned} is missing"),
        ),
        (
            format!("UPDATE blob SET bytes = x'00' WHERE digest = x'{}'", pinned.hex()),
            format!("blob {pinned} is damaged"),
        ),
        (
            format!("UPDATE entry SET texts = NULL WHERE id = {}", 3 * first + 2),
            format!("run c, append 2: the text of {erased} is gone, and nobody erased it"),
        ),
        (
            format!(
                "UPDATE entry SET texts = replace(texts, '\\\"c\\\"', '\\\"d\\\"') WHERE id = {}",
                3 * first + 2
            ),
            format!("run c, append 2: the text of blake3:{}… is another one", erased.short()),
        ),
        (
            "UPDATE spend SET calls = 0".into(),
            "the spend of \"/srv/project\" on day 0 is not what was written".into(),
        ),
        (
            "DELETE FROM spend".into(),
            "the spend of \"/srv/project\" on day 0 is not that of the facts".into(),
        ),
        ("DELETE FROM ask".into(), "the open question c/editor/-/0 is not listed".into()),
        (
            "UPDATE ask SET id = 'x'".into(),
            "the open question \"x\" is not what was written".into(),
        ),
        (
            "UPDATE run SET name = 'z' WHERE name = 'a'".into(),
            "run z, append 1: it is not what was written".into(),
        ),
    ];
    for (sql, want) in cases {
        let folder = folder();
        let database = Connection::open(folder.path().join("store.db")).unwrap();
        assert!(database.execute(&sql, []).unwrap() > 0, "{sql}");
        drop(database);
        let found = damages(folder.path());
        assert!(found.iter().any(|line| line.contains(want.as_str())), "{sql}: {found:#?}");
        assert!(found.iter().all(|line| !line.contains('\n')), "{found:?}");
    }
}

#[test]
fn one_run_is_looked_at_alone() {
    let folder = folder();
    let database = Connection::open(folder.path().join("store.db")).unwrap();
    database.execute("UPDATE run SET state = 'failed' WHERE name = 'b'", []).unwrap();
    drop(database);
    let archive = Store::open_read_only(folder.path()).unwrap();
    let damages =
        |name| wait(archive.audit(AuditScope::Run(run(name)))).map(|found| found.damages.len());
    assert_eq!((damages("a"), damages("b")), (Ok(0), Ok(1)));
    assert!(damages("nobody").is_err());
}
