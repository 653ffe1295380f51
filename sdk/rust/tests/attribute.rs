//! What the attribute takes: an agent stays an ordinary function outside of the sandbox.

use bailiwick::fake::Fake;
use bailiwick::{Artifact, Failure, Host};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
struct Brief {
    product: String,
    logo: Option<Artifact>,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Draft {
    text: String,
    proof: Artifact,
}

/// Drafts.
#[bailiwick::agent]
fn with_host(brief: Brief, host: &Host) -> Result<Draft, Failure> {
    if let Some(logo) = &brief.logo {
        host.artifacts().get(logo)?;
    }
    let text = format!("{} for {}", brief.product, host.task().cell);
    let proof = host.artifacts().put(&text, "text/plain", "proof.txt")?;
    Ok(Draft { text, proof })
}

#[bailiwick::agent]
fn without_host(number: u8) -> Result<u16, Failure> {
    Ok(u16::from(number) * 2)
}

type Answer<T> = std::result::Result<T, Failure>;

mod aliased {
    pub(crate) type Result<T> = super::Answer<T>;
}

#[bailiwick::agent]
fn with_alias((a, b): (u8, u8), _: &bailiwick::Host) -> aliased::Result<Vec<u8>> {
    Ok(vec![b, a])
}

#[test]
fn a_function_is_called_with_values() {
    let fake = Fake::new().task("draft", "locale=de", 1);
    let brief = Brief {
        product: "tea".into(),
        logo: Some(fake.artifact("<svg/>", "image/svg+xml", "logo.svg")),
    };
    let draft = with_host(brief, &fake.host()).unwrap();
    assert_eq!(draft.text, "tea for locale=de");
    assert_eq!(fake.kept(), std::slice::from_ref(&draft.proof));
    assert_eq!(fake.bytes(&draft.proof).unwrap(), b"tea for locale=de");
}

#[test]
fn a_function_is_performed_with_documents() {
    assert_eq!(Fake::new().perform(without_host, &json!(4)), Ok(json!(8)));
    let output = Fake::new().perform(with_alias, &json!([1, 2]));
    assert_eq!(output, Ok(json!([2, 1])));
    let failure = Fake::new().perform(with_host, &json!({ "product": [] }));
    let Err(Failure::InvalidInput(text)) = failure else { panic!("{failure:?}") };
    assert!(text.starts_with("product: invalid type"), "{text}");
}

#[test]
fn a_made_up_reference_is_refused() {
    let foreign = json!({ "$artifact": format!("blake3:{}", "0".repeat(64)) });
    let logo: Artifact = serde_json::from_value(foreign.clone()).unwrap();
    let denied = Failure::Refused { capability: "artifacts".into() };
    let brief = Brief { product: "tea".into(), logo: Some(logo) };
    assert_eq!(with_host(brief, &Fake::new().host()), Err(denied));

    let input = json!({ "product": "tea", "logo": foreign });
    let failure = Fake::new().perform(with_host, &input).unwrap_err();
    assert!(failure.to_string().contains("foreign-artifact"));
}
