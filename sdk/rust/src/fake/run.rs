//! Running an agent's function as the host does, document in and document out; knows
//! nothing of what the function asks the host for.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::agent;
use crate::failure::Failure;
use crate::fake::Fake;
use crate::host::Host;
use crate::limits;

/// An agent's function: of the input alone, or of the input and the host. `Shape` only
/// tells the two apart and is inferred.
pub trait Function<Shape> {
    /// What it takes.
    type Input: DeserializeOwned;
    /// What it returns.
    type Output: Serialize;

    /// Calls it.
    ///
    /// # Errors
    /// What the function returns.
    fn call(self, input: Self::Input, host: &Host) -> Result<Self::Output, Failure>;
}

impl<F, I, O> Function<fn(I)> for F
where
    F: FnOnce(I) -> Result<O, Failure>,
    I: DeserializeOwned,
    O: Serialize,
{
    type Input = I;
    type Output = O;

    fn call(self, input: I, _: &Host) -> Result<O, Failure> {
        self(input)
    }
}

impl<F, I, O> Function<fn(I, &Host)> for F
where
    F: FnOnce(I, &Host) -> Result<O, Failure>,
    I: DeserializeOwned,
    O: Serialize,
{
    type Input = I;
    type Output = O;

    fn call(self, input: I, host: &Host) -> Result<O, Failure> {
        self(input, host)
    }
}

impl Fake {
    /// Runs an agent's function as the host does: the input is decoded, the output encoded,
    /// and a reference that this fake did not mint is refused in both.
    ///
    /// ```
    /// # use bailiwick::{Failure, fake::Fake};
    /// # use serde_json::json;
    /// fn double(number: u8) -> Result<u16, Failure> {
    ///     Ok(u16::from(number) * 2)
    /// }
    ///
    /// assert_eq!(Fake::new().perform(double, &json!(21)), Ok(json!(42)));
    /// assert!(matches!(
    ///     Fake::new().perform(double, &json!("many")),
    ///     Err(Failure::InvalidInput(_))
    /// ));
    /// ```
    ///
    /// # Errors
    /// The function's own; `InvalidInput` for a document that is no input; `Fatal` with
    /// `foreign-artifact` where the host would refuse input or output for that.
    pub fn perform<Shape, F: Function<Shape>>(
        &self,
        function: F,
        input: &Value,
    ) -> Result<Value, Failure> {
        self.refuse_foreign(input)?;
        let host = self.host();
        let call = |input| function.call(input, &host);
        let output = agent::perform(&input.to_string(), call)?;
        if output.len() > limits::JSON_BYTES {
            return Err(Failure::fatal("the output is larger than 4 MiB"));
        }
        let output: Value = serde_json::from_str(&output).map_err(Failure::fatal)?;
        self.refuse_foreign(&output)?;
        Ok(output)
    }

    fn refuse_foreign(&self, document: &Value) -> Result<(), Failure> {
        match document {
            Value::Object(map) => {
                let digest = map.get("$artifact").and_then(Value::as_str);
                match digest {
                    Some(digest) if !self.state().shelf.knows(digest) => {
                        Err(Failure::Fatal(["foreign-artifact: ", digest].concat()))
                    }
                    _ => map.values().try_for_each(|value| self.refuse_foreign(value)),
                }
            }
            Value::Array(items) => items.iter().try_for_each(|value| self.refuse_foreign(value)),
            _ => Ok(()),
        }
    }
}
