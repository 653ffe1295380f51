//! One exchange with a registry after another: who is told who asks, where redirects lead, how much is read. Knows the protocol's manners and none of its documents.

use std::time::Duration;

use bailiwick_core::Bytes;
use bailiwick_policy::Origin;
use bailiwick_policy::registry::{Reference, RegistryRule};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
};
use reqwest::{Method, Response};
use url::Url;

use super::challenge::{Challenge, challenge};
use super::error::{RegistryError, What, is_page, sentence, shown};
use super::token::Token;
use super::{Bounds, Registry};
use crate::dial::{Credential, DialError, Outgoing, broken};
use crate::finder::Search;
use crate::keys::{NoCredential, Placed};
use crate::patience::retry_after;
use crate::providers::Providers;
use crate::target::Target;

/// How often a blob may be redirected: registries do it once, to where they store.
const REDIRECTS_MAX: usize = 3;
/// The most of an error's body that is read: the sentence stands at its beginning.
const ERROR_BODY_MAX: Bytes = Bytes::kib(64);

/// What is done there: what a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Pull,
    Push,
}

impl Access {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }
}

/// One visit to a registry: what it gave is kept until it ends.
pub(super) struct Session<'a> {
    pub(super) providers: &'a Providers,
    pub(super) rule: &'a RegistryRule,
    pub(super) reference: &'a Reference,
    pub(super) bounds: Bounds,
    access: Access,
    /// What it lets us in with.
    known: Option<Credential>,
    /// The token in it, to be kept out of messages.
    pub(super) given: Option<Token>,
}

/// What is asked of the registry itself.
pub(super) struct Ask<'b> {
    pub(super) what: What,
    /// How much is expected to come.
    pub(super) size: Bytes,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: &'b [u8],
}

impl Ask<'static> {
    pub(super) fn get(what: What) -> Self {
        let (method, headers) = (Method::GET, HeaderMap::new());
        Self { what, size: Bytes(0), method, headers, body: &[] }
    }
}

/// What came back, its body not read yet.
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) what: What,
    /// What it had from the beginning to its last byte.
    timeout: Duration,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(registry: &Registry<'a>, access: Access) -> Self {
        let Registry { providers, rule, reference, bounds } = *registry;
        Self { providers, rule, reference, bounds, access, known: None, given: None }
    }

    /// `/v2/NAME/` and segments below it, at the registry.
    pub(super) fn place(&self, segments: &[&str]) -> Result<Target, RegistryError> {
        let wrong = |_| RegistryError::NoRegistry("its name makes no URL".to_owned());
        let url = Url::parse(&format!("{}/v2", self.rule.origin())).map_err(wrong)?;
        let name: Vec<_> = self.reference.repository().split('/').collect();
        Ok(self.target(url)?.under(&name).under(segments))
    }

    /// A URL in the network of the rule.
    pub(super) fn target(&self, url: Url) -> Result<Target, RegistryError> {
        let wrong = |_| RegistryError::NoRegistry("it names no host".to_owned());
        Target::of(url, self.rule.network.clone()).map_err(wrong)
    }

    /// Asks, and asks once more with what the registry says it wants.
    pub(super) async fn ask(
        &mut self,
        target: &Target,
        ask: &Ask<'_>,
    ) -> Result<Answer, RegistryError> {
        let known = self.known.clone();
        let answer = self.send(target, known.as_ref(), ask).await?;
        if answer.status() != 401 {
            return Ok(answer);
        }
        let asked = challenge(answer.response.headers());
        let sentence = self.sentence_of(answer).await?;
        let own = self.rule.origin();
        let credential = match asked {
            None => return Err(unauthorized(known.as_ref(), sentence)),
            Some(Challenge::Basic) => self.credential_for(&own).await?,
            Some(Challenge::Bearer { realm, service }) => {
                match self.credential_for(&own).await? {
                    // A token that somebody made beforehand goes to the registry itself.
                    Some(ready) if ready.value.as_bytes().starts_with(b"Bearer ") => Some(ready),
                    _ => Some(self.token(&realm, service.as_deref(), self.access).await?),
                }
            }
        };
        let Some(credential) = credential else { return Err(unauthorized(None, sentence)) };
        self.known = Some(credential.clone());
        let answer = self.send(target, Some(&credential), ask).await?;
        if answer.status() == 401 {
            let sentence = self.sentence_of(answer).await?;
            return Err(unauthorized(Some(&credential), sentence));
        }
        Ok(answer)
    }

    /// Follows redirects of a blob to where the rule says, without credential unless it is
    /// the very same origin.
    pub(super) async fn follow(
        &self,
        mut target: Target,
        mut answer: Answer,
        ask: &Ask<'_>,
    ) -> Result<Answer, RegistryError> {
        for _ in 0..REDIRECTS_MAX {
            if !answer.response.status().is_redirection() {
                return Ok(answer);
            }
            let url = located(&target, &answer)?;
            let origin = Origin(url.origin().ascii_serialization());
            if !self.rule.takes_blobs_from(&origin) {
                return Err(RegistryError::BlobsElsewhere(origin));
            }
            target = self.target(url)?;
            let known = self.known.as_ref().filter(|_| origin == self.rule.origin());
            answer = self.send(&target, known, ask).await?;
        }
        match answer.response.status().is_redirection() {
            true => Err(RegistryError::TooManyRedirects(REDIRECTS_MAX)),
            false => Ok(answer),
        }
    }

    /// One request, and the head of its answer.
    pub(super) async fn send(
        &self,
        target: &Target,
        credential: Option<&Credential>,
        ask: &Ask<'_>,
    ) -> Result<Answer, RegistryError> {
        let what = ask.what;
        let timeout = self.bounds.time_for(Bytes(ask.size.0 + ask.body.len() as u64));
        let mut headers = ask.headers.clone();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let outgoing = Outgoing {
            owner: "registry",
            method: ask.method.clone(),
            target,
            credential,
            headers,
            body: ask.body.to_vec(),
            timeout,
        };
        self.providers.keys.know().await;
        let sent = self.providers.dialler.dial(outgoing).await;
        let response = sent.map_err(|error| self.failed(error, what))?;
        let finder = self.providers.keys.finder();
        if response.headers().values().any(|value| finder.finds(value.as_bytes())) {
            return Err(RegistryError::Leak);
        }
        let encoding = response.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
        match encoding.filter(|name| !name.eq_ignore_ascii_case(b"identity")) {
            None => Ok(Answer { response, what, timeout }),
            Some(name) => {
                let encoding = shown(&String::from_utf8_lossy(name));
                Err(RegistryError::Compressed { what, encoding })
            }
        }
    }

    /// An answer that is what was asked for; anything else is an error with the reason.
    pub(super) async fn good(&self, answer: Answer) -> Result<Answer, RegistryError> {
        let (what, status) = (answer.what, answer.response.status());
        if status.is_success() {
            return Ok(answer);
        }
        if status.is_redirection() {
            return Err(RegistryError::Redirected(what));
        }
        let after = retry_after(answer.response.headers());
        let sentence = self.sentence_of(answer).await?;
        let status = status.as_u16();
        Err(match status {
            404 => RegistryError::NotFound { what, sentence },
            429 => RegistryError::Busy { after, sentence },
            408 | 425 | 500.. => RegistryError::Failing { status, what, sentence, after },
            401 | 403 => unauthorized(self.known.as_ref(), sentence),
            _ => RegistryError::Refused { status, what, sentence },
        })
    }

    /// A whole body of so many bytes at most.
    pub(super) async fn body(
        &self,
        mut answer: Answer,
        most: Bytes,
    ) -> Result<Vec<u8>, RegistryError> {
        let what = answer.what;
        let too_large = RegistryError::TooLarge { what, most };
        if answer.response.content_length().is_some_and(|length| length > most.0) {
            return Err(too_large);
        }
        let kind = answer.response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let is_called_page =
            kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"text/html"));
        let (mut body, mut search) = (Vec::new(), Search::new(self.providers.keys.finder()));
        while let Some(piece) = self.piece(&mut answer).await? {
            if (body.len() + piece.len()) as u64 > most.0 {
                return Err(too_large);
            }
            if search.finds_in(&piece) {
                return Err(RegistryError::Leak);
            }
            body.extend_from_slice(&piece);
        }
        if is_called_page || is_page(&body) {
            let why = format!("it answers with a page of HTML for the {what}");
            return Err(RegistryError::NoRegistry(why));
        }
        Ok(body)
    }

    /// The next bytes of an answer.
    pub(super) async fn piece(
        &self,
        answer: &mut Answer,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let next = answer.response.chunk().await;
        let next = next.map_err(|error| self.failed(broken(error, answer.timeout), answer.what))?;
        Ok(next.map(Vec::from))
    }

    /// What the registry says is wrong, without any secret.
    pub(super) async fn sentence_of(&self, mut answer: Answer) -> Result<String, RegistryError> {
        let (mut body, mut search) = (Vec::new(), Search::new(self.providers.keys.finder()));
        // What breaks off has said what it had to say.
        while let Ok(Some(piece)) = self.piece(&mut answer).await {
            if search.finds_in(&piece) {
                return Err(RegistryError::Leak);
            }
            let room = (ERROR_BODY_MAX.0 as usize).saturating_sub(body.len());
            body.extend(piece.into_iter().take(room));
            if room == 0 {
                break;
            }
        }
        let words = self.providers.keys.scrub(&sentence(&body));
        Ok(self.given.as_ref().map_or(words.clone(), |token| token.scrub(&words)))
    }

    /// The credential of the rule, where it is bound to this origin.
    pub(super) async fn credential_for(
        &self,
        origin: &Origin,
    ) -> Result<Option<Credential>, RegistryError> {
        let Some(name) = &self.rule.credential else { return Ok(None) };
        let refused = |why: String| RegistryError::Credential { name: name.to_string(), why };
        match self.providers.keys.placed(name, origin, &self.rule.network).await {
            Ok(Placed::Header(credential)) => Ok(Some(credential)),
            Ok(Placed::Query(..) | Placed::Signs(_)) => {
                Err(refused("it goes into no header, and a registry takes it in one".into()))
            }
            Err(NoCredential::Bound { .. }) => Ok(None),
            Err(why) => Err(refused(why.to_string())),
        }
    }

    fn failed(&self, error: DialError, what: What) -> RegistryError {
        let words = |text: &str| self.providers.keys.scrub(&shown(text));
        match error {
            DialError::NotAdmitted(refused) => RegistryError::Address(words(&refused.to_string())),
            DialError::NoConnection(why) => RegistryError::NoConnection(words(&why)),
            DialError::TimedOut(after) => RegistryError::TimedOut { what, after },
            DialError::BrokenOff(why) => RegistryError::BrokenOff { what, why: words(&why) },
        }
    }
}

/// Nobody is let in with this.
pub(super) fn unauthorized(with: Option<&Credential>, sentence: String) -> RegistryError {
    let with = match with {
        Some(credential) => format!("with {}", credential.name),
        None => "without a credential".to_owned(),
    };
    RegistryError::Unauthorized { with, sentence }
}

/// Where an answer points at, as a URL that can be asked.
pub(super) fn located(from: &Target, answer: &Answer) -> Result<Url, RegistryError> {
    let wrong = || RegistryError::NoRegistry("its redirect leads nowhere".to_owned());
    let location = answer.response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let url = from.url().join(location.ok_or_else(wrong)?).map_err(|_| wrong())?;
    if is_plain(&url) { Ok(url) } else { Err(wrong()) }
}

/// Whether a URL that a registry named can be asked: http, a host, and nobody's password.
pub(super) fn is_plain(url: &Url) -> bool {
    let nobody = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && nobody && url.has_host()
}
