//! A signature file of minisign over a component, with the statement in its trusted comment. Knows no publishers.

use minisign_verify as minisign;

use super::key::{KeyId, PublicKey};
use super::statement::{NotAStatement, Statement};
use super::{NotAKey, Unadmitted};

/// The largest signature file, in bytes. The ordinary tool writes at most 10 KiB.
pub const SIGNATURE_MAX_BYTES: usize = 16 * 1024;

/// How the third line of a signature file begins.
const TRUSTED: &str = "trusted comment: ";

/// A signature that was read and not yet verified: whose it claims to be.
#[derive(Clone)]
pub struct Signature {
    /// What it says of the component.
    pub statement: Statement,
    /// Which key it says that it was made with.
    pub key: KeyId,
    signature: minisign::Signature,
}

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say what the values are")]
pub enum BadSignature {
    #[error("the signature has {0} bytes; at most {SIGNATURE_MAX_BYTES} are read")]
    TooLong(usize),
    #[error("it is no signature file of minisign: {0}")]
    Form(String),
    #[error(transparent)]
    Statement(#[from] NotAStatement),
    #[error("its signature is not of these bytes, or not by key {key}")]
    Bytes { key: KeyId },
    #[error(transparent)]
    Key(#[from] NotAKey),
    #[error(transparent)]
    Unadmitted(#[from] Unadmitted),
}

impl Signature {
    /// Reads a signature file, which may come from anybody. It is not verified yet.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn parse(text: &str) -> Result<Self, BadSignature> {
        if text.len() > SIGNATURE_MAX_BYTES {
            return Err(BadSignature::TooLong(text.len()));
        }
        let lines: Vec<&str> = text.lines().collect();
        // The reader behind it looks at four lines and would pass over what follows.
        let ([_, first, third, _] | [_, first, third, _, ""]) = *lines.as_slice() else {
            return Err(BadSignature::Form(format!("it has {} lines and not 4", lines.len())));
        };
        if !third.starts_with(TRUSTED) {
            return Err(BadSignature::Form(format!("its third line is no {TRUSTED:?}")));
        }
        let signature = minisign::Signature::decode(text)
            .map_err(|error| BadSignature::Form(error.to_string()))?;
        let key = key_of(first).ok_or_else(|| BadSignature::Form("its second line".into()))?;
        let statement = Statement::parse(signature.trusted_comment())?;
        Ok(Self { statement, key, signature })
    }

    /// Whether this key made it over these bytes, and over the statement with it.
    pub(super) fn verify(&self, component: &[u8], key: &PublicKey) -> Result<(), BadSignature> {
        let bad = || BadSignature::Bytes { key: self.key };
        let key = minisign::PublicKey::from_base64(key.as_str()).map_err(|_| NotAKey::Public)?;
        // The older form signs the file and not its hash; what we admit was never that old.
        key.verify(component, &self.signature, false).map_err(|_| bad())
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} by {}", self.statement, self.key)
    }
}

/// The id of the key: it follows two bytes for the algorithm.
fn key_of(line: &str) -> Option<KeyId> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(line).ok()?;
    bytes.get(2..)?.first_chunk::<8>().map(|id| KeyId::from_bytes(*id))
}
