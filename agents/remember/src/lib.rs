//! Tells what is new from what earlier runs have seen. It judges no item and writes nothing
//! but its counters.

use std::collections::BTreeSet;

use bailiwick::{Failure, Host};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to look through.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Found {
    /// At most 500, each at most 200 bytes.
    #[schemars(length(max = 500))]
    pub items: Vec<Item>,
}

/// A text that is the same where it is the same, byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Item(#[schemars(length(min = 1, max = 200))] pub String);

/// Both kinds, in the order of the input.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Told {
    /// Seen for the first time.
    pub fresh: Vec<Item>,
    /// Seen before.
    pub known: Vec<Known>,
}

/// An item that was seen before.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Known {
    /// The item.
    pub item: Item,
    /// In how many runs, this one included.
    pub times: u32,
}

/// Tells what is new from what earlier runs have seen.
///
/// # Errors
/// `invalid-input` for an item that is no key; `refused` without a namespace that it may
/// write; `fatal` where that is full.
#[bailiwick::agent]
pub fn remember(found: Found, host: &Host) -> Result<Told, Failure> {
    let (mut told, mut seen) = (Told { fresh: Vec::new(), known: Vec::new() }, BTreeSet::new());
    for item in found.items {
        if item.0.chars().any(char::is_control) {
            return Err(Failure::invalid_input("items: must have no control characters"));
        }
        if !seen.insert(item.clone()) {
            continue;
        }
        let key = format!("seen/{}", item.0);
        let before: Option<u32> = host.kv().get(&key)?;
        let times = before.unwrap_or(0).saturating_add(1);
        // Two runs that count the same item at once would each miss the other's count:
        // the one that ends last is tried again instead.
        if !host.kv().compare_and_set(&key, before, Some(times))? {
            return Err(Failure::retryable(format!("{key} was just counted by somebody else")));
        }
        match before {
            Some(_) => told.known.push(Known { item, times }),
            None => told.fresh.push(item),
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::{Capability, Fake};
    use serde_json::{Value, json};

    #[test]
    fn answers_its_case() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let input = read(include_str!("../cases/second_run/input.json"));
        let expected = read(include_str!("../cases/second_run/expected.json"));
        let fake = Fake::new().kv([("seen/Bees", json!(1))]);
        assert_eq!(fake.perform(remember, &input), Ok(expected));
        assert_eq!(fake.values()["seen/Bees"], 2);
        assert_eq!(fake.values()["seen/Wasps"], 1);
    }

    #[test]
    fn refuses_what_it_cannot_remember() {
        let input = json!({ "items": ["a\nb"] });
        let failure = Fake::new().kv([]).perform(remember, &input).unwrap_err();
        assert_eq!(failure, Failure::invalid_input("items: must have no control characters"));
        let input = json!({ "items": ["a"] });
        let failure = Fake::new().deny(Capability::Kv).perform(remember, &input).unwrap_err();
        assert_eq!(failure, Failure::Refused { capability: "kv".into() });
    }
}
