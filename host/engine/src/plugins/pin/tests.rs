//! Keys whose days are over, in the hands of somebody who dates back what they sign.

use std::fs;
use std::path::{Path, PathBuf};

use bailiwick_builder::read_embedded;
use bailiwick_core::{Bytes, Day, Name};
use bailiwick_policy::publishers::{KeyId, Statement};
use bailiwick_project::Lock;
use bailiwick_provider::Keys;

use super::*;
use crate::components::read_agents;
use crate::host::HostConfig;
use crate::load::{Places, open};
use crate::provenance::signature_path;
use crate::registry::Errand;
use crate::signing::{KeyFile, keygen};

/// An agent that is in the repository without being built.
const HELLO: &[u8] = include_bytes!("../../init/hello.wasm");
/// The last day of every key here, and the day on which it says that it signed.
const LONG_AGO: &str = "2001-01-01";

/// A project with the agent, and a publisher with two keys that are over.
struct Scene {
    folder: tempfile::TempDir,
    first: PathBuf,
    second: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a.wasm"), HELLO).unwrap();
        fs::write(path("bailiwick.toml"), "[agents.hello]\ncomponent = \"a.wasm\"\n").unwrap();
        let (first, second) = (path("first.key"), path("second.key"));
        let keys = [&first, &second].map(|key| {
            let made = keygen(key, None).unwrap();
            format!("{{ key = {:?}, until = {LONG_AGO:?} }}", made.key.as_str())
        });
        let roots = folder.path().canonicalize().unwrap();
        let policy = format!(
            "sources = {{ roots = [{roots:?}] }}\n[publishers.acme]\nkeys = [{}]\n[ceiling.\"local/*\"]\n[ceiling.\"acme/*\"]\n",
            keys.join(", ")
        );
        fs::write(path("policy.toml"), policy).unwrap();
        let one = "[step.greet]\nagent = \"hello\"\ninput = {}\n[output]\nit = \"${greet}\"\n";
        fs::create_dir(path("pipelines")).unwrap();
        fs::write(path("pipelines/one.toml"), one).unwrap();
        Self { first, second, folder }
    }

    /// A host without a compiler.
    fn config(&self) -> HostConfig {
        HostConfig {
            data: self.folder.path().join("data"),
            cache: self.folder.path().join("cache"),
            compiler: self.folder.path().join("none"),
            compiler_arguments: Vec::new(),
            keys: Keys::reading(|_| None),
            command: "test".into(),
        }
    }

    /// Signs the agent with a key, as though that had been long ago.
    fn signs(&self, key: &Path) -> KeyId {
        let embedded = read_embedded(HELLO).unwrap();
        let statement = Statement {
            publisher: "acme".into(),
            name: embedded.profile.name,
            version: embedded.profile.version.parse().unwrap(),
            component: Digest::of(HELLO),
            size: Bytes(HELLO.len() as u64),
            contract: embedded.contract,
            date: Day::parse(LONG_AGO).unwrap(),
        };
        let key = KeyFile::read(key).unwrap().open(None).unwrap();
        let text = key.sign(HELLO, &statement.to_string()).unwrap();
        fs::write(signature_path(&self.folder.path().join("a.wasm")), text).unwrap();
        key.id()
    }

    /// What was taken, signed with this key.
    fn taken(&self, key: Option<KeyId>) -> LockPin {
        let pin = LockPin {
            agent: Name::new("hello").unwrap(),
            source: "a.wasm".into(),
            component: Digest::of(HELLO),
            manifest: None,
            version: "0.1.0".into(),
            identity: None,
            highest: "0.1.0".into(),
            signed: key.map(|key| ("acme".into(), key)),
            asks: [].into(),
            accepted: Vec::new(),
            downgrades: Vec::new(),
        };
        let text = Lock::default().with(pin.clone()).to_text();
        fs::write(self.folder.path().join(LOCK_FILE), text).unwrap();
        pin
    }

    fn places(&self) -> Places {
        Places {
            project: self.folder.path().to_path_buf(),
            policy: Some(self.folder.path().join("policy.toml")),
            user_policy: None,
            models: Vec::new(),
        }
    }

    fn errand(&self) -> Errand {
        Errand::of_project(&self.places(), &Keys::default()).unwrap()
    }

    /// Whose the agent is at load; else the code of what is wrong.
    fn loaded(&self) -> Result<String, &'static str> {
        let opened = open(&self.places()).unwrap();
        let name = Name::new("hello").unwrap();
        let read = read_agents(&opened, [&name]);
        match read.agents.get(&name) {
            Some(agent) => Ok(agent.identity.clone()),
            None => Err(read.problems.diagnostics[0].code),
        }
    }
}

#[test]
fn what_was_signed_with_a_key_of_its_day_stays_after_its_last_one() {
    let scene = Scene::new();
    let key = scene.signs(&scene.first);
    scene.taken(Some(key));
    assert_eq!(loaded_as(&scene), "acme");
}

#[test]
fn a_signature_that_is_dated_back_makes_nothing_of_bytes_that_were_taken_unsigned() {
    let scene = Scene::new();
    scene.taken(None);
    assert_eq!(loaded_as(&scene), "local");
    scene.signs(&scene.first);
    assert_eq!(scene.loaded(), Err(codes::BAD_SIGNATURE));
}

#[tokio::test]
async fn bytes_that_were_taken_are_not_taken_again_by_a_key_whose_days_are_over() {
    let scene = Scene::new();
    let key = scene.signs(&scene.first);
    let pin = scene.taken(Some(key));
    scene.signs(&scene.second);
    assert_eq!(scene.loaded(), Err(codes::BAD_SIGNATURE));
    let consent = crate::plugins::Consent { accept: true, downgrade: true, by: "uid:0".into() };
    let by = (&scene.errand(), &scene.config());
    let refused = crate::plugins::update(by, &pin.agent, None, &consent).await;
    assert_eq!(refused.unwrap_err().diagnostics[0].code, codes::BAD_SIGNATURE);
}

/// What somebody else did while a registry was asked is not undone.
#[tokio::test]
async fn an_answer_about_another_source_is_not_taken() {
    use crate::plugins::{Consent, Offer, Pulled, update};
    let scene = Scene::new();
    let name = Name::new("hello").unwrap();
    let pulled = Pulled {
        source: "oci://registry.example/hello:1".into(),
        manifest: bailiwick_policy::registry::Sha256::from_bytes([7; 32]),
        bytes: HELLO.to_vec(),
        signature: None,
    };
    let consent = Consent { accept: true, downgrade: true, by: "uid:0".into() };
    let takes = async |of| {
        let offer = Offer::Instead { of, pulled: &pulled };
        update((&scene.errand(), &scene.config()), &name, Some(offer), &consent).await
    };
    let said = takes("b.wasm").await.unwrap_err().to_string();
    assert!(said.contains("`hello` was \"b.wasm\", and is \"a.wasm\" now"), "{said}");
    assert!(!scene.folder.path().join(LOCK_FILE).exists());
    // This one is, as far as to the compiler, which is none here.
    let refused = takes("a.wasm").await.unwrap_err();
    assert_eq!(refused.diagnostics[0].code, codes::NOT_ADMITTED);
    assert!(refused.to_string().contains("nothing was changed"), "{refused}");
    assert!(!scene.folder.path().join(LOCK_FILE).exists());
}

/// Also where nobody says the name, so that it is that of the profile.
#[tokio::test]
async fn what_was_added_is_this_already_whatever_day_it_is() {
    use crate::plugins::{Consent, Offer, Outcome, add};
    let scene = Scene::new();
    let key = scene.signs(&scene.first);
    scene.taken(Some(key));
    let consent = Consent { accept: false, downgrade: false, by: "uid:0".into() };
    let again = Offer::Typed("a.wasm", scene.folder.path());
    let again = add((&scene.errand(), &scene.config()), again, None, &consent).await.unwrap();
    assert_eq!((again.name.as_str(), again.outcome), ("hello", Outcome::Same));
}

/// The publisher under which it is loaded.
fn loaded_as(scene: &Scene) -> String {
    scene.loaded().unwrap().split('/').next().unwrap().to_owned()
}
