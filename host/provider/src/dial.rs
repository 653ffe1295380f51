//! The one way out: every outgoing connection of the host is made by [`Dialler::dial`]. Knows no protocol above HTTP and decides nothing about who may send what.
//!
//! No proxy, no redirects, no referer, no cookies, no retries, HTTP/1.1 only. TLS is
//! rustls with ring and the system's roots. A client, and with it its pooled
//! connections, belongs to one [`Lane`]: a connection of one credential or network
//! class is never used for another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, redirect, retry};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

use crate::resolver::{Names, NotAdmitted, Resolver, SystemNames};
use crate::target::Target;
use bailiwick_policy::Network;

/// The longest that a connection may take to stand, name and TLS included: a server
/// that takes longer is down or far overloaded, and the next route is better.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// The most lanes that are kept open: an operator has a few routes; above it all idle
/// connections are dropped and made anew.
const LANES_MAX: usize = 256;
/// Idle connections kept for one lane: as many as calls usually run at once.
const IDLE_MAX: usize = 32;
/// Idle connections kept to loopback: none. Small servers (llama.cpp's) close after a
/// stream while their header says that they will not, and a request that meets this is
/// lost and charged; a fresh connection takes 50 µs there.
const IDLE_LOOPBACK_MAX: usize = 0;
/// The longest that an idle connection is kept; servers close theirs after 60 s and more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(55);
/// The most headers of an answer: vendors send up to 40.
const HEADERS_MAX: usize = 128;
/// What the host calls itself.
const USER_AGENT: &str = concat!("bailiwick/", env!("CARGO_PKG_VERSION"));

/// What may share pooled connections.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lane {
    /// Models together; of agents each rule of each.
    owner: String,
    origin: String,
    network: Network,
    credential: Option<String>,
}

/// A secret in the header that it goes out in.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    /// What people call it: `OPENAI_API_KEY`.
    pub(crate) name: String,
    /// The header.
    pub(crate) header: HeaderName,
    /// Its value, marked sensitive.
    pub(crate) value: HeaderValue,
}

/// One request on its way out.
pub(crate) struct Outgoing<'a> {
    /// Whose connections it may use.
    pub(crate) owner: &'a str,
    pub(crate) method: Method,
    pub(crate) target: &'a Target,
    pub(crate) credential: Option<&'a Credential>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// From the first byte of the connection to the last of the answer's body.
    pub(crate) timeout: Duration,
}

/// Why no answer came. Texts are for operators; they hold no URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DialError {
    /// Not dialled: nothing left the host.
    #[error("{0}")]
    NotAdmitted(#[from] NotAdmitted),
    /// No connection: nothing left the host.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// It took too long; the request may have been worked on.
    #[error("no complete answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The connection ended early; the request may have been worked on.
    #[error("the connection broke off: {0}")]
    BrokenOff(String),
}

/// Makes every outgoing connection of the host.
pub(crate) struct Dialler {
    lanes: Mutex<BTreeMap<Lane, Client>>,
    verifier: OnceLock<Result<Arc<Verifier>, String>>,
    names: Arc<dyn Names>,
    /// Roots that are trusted besides the system's.
    roots: Vec<CertificateDer<'static>>,
}

impl Default for Dialler {
    fn default() -> Self {
        Self {
            lanes: Mutex::default(),
            verifier: OnceLock::new(),
            names: Arc::new(SystemNames),
            roots: Vec::new(),
        }
    }
}

impl Dialler {
    /// The same with another resolver.
    pub(crate) fn asking(self, names: Arc<dyn Names>) -> Self {
        Self { names, ..self }
    }

    /// The same with more roots.
    pub(crate) fn trusting(self, roots: Vec<CertificateDer<'static>>) -> Self {
        Self { roots, ..self }
    }

    /// Sends one request and gives the head of its answer.
    ///
    /// # Errors
    /// [`DialError`].
    pub(crate) async fn dial(&self, outgoing: Outgoing<'_>) -> Result<Response, DialError> {
        let Outgoing { owner, method, target, credential, mut headers, body, timeout } = outgoing;
        let resolver =
            Resolver { network: target.network().clone(), names: Arc::clone(&self.names) };
        if let Some(address) = target.literal() {
            resolver.literal(target.host(), address)?;
        }
        let lane = Lane {
            owner: owner.to_owned(),
            origin: target.origin(),
            network: target.network().clone(),
            credential: credential.map(|credential| credential.name.clone()),
        };
        let client = self.client(lane, target.is_https(), resolver)?;
        if let Some(Credential { header, value, .. }) = credential {
            headers.insert(header.clone(), value.clone());
        }
        let request = client
            .request(method, target.url().clone())
            .headers(headers)
            .body(body)
            .timeout(timeout);
        request.send().await.map_err(|error| broken(error, timeout))
    }

    fn client(&self, lane: Lane, https: bool, resolver: Resolver) -> Result<Client, DialError> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = lanes.get(&lane) {
            return Ok(client.clone());
        }
        let idle = match lane.network {
            Network::Loopback => IDLE_LOOPBACK_MAX,
            Network::Public | Network::Private | Network::Blocks(_) => IDLE_MAX,
        };
        let client = Client::builder()
            .tls_backend_preconfigured(self.tls(https)?)
            .dns_resolver(resolver)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .http1_only()
            .http1_max_headers(HEADERS_MAX)
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(idle)
            .user_agent(USER_AGENT)
            .build()
            .map_err(|error| DialError::NoConnection(error.without_url().to_string()))?;
        if lanes.len() >= LANES_MAX {
            lanes.clear();
        }
        lanes.insert(lane, client.clone());
        Ok(client)
    }

    /// A configuration of its own for each lane, so that sessions are not shared either.
    /// The system's roots are read at the first https target: a machine without any can
    /// still reach its loopback.
    fn tls(&self, https: bool) -> Result<rustls::ClientConfig, DialError> {
        let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| DialError::NoConnection(error.to_string()))?;
        if !https {
            return Ok(builder
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth());
        }
        let verifier = self.verifier.get_or_init(|| {
            Verifier::new_with_extra_roots(self.roots.iter().cloned(), provider)
                .map(Arc::new)
                .map_err(|error| format!("no root certificates: {error}"))
        });
        let verifier = verifier.clone().map_err(DialError::NoConnection)?;
        Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }
}

/// What a failed exchange means: whether bytes of the request may have left.
pub(crate) fn broken(error: reqwest::Error, timeout: Duration) -> DialError {
    let error = error.without_url();
    let mut causes = Vec::new();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(&error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<NotAdmitted>() {
            return DialError::NotAdmitted(refused.clone());
        }
        causes.push(inner.to_string());
        cause = inner.source();
    }
    // The innermost cause is the one that tells: "connection refused", "invalid certificate".
    let innermost = causes.pop().unwrap_or_else(|| error.to_string());
    if error.is_connect() {
        DialError::NoConnection(innermost)
    } else if error.is_timeout() {
        DialError::TimedOut(timeout)
    } else if error.is_builder() {
        DialError::NoConnection(innermost)
    } else {
        DialError::BrokenOff(innermost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lane_is_one_origin_and_one_credential() {
        let dialler = Dialler::default();
        let lane_of = |owner: &str, base: &str, credential: Option<&str>| {
            let target = Target::parse(base).unwrap();
            let network = target.network().clone();
            let lane = Lane {
                owner: owner.into(),
                origin: target.origin(),
                network: network.clone(),
                credential: credential.map(Into::into),
            };
            let resolver = Resolver { network, names: Arc::new(SystemNames) };
            dialler.client(lane, false, resolver).unwrap();
            dialler.lanes.lock().unwrap().len()
        };
        let lane = |base: &str, credential| lane_of("model", base, credential);
        assert_eq!(lane("http://127.0.0.1:1/v1", Some("OPENAI_API_KEY")), 1);
        assert_eq!(lane("http://127.0.0.1:1/other", Some("OPENAI_API_KEY")), 1);
        assert_eq!(lane("http://127.0.0.1:1/v1", Some("ANTHROPIC_API_KEY")), 2);
        assert_eq!(lane("http://127.0.0.1:1/v1", None), 3);
        assert_eq!(lane("http://127.0.0.1:2/v1", None), 4);
        assert_eq!(lane("http://localhost:1/v1", None), 5);
        assert_eq!(lane_of("research 0", "http://127.0.0.1:1/v1", None), 6);
        assert_eq!(lane_of("research 1", "http://127.0.0.1:1/v1", None), 7);
        let many = (0..LANES_MAX).map(|n| lane(&format!("http://127.0.0.1:{}", n + 100), None));
        assert!(many.max() <= Some(LANES_MAX));
    }
}
