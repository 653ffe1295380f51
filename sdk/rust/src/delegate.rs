//! Calls of other agents of the project; knows not who they are.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::failure::{Failure, HostError};
use crate::host::Host;
use crate::powers::Powers;
use crate::schema;

/// Other agents, by the names that the operator granted.
///
/// Whoever is called works under its own grants and limits: no power is lent. What it
/// spends counts for its caller too.
#[derive(Debug, Clone, Copy)]
pub struct Delegate<'h> {
    host: &'h Host,
}

/// Why a call of another agent gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DelegateError {
    /// It was not called.
    #[error(transparent)]
    Uncalled(#[from] HostError),
    /// It was called, and failed. What it changed in namespaces did not happen.
    #[error("the agent that was called {0}")]
    Failed(Fault),
}

/// How an agent that was called failed. Texts are its own words, at most 4 KiB.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The input makes no sense to it, or is not in its schema.
    #[error("cannot work on its input: {0}")]
    InvalidInput(String),
    /// A power that it cannot do without was denied.
    #[error("was denied a power that it cannot do without")]
    Refused,
    /// Something passing went wrong: another call may help.
    #[error("failed for now: {0}")]
    Retryable(String),
    /// Something else went wrong.
    #[error("failed: {0}")]
    Fatal(String),
    /// It ran into a limit of its own, or ran out of the time that it was given.
    #[error("ran into a limit")]
    Limit,
    /// It trapped, could not be run, or gave back what may not leave it.
    #[error("broke")]
    Broken,
}

impl<'h> Delegate<'h> {
    pub(crate) fn new(host: &'h Host) -> Self {
        Self { host }
    }

    /// Has an agent do one piece of work, and waits for its output. The artifacts that the
    /// input names must be the caller's own; those that the output names become so.
    ///
    /// ```
    /// # use bailiwick::{Failure, Host, fake::Fake};
    /// fn claim(product: &str, host: &Host) -> Result<String, Failure> {
    ///     let facts: Vec<String> = host.delegate().call("fact_finder", &product)?;
    ///     facts.into_iter().next().ok_or(Failure::Fatal("nothing is known of it".into()))
    /// }
    ///
    /// let fake = Fake::new().agent_with("fact_finder", |product| {
    ///     Ok(serde_json::json!([format!("{} boils in a minute", product.as_str().unwrap())]))
    /// });
    /// assert_eq!(claim("kettle", &fake.host())?, "kettle boils in a minute");
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// [`DelegateError::Uncalled`] where it was not called: `Denied` where it is not granted, or
    /// waits for this one already, or is too deep, or the input names a foreign artifact;
    /// `Invalid` where input or output are not of these types. [`DelegateError::Failed`]
    /// where it has no output.
    pub fn call<O: DeserializeOwned>(
        &self,
        agent: &str,
        input: &impl Serialize,
    ) -> Result<O, DelegateError> {
        let input = schema::encode_sorted(input);
        let input = input.map_err(|error| HostError::Invalid(format!("input: {error}")))?;
        let output = self.host.reach().delegate(agent, &input)?;
        let output: Value = serde_json::from_str(&output).map_err(invalid)?;
        Ok(serde_json::from_value(output).map_err(invalid)?)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the form that `map_err` asks for")]
fn invalid(error: serde_json::Error) -> HostError {
    HostError::Invalid(error.to_string())
}

/// What `?` makes of it: what may pass is retryable, as with any host; an agent that failed
/// for good is fatal for its caller, unless its caller looks at the [`Fault`].
impl From<DelegateError> for Failure {
    fn from(error: DelegateError) -> Self {
        match error {
            DelegateError::Uncalled(error) => error.into(),
            DelegateError::Failed(Fault::Retryable(_)) => Self::Retryable(error.to_string()),
            DelegateError::Failed(_) => Self::Fatal(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::{Capability, Fake};

    #[test]
    fn without_a_script_nobody_may_be_called() {
        let host = Fake::new().host();
        let denied = DelegateError::Uncalled(HostError::Denied { capability: "delegate".into() });
        assert_eq!(host.delegate().call::<Value>("anybody", &1), Err(denied.clone()));
        let fake = Fake::new().agent_with("other", |input| Ok(input.clone()));
        assert_eq!(fake.host().delegate().call::<u32>("other", &7), Ok(7));
        assert_eq!(fake.called(), [("other".to_owned(), json!(7))]);
        let taken = fake.deny(Capability::Delegate).host();
        assert_eq!(taken.delegate().call::<Value>("other", &1), Err(denied));
    }

    #[test]
    fn a_fault_is_the_callers_to_look_at() {
        let fake = Fake::new()
            .agent_with("slow", |_| Err(Fault::Retryable("later".into())))
            .agent_with("bad", |_| Err(Fault::Broken));
        let host = fake.host();
        let told = |agent| Failure::from(host.delegate().call::<Value>(agent, &1).unwrap_err());
        let words = "the agent that was called failed for now: later";
        assert_eq!(told("slow"), Failure::Retryable(words.into()));
        assert_eq!(told("bad"), Failure::Fatal("the agent that was called broke".into()));
    }
}
