//! The gate's port to models, answered: each call goes to whom its route names. Decides nothing else.

use std::sync::Arc;

use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_gate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, ImageRequest, Images,
};
use bailiwick_gate::provider::{ModelProvider, ProviderCall, ProviderError};
use bailiwick_policy::{ProviderKind, Route};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::dial::Dialler;
use crate::keys::Keys;
use crate::resolver::Names;
use crate::server::Server;
use crate::{anthropic, builtin, openai};

/// A file that holds no certificates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {why}")]
pub struct NotACertificate {
    /// Which one.
    pub file: String,
    /// In the parser's words.
    pub why: String,
}

/// All providers of models of one project: its connections are shared with no other.
///
/// ```
/// use bailiwick_provider::{Keys, Providers};
///
/// // A front end reads the environment and hands down what it found.
/// let providers = Providers::new(Keys::new(Some("sk-0123456789abcdef"), None));
/// assert!(!format!("{providers:?}").contains("sk-"));
/// ```
pub struct Providers {
    pub(crate) dialler: Dialler,
    pub(crate) keys: Keys,
}

impl Providers {
    /// Providers with these keys. Connects to nothing yet and reads nothing.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Self { dialler: Dialler::default(), keys }
    }

    /// The same, asking somebody else for the addresses of names.
    #[must_use]
    pub fn asking(self, names: Arc<dyn Names>) -> Self {
        Self { dialler: self.dialler.asking(names), ..self }
    }

    /// The same, trusting the certificates of these files (PEM) besides the system's roots.
    ///
    /// # Errors
    /// [`NotACertificate`] with the first file that has none.
    pub fn trusting(self, files: &[(String, Vec<u8>)]) -> Result<Self, NotACertificate> {
        let mut roots = Vec::new();
        for (file, pem) in files {
            let refused = |why: String| NotACertificate { file: file.clone(), why };
            let before = roots.len();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                roots.push(certificate.map_err(|error| refused(error.to_string()))?);
            }
            if roots.len() == before {
                return Err(refused("it has no certificate".into()));
            }
        }
        Ok(Self { dialler: self.dialler.trusting(roots), ..self })
    }

    async fn server(&self, route: &Route) -> Result<Server<'_>, ProviderError> {
        Server::of(route, &self.dialler, &self.keys).await
    }
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Providers").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl ModelProvider for Providers {
    fn complete<'a>(
        &'a self,
        _durable: &'a Durable,
        call: ProviderCall<'a, CompleteRequest>,
    ) -> BoxFuture<'a, Result<Completion, ProviderError>> {
        Box::pin(async move {
            match call.route.provider {
                ProviderKind::Builtin => {
                    apart(call.request, |request| Ok(builtin::complete(request))).await
                }
                ProviderKind::Openai => {
                    openai::complete(&self.server(call.route).await?, call).await
                }
                ProviderKind::Anthropic => {
                    anthropic::complete(&self.server(call.route).await?, call).await
                }
            }
        })
    }

    fn embed<'a>(
        &'a self,
        _durable: &'a Durable,
        call: ProviderCall<'a, EmbedRequest>,
    ) -> BoxFuture<'a, Result<Embedding, ProviderError>> {
        Box::pin(async move {
            match call.route.provider {
                ProviderKind::Builtin => {
                    apart(call.request, |request| Ok(builtin::embed(request))).await
                }
                ProviderKind::Openai => openai::embed(&self.server(call.route).await?, call).await,
                ProviderKind::Anthropic => Err(unsupported("embeddings")),
            }
        })
    }

    fn generate_image<'a>(
        &'a self,
        _durable: &'a Durable,
        call: ProviderCall<'a, ImageRequest>,
    ) -> BoxFuture<'a, Result<Images, ProviderError>> {
        Box::pin(async move {
            match call.route.provider {
                ProviderKind::Builtin => apart(call.request, builtin::generate_image).await,
                ProviderKind::Openai => {
                    openai::generate_image(&self.server(call.route).await?, call).await
                }
                ProviderKind::Anthropic => Err(unsupported("images to generate")),
            }
        })
    }
}

/// Composing and painting take time on a processor: they run where they hold up no other call.
async fn apart<R, A>(
    request: &R,
    compose: fn(&R) -> Result<A, ProviderError>,
) -> Result<A, ProviderError>
where
    R: Clone + Send + Sync + 'static,
    A: Send + 'static,
{
    let request = request.clone();
    let composed = tokio::task::spawn_blocking(move || compose(&request)).await;
    composed.unwrap_or_else(|_| {
        let detail = "the built-in provider was stopped".to_owned();
        Err(ProviderError::Unavailable { detail, retry_after: None, left: false })
    })
}

fn unsupported(what: &str) -> ProviderError {
    ProviderError::Unsupported { detail: format!("the anthropic provider has no {what}") }
}
