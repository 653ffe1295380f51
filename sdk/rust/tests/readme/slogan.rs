//! Writes slogans; knows nothing of who judges them.

use bailiwick::{Failure, Host};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the slogan is for.
#[derive(Deserialize, JsonSchema)]
pub struct Brief {
    /// The product's name.
    pub product: String,
}

/// The slogan, ready to be judged.
#[derive(Deserialize, Serialize, JsonSchema)]
pub struct Slogan {
    /// At most eight words.
    pub text: String,
}

/// Writes a slogan in the brand's tone.
#[bailiwick::agent]
pub fn slogan(brief: Brief, host: &Host) -> Result<Slogan, Failure> {
    if brief.product.is_empty() {
        return Err(Failure::invalid_input("product: is empty"));
    }
    let mut writer = host.model("writer").system("You write slogans.");
    for passage in host.knowledge("brand").search("tone of voice", 3)? {
        writer = writer.system(passage.text);
    }
    let answered = writer.user(brief.product).max_tokens(200).answer::<Slogan>()?;
    host.log().info(format!("{} wrote it", answered.model));
    Ok(answered.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::{Capability, Fake};
    use serde_json::json;

    #[test]
    fn writes_in_the_tone_of_the_brand() {
        let fake = Fake::new()
            .knowledge("brand", ["Our tone is calm."])
            .answer("writer", json!({ "text": "Tea, now." }));
        let slogan = fake.perform(slogan, &json!({ "product": "kettle" }));
        assert_eq!(slogan, Ok(json!({ "text": "Tea, now." })));
        assert!(fake.requests()[0].text().contains("calm"));
    }

    #[test]
    fn cannot_do_without_the_model() {
        let fake = Fake::new().knowledge("brand", ["x"]).deny(Capability::Model);
        let brief = Brief { product: "kettle".into() };
        let refused = Failure::Refused { capability: "model".into() };
        assert_eq!(slogan(brief, &fake.host()).err(), Some(refused));
    }
}
