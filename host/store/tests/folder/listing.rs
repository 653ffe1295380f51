//! What front ends list, from inside and beside the process that writes.

use bailiwick_core::fact::{
    AskId, CallAnswer, Capability, Decision, Entry, Fact, Pin, RunEnd, Used,
};
use bailiwick_core::ports::{Journal as _, Term};
use bailiwick_core::{
    Calls, Cost, Currency, Digest, Document, Money, Name, RunId, Timestamp, Tokens,
};
use bailiwick_store::{ListedRun, ReadError, Rests, RunPhase, Store};
use serde_json::json;

use super::{Scratch, attempt, cell, open, run, wait};

fn started(run: &RunId) -> Fact {
    Fact::RunStarted {
        run: run.clone(),
        pipeline: Name::new("campaign").unwrap(),
        input: document(),
        shape: Vec::new(),
        agents: Default::default(),
        imported: Vec::new(),
        by: "ana".into(),
        pin: None,
        forked: None,
        labels: None,
    }
}

fn document() -> Document {
    Document::of(&json!({}))
}

fn ended(end: RunEnd) -> Fact {
    Fact::RunEnded { end, output: None, reason: None }
}

fn cell_started() -> Fact {
    let any = Digest::of(b"");
    Fact::CellStarted {
        attempt: attempt("draft"),
        component: any,
        powers: any,
        input: document(),
        content: None,
    }
}

fn answered(tokens: u64) -> Fact {
    Fact::CallAnswered {
        attempt: attempt("draft"),
        index: 0,
        capability: Capability::Model,
        request: Digest::of(b""),
        answer: CallAnswer::Ok { value: document(), via: None },
        cost: Cost { tokens: Tokens(tokens), calls: Calls(1), ..Cost::ZERO },
    }
}

fn finished_and_asked(run: &RunId) -> Vec<Fact> {
    let output = document();
    let ask = AskId::of(run, &Name::new("editor").unwrap(), &cell("draft"), 0);
    let (subject, show) = (output.digest(), document());
    vec![
        Fact::CellFinished { attempt: attempt("draft"), output, used: Used::default() },
        Fact::Asked {
            ask,
            cell: cell("draft"),
            round: 0,
            subject,
            show,
            groups: Vec::new(),
            quorum: 1,
            until: None,
        },
    ]
}

fn write(store: &Store, run: &RunId, term: Term, at: u64, facts: Vec<Fact>) {
    let entry = Entry { at: Timestamp(at), facts };
    wait(store.append(run, term, entry).unwrap().durable()).unwrap();
}

fn listed(store: &Store, name: &str) -> ListedRun {
    wait(store.archive().run(run(name))).unwrap()
}

#[test]
fn money_is_listed_with_its_currency() {
    let scratch = Scratch::new();
    let usd = Currency::parse("USD").unwrap();
    let paid = |name: &str, currency: Option<Currency>| {
        let r = run(name);
        let term = wait(scratch.create(&r)).unwrap();
        let mut started = started(&r);
        if let Fact::RunStarted { pin, .. } = &mut started {
            let (project, assets) = ("/p".into(), document());
            let (files, models) = Default::default();
            *pin = Some(Pin { project, files, models, assets, currency });
        }
        write(&scratch, &r, term, 10, vec![started, cell_started()]);
        assert_eq!(listed(&scratch, name).currency, None, "nothing was spent");
        let mut answered = answered(30);
        if let Fact::CallAnswered { cost, .. } = &mut answered {
            cost.money = Money(7);
        }
        write(&scratch, &r, term, 20, vec![answered]);
        let listed = listed(&scratch, name);
        (listed.cost.money, listed.currency)
    };
    assert_eq!(paid("priced", Some(usd)), (Money(7), Some(usd)));
    assert_eq!(paid("unsaid", None), (Money(7), None));
}

#[test]
fn the_listing_follows_the_facts() {
    let scratch = Scratch::new();
    let r = run("r");
    let term = wait(scratch.create(&r)).unwrap();
    let phase = || listed(&scratch, "r").phase;
    assert_eq!((phase(), listed(&scratch, "r").pipeline), (RunPhase::Running, None));
    write(&scratch, &r, term, 10, vec![started(&r), cell_started()]);
    write(&scratch, &r, term, 20, vec![answered(30), answered(12)]);
    assert_eq!(phase(), RunPhase::Running);
    write(&scratch, &r, term, 30, finished_and_asked(&r));
    assert_eq!(phase(), RunPhase::Waiting);
    let ask = AskId::of(&r, &Name::new("editor").unwrap(), &cell("draft"), 0);
    let decision = Decision::Approve { comment: None };
    write(&scratch, &r, term, 40, vec![Fact::Decided { ask, decision, by: "ana".into() }]);
    assert_eq!(phase(), RunPhase::Running);
    write(&scratch, &r, term, 50, vec![ended(RunEnd::Done)]);
    let want = ListedRun {
        run: r,
        pipeline: Some(Name::new("campaign").unwrap()),
        project: String::new(),
        phase: RunPhase::Done,
        started: Some(Timestamp(10)),
        latest: Some(Timestamp(50)),
        ended: Some(Timestamp(50)),
        cost: Cost { tokens: Tokens(42), calls: Calls(2), ..Cost::ZERO },
        currency: None,
        rests: None,
    };
    assert_eq!(listed(&scratch, "r"), want);
}

#[test]
fn a_claim_rebuilds_what_the_listing_depends_on() {
    let scratch = Scratch::new();
    let r = run("r");
    let term = wait(scratch.create(&r)).unwrap();
    write(&scratch, &r, term, 10, vec![started(&r), cell_started(), answered(5)]);
    write(&scratch, &r, term, 20, finished_and_asked(&r));
    let folder = scratch.close();
    let store = open(folder.path());
    assert_eq!(listed(&store, "r").phase, RunPhase::Waiting);
    let term = wait(store.claim(&r)).unwrap();
    write(&store, &r, term, 30, vec![cell_started(), answered(7)]);
    assert_eq!(listed(&store, "r").phase, RunPhase::Running);
    write(&store, &r, term, 40, finished_and_asked(&r));
    let found = listed(&store, "r");
    assert_eq!((found.phase, found.cost.tokens), (RunPhase::Waiting, Tokens(12)));
}

#[test]
fn a_run_whose_process_is_gone_is_interrupted() {
    let scratch = Scratch::new();
    for name in ["going", "waiting", "done"] {
        let term = wait(scratch.create(&run(name))).unwrap();
        write(&scratch, &run(name), term, 1, vec![started(&run(name)), cell_started()]);
        match name {
            "waiting" => write(&scratch, &run(name), term, 2, finished_and_asked(&run(name))),
            "done" => write(&scratch, &run(name), term, 2, vec![ended(RunEnd::Done)]),
            _ => {}
        }
    }
    let beside = Store::open_read_only(scratch.folder.path()).unwrap();
    let phases = |archive: &bailiwick_store::Archive| -> Vec<RunPhase> {
        wait(archive.runs(10, None)).unwrap().into_iter().map(|run| run.phase).collect()
    };
    let alive = [RunPhase::Done, RunPhase::Waiting, RunPhase::Running];
    let dead = [RunPhase::Done, RunPhase::Waiting, RunPhase::Interrupted];
    assert_eq!(phases(&beside), alive);
    let folder = scratch.close();
    assert_eq!(phases(&beside), dead);
    // Another process holds the folder now, and has not claimed the run.
    let store = open(folder.path());
    assert_eq!(phases(&beside), dead);
    wait(store.claim(&run("going"))).unwrap();
    assert_eq!(phases(&beside), alive);
}

#[test]
fn pages_go_from_the_newest_to_the_oldest() {
    let scratch = Scratch::new();
    for number in 0..7 {
        wait(scratch.create(&run(&format!("r{number}")))).unwrap();
    }
    let page = |limit, before: Option<&str>| -> Vec<String> {
        let listed = wait(scratch.archive().runs(limit, before.map(run))).unwrap();
        listed.into_iter().map(|listed| listed.run.to_string()).collect()
    };
    assert_eq!(page(3, None), ["r6", "r5", "r4"]);
    assert_eq!(page(3, Some("r4")), ["r3", "r2", "r1"]);
    assert_eq!(page(3, Some("r1")), ["r0"]);
    let unknown = wait(scratch.archive().runs(3, Some(run("nobody"))));
    assert_eq!(unknown, Err(ReadError::NoSuchRun(run("nobody"))));
}

#[test]
fn who_goes_on_finds_what_has_not_ended_and_why_it_rests() {
    use bailiwick_core::fact::PauseReason;
    let scratch = Scratch::new();
    let begin = |name: &str, more: Vec<Fact>| {
        let r = run(name);
        let term = wait(scratch.create(&r)).unwrap();
        let facts = std::iter::once(started(&r)).chain(more).collect();
        write(&scratch, &r, term, 10, facts);
        (r, term)
    };
    let paused = |reason| Fact::RunPaused { reason, detail: String::new(), by: None };
    begin("done", vec![ended(RunEnd::Done)]);
    begin("runs", vec![]);
    begin("failed", vec![ended(RunEnd::Failed)]);
    let (drained, term) = begin("drained", vec![paused(PauseReason::Drain)]);
    begin("spent", vec![paused(PauseReason::Budget)]);
    begin("stopped", vec![ended(RunEnd::Interrupted)]);
    // What is written while a run rests does not hide why it does.
    write(&scratch, &drained, term, 20, vec![]);
    let page = |limit, after| wait(scratch.archive().unfinished(limit, after)).unwrap();
    let all = page(100, 0).runs.into_iter();
    let found: Vec<_> = all.map(|one| (one.run.to_string(), one.phase, one.rests)).collect();
    let rests = |reason| Some(Rests { reason, since: Timestamp(10) });
    let want = [
        ("runs", RunPhase::Running, None),
        ("drained", RunPhase::Paused, rests(PauseReason::Drain)),
        ("spent", RunPhase::Paused, rests(PauseReason::Budget)),
        ("stopped", RunPhase::Interrupted, None),
    ];
    assert_eq!(found, want.map(|(name, phase, rests)| (name.to_owned(), phase, rests)));
    let first = page(1, 0);
    assert_eq!(page(1, first.last.unwrap()).runs[0].run, run("drained"));
    // A listing says it too.
    let listed = |name: &str| wait(scratch.archive().run(run(name))).unwrap().rests;
    assert_eq!(listed("drained"), rests(PauseReason::Drain));
    assert_eq!((listed("stopped"), listed("done")), (None, None));
}

#[test]
fn more_runs_wait_than_are_kept_in_mind_and_each_can_go_on() {
    let scratch = Scratch::new();
    let owned: Vec<_> = (0..5_000)
        .map(|number| {
            let r = run(&format!("r{number}"));
            let term = wait(scratch.create(&r)).unwrap();
            let facts = [vec![started(&r), cell_started()], finished_and_asked(&r)].concat();
            drop(scratch.append(&r, term, Entry { at: Timestamp(10), facts }).unwrap());
            (r, term)
        })
        .collect();
    let (r, term) = &owned[0];
    let ask = AskId::of(r, &Name::new("editor").unwrap(), &cell("draft"), 0);
    let decided =
        Fact::Decided { ask, decision: Decision::Approve { comment: None }, by: "a".into() };
    write(&scratch, r, *term, 20, vec![decided]);
    assert_eq!(listed(&scratch, "r0").phase, RunPhase::Running);
    assert_eq!(wait(scratch.read(r)).unwrap().len(), 2, "nothing was lost meanwhile");
    // Who was followed by somebody else stays out.
    let newer = wait(scratch.claim(r)).unwrap();
    let late = Entry { at: Timestamp(30), facts: vec![ended(RunEnd::Done)] };
    assert!(wait(scratch.append(r, *term, late.clone()).unwrap().durable()).is_err());
    wait(scratch.append(r, newer, late).unwrap().durable()).unwrap();
}
