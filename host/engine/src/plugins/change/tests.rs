//! Changes that are cut off or fail: the old files or the new ones, wherever it was.

use bailiwick_core::{Digest, Name};
use bailiwick_policy::Policy;
use bailiwick_policy::registry::Sha256;
use bailiwick_project::LockPin;

use super::*;

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

#[test]
fn what_was_fetched_is_kept_with_the_change_or_not_at_all() {
    let folder = Folder::new();
    let site = folder.site();
    let pulled = Pulled {
        source: "oci://registry.example/b:1.0.0".into(),
        manifest: Sha256::from_bytes([7; 32]),
        bytes: b"bytes".to_vec(),
        signature: Some("signed".into()),
    };
    let text = NEW.replace("b.wasm", &pulled.source);
    let fetched =
        LockPin { component: Digest::of(b"bytes"), ..pin("oci://registry.example/b:1.0.0") };
    let change = || {
        let change = Change::new(&site, Some(text.clone()), Some(fetched.clone())).unwrap();
        change.keeping(Some(&pulled))
    };
    let way = folder.0.path().join(".bailiwick.toml.new");
    fs::create_dir(&way).unwrap();
    assert!(change().commit().is_err());
    fs::remove_dir(way).unwrap();
    assert_eq!(folder.names(), [LOCK_FILE, PROJECT_FILE], "nothing is left behind");
    change().commit().unwrap();
    let found = crate::plugins::source::Source::of(&pulled.source);
    let found = found.read(folder.0.path(), Some(&fetched)).unwrap();
    assert_eq!(
        (found.bytes.as_slice(), found.signature.as_deref()),
        (&b"bytes"[..], Some("signed"))
    );
    let lost = LockPin { component: Digest::of(b"others"), ..fetched.clone() };
    let source = crate::plugins::source::Source::of(&pulled.source);
    let said = source.read(folder.0.path(), Some(&lost)).err().unwrap();
    assert!(said.message.contains("is not fetched"), "{}", said.message);
    let said = source.read(folder.0.path(), None).err().unwrap();
    assert!(said.message.contains("does not say which bytes"), "{}", said.message);
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
