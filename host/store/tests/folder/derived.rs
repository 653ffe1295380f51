//! Open questions and spend over all runs: they follow the facts, and are checked before they are told.

use bailiwick_core::fact::{AskId, Decision, Entry, Fact, PauseReason, Pin, RunEnd};
use bailiwick_core::ports::{Journal as _, Term};
use bailiwick_core::{Calls, Cost, Digest, Document, Money, Name, RunId, Timestamp, Tokens};
use bailiwick_store::{ReadError, RunPhase, Store};
use rusqlite::Connection;
use serde_json::json;

use super::{Scratch, attempt, cell, open, run, wait};

const DAY: u64 = 24 * 60 * 60 * 1_000;

fn started(run: &RunId, project: &str) -> Fact {
    let pin = Pin {
        project: project.into(),
        files: Default::default(),
        models: Vec::new(),
        assets: Document::of(&json!({})),
        currency: None,
    };
    Fact::RunStarted {
        run: run.clone(),
        pipeline: Name::new("campaign").unwrap(),
        input: Document::of(&json!({})),
        shape: Vec::new(),
        agents: Default::default(),
        imported: Vec::new(),
        by: "ana".into(),
        pin: Some(pin),
        forked: None,
        labels: None,
    }
}

fn ask_of(run: &RunId) -> AskId {
    AskId::of(run, &Name::new("editor").unwrap(), &cell("draft"), 0)
}

fn asked(run: &RunId) -> Fact {
    let show = Document::of(&json!({ "copy": run.as_str() }));
    let subject = Digest::of(run.as_str().as_bytes());
    Fact::Asked {
        ask: ask_of(run),
        cell: cell("draft"),
        round: 0,
        subject,
        show,
        groups: Vec::new(),
        quorum: 1,
        until: None,
    }
}

fn lost(tokens: u64, money: u64) -> Fact {
    let cost = Cost { tokens: Tokens(tokens), calls: Calls(1), money: Money(money) };
    Fact::CallLost { attempt: attempt("draft"), index: 0, cost }
}

fn write(store: &Store, run: &RunId, term: Term, at: u64, facts: Vec<Fact>) {
    let entry = Entry { at: Timestamp(at), facts };
    wait(store.append(run, term, entry).unwrap().durable()).unwrap();
}

fn start(store: &Store, name: &str, project: &str) -> (RunId, Term) {
    let run = run(name);
    let term = wait(store.create(&run)).unwrap();
    write(store, &run, term, 1, vec![started(&run, project)]);
    (run, term)
}

fn open_asks(store: &Store) -> Vec<String> {
    let open = wait(store.archive().open_asks(100, None)).unwrap();
    open.into_iter().map(|open| open.run.to_string()).collect()
}

fn spent(store: &Store, project: &str, day: u64) -> (u64, u64, u64) {
    let cost = wait(store.archive().spent_on(project.into(), Timestamp(day * DAY + 7))).unwrap();
    (cost.tokens.0, cost.calls.0, cost.money.0)
}

#[test]
fn open_questions_of_all_runs_are_listed_until_they_are_settled() {
    let scratch = Scratch::new();
    let runs = ["a", "b", "c", "d", "e"].map(|name| start(&scratch, name, "p"));
    for (run, term) in &runs {
        write(&scratch, run, *term, 5, vec![asked(run)]);
    }
    assert_eq!(open_asks(&scratch), ["a", "b", "c", "d", "e"]);
    let settle = |index: usize, fact: Fact| {
        let (run, term) = &runs[index];
        write(&scratch, run, *term, 9, vec![fact]);
    };
    let decision = Decision::Reject { comment: None };
    settle(0, Fact::Decided { ask: ask_of(&runs[0].0), decision, by: "ana".into() });
    settle(1, Fact::Dropped { cell: cell("draft"), reason: String::new() });
    let ended = |end| Fact::RunEnded { end, output: None, reason: None };
    settle(2, ended(RunEnd::Cancelled));
    // What is only interrupted can still be answered.
    settle(3, ended(RunEnd::Interrupted));
    assert_eq!(open_asks(&scratch), ["d", "e"]);

    let page = wait(scratch.archive().open_asks(1, Some(ask_of(&run("d"))))).unwrap();
    let found = wait(scratch.archive().open_ask(ask_of(&run("e")))).unwrap().unwrap();
    assert_eq!(page, std::slice::from_ref(&found));
    assert_eq!((found.at, found.cell, found.round), (Timestamp(5), cell("draft"), 0));
    assert_eq!(found.subject, Digest::of(b"e"));
    assert_eq!(found.show.value(), json!({ "copy": "e" }));
    assert_eq!(wait(scratch.archive().open_ask(ask_of(&run("a")))).unwrap(), None);
}

#[test]
fn spend_is_counted_by_project_and_day() {
    let scratch = Scratch::new();
    let (a, term_a) = start(&scratch, "a", "one");
    let (b, term_b) = start(&scratch, "b", "one");
    let (c, term_c) = start(&scratch, "c", "other");
    write(&scratch, &a, term_a, 2 * DAY - 1, vec![lost(10, 100), lost(1, 1)]);
    write(&scratch, &b, term_b, 2 * DAY - 1, vec![lost(5, 7)]);
    write(&scratch, &b, term_b, 2 * DAY, vec![lost(2, 3)]);
    write(&scratch, &c, term_c, 2 * DAY, vec![lost(1_000, 9_000)]);
    let folder = scratch.close();
    let store = open(folder.path());
    assert_eq!(spent(&store, "one", 1), (16, 3, 108));
    assert_eq!(spent(&store, "one", 2), (2, 1, 3));
    assert_eq!(spent(&store, "other", 2), (1_000, 1, 9_000));
    assert_eq!(spent(&store, "one", 3), (0, 0, 0));
    assert_eq!(spent(&store, "nobody's", 2), (0, 0, 0));
    let listed = wait(store.archive().run(a)).unwrap();
    assert_eq!((listed.project.as_str(), listed.cost.money), ("one", Money(101)));
}

#[test]
fn a_run_that_was_let_rest_or_ended_for_good_is_listed_so() {
    let scratch = Scratch::new();
    let (a, term) = start(&scratch, "a", "p");
    let phase = || wait(scratch.archive().run(run("a"))).unwrap().phase;
    let pause = |reason| Fact::RunPaused { reason, detail: "too dear".into(), by: None };
    write(&scratch, &a, term, 2, vec![pause(PauseReason::Budget)]);
    assert_eq!(phase(), RunPhase::Paused);
    let resumed = Fact::RunResumed { by: "ana".into(), repinned: None, retry_failed: false };
    write(&scratch, &a, term, 3, vec![resumed]);
    assert_eq!(phase(), RunPhase::Running);
    let end = Fact::RunEnded { end: RunEnd::Cancelled, output: None, reason: None };
    write(&scratch, &a, term, 4, vec![end]);
    assert_eq!(phase(), RunPhase::Cancelled);
    assert_eq!(wait(scratch.read(&a)).unwrap().len(), 4);
}

#[test]
fn what_a_commit_that_failed_would_have_spent_is_not_spent() {
    let scratch = Scratch::new();
    let (a, term) = start(&scratch, "a", "p");
    let stranger = Connection::open(scratch.folder.path().join("store.db")).unwrap();
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let entry = Entry { at: Timestamp(DAY), facts: vec![lost(1, 1), asked(&a)] };
    assert!(wait(scratch.append(&a, term, entry).unwrap().durable()).is_err());
    drop(stranger);
    let term = wait(scratch.claim(&a)).unwrap();
    write(&scratch, &a, term, DAY, vec![lost(2, 2)]);
    assert_eq!(spent(&scratch, "p", 1), (2, 1, 2));
    assert!(open_asks(&scratch).is_empty());
}

#[test]
fn a_changed_derived_row_is_damage_and_is_not_told() {
    let changes = [
        ("UPDATE run SET tokens = tokens + 1", "run a, its row"),
        ("UPDATE run SET state = 'done'", "run a, its row"),
        ("UPDATE run SET project = 'other'", "run a, its row"),
        ("UPDATE run SET term = 0", "run a, its row"),
        ("UPDATE spend SET money = 0", "what \"p\" spent on day 1"),
        ("UPDATE ask SET entry = entry - 1", "the open question"),
        (
            "UPDATE entry SET facts = CAST(replace(facts, '\"round\":0', '\"round\":1') AS BLOB)",
            "append 2",
        ),
    ];
    for (sql, want) in changes {
        let scratch = Scratch::new();
        let (a, term) = start(&scratch, "a", "p");
        write(&scratch, &a, term, DAY, vec![asked(&a), lost(1, 1)]);
        let folder = scratch.close();
        let database = Connection::open(folder.path().join("store.db")).unwrap();
        assert!(database.execute(sql, []).unwrap() > 0);
        let store = open(folder.path());
        let archive = store.archive();
        let answers: Vec<Result<(), ReadError>> = vec![
            wait(archive.runs(10, None)).map(drop),
            wait(archive.spent_on("p".into(), Timestamp(DAY))).map(drop),
            wait(archive.open_asks(10, None)).map(drop),
        ];
        let damage: Vec<String> =
            answers.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
        assert!(
            !damage.is_empty() && damage.iter().all(|line| line.contains(want)),
            "{sql}: {damage:?}"
        );
    }
}

#[test]
fn a_claim_mends_the_row_of_its_run() {
    let scratch = Scratch::new();
    let (a, _) = start(&scratch, "a", "p");
    let folder = scratch.close();
    let database = Connection::open(folder.path().join("store.db")).unwrap();
    database.execute("UPDATE run SET project = 'other', tokens = 99", []).unwrap();
    let store = open(folder.path());
    wait(store.claim(&a)).unwrap();
    let listed = wait(store.archive().run(a)).unwrap();
    assert_eq!((listed.project.as_str(), listed.cost), ("p", Cost::ZERO));
}

#[test]
fn a_run_whose_last_entries_are_gone_is_not_read_as_whole() {
    let scratch = Scratch::new();
    let (a, term) = start(&scratch, "a", "p");
    write(&scratch, &a, term, DAY, vec![lost(1, 1)]);
    let folder = scratch.close();
    let database = Connection::open(folder.path().join("store.db")).unwrap();
    database.execute("DELETE FROM entry WHERE id = (SELECT max(id) FROM entry)", []).unwrap();
    let error = wait(open(folder.path()).read(&a)).unwrap_err().to_string();
    assert!(error.contains("run a: its row speaks of other facts"), "{error}");
}
