//! Changes that are cut off or fail: the old files or the new ones, wherever it was.

use bailiwick_core::{Digest, Name};
use bailiwick_policy::Policy;
use bailiwick_policy::publishers::{KeyId, Signature};
use bailiwick_policy::registry::Sha256;
use bailiwick_project::LockPin;

use super::*;
use crate::plugins::source::Source;

const OLD: &str = "# ours\n[agents.a]\ncomponent = \"a.wasm\"\n";
const NEW: &str = "# ours\n[agents.a]\ncomponent = \"b.wasm\"\n";

fn pin(source: &str) -> LockPin {
    LockPin {
        agent: Name::new("a").unwrap(),
        source: source.into(),
        component: Digest::of(source.as_bytes()),
        manifest: None,
        version: "1.0.0".into(),
        identity: None,
        highest: "1.0.0".into(),
        signed: None,
        asks: [].into(),
        accepted: Vec::new(),
        downgrades: Vec::new(),
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.0.path().join(PROJECT_FILE), OLD).unwrap();
        fs::write(folder.0.path().join(LOCK_FILE), Lock::default().with(pin("a.wasm")).to_text())
            .unwrap();
        folder
    }

    fn site(&self) -> Site {
        Site::of(self.0.path(), Policy::built_in()).unwrap()
    }

    /// What the agent means: its component, and the pin that is about it.
    fn means(&self) -> (String, Option<Digest>) {
        let site = self.site();
        let name = Name::new("a").unwrap();
        let source = site.component(&name).unwrap().to_owned();
        let pin = site.lock.pin(&name, &source).map(|pin| pin.component);
        (source, pin)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn meaning(source: &str) -> (String, Option<Digest>) {
    (source.to_owned(), Some(Digest::of(source.as_bytes())))
}

#[test]
fn cut_off_anywhere_the_agent_means_the_old_component_or_the_new_one() {
    let folder = Folder::new();
    let site = folder.site();
    let change = Change::new(&site, Some(NEW.to_owned()), Some(pin("b.wasm"))).unwrap();
    assert_eq!(folder.means(), meaning("a.wasm"));
    change.lock_both().unwrap();
    assert_eq!(folder.means(), meaning("a.wasm"), "before the moment");
    change.replace_project().unwrap();
    assert_eq!(folder.means(), meaning("b.wasm"), "after it");
    change.lock_one().unwrap();
    assert_eq!(folder.means(), meaning("b.wasm"));
    assert_eq!(folder.site().lock.pins().len(), 1, "the old pin is gone");
    assert_eq!(folder.names(), [LOCK_FILE, PROJECT_FILE]);
}

#[test]
fn a_change_that_was_cut_off_can_be_made_again() {
    let folder = Folder::new();
    let site = folder.site();
    let change = Change::new(&site, Some(NEW.to_owned()), Some(pin("b.wasm"))).unwrap();
    change.lock_both().unwrap();
    // Half a file, as a kill in the middle of writing leaves it.
    fs::write(folder.0.path().join(".bailiwick.toml.new"), "half").unwrap();
    let site = folder.site();
    Change::new(&site, Some(NEW.to_owned()), Some(pin("b.wasm"))).unwrap().commit().unwrap();
    assert_eq!(folder.means(), meaning("b.wasm"));
    assert_eq!(folder.names(), [LOCK_FILE, PROJECT_FILE]);
}

#[test]
fn a_change_that_fails_in_between_leaves_both_files_as_they_were() {
    let folder = Folder::new();
    let before = fs::read_to_string(folder.0.path().join(LOCK_FILE)).unwrap();
    let site = folder.site();
    let change = Change::new(&site, Some(NEW.to_owned()), Some(pin("b.wasm"))).unwrap();
    // The new text cannot be written: a folder is in its way.
    let way = folder.0.path().join(".bailiwick.toml.new");
    fs::create_dir(&way).unwrap();
    let said = change.commit().unwrap_err().to_string();
    assert!(said.contains("nothing was changed"), "{said}");
    fs::remove_dir(way).unwrap();
    assert_eq!(fs::read_to_string(folder.0.path().join(PROJECT_FILE)).unwrap(), OLD);
    assert_eq!(fs::read_to_string(folder.0.path().join(LOCK_FILE)).unwrap(), before);
    assert_eq!(folder.names(), [LOCK_FILE, PROJECT_FILE]);
}

#[test]
fn a_first_pin_that_is_taken_back_leaves_no_lock() {
    let folder = Folder::new();
    fs::remove_file(folder.0.path().join(LOCK_FILE)).unwrap();
    let site = folder.site();
    let change = Change::new(&site, Some(NEW.to_owned()), Some(pin("b.wasm"))).unwrap();
    fs::create_dir(folder.0.path().join(".bailiwick.toml.new")).unwrap();
    assert!(change.commit().is_err());
    assert!(!folder.0.path().join(LOCK_FILE).exists());
}

#[test]
fn a_text_that_is_no_project_is_never_written() {
    let folder = Folder::new();
    let site = folder.site();
    assert!(Change::new(&site, Some("[agents.a]\n".into()), None).is_err());
}

#[test]
fn a_link_and_the_rights_of_a_file_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = Folder::new();
    let (own, real) = (folder.0.path().join(PROJECT_FILE), folder.0.path().join("kept.toml"));
    fs::rename(&own, &real).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("kept.toml", &own).unwrap();
    let site = folder.site();
    Change::new(&site, Some(NEW.to_owned()), None).unwrap().commit().unwrap();
    assert!(fs::symlink_metadata(&own).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), NEW);
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
}

const FETCHED: &str = "oci://registry.example/b:1.0.0";
const BYTES: &[u8] = b"bytes";

/// A signature over the bytes by a new key, dated so: its text, and the key.
fn signature(key: &minisign::KeyPair, date: &str) -> (String, KeyId) {
    let statement = format!(
        "bailiwick component 1: acme/b 1.0.0, {}, {} bytes, contract 0.1.0, {date}",
        Digest::of(BYTES),
        BYTES.len()
    );
    let signed = minisign::sign(None, &key.sk, BYTES, Some(&statement), None).unwrap();
    let text = signed.into_string();
    let key = Signature::parse(&text).unwrap().key;
    (text, key)
}

fn key() -> minisign::KeyPair {
    minisign::KeyPair::generate_unencrypted_keypair().unwrap()
}

fn pulled(signature: Option<&str>) -> Pulled {
    Pulled {
        source: FETCHED.into(),
        manifest: Sha256::from_bytes([7; 32]),
        bytes: BYTES.to_vec(),
        signature: signature.map(str::to_owned),
    }
}

fn fetched(key: Option<KeyId>) -> LockPin {
    let signed = key.map(|key| ("acme".into(), key));
    LockPin { component: Digest::of(BYTES), signed, ..pin(FETCHED) }
}

impl Folder {
    /// A change to what came from the registry.
    fn fetches(&self, pulled: &Pulled, pin: &LockPin) -> Result<bool, Problems> {
        let site = self.site();
        let text = NEW.replace("b.wasm", FETCHED);
        Change::new(&site, Some(text), Some(pin.clone())).unwrap().keeping(Some(pulled)).commit()
    }

    /// The same with the project's file in nobody's way, or in somebody's.
    fn fetches_in_vain(&self, pulled: &Pulled, pin: &LockPin) {
        let way = self.0.path().join(".bailiwick.toml.new");
        fs::create_dir(&way).unwrap();
        assert!(self.fetches(pulled, pin).is_err());
        fs::remove_dir(way).unwrap();
    }

    fn loads(&self, pin: &LockPin) -> Result<(Vec<u8>, Option<String>), String> {
        let found = Source::of(FETCHED).read(self.0.path(), Some(pin));
        found.map(|found| (found.bytes, found.signature)).map_err(|why| why.message)
    }
}

#[test]
fn what_was_fetched_is_kept_with_the_change_or_not_at_all() {
    let folder = Folder::new();
    let (text, key) = signature(&key(), "2026-11-23");
    let (pulled, pin) = (pulled(Some(&text)), fetched(Some(key)));
    folder.fetches_in_vain(&pulled, &pin);
    assert_eq!(folder.names(), [LOCK_FILE, PROJECT_FILE], "nothing is left behind");
    assert!(folder.fetches(&pulled, &pin).unwrap(), "it was not there before");
    assert_eq!(folder.loads(&pin), Ok((BYTES.to_vec(), Some(text))));
    assert!(!folder.fetches(&pulled, &pin).unwrap());
    let lost = LockPin { component: Digest::of(b"others"), ..pin };
    assert!(folder.loads(&lost).unwrap_err().contains("is not fetched"));
    let said = Source::of(FETCHED).read(folder.0.path(), None).err().unwrap();
    assert!(said.message.contains("does not say which bytes"), "{}", said.message);
}

#[test]
fn the_same_bytes_of_two_publishers_have_a_signature_each() {
    let folder = Folder::new();
    let ((acmes, acme), (globexs, globex)) =
        (signature(&key(), "2026-11-23"), signature(&key(), "2026-11-23"));
    folder.fetches(&pulled(Some(&acmes)), &fetched(Some(acme))).unwrap();
    folder.fetches(&pulled(Some(&globexs)), &fetched(Some(globex))).unwrap();
    for (key, text) in [(acme, acmes), (globex, globexs)] {
        assert_eq!(folder.loads(&fetched(Some(key))), Ok((BYTES.to_vec(), Some(text))));
    }
    // What was taken as nobody's is not made somebody's by what lies there.
    assert_eq!(folder.loads(&fetched(None)), Ok((BYTES.to_vec(), None)));
    let (_, other) = signature(&key(), "2026-11-23");
    assert!(folder.loads(&fetched(Some(other))).unwrap_err().contains("is not fetched"));
}

#[test]
fn a_signature_that_is_not_taken_leaves_the_one_before() {
    let folder = Folder::new();
    let key = key();
    let ((old, id), (new, _)) = (signature(&key, "2026-11-23"), signature(&key, "2026-11-24"));
    folder.fetches(&pulled(Some(&old)), &fetched(Some(id))).unwrap();
    fs::write(folder.0.path().join(PROJECT_FILE), OLD).unwrap();
    folder.fetches_in_vain(&pulled(Some(&new)), &fetched(Some(id)));
    assert_eq!(folder.loads(&fetched(Some(id))), Ok((BYTES.to_vec(), Some(old))));
    folder.fetches(&pulled(Some(&new)), &fetched(Some(id))).unwrap();
    assert_eq!(folder.loads(&fetched(Some(id))), Ok((BYTES.to_vec(), Some(new))));
}

/// A host may be another user than the one who adds.
#[test]
fn what_is_kept_has_the_rights_of_any_other_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let (text, key) = signature(&key(), "2026-11-23");
    folder.fetches(&pulled(Some(&text)), &fetched(Some(key))).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
    let usual = mode(&folder.0.path().join(PROJECT_FILE));
    let kept: Vec<_> = fs::read_dir(folder.0.path().join("components")).unwrap().collect();
    assert_eq!(kept.len(), 2);
    for file in kept {
        assert_eq!(mode(&file.unwrap().path()), usual);
    }
}

#[test]
fn a_pin_stays_until_another_one_is_in_its_place() {
    let folder = Folder::new();
    let site = folder.site();
    // To a folder that is built here, which nothing pins.
    let built = NEW.replace("b.wasm", "agents/a");
    Change::new(&site, Some(built), None).unwrap().commit().unwrap();
    assert_eq!(folder.site().lock.pins(), [pin("a.wasm")]);
    let site = folder.site();
    Change::new(&site, Some(NEW.to_owned()), Some(pin("b.wasm"))).unwrap().commit().unwrap();
    assert_eq!(folder.site().lock.pins(), [pin("b.wasm")]);
}
