//! The gate's port to the web, answered: one request, its credential put in after it left the guest, and an answer in which no secret is. Follows nothing and decides nothing about who may ask what.

use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_gate::http::{
    Exchange, Exchanged, FetchResponse, HEADERS_MAX, HttpError, HttpProvider,
};
use bailiwick_policy::{Network, Origin};
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, Response};

use crate::dial::{Credential, DialError, Outgoing, broken};
use crate::finder::Search;
use crate::keys::{NoCredential, Placed};
use crate::providers::Providers;
use crate::target::Target;

/// What belongs to the connection and is not handed over.
const OF_THE_CONNECTION: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// What an answer to a credential can hand one on with: sessions, challenges, places.
const OF_THE_CREDENTIAL: [&str; 6] =
    ["authentication-info", "location", "refresh", "set-cookie", "set-cookie2", "www-authenticate"];
/// The most of a system's words that is shown.
const WORDS_MAX_BYTES: usize = 400;

impl HttpProvider for Providers {
    fn exchange<'a>(
        &'a self,
        _durable: &'a Durable,
        exchange: Exchange<'a>,
    ) -> BoxFuture<'a, Result<Exchanged, HttpError>> {
        Box::pin(self.send(exchange))
    }
}

impl Providers {
    async fn send(&self, exchange: Exchange<'_>) -> Result<Exchanged, HttpError> {
        self.keys.know().await;
        let mut url = exchange.url.clone();
        let mut headers = headers(&exchange)?;
        let credential = self.put_in(&exchange, &mut url, &mut headers).await?;
        let target = Target::of(url, exchange.network.clone())
            .map_err(|error| HttpError::Refused { detail: error.to_string(), hint: None })?;
        let outgoing = Outgoing {
            owner: exchange.lane,
            method: Method::from_bytes(exchange.method.as_str().as_bytes())
                .map_err(|_| refused("the method cannot be sent".into(), None))?,
            target: &target,
            credential: credential.as_ref(),
            headers,
            body: exchange.body.to_vec(),
            timeout: exchange.timeout,
        };
        let sent = self.dialler.dial(outgoing).await;
        let response = sent.map_err(|error| self.failed(error, exchange.network))?;
        self.received(response, &exchange).await
    }

    /// Reads the secret and puts it where it goes, or signs with it; what goes into a header
    /// is put in by `dial`.
    async fn put_in(
        &self,
        exchange: &Exchange<'_>,
        url: &mut url::Url,
        headers: &mut HeaderMap,
    ) -> Result<Option<Credential>, HttpError> {
        let Some(name) = exchange.credential else { return Ok(None) };
        let origin = Origin(url.origin().ascii_serialization());
        let placed = self.keys.placed(name, &origin, exchange.network).await;
        match placed.map_err(|why| without(name.as_str(), why))? {
            Placed::Header(credential) => {
                not_the_guests(headers, &credential.header)?;
                Ok(Some(credential))
            }
            Placed::Query(parameter, secret) => {
                if url.query_pairs().any(|(own, _)| own == parameter.as_str()) {
                    let detail =
                        format!("the parameter {parameter} is the credential's: leave it out");
                    return Err(refused(detail, None));
                }
                url.query_pairs_mut().append_pair(&parameter, secret.text());
                Ok(None)
            }
            Placed::Signs(signer) => {
                let id = exchange.idempotency_key.to_string();
                let signed = signer.sign(&id, exchange.at, exchange.body);
                let signed = signed.map_err(|error| refused(error.to_string(), None))?;
                for (name, value) in signed {
                    not_the_guests(headers, &name)?;
                    headers.insert(name, value);
                }
                Ok(None)
            }
        }
    }

    async fn received(
        &self,
        mut response: Response,
        exchange: &Exchange<'_>,
    ) -> Result<Exchanged, HttpError> {
        let finder = self.keys.finder();
        let told = |name: &HeaderName, value: &HeaderValue| {
            finder.finds(value.as_bytes()) || finder.finds(name.as_str().as_bytes())
        };
        if response.headers().iter().any(|(name, value)| told(name, value)) {
            return Err(leak());
        }
        let encoding = response.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
        if exchange.stripped && encoding.is_some_and(|name| name != b"identity") {
            let detail = "the answer is compressed, and a credential in it could not be found";
            return Err(HttpError::Withheld(detail.into()));
        }
        let most = exchange.response_max;
        if response.content_length().is_some_and(|length| length > most.0)
            && exchange.method != bailiwick_policy::http::Method::Head
        {
            return Err(HttpError::TooLarge(most));
        }
        let location = response.headers().get(LOCATION);
        let location = location.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let headers = handed_over(response.headers(), exchange.stripped);
        let (mut body, mut search) = (Vec::new(), Search::new(finder));
        loop {
            let piece = response.chunk().await;
            let piece = piece
                .map_err(|error| self.failed(broken(error, exchange.timeout), exchange.network))?;
            let Some(piece) = piece else { break };
            if body.len() as u64 + piece.len() as u64 > most.0 {
                return Err(HttpError::TooLarge(most));
            }
            if search.finds_in(&piece) {
                return Err(leak());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Exchanged { response: FetchResponse { status, headers, body }, location })
    }

    fn failed(&self, error: DialError, network: &Network) -> HttpError {
        let words = visible(clip(&error.to_string(), WORDS_MAX_BYTES), Lines::Escape);
        let detail = self.keys.scrub(&words);
        match error {
            DialError::NotAdmitted(_) => {
                let hint = (*network == Network::Public).then(|| {
                    "if it is meant to be there: network = \"private\", \"loopback\" or blocks of addresses in the rule of grants.http, and in that of the ceiling".to_owned()
                });
                HttpError::Refused { detail, hint }
            }
            DialError::NoConnection(_) => HttpError::Unavailable { detail, left: false },
            DialError::TimedOut(_) | DialError::BrokenOff(_) => {
                HttpError::Unavailable { detail, left: true }
            }
        }
    }
}

fn headers(exchange: &Exchange<'_>) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::with_capacity(exchange.headers.len() + 2);
    for (name, value) in exchange.headers {
        let wrong = || refused(format!("the header {name} cannot be sent"), None);
        let key = HeaderName::try_from(name.as_str()).map_err(|_| wrong())?;
        headers.insert(key, HeaderValue::try_from(value.as_str()).map_err(|_| wrong())?);
    }
    if exchange.method.changes()
        && let Ok(key) = HeaderValue::try_from(exchange.idempotency_key.to_string())
    {
        headers.insert(HeaderName::from_static("idempotency-key"), key);
    }
    Ok(headers)
}

/// A header that a credential fills is sent once, and by the host.
fn not_the_guests(headers: &HeaderMap, name: &HeaderName) -> Result<(), HttpError> {
    match headers.contains_key(name) {
        true => Err(refused(format!("the header {name} is the credential's: leave it out"), None)),
        false => Ok(()),
    }
}

/// What of the answer's headers the guest may have.
fn handed_over(headers: &HeaderMap, stripped: bool) -> Vec<(String, String)> {
    let kept = headers.iter().filter(|(name, _)| {
        let name = name.as_str();
        let taken_out = stripped && OF_THE_CREDENTIAL.contains(&name);
        !taken_out && !OF_THE_CONNECTION.contains(&name)
    });
    let text = kept.filter_map(|(name, value)| {
        let value = std::str::from_utf8(value.as_bytes()).ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    text.take(HEADERS_MAX).collect()
}

fn refused(detail: String, hint: Option<String>) -> HttpError {
    HttpError::Refused { detail, hint }
}

fn without(name: &str, why: NoCredential) -> HttpError {
    let detail = format!("the credential `{name}` does not go along: {why}");
    match why {
        NoCredential::Unreadable { .. } => HttpError::Unavailable { detail, left: false },
        NoCredential::Absent(_) | NoCredential::Bound { .. } | NoCredential::Unusable { .. } => {
            let hint = format!("it is the admin's, under [credentials.{name}] in policy.toml");
            HttpError::Refused { detail, hint: Some(hint) }
        }
    }
}

/// The answer held a credential: whoever asked must not see it, not even in part.
fn leak() -> HttpError {
    let detail = "the server's answer contained a credential of this host; it was thrown away";
    HttpError::Withheld(detail.into())
}
