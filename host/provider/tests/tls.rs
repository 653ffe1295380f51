//! TLS: a server is believed by the system's roots and by those that policy names for the project, and by its name.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_core::{Bytes, Digest, Timestamp};
use bailiwick_gate::http::{Exchange, Exchanged, HttpError, HttpProvider as _};
use bailiwick_policy::Network;
use bailiwick_policy::http::Method;
use bailiwick_provider::{Keys, Names, Providers};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

const AUTHORITY: &[u8] = include_bytes!("tls/authority.pem");
const SERVER: &[u8] = include_bytes!("tls/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("tls/server.key");

/// Every name is at this machine's loopback.
struct Here;

impl Names for Here {
    fn addresses<'a>(&'a self, _: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) })
    }
}

/// A server that is tls.example, and answers `ok`.
async fn server() -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = CertificateDer::pem_slice_iter(SERVER).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            // Who does not believe the certificate hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

async fn get(providers: &Providers, url: &str) -> Result<Exchanged, HttpError> {
    let (url, key) = (Url::parse(url).unwrap(), Digest::of(b"key"));
    let exchange = Exchange {
        lane: "tests 0",
        method: Method::Get,
        url: &url,
        headers: &[],
        body: b"",
        network: &Network::Loopback,
        credential: None,
        stripped: false,
        response_max: Bytes(100),
        idempotency_key: &key,
        at: Timestamp(1_614_265_330_123),
        timeout: Duration::from_secs(60),
    };
    providers.exchange(&Durable::attest(1), exchange).await
}

fn trusting(pem: &[u8]) -> Result<Providers, String> {
    let files = [("corp.pem".to_owned(), pem.to_vec())];
    let providers = Providers::new(Keys::default()).asking(Arc::new(Here));
    providers.trusting(&files).map_err(|error| error.to_string())
}

#[tokio::test]
async fn roots_of_the_policy_are_trusted_besides_the_systems_and_names_are_checked() {
    let port = server().await;
    let stranger = Providers::new(Keys::default()).asking(Arc::new(Here));
    let url = format!("https://tls.example:{port}/");
    let refused = get(&stranger, &url).await.unwrap_err();
    assert!(matches!(refused, HttpError::Unavailable { left: false, .. }), "{refused:?}");
    let believing = trusting(AUTHORITY).unwrap();
    assert_eq!(get(&believing, &url).await.unwrap().response.body, b"ok");
    let other = get(&believing, &format!("https://other.example:{port}/")).await.unwrap_err();
    assert!(matches!(other, HttpError::Unavailable { left: false, .. }), "{other:?}");
}

#[test]
fn a_file_without_a_certificate_is_refused_by_its_name() {
    for pem in [&b""[..], b"no certificate", SERVER_KEY] {
        let Err(refused) = trusting(pem) else { panic!("it was taken") };
        assert!(refused.starts_with("corp.pem: "), "{refused}");
    }
}
