//! Greets whoever the input names.

use bailiwick::{Failure, Host};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whom to greet.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Guest {
    /// A name, as it is to stand in the greeting.
    pub name: String,
}

/// The greeting, ready to be shown.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Welcome {
    /// One sentence.
    pub greeting: String,
}

/// Greets whoever the input names.
///
/// # Errors
/// `invalid-input` where the name is blank.
#[bailiwick::agent]
pub fn greet(guest: Guest, host: &Host) -> Result<Welcome, Failure> {
    let name = guest.name.trim();
    if name.is_empty() {
        return Err(Failure::invalid_input("name: must not be blank"));
    }
    host.log().info(format!("greeting {name}"));
    Ok(Welcome { greeting: format!("Hello, {name}!") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::Fake;
    use serde_json::{Value, json};

    #[test]
    fn answers_its_case() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let input = read(include_str!("../cases/greets/input.json"));
        let expected = read(include_str!("../cases/greets/expected.json"));
        assert_eq!(Fake::new().perform(greet, &input), Ok(expected));
    }

    #[test]
    fn refuses_a_blank_name() {
        let failure = Fake::new().perform(greet, &json!({ "name": " " })).unwrap_err();
        assert_eq!(failure, Failure::invalid_input("name: must not be blank"));
    }
}
