//! A budget that is spent: which one, what is used and allowed, and the line that would raise it. Counts nothing.

use bailiwick_core::fact::Limit;
use bailiwick_core::{Cost, Currency, Name};
use bailiwick_policy::{Budget, WhenSpent};

/// A place where a budget stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purse {
    /// The grant of an agent, for each run.
    Agent(Name),
    /// The ceiling of an agent, for each run: with what the host asks of a model for what
    /// the agent searches.
    Ceiling(Name),
    /// A step, for each run.
    Step(Name),
    /// The project, for each day.
    Day,
}

/// That a call does not fit, even after all others were settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The budget that is in the way.
    pub purse: Purse,
    /// What ran out, as the guest is told under [`WhenSpent::Fail`] and [`WhenSpent::Finish`].
    pub limit: Limit,
    /// For the operator: used, allowed, needed, and the line that would raise it.
    pub detail: String,
    /// What is to follow.
    pub when: WhenSpent,
    /// Whether the same call fits into the budget of another day.
    pub renews: bool,
}

impl Purse {
    /// Whether a call fits this account's budget, given what was spent for good.
    pub(super) fn check(
        self,
        most: Budget,
        spent: Cost,
        worst: Cost,
        (when, currency): (WhenSpent, Option<Currency>),
    ) -> Result<(), Spent> {
        let sum = spent.plus(worst);
        let renews = self == Self::Day && most.holds(worst);
        let told = |limit, key, used: String, allowed: String, needed: String, least: String| {
            let detail = format!(
                "{} has used {used} of {allowed}, and this call may need {needed}: {} to {least} or more",
                self.named(),
                self.line(key, renews),
            );
            Spent { purse: self.clone(), limit, detail, when, renews }
        };
        if let Some(most) = most.calls.filter(|most| sum.calls > *most) {
            let (used, least) = (spent.calls.0.to_string(), sum.calls.0.to_string());
            return Err(told(
                Limit::Calls,
                "calls",
                used,
                most.to_string(),
                worst.calls.0.to_string(),
                least,
            ));
        }
        if let Some(most) = most.tokens.filter(|most| sum.tokens > *most) {
            let (used, least) = (spent.tokens.0.to_string(), sum.tokens.0.to_string());
            let needed = worst.tokens.0.to_string();
            return Err(told(Limit::Tokens, "tokens", used, most.to_string(), needed, least));
        }
        if let Some(most) = most.money.filter(|most| sum.money > *most) {
            let show = |money: bailiwick_core::Money| money.show(currency);
            let least = format!("{:?}", show(sum.money));
            let (used, needed) = (spent.money.to_string(), show(worst.money));
            return Err(told(Limit::Money, "money", used, show(most), needed, least));
        }
        Ok(())
    }

    /// The beginning of a sentence.
    fn named(&self) -> String {
        match self {
            Self::Agent(agent) => format!("the agent `{agent}` in this run"),
            Self::Ceiling(agent) => {
                format!("the agent `{agent}` in this run, with the vectors of what it searches,")
            }
            Self::Step(step) => format!("the step `{step}` in this run"),
            Self::Day => "the project today".into(),
        }
    }

    /// Where the number stands.
    fn line(&self, key: &str, renews: bool) -> String {
        match self {
            Self::Agent(agent) => format!(
                "raise `{key}` of grants.model under [agents.{agent}] in bailiwick.toml, and of `model` under [ceiling] in policy.toml where that is less,"
            ),
            Self::Ceiling(_) => {
                format!("raise `{key}` of `model` under [ceiling] in policy.toml")
            }
            Self::Step(step) => {
                format!("raise `{key}` of `budget` under [step.{step}] in the pipeline")
            }
            Self::Day if renews => {
                format!("wait for midnight UTC, or raise `{key}` of `per-day` in policy.toml")
            }
            Self::Day => format!("raise `{key}` of `per-day` in policy.toml"),
        }
    }
}
