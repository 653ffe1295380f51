//! Hands one released bundle to the receiver of a campaign, picture included. It writes
//! no word, draws no pixel and knows no secret.

use bailiwick::{Artifact, Failure, Host};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::{Copy, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What receivers are told that happened.
const EVENT: &str = "bundle.released";

/// One bundle, and who gets it.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Delivery {
    /// The run that released it.
    pub run: String,
    /// The receiver's URL.
    pub to: String,
    /// What is handed over.
    pub bundle: Bundle,
}

/// One asset, ready to be published. Further fields are ignored.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Bundle {
    /// The name of the asset without an ending.
    pub name: String,
    /// The picture.
    pub image: Artifact,
    /// The text beside it, as a file.
    pub caption: Artifact,
    /// The copy, as it was released.
    pub copy: Copy,
    /// As the channel writes them.
    pub tags: Vec<String>,
    /// For readers who cannot see the picture.
    pub alt: String,
    /// The look of the picture.
    pub style: String,
    /// Its size.
    pub aspect: Size,
}

/// What the receiver said.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Receipt {
    /// The name of the asset.
    pub name: String,
    /// 200 to 299.
    pub status: u16,
}

/// What is posted. Nothing in it is of the moment: the same bundle makes the same bytes,
/// and with them the same idempotency key.
#[derive(Serialize)]
struct Event<'b> {
    r#type: &'static str,
    data: Data<'b>,
}

#[derive(Serialize)]
struct Data<'b> {
    run: &'b str,
    name: &'b str,
    copy: &'b Copy,
    tags: &'b [String],
    alt: &'b str,
    style: &'b str,
    aspect: &'b Size,
    caption: String,
    image: Image<'b>,
}

#[derive(Serialize)]
struct Image<'b> {
    reference: &'b Artifact,
    base64: String,
}

/// Posts a bundle to its receiver.
///
/// # Errors
/// `retryable` where the receiver is away or overloaded, `fatal` where it does not want the
/// bundle, `refused` where it was not granted.
#[bailiwick::agent]
pub fn publish(delivery: Delivery, host: &Host) -> Result<Receipt, Failure> {
    let Delivery { run, to, bundle } = &delivery;
    let caption = String::from_utf8(host.artifacts().get(&bundle.caption)?)
        .map_err(|error| Failure::invalid_input(format!("bundle.caption: {error}")))?;
    let picture = host.artifacts().get(&bundle.image)?;
    let image = Image { reference: &bundle.image, base64: STANDARD.encode(picture) };
    let Bundle { name, copy, tags, alt, style, aspect, .. } = bundle;
    let data = Data { run, name, copy, tags, alt, style, aspect, caption, image };
    let answer = host.http().post(to).json(&Event { r#type: EVENT, data }).send()?;
    match answer.status {
        status @ 200..=299 => Ok(Receipt { name: name.clone(), status }),
        // It may be there the next time, and knows by the key whether it has worked on it.
        status @ (408 | 429 | 500..=599) => {
            Err(Failure::retryable(format!("the receiver answered {status} to {name}")))
        }
        status => Err(Failure::fatal(format!("the receiver does not want {name}: {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::{Capability, Fake};
    use bailiwick::http::Response;
    use serde_json::{Value, json};

    const RECEIVER: &str = "https://hooks.example.com/campaign";

    /// The case with references that the fake keeps.
    fn input(fake: &Fake) -> Value {
        let image = fake.artifact(b"pixels".to_vec(), "image/png", "bold.png");
        let caption = fake.artifact("Der Abend\n".as_bytes(), "text/plain", "bold.txt");
        let mut input: Value =
            serde_json::from_str(include_str!("../cases/german_post/input.json")).unwrap();
        input["bundle"]["image"] = serde_json::to_value(image).unwrap();
        input["bundle"]["caption"] = serde_json::to_value(caption).unwrap();
        input
    }

    fn answering(status: u16) -> Fake {
        Fake::new().web(RECEIVER, Response::new(status, "text/plain", ""))
    }

    #[test]
    fn the_whole_bundle_is_one_request() {
        let fake = answering(202);
        let output = fake.perform(publish, &input(&fake)).unwrap();
        let name = "duskfinch-wren_de-de_instagram_bold_1080x1920";
        assert_eq!(output, json!({ "name": name, "status": 202 }));
        let [sent] = &fake.fetched()[..] else { panic!() };
        assert_eq!((sent.method.as_str(), sent.url.as_str()), ("POST", RECEIVER));
        assert_eq!(sent.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        let mut told: Value = serde_json::from_slice(&sent.body).unwrap();
        // References are the fake's own; the rest is what the case sends.
        let reference = told["data"]["image"]["reference"].take();
        assert_eq!(reference, input(&fake)["bundle"]["image"]);
        let expected: Value =
            serde_json::from_str(include_str!("../cases/german_post/sent.json")).unwrap();
        assert_eq!(told, expected);
        // The same again makes the same bytes.
        let again = answering(202);
        again.perform(publish, &input(&again)).unwrap();
        assert_eq!(again.fetched()[0].body, sent.body);
    }

    #[test]
    fn a_status_says_whether_another_try_may_help() {
        for (status, retryable) in [
            (408, true),
            (429, true),
            (500, true),
            (503, true),
            (301, false),
            (400, false),
            (401, false),
            (410, false),
        ] {
            let fake = answering(status);
            let failure = fake.perform(publish, &input(&fake)).unwrap_err();
            assert_eq!(matches!(failure, Failure::Retryable(_)), retryable, "{status}");
            assert_eq!(matches!(failure, Failure::Fatal(_)), !retryable, "{status}");
            assert!(failure.to_string().contains(&status.to_string()), "{failure}");
        }
        let fake = answering(200).unavailable(Capability::Http, 0);
        let failure = fake.perform(publish, &input(&fake)).unwrap_err();
        assert!(matches!(failure, Failure::Retryable(_)), "{failure}");
    }

    #[test]
    fn what_was_not_granted_is_refused() {
        let fake = Fake::new();
        let failure = fake.perform(publish, &input(&fake)).unwrap_err();
        assert_eq!(failure, Failure::Refused { capability: "http".into() });
        let fake = answering(200).deny(Capability::Artifacts);
        let failure = fake.perform(publish, &input(&fake)).unwrap_err();
        assert_eq!(failure, Failure::Refused { capability: "artifacts".into() });
        assert!(fake.fetched().is_empty());
    }

    #[test]
    fn a_caption_that_is_no_text_is_not_sent() {
        let fake = answering(200);
        let mut input = input(&fake);
        let broken = fake.artifact(vec![0xff], "text/plain", "bold.txt");
        input["bundle"]["caption"] = serde_json::to_value(broken).unwrap();
        let failure = fake.perform(publish, &input).unwrap_err();
        assert!(matches!(failure, Failure::InvalidInput(_)), "{failure}");
        assert!(fake.fetched().is_empty());
    }
}
