//! What work costs, as plain counts. Knows no price.

use serde::{Deserialize, Serialize};

use crate::{Calls, Money, Tokens};

/// Tokens, calls and money, reserved before a request leaves or spent after its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Input and output tokens together.
    pub tokens: Tokens,
    /// Requests that left the host.
    pub calls: Calls,
    /// At the prices of the routes, in the project's currency. Not written where it is
    /// nothing: facts of older journals keep their bytes, and with them their chain.
    #[serde(default, skip_serializing_if = "Money::is_zero")]
    pub money: Money,
}

impl Cost {
    /// Nothing.
    pub const ZERO: Self = Self { tokens: Tokens(0), calls: Calls(0), money: Money::ZERO };

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.plus(other.tokens),
            calls: self.calls.plus(other.calls),
            money: self.money.plus(other.money),
        }
    }

    /// What is left after `other`, never below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.minus(other.tokens),
            calls: self.calls.minus(other.calls),
            money: self.money.minus(other.money),
        }
    }

    /// The larger of each number.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.max(other.tokens),
            calls: self.calls.max(other.calls),
            money: self.money.max(other.money),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_money_it_reads_and_writes_as_before_there_was_any() {
        let text = r#"{"tokens":3,"calls":1}"#;
        let cost: Cost = serde_json::from_str(text).unwrap();
        assert_eq!(cost, Cost { tokens: Tokens(3), calls: Calls(1), money: Money::ZERO });
        assert_eq!(serde_json::to_string(&cost).unwrap(), text);
        let paid = Cost { money: Money(7), ..cost };
        assert_eq!(
            serde_json::from_str::<Cost>(&serde_json::to_string(&paid).unwrap()).unwrap(),
            paid
        );
    }
}
