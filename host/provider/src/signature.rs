//! Signatures of requests, as Standard Webhooks 1 says, so that receivers verify them with the libraries that they have. Reads no secret and sends nothing.

use std::fmt;

use bailiwick_core::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderName, HeaderValue, InvalidHeaderValue};
use ring::hmac;

use crate::secret::{SIGNING_PREFIX, Secret};

/// The headers that a signature goes out in. The host's own: no guest sets one.
pub(crate) const HEADERS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];
/// The shortest key, as the standard says.
const KEY_MIN_BYTES: usize = 24;
/// The longest, as the standard says: the block of the hash.
const KEY_MAX_BYTES: usize = 64;

/// A key that signs.
#[derive(Clone)]
pub(crate) struct Signer(hmac::Key);

/// Why a secret does not sign. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret that signs is {SIGNING_PREFIX:?} and the base64 of {KEY_MIN_BYTES} to {KEY_MAX_BYTES} bytes"
)]
pub(crate) struct NoSigner;

impl Signer {
    pub(crate) fn with(secret: &Secret) -> Result<Self, NoSigner> {
        let key = secret.signing_key().ok_or(NoSigner)?;
        match key.len() {
            KEY_MIN_BYTES..=KEY_MAX_BYTES => Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key))),
            _ => Err(NoSigner),
        }
    }

    /// The headers for a body. `id` stays the same where a request is sent again, and
    /// receivers tell by it that they know the message; `at` is of this sending, because
    /// they refuse what is minutes old.
    ///
    /// # Errors
    /// Where `id` has characters that no header can carry.
    pub(crate) fn sign(
        &self,
        id: &str,
        at: Timestamp,
        body: &[u8],
    ) -> Result<[(HeaderName, HeaderValue); 3], InvalidHeaderValue> {
        let seconds = (at.0 / 1000).to_string();
        let mut context = hmac::Context::with_key(&self.0);
        for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
            context.update(part);
        }
        let signature = format!("v1,{}", STANDARD.encode(context.sign()));
        let [first, second, third] = HEADERS.map(HeaderName::from_static);
        Ok([
            (first, HeaderValue::try_from(id)?),
            (second, HeaderValue::try_from(seconds)?),
            (third, HeaderValue::try_from(signature)?),
        ])
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(crate::secret::REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(text: &str) -> Result<Signer, NoSigner> {
        Signer::with(&Secret::new(text).unwrap())
    }

    /// The vector of the standard's own libraries.
    #[test]
    fn signs_as_the_standards_libraries_do() {
        let signer = signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let (id, at) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp(1_614_265_330_999));
        let headers = signer.sign(id, at, br#"{"test": 2432232314}"#).unwrap();
        let told = headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        assert_eq!(
            told,
            [
                "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek",
                "webhook-timestamp: 1614265330",
                "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ]
        );
        assert!(signer.sign("a\nb", at, b"").is_err());
    }

    #[test]
    fn a_secret_has_the_form_and_the_length_of_the_standard() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for good in [24, 32, 64] {
            assert!(signer(&of(good)).is_ok(), "{good}");
        }
        let without_prefix = STANDARD.encode([7; 32]);
        for bad in [&of(23), &of(65), &without_prefix, "whsec_no/base64/at/all!!!!!!!!!!!!!"] {
            let refused = signer(bad).unwrap_err().to_string();
            assert!(refused.contains("24 to 64 bytes") && !refused.contains(bad), "{refused}");
        }
    }
}
