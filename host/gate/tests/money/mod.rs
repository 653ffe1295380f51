//! Money at the gate: what is reserved, what is charged, what is refused for want of a price, and what follows when a budget is spent.

use std::sync::Arc;

use bailiwick_core::fact::{CallAnswer, Capability, Fact, Limit, ParkReason};
use bailiwick_core::{Calls, Cost, Day, Money, RunId, Tokens};
use bailiwick_gate::model::{CompleteRequest, EmbedRequest, ImageRequest};
use bailiwick_gate::{CallError, ProviderError};
use bailiwick_policy::grants::ModelGrant;
use bailiwick_policy::price::Price;
use bailiwick_policy::{
    Budget, Budgets, Grants, Limits, Origin, ProviderKind, Route, StepBudget, WhenSpent,
};

use crate::support::{World, ask, name};

/// What `ask("hi")` is reserved at: 18 tokens of prompt, 10 of answer.
const WORST: u64 = 18 * 3 + 10 * 15;
/// What the script's answer costs: 7 tokens of prompt, 3 of answer.
const ANSWERED: u64 = 7 * 3 + 3 * 15;

/// 3 and 15 billionths a token, 1 000 a picture.
fn price() -> Price {
    let usd = |nanos: u64| Some(Money(nanos * 1_000_000));
    Price { input: usd(3), output: usd(15), image: Some(Money(1_000)) }
}

fn route(price: Option<Price>) -> Route {
    Route {
        provider: ProviderKind::Openai,
        base: Some("https://api.example.com/v1".into()),
        origin: Some(Origin("https://api.example.com".into())),
        model: "m".into(),
        price,
    }
}

fn writer() -> Grants {
    let model =
        ModelGrant { aliases: [name("writer")].into(), calls: None, tokens: None, money: None };
    Grants { model: Some(model), ..Grants::none() }
}

fn money(most: u64) -> Budget {
    Budget { money: Some(Money(most)), ..Budget::NONE }
}

/// A world whose `writer` has these routes, and a run with these budgets.
fn world(routes: &[Route], budgets: Budgets) -> World {
    let mut world = World::new(true);
    let gateway = Arc::get_mut(&mut world.gateway).unwrap();
    gateway.models.insert(name("writer"), routes.to_vec());
    gateway.ledger.open(&RunId::new("r1").unwrap(), Arc::new(budgets));
    world
}

fn granted(most: u64, when: WhenSpent) -> Budgets {
    Budgets { agents: [(name("draft"), money(most))].into(), when, ..Budgets::default() }
}

fn spent(world: &World) -> Cost {
    world.gateway.ledger.spent_on(Day(0))
}

/// What the journal says that was charged.
fn charged(world: &World) -> Cost {
    let facts = world.facts.facts.lock().unwrap();
    facts.iter().fold(Cost::ZERO, |sum, fact| match fact {
        Fact::CallAnswered { cost, .. } | Fact::CallLost { cost, .. } => sum.plus(*cost),
        _ => sum,
    })
}

fn lost() -> ProviderError {
    ProviderError::Unavailable { detail: "timed out".into(), retry_after: None, left: true }
}

#[tokio::test]
async fn a_call_is_reserved_at_its_worst_and_charged_at_its_real_tokens() {
    let world = world(&[route(Some(price()))], granted(1_000_000, WhenSpent::Fail));
    world.gate(writer(), Limits::DEFAULT).complete(ask("hi")).await.unwrap();
    let facts = world.facts.facts.lock().unwrap().clone();
    let Fact::CallIntended { reserved, .. } = &facts[0] else { panic!() };
    assert_eq!(*reserved, Cost { tokens: Tokens(28), calls: Calls(1), money: Money(WORST) });
    let Fact::CallAnswered { cost, .. } = &facts[1] else { panic!() };
    assert_eq!(*cost, Cost { tokens: Tokens(10), calls: Calls(1), money: Money(ANSWERED) });
    assert_eq!(spent(&world), *cost);
}

#[tokio::test]
async fn a_call_that_timed_out_after_the_server_had_answered_is_charged_once() {
    let routes = [route(Some(price()))];
    let world = world(&routes, granted(WORST + WORST, WhenSpent::Fail));
    world.answers([Err(lost()), Ok("at last")]);
    let gate = world.gate(writer(), Limits::DEFAULT);
    gate.complete(ask("hi")).await.unwrap();
    let once = Cost { tokens: Tokens(28), calls: Calls(1), money: Money(WORST) };
    let again = Cost { tokens: Tokens(10), calls: Calls(1), money: Money(ANSWERED) };
    assert_eq!((spent(&world), charged(&world)), (once.plus(again), once.plus(again)));
    // The charge is in the journal before the next request leaves: a host that ends
    // in the middle of that finds both.
    let expected = ["CallIntended", "Logged", "CallLost", "CallIntended", "CallAnswered"];
    assert_eq!(world.facts.names(), expected);
}

#[tokio::test]
async fn each_charge_is_written_down_and_none_twice() {
    let world = world(&[route(Some(price()))], granted(1_000_000, WhenSpent::Fail));
    let rejected = ProviderError::Rejected { detail: "400".into() };
    let busy = ProviderError::Busy { detail: "429".into(), retry_after: None };
    world.answers([Err(lost()), Err(busy), Err(lost()), Err(rejected)]);
    let answer = world.gate(writer(), Limits::DEFAULT).complete(ask("hi")).await;
    assert!(matches!(answer, Err(CallError::Invalid(_))), "{answer:?}");
    let both = Cost { tokens: Tokens(56), calls: Calls(3), money: Money(2 * WORST) };
    assert_eq!((spent(&world), charged(&world)), (both, both), "two lost, one turned away");
}

#[tokio::test]
async fn what_fits_into_another_day_waits_for_it_and_what_fits_into_none_does_not() {
    for (most, reason, hint) in [
        (WORST + ANSWERED - 1, ParkReason::Day, "wait for midnight UTC, or raise `money`"),
        (WORST - 1, ParkReason::Budget, ": raise `money` of `per-day` in policy.toml"),
    ] {
        let day = Budget { money: Some(Money(most)), ..Budget::NONE };
        let budgets = Budgets { day, when: WhenSpent::Pause, ..Budgets::default() };
        let world = world(&[route(Some(price()))], budgets);
        let gate = world.gate(writer(), Limits::DEFAULT);
        if most >= WORST {
            gate.complete(ask("hi")).await.unwrap();
        }
        let Err(CallError::Parked(park)) = gate.complete(ask("hi")).await else { panic!() };
        assert_eq!(park.reason, reason);
        assert!(park.detail.contains(hint), "{}", park.detail);
    }
}

#[tokio::test]
async fn under_pause_a_call_that_does_not_fit_is_not_answered_and_nothing_leaves() {
    let budgets = granted(WORST + ANSWERED - 1, WhenSpent::Pause);
    let world = world(&[route(Some(price()))], budgets);
    let gate = world.gate(writer(), Limits::DEFAULT);
    gate.complete(ask("hi")).await.unwrap();
    let Err(CallError::Parked(park)) = gate.complete(ask("hi")).await else { panic!() };
    assert_eq!(park.reason, ParkReason::Budget);
    assert!(park.detail.contains("under [agents.draft]"), "{}", park.detail);
    assert_eq!(world.facts.names(), ["CallIntended", "CallAnswered"]);
    assert_eq!(world.script.asked.lock().unwrap().len(), 1);
    // Raised, the same call goes through, and nothing was charged in between.
    let raised = granted(WORST + ANSWERED, WhenSpent::Pause);
    world.gateway.ledger.open(&RunId::new("r1").unwrap(), Arc::new(raised));
    let record = world.facts.record();
    let gate = world.continued(writer(), record);
    gate.complete(ask("hi")).await.unwrap();
    gate.complete(ask("hi")).await.unwrap();
    assert_eq!(world.script.asked.lock().unwrap().len(), 2, "the first is served from the record");
    assert_eq!(spent(&world).money, Money(2 * ANSWERED));
}

#[tokio::test]
async fn under_pause_what_was_charged_before_is_kept() {
    let world = world(&[route(Some(price()))], granted(WORST, WhenSpent::Pause));
    world.answers([Err(lost())]);
    let parked = world.gate(writer(), Limits::DEFAULT).complete(ask("hi")).await;
    assert!(matches!(parked, Err(CallError::Parked(_))), "{parked:?}");
    assert_eq!(charged(&world).money, Money(WORST));
    assert_eq!(spent(&world), charged(&world));
}

#[tokio::test]
async fn under_fail_and_finish_the_guest_is_told_what_ran_out_and_no_figure() {
    for (when, finishes) in [(WhenSpent::Fail, false), (WhenSpent::Finish, true)] {
        let budgets = Budgets {
            steps: [(name("draft"), StepBudget { most: money(1), when })].into(),
            ..Budgets::default()
        };
        let world = world(&[route(Some(price()))], budgets);
        let answer = world.gate(writer(), Limits::DEFAULT).complete(ask("hi")).await;
        assert_eq!(answer, Err(CallError::Exhausted(Limit::Money)));
        assert_eq!(answer.unwrap_err().to_string(), "exhausted");
        let CallAnswer::Exhausted { finish, .. } = world.facts.answers()[0] else { panic!() };
        assert_eq!(finish, finishes);
    }
}

#[tokio::test]
async fn under_a_budget_in_money_a_route_without_a_price_is_not_asked() {
    let paint = || ImageRequest {
        alias: "writer".into(),
        prompt: "a hill".into(),
        width: 64,
        height: 64,
        count: 1,
        seed: None,
    };
    let embed = || EmbedRequest { alias: "writer".into(), texts: vec!["a".into()] };
    let of_pictures = Price { input: None, output: None, ..price() };
    let of_prompts = Price { output: None, image: None, ..price() };
    // Words, vectors, pictures.
    for (price, expected) in [
        (None, [false, false, false]),
        (Some(Price::default()), [false, false, false]),
        (Some(of_pictures), [false, false, true]),
        (Some(of_prompts), [false, true, false]),
        (Some(price()), [true, true, true]),
    ] {
        let world = world(&[route(price)], granted(1_000_000_000, WhenSpent::Fail));
        let gate = world.gate(writer(), Limits::DEFAULT);
        let denied = CallError::Denied(Capability::Model);
        let told = [
            gate.complete(ask("hi")).await.map(|_| ()),
            gate.embed(embed()).await.map(|_| ()),
            gate.generate_image(paint()).await.map(|_| ()),
        ];
        for (told, allowed) in told.iter().zip(expected) {
            assert_eq!(told.is_ok(), allowed, "{price:?}");
            assert!(allowed || *told == Err(denied.clone()), "{told:?}");
        }
    }
}

#[tokio::test]
async fn the_line_that_would_allow_it_names_the_price() {
    let world = world(&[route(None)], granted(1_000_000, WhenSpent::Fail));
    assert!(world.gate(writer(), Limits::DEFAULT).complete(ask("hi")).await.is_err());
    let CallAnswer::Denied { hint: Some(hint), .. } = &world.facts.answers()[0] else { panic!() };
    assert_eq!(
        hint,
        "in bailiwick.toml, in the route openai:m@https://api.example.com/v1 under [models.writer]: price = { input = \"…\" }"
    );
}

#[tokio::test]
async fn what_has_a_price_is_asked_instead_of_what_has_none() {
    let second = Route { model: "priced".into(), ..route(Some(price())) };
    let routes = [route(None), second];
    let world = world(&routes, granted(1_000_000, WhenSpent::Fail));
    world.gate(writer(), Limits::DEFAULT).complete(ask("hi")).await.unwrap();
    let asked = world.script.asked.lock().unwrap()[0].0.clone();
    assert_eq!(asked, "openai:priced@https://api.example.com/v1");
    // Without a budget in money nobody needs a price.
    let free = World::new(false);
    assert!(free.gate(writer(), Limits::DEFAULT).complete(ask("hi")).await.is_ok());
}

#[tokio::test]
async fn pictures_are_charged_by_the_piece() {
    let image = Price { input: None, output: None, ..price() };
    let world = world(&[route(Some(image))], granted(3_000, WhenSpent::Fail));
    let gate = world.gate(writer(), Limits::DEFAULT);
    let paint = |count| ImageRequest {
        alias: "writer".into(),
        prompt: "a hill".into(),
        width: 64,
        height: 64,
        count,
        seed: None,
    };
    let refused = gate.generate_image(paint(4)).await;
    assert_eq!(refused, Err(CallError::Exhausted(Limit::Money)), "four do not fit into three");
    gate.generate_image(paint(3)).await.unwrap();
    assert_eq!(spent(&world).money, Money(1_000), "the server made one");
}

#[tokio::test]
async fn several_routes_are_reserved_at_the_dearest_and_charged_at_the_one_that_answered() {
    let dear = Price { input: Some(Money(90_000_000)), ..price() };
    let routes = [Route { model: "cheap".into(), ..route(Some(price())) }, route(Some(dear))];
    let world = world(&routes, granted(1_000_000, WhenSpent::Fail));
    world.gate(writer(), Limits::DEFAULT).complete(ask("hi")).await.unwrap();
    let facts = world.facts.facts.lock().unwrap().clone();
    let Fact::CallIntended { reserved, .. } = &facts[0] else { panic!() };
    assert_eq!(reserved.money, Money(18 * 90 + 10 * 15));
    assert_eq!(spent(&world).money, Money(ANSWERED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_calls_at_the_edge_of_the_money_overshoot_by_nothing() {
    let most = WORST + 9 * ANSWERED;
    for (budgets, place) in [
        (granted(most, WhenSpent::Fail), "agent"),
        (Budgets { day: money(most), when: WhenSpent::Fail, ..Budgets::default() }, "day"),
    ] {
        let world = Arc::new(world(&[route(Some(price()))], budgets));
        // Attempts of one run, each with its own gate.
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let gate = world.gate(writer(), Limits::DEFAULT);
                tokio::spawn(async move { gate.complete(ask("hi")).await.is_ok() })
            })
            .collect();
        let mut served = 0;
        for task in tasks {
            served += u64::from(task.await.unwrap());
        }
        assert_eq!(served, 10, "{place}");
        assert_eq!(spent(&world).money, Money(10 * ANSWERED), "{place}");
        assert_eq!(charged(&world), spent(&world), "the journal says the same");
    }
}

#[tokio::test]
async fn a_prompt_too_long_for_the_money_is_refused_before_it_leaves() {
    let world = world(&[route(Some(price()))], granted(10_000, WhenSpent::Fail));
    let long = CompleteRequest { max_tokens: Some(100_000), ..ask("hi") };
    let gate = world.gate(writer(), Limits::DEFAULT);
    assert_eq!(gate.complete(long).await, Err(CallError::Exhausted(Limit::Money)));
    assert!(world.script.asked.lock().unwrap().is_empty());
    assert!(gate.complete(ask("hi")).await.is_ok(), "a shorter one fits");
}
