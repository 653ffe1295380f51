//! What work costs, as plain counts. Knows no price.

use serde::{Deserialize, Serialize};

use crate::{Calls, Tokens};

/// Tokens and calls, reserved before a request leaves or spent after its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Input and output tokens together.
    pub tokens: Tokens,
    /// Requests that left the host.
    pub calls: Calls,
}

impl Cost {
    /// Nothing.
    pub const ZERO: Self = Self { tokens: Tokens(0), calls: Calls(0) };

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { tokens: self.tokens.plus(other.tokens), calls: self.calls.plus(other.calls) }
    }

    /// What is left after `other`, never below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self { tokens: self.tokens.minus(other.tokens), calls: self.calls.minus(other.calls) }
    }
}
