//! Gives released copy what finds it: tags, title, description, address, alternative
//! text. It changes no word of the copy and adds no claim to it.

mod tag;

use bailiwick::{Failure, Host};
use campaign::{Brief, Copy, fit, length, number_claims, slug, tidy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use tag::TagForm;

/// What search results show of a description.
const DESCRIPTION_CHARS: usize = 155;
/// A shorter one is no description; search engines then write their own.
const DESCRIPTION_LEAST_CHARS: usize = 40;
/// What search results show of a title.
const TITLE_CHARS: usize = 60;
/// What screen readers read without a break.
const ALT_CHARS: usize = 125;
/// Addresses that people can still read.
const SLUG_CHARS: usize = 60;
/// Tokens for a dozen tags and two sentences.
const TOKENS: u32 = 400;

/// Released copy and what it is about.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Assignment {
    /// The campaign's brief.
    pub brief: Brief,
    /// The copy, as it was released.
    pub copy: Copy,
    /// BCP 47 tag of the language.
    pub locale: String,
    /// Where it will be read.
    pub channel: String,
}

/// What the model proposes.
#[derive(Debug, Deserialize, JsonSchema)]
struct Proposal {
    /// Three to six search words or phrases for the product, without the hash sign.
    #[schemars(length(min = 1, max = 10), inner(length(min = 2, max = 30)))]
    tags: Vec<String>,
    /// One or two sentences for a search result that sum up the copy.
    #[schemars(length(min = 1, max = DESCRIPTION_CHARS))]
    description: String,
    /// One sentence that tells a blind reader what the advertisement shows.
    #[schemars(length(min = 1, max = ALT_CHARS))]
    alt: String,
}

/// What finds the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Findings {
    /// For search results and browser tabs.
    pub title: String,
    /// For search results.
    pub description: String,
    /// The last part of the address: lower-case letters, digits and hyphens.
    pub slug: String,
    /// As the channel writes them: `#BikeLight` or `bike light`.
    pub tags: Vec<String>,
    /// For readers who cannot see the picture.
    pub alt: String,
}

/// Gives released copy its tags, title, description, address and alternative text.
///
/// # Errors
/// `refused` without the model `writer`, `fatal` where its answer is out of schema.
#[bailiwick::agent]
pub fn seo(assignment: Assignment, host: &Host) -> Result<Findings, Failure> {
    let Assignment { brief, copy, locale, channel } = &assignment;
    let material = json!({
        "brief": {
            "brand": brief.brand,
            "product": brief.product,
            "category": brief.category.for_locale(locale),
            "audience": brief.audience.for_locale(locale),
            "keywords": keywords(brief, locale),
        },
        "copy": { "headline": copy.headline, "body": copy.body, "cta": copy.cta },
        "locale": locale,
        "channel": channel,
    });
    let answered = host
        .model("writer")
        .system(format!(
            "You prepare an advertisement for search engines. Write in the language of {locale}. \
             Use only what the copy says and add no number."
        ))
        .user(material.to_string())
        .temperature(0.2)
        .seed(1)
        .max_tokens(TOKENS)
        .answer::<Proposal>()?;
    Ok(finished(&answered.value, &assignment))
}

/// The brief's own words to be found by.
fn keywords<'a>(brief: &'a Brief, locale: &str) -> Vec<&'a str> {
    let words = brief.keywords.for_locale(locale).split(',').map(str::trim);
    words.filter(|word| !word.is_empty()).collect()
}

fn finished(proposal: &Proposal, assignment: &Assignment) -> Findings {
    let Assignment { brief, copy, locale, channel } = assignment;
    let category = brief.category.for_locale(locale);
    // The sure ones first: they hold whatever the model proposes.
    let sure = [brief.product.as_str(), brief.brand.as_str(), category];
    let wished = keywords(brief, locale);
    let proposed = proposal.tags.iter().map(String::as_str);
    let candidates = sure.into_iter().chain(wished).chain(proposed);
    let description = fit(&tidy(&proposal.description), DESCRIPTION_CHARS);
    let description =
        if length(&description) >= DESCRIPTION_LEAST_CHARS && says_no_more(&description, copy) {
            description
        } else {
            fit(&copy.body, DESCRIPTION_CHARS)
        };
    let alt = fit(&tidy(&proposal.alt), ALT_CHARS);
    let alt = if !alt.is_empty() && says_no_more(&alt, copy) {
        alt
    } else {
        fit(&format!("{}: {}", brief.product, copy.headline), ALT_CHARS)
    };
    Findings {
        title: title(&copy.headline, &brief.product),
        description,
        slug: slug(&format!("{} {}", brief.product, copy.headline), SLUG_CHARS),
        tags: tag::tags(TagForm::of(channel), candidates),
        alt,
    }
}

/// Whether a text has only numbers that the released copy has: nobody judges it again.
fn says_no_more(text: &str, copy: &Copy) -> bool {
    let released = number_claims(&copy.all_text());
    number_claims(text).iter().all(|claim| released.iter().any(|proof| claim.is_proved_by(proof)))
}

fn title(headline: &str, product: &str) -> String {
    let full = format!("{headline} | {product}");
    if length(&full) <= TITLE_CHARS { full } else { fit(headline, TITLE_CHARS) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::Fake;
    use serde_json::Value;

    fn input() -> Value {
        serde_json::from_str(include_str!("../cases/german_post/input.json")).unwrap()
    }

    fn answer(description: &str) -> Value {
        json!({
            "tags": ["fahrrad licht", "#Fahrradlicht", "pendeln", "reparieren"],
            "description": description,
            "alt": "Werbung für das Fahrradlicht Wren.",
        })
    }

    #[test]
    fn answers_its_case() {
        let expected: Value =
            serde_json::from_str(include_str!("../cases/german_post/expected.json")).unwrap();
        let fake = Fake::new().answer(
            "writer",
            answer("Das Fahrradlicht Wren leuchtet 38 Stunden mit einer Ladung."),
        );
        assert_eq!(fake.perform(seo, &input()), Ok(expected));
    }

    #[test]
    fn a_description_that_claims_more_than_the_copy_is_replaced() {
        let body = input()["copy"]["body"].clone();
        for wrong in ["Das Fahrradlicht Wren leuchtet sogar 500 Stunden am Stück.", "Kurz."] {
            let output =
                Fake::new().answer("writer", answer(wrong)).perform(seo, &input()).unwrap();
            assert_eq!(output["description"], body, "{wrong}");
        }
    }

    #[test]
    fn a_long_title_loses_the_product_first() {
        let headline = "A headline that fills the room which search results give";
        assert_eq!(title(headline, "Duskfinch Wren"), headline);
        assert_eq!(title("Short", "Wren"), "Short | Wren");
    }

    #[test]
    fn the_web_has_keywords_and_posts_have_hashtags() {
        let mut input = input();
        input["channel"] = json!("web");
        let output = Fake::new().answer("writer", answer("x")).perform(seo, &input).unwrap();
        assert_eq!(output["tags"][0], "duskfinch wren");
    }
}
