//! Who is told who asks: realms, tokens, credentials, and registries that want more of them.

use bailiwick_core::Name;
use bailiwick_policy::registry::RegistryRule;
use bailiwick_provider::registry::{RegistryError, Retry};

use super::fake::{Fake, Reply, Request, honest, http, manifest, serving};
use super::{COMPONENT, HASTY, SECRET, ana, anonymous, origin, pull, pulled, reference, rule};

const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.a-token-of-the-realm";

/// A registry that wants a token of a realm, and then gives its component.
fn wants_token(realm: String) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let honest = honest(COMPONENT);
    move |request: &Request| match request.header("authorization") {
        Some(value) if value == format!("Bearer {TOKEN}") => honest(request),
        _ => {
            let asks = format!(
                "Bearer realm=\"{realm}\",service=\"here\",scope=\"repository:secret/other:*\""
            );
            Reply::Bytes(http("401 Unauthorized", &[("www-authenticate", &asks)], b""))
        }
    }
}

fn gives_token(_: &Request) -> Reply {
    Reply::Bytes(http("200 OK", &[], format!("{{\"token\": \"{TOKEN}\"}}").as_bytes()))
}

fn with_ana(fake: &Fake) -> RegistryRule {
    RegistryRule { credential: Some(Name::new("ana").unwrap()), ..rule(&fake.host) }
}

#[tokio::test]
async fn a_token_is_asked_for_once_for_this_name_and_goes_to_the_registry_alone() {
    let storage = Fake::start(|_| honest(COMPONENT)).await;
    let (there, realm_of) = (storage.host.clone(), |host: &str| format!("http://{host}/token"));
    let fake = Fake::start(|host| {
        let wants = wants_token(realm_of(&host));
        move |request: &Request| match request.line.as_str() {
            line if line.starts_with("GET /token") => gives_token(request),
            line if line.starts_with("GET /v2/acme/draft/blobs/") => {
                let to = format!("http://{there}/v2/acme/draft/blobs/x");
                Reply::Bytes(http("307 Elsewhere", &[("location", &to)], b""))
            }
            _ => wants(request),
        }
    })
    .await;
    let providers = ana(&origin(&fake), "Basic ");
    let listed = RegistryRule { blobs: vec![origin(&storage)], ..with_ana(&fake) };
    let (written, came) = pull(&providers, listed, &reference(&fake), HASTY).await;
    assert!(came.is_ok() && written == COMPONENT, "{came:?}");
    let asked = fake.requests();
    let seen = |at: usize| (asked[at].line.as_str(), asked[at].header("authorization"));
    assert_eq!(asked.len(), 4);
    // Nothing goes along before it is asked for.
    assert_eq!(seen(0), ("GET /v2/acme/draft/manifests/1.0.0", None));
    // The scope is ours, whatever the registry says that it wants.
    assert_eq!(asked[1].line, "GET /token?service=here&scope=repository%3Aacme%2Fdraft%3Apull");
    assert_eq!(asked[1].header("authorization"), Some(&*format!("Basic {SECRET}")));
    assert_eq!(asked[2].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(asked[3].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    // Where it keeps its blobs, nobody is told anything.
    assert_eq!(storage.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_realm_that_is_not_the_registrys_and_not_listed_is_not_asked() {
    let realm = Fake::start(|_| gives_token).await;
    let fake = Fake::start(|_| wants_token(format!("http://{}/token", realm.host))).await;
    let providers = ana(&origin(&realm), "Basic ");
    let error = pull(&providers, with_ana(&fake), &reference(&fake), HASTY).await.1.unwrap_err();
    assert_eq!(error, RegistryError::RealmElsewhere(origin(&realm)));
    assert!(error.hint().unwrap().contains(&format!("realms = [\"{}\"]", origin(&realm))));
    assert_eq!((error.retry(), realm.requests().len()), (Retry::No, 0));
    // With the line it is, and the credential goes there and not to the registry.
    let listed = RegistryRule { realms: vec![origin(&realm)], ..with_ana(&fake) };
    let (written, came) = pull(&providers, listed, &reference(&fake), HASTY).await;
    assert!(came.is_ok() && written == COMPONENT, "{came:?}");
    assert_eq!(realm.requests()[0].header("authorization"), Some(&*format!("Basic {SECRET}")));
    assert!(fake.requests().iter().all(|request| !request.head.contains(SECRET)));
}

#[tokio::test]
async fn a_realm_that_is_no_place_or_gives_nonsense_ends_it() {
    for realm in ["", "token", "file:///etc/passwd", "http://a:b@127.0.0.1/x", "https://"] {
        let fake = Fake::start(|_| wants_token(realm.into())).await;
        let error = pulled(&fake).await.unwrap_err();
        let is = matches!(error, RegistryError::NoRegistry(_) | RegistryError::Unauthorized { .. });
        assert!(is, "{realm}: {error:?}");
        assert_eq!(fake.requests().len(), 1, "{realm}");
    }
    let long = format!("{{\"token\": \"{}\"}}", "x".repeat(17 * 1024));
    for (name, answer) in [
        ("no JSON", http("200 OK", &[], b"ok")),
        ("none", http("200 OK", &[], b"{\"token\": null}")),
        ("empty", http("200 OK", &[], b"{\"token\": \"\"}")),
        ("two lines", http("200 OK", &[], b"{\"token\": \"a\\r\\nx-y: z\"}")),
        ("17 KiB", http("200 OK", &[], long.as_bytes())),
        ("1 MiB", http("200 OK", &[], &vec![b' '; 1 << 20])),
        ("a page", http("200 OK", &[], b"<html>")),
        ("a redirect", http("302 Found", &[("location", "http://evil.example/")], b"")),
        ("refused", http("403 Forbidden", &[], b"")),
        ("down", http("503 Away", &[], b"")),
    ] {
        let fake = Fake::start(|host| {
            let wants = wants_token(format!("http://{host}/token"));
            move |request: &Request| match request.is("GET /token") {
                true => Reply::Bytes(answer.clone()),
                false => wants(request),
            }
        })
        .await;
        let error = pulled(&fake).await.unwrap_err();
        assert_eq!(fake.requests().len(), 2, "{name}: {error:?}");
        assert_eq!(error.retry() == Retry::Yes, name == "down", "{name}: {error:?}");
    }
}

#[tokio::test]
async fn one_that_is_never_content_is_asked_twice() {
    let again = |asks: &'static str| {
        Fake::always(Reply::Bytes(http("401 No", &[("www-authenticate", asks)], b"{}")))
    };
    // Basic, with the credential.
    let fake = again("Basic realm=\"x\"").await;
    let providers = ana(&origin(&fake), "Basic ");
    let error = pull(&providers, with_ana(&fake), &reference(&fake), HASTY).await.1.unwrap_err();
    assert!(
        matches!(&error, RegistryError::Unauthorized { with, .. } if with == "with ANA"),
        "{error:?}"
    );
    assert_eq!(fake.requests().len(), 2);
    // Basic, with nothing to say; and nothing that anybody could answer.
    for asks in ["Basic realm=\"x\"", "Negotiate", ""] {
        let fake = again(asks).await;
        let error = pulled(&fake).await.unwrap_err();
        assert!(error.to_string().contains("without a credential"), "{error}");
        assert!(error.hint().unwrap().contains("credential = \"NAME\""));
        assert_eq!((fake.requests().len(), error.retry()), (1, Retry::No), "{asks}");
    }
    // A token, again and again.
    let fake = Fake::start(|host| {
        move |request: &Request| match request.is("GET /token") {
            true => gives_token(request),
            false => {
                let asks = format!("Bearer realm=\"http://{host}/token\"");
                // It says the token back, too.
                let body =
                    format!("{{\"errors\":[{{\"code\":\"NO\",\"message\":\"not {TOKEN}\"}}]}}");
                Reply::Bytes(http("401 No", &[("www-authenticate", &asks)], body.as_bytes()))
            }
        }
    })
    .await;
    let error = pulled(&fake).await.unwrap_err();
    assert!(
        !error.to_string().contains(TOKEN) && error.to_string().contains("[redacted]"),
        "{error}"
    );
    assert_eq!(fake.requests().len(), 3);
}

#[tokio::test]
async fn a_credential_goes_where_it_is_bound_and_nowhere_else() {
    // A token that somebody made beforehand goes to the registry itself.
    let fake = Fake::start(|_| {
        let honest = honest(COMPONENT);
        move |request: &Request| match request.header("authorization") {
            Some(_) => honest(request),
            None => {
                let asks = "Bearer realm=\"http://127.0.0.1:1/token\"";
                Reply::Bytes(http("401 No", &[("www-authenticate", asks)], b""))
            }
        }
    })
    .await;
    let providers = ana(&origin(&fake), "Bearer ");
    let came = pull(&providers, with_ana(&fake), &reference(&fake), HASTY).await.1;
    assert!(came.is_ok(), "{came:?}");
    // Bound elsewhere, it stays here.
    let asks = [("www-authenticate", "Basic realm=\"x\"")];
    let greedy = Fake::always(Reply::Bytes(http("401 No", &asks, b""))).await;
    let bound = bailiwick_policy::Origin("https://ghcr.io".into());
    let came = pull(&ana(&bound, "Basic "), with_ana(&greedy), &reference(&greedy), HASTY).await.1;
    assert!(matches!(came, Err(RegistryError::Unauthorized { .. })), "{came:?}");
    assert!(greedy.requests().iter().all(|request| request.header("authorization").is_none()));
    // One that is named and not there is said to be missing, not passed over.
    let came = pull(&anonymous(), with_ana(&greedy), &reference(&greedy), HASTY).await.1;
    let error = came.unwrap_err();
    assert!(matches!(&error, RegistryError::Credential { name, .. } if name == "ana"), "{error:?}");
    assert!(error.hint().unwrap().contains("[credentials.ana]"));
}

#[tokio::test]
async fn an_answer_with_a_credential_in_it_is_thrown_away() {
    let with_secret = format!("oh, {SECRET}");
    let signed = {
        let mut manifest = manifest(COMPONENT);
        manifest["annotations"] = serde_json::json!({"dev.bailiwick.minisig": SECRET});
        manifest
    };
    let in_header = http("200 OK", &[("x-echo", SECRET)], b"");
    for fake in [
        Fake::always(Reply::Bytes(in_header)).await,
        Fake::always(Reply::Bytes(http("500 Oh", &[], with_secret.as_bytes()))).await,
        Fake::start(|_| serving(signed, Reply::Bytes(Vec::new()))).await,
        Fake::start(|_| honest(format!("\0asm {SECRET}").as_bytes())).await,
    ] {
        let providers = ana(&origin(&fake), "Basic ");
        let (written, came) = pull(&providers, with_ana(&fake), &reference(&fake), HASTY).await;
        assert_eq!(came, Err(RegistryError::Leak));
        assert!(!String::from_utf8_lossy(&written).contains(SECRET));
    }
}
