//! What a registry can do wrong while it is asked for a component.

use std::time::Duration;

use bailiwick_policy::Network;
use bailiwick_provider::registry::{RegistryError, Retry};
use serde_json::{Value, json};

use super::fake::{Fake, LAYER, Reply, Request, chunk, descriptor, head, honest, http, manifest};
use super::fake::{serving, sha256};
use super::{COMPONENT, HASTY, anonymous, origin, pull, pulled, reference, rule};

/// What buffers of two sockets and one read can hold beyond what is taken.
const IN_FLIGHT: u64 = 32 * 1024 * 1024;

#[tokio::test]
async fn an_honest_registry_gives_the_bytes_that_its_manifest_names() {
    let fake = Fake::start(|_| honest(COMPONENT)).await;
    let (written, came) = pull(&anonymous(), rule(&fake.host), &reference(&fake), HASTY).await;
    let came = came.unwrap();
    assert_eq!(written, COMPONENT);
    assert_eq!(came.component.to_string(), sha256(COMPONENT));
    assert_eq!(came.manifest.to_string(), sha256(manifest(COMPONENT).to_string().as_bytes()));
    assert_eq!((came.size.0, came.signature), (COMPONENT.len() as u64, None));
    // Pinned, it is asked for by its digest, and the tag is not asked for at all.
    let pinned = reference(&fake).pinned(came.manifest);
    let (written, again) = pull(&anonymous(), rule(&fake.host), &pinned, HASTY).await;
    assert_eq!((written.as_slice(), again.unwrap().manifest), (COMPONENT, came.manifest));
    let asked = fake.requests();
    assert!(asked[2].is(&format!("GET /v2/acme/draft/manifests/{}", came.manifest)));
    assert!(asked.iter().all(|request| request.header("accept-encoding") == Some("identity")));
}

#[tokio::test]
async fn what_is_not_listed_is_not_asked() {
    let fake = Fake::start(|_| honest(COMPONENT)).await;
    let (providers, wanted) = (anonymous(), reference(&fake));
    let elsewhere = [rule(&format!("{}/other", fake.host)), rule("127.0.0.1:1")];
    for rules in [&[][..], &elsewhere] {
        let refused = providers.registry(rules, &wanted, HASTY).unwrap_err();
        assert!(refused.hint().contains(&format!("at = \"{}/acme\"", fake.host)), "{refused:?}");
    }
    assert_eq!(fake.requests().len(), 0);
}

#[tokio::test]
async fn an_address_that_the_rule_does_not_have_is_not_dialled() {
    let fake = Fake::start(|_| honest(COMPONENT)).await;
    for network in [Network::Public, Network::Private] {
        let other = super::RegistryRule { network, ..rule(&fake.host) };
        let refused = pull(&anonymous(), other, &reference(&fake), HASTY).await.1.unwrap_err();
        assert!(matches!(refused, RegistryError::Address(_)), "{refused:?}");
        assert!(refused.hint().unwrap().contains("network = "));
    }
    assert_eq!(fake.requests().len(), 0);
}

#[tokio::test]
async fn one_that_is_down_can_be_tried_again() {
    let fake = Fake::always(Reply::Bytes(Vec::new())).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = listener.local_addr().unwrap().to_string();
    drop(listener);
    let wanted = format!("oci://{free}/acme/draft:1").parse().unwrap();
    let down = pull(&anonymous(), rule(&free), &wanted, HASTY).await.1.unwrap_err();
    assert!(matches!(&down, RegistryError::NoConnection(_)), "{down:?}");
    let closed = pulled(&fake).await.unwrap_err();
    assert!(matches!(closed, RegistryError::BrokenOff { .. }), "{closed:?}");
    for error in [down, closed] {
        assert_eq!(error.retry(), Retry::Yes);
        assert!(error.hint().unwrap().contains("try it again"));
    }
}

#[tokio::test]
async fn one_that_is_slow_is_left_at_its_time() {
    let whole = || head("200 OK", &[], Some(COMPONENT.len() as u64));
    let slow = [
        Fake::always(Reply::Hang(Vec::new())).await,
        Fake::always(Reply::Trickle(head("200 OK", &[], Some(1000)))).await,
        Fake::start(|_| serving(manifest(COMPONENT), Reply::Hang(whole()))).await,
        Fake::start(|_| serving(manifest(COMPONENT), Reply::Trickle(whole()))).await,
    ];
    for (at, fake) in slow.iter().enumerate() {
        let came = pull(&anonymous(), rule(&fake.host), &reference(fake), HASTY).await.1;
        let error = came.unwrap_err();
        assert!(matches!(error, RegistryError::TimedOut { .. }), "{at}: {error:?}");
        assert_eq!(error.retry(), Retry::Yes);
    }
}

#[tokio::test]
async fn sizes_and_hashes_are_what_the_manifest_says_or_nothing_is_taken() {
    let longer = [COMPONENT, b"!"].concat();
    let (shorter, other) = (&COMPONENT[1..], vec![b'x'; COMPONENT.len()]);
    let chunked = |bytes: &[u8]| [head("200 OK", &[], None), chunk(bytes), chunk(b"")].concat();
    let size = |error: &RegistryError| matches!(error, RegistryError::WrongSize { .. });
    let hash = |error: &RegistryError| matches!(error, RegistryError::WrongDigest { .. });
    for (name, blob, is) in [
        ("more", http("200 OK", &[], &longer), size as fn(&RegistryError) -> bool),
        ("less", http("200 OK", &[], shorter), size),
        ("more, not announced", chunked(&longer), size),
        ("less, not announced", chunked(shorter), size),
        ("other bytes", http("200 OK", &[], &other), hash),
        ("other bytes, not announced", chunked(&other), hash),
        ("a page", http("200 OK", &[("content-type", "text/html")], b"<html>"), size),
    ] {
        let fake = Fake::start(|_| serving(manifest(COMPONENT), Reply::Bytes(blob))).await;
        let error = pulled(&fake).await.unwrap_err();
        assert!(is(&error), "{name}: {error:?}");
        assert_eq!(error.retry(), Retry::No, "{name}");
    }
    // Without a length, and honest: taken.
    let fake =
        Fake::start(|_| serving(manifest(COMPONENT), Reply::Bytes(chunked(COMPONENT)))).await;
    assert!(pulled(&fake).await.is_ok());
    // Cut off in the middle, it may go well another time.
    let half = [head("200 OK", &[], Some(COMPONENT.len() as u64)), b"\0asm".to_vec()].concat();
    let fake = Fake::start(|_| serving(manifest(COMPONENT), Reply::Bytes(half))).await;
    let error = pulled(&fake).await.unwrap_err();
    assert!(matches!(error, RegistryError::BrokenOff { .. }), "{error:?}");
    assert_eq!(error.retry(), Retry::Yes);
}

#[tokio::test]
async fn a_manifest_that_is_not_what_was_pinned_or_said_is_refused() {
    let fake = Fake::start(|_| honest(COMPONENT)).await;
    let pinned = reference(&fake).pinned(sha256(b"another").parse().unwrap());
    let error = pull(&anonymous(), rule(&fake.host), &pinned, HASTY).await.1.unwrap_err();
    assert!(matches!(error, RegistryError::WrongDigest { .. }), "{error:?}");
    // It says itself that it is another one.
    let said = sha256(b"another");
    let headers = [("docker-content-digest", said.as_str())];
    let body = manifest(COMPONENT).to_string();
    let fake = Fake::always(Reply::Bytes(http("200 OK", &headers, body.as_bytes()))).await;
    let error = pulled(&fake).await.unwrap_err();
    assert!(matches!(error, RegistryError::WrongDigest { .. }), "{error:?}");
}

#[tokio::test]
async fn ten_gigabytes_are_not_read() {
    let (flood, announced) = (vec![b'x'; 1 << 20], Some(10_000_000_000));
    let with = |bytes: u64| {
        let mut manifest = manifest(COMPONENT);
        manifest["layers"][0]["size"] = json!(bytes);
        manifest
    };
    let endless = |length: Option<u64>| {
        let piece = if length.is_none() { chunk(&flood) } else { flood.clone() };
        Reply::Flood(head("200 OK", &[], length), piece)
    };
    for (name, fake) in [
        ("manifest", Fake::always(endless(announced)).await),
        ("manifest, not announced", Fake::always(endless(None)).await),
        ("blob", Fake::start(|_| serving(with(1000), endless(announced))).await),
        ("blob, not announced", Fake::start(|_| serving(with(1000), endless(None))).await),
        (
            "all of it announced",
            Fake::start(|_| serving(with(10_000_000_000), endless(announced))).await,
        ),
        ("in an error", Fake::always(Reply::Flood(head("500 Oh", &[], None), chunk(&flood))).await),
    ] {
        let (written, came) =
            pull(&anonymous(), rule(&fake.host), &reference(&fake), super::PATIENT).await;
        let error = came.unwrap_err();
        assert!(fake.sent() < IN_FLIGHT, "{name}: {} bytes went, {error:?}", fake.sent());
        assert!(written.len() <= 1000, "{name}");
        let bounded = match name {
            "manifest" | "manifest, not announced" => {
                matches!(error, RegistryError::TooLarge { .. })
            }
            "all of it announced" => matches!(error, RegistryError::Manifest(_)),
            "in an error" => matches!(error, RegistryError::Failing { .. }),
            _ => matches!(error, RegistryError::WrongSize { .. }),
        };
        assert!(bounded, "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_manifest_that_is_no_components_is_refused_before_anything_is_fetched() {
    let with = |path: &str, value: Value| {
        let mut all = manifest(COMPONENT);
        *all.pointer_mut(path).unwrap() = value;
        all.to_string().into_bytes()
    };
    let layer = descriptor(LAYER, COMPONENT);
    let large = [manifest(COMPONENT).to_string().as_bytes(), &vec![b' '; 2 << 20]].concat();
    for (name, body, says) in [
        ("2 MiB", large, "more than 1 MiB"),
        ("1000 layers", with("/layers", Value::Array(vec![layer.clone(); 1000])), "1000 layers"),
        ("two components", with("/layers", json!([layer, layer])), "a component is one layer"),
        ("another layer", with("/layers/0/mediaType", json!("application/x")), "application/x"),
        (
            "an image",
            with("/config/mediaType", json!("application/vnd.oci.image.config.v1+json")),
            "configuration of a component",
        ),
        ("an index", with("/mediaType", json!("application/vnd.oci.image.index.v1+json")), "index"),
        ("elsewhere", with("/layers/0/digest", json!("md5:00")), "named by sha256"),
        ("no JSON", b"sure".to_vec(), "the manifest is none"),
        ("nothing", Vec::new(), "the manifest is none"),
        ("brackets", vec![b'['; 500_000], "the manifest is none"),
        ("a page", b"\n <!doctype html><title>Sign in</title>".to_vec(), "a page of HTML"),
    ] {
        let fake = Fake::always(Reply::Bytes(http("200 OK", &[], &body))).await;
        let error = pulled(&fake).await.unwrap_err();
        assert!(error.to_string().contains(says), "{name}: {error}");
        assert_eq!((error.retry(), fake.requests().len()), (Retry::No, 1), "{name}");
    }
}

#[tokio::test]
async fn what_is_compressed_is_not_unpacked() {
    for encoding in ["gzip", "br", "deflate", "x-bomb"] {
        let headers = [("content-encoding", encoding)];
        let of_blob = Reply::Bytes(http("200 OK", &headers, &vec![0; 1000]));
        let blob = Fake::start(|_| serving(manifest(COMPONENT), of_blob.clone())).await;
        for fake in [Fake::always(of_blob.clone()).await, blob] {
            let error = pulled(&fake).await.unwrap_err();
            assert!(
                matches!(&error, RegistryError::Compressed { encoding: found, .. } if found == encoding),
                "{error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_blob_that_is_elsewhere_is_fetched_only_where_policy_says() {
    let storage = Fake::start(|_| honest(COMPONENT)).await;
    let to = format!("http://{}/v2/acme/draft/blobs/there?signed=abc", storage.host);
    let moved = |to: &str| {
        let headers = [("location", to)];
        Reply::Bytes(http("307 Temporary Redirect", &headers, b""))
    };
    let fake = Fake::start(|_| serving(manifest(COMPONENT), moved(&to))).await;
    let error = pulled(&fake).await.unwrap_err();
    assert_eq!(error, RegistryError::BlobsElsewhere(origin(&storage)));
    let line = format!("blobs = [\"{}\"]", origin(&storage));
    assert!(error.hint().unwrap().contains(&line), "{:?}", error.hint());
    assert!(!error.to_string().contains("signed"));
    assert_eq!(storage.requests().len(), 0);
    // With the line it is.
    let mut listed = rule(&fake.host);
    listed.blobs.push(origin(&storage));
    let (written, came) = pull(&anonymous(), listed, &reference(&fake), HASTY).await;
    assert!(came.is_ok() && written == COMPONENT, "{came:?}");
    // Inside, in other schemes, in the clear: nowhere.
    for to in ["http://10.0.0.1/x", "http://169.254.169.254/latest", "https://127.0.0.1:1/x"] {
        let fake = Fake::start(|_| serving(manifest(COMPONENT), moved(to))).await;
        let error = pulled(&fake).await.unwrap_err();
        assert!(matches!(error, RegistryError::BlobsElsewhere(_)), "{to}: {error:?}");
    }
    for to in ["file:///etc/passwd", "http://me:secret@127.0.0.1/x", "gopher://x", "http://"] {
        let fake = Fake::start(|_| serving(manifest(COMPONENT), moved(to))).await;
        let error = pulled(&fake).await.unwrap_err();
        assert!(matches!(error, RegistryError::NoRegistry(_)), "{to}: {error:?}");
    }
    // Also where a rule lists an inner address, its network decides.
    let fake = Fake::start(|_| serving(manifest(COMPONENT), moved("http://10.0.0.1/x"))).await;
    let mut inner = rule(&fake.host);
    inner.blobs.push(bailiwick_policy::Origin("http://10.0.0.1".into()));
    let error = pull(&anonymous(), inner, &reference(&fake), HASTY).await.1.unwrap_err();
    assert!(matches!(error, RegistryError::Address(_)), "{error:?}");
}

#[tokio::test]
async fn redirects_end_and_only_blobs_have_any() {
    let circle = |_: String| {
        |request: &Request| match request.is("GET /v2/acme/draft/blobs/") {
            true => Reply::Bytes(http("302 Found", &[("location", "/v2/acme/draft/blobs/x")], b"")),
            false => serving(manifest(COMPONENT), Reply::Bytes(Vec::new()))(request),
        }
    };
    let fake = Fake::start(circle).await;
    assert_eq!(pulled(&fake).await.unwrap_err(), RegistryError::TooManyRedirects(3));
    assert_eq!(fake.requests().len(), 5);
    let fake = Fake::always(Reply::Bytes(http("301 Moved", &[("location", "/x")], b""))).await;
    let error = pulled(&fake).await.unwrap_err();
    assert!(matches!(error, RegistryError::Redirected(_)), "{error:?}");
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn statuses_have_their_sentences_and_say_when_to_come_back() {
    let json = br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow \u001b[31mdown"}]}"#;
    for (status, headers, retry, says) in [
        ("404 Not Found", &[][..], Retry::No, "has no manifest of this name"),
        ("400 Bad Request", &[], Retry::No, "refused manifest with 400"),
        ("403 Forbidden", &[], Retry::No, "lets nobody in here without a credential"),
        ("429 Too Many", &[], Retry::Yes, "left alone (429"),
        ("429 Too Many", &[("retry-after", "17")], Retry::After(Duration::from_secs(17)), "429"),
        (
            "429 Too Many",
            &[("retry-after", "9999999999")],
            Retry::After(Duration::from_secs(9_999_999_999)),
            "429",
        ),
        ("503 Away", &[("retry-after", "5")], Retry::After(Duration::from_secs(5)), "503"),
        ("500 Oh", &[], Retry::Yes, "in trouble: it answered 500"),
    ] {
        let fake = Fake::always(Reply::Bytes(http(status, headers, json))).await;
        let error = pulled(&fake).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says) && text.contains("slow \\u{1b}[31mdown"), "{status}: {text}");
        assert_eq!(error.retry(), retry, "{status}");
        assert_eq!(error.hint().is_some(), retry != Retry::No || status.starts_with("403"));
    }
    let page = b"<html><script>alert(1)</script>";
    let fake = Fake::always(Reply::Bytes(http("502 Bad Gateway", &[], page))).await;
    let text = pulled(&fake).await.unwrap_err().to_string();
    assert!(text.contains("502") && text.contains("a page of HTML") && !text.contains("alert"));
}
