//! The secrets of one project's policy: read at each use, handed out for the origin that each is bound to, and looked for in whatever comes back. The only place that reads one.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bailiwick_core::Name;
use bailiwick_policy::credential::{Place, Source};
use bailiwick_policy::{Credential, Network, Origin, ProviderKind};
use reqwest::header::HeaderName;
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use crate::dial;
use crate::secret::{Finder, Secret};
use crate::signature::Signer;
use crate::target::Target;

/// The values of one credential that are looked for: today's, and those before it, which
/// an echo may still give back.
const VALUES_MAX: usize = 8;
/// The most that a file or a program may give: far above the largest secret.
const SOURCE_MAX_BYTES: u64 = 64 * 1024;
/// The longest that a program may take.
const COMMAND_MAX: Duration = Duration::from_secs(10);
/// How long a program's answer holds: vaults are slow, and a rotation lets both values live
/// for longer than that.
const COMMAND_FRESH: Duration = Duration::from_secs(60);

type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;

/// All credentials, and the values that they have had. Clones share both.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    environment: Arc<Environment>,
    credentials: BTreeMap<Name, Credential>,
    known: Mutex<Known>,
}

/// What was read so far.
#[derive(Default)]
struct Known {
    values: BTreeMap<Name, Vec<Secret>>,
    printed: BTreeMap<Name, (Instant, Zeroizing<String>)>,
    finder: Arc<Finder>,
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
        Self::of(Arc::new(environment), Credential::defaults())
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

    /// The same environment with the credentials of a policy.
    #[must_use]
    pub fn with(&self, credentials: &BTreeMap<Name, Credential>) -> Self {
        Self::of(Arc::clone(&self.0.environment), credentials.clone())
    }

    fn of(environment: Arc<Environment>, credentials: BTreeMap<Name, Credential>) -> Self {
        let keys = Self(Arc::new(Inner { environment, credentials, known: Mutex::default() }));
        // What is in the environment anyway is looked for before it is ever sent.
        for (name, credential) in &keys.0.credentials {
            if let Source::Env(variable) = &credential.source
                && let Some(text) = (keys.0.environment)(variable)
                && let Ok(secret) = held(credential, &text)
            {
                keys.remember(name, &secret);
            }
        }
        keys
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
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
        let text = self.text(name, credential).await?;
        let secret = held(credential, &text).map_err(|error| unusable(error.to_string()))?;
        self.remember(name, &secret);
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

    async fn text(
        &self,
        name: &Name,
        credential: &Credential,
    ) -> Result<Zeroizing<String>, NoCredential> {
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
            Source::Command(words) => {
                let fresh = self.known().printed.get(name).cloned();
                match fresh.filter(|(at, _)| at.elapsed() < COMMAND_FRESH) {
                    Some((_, text)) => text,
                    None => {
                        let text = printed(words).await.map_err(unreadable)?;
                        self.known().printed.insert(name.clone(), (Instant::now(), text.clone()));
                        text
                    }
                }
            }
        };
        if text.trim().is_empty() { Err(NoCredential::Absent(called)) } else { Ok(text) }
    }

    /// From now on an answer with this value is thrown away.
    fn remember(&self, name: &Name, secret: &Secret) {
        let mut known = self.known();
        let values = known.values.entry(name.clone()).or_default();
        if values.iter().any(|value| value.text() == secret.text()) {
            return;
        }
        if values.len() >= VALUES_MAX {
            values.remove(0);
        }
        values.push(secret.clone());
        known.finder = Arc::new(Finder::of(known.values.values().flatten()));
    }

    /// Looks for every value that was ever read here: an answer may hold none of them,
    /// whoever it is from.
    pub(crate) fn finder(&self) -> Arc<Finder> {
        Arc::clone(&self.known().finder)
    }

    /// A text without any of them: the last net under everything that is shown.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        self.finder().scrub(text)
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

/// What a file holds, however it is replaced: it is opened anew each time.
fn file(path: &str) -> std::io::Result<Zeroizing<String>> {
    use std::io::Read as _;
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)?.take(SOURCE_MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// What a program prints. It gets no input; what it complains of is nobody's, because it
/// may hold the secret.
async fn printed(words: &[String]) -> Result<Zeroizing<String>, String> {
    let Some((program, arguments)) = words.split_first() else { return Err("no program".into()) };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn().map_err(|error| not_started(&error))?;
    let output = child.stdout.take().ok_or("it has no output")?;
    let mut text = Zeroizing::new(String::new());
    let ended = async {
        output.take(SOURCE_MAX_BYTES).read_to_string(&mut text).await?;
        child.wait().await
    };
    match tokio::time::timeout(COMMAND_MAX, ended).await {
        Ok(Ok(status)) if status.success() => Ok(text),
        Ok(Ok(status)) => Err(format!("it ended with {status}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it took more than {} s", COMMAND_MAX.as_secs())),
    }
}

/// Why a program did not start. That a host locks itself is nothing that the system's words
/// would tell anybody.
fn not_started(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::Unsupported => format!(
            "its `command` was not started ({error}): a host that locks itself, as `bailiwick serve` does, starts no programs; take `env` or `file` in policy.toml, or serve with --unlocked"
        ),
        _ => error.to_string(),
    }
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
