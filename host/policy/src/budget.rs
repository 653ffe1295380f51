//! Budgets: the most that an agent in a run, a step in a run and a project in a day may spend, as one plain struct. Counts nothing.

use std::collections::BTreeMap;

use bailiwick_core::{Calls, Cost, Currency, Money, Name, Tokens};
use serde::{Deserialize, Serialize};

/// The most of each kind; an unset one is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// At the prices of the routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// Input and output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// Requests that leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<Calls>,
}

/// What happens when a call does not fit into a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenSpent {
    /// The attempt is parked: with more budget, or on another day, it goes on with this very call.
    #[default]
    Pause,
    /// The agent is told `exhausted`, and does what it can.
    Fail,
    /// The same, and nothing new begins: the run ends with what was released.
    Finish,
}

/// The budget of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepBudget {
    /// The most that all of its cells, rounds and attempts may take in one run.
    pub most: Budget,
    /// What happens then.
    pub when: WhenSpent,
}

/// Everything that bounds what one run may spend. Replaced as a whole when a paused run
/// is given other budgets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budgets {
    /// Of each agent name in the run: its grant within the ceiling.
    pub agents: BTreeMap<Name, Budget>,
    /// Of each step that has one.
    pub steps: BTreeMap<Name, StepBudget>,
    /// Of the project, each day (UTC).
    pub day: Budget,
    /// What happens when a grant or the day is spent.
    pub when: WhenSpent,
    /// What money is, where any is named.
    pub currency: Option<Currency>,
}

/// The currency that a file names, and where it does so first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// The currency.
    pub currency: Currency,
    /// `FILE:LINE:COLUMN`, for people.
    pub at: String,
}

impl WhenSpent {
    /// The words of files.
    pub const WORDS: [&str; 3] = ["pause", "fail", "finish"];

    /// The word in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Fail => "fail",
            Self::Finish => "finish",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pause, Self::Fail, Self::Finish].into_iter().find(|when| when.as_str() == text)
    }
}

impl Budget {
    /// No bound at all.
    pub const NONE: Self = Self { money: None, tokens: None, calls: None };

    /// Whether it bounds nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// The smaller of each; an unset one gives way.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self {
            money: smaller(self.money, other.money),
            tokens: smaller(self.tokens, other.tokens),
            calls: smaller(self.calls, other.calls),
        }
    }

    /// The sum of each; a sum with something unbounded is unbounded.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            money: self.money.zip(other.money).map(|(a, b)| a.plus(b)),
            tokens: self.tokens.zip(other.tokens).map(|(a, b)| a.plus(b)),
            calls: self.calls.zip(other.calls).map(|(a, b)| a.plus(b)),
        }
    }

    /// Whether so much is within it.
    #[must_use]
    pub fn holds(&self, cost: Cost) -> bool {
        self.money.is_none_or(|most| cost.money <= most)
            && self.tokens.is_none_or(|most| cost.tokens <= most)
            && self.calls.is_none_or(|most| cost.calls <= most)
    }

    /// The bounds that are set, as `1.00 USD, 500 tokens, 3 calls`; nothing: `no bound`.
    #[must_use]
    pub fn show(&self, currency: Option<Currency>) -> String {
        let parts = [
            self.money.map(|money| money.show(currency)),
            self.tokens.map(|tokens| tokens.to_string()),
            self.calls.map(|calls| calls.to_string()),
        ];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        if text.is_empty() { "no bound".into() } else { text }
    }
}

/// The smaller of two bounds.
fn smaller<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl Budgets {
    /// The budget of an agent: what stands here, else nothing.
    #[must_use]
    pub fn agent(&self, agent: &Name) -> Budget {
        self.agents.get(agent).copied().unwrap_or_default()
    }

    /// Whether money bounds what this agent does in these steps, or anything.
    #[must_use]
    pub fn counts_money<'a>(
        &self,
        agent: &Name,
        steps: impl IntoIterator<Item = &'a Name>,
    ) -> bool {
        let in_steps = steps
            .into_iter()
            .any(|step| self.steps.get(step).is_some_and(|budget| budget.most.money.is_some()));
        self.day.money.is_some() || self.agent(agent).money.is_some() || in_steps
    }

    /// What these budgets leave of a run at most, given the steps that each agent does:
    /// the sum over agents of the smaller of its grant and its steps' budgets, and the day.
    /// `steps` are pairs of step and agent.
    #[must_use]
    pub fn cap<'a>(&self, steps: impl IntoIterator<Item = (&'a Name, &'a Name)>) -> Budget {
        let mut of_agents: BTreeMap<&Name, Budget> = BTreeMap::new();
        for (step, agent) in steps {
            let step = self.steps.get(step).map_or(Budget::NONE, |budget| budget.most);
            of_agents.entry(agent).and_modify(|sum| *sum = sum.plus(step)).or_insert(step);
        }
        let nothing =
            Budget { money: Some(Money(0)), tokens: Some(Tokens(0)), calls: Some(Calls(0)) };
        let run = of_agents
            .into_iter()
            .map(|(agent, steps)| steps.min(self.agent(agent)))
            .fold(nothing, Budget::plus);
        run.min(self.day)
    }

    /// The smaller of two sets of budgets: how a run that was pinned to these goes on
    /// under those of today. Steps and words are the pipeline's and stay.
    #[must_use]
    pub fn within(&self, today: &Self) -> Self {
        let agents = self
            .agents
            .iter()
            .map(|(agent, budget)| (agent.clone(), budget.min(today.agent(agent))));
        Self { agents: agents.collect(), day: self.day.min(today.day), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn calls(most: u64) -> Budget {
        Budget { calls: Some(Calls(most)), ..Budget::NONE }
    }

    fn step(most: Budget) -> StepBudget {
        StepBudget { most, when: WhenSpent::Pause }
    }

    #[test]
    fn the_smallest_of_all_caps_a_run() {
        let mut budgets = Budgets {
            agents: [(name("a"), calls(10)), (name("b"), calls(7))].into(),
            steps: [(name("one"), step(calls(2))), (name("two"), step(calls(3)))].into(),
            ..Budgets::default()
        };
        let (a, b) = (name("a"), name("b"));
        let steps = [(name("one"), a.clone()), (name("two"), a), (name("three"), b)];
        let pairs = || steps.iter().map(|(step, agent)| (step, agent));
        assert_eq!(budgets.cap(pairs()), calls(2 + 3 + 7));
        budgets.day = calls(4);
        assert_eq!(budgets.cap(pairs()), calls(4));
        budgets.day = Budget::NONE;
        budgets.agents.remove("b");
        assert_eq!(budgets.cap(pairs()), Budget::NONE, "what one agent may is unbounded");
    }

    #[test]
    fn today_narrows_and_never_widens() {
        let of = |most| Budgets { agents: [(name("a"), calls(most))].into(), ..Budgets::default() };
        assert_eq!(of(5).within(&of(9)), of(5));
        assert_eq!(of(5).within(&of(2)), of(2));
        assert_eq!(of(5).within(&Budgets::default()), of(5));
        let today = Budgets { day: calls(1), ..Budgets::default() };
        assert_eq!(of(5).within(&today).day, calls(1));
    }

    #[test]
    fn money_counts_wherever_it_is_bounded() {
        let money = Budget { money: Some(Money(1)), ..Budget::NONE };
        let (a, one) = (name("a"), name("one"));
        let none = Budgets::default();
        assert!(!none.counts_money(&a, [&one]));
        for budgets in [
            Budgets { day: money, ..none.clone() },
            Budgets { agents: [(a.clone(), money)].into(), ..none.clone() },
            Budgets { steps: [(one.clone(), step(money))].into(), ..none.clone() },
        ] {
            assert!(budgets.counts_money(&a, [&one]), "{budgets:?}");
        }
    }
}
