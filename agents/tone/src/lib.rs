//! Asks a model whether copy sounds like the brand. It judges neither facts nor
//! pictures, and an answer that is no verdict fails the judge, which is a veto.

use bailiwick::{Failure, Host};
use campaign::{Copy, Localized, Outcome, Reason, Verdict, fit, tidy};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Rules of voice that a small model still heeds.
const VOICE_RULES: usize = 8;
/// Tokens for a verdict with a few reasons.
const TOKENS: u32 = 400;
/// Reasons that a writer still acts on; a model that goes on and on repeats itself.
const REASONS: usize = 5;
/// A reason is a sentence or two, in characters.
const REASON_CHARS: usize = 300;

/// A text and whom it is for.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Candidate {
    /// The text.
    pub subject: Copy,
    /// How the brand writes, rule by rule.
    #[serde(default)]
    pub voice: Vec<String>,
    /// Whom the campaign speaks to.
    #[serde(default)]
    pub audience: Localized,
}

/// Asks a model whether copy sounds like the brand.
///
/// # Errors
/// `refused` without the model `critic`, `fatal` where its answer is no verdict.
#[bailiwick::agent]
pub fn tone(candidate: Candidate, host: &Host) -> Result<Verdict, Failure> {
    let answered = host
        .model("critic")
        .system(
            "You are a copy editor. Judge only whether the copy sounds like the voice rules \
             say. Do not judge facts or spelling. Answer pass if it does. Answer revise if it \
             does not, with one reason for each rule that is broken. Answer veto only if the \
             copy insults somebody.",
        )
        .user(material(&candidate).to_string())
        .temperature(0.0)
        .seed(1)
        .max_tokens(TOKENS)
        .answer::<Verdict>()?;
    host.log().info(format!("{} judged it", answered.model));
    Ok(usable(answered.value))
}

fn material(candidate: &Candidate) -> Value {
    let Candidate { subject, voice, audience } = candidate;
    json!({
        "copy": { "headline": subject.headline, "body": subject.body, "cta": subject.cta },
        "voice": voice.iter().take(VOICE_RULES).collect::<Vec<_>>(),
        "audience": audience.for_locale(&subject.locale),
        "locale": subject.locale,
        "channel": subject.channel,
    })
}

/// A verdict that a writer can act on: few, short reasons, and at least one where the
/// text goes back. Reasons of a pass are kept, people like to read them.
fn usable(mut verdict: Verdict) -> Verdict {
    verdict.reasons.truncate(REASONS);
    for reason in &mut verdict.reasons {
        for part in [&mut reason.rule, &mut reason.message, &mut reason.fix] {
            *part = fit(&tidy(part), REASON_CHARS);
        }
    }
    verdict.reasons.retain(|reason| !reason.message.is_empty());
    if verdict.reasons.is_empty() && verdict.verdict != Outcome::Pass {
        verdict.reasons.push(Reason {
            rule: "tone".to_owned(),
            message: "The critic does not hear the brand's voice and gave no reason.".to_owned(),
            fix: "Write it again, closer to the voice rules.".to_owned(),
        });
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::{Capability, Fake};

    fn input() -> Value {
        serde_json::from_str(include_str!("../cases/too_loud/input.json")).unwrap()
    }

    #[test]
    fn answers_its_case() {
        let expected: Value =
            serde_json::from_str(include_str!("../cases/too_loud/expected.json")).unwrap();
        let reason = json!({ "rule": "calm", "message": " Too\nloud. ", "fix": "Say it once." });
        let answer = json!({ "verdict": "revise", "score": 0.4, "reasons": [reason] });
        let fake = Fake::new().answer("critic", answer);
        assert_eq!(fake.perform(tone, &input()), Ok(expected));
        let request = &fake.requests()[0];
        assert!(request.text().contains("Plain verbs."));
        assert!(request.text().contains("\"audience\":\"Menschen\""), "{}", request.text());
    }

    #[test]
    fn an_answer_that_is_no_verdict_is_a_failure() {
        for answer in [
            json!({ "verdict": "maybe", "score": 0.5, "reasons": [] }),
            json!({ "verdict": "pass" }),
        ] {
            let fake = Fake::new().answer("critic", answer);
            assert!(matches!(fake.perform(tone, &input()), Err(Failure::Fatal(_))));
        }
    }

    #[test]
    fn a_text_never_goes_back_without_a_reason() {
        let empty = json!({ "rule": "", "message": " ", "fix": "" });
        let answer = json!({ "verdict": "revise", "score": 0.5, "reasons": [empty] });
        let output = Fake::new().answer("critic", answer).perform(tone, &input()).unwrap();
        assert_eq!(output["reasons"].as_array().unwrap().len(), 1);
        assert_eq!(output["reasons"][0]["rule"], "tone");
    }

    #[test]
    fn without_its_model_it_is_refused() {
        let failure = Fake::new().deny(Capability::Model).perform(tone, &input()).unwrap_err();
        assert_eq!(failure, Failure::Refused { capability: "model".into() });
    }
}
