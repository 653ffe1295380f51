//! A token of a realm: asked for exactly what is done, for exactly this name. Sends the credential to where it is bound, and the token to nobody.

use std::fmt;

use bailiwick_core::Bytes;
use bailiwick_policy::Origin;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use super::error::{RegistryError, What};
use super::session::{Access, Ask, Session, is_plain, unauthorized};
use crate::dial::Credential;
use crate::secret::REDACTED;

/// The largest answer of a realm: tokens have one to four KiB.
const ANSWER_MAX: Bytes = Bytes::kib(64);
/// The longest token: what header lines of servers take at most.
const TOKEN_MAX_BYTES: usize = 16 * 1024;

/// A token, which is shown to nobody.
pub(super) struct Token(Zeroizing<String>);

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Token {
    /// Reads what a realm answered.
    fn read(body: &[u8]) -> Option<Self> {
        let answer: Answer = serde_json::from_slice(body).ok()?;
        let text = Zeroizing::new(answer.token.or(answer.access_token)?);
        let fits = (1..=TOKEN_MAX_BYTES).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(Self(text))
    }

    /// In the header that it goes out in.
    fn credential(&self, repository: &str) -> Option<Credential> {
        let text = Zeroizing::new(format!("Bearer {}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(Credential { name: format!("token for {repository}"), header: AUTHORIZATION, value })
    }

    /// A text without it.
    pub(super) fn scrub(&self, text: &str) -> String {
        text.replace(self.0.as_str(), REDACTED)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Session<'_> {
    /// Asks a realm for a token, where the rule lets it be asked.
    pub(super) async fn token(
        &mut self,
        realm: &str,
        service: Option<&str>,
        access: Access,
    ) -> Result<Credential, RegistryError> {
        let unusable = || RegistryError::NoRegistry("its realm for tokens is no URL".to_owned());
        let mut url = Url::parse(realm).map_err(|_| unusable())?;
        if !is_plain(&url) {
            return Err(unusable());
        }
        let origin = Origin(url.origin().ascii_serialization());
        if !self.rule.takes_tokens_from(&origin) {
            return Err(RegistryError::RealmElsewhere(origin));
        }
        let repository = self.reference.repository();
        url.set_fragment(None);
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        // Our own words: what the registry says it wants may be for another name.
        let scope = format!("repository:{repository}:{}", access.words());
        url.query_pairs_mut().append_pair("scope", &scope);
        let target = self.target(url)?;
        let credential = self.credential_for(&origin).await?;
        let answer = self.send(&target, credential.as_ref(), &Ask::get(What::Token)).await?;
        if matches!(answer.status(), 401 | 403) {
            let sentence = self.sentence_of(answer).await?;
            return Err(unauthorized(credential.as_ref(), sentence));
        }
        let answer = self.good(answer).await?;
        let body = self.body(answer, ANSWER_MAX).await?;
        let token = Token::read(&body)
            .ok_or_else(|| RegistryError::NoRegistry("its realm gave out no token".into()))?;
        let credential = token.credential(repository);
        let credential = credential
            .ok_or_else(|| RegistryError::NoRegistry("no header can carry its token".into()))?;
        self.given = Some(token);
        Ok(credential)
    }
}
