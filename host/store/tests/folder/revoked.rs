//! Powers that were taken away: kept over restarts, made anew from the host's stream, and looked at by the audit.

use bailiwick_core::Timestamp;
use bailiwick_store::{AuditScope, HostFact, Store};

use crate::options;

fn revoked(holder: &str, power: &str) -> HostFact {
    HostFact::PowerRevoked { holder: holder.into(), power: power.into(), by: "ana".into() }
}

fn returned(holder: &str, power: &str) -> HostFact {
    HostFact::PowerReturned { holder: holder.into(), power: power.into(), by: "bo".into() }
}

async fn listed(store: &Store) -> Vec<String> {
    let rows = store.archive().revoked().await.unwrap();
    rows.into_iter()
        .map(|(key, by)| format!("{} {} {} {}", key.holder, key.power, by.by, by.at.0))
        .collect()
}

#[tokio::test]
async fn what_is_taken_away_stays_so_until_it_is_given_back() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    {
        let store = Store::open(&data, options()).unwrap();
        store
            .note(Timestamp(1), vec![revoked("draft", "model"), revoked("a/b", "all")])
            .await
            .unwrap();
        store.note(Timestamp(2), vec![revoked("draft", "model")]).await.unwrap();
        store.note(Timestamp(3), vec![returned("a/b", "all")]).await.unwrap();
    }
    let store = Store::open(&data, options()).unwrap();
    assert_eq!(listed(&store).await, ["draft model ana 1"], "the first word on it counts");
    store.rebuild().await.unwrap();
    assert_eq!(listed(&store).await, ["draft model ana 1"]);
    assert_eq!(store.archive().host_facts().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_row_that_was_changed_is_damage_and_is_not_passed_over() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    {
        let store = Store::open(&data, options()).unwrap();
        store.note(Timestamp(1), vec![revoked("draft", "model")]).await.unwrap();
    }
    let database = rusqlite::Connection::open(data.join("store.db")).unwrap();
    for change in ["UPDATE standing SET which = 'kv'", "DELETE FROM standing"] {
        database.execute(change, []).unwrap();
        let archive = Store::open_read_only(&data).unwrap();
        let found = archive.audit(AuditScope::All).await.unwrap();
        assert_eq!(found.damages.len(), 1, "{change}: {:?}", found.damages);
        assert_eq!(archive.revoked().await.is_err(), change.starts_with("UPDATE"));
    }
    let store = Store::open(&data, options()).unwrap();
    store.rebuild().await.unwrap();
    assert_eq!(listed(&store).await, ["draft model ana 1"]);
}

#[tokio::test]
async fn a_word_on_a_row_that_was_changed_makes_all_of_them_anew() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    {
        let store = Store::open(&data, options()).unwrap();
        let facts = vec![revoked("draft", "model"), revoked("draft", "kv")];
        store.note(Timestamp(1), facts).await.unwrap();
    }
    let database = rusqlite::Connection::open(data.join("store.db")).unwrap();
    database.execute("UPDATE standing SET said = replace(said, 'ana', 'eve')", []).unwrap();
    let store = Store::open(&data, options()).unwrap();
    store.note(Timestamp(2), vec![revoked("draft", "kv")]).await.unwrap();
    assert_eq!(listed(&store).await, ["draft kv ana 1", "draft model ana 1"]);
}
