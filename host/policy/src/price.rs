//! Prices of a route, and what tokens and pictures cost at them. Converts no currency.

use bailiwick_core::{Money, Tokens};
use serde::{Deserialize, Serialize};

/// What a route costs, in the project's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// A million tokens of prompts.
    pub input: Option<Money>,
    /// A million tokens of answers.
    pub output: Option<Money>,
    /// One picture, besides the tokens that the server counts for it.
    pub image: Option<Money>,
}

/// What one request takes of what is priced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantities {
    /// Tokens of the prompt.
    pub input: Tokens,
    /// Tokens of the answer.
    pub output: Tokens,
    /// Pictures.
    pub images: u64,
}

/// What a request is for: each kind needs other prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priced {
    /// Words: `input` and `output`.
    Words,
    /// Vectors: `input`.
    Vectors,
    /// Pictures: `image`, or `input` and `output` where the provider counts tokens for them.
    Pictures,
}

impl Price {
    /// What these cost, rounded up. What has no price costs nothing: whether it must
    /// have one is asked of [`Price::lacks`].
    #[must_use]
    pub fn of(&self, quantities: Quantities) -> Money {
        let tokens = |price: Option<Money>, tokens| price.unwrap_or_default().for_tokens(tokens);
        tokens(self.input, quantities.input)
            .plus(tokens(self.output, quantities.output))
            .plus(self.image.unwrap_or_default().times(quantities.images))
    }

    /// The key that is missing for a request of this kind, if one is.
    #[must_use]
    pub fn lacks(&self, kind: Priced) -> Option<&'static str> {
        let words = match (self.input, self.output) {
            (None, _) => Some("input"),
            (_, None) => Some("output"),
            _ => None,
        };
        match kind {
            Priced::Words => words,
            Priced::Vectors => words.filter(|missing| *missing == "input"),
            Priced::Pictures if self.image.is_some() => None,
            Priced::Pictures => words.map(|_| "image"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_pictures_add_up() {
        let usd = |nanos| Some(Money(nanos));
        let price = Price { input: usd(3_000_000_000), output: usd(15_000_000_000), image: usd(7) };
        let quantities = Quantities { input: Tokens(10), output: Tokens(2), images: 3 };
        assert_eq!(price.of(quantities), Money(10 * 3_000 + 2 * 15_000 + 3 * 7));
        assert_eq!(Price::default().of(quantities), Money::ZERO);
    }

    #[test]
    fn each_kind_of_request_needs_its_own_prices() {
        let some = Some(Money(1));
        let none = Price::default();
        let input = Price { input: some, ..none };
        let words = Price { output: some, ..input };
        let image = Price { image: some, ..none };
        for (price, kind, missing) in [
            (none, Priced::Words, Some("input")),
            (input, Priced::Words, Some("output")),
            (words, Priced::Words, None),
            (image, Priced::Words, Some("input")),
            (none, Priced::Vectors, Some("input")),
            (input, Priced::Vectors, None),
            (input, Priced::Pictures, Some("image")),
            (image, Priced::Pictures, None),
            (words, Priced::Pictures, None),
        ] {
            assert_eq!(price.lacks(kind), missing, "{price:?} {kind:?}");
        }
    }
}
