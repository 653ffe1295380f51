//! Carries a headline from one place to another. Knows no credential and no host by heart.

use bailiwick::{Failure, Host};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where to look, and whom to tell.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Errand {
    /// Where the headline is: a URL that answers `{ "headline": … }`.
    pub from: String,
    /// Who is told: a URL that takes the same.
    pub to: String,
}

/// What was told.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Told {
    /// The headline.
    pub headline: String,
    /// What the receiver answered.
    pub status: u16,
}

#[derive(Debug, Deserialize, Serialize)]
struct News {
    headline: String,
}

/// Reads a headline and tells it.
///
/// # Errors
/// `retryable` where one of the two is not there or overloaded, `fatal` where it answers
/// that the request is wrong, `refused` where it was not granted.
#[bailiwick::agent]
pub fn courier(errand: Errand, host: &Host) -> Result<Told, Failure> {
    let answer = host.http().get(&errand.from).header("accept", "application/json").send()?;
    sound(answer.status)?;
    let news: News = answer.json()?;
    let answer = host.http().post(&errand.to).json(&news).send()?;
    sound(answer.status)?;
    host.log().info(format!("told {:?}", news.headline));
    Ok(Told { headline: news.headline, status: answer.status })
}

/// What a status says of another try.
fn sound(status: u16) -> Result<(), Failure> {
    match status {
        200..=299 => Ok(()),
        408 | 429 | 500..=599 => Err(Failure::retryable(format!("answered {status}"))),
        _ => Err(Failure::fatal(format!("answered {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::Fake;
    use bailiwick::http::Response;
    use serde_json::json;

    fn errand() -> Errand {
        Errand { from: "http://a/news".into(), to: "http://b/told".into() }
    }

    fn news() -> Fake {
        let answer = Response::new(200, "application/json", r#"{"headline":"Rain"}"#);
        Fake::new().web("http://a/", answer)
    }

    #[test]
    fn carries_the_headline() {
        let fake = news().web("http://b/", Response::new(202, "text/plain", ""));
        let told = courier(errand(), &fake.host()).unwrap();
        assert_eq!((told.headline.as_str(), told.status), ("Rain", 202));
        let [_, post] = &fake.fetched()[..] else { panic!() };
        assert_eq!((post.method.as_str(), post.url.as_str()), ("POST", "http://b/told"));
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&post.body).unwrap(),
            json!({"headline": "Rain"})
        );
    }

    #[test]
    fn says_whether_another_try_may_help() {
        for (status, retryable) in [(503, true), (429, true), (404, false), (301, false)] {
            let fake = news().web("http://b/", Response::new(status, "text/plain", ""));
            let failure = courier(errand(), &fake.host()).unwrap_err();
            assert_eq!(matches!(failure, Failure::Retryable(_)), retryable, "{status}");
        }
    }

    #[test]
    fn what_was_not_granted_is_refused() {
        let failure = courier(errand(), &news().host()).unwrap_err();
        assert_eq!(failure, Failure::Refused { capability: "http".into() });
    }
}
