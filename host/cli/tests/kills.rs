//! What is paid for, counted by a server outside of the host: at the edge of a budget, after a timeout, over a pause, over a kill.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;
mod fan;

use std::collections::BTreeSet;
use std::time::Duration;

use end_to_end::Desk;
use end_to_end::journal::Journal;
use fan::{Fan, TOKENS};
use serde_json::Value;

/// More than are at work at once.
const CELLS: usize = 128;

/// What the journal says was charged, in calls and tokens.
fn charged(journal: &Journal) -> (u64, u64) {
    let sum = |member: &str| {
        let facts = journal
            .0
            .iter()
            .filter(|fact| matches!(fact["fact"].as_str(), Some("CallAnswered" | "CallLost")));
        facts.filter_map(|fact| fact["cost"][member].as_u64()).sum()
    };
    (sum("calls"), sum("tokens"))
}

fn distinct(keys: &[String]) -> usize {
    keys.iter().collect::<BTreeSet<_>>().len()
}

#[test]
fn parallel_calls_stop_at_the_budget_and_not_one_later() {
    for (grant, calls) in [
        ("calls = 70, tokens = 1_000_000", 70),
        // The last worst case that does not fit is not asked, although less would be taken.
        ("calls = 1_000, tokens = 8_000", u64::MAX),
    ] {
        let desk = Desk::new();
        let head = "when-spent = \"finish\"";
        let fan = Fan::new(&desk, CELLS, grant, head, |_| Duration::from_millis(20));
        fan.run(&desk, &desk.data()).ends_with_one_of(&[0, 1]);
        let asked = fan.counter.asked().len() as u64;
        let (charged_calls, charged_tokens) = charged(&Journal::of(&desk, "fan"));
        assert_eq!(charged_calls, asked, "each request is charged once");
        assert_eq!(charged_tokens, asked * TOKENS);
        if calls == u64::MAX {
            assert!(asked > 0 && charged_tokens <= 8_000, "{charged_tokens}");
        } else {
            assert_eq!(asked, calls);
        }
        assert!(fan.counter.most_at_once() > 1, "they were parallel");
    }
}

#[test]
fn a_call_that_timed_out_after_the_server_had_answered_is_charged_once() {
    let desk = Desk::new();
    let fan = Fan::new(&desk, 1, "calls = 5, tokens = 50_000", "", |_| Duration::ZERO);
    let wall = "limits = { wall = \"1 s\" }\n\n[models.writer]";
    fan.project.change("bailiwick.toml", "\n[models.writer]", wall);
    fan.run(&desk, &desk.data()).option("inject", "provider-slow=60000").ends(1);
    assert_eq!((fan.counter.asked().len(), fan.counter.answered()), (1, 1));
    let journal = Journal::of(&desk, "fan");
    assert_eq!(journal.count("CallIntended"), 1);
    let reserved = journal.named("CallIntended").next().unwrap()["reserved"].clone();
    let (calls, tokens) = charged(&journal);
    assert_eq!(Some(calls), reserved["calls"].as_u64().map(|calls| calls.min(1)));
    assert_eq!(Some(tokens), reserved["tokens"].as_u64(), "as reserved: nobody knows what it took");
}

#[test]
fn a_run_that_rests_at_its_budget_goes_on_when_it_is_raised_and_pays_nothing_twice() {
    let desk = Desk::new();
    let head = "when-spent = \"pause\"";
    let fan =
        Fan::new(&desk, 60, "calls = 25, tokens = 1_000_000", head, |_| Duration::from_millis(3));
    fan.run(&desk, &desk.data()).ends(4);
    assert_eq!(fan.keys().len(), 25);
    fan.resume(&desk, &desk.data()).ends(4);
    assert_eq!(fan.keys().len(), 25, "nothing was raised, nothing is asked");
    fan.project.change("bailiwick.toml", "calls = 25", "calls = 60");
    fan.resume(&desk, &desk.data()).ends(4);
    assert_eq!(fan.keys().len(), 25, "nobody said that the run takes the new budget");
    fan.resume(&desk, &desk.data()).option("repin", "budgets").ends(0);
    assert_eq!((fan.keys().len(), distinct(&fan.keys())), (60, 60));
    let journal = Journal::of(&desk, "fan");
    journal.did_nothing_twice();
    assert_eq!(charged(&journal), (60, 60 * TOKENS));
}

#[test]
fn a_call_that_is_killed_in_the_gap_is_asked_again_with_its_key_and_no_other() {
    for (fault, again) in [
        // It never left.
        ("crash-after=CallIntended:1", 0),
        // It was answered, and the answer is lost.
        ("crash-before=CallAnswered:1", 1),
        // The answer is on the disk.
        ("crash-after=CallAnswered:1", 0),
        ("crash-after=CellFinished:1", 0),
    ] {
        let desk = Desk::new();
        let fan = Fan::new(&desk, 1, "calls = 5, tokens = 50_000", "", |_| Duration::ZERO);
        fan.run(&desk, &desk.data()).option("inject", fault).dies();
        fan.resume(&desk, &desk.data()).ends(0);
        let keys = fan.keys();
        assert_eq!((keys.len(), distinct(&keys)), (1 + again, 1), "{fault}");
        let journal = Journal::of(&desk, "fan");
        journal.did_nothing_twice();
        let intents: Vec<&Value> = journal.named("CallIntended").map(|fact| &fact["key"]).collect();
        assert!(intents.iter().all(|key| key.as_str() == Some(&format!("blake3:{}", keys[0]))));
        let (calls, _) = charged(&journal);
        assert_eq!(calls, intents.len() as u64, "what may have been worked on is charged");
    }
}
