//! Secret keys of publishers: made, read from their files, used once. Prints no secret, and asks nobody for a password: a front end does.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bailiwick_core::{Bytes, Diagnostic};
use bailiwick_policy::publishers::{KeyId, PublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign::{KeyPair, SecretKey, SecretKeyBox};

use crate::codes;
use crate::files;
use crate::problems::Problems;

/// The largest file of a key: two lines, of which the first is a remark.
const KEY_FILE_MAX: Bytes = Bytes::kib(8);

/// Bytes of a secret key of minisign that come before those that say how it is packed.
const ALGORITHM_BYTES: usize = 2;

/// Bytes of a secret key: what it is and how it is packed, its id, itself, a checksum.
const KEY_BYTES: usize = 158;

/// Bytes of the checksum at its end.
const CHECKSUM_BYTES: usize = 32;

/// How a key without password is packed.
const PLAIN: [u8; 2] = [0, 0];

/// A key that was read and, where it has a password, not opened yet.
pub struct KeyFile {
    path: PathBuf,
    text: String,
    /// The second line.
    bytes: Vec<u8>,
    has_password: bool,
}

/// A key that signs.
pub struct SigningKey {
    secret: SecretKey,
    id: KeyId,
}

/// Two files that were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The secret key: whoever has it can sign.
    pub secret: PathBuf,
    /// The public key: whoever has it can check.
    pub public: PathBuf,
    /// The line for `[publishers.NAME] keys` of policy.toml.
    pub key: PublicKey,
}

impl KeyFile {
    /// Reads a secret key, as `bailiwick keygen` or the ordinary tool wrote it.
    ///
    /// # Errors
    /// [`Problems`] where it is none, or others can read it.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let shown = path.display();
        let found = fs::metadata(path).map_err(|error| bad(format!("{shown}: {error}")))?;
        if path.extension().is_some_and(|extension| extension == "pub") {
            let message = format!("{shown} is the name of a public key, which signs nothing");
            let hint = "the secret one lies where `bailiwick keygen` put it, without `.pub`";
            return Err(Problems::one(Diagnostic::error(codes::BAD_KEY, message).hint(hint)));
        }
        if found.mode() & 0o077 != 0 {
            let message = format!("{shown} is a secret key, and others may read it");
            let hint = format!("type: chmod 600 {shown}");
            return Err(Problems::one(Diagnostic::error(codes::BAD_KEY, message).hint(hint)));
        }
        let bytes =
            files::read(path, KEY_FILE_MAX).map_err(|why| bad(format!("{shown}: {why}")))?;
        let text = String::from_utf8(bytes).ok();
        let second = text.as_deref().and_then(|text| {
            let bytes = STANDARD.decode(text.lines().nth(1)?.trim()).ok()?;
            (bytes.len() == KEY_BYTES).then_some(bytes)
        });
        let (Some(text), Some(bytes)) = (text, second) else {
            return Err(bad(format!("{shown} is no secret key of minisign")));
        };
        let has_password =
            !bytes.get(ALGORITHM_BYTES..).is_some_and(|rest| rest.starts_with(&PLAIN));
        Ok(Self { path: path.to_path_buf(), text, bytes, has_password })
    }

    /// Whether somebody has to be asked.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.has_password
    }

    /// Opens it. Takes a second where it has a password, on purpose.
    ///
    /// # Errors
    /// [`Problems`] where the password is another one, or the key is damaged.
    pub fn open(self, password: Option<String>) -> Result<SigningKey, Problems> {
        let shown = self.path.display();
        let boxed = SecretKeyBox::from(self.text);
        let opened = match (self.has_password, password) {
            // The ordinary tool writes no checksum where there is no password to check.
            (false, _) if self.bytes.ends_with(&[0; CHECKSUM_BYTES]) => {
                SecretKey::from_bytes(&self.bytes)
            }
            (false, _) => boxed.into_unencrypted_secret_key(),
            (true, Some(password)) => boxed.into_secret_key(Some(password)),
            (true, None) => {
                return Err(bad(format!("{shown} has a password, and nobody was asked")));
            }
        };
        let secret = opened.map_err(|error| bad(format!("{shown}: {error}")))?;
        let id = secret.keynum().first_chunk::<8>().copied();
        let id = id.ok_or_else(|| bad(format!("{shown} has no id")))?;
        Ok(SigningKey { secret, id: KeyId::from_bytes(id) })
    }
}

impl SigningKey {
    /// What it is called.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Signs bytes, and one line of text with them: the text of a signature file.
    pub(crate) fn sign(&self, bytes: &[u8], comment: &str) -> Result<String, Problems> {
        let remark = format!("signature by key {}", self.id);
        let signed = minisign::sign(None, &self.secret, bytes, Some(comment), Some(&remark));
        Ok(signed.map_err(|error| bad(error.to_string()))?.into_string())
    }
}

/// Makes a key: `PATH` for who signs, 0600, and `PATH.pub` for everybody; beside `NAME.key`
/// it is `NAME.pub`.
///
/// # Errors
/// [`Problems`] where one of them is there already; then nothing is made.
pub fn keygen(path: &Path, password: Option<String>) -> Result<NewKey, Problems> {
    let public = match path.extension().and_then(OsStr::to_str) {
        Some("pub") => {
            return Err(bad(format!("{} is the name of a public key", path.display())));
        }
        Some("key") => path.with_extension("pub"),
        // `release-1.2` is no `release-1` of some kind.
        _ => path.with_added_extension("pub"),
    };
    let made = match password {
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password)),
        None => KeyPair::generate_unencrypted_keypair(),
    };
    let texts = made.and_then(|KeyPair { pk, sk }| {
        let key = pk.to_base64();
        Ok((sk.to_box(None)?.into_string(), pk.to_box()?.into_string(), key))
    });
    let (secret_text, public_text, key) = texts.map_err(|error| bad(error.to_string()))?;
    let key = PublicKey::parse(&key).map_err(|error| bad(error.to_string()))?;
    write_new(path, &secret_text, 0o600)?;
    if let Err(problems) = write_new(&public, &public_text, 0o644) {
        // A secret whose other half nobody has is of no use.
        let _ = fs::remove_file(path);
        return Err(problems);
    }
    Ok(NewKey { secret: path.to_path_buf(), public, key })
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Problems> {
    let fail = |error: std::io::Error| bad(format!("{}: {error}", path.display()));
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = opened.map_err(fail)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Half a key is none, and would be in the way of the next one.
        let _ = fs::remove_file(path);
        fail(error)
    })
}

fn bad(message: String) -> Problems {
    let code = codes::BAD_KEY;
    let hint = format!("`bailiwick explain {code}` says what a key is");
    Problems::one(Diagnostic::error(code, message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T>(outcome: Result<T, Problems>) -> String {
        outcome.err().unwrap().to_string()
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("me.key");
        let made = keygen(&path, None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(made.public, folder.path().join("me.pub"));
        let kept = fs::read_to_string(&path).unwrap();
        assert!(refused(keygen(&path, None)).contains("exists"));
        assert_eq!(fs::read_to_string(&path).unwrap(), kept);
        let key = KeyFile::read(&path).unwrap();
        assert!(!key.has_password());
        assert_eq!(key.open(None).unwrap().id(), made.key.id());
        // Where the other half is there already, the secret is not left behind.
        let other = folder.path().join("other.key");
        fs::write(folder.path().join("other.pub"), "mine").unwrap();
        assert!(keygen(&other, None).is_err() && !other.exists());
    }

    #[test]
    fn the_public_half_is_named_after_the_whole_name_and_signs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let made = ["rel-1.2", "rel-1.3"].map(|name| keygen(&path(name), None).unwrap().public);
        assert_eq!(made, [path("rel-1.2.pub"), path("rel-1.3.pub")]);
        assert!(refused(keygen(&path("me.pub"), None)).contains("the name of a public key"));
        assert!(refused(KeyFile::read(&made[0])).contains("which signs nothing"));
    }

    #[test]
    fn a_key_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("me.key");
        keygen(&path, None).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(refused(KeyFile::read(&path)).contains("others may read it"));
    }

    #[test]
    fn a_password_opens_and_another_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("me.key");
        let made = keygen(&path, Some("secret".into())).unwrap();
        let key = || KeyFile::read(&path).unwrap();
        assert!(key().has_password());
        assert_eq!(key().open(Some("secret".into())).unwrap().id(), made.key.id());
        assert!(refused(key().open(Some("public".into()))).contains("password"));
        assert!(refused(key().open(None)).contains("nobody was asked"));
    }

    #[test]
    fn what_is_no_key_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        assert!(refused(KeyFile::read(&path)).contains("No such file"));
        for text in ["", "one\n", "one\ntwo\n", "one\nAAAA\n"] {
            let _ = fs::remove_file(&path);
            write_new(&path, text, 0o600).unwrap();
            let read = KeyFile::read(&path).and_then(|key| key.open(None));
            assert!(read.is_err(), "{text}");
        }
    }
}
