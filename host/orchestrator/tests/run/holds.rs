//! The waiting rule: nothing is shown, asked or acknowledged before it is on stable storage; guests run ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bailiwick_core::fact::{AskId, Decision, Fact, Level, LogEntry};
use bailiwick_core::ports::{BoxFuture, Durable, Journal};
use bailiwick_core::{AttemptId, Document};
use bailiwick_orchestrator::{Desk, Question, RunHandle, Start, World, run};
use serde_json::json;
use tokio::sync::Notify;

use crate::house::{Agents, House, Table, run_id, slowly, until, usual};

const ASKED: &str = r#"
[axes]
topic = ["a", "b"]

[step.draft]
agent = "work"
over  = ["topic"]

[step.editor]
judges = "draft"
people = { groups = ["editors"] }

[output]
drafts = "${draft}"
"#;

pub(crate) fn logged(attempt: &AttemptId) -> Fact {
    let (level, message) = (Level::Info, "hello".into());
    let entry = LogEntry { level, message, fraction: None, aside: false };
    Fact::Logged { attempt: attempt.clone(), entry }
}

async fn settle() {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn nothing_is_shown_or_asked_while_the_journal_is_held() {
    let house =
        House::of(ASKED).desk(Table::of("[[decide]]\nstep = \"editor\"\ndecision = \"approve\"\n"));
    house.journal.hold();
    let (_handle, driven) = house.start();
    let watch = async {
        // The guests run ahead: both were done before anything was durable.
        until(|| house.runner.gauge.most("draft") > 0 && house.runner.gauge.now() == 0).await;
        until(|| house.journal.held() > 0).await;
        settle().await;
        assert_eq!(house.seen.entries(), []);
        // One commit after the other: what is shown is what is on disk, never more.
        let mut asked = false;
        loop {
            let (on_disk, shown) = (house.entries(), house.seen.entries());
            assert_eq!(shown, on_disk.get(..shown.len()).unwrap(), "shown before it was durable");
            let durable = on_disk
                .iter()
                .flat_map(|entry| &entry.facts)
                .filter(|f| f.name() == "Asked")
                .count();
            let questions = house.desk.questions.lock().unwrap().len();
            assert!(questions <= durable, "people were asked before it was durable");
            asked |= questions > 0;
            if on_disk.iter().flat_map(|entry| &entry.facts).any(|fact| fact.name() == "RunEnded") {
                break;
            }
            house.journal.release_one();
            settle().await;
        }
        assert!(asked);
    };
    let (ended, ()) = tokio::join!(driven, watch);
    house.hold_against(&ended.unwrap());
}

#[tokio::test]
async fn a_run_does_not_end_before_its_last_fact_is_durable() {
    let house = House::of("[step.draft]\nagent = \"work\"\n");
    house.journal.hold();
    let (_handle, driven) = house.start();
    let driven = tokio::spawn(driven);
    until(|| house.journal.held() > 0 && house.runner.gauge.most("") > 0).await;
    settle().await;
    assert!(!driven.is_finished());
    house.journal.release();
    house.hold_against(&driven.await.unwrap().unwrap());
}

#[tokio::test]
async fn a_decision_is_acknowledged_by_a_ticket() {
    let house = House::of(ASKED).desk(Table::attended());
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(2, |fact| matches!(fact, Fact::Asked { .. })).await;
        house.journal.hold();
        let approve = || Decision::Approve { comment: None };
        let taken = handle
            .decide(AskId("r/editor/topic=a/0".into()), approve(), "bo".into())
            .await
            .unwrap();
        let durable = tokio::spawn(async move { taken.ticket.durable().await });
        settle().await;
        assert!(!durable.is_finished(), "acknowledged before it was durable");
        house.journal.release();
        durable.await.unwrap().unwrap();
        handle.decide(AskId("r/editor/topic=b/0".into()), approve(), "bo".into()).await.unwrap();
    };
    let (ended, ()) = tokio::join!(driven, person);
    house.hold_against(&ended.unwrap());
}

/// A desk at which somebody thinks until the guest has written more than the run
/// keeps for its observer.
struct Thinker {
    written: Notify,
}

impl Desk for Thinker {
    fn ask<'a>(
        &'a self,
        _: &'a Durable,
        question: Question,
        run: &'a RunHandle,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.written.notified().await;
            run.decide(question.ask, Decision::Approve { comment: None }, "bo".into())
                .await
                .unwrap();
        })
    }

    fn is_attended(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn a_slow_desk_holds_up_nothing_else() {
    const LINES: usize = 20_000;
    let house = House::of(
        r#"
[step.draft]
agent = "work"

[step.editor]
judges = "draft"
people = { groups = ["editors"] }

[step.talker]
agent = "work"
"#,
    );
    let desk = Arc::new(Thinker { written: Notify::new() });
    let (plan, done) = (Arc::clone(&house.plan), Arc::clone(&desk));
    let lines = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lines);
    let house = house.agents(slowly(move |job| {
        let (plan, done, counted) = (Arc::clone(&plan), Arc::clone(&done), Arc::clone(&counted));
        async move {
            if job.attempt.cell.step.as_str() == "talker" {
                for _ in 0..LINES {
                    job.recorder.record(logged(&job.attempt)).await.unwrap();
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                done.written.notify_one();
            }
            Ok(usual(&plan, &job))
        }
    }));
    let world = World {
        journal: Arc::clone(&house.journal) as Arc<dyn Journal>,
        clock: Arc::clone(&house.clock) as _,
        slots: Arc::new(Agents),
        runner: Arc::clone(&house.runner) as _,
        observer: Arc::clone(&house.seen) as _,
        desk,
        reuse: Arc::new(bailiwick_orchestrator::NoReuse),
        books: Arc::new(bailiwick_orchestrator::NoBooks),
    };
    let start = Start {
        run: run_id(),
        plan: Arc::clone(&house.plan),
        input: Document::of(&json!({})),
        assets: json!({}),
        agents: Default::default(),
        imported: Vec::new(),
        by: "ana".into(),
        pin: None,
        forked: None,
        labels: None,
        concurrency: std::num::NonZeroUsize::MIN.saturating_add(3),
        grace: std::time::Duration::ZERO,
        preparation: None,
    };
    let (_handle, driven) = run(world, start);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), driven).await;
    let ended = ended.expect("the run waits for its desk, and the desk for the run").unwrap();
    assert_eq!(lines.load(Ordering::Relaxed), LINES);
    house.hold_against(&ended);
}
