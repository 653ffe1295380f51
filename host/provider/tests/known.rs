//! Secrets that were never sent from here: known before the first exchange all the same, and for as long as the host lives.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod scripted;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bailiwick_core::ports::Durable;
use bailiwick_core::{Bytes, Digest, Name, Timestamp};
use bailiwick_gate::http::{Exchange, Exchanged, HttpError, HttpProvider as _};
use bailiwick_gate::provider::ProviderError;
use bailiwick_policy::credential::{Place, Source};
use bailiwick_policy::http::Method;
use bailiwick_policy::{Credential, Network, Origin, ProviderKind};
use bailiwick_provider::{Keys, Providers};
use scripted::{PATIENCE, Server, complete, http, request, route};
use url::Url;

const FIRST: &str = "whk-first-0123456789abcdef-TOPSECRET";
const SECOND: &str = "whk-second-0123456789abcdef-TOPSECRET";

/// What a rule without any credential asks, of a server that shows what others sent it.
async fn log(providers: &Providers, server: &Server) -> Result<Exchanged, HttpError> {
    let (url, key) = (Url::parse(&server.base).unwrap(), Digest::of(b"key"));
    let exchange = Exchange {
        lane: "reader 0",
        method: Method::Get,
        url: &url,
        headers: &[],
        body: b"",
        network: &Network::Loopback,
        credential: None,
        stripped: false,
        response_max: Bytes(1000),
        idempotency_key: &key,
        at: Timestamp(0),
        timeout: PATIENCE,
    };
    providers.exchange(&Durable::attest(1), exchange).await
}

/// The credentials of a policy: one for each source, for a host that nobody asks here.
fn policy(sources: impl IntoIterator<Item = Source>) -> BTreeMap<Name, Credential> {
    let one = |(number, source)| {
        let credential = Credential {
            source,
            origin: Origin("https://hooks.example.com".into()),
            loopback: false,
            place: Place::Header { name: "authorization".into(), prefix: "Bearer ".into() },
            weak: false,
        };
        (Name::new(&format!("c{number}")).unwrap(), credential)
    };
    sources.into_iter().enumerate().map(one).collect()
}

fn in_file(path: &Path) -> Source {
    Source::File(path.display().to_string())
}

fn script(words: &str) -> Source {
    Source::Command(["/bin/sh", "-c", words].map(Into::into).into())
}

async fn withheld(providers: &Providers, secret: &str) -> bool {
    let server = Server::with(http("200 OK", "", &format!("\"Bearer {secret}\""))).await;
    match log(providers, &server).await {
        Err(HttpError::Withheld(_)) => true,
        Ok(_) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_secret_that_was_never_sent_is_not_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hook");
    std::fs::write(&path, FIRST).unwrap();
    for source in [in_file(&path), script(&format!("echo {FIRST}"))] {
        let keys = Keys::default().with(&policy([source.clone()]));
        assert!(withheld(&Providers::new(keys.clone()), FIRST).await, "{source:?}");
        let fresh = Providers::new(Keys::default().with(&policy([source])));
        assert!(!withheld(&fresh, "nothing of the kind").await);
        // The same of a model's answer.
        let told = http("400 Bad Request", "", &format!("{{\"error\":\"not {FIRST}\"}}"));
        let (server, anew) = (Server::with(told).await, Providers::new(keys));
        let at = route(ProviderKind::Openai, &server.base);
        let error = complete(&anew, &at, &request("Hi")).await.unwrap_err();
        assert!(
            matches!(&error, ProviderError::Rejected { detail } if detail.contains("thrown away")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_value_that_was_rotated_away_is_known_to_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hook");
    let (host, policy) = (Keys::default(), policy([in_file(&path)]));
    std::fs::write(&path, FIRST).unwrap();
    let run = Providers::new(host.with(&policy));
    assert!(withheld(&run, FIRST).await && !withheld(&run, SECOND).await);
    // Replaced, as secrets are: also the run that goes on knows it.
    let next = folder.path().join("next");
    std::fs::write(&next, SECOND).unwrap();
    std::fs::rename(&next, &path).unwrap();
    assert!(withheld(&run, SECOND).await);
    let later = Providers::new(host.with(&policy));
    assert!(withheld(&later, FIRST).await && withheld(&later, SECOND).await);
}

#[tokio::test]
async fn a_program_is_asked_once_for_all_runs_of_a_host() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let words = format!("echo asked >> {}; echo {FIRST}", count.display());
    let (host, policy) = (Keys::default(), policy([script(&words)]));
    for _ in 0..3 {
        let run = Providers::new(host.with(&policy));
        assert!(withheld(&run, FIRST).await && withheld(&run, FIRST).await);
    }
    assert_eq!(std::fs::read_to_string(count).unwrap(), "asked\n");
}

#[tokio::test]
async fn what_cannot_be_read_stops_nobody_who_does_not_use_it_and_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let (count, good) = (folder.path().join("count"), folder.path().join("good"));
    std::fs::write(&good, FIRST).unwrap();
    let failing = script(&format!("echo asked >> {}; exit 3", count.display()));
    let missing = in_file(&folder.path().join("missing"));
    let policy = policy([failing, missing, in_file(&good)]);
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&said);
    let host = Keys::default().telling(Arc::new(move |line| told.lock().unwrap().push(line)));
    for _ in 0..2 {
        let run = Providers::new(host.with(&policy));
        assert!(!withheld(&run, SECOND).await && !withheld(&run, SECOND).await);
        assert!(withheld(&run, FIRST).await);
    }
    // Each run asks the program once, and not with each request.
    assert_eq!(std::fs::read_to_string(count).unwrap(), "asked\n".repeat(2));
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 2, "{said:?}");
    for (name, why) in [("c0", "exit status: 3"), ("c1", "No such file")] {
        let line = said.iter().find(|line| line.contains(&format!("`{name}`"))).unwrap();
        assert!(line.contains(why) && line.contains(&format!("[credentials.{name}]")), "{line}");
    }
}
