//! Pushing and listing: what is sent, in which order, and what a registry can do to it.

use std::sync::{Arc, Mutex};

use bailiwick_provider::registry::{Artifact, Existing, Pushed, RegistryError, TAGS_MAX, Tags};

use super::fake::{Fake, MANIFEST, Reply, Request, http, sha256};
use super::{COMPONENT, HASTY, PATIENT, anonymous, pull, pulled, reference, rule};

const SIGNATURE: &str =
    "untrusted comment: signed\nRWQabc\ntrusted comment: acme/draft 1.0.0\nabc=\n";

fn artifact() -> Artifact<'static> {
    Artifact {
        component: COMPONENT,
        title: "draft.wasm",
        imports: &[],
        exports: &[],
        signature: Some(SIGNATURE),
    }
}

async fn push(fake: &Fake, existing: Existing) -> Result<Pushed, RegistryError> {
    let (providers, rules, to) = (anonymous(), [rule(&fake.host)], reference(fake));
    providers.registry(&rules, &to, PATIENT).unwrap().push(&artifact(), existing).await
}

async fn tags(fake: &Fake) -> Result<Tags, RegistryError> {
    let (providers, rules, to) = (anonymous(), [rule(&fake.host)], reference(fake));
    providers.registry(&rules, &to, HASTY).unwrap().tags().await
}

/// What was put, by its path.
type Kept = Vec<(String, Vec<u8>)>;

/// A registry in memory: what was put is given back.
fn keeping() -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let kept: Arc<Mutex<Kept>> = Arc::default();
    move |request: &Request| {
        let (method, path) = request.line.split_once(' ').unwrap();
        let mut kept = kept.lock().unwrap();
        let ok = |status: &str, headers: &[(&str, &str)]| Reply::Bytes(http(status, headers, b""));
        match method {
            "POST" => ok("202 Accepted", &[("location", "/upload?state=1")]),
            "PUT" if path.starts_with("/upload?state=1&digest=") => {
                let digest = path.rsplit('=').next().unwrap().replace("%3A", ":");
                assert_eq!(digest, sha256(&request.body));
                kept.push((format!("/v2/acme/draft/blobs/{digest}"), request.body.clone()));
                ok("201 Created", &[])
            }
            "PUT" => {
                assert_eq!(request.header("content-type"), Some(MANIFEST));
                kept.retain(|(known, _)| known != path);
                kept.push((path.to_owned(), request.body.clone()));
                ok("201 Created", &[])
            }
            _ => match kept.iter().find(|(known, _)| known == path) {
                None => ok("404 Not Found", &[]),
                Some(_) if method == "HEAD" => ok("200 OK", &[]),
                Some((_, bytes)) => Reply::Bytes(http("200 OK", &[], bytes)),
            },
        }
    }
}

#[tokio::test]
async fn what_is_pushed_is_pulled_with_its_signature_and_the_manifest_goes_last() {
    let fake = Fake::start(|_| keeping()).await;
    let first = push(&fake, Existing::Keep).await.unwrap();
    assert!(!first.was_there);
    let lines = fake.lines();
    let last = lines.last().unwrap();
    assert_eq!(last, "PUT /v2/acme/draft/manifests/1.0.0");
    assert_eq!(lines.iter().filter(|line| line.starts_with("PUT /upload")).count(), 2);
    let (written, came) = pull(&anonymous(), rule(&fake.host), &reference(&fake), HASTY).await;
    let came = came.unwrap();
    assert_eq!(written, COMPONENT);
    assert_eq!((came.manifest, came.signature.as_deref()), (first.manifest, Some(SIGNATURE)));
    // Again, it is nothing new; and what is there is not sent a second time.
    let before = fake.requests().len();
    let again = push(&fake, Existing::Keep).await.unwrap();
    assert_eq!(again, Pushed { was_there: true, ..first });
    assert_eq!(fake.requests().len(), before + 1);
}

#[tokio::test]
async fn a_tag_that_is_something_elses_stays_unless_it_is_to_be_replaced() {
    let fake = Fake::start(|_| keeping()).await;
    let (providers, rules, to) = (anonymous(), [rule(&fake.host)], reference(&fake));
    let registry = providers.registry(&rules, &to, HASTY).unwrap();
    let other = Artifact { component: b"\0asm another", signature: None, ..artifact() };
    let there = registry.push(&other, Existing::Keep).await.unwrap();
    let refused = push(&fake, Existing::Keep).await.unwrap_err();
    assert_eq!(refused, RegistryError::Taken(there.manifest));
    assert!(refused.hint().unwrap().contains("--replace"));
    let replaced = push(&fake, Existing::Replace).await.unwrap();
    assert_eq!(pulled(&fake).await.unwrap().manifest, replaced.manifest);
    // A digest is no place to push to.
    let pinned = to.pinned(there.manifest);
    let registry = providers.registry(&rules, &pinned, HASTY).unwrap();
    assert_eq!(registry.push(&other, Existing::Keep).await, Err(RegistryError::NoTag));
}

#[tokio::test]
async fn an_upload_stays_at_the_registry() {
    let thief = Fake::start(|_| keeping()).await;
    let to = format!("http://{}/upload", thief.host);
    let fake = Fake::start(|_| {
        move |request: &Request| match request.is("POST") {
            true => Reply::Bytes(http("202 Accepted", &[("location", &to)], b"")),
            false => Reply::Bytes(http("404 Not Found", &[], b"")),
        }
    })
    .await;
    let error = push(&fake, Existing::Keep).await.unwrap_err();
    assert!(matches!(error, RegistryError::Redirected(_)), "{error:?}");
    assert_eq!(thief.requests().len(), 0);
}

#[tokio::test]
async fn a_push_that_breaks_off_has_named_nothing() {
    for refusal in ["500 Oh", "413 Too Large", "307 Elsewhere"] {
        let fake = Fake::start(|_| {
            let keeping = keeping();
            move |request: &Request| match request.is("PUT /upload") {
                true => Reply::Bytes(http(refusal, &[], b"")),
                false => keeping(request),
            }
        })
        .await;
        assert!(push(&fake, Existing::Keep).await.is_err(), "{refusal}");
        assert!(fake.lines().iter().all(|line| !line.starts_with("PUT /v2")), "{refusal}");
    }
}

#[tokio::test]
async fn tags_are_listed_page_by_page_up_to_a_number() {
    let all: Vec<String> = (0..250).map(|n| format!("1.0.{n}")).collect();
    let fake = Fake::start(|host| {
        let all = all.clone();
        move |request: &Request| {
            let last: usize = match request.line.split_once("&last=") {
                Some((_, last)) => last.parse().unwrap(),
                None => 0,
            };
            let page = &all[last..(last + 100).min(all.len())];
            let body = serde_json::json!({"name": "acme/draft", "tags": page}).to_string();
            let next = last + page.len();
            // Absolute on one page, relative on the other: both are usual.
            let base = if last == 0 { format!("http://{host}") } else { String::new() };
            let link = format!("<{base}/v2/acme/draft/tags/list?n=100&last={next}>; rel=\"next\"");
            let links = [("link", link.as_str())];
            let links = if next < all.len() { &links[..] } else { &[] };
            Reply::Bytes(http("200 OK", links, body.as_bytes()))
        }
    })
    .await;
    assert_eq!(tags(&fake).await.unwrap(), Tags { names: all, more: false });
    assert_eq!(fake.requests().len(), 3);
}

#[tokio::test]
async fn a_list_of_tags_ends_whatever_a_registry_sends() {
    let page = |count: usize| {
        let tags: Vec<_> = (0..count).map(|n| format!("t{n}")).collect();
        serde_json::json!({ "tags": tags }).to_string()
    };
    // A page after a page, for ever, with little or much on each.
    for count in [1, 400] {
        let turn = std::sync::atomic::AtomicUsize::new(0);
        let body = page(count);
        let fake = Fake::start(|_| {
            move |_: &Request| {
                let turn = turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let link = format!("</v2/acme/draft/tags/list?last={turn}>; rel=\"next\"");
                Reply::Bytes(http("200 OK", &[("link", &link)], body.as_bytes()))
            }
        })
        .await;
        let found = tags(&fake).await.unwrap();
        assert!(found.more && found.names.len() <= TAGS_MAX && fake.requests().len() <= 20);
    }
    // Elsewhere, the list does not go on.
    for link in [
        "<http://evil.example/v2/acme/draft/tags/list?x>; rel=\"next\"",
        "</v2/other/tags/list?x>; rel=next",
        "<>; rel=\"next\"",
        "nonsense",
    ] {
        let body = page(2);
        let fake =
            Fake::always(Reply::Bytes(http("200 OK", &[("link", link)], body.as_bytes()))).await;
        assert_eq!(
            (tags(&fake).await.unwrap().names.len(), fake.requests().len()),
            (2, 1),
            "{link}"
        );
    }
    // Names that nobody could ask for are left out; what is no list is refused.
    let odd = br#"{"tags": ["1.0.0", "../x", "a b", "", "\u202e", "latest"]}"#;
    let fake = Fake::always(Reply::Bytes(http("200 OK", &[], odd))).await;
    assert_eq!(tags(&fake).await.unwrap().names, ["1.0.0", "latest"]);
    for (body, works) in
        [("{\"tags\": null}", true), ("{}", true), ("[]", false), ("{\"tags\": [1]}", false)]
    {
        let fake = Fake::always(Reply::Bytes(http("200 OK", &[], body.as_bytes()))).await;
        assert_eq!(tags(&fake).await.is_ok(), works, "{body}");
    }
}
