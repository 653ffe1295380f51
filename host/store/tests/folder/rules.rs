//! Rules in force and signatures of what was swapped in: the last word on each, made anew from the host's stream, and looked at by the audit.

use bailiwick_core::{Digest, Timestamp};
use bailiwick_store::{AuditScope, HostFact, Store};

use crate::options;
use crate::slots::committed;

fn taken(file: &str, version: &[u8]) -> HostFact {
    let (file, digest) = (file.to_owned(), Digest::of(version));
    HostFact::RulesTaken { file, digest, above: Vec::new(), start: false }
}

#[tokio::test]
async fn the_last_word_on_each_file_comes_last_whatever_the_clock_says() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::open(&temp.path().join("data"), options()).unwrap();
    for (at, fact) in [(5, taken("a", b"1")), (6, taken("b", b"1")), (1, taken("a", b"2"))] {
        store.note(Timestamp(at), vec![fact]).await.unwrap();
    }
    let want = [("b".to_owned(), Digest::of(b"1")), ("a".to_owned(), Digest::of(b"2"))];
    assert_eq!(store.archive().rules().await.unwrap(), want);
    store.rebuild().await.unwrap();
    assert_eq!(store.archive().rules().await.unwrap(), want);
}

#[tokio::test]
async fn each_component_keeps_its_newest_signature_in_its_project() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::open(&temp.path().join("data"), options()).unwrap();
    let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
    for signature in [Some("first"), None, Some("second")] {
        store.note(Timestamp(1), vec![committed(a, b, signature)]).await.unwrap();
    }
    store.note(Timestamp(1), vec![committed(b, a, Some("other"))]).await.unwrap();
    let found = store.archive().signatures("p".into()).await.unwrap();
    assert_eq!(found, [(a, "second".to_owned()), (b, "other".to_owned())].into());
    assert!(store.archive().signatures("q".into()).await.unwrap().is_empty());
}

#[tokio::test]
async fn rows_that_were_changed_are_damage_and_are_not_passed_over() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    {
        let store = Store::open(&data, options()).unwrap();
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        store.note(Timestamp(1), vec![taken("f", b"1")]).await.unwrap();
        store.note(Timestamp(2), vec![committed(a, b, Some("text"))]).await.unwrap();
    }
    let database = rusqlite::Connection::open(data.join("store.db")).unwrap();
    let change = "UPDATE standing SET said = said || ' ' WHERE kind IN ('rules', 'signature')";
    assert_eq!(database.execute(change, []).unwrap(), 2);
    let archive = Store::open_read_only(&data).unwrap();
    let found = archive.audit(AuditScope::All).await.unwrap();
    let lines: Vec<_> = found.damages.iter().map(|damage| damage.to_string()).collect();
    assert!(lines.iter().any(|line| line.contains("the version of \"f\" in force")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("the signature of blake3:")), "{lines:?}");
    assert!(archive.rules().await.is_err());
    assert!(archive.signatures("p".into()).await.is_err());
}
