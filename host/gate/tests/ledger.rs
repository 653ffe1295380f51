//! The accounts of a project: what fits, what waits, what is told when nothing fits any more, and that nothing ever overshoots.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bailiwick_core::fact::Limit;
use bailiwick_core::ports::{BoxFuture, Clock};
use bailiwick_core::{Bytes, Calls, Cost, Currency, Day, Money, Name, RunId, Timestamp, Tokens};
use bailiwick_gate::ledger::{Allowance, Ledger, Payer, Purse, RUN_BLOBS_MAX, Spent};
use bailiwick_policy::{Budget, Budgets, StepBudget, WhenSpent};

/// A clock that stands where it is put.
#[derive(Clone, Default)]
struct Standing(Arc<AtomicU64>);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, _: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn run(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

fn cost(money: u64, tokens: u64, calls: u64) -> Cost {
    Cost { tokens: Tokens(tokens), calls: Calls(calls), money: Money(money) }
}

fn budget(money: Option<u64>, tokens: Option<u64>, calls: Option<u64>) -> Budget {
    Budget { money: money.map(Money), tokens: tokens.map(Tokens), calls: calls.map(Calls) }
}

/// The places where a budget can stand.
const PURSES: [&str; 3] = ["agent", "step", "day"];

fn budgets_of(purse: &str, most: Budget, when: WhenSpent) -> Budgets {
    let mut budgets = Budgets { when, ..Budgets::default() };
    budgets.currency = Some(Currency::parse("USD").unwrap());
    match purse {
        "agent" => _ = budgets.agents.insert(name("writer"), most),
        "step" => _ = budgets.steps.insert(name("draft"), StepBudget { most, when }),
        _ => budgets.day = most,
    }
    budgets
}

/// One agent in one step of one run.
struct Desk {
    ledger: Ledger,
    clock: Standing,
    run: RunId,
    agent: Name,
    step: Name,
}

impl Desk {
    fn with(budgets: Budgets) -> Self {
        let (ledger, run) = (Ledger::default(), run("r"));
        ledger.open(&run, Arc::new(budgets));
        Self { ledger, clock: Standing::default(), run, agent: name("writer"), step: name("draft") }
    }

    fn payer(&self) -> Payer<'_> {
        Payer::of(&self.run, Some((Some(&self.agent), &self.step)))
    }

    async fn spend(&self, worst: Cost, spent: Cost) -> Result<(), Spent> {
        self.ledger.reserve(self.payer(), worst, &self.clock).await.map(|hold| hold.settle(spent))
    }

    fn today(&self) -> Cost {
        self.ledger.spent_on(Day::of(self.clock.now()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_at_the_edge_of_any_budget_overshoot_by_nothing() {
    // Each call may take 60 and takes 45; ten fit.
    let edges = [
        budget(Some(500), None, None),
        budget(None, Some(500), None),
        budget(None, None, Some(10)),
        budget(Some(500), Some(500), Some(10)),
    ];
    for purse in PURSES {
        for most in edges {
            let desk = Arc::new(Desk::with(budgets_of(purse, most, WhenSpent::Fail)));
            let tasks: Vec<_> = (0..64)
                .map(|_| {
                    let desk = Arc::clone(&desk);
                    tokio::spawn(async move {
                        let hold =
                            desk.ledger.reserve(desk.payer(), cost(60, 60, 1), &desk.clock).await;
                        let Ok(hold) = hold else { return false };
                        tokio::task::yield_now().await;
                        hold.settle(cost(45, 45, 1));
                        true
                    })
                })
                .collect();
            let mut served = 0;
            for task in tasks {
                served += u64::from(task.await.unwrap());
            }
            let spent = desk.today();
            assert_eq!(served, 10, "{purse} {most:?}: waiting lets all that fit through");
            assert_eq!(spent, cost(450, 450, 10), "{purse} {most:?}");
            assert!(most.holds(spent), "{purse} {most:?}");
            assert_eq!(desk.ledger.spent_by(&desk.run, &desk.agent), spent);
            assert_eq!(desk.ledger.spent_in(&desk.run, &desk.step), spent);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_one_project_share_its_day_and_nothing_else() {
    let ledger = Ledger::default();
    let most = budget(Some(500), None, None);
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                let run = run(&format!("r{}", number % 8));
                let budgets = budgets_of("day", most, WhenSpent::Fail);
                ledger.open(&run, Arc::new(budgets));
                let (agent, step) = (name("writer"), name("draft"));
                let by = Some((Some(&agent), &step));
                let payer = Payer::of(&run, by);
                let clock = Standing::default();
                let Ok(hold) = ledger.reserve(payer, cost(60, 0, 1), &clock).await else {
                    return 0;
                };
                tokio::task::yield_now().await;
                hold.settle(cost(45, 0, 1));
                1
            })
        })
        .collect();
    let mut served = 0;
    for task in tasks {
        served += task.await.unwrap();
    }
    assert_eq!((served, ledger.spent_on(Day(0))), (10, cost(450, 0, 10)));
}

#[tokio::test]
async fn all_accounts_are_taken_from_or_none() {
    let mut budgets = budgets_of("day", budget(Some(100), None, None), WhenSpent::Fail);
    budgets.agents.insert(name("writer"), budget(None, None, Some(9)));
    let desk = Desk::with(budgets);
    assert!(desk.spend(cost(101, 5, 1), cost(0, 0, 0)).await.is_err());
    // Had the refused call left anything reserved, nine more would not fit.
    for _ in 0..9 {
        desk.spend(cost(1, 5, 1), cost(1, 5, 1)).await.unwrap();
    }
    assert_eq!(desk.today(), cost(9, 45, 9));
    assert!(desk.spend(cost(1, 5, 1), cost(1, 5, 1)).await.is_err());
}

#[tokio::test]
async fn the_smallest_of_all_budgets_wins() {
    for (purse, other) in [("agent", "step"), ("step", "day"), ("day", "agent")] {
        let mut budgets = budgets_of(purse, budget(None, None, Some(1)), WhenSpent::Fail);
        let wide = budgets_of(other, budget(None, None, Some(9)), WhenSpent::Fail);
        budgets.agents.extend(wide.agents);
        budgets.steps.extend(wide.steps);
        budgets.day = budgets.day.min(wide.day);
        let desk = Desk::with(budgets);
        desk.spend(cost(0, 1, 1), cost(0, 1, 1)).await.unwrap();
        assert!(desk.spend(cost(0, 1, 1), cost(0, 1, 1)).await.is_err(), "{purse}");
    }
}

#[tokio::test]
async fn what_is_spent_is_named_with_the_line_that_would_raise_it() {
    let most = budget(Some(1_000_000_000), Some(100), Some(2));
    let told = |purse: &'static str, worst: Cost| async move {
        let desk = Desk::with(budgets_of(purse, most, WhenSpent::Finish));
        desk.spend(cost(600_000_000, 60, 1), cost(600_000_000, 60, 1)).await.unwrap();
        desk.spend(worst, worst).await.unwrap_err()
    };
    let spent = told("agent", cost(500_000_000, 1, 1)).await;
    assert_eq!((spent.limit, spent.when), (Limit::Money, WhenSpent::Finish));
    assert_eq!(spent.purse, Purse::Agent(name("writer")));
    assert_eq!(
        spent.detail,
        "the agent `writer` in this run has used 0.60 of 1.00 USD, and this call may need 0.50 USD: raise `money` of grants.model under [agents.writer] in bailiwick.toml, and of `model` under [ceiling] in policy.toml where that is less, to \"1.10 USD\" or more"
    );
    let spent = told("step", cost(0, 41, 1)).await;
    assert_eq!((spent.limit, spent.purse), (Limit::Tokens, Purse::Step(name("draft"))));
    assert_eq!(
        spent.detail,
        "the step `draft` in this run has used 60 of 100 tokens, and this call may need 41: raise `tokens` of `budget` under [step.draft] in the pipeline to 101 or more"
    );
    let spent = told("day", cost(0, 0, 2)).await;
    assert_eq!((spent.limit, spent.purse), (Limit::Calls, Purse::Day));
    assert_eq!(
        spent.detail,
        "the project today has used 1 of 2 calls, and this call may need 2: wait for midnight UTC, or raise `calls` of `per-day` in policy.toml to 3 or more"
    );
}

#[tokio::test]
async fn a_step_says_for_itself_what_happens_when_it_is_spent() {
    let none = budget(None, None, Some(0));
    let mut budgets = budgets_of("day", none, WhenSpent::Pause);
    let desk = Desk::with(budgets.clone());
    assert_eq!(desk.spend(cost(0, 1, 1), Cost::ZERO).await.unwrap_err().when, WhenSpent::Pause);
    budgets.steps.insert(name("draft"), StepBudget { most: none, when: WhenSpent::Finish });
    let desk = Desk::with(budgets);
    assert_eq!(desk.spend(cost(0, 1, 1), Cost::ZERO).await.unwrap_err().when, WhenSpent::Finish);
}

#[tokio::test]
async fn what_is_left_after_settling_can_be_used_and_what_is_dropped_is_charged() {
    let desk = Desk::with(budgets_of("agent", budget(Some(100), None, None), WhenSpent::Fail));
    desk.spend(cost(100, 0, 1), cost(40, 0, 1)).await.unwrap();
    assert!(desk.spend(cost(61, 0, 1), Cost::ZERO).await.is_err());
    desk.spend(cost(60, 0, 1), Cost::ZERO).await.unwrap();
    drop(desk.ledger.reserve(desk.payer(), cost(60, 0, 1), &desk.clock).await.ok().unwrap());
    assert_eq!(desk.today(), cost(100, 0, 2), "lost is charged in full, refunded is not");
}

#[tokio::test]
async fn a_resumed_run_begins_with_what_it_spent() {
    let most = budget(Some(100), None, None);
    let spent = || cost(70, 7, 1);
    for (purse, seed) in [("agent", 0), ("step", 1)] {
        let desk = Desk::with(budgets_of(purse, most, WhenSpent::Fail));
        let all = [[(name("writer"), spent())], [(name("draft"), spent())]];
        let of = |which: usize| if which == seed { all[which].clone().into() } else { [].into() };
        desk.ledger.seed(&desk.run, of(0), of(1));
        assert!(desk.spend(cost(31, 0, 1), Cost::ZERO).await.is_err(), "{purse}");
        assert!(desk.spend(cost(30, 0, 1), Cost::ZERO).await.is_ok(), "{purse}");
    }
}

#[tokio::test]
async fn the_day_is_seeded_once_and_ends_at_midnight_utc() {
    let desk = Desk::with(budgets_of("day", budget(Some(100), None, None), WhenSpent::Pause));
    desk.ledger.seed_day(Day(0), cost(90, 0, 3));
    desk.ledger.seed_day(Day(0), cost(90, 0, 3));
    assert_eq!(desk.today(), cost(90, 0, 3), "the second word on a day is not added");
    let over = desk.ledger.reserve(desk.payer(), cost(10, 0, 1), &desk.clock).await.ok().unwrap();
    assert!(desk.spend(cost(11, 0, 1), Cost::ZERO).await.is_err());
    desk.clock.0.store(Day(1).begins().0, Ordering::SeqCst);
    desk.spend(cost(100, 0, 1), cost(100, 0, 1)).await.unwrap();
    over.settle(cost(10, 0, 1));
    assert_eq!(desk.today(), cost(100, 0, 1), "what was reserved yesterday is yesterday's");
    assert_eq!(desk.ledger.spent_on(Day(0)), cost(100, 0, 4));
}

#[tokio::test]
async fn a_clock_that_goes_over_midnight_and_back_finds_the_day_as_it_was() {
    let desk = Desk::with(budgets_of("day", budget(Some(100), None, None), WhenSpent::Pause));
    desk.spend(cost(90, 0, 1), cost(90, 0, 1)).await.unwrap();
    desk.clock.0.store(Day(3).begins().0, Ordering::SeqCst);
    desk.spend(cost(100, 0, 1), cost(100, 0, 1)).await.unwrap();
    desk.clock.0.store(Day(0).begins().0, Ordering::SeqCst);
    assert_eq!(desk.today(), cost(90, 0, 1));
    assert!(desk.spend(cost(11, 0, 1), Cost::ZERO).await.is_err());
}

#[tokio::test]
async fn what_an_earlier_process_left_open_is_charged_to_the_day() {
    let desk = Desk::with(budgets_of("day", budget(Some(100), None, None), WhenSpent::Pause));
    desk.ledger.lose(Day(0), cost(30, 0, 1));
    desk.ledger.seed_day(Day(0), cost(60, 0, 3));
    assert_eq!(desk.today(), cost(90, 0, 4));
    assert!(desk.spend(cost(11, 0, 1), Cost::ZERO).await.is_err());
}

#[tokio::test]
async fn raised_budgets_let_the_same_call_through_and_keep_what_was_spent() {
    let desk = Desk::with(budgets_of("agent", budget(Some(50), None, None), WhenSpent::Pause));
    desk.spend(cost(40, 0, 1), cost(40, 0, 1)).await.unwrap();
    assert!(desk.spend(cost(20, 0, 1), Cost::ZERO).await.is_err());
    let raised = budgets_of("agent", budget(Some(60), None, None), WhenSpent::Pause);
    desk.ledger.open(&desk.run, Arc::new(raised));
    desk.spend(cost(20, 0, 1), cost(20, 0, 1)).await.unwrap();
    assert!(desk.spend(cost(1, 0, 1), Cost::ZERO).await.is_err());
}

#[tokio::test]
async fn without_budgets_of_its_run_an_agent_has_what_its_generation_was_granted() {
    let desk = Desk::with(Budgets::default());
    let granted = budget(None, None, Some(1));
    let payer = Payer { own: Allowance { granted, ..Allowance::UNBOUND }, ..desk.payer() };
    desk.ledger
        .reserve(payer, cost(0, 0, 1), &desk.clock)
        .await
        .ok()
        .unwrap()
        .settle(cost(0, 0, 1));
    assert!(desk.ledger.reserve(payer, cost(0, 0, 1), &desk.clock).await.is_err());
    assert!(!desk.ledger.counts_money(payer));
    assert!(desk.ledger.counts_money(Payer {
        own: Allowance { granted: budget(Some(1), None, None), ..Allowance::UNBOUND },
        ..payer
    }));
}

#[tokio::test]
async fn what_the_host_asks_for_itself_is_the_days_alone() {
    let mut budgets = budgets_of("day", budget(None, None, Some(1)), WhenSpent::Pause);
    budgets.agents.insert(name("writer"), budget(None, None, Some(0)));
    let desk = Desk::with(budgets);
    let payer = Payer { by: None, ..desk.payer() };
    desk.ledger
        .reserve(payer, cost(0, 0, 1), &desk.clock)
        .await
        .ok()
        .unwrap()
        .settle(cost(0, 0, 1));
    assert!(desk.ledger.reserve(payer, cost(0, 0, 1), &desk.clock).await.is_err());
}

#[tokio::test]
async fn a_run_that_ended_while_a_call_was_open_still_costs_the_day() {
    let desk = Desk::with(Budgets::default());
    let hold = desk.ledger.reserve(desk.payer(), cost(5, 0, 1), &desk.clock).await.ok().unwrap();
    desk.ledger.close(&desk.run);
    hold.settle(cost(5, 0, 1));
    assert_eq!(desk.today(), cost(5, 0, 1));
}

#[test]
fn a_run_has_room_for_so_much_and_no_more() {
    let ledger = Ledger::default();
    let (one, other) = (run("one"), run("other"));
    assert_eq!(ledger.shelf(&one).take(RUN_BLOBS_MAX), Ok(()));
    assert_eq!(ledger.shelf(&one).take(Bytes(1)), Err(RUN_BLOBS_MAX));
    assert_eq!(ledger.shelf(&other).take(Bytes(u64::MAX)), Err(Bytes(0)));
    ledger.close(&one);
    assert_eq!(ledger.shelf(&one).take(Bytes(1)), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_called_takes_from_all_that_wait_for_it() {
    // Whom `writer` calls may take a thousand, and `writer` itself fifty: five fit.
    let (caller, most) = (name("writer"), budget(None, None, Some(5)));
    let called = name("finder");
    let mut budgets = budgets_of("agent", most, WhenSpent::Fail);
    budgets.agents.insert(called.clone(), budget(None, None, Some(1_000)));
    let desk = Arc::new(Desk::with(budgets));
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (desk, caller, called) = (Arc::clone(&desk), caller.clone(), called.clone());
            tokio::spawn(async move {
                let above = [(caller, Allowance::UNBOUND)];
                let by = Some((Some(&called), &desk.step));
                let payer = Payer { by, above: &above, ..desk.payer() };
                let hold = desk.ledger.reserve(payer, cost(0, 10, 1), &desk.clock).await;
                hold.map(|hold| hold.settle(cost(0, 10, 1))).map_err(|spent| spent.purse)
            })
        })
        .collect();
    let (mut served, mut refused) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => served += 1,
            Err(purse) => {
                assert_eq!(
                    purse,
                    Purse::Agent(name("writer")),
                    "the caller's budget is in the way"
                );
                refused += 1;
            }
        }
    }
    assert_eq!((served, refused), (5, 59));
    let five = cost(0, 50, 5);
    for agent in [&caller, &called] {
        assert_eq!(desk.ledger.spent_by(&desk.run, agent), five, "{agent}");
    }
    // And once in the sums.
    assert_eq!((desk.ledger.spent_in(&desk.run, &desk.step), desk.today()), (five, five));
}
