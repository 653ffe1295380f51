//! Why an agent has no output, and why a call to the host has no answer; knows
//! neither the bindings nor any capability.

use std::fmt;

use thiserror::Error;

/// Why an agent has no output: the only error of an agent's function.
///
/// A [`HostError`] becomes one by `?`; see [`From<HostError>`](#impl-From<HostError>-for-Failure).
/// Texts are for the operator; what is over 4 KiB is cut off.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// The input makes no sense. Not retried.
    #[error("invalid input: {0}")]
    InvalidInput(String),
    /// A power that the agent cannot do without was denied. Not retried.
    #[error("refused: needs `{capability}`")]
    Refused {
        /// The name of the interface: `model`, `knowledge`, `artifacts`, …
        capability: String,
    },
    /// Something passing went wrong. Retried as the pipeline says.
    #[error("retryable: {0}")]
    Retryable(String),
    /// Something else went wrong. Not retried.
    #[error("fatal: {0}")]
    Fatal(String),
}

impl Failure {
    /// The input makes no sense; begin the text with the path of the field.
    pub fn invalid_input(reason: impl fmt::Display) -> Self {
        Self::InvalidInput(reason.to_string())
    }

    /// Something passing went wrong: the same again may work.
    pub fn retryable(reason: impl fmt::Display) -> Self {
        Self::Retryable(reason.to_string())
    }

    /// Something went wrong that would go wrong again. Fits `map_err`:
    ///
    /// ```
    /// # use bailiwick::Failure;
    /// let size: Result<u32, Failure> = "tall".parse::<u32>().map_err(Failure::fatal);
    /// assert_eq!(size, Err(Failure::Fatal("invalid digit found in string".into())));
    /// ```
    pub fn fatal(reason: impl fmt::Display) -> Self {
        Self::Fatal(reason.to_string())
    }
}

/// Why a call to the host has no answer. A value, never a trap: an agent may have
/// another way.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HostError {
    /// Not granted. Asking again will not help.
    #[error("`{capability}` was denied")]
    Denied {
        /// The name of the interface: `model`, `knowledge`, `artifacts`, …
        capability: String,
    },
    /// A limit or a budget is spent.
    #[error("the limit on {0} is spent")]
    Exhausted(Limit),
    /// The provider could not be reached or gave up. The host has retried already.
    #[error("the provider is unavailable")]
    Unavailable,
    /// The request, or the model's answer to it, is wrong. The text says how.
    #[error("{0}")]
    Invalid(String),
}

/// What ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Limit {
    /// Tokens of models.
    #[error("tokens")]
    Tokens,
    /// Money.
    #[error("money")]
    Money,
    /// The number of calls.
    #[error("calls")]
    Calls,
    /// The size of one thing.
    #[error("bytes")]
    Bytes,
    /// Time by the clock on the wall.
    #[error("wall")]
    Wall,
    /// Calls in a stretch of time.
    #[error("rate")]
    Rate,
    /// The room for what is kept.
    #[error("storage")]
    Storage,
}

/// What `?` makes of the host's answer:
///
/// | host | failure | why |
/// |---|---|---|
/// | `Denied` | `Refused` | only the operator can change it |
/// | `Unavailable` | `Retryable` | it passes |
/// | `Exhausted(Rate)` | `Retryable` | it passes |
/// | `Exhausted(_)` | `Fatal` | a spent budget stays spent |
/// | `Invalid` | `Fatal` | the same request would be as wrong again |
impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Denied { capability } => Self::Refused { capability },
            HostError::Unavailable | HostError::Exhausted(Limit::Rate) => {
                Self::Retryable(error.to_string())
            }
            HostError::Exhausted(_) => Self::Fatal(error.to_string()),
            HostError::Invalid(reason) => Self::Fatal(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_errors_become_failures_as_documented() {
        let denied = HostError::Denied { capability: "model".into() };
        let cases = [
            (denied, Failure::Refused { capability: "model".into() }),
            (HostError::Unavailable, Failure::retryable("the provider is unavailable")),
            (HostError::Exhausted(Limit::Rate), Failure::retryable("the limit on rate is spent")),
            (HostError::Exhausted(Limit::Tokens), Failure::fatal("the limit on tokens is spent")),
            (HostError::Invalid("limit: 0".into()), Failure::fatal("limit: 0")),
        ];
        for (error, failure) in cases {
            assert_eq!(Failure::from(error), failure);
        }
    }
}
