//! One secret: how it is held, and the forms in which it can come back. Reads nothing and knows no origin.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

/// What is shown in place of a secret.
pub const REDACTED: &str = "[redacted]";
/// The shortest secret: anything shorter turns up in ordinary text, and then every
/// answer that says it would have to be thrown away.
pub const SECRET_MIN_BYTES: usize = 16;
/// The shortest one that is marked weak: what is shorter is in every answer.
pub const WEAK_MIN_BYTES: usize = 4;
/// What a secret that signs begins with, as Standard Webhooks says.
pub(crate) const SIGNING_PREFIX: &str = "whsec_";
/// The longest: header lines are bounded by servers at 8 KiB.
const SECRET_MAX_BYTES: usize = 4096;

/// Text that is never shown: prints as `[redacted]`, is overwritten when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// Why a text is no usable secret. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASecret {
    /// Under the least.
    #[error(
        "it has {found} bytes; a key has at least {least}, so that it can be told from ordinary text in answers"
    )]
    TooShort {
        /// Its size.
        found: usize,
        /// [`SECRET_MIN_BYTES`], or [`WEAK_MIN_BYTES`] for one that is marked weak.
        least: usize,
    },
    /// Over 4 KiB.
    #[error("it has {0} bytes; a key has at most {SECRET_MAX_BYTES}")]
    TooLong(usize),
    /// Not printable ASCII without spaces.
    #[error("it has characters that a header cannot carry")]
    Unprintable,
}

impl Secret {
    /// Takes a text; white space around it is dropped.
    ///
    /// # Errors
    /// [`NotASecret`].
    pub fn new(text: &str) -> Result<Self, NotASecret> {
        Self::of_at_least(text, SECRET_MIN_BYTES)
    }

    /// The same for one that its admin marked weak.
    ///
    /// # Errors
    /// [`NotASecret`].
    pub fn weak(text: &str) -> Result<Self, NotASecret> {
        Self::of_at_least(text, WEAK_MIN_BYTES)
    }

    fn of_at_least(text: &str, least: usize) -> Result<Self, NotASecret> {
        let text = text.trim();
        match text.len() {
            found if found < least => Err(NotASecret::TooShort { found, least }),
            long if long > SECRET_MAX_BYTES => Err(NotASecret::TooLong(long)),
            _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(NotASecret::Unprintable),
            _ => Ok(Self(Zeroizing::new(text.to_owned()))),
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// As a header's value, marked sensitive.
    pub(crate) fn header(&self, prefix: &str) -> Option<HeaderValue> {
        let text = Zeroizing::new(format!("{prefix}{}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Every text in which it can come back. One that signs comes back also without its
    /// prefix, and as the key that it stands for; one of basic authentication also as the
    /// name and the password that it stands for.
    pub(crate) fn forms(&self) -> Vec<String> {
        let mut forms = forms_of(self.0.as_bytes());
        forms.push(self.0.as_str().to_owned());
        if let Some(text) = self.0.strip_prefix(SIGNING_PREFIX) {
            forms.push(text.to_owned());
            forms.extend(forms_of(text.as_bytes()));
            forms.extend(self.signing_key().into_iter().flat_map(|key| forms_of(&key)));
        }
        if let Some(pair) = self.basic() {
            forms.push(pair.as_str().to_owned());
            forms.extend(forms_of(pair.as_bytes()));
            let password = pair.split_once(':').map_or("", |(_, password)| password);
            // A shorter one turns up in ordinary text.
            if password.len() >= SECRET_MIN_BYTES {
                forms.push(password.to_owned());
                forms.extend(forms_of(password.as_bytes()));
            }
        }
        forms.retain(|form| form.len() >= WEAK_MIN_BYTES);
        forms.sort();
        forms.dedup();
        forms
    }

    /// `name:password`, where it is the base64 of that. No other secret is by chance.
    fn basic(&self) -> Option<Zeroizing<String>> {
        let pair = String::from_utf8(STANDARD.decode(self.0.as_str()).ok()?).ok()?;
        let pair = Zeroizing::new(pair);
        (pair.contains(':') && !pair.chars().any(char::is_control)).then_some(pair)
    }

    /// The key that a text in the form of Standard Webhooks stands for, where it is one.
    pub(crate) fn signing_key(&self) -> Option<Zeroizing<Vec<u8>>> {
        STANDARD.decode(self.0.strip_prefix(SIGNING_PREFIX)?).ok().map(Zeroizing::new)
    }
}

/// Percent-encoded (what needs it, and all of it), in base64 at each of the three places
/// where it can begin, in hexadecimal, and with the escapes of JSON and HTML. Searched
/// without regard to case.
fn forms_of(bytes: &[u8]) -> Vec<String> {
    let each = |form: fn(u8) -> String| bytes.iter().map(|byte| form(*byte)).collect();
    let mut forms: Vec<String> = vec![
        each(|b| match b {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).into(),
            b => format!("%{b:02x}"),
        }),
        each(|b| format!("%{b:02x}")),
        each(|b| format!("{b:02x}")),
        each(|b| format!("\\u{b:04x}")),
        each(|b| match b {
            b'/' | b'"' | b'\\' => format!("\\{}", char::from(b)),
            b => char::from(b).into(),
        }),
        each(|b| match b {
            b'&' => "&amp;".into(),
            b'<' => "&lt;".into(),
            b'>' => "&gt;".into(),
            b'"' => "&quot;".into(),
            b'\'' => "&#39;".into(),
            b => char::from(b).into(),
        }),
    ];
    for before in 0..3 {
        let padded: Zeroizing<Vec<u8>> =
            Zeroizing::new(std::iter::repeat_n(&0, before).chain(bytes).copied().collect());
        // The letters that depend on nothing but the secret.
        let (from, to) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        let whole = [STANDARD.encode(&*padded), URL_SAFE.encode(&*padded)];
        forms.extend(whole.iter().filter_map(|text| text.get(from..to).map(str::to_owned)));
    }
    forms
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finder::Finder;

    #[test]
    fn prints_nothing_of_itself() {
        let secret = Secret::new("sk-t/st+0123456789abc=").unwrap();
        assert_eq!(format!("{secret:?} {secret}"), "[redacted] [redacted]");
    }

    #[test]
    fn short_ones_are_refused_unless_marked_weak() {
        for bad in ["fifteen-bytes-x", "with a space in the middle", "with-ümlaut-in-the-middle"] {
            assert!(Secret::new(bad).is_err(), "{bad}");
        }
        assert!(Secret::weak("fifteen-bytes-x").is_ok());
        assert!(Secret::weak("abc").is_err());
        let weak = Finder::of([Secret::weak("hunter2").unwrap()].iter());
        assert!(weak.finds(b"is it Hunter2?") && !weak.finds(b"hunter"));
    }
}
