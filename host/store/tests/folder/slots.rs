//! What agent names point at: kept over restarts, made anew from the host's stream, looked at by the audit, spared by a sweep.

use bailiwick_core::ports::Blobs as _;
use bailiwick_core::{Digest, Name, Timestamp};
use bailiwick_store::{AuditScope, HostFact, Reach, Store, SweepRequest};

use crate::options;

fn draft() -> Name {
    Name::new("draft").unwrap()
}

fn staged(component: Digest) -> HostFact {
    HostFact::SwapStaged { project: "p".into(), agent: draft(), component, by: "ana".into() }
}

fn abandoned(component: Digest) -> HostFact {
    let (project, agent, why, by) = ("p".into(), draft(), "no".into(), "ana".into());
    HostFact::SwapAbandoned { project, agent, component, why, by }
}

pub(super) fn committed(component: Digest, was: Digest, signature: Option<&str>) -> HostFact {
    HostFact::SwapCommitted {
        project: "p".into(),
        agent: draft(),
        component,
        was: Some(was),
        file: was,
        pin: None,
        version: "1.0.0".into(),
        highest: Some("1.0.0".into()),
        signature: signature.map(str::to_owned),
        was_signature: None,
        accepted: Vec::new(),
        rehearsed: None,
        back: false,
        by: "ana".into(),
    }
}

/// What serves, and what is on its way.
async fn listed(store: &Store) -> Vec<(Option<Digest>, Option<Digest>)> {
    let rows = store.archive().slots().await.unwrap();
    let digests = rows.into_iter().map(|(_, state)| {
        (state.serves.map(|one| one.component), state.staged.map(|one| one.component))
    });
    digests.collect()
}

async fn put(store: &Store, number: u8) -> Digest {
    store.put(vec![number; 100]).await.unwrap()
}

#[tokio::test]
async fn a_slot_points_where_the_last_commit_says() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    let (a, b, c) = {
        let store = Store::open(&data, options()).unwrap();
        let (a, b, c) = (put(&store, 1).await, put(&store, 2).await, put(&store, 3).await);
        store.note(Timestamp(1), vec![staged(b)]).await.unwrap();
        assert_eq!(listed(&store).await, [(None, Some(b))]);
        store.note(Timestamp(2), vec![committed(b, a, None)]).await.unwrap();
        store.note(Timestamp(3), vec![staged(c)]).await.unwrap();
        (a, b, c)
    };
    let store = Store::open(&data, options()).unwrap();
    assert_eq!(listed(&store).await, [(Some(b), Some(c))]);
    store.note(Timestamp(4), vec![abandoned(c)]).await.unwrap();
    assert_eq!(listed(&store).await, [(Some(b), None)]);
    store.rebuild().await.unwrap();
    assert_eq!(listed(&store).await, [(Some(b), None)]);
    let serves = store.archive().slots().await.unwrap().remove(0).1.serves.unwrap();
    assert_eq!((serves.was, serves.by.as_str(), serves.at), (Some(a), "ana", Timestamp(2)));
}

#[tokio::test]
async fn a_sweep_spares_what_serves_and_what_served_before() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    let (a, b, c) = {
        let store = Store::open(&data, options()).unwrap();
        let (a, b, c) = (put(&store, 1).await, put(&store, 2).await, put(&store, 3).await);
        store.note(Timestamp(1), vec![committed(c, a, None), committed(b, c, None)]).await.unwrap();
        (a, b, c)
    };
    let store = Store::open(&data, options()).unwrap();
    let request = SweepRequest {
        project: "p".into(),
        delete_before: None,
        erase_before: None,
        now: Timestamp(9),
        by: "ana".into(),
        reach: Reach::Blobs,
    };
    let swept = store.sweep(request).await.unwrap();
    assert_eq!(swept.blobs, 1, "the first one, which nobody goes back to");
    assert!(store.get(a).await.is_err());
    assert!(store.get(b).await.is_ok() && store.get(c).await.is_ok());
}

#[tokio::test]
async fn a_slot_that_was_changed_is_damage_and_is_not_passed_over() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    {
        let store = Store::open(&data, options()).unwrap();
        let (a, b) = (put(&store, 1).await, put(&store, 2).await);
        store.note(Timestamp(1), vec![committed(b, a, None)]).await.unwrap();
    }
    let database = rusqlite::Connection::open(data.join("store.db")).unwrap();
    for change in [
        "UPDATE standing SET which = 'other' WHERE kind = 'slot'",
        "DELETE FROM standing WHERE kind = 'slot'",
    ] {
        database.execute(change, []).unwrap();
        let archive = Store::open_read_only(&data).unwrap();
        let found = archive.audit(AuditScope::All).await.unwrap();
        assert_eq!(found.damages.len(), 1, "{change}: {:?}", found.damages);
        assert_eq!(archive.slots().await.is_err(), change.starts_with("UPDATE"));
    }
    let store = Store::open(&data, options()).unwrap();
    store.rebuild().await.unwrap();
    assert_eq!(listed(&store).await.len(), 1);
}

/// As they were written before they said the highest version, or that a host began with rules.
#[test]
fn facts_of_before_are_read_and_written_as_they_were() {
    let digest = Digest::of(b"component");
    for text in [
        format!(
            r#"{{"fact":"SwapCommitted","project":"/p","agent":"draft","component":"{digest}","was":null,"file":"{digest}","version":"1.0.0","by":"ana"}}"#
        ),
        format!(
            r#"{{"fact":"RulesTaken","file":"bailiwick.toml","digest":"{digest}","above":[]}}"#
        ),
    ] {
        let fact: HostFact = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&fact).unwrap(), text);
    }
}
