//! What one request may take at worst, and what that costs on each route. Asks nobody and counts nothing.

use bailiwick_core::{Calls, Cost, Tokens};
use bailiwick_policy::Route;
use bailiwick_policy::price::{Priced, Quantities};

use crate::model::{CompleteRequest, EmbedRequest, ImageRequest, ModelUsage, Part};

/// What one image of a prompt is reserved at: above what any provider counts for 2 048².
const TOKENS_OF_AN_IMAGE: u64 = 4_096;
/// What one generated image is reserved at: what providers count for the largest.
const TOKENS_OF_A_PICTURE: u64 = 4 * TOKENS_OF_AN_IMAGE;
/// What roles and separators of one message are reserved at; chat templates use 3 to 10.
const TOKENS_OF_A_MESSAGE: u64 = 16;
/// What the name, id and frame of a tool call are reserved at.
const TOKENS_OF_A_TOOL_CALL: u64 = 64;

/// The most that one request can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worst {
    /// Which prices it needs.
    pub kind: Priced,
    /// Tokens and pictures.
    pub quantities: Quantities,
}

impl Worst {
    /// At the price of one route.
    #[must_use]
    pub fn on(&self, route: &Route) -> Cost {
        cost(route, self.quantities)
    }

    /// At the dearest of these: there is one intent for all of them, and whoever finds
    /// it without an answer must charge enough for whichever was asked last.
    #[must_use]
    pub fn along(&self, routes: &[Route]) -> Cost {
        routes.iter().map(|route| self.on(route)).fold(Cost::ZERO, Cost::max)
    }
}

/// What one request on this route takes.
fn cost(route: &Route, quantities: Quantities) -> Cost {
    Cost {
        tokens: quantities.input.plus(quantities.output),
        calls: Calls(1),
        money: route.cost_of(quantities),
    }
}

/// What an answered request took, as the provider counts.
#[must_use]
pub fn spent(route: &Route, usage: ModelUsage, images: u64) -> Cost {
    let (input, output) = (Tokens(usage.input_tokens), Tokens(usage.output_tokens));
    cost(route, Quantities { input, output, images })
}

impl CompleteRequest {
    /// No tokenizer makes more tokens than bytes, so the bytes of the prompt are its
    /// bound; the answer is bounded by what was asked for.
    #[must_use]
    pub fn worst(&self) -> Worst {
        let of_part = |part: &Part| match part {
            Part::Text(text) => text.len() as u64,
            Part::Artifact(_) => TOKENS_OF_AN_IMAGE,
        };
        let of_messages = self.messages.iter().map(|message| {
            let calls = message.tool_calls.iter();
            let calls = calls.map(|call| call.arguments.len() as u64 + TOKENS_OF_A_TOOL_CALL);
            let parts = message.parts.iter().map(of_part);
            TOKENS_OF_A_MESSAGE + parts.sum::<u64>() + calls.sum::<u64>()
        });
        let tools = self.tools.iter();
        let tools = tools.map(|t| (t.parameters.to_string().len() + t.description.len()) as u64);
        // Servers that take no schema are given it as words.
        let schema = self.output_schema.as_ref().map_or(0, |s| s.to_string().len() as u64);
        let input = Tokens(of_messages.sum::<u64>() + tools.sum::<u64>() + schema);
        let output = Tokens(u64::from(self.answer_tokens()));
        Worst { kind: Priced::Words, quantities: Quantities { input, output, images: 0 } }
    }
}

impl EmbedRequest {
    /// At most a token for each byte.
    #[must_use]
    pub fn worst(&self) -> Worst {
        let texts = self.texts.iter().map(|text| text.len() as u64 + TOKENS_OF_A_MESSAGE);
        let quantities = Quantities { input: Tokens(texts.sum()), ..Quantities::default() };
        Worst { kind: Priced::Vectors, quantities }
    }
}

impl ImageRequest {
    /// The prompt, and for each image what providers count for the largest.
    #[must_use]
    pub fn worst(&self) -> Worst {
        let images = u64::from(self.count);
        let (input, output) =
            (Tokens(self.prompt.len() as u64), Tokens(images.saturating_mul(TOKENS_OF_A_PICTURE)));
        Worst { kind: Priced::Pictures, quantities: Quantities { input, output, images } }
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::Money;
    use bailiwick_policy::price::Price;

    use super::*;
    use crate::model::{Message, Role};

    fn route(input: u64, output: u64) -> Route {
        let price = Price { input: Some(Money(input)), output: Some(Money(output)), image: None };
        Route { price: Some(price), ..Route::builtin() }
    }

    fn request(text: &str) -> CompleteRequest {
        CompleteRequest {
            alias: "writer".into(),
            messages: vec![Message::text(Role::User, text)],
            max_tokens: Some(100),
            temperature: None,
            seed: None,
            stop: Vec::new(),
            output_schema: None,
            tools: Vec::new(),
        }
    }

    #[test]
    fn the_worst_case_is_above_any_tokenizer() {
        let worst = request("four").worst().on(&Route::builtin());
        assert_eq!(worst, Cost { tokens: Tokens(100 + 16 + 4), calls: Calls(1), money: Money(0) });
    }

    #[test]
    fn several_routes_are_reserved_at_the_dearest() {
        // 20 tokens in, 100 out.
        let (input, output) = (route(90_000_000, 1_000_000), route(1_000_000, 20_000_000));
        let worst = request("four").worst();
        assert_eq!(worst.on(&input).money, Money(20 * 90 + 100));
        assert_eq!(worst.on(&output).money, Money(20 + 100 * 20));
        let both = [input, output];
        assert_eq!(worst.along(&both).money, Money(20 + 100 * 20));
        let spent = spent(&both[0], ModelUsage { input_tokens: 7, output_tokens: 3 }, 0);
        assert_eq!((spent.money, spent.tokens), (Money(7 * 90 + 3), Tokens(10)));
    }
}
