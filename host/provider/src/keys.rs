//! The secrets of one project's policy: known before anything is asked, read at each use, handed out for the origin that each is bound to. Knows no request.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bailiwick_core::Name;
use bailiwick_policy::credential::{Place, Source};
use bailiwick_policy::{Credential, Network, Origin, ProviderKind};
use reqwest::header::HeaderName;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::dial;
use crate::finder::Finder;
use crate::memory::Memory;
use crate::secret::Secret;
use crate::signature::Signer;
use crate::source::{READ_MAX, Stamp, file, printed};
use crate::target::Target;

type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;
type Tell = dyn Fn(String) + Send + Sync;

/// All credentials, and the values that they have had. Clones share both; what is made of
/// one by [`Keys::with`] shares the values, so that those of a whole host know all of its
/// secrets, also the ones that were rotated away.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    environment: Arc<Environment>,
    credentials: BTreeMap<Name, Credential>,
    memory: Arc<Memory>,
    tell: Option<Arc<Tell>>,
    /// Filled when the programs of these credentials were asked.
    asked: OnceCell<()>,
}

/// Why no credential goes with a request, for the operator. Holds nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoCredential {
    /// There is none.
    #[error("{0} is not set")]
    Absent(String),
    /// It belongs elsewhere.
    #[error("{name} is sent to {origin} {}only", if *loopback { "and to this machine's loopback " } else { "" })]
    Bound { name: String, origin: Origin, loopback: bool },
    /// It is there and cannot be used.
    #[error("{name} cannot be used: {why}")]
    Unusable { name: String, why: String },
    /// It cannot be read now.
    #[error("{name} cannot be read: {why}")]
    Unreadable { name: String, why: String },
}

/// A secret where it goes.
#[derive(Clone, Debug)]
pub(crate) enum Placed {
    Header(dial::Credential),
    Query(String, Secret),
    Signs(Signer),
}

impl Default for Keys {
    fn default() -> Self {
        Self::reading(|_| None)
    }
}

impl Keys {
    /// The default credentials, with an environment as a front end has it: this crate reads
    /// none.
    #[must_use]
    pub fn reading(environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(Inner {
            environment: Arc::new(environment),
            credentials: Credential::defaults(),
            memory: Arc::default(),
            tell: None,
            asked: OnceCell::new(),
        })
    }

    /// The two default keys (`OPENAI_API_KEY`, `ANTHROPIC_API_KEY`) by value.
    #[must_use]
    pub fn new(openai: Option<&str>, anthropic: Option<&str>) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let (openai, anthropic) = (own(openai), own(anthropic));
        Self::reading(move |variable| match variable {
            "OPENAI_API_KEY" => openai.clone(),
            "ANTHROPIC_API_KEY" => anthropic.clone(),
            _ => None,
        })
    }

    /// The same environment with the credentials of a policy, and the same memory of what
    /// was a secret.
    #[must_use]
    pub fn with(&self, credentials: &BTreeMap<Name, Credential>) -> Self {
        self.remade(credentials.clone(), self.0.tell.clone())
    }

    /// The same, telling the operator which credential cannot be read, and so cannot be
    /// looked for in answers: once for each, however many share its memory.
    #[must_use]
    pub fn telling(&self, tell: Arc<dyn Fn(String) + Send + Sync>) -> Self {
        self.remade(self.0.credentials.clone(), Some(tell))
    }

    fn remade(&self, credentials: BTreeMap<Name, Credential>, tell: Option<Arc<Tell>>) -> Self {
        let (environment, memory) = (Arc::clone(&self.0.environment), Arc::clone(&self.0.memory));
        Self::of(Inner { environment, credentials, memory, tell, asked: OnceCell::new() })
    }

    fn of(inner: Inner) -> Self {
        // What is in the environment anyway is looked for before it is ever sent.
        for credential in inner.credentials.values() {
            if let Source::Env(variable) = &credential.source
                && let Some(text) = (inner.environment)(variable)
                && let Ok(secret) = held(credential, &text)
            {
                inner.memory.remember(&credential.source, &secret);
            }
        }
        Self(Arc::new(inner))
    }

    /// Sees to it that every credential is known to the [`Finder`], whether it is ever sent
    /// from here or not: a server may show what it was sent by somebody else, or an hour
    /// ago. Asked before each exchange: a file is read where it is another one than at the
    /// last look, a program is asked once by whoever shares this memory, and again only
    /// where its secret is sent.
    pub(crate) async fn know(&self) {
        let inner = &self.0;
        if inner.credentials.values().any(|one| matches!(one.source, Source::File(_))) {
            let inner = Arc::clone(inner);
            let looked = tokio::task::spawn_blocking(move || inner.look_at_files());
            // What is not read by then is unknown, as what cannot be read.
            let _ = tokio::time::timeout(READ_MAX, looked).await;
        }
        inner.asked.get_or_init(|| inner.ask_programs()).await;
    }

    /// The credential of a model's provider for a target. Bound elsewhere or absent is no
    /// error: there are servers without keys.
    ///
    /// # Errors
    /// Where a key should go and cannot.
    pub(crate) async fn of_vendor(
        &self,
        kind: ProviderKind,
        target: &Target,
    ) -> Result<Result<dial::Credential, NoCredential>, String> {
        let name = Name::new(kind.as_str()).map_err(|error| error.to_string())?;
        let origin = Origin(target.origin());
        match self.placed(&name, &origin, target.network()).await {
            Ok(Placed::Header(credential)) => Ok(Ok(credential)),
            Ok(Placed::Query(..) | Placed::Signs(_)) => {
                Err(format!("the credential `{name}` goes into no header, and a model's key does"))
            }
            Err(why @ (NoCredential::Absent(_) | NoCredential::Bound { .. })) => Ok(Err(why)),
            Err(why) => Err(why.to_string()),
        }
    }

    /// A credential, read now, for an origin.
    ///
    /// # Errors
    /// [`NoCredential`].
    pub(crate) async fn placed(
        &self,
        name: &Name,
        origin: &Origin,
        network: &Network,
    ) -> Result<Placed, NoCredential> {
        let credential = self.0.credentials.get(name);
        let credential =
            credential.ok_or_else(|| NoCredential::Absent(format!("the credential `{name}`")))?;
        let called = credential.called().to_owned();
        let here = credential.loopback && origin.is_loopback() && *network == Network::Loopback;
        // One that is not there has no place: that is said first, where it costs nothing.
        if let Source::Env(variable) = &credential.source
            && (self.0.environment)(variable).is_none_or(|text| text.trim().is_empty())
        {
            return Err(NoCredential::Absent(called));
        }
        if credential.origin != *origin && !here {
            let (origin, loopback) = (credential.origin.clone(), credential.loopback);
            return Err(NoCredential::Bound { name: called, origin, loopback });
        }
        let unusable = |why: String| NoCredential::Unusable { name: called.clone(), why };
        let text = self.text(credential).await?;
        let secret = held(credential, &text).map_err(|error| unusable(error.to_string()))?;
        self.0.memory.remember(&credential.source, &secret);
        match &credential.place {
            Place::Query(parameter) => Ok(Placed::Query(parameter.clone(), secret)),
            Place::Signature => {
                let signer = Signer::with(&secret);
                Ok(Placed::Signs(signer.map_err(|error| unusable(error.to_string()))?))
            }
            Place::Header { name: header, prefix } => {
                let header = HeaderName::try_from(header.as_str());
                let header = header.map_err(|error| unusable(error.to_string()))?;
                let value = secret.header(prefix);
                let value = value.ok_or_else(|| unusable("no header can carry it".into()))?;
                Ok(Placed::Header(dial::Credential { name: called, header, value }))
            }
        }
    }

    async fn text(&self, credential: &Credential) -> Result<Zeroizing<String>, NoCredential> {
        let called = credential.called().to_owned();
        let unreadable = |why: String| NoCredential::Unreadable { name: called.clone(), why };
        let text = match &credential.source {
            Source::Env(variable) => {
                Zeroizing::new((self.0.environment)(variable).unwrap_or_default())
            }
            Source::File(path) => {
                let (path, unread) = (path.clone(), unreadable("the host is ending".into()));
                let read = tokio::task::spawn_blocking(move || file(&path)).await;
                read.map_err(|_| unread)?.map_err(|error| unreadable(error.to_string()))?
            }
            Source::Command(words) => match self.0.memory.printed(&credential.source) {
                Some(text) => text,
                None => {
                    let text = printed(words).await.map_err(unreadable)?;
                    self.0.memory.prints(&credential.source, text.clone());
                    text
                }
            },
        };
        if text.trim().is_empty() { Err(NoCredential::Absent(called)) } else { Ok(text) }
    }

    /// Looks for every value that was ever read here: an answer may hold none of them,
    /// whoever it is from.
    pub(crate) fn finder(&self) -> Arc<Finder> {
        self.0.memory.finder()
    }

    /// A text without any of them: the last net under everything that is shown.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        self.finder().scrub(text)
    }
}

impl Inner {
    /// Reads every file that is another one than at the last look. Blocks.
    fn look_at_files(&self) {
        for (name, credential) in &self.credentials {
            let Source::File(path) = &credential.source else { continue };
            if self.memory.is_as_it_was(path, Stamp::of(path)) {
                continue;
            }
            let read = file(path).map_err(|error| format!("{path}: {error}"));
            self.learn(name, credential, read);
        }
    }

    /// Asks every program that nobody has asked yet, all at once.
    async fn ask_programs(&self) {
        let mut asked = JoinSet::new();
        for (name, credential) in &self.credentials {
            let Source::Command(words) = &credential.source else { continue };
            if !self.memory.has_printed(&credential.source) {
                let (name, words) = (name.clone(), words.clone());
                asked.spawn(async move { (name, printed(&words).await) });
            }
        }
        while let Some(answered) = asked.join_next().await {
            let Ok((name, text)) = answered else { continue };
            let Some(credential) = self.credentials.get(&name) else { continue };
            if let Ok(text) = &text {
                self.memory.prints(&credential.source, text.clone());
            }
            let text = text.map_err(|why| format!("{}: {why}", credential.called()));
            self.learn(&name, credential, text);
        }
    }

    /// Whoever does not need it goes on without one that cannot be read.
    fn learn(&self, name: &Name, credential: &Credential, text: Result<Zeroizing<String>, String>) {
        let secret = text.and_then(|text| {
            held(credential, &text).map_err(|error| format!("{}: {error}", credential.called()))
        });
        match (secret, &self.tell) {
            (Ok(secret), _) => self.memory.remember(&credential.source, &secret),
            (Err(why), Some(tell)) if self.memory.is_first_said(&credential.source) => {
                tell(format!(
                    "the credential `{name}` is not known here, so an answer that holds it would not be noticed: {why}; it is the admin's, under [credentials.{name}] in policy.toml"
                ))
            }
            (Err(_), _) => {}
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.credentials.keys()).finish()
    }
}

fn held(credential: &Credential, text: &str) -> Result<Secret, crate::secret::NotASecret> {
    if credential.weak { Secret::weak(text) } else { Secret::new(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-test-0123456789abcdef";

    async fn sent(keys: &Keys, kind: ProviderKind, base: &str) -> bool {
        keys.of_vendor(kind, &Target::parse(base).unwrap()).await.unwrap().is_ok()
    }

    #[tokio::test]
    async fn a_default_key_is_bound_to_its_vendor_or_loopback() {
        let keys = Keys::new(Some(KEY), Some(KEY));
        for good in [
            "https://api.openai.com/v1",
            "http://127.0.0.1:8080/v1",
            "http://localhost:1/",
            "http://[::1]:9/",
        ] {
            assert!(sent(&keys, ProviderKind::Openai, good).await, "{good}");
        }
        for bad in [
            "http://api.openai.com/v1",
            "https://api.openai.com:8443/v1",
            "https://api.openai.com.evil.example/v1",
            "https://api.anthropic.com",
            "https://llm.example.com/v1",
            "http://localhost.evil.example/",
            "https://10.0.0.1/",
        ] {
            assert!(!sent(&keys, ProviderKind::Openai, bad).await, "{bad}");
        }
        assert!(sent(&keys, ProviderKind::Anthropic, "https://api.anthropic.com").await);
        assert!(!sent(&keys, ProviderKind::Anthropic, "https://api.openai.com").await);
    }

    #[tokio::test]
    async fn an_unusable_key_is_refused_where_it_would_be_sent() {
        let keys = Keys::new(Some("short"), None);
        let target = |base: &str| Target::parse(base).unwrap();
        let here = target("http://127.0.0.1:1");
        assert!(keys.of_vendor(ProviderKind::Openai, &here).await.is_err());
        let there = target("https://llm.example.com");
        assert!(keys.of_vendor(ProviderKind::Openai, &there).await.unwrap().is_err());
        assert!(!format!("{keys:?}").contains("short"));
    }

    fn bound(source: Source) -> (Keys, Name, Origin) {
        let origin = Origin("https://api.example.com".into());
        let credential = Credential {
            source,
            origin: origin.clone(),
            loopback: false,
            place: Place::Query("key".into()),
            weak: false,
        };
        let name = Name::new("example").unwrap();
        let keys = Keys::default().with(&[(name.clone(), credential)].into());
        (keys, name, origin)
    }

    async fn value(keys: &Keys, name: &Name, origin: &Origin) -> Result<String, NoCredential> {
        match keys.placed(name, origin, &Network::Public).await? {
            Placed::Query(_, secret) => Ok(secret.text().to_owned()),
            Placed::Header(_) | Placed::Signs(_) => panic!("it goes into the query"),
        }
    }

    #[tokio::test]
    async fn a_file_is_read_at_each_use_and_what_it_held_is_still_looked_for() {
        let path = std::env::temp_dir().join(format!("bailiwick-key-{}", std::process::id()));
        let text = path.display().to_string();
        let (keys, name, origin) = bound(Source::File(text));
        std::fs::write(&path, "first-0123456789abcdef\n").unwrap();
        assert_eq!(value(&keys, &name, &origin).await.unwrap(), "first-0123456789abcdef");
        std::fs::write(&path, "second-0123456789abcdef").unwrap();
        assert_eq!(value(&keys, &name, &origin).await.unwrap(), "second-0123456789abcdef");
        for told in ["first-0123456789abcdef", "second-0123456789abcdef"] {
            assert_eq!(keys.scrub(told), "[redacted]");
        }
        std::fs::write(&path, "short").unwrap();
        let refused = value(&keys, &name, &origin).await.unwrap_err();
        assert!(matches!(refused, NoCredential::Unusable { .. }), "{refused}");
        std::fs::write(&path, "").unwrap();
        assert!(matches!(value(&keys, &name, &origin).await, Err(NoCredential::Absent(_))));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(value(&keys, &name, &origin).await, Err(NoCredential::Unreadable { .. })));
    }

    #[tokio::test]
    async fn a_program_is_asked_without_a_shell() {
        let words = |words: &[&str]| Source::Command(words.iter().map(|w| (*w).into()).collect());
        let (keys, name, origin) = bound(words(&["/bin/echo", "$HOME-0123456789abcdef"]));
        assert_eq!(value(&keys, &name, &origin).await.unwrap(), "$HOME-0123456789abcdef");
        let elsewhere = Origin("https://evil.example".into());
        assert!(matches!(value(&keys, &name, &elsewhere).await, Err(NoCredential::Bound { .. })));
        let (keys, name, origin) = bound(words(&["/bin/false"]));
        assert!(matches!(value(&keys, &name, &origin).await, Err(NoCredential::Unreadable { .. })));
        // Refused by the system, as every program is under a host that has locked itself.
        let (keys, name, origin) = bound(words(&["/dev/null"]));
        let refused = value(&keys, &name, &origin).await.unwrap_err().to_string();
        assert!(refused.contains("starts no programs; take `env` or `file`"), "{refused}");
    }
}
