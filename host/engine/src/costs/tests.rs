//! Every key that bounds what is spent, from the text of its file to the call that does not fit; and the keys of the schemas, so that none is left out.

use std::collections::BTreeSet;
use std::sync::Arc;

use bailiwick_core::fact::Limit;
use bailiwick_core::ports::{BoxFuture, Clock};
use bailiwick_core::{Calls, Cost, Money, Name, RunId, Timestamp, Tokens};
use bailiwick_gate::ledger::{Ledger, Payer, Purse, Spent};
use bailiwick_policy::intersect::{RequestedLimits, Resources};
use bailiwick_policy::{Budgets, Policy, WhenSpent, intersect};
use bailiwick_project::{FileKind, Plan, Project, Surroundings, read_policy, schema};
use serde_json::Value;

struct Midnight;

impl Clock for Midnight {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn sleep_until(&self, _: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// Three files, each with room for the line of a budget.
fn budgets(grant: &str, ceiling: &str, per_day: &str, step: &str) -> Budgets {
    let project = format!(
        "[agents.draft]\ncomponent = \"draft\"\ngrants.model = {{ use = [\"writer\"]{grant} }}\n\
         [models.writer]\nroutes = [{{ provider = \"builtin\" }}]\n"
    );
    let project = Project::read("bailiwick.toml", &project).unwrap();
    let policy = format!("{per_day}\n[ceiling.\"local/*\"]\nmodel = {{ {ceiling} }}\n");
    let policy: Policy = read_policy("policy.toml", &policy).unwrap();
    let pipeline = format!(
        "when-spent = \"fail\"\n[step.draft]\nagent = \"draft\"\n{step}\n\
         [output]\ndraft = \"${{draft}}\"\n"
    );
    let around =
        Surroundings { project: &project, policy: &policy, schema_text: &|_| Err(String::new()) };
    let plan = Plan::read(&name("p"), "pipelines/p.toml", &pipeline, &around).unwrap();
    let resources = Resources { models: project.models.clone(), ..Resources::default() };
    let granted = &project.agents["draft"].grants;
    let limits = RequestedLimits::default();
    let (effective, _) = intersect("local/draft", granted, &limits, &resources, &policy);
    let numbers = effective.grants.model.unwrap().budget();
    plan.budgets([(name("draft"), numbers)].into(), &policy, None)
}

/// Calls of 10 tokens and 0.10 that an agent makes until it is told that there is no more.
fn spend(budgets: Budgets) -> (u64, Spent) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (ledger, run) = (Ledger::default(), RunId::new("r").unwrap());
    ledger.open(&run, Arc::new(budgets));
    let both = name("draft");
    let payer = Payer::of(&run, Some((Some(&both), &both)));
    let one = Cost { tokens: Tokens(10), calls: Calls(1), money: Money(100_000_000) };
    for made in 0..100 {
        match runtime.block_on(ledger.reserve(payer, one, &Midnight)) {
            Ok(hold) => hold.settle(one),
            Err(spent) => return (made, spent),
        }
    }
    panic!("nothing bounds it");
}

/// Where each budget stands in the schemas of the files, with what its table holds besides.
const TABLES: &[(FileKind, &str, &[&str])] = &[
    (
        FileKind::Project,
        "/properties/agents/additionalProperties/properties/grants/properties/model",
        &["use"],
    ),
    (FileKind::Policy, "/properties/ceiling/additionalProperties/properties/model", &["origins"]),
    (FileKind::Policy, "/properties/per-day", &[]),
    (
        FileKind::Pipeline,
        "/properties/step/additionalProperties/properties/budget",
        &["when-spent"],
    ),
];

#[test]
fn each_number_in_each_place_stops_an_agent_that_never_stops_asking() {
    // What fits: three calls, 39 tokens, 0.39.
    let numbers = [
        ("calls", "3", Limit::Calls),
        ("tokens", "39", Limit::Tokens),
        ("money", "\"0.39 USD\"", Limit::Money),
    ];
    for (file, pointer, besides) in TABLES {
        let schema = schema(*file);
        let keys = schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer}"))["properties"]
            .as_object()
            .unwrap();
        let keys: BTreeSet<_> = keys.keys().map(String::as_str).collect();
        let known = numbers.iter().map(|(key, ..)| *key).chain(besides.iter().copied());
        assert_eq!(keys, known.collect(), "a key of {pointer} that nothing here runs into");
    }
    for (key, value, limit) in numbers {
        let places = [
            (budgets(&format!(", {key} = {value}"), "", "", ""), Purse::Agent(name("draft"))),
            (budgets("", &format!("{key} = {value}"), "", ""), Purse::Agent(name("draft"))),
            (budgets("", "", &format!("per-day = {{ {key} = {value} }}"), ""), Purse::Day),
            (
                budgets("", "", "", &format!("budget = {{ {key} = {value} }}")),
                Purse::Step(name("draft")),
            ),
        ];
        for (budgets, purse) in places {
            let (made, spent) = spend(budgets);
            assert_eq!((made, spent.limit, &spent.purse), (3, limit, &purse), "{key}: {purse:?}");
            assert_eq!(spent.when, WhenSpent::Fail, "as the pipeline says");
        }
    }
}

#[test]
fn a_step_says_what_follows_for_its_own_budget() {
    for word in WhenSpent::WORDS {
        let line = format!("budget = {{ calls = 0, when-spent = {word:?} }}");
        assert_eq!(spend(budgets("", "", "", &line)).1.when.as_str(), word);
    }
}

#[test]
fn a_pipeline_pauses_unless_it_says_otherwise() {
    let when = |file: &Value| file["properties"]["when-spent"]["enum"].clone();
    assert_eq!(when(&schema(FileKind::Pipeline)), serde_json::json!(WhenSpent::WORDS));
    assert_eq!(WhenSpent::default(), WhenSpent::Pause);
}
