//! What `#[bailiwick::agent]` expands to: the way from a typed function to the contract's
//! documents and back. Knows neither bindings nor fakes; no public interface.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::host::Host;
use crate::limits::{FAILURE_TEXT_BYTES, SUMMARY_BYTES};
use crate::schema;

/// One agent: its function, and what the exports need to know around it.
pub trait Agent {
    /// What the function takes.
    type Input: DeserializeOwned + JsonSchema;
    /// What the function returns.
    type Output: Serialize + JsonSchema;
    /// From `CARGO_PKG_NAME`.
    const NAME: &'static str;
    /// From `CARGO_PKG_VERSION`.
    const VERSION: &'static str;
    /// The first paragraph of the function's documentation.
    const SUMMARY: &'static str;

    /// Calls the function.
    ///
    /// # Errors
    /// What the function returns.
    fn perform(input: Self::Input, host: &Host) -> Result<Self::Output, Failure>;
}

/// What an agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The name of the crate.
    pub name: &'static str,
    /// The version of the crate.
    pub version: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// JSON Schema of the input.
    pub input_schema: String,
    /// JSON Schema of the output.
    pub output_schema: String,
}

/// The profile of an agent.
pub fn profile<A: Agent>() -> Profile {
    Profile {
        name: A::NAME,
        version: A::VERSION,
        summary: A::SUMMARY,
        input_schema: schema::of_input::<A::Input>(),
        output_schema: schema::of_output::<A::Output>(),
    }
}

/// One piece of work, document in and document out.
///
/// # Errors
/// `InvalidInput` with the path where the document is no input; else the function's own.
pub fn perform<I, O>(
    input: &str,
    function: impl FnOnce(I) -> Result<O, Failure>,
) -> Result<String, Failure>
where
    I: DeserializeOwned,
    O: Serialize,
{
    let input = schema::decode(input).map_err(Failure::InvalidInput)?;
    let output = function(input).map_err(clipped)?;
    schema::encode(&output).map_err(|error| Failure::Fatal(format!("output: {error}")))
}

/// Whether the contract allows a name: `[a-z][a-z0-9_-]*`, at most 64 bytes. The
/// expansion asks at compile time.
#[must_use]
pub const fn is_name(name: &str) -> bool {
    let mut rest = name.as_bytes();
    if rest.len() > 64 || !matches!(rest, [b'a'..=b'z', ..]) {
        return false;
    }
    while let [first, tail @ ..] = rest {
        if !matches!(first, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-') {
            return false;
        }
        rest = tail;
    }
    true
}

/// Whether the contract allows a summary, and operators learn something from it. The
/// expansion asks at compile time: a crate's description may well be missing.
#[must_use]
pub const fn is_summary(summary: &str) -> bool {
    summary.len() <= SUMMARY_BYTES && !summary.as_bytes().trim_ascii().is_empty()
}

/// The host refuses a failure with a text over the bound, and the reason would be lost.
fn clipped(failure: Failure) -> Failure {
    let clip = |mut text: String| {
        text.truncate(text.floor_char_boundary(FAILURE_TEXT_BYTES));
        text
    };
    match failure {
        Failure::InvalidInput(text) => Failure::InvalidInput(clip(text)),
        Failure::Refused { capability } => Failure::Refused { capability },
        Failure::Retryable(text) => Failure::Retryable(clip(text)),
        Failure::Fatal(text) => Failure::Fatal(clip(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::{Value, json};

    struct Echo;

    #[derive(Deserialize, Serialize, JsonSchema)]
    struct Words {
        #[serde(default)]
        text: String,
    }

    impl Agent for Echo {
        type Input = Words;
        type Output = Words;
        const NAME: &'static str = "echo";
        const VERSION: &'static str = "0.1.0";
        const SUMMARY: &'static str = "Says it again.";

        fn perform(words: Words, _: &Host) -> Result<Words, Failure> {
            Ok(words)
        }
    }

    #[test]
    fn a_default_is_optional_in_the_input_and_always_there_in_the_output() {
        let profile = profile::<Echo>();
        let input: Value = serde_json::from_str(&profile.input_schema).unwrap();
        let output: Value = serde_json::from_str(&profile.output_schema).unwrap();
        assert_eq!(input.get("required"), None);
        assert_eq!(output["required"], json!(["text"]));
        assert_eq!((profile.name, profile.summary), ("echo", "Says it again."));

        let host = crate::fake::Fake::new().host();
        let written = perform("{}", |words| Echo::perform(words, &host));
        assert_eq!(written.as_deref(), Ok(r#"{"text":""}"#));
    }

    #[test]
    fn names_are_as_the_contract_has_them() {
        for name in ["draft", "fact_finder", "a1-b"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "1a", "_a", "Draft", "a.b", "ä", &"a".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_summary_says_something_in_a_kibibyte() {
        assert!(is_summary("Drafts.") && is_summary(&"x".repeat(1024)));
        assert!(!is_summary(" \n") && !is_summary("") && !is_summary(&"x".repeat(1025)));
    }

    #[test]
    fn long_reasons_are_cut_between_characters() {
        let failure = perform("1", |_: u8| Err::<u8, _>(Failure::fatal("ä".repeat(4_000))));
        assert_eq!(failure, Err(Failure::Fatal("ä".repeat(2_048))));
        let failure =
            perform("1", |_: u8| Err::<u8, _>(Failure::fatal(format!("x{}", "ä".repeat(4_000)))));
        assert_eq!(failure, Err(Failure::Fatal(format!("x{}", "ä".repeat(2_047)))));
    }

    #[test]
    fn an_output_that_json_has_no_form_for_is_a_failure() {
        let failure = perform("1", |_: u8| Ok(vec![0.5, f64::NAN]));
        assert_eq!(failure, Err(Failure::Fatal("output: [1]: NaN is no number in JSON".into())));
    }

    #[test]
    fn an_input_of_another_shape_never_reaches_the_function() {
        let failure = perform("\"x\"", |_: u8| Ok(1_u8)).unwrap_err();
        assert!(matches!(failure, Failure::InvalidInput(_)));
    }
}
