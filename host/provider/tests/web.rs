//! The web behind the one `dial`: where a request may end, what goes along, what comes back; against local servers, with a resolver that says what a test wants.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod scripted;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_core::{Bytes, Digest, Name, Timestamp};
use bailiwick_gate::http::{Exchange, Exchanged, HttpError, HttpProvider as _};
use bailiwick_policy::credential::{Place, Source};
use bailiwick_policy::http::Method;
use bailiwick_policy::network::Block;
use bailiwick_policy::{Credential, Network, Origin};
use bailiwick_provider::{Keys, Names, Providers};
use base64::Engine as _;
use scripted::{KEY, PATIENCE, Script, Server, http};
use url::Url;

/// What is asked, with what the tests change.
struct Ask<'a> {
    url: String,
    method: Method,
    headers: Vec<(String, String)>,
    body: &'a [u8],
    network: Network,
    credential: Option<&'a str>,
    lane: &'a str,
    response_max: u64,
    timeout: Duration,
}

fn ask(url: impl Into<String>) -> Ask<'static> {
    Ask {
        url: url.into(),
        method: Method::Get,
        headers: Vec::new(),
        body: b"",
        network: Network::Loopback,
        credential: None,
        lane: "research 0",
        response_max: 1000,
        timeout: PATIENCE,
    }
}

async fn send(providers: &Providers, ask: &Ask<'_>) -> Result<Exchanged, HttpError> {
    let (url, key) = (Url::parse(&ask.url).unwrap(), Digest::of(b"key"));
    let credential = ask.credential.map(|name| Name::new(name).unwrap());
    let exchange = Exchange {
        lane: ask.lane,
        method: ask.method,
        url: &url,
        headers: &ask.headers,
        body: ask.body,
        network: &ask.network,
        credential: credential.as_ref(),
        stripped: credential.is_some(),
        response_max: Bytes(ask.response_max),
        idempotency_key: &key,
        at: Timestamp(1_614_265_330_123),
        timeout: ask.timeout,
    };
    providers.exchange(&Durable::attest(1), exchange).await
}

/// Names as a test wants them: each look-up takes the next answer, the last one again.
struct Said {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Said {
    fn of(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let answers = Mutex::new(answers.iter().map(parsed).collect());
        Arc::new(Self { answers, asked: Mutex::default() })
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Names for Said {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(host.into());
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { Ok(answer.unwrap_or_default()) })
    }
}

fn providers(names: &Arc<Said>) -> Providers {
    Providers::new(Keys::default()).asking(Arc::clone(names) as _)
}

fn port(server: &Server) -> u16 {
    Url::parse(&server.base).unwrap().port().unwrap()
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_and_nothing_is_sent() {
    let server = Server::with(http("200 OK", "", "inside")).await;
    let url = format!("http://public.example:{}/", port(&server));
    for inner in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
        "2001:db8::1",
    ] {
        let names = Said::of(&[&[inner]]);
        let ask = Ask { network: Network::Public, ..ask(url.clone()) };
        let refused = send(&providers(&names), &ask).await.unwrap_err();
        let HttpError::Refused { detail, hint } = &refused else { panic!("{inner}: {refused:?}") };
        assert!(!detail.contains(inner), "whoever reads it learns nothing of it: {detail}");
        assert!(hint.as_ref().unwrap().contains("network ="), "{hint:?}");
        assert_eq!(names.asked(), 1);
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_literal_address_is_judged_though_it_reaches_no_resolver() {
    let server = Server::with(http("200 OK", "", "inside")).await;
    let names = Said::of(&[&["1.1.1.1"]]);
    let port = port(&server);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
        "0",
        "[::]",
        "169.254.169.254",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "[fd00:ec2::254]",
    ] {
        let ask = Ask { network: Network::Public, ..ask(format!("http://{host}:{port}/")) };
        let refused = send(&providers(&names), &ask).await.unwrap_err();
        assert!(matches!(refused, HttpError::Refused { .. }), "{host}: {refused:?}");
    }
    assert_eq!((names.asked(), server.connections()), (0, 0));
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_a_connection_and_the_next_one_is_judged_anew() {
    let server = Server::with(http("200 OK", "", "here")).await;
    let url = format!("http://inner.example:{}/", port(&server));
    // The name is bound anew between two requests, to where it may not lead.
    let names = Said::of(&[&["127.0.0.1"], &["10.0.0.1"], &["169.254.169.254"]]);
    let providers = providers(&names);
    let first = send(&providers, &ask(url.clone())).await.unwrap();
    assert_eq!((first.response.body.as_slice(), names.asked()), (&b"here"[..], 1));
    for looked_up in 2..=3 {
        let refused = send(&providers, &ask(url.clone())).await.unwrap_err();
        assert!(matches!(refused, HttpError::Refused { .. }), "{refused:?}");
        assert_eq!(names.asked(), looked_up);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn of_several_addresses_only_admitted_ones_are_dialled() {
    let server = Server::with(http("200 OK", "", "here")).await;
    let names = Said::of(&[&["10.0.0.1", "169.254.169.254", "127.0.0.1"]]);
    let url = format!("http://inner.example:{}/", port(&server));
    let answer = send(&providers(&names), &ask(url)).await.unwrap();
    assert_eq!(answer.response.body, b"here");
}

#[tokio::test]
async fn this_machines_own_addresses_are_reached_by_no_class_but_loopback() {
    let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // No packet is sent: the system only says which address it would come from.
    let Ok(own) = probe.connect("1.1.1.1:9").and_then(|()| probe.local_addr()) else { return };
    let all = Network::Blocks(vec![Block::parse("0.0.0.0/0").unwrap()]);
    for network in [Network::Public, Network::Private, all] {
        let names = Said::of(&[&[&own.ip().to_string()]]);
        let ask = Ask { network: network.clone(), ..ask("http://own.example:9/") };
        let refused = send(&providers(&names), &ask).await.unwrap_err();
        assert!(matches!(refused, HttpError::Refused { .. }), "{network}: {refused:?}");
    }
}

#[tokio::test]
async fn connections_are_shared_within_one_rule_only() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec();
    let server = Server::start(vec![Script::KeepAlive(answer)]).await;
    let providers = Providers::new(Keys::default());
    // Loopback is not kept alive at all: what cannot be shared cannot leak.
    for lane in ["research 0", "research 0", "research 1", "writer 0"] {
        let ask = Ask { lane, ..ask(server.base.clone()) };
        assert_eq!(send(&providers, &ask).await.unwrap().response.body, b"ok");
    }
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn what_is_sent_is_what_was_judged_and_nothing_else() {
    let server = Server::with(http("200 OK", "", "")).await;
    let headers = vec![("accept".to_owned(), "text/plain".to_owned())];
    let url = format!("{}/v1/a%20b?q=1&r=%2F", server.base);
    let providers = Providers::new(Keys::new(Some(KEY), Some(KEY)));
    let get = Ask { headers: headers.clone(), ..ask(url.clone()) };
    send(&providers, &get).await.unwrap();
    let post = Ask { method: Method::Post, body: b"{}", headers, ..ask(url) };
    send(&providers, &post).await.unwrap();
    let [get, post] = &server.requests()[..] else { panic!() };
    let lines = |request: &str| {
        let head = request.split_once("\r\n\r\n").unwrap().0.to_lowercase();
        let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
        let first = lines.remove(0);
        lines.sort();
        (first, lines.iter().map(|l| l.split(':').next().unwrap().to_owned()).collect::<Vec<_>>())
    };
    let (first, names) = lines(get);
    assert_eq!(first, "get /v1/a%20b?q=1&r=%2f http/1.1");
    assert_eq!(names, ["accept", "host", "user-agent"]);
    let (_, names) = lines(post);
    assert_eq!(names, ["accept", "content-length", "host", "idempotency-key", "user-agent"]);
    assert!(post.ends_with("\r\n\r\n{}") && !post.contains(KEY));
}

#[tokio::test]
async fn redirects_are_not_followed_here_and_any_status_is_an_answer() {
    let other = Server::with(http("200 OK", "", "other")).await;
    let location = format!("location: {}/\r\n", other.base);
    for status in ["301 Moved", "302 Found", "307 Temporary", "404 Not Found", "500 Error"] {
        let server = Server::with(http(status, &location, "body")).await;
        let answer =
            send(&Providers::new(Keys::default()), &ask(server.base.clone())).await.unwrap();
        assert_eq!(answer.response.status.to_string(), status[..3]);
        assert_eq!(answer.location, Some(format!("{}/", other.base)));
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn an_answer_is_bounded_and_connections_break_as_they_do() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let announced = http("200 OK", "", &"x".repeat(1001));
    for (script, expected) in [
        (Script::Flood(head, vec![b'x'; 4096]), "large"),
        (Script::Bytes(vec![announced]), "large"),
        (Script::Bytes(vec![b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx".to_vec()]), "left"),
        (Script::Bytes(vec![b"nonsense\r\n\r\n".to_vec()]), "left"),
        (Script::Hang(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec()), "left"),
    ] {
        let server = Server::start(vec![script]).await;
        let ask = Ask { timeout: Duration::from_millis(800), ..ask(server.base.clone()) };
        let error = send(&Providers::new(Keys::default()), &ask).await.unwrap_err();
        match (expected, &error) {
            ("large", HttpError::TooLarge(Bytes(1000)))
            | ("left", HttpError::Unavailable { left: true, .. }) => {}
            other => panic!("{other:?}"),
        }
        let port = port(&server).to_string();
        assert!(!error.to_string().contains(&port), "errors hold no URL: {error}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = send(&Providers::new(Keys::default()), &ask(format!("http://{nobody}/"))).await;
    assert!(matches!(error, Err(HttpError::Unavailable { left: false, .. })), "{error:?}");
}

fn with(base: &str, place: Place, secret: &'static str, weak: bool) -> Providers {
    let credential = Credential {
        source: Source::Env("TOKEN".into()),
        origin: Origin(Url::parse(base).unwrap().origin().ascii_serialization()),
        loopback: false,
        place,
        weak,
    };
    let all = BTreeMap::from([(Name::new("example").unwrap(), credential)]);
    let keys = Keys::reading(move |name| (name == "TOKEN").then(|| secret.to_owned()));
    Providers::new(keys.with(&all))
}

fn header() -> Place {
    Place::Header { name: "authorization".into(), prefix: "Bearer ".into() }
}

const SECRET: &str = "s3cr3t/with+odd=signs&more";

#[tokio::test]
async fn a_credential_goes_out_in_its_place() {
    let server = Server::with(http("200 OK", "", "")).await;
    let ask = || Ask { credential: Some("example"), ..ask(format!("{}/x?a=1", server.base)) };
    send(&with(&server.base, header(), SECRET, false), &ask()).await.unwrap();
    send(&with(&server.base, Place::Query("key".into()), SECRET, false), &ask()).await.unwrap();
    let [first, second] = &server.requests()[..] else { panic!() };
    assert!(first.to_lowercase().contains(&format!("\r\nauthorization: bearer {SECRET}\r\n")));
    assert!(first.starts_with("GET /x?a=1 "));
    assert!(second.starts_with("GET /x?a=1&key=s3cr3t%2Fwith%2Bodd%3Dsigns%26more "), "{second}");
    // What the guest sends in the same place is refused: nothing is sent twice.
    let own = Ask { headers: vec![("authorization".into(), "mine".into())], ..ask() };
    let refused = send(&with(&server.base, header(), SECRET, false), &own).await;
    assert!(matches!(refused, Err(HttpError::Refused { .. })), "{refused:?}");
    let own = Ask { url: format!("{}/x?key=mine", server.base), ..ask() };
    let refused = send(&with(&server.base, Place::Query("key".into()), SECRET, false), &own).await;
    assert!(matches!(refused, Err(HttpError::Refused { .. })), "{refused:?}");
    assert_eq!(server.connections(), 2);
}

/// Of the standard's own examples.
const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn a_credential_that_signs_is_not_sent_and_goes_over_what_is() {
    let server = Server::with(http("200 OK", "", "")).await;
    let ask = || Ask {
        credential: Some("example"),
        method: Method::Post,
        body: b"{\"test\": 2432232314}",
        ..ask(format!("{}/hook", server.base))
    };
    let signing = || with(&server.base, Place::Signature, SIGNING, false);
    send(&signing(), &ask()).await.unwrap();
    let [request] = &server.requests()[..] else { panic!() };
    let sent = |name: &str| {
        let mut lines = request.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let (id, at) = (sent("webhook-id").unwrap(), sent("webhook-timestamp").unwrap());
    assert_eq!((sent("idempotency-key").unwrap(), "1614265330"), (id.clone(), at.as_str()));
    // Made anew from the standard's words, and not by the code that is tested.
    let key = base64::engine::general_purpose::STANDARD.decode(&SIGNING["whsec_".len()..]);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key.unwrap());
    let signature = sent("webhook-signature").unwrap();
    let signature = signature.strip_prefix("v1,").unwrap();
    let signature = base64::engine::general_purpose::STANDARD.decode(signature).unwrap();
    let signed = format!("{id}.{at}.{{\"test\": 2432232314}}");
    ring::hmac::verify(&key, signed.as_bytes(), &signature).unwrap();
    let other = signed.replace("2432232314", "2432232315");
    assert!(ring::hmac::verify(&key, other.as_bytes(), &signature).is_err());
    assert!(!request.contains(&SIGNING["whsec_".len()..]), "{request}");
    // The guest's own signature is refused, whichever part of one.
    for header in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let own = Ask { headers: vec![(header.into(), "mine".into())], ..ask() };
        let refused = send(&signing(), &own).await;
        assert!(matches!(refused, Err(HttpError::Refused { .. })), "{refused:?}");
    }
    let short = with(&server.base, Place::Signature, "whsec_c2hvcnQtc2hvcnQ=", false);
    let refused = send(&short, &ask()).await.unwrap_err().to_string();
    assert!(refused.contains("24 to 64 bytes") && !refused.contains("c2hv"), "{refused}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_echo_of_what_signs_is_thrown_away_in_every_form() {
    let key = base64::engine::general_purpose::STANDARD;
    let bytes = key.decode(&SIGNING["whsec_".len()..]).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let inside = key.encode([b"a", bytes.as_slice()].concat());
    for echo in [SIGNING, &SIGNING["whsec_".len()..], &hex, &inside] {
        let server = Server::with(http("200 OK", "", echo)).await;
        let ask = Ask {
            credential: Some("example"),
            method: Method::Post,
            ..ask(format!("{}/hook", server.base))
        };
        let signing = with(&server.base, Place::Signature, SIGNING, false);
        let withheld = send(&signing, &ask).await;
        assert!(matches!(withheld, Err(HttpError::Withheld(_))), "{echo}: {withheld:?}");
    }
}

#[tokio::test]
async fn a_credential_goes_nowhere_else_and_a_weak_one_nowhere() {
    let server = Server::with(http("200 OK", "", "")).await;
    let to = |base: &str| Ask { credential: Some("example"), ..ask(base.to_owned()) };
    let elsewhere = with("https://api.example.com", header(), SECRET, false);
    let absent = with(&server.base, header(), "", false);
    let weak = with(&server.base, header(), "hunter2", false);
    for (providers, why) in [(elsewhere, "sent to"), (absent, "not set"), (weak, "at least 16")] {
        let refused = send(&providers, &to(&server.base)).await.unwrap_err();
        assert!(matches!(&refused, HttpError::Refused { hint: Some(_), .. }), "{refused:?}");
        assert!(refused.to_string().contains(why), "{refused}");
        assert!(!refused.to_string().contains(SECRET) && !refused.to_string().contains("hunter2"));
    }
    assert_eq!(server.connections(), 0);
    send(&with(&server.base, header(), "hunter2", true), &to(&server.base)).await.unwrap();
}

fn wherever(request: &str) -> String {
    request
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
        })
        .unwrap_or_default()
}

#[tokio::test]
async fn an_echo_of_the_credential_is_thrown_away_wherever_it_stands() {
    let echoes: [fn(&str) -> Vec<u8>; 12] = [
        |request| http("200 OK", "", request),
        |request| http("200 OK", &format!("x-echo: {}\r\n", wherever(request)), ""),
        |request| http("302 Found", &format!("location: /?{}\r\n", wherever(request)), ""),
        |request| http("500 Oops", "", &format!("bad token {:?}", wherever(request))),
        |request| {
            let encoded = base64::engine::general_purpose::STANDARD.encode(wherever(request));
            http("200 OK", "", &encoded)
        },
        |request| {
            let encoded =
                base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(wherever(request));
            http("200 OK", "", &format!("{{\"t\":\"{encoded}\"}}"))
        },
        |request| {
            let encoded: String = wherever(request).bytes().map(|b| format!("%{b:02X}")).collect();
            http("200 OK", "", &encoded)
        },
        |request| {
            let encoded: String =
                url::form_urlencoded::byte_serialize(wherever(request).as_bytes()).collect();
            http("200 OK", "", &encoded)
        },
        |request| {
            let encoded: String = wherever(request).bytes().map(|b| format!("{b:02x}")).collect();
            http("200 OK", "", &encoded)
        },
        |request| http("200 OK", "", &wherever(request).replace('/', "\\/")),
        |request| http("200 OK", "", &wherever(request).replace('&', "&amp;")),
        |request| http("200 OK", "", &wherever(request).to_uppercase()),
    ];
    for (number, echo) in echoes.into_iter().enumerate() {
        let server = Server::start(vec![Script::Echo(echo)]).await;
        let providers = with(&server.base, header(), SECRET, false);
        let ask = Ask { credential: Some("example"), ..ask(server.base.clone()) };
        let error = send(&providers, &ask).await.unwrap_err();
        assert!(matches!(&error, HttpError::Withheld(_)), "{number}: {error:?}");
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }
}

#[tokio::test]
async fn what_can_hand_a_credential_on_is_stripped() {
    let headers = "set-cookie: session=1\r\nwww-authenticate: Basic\r\nlocation: /x\r\n\
                   etag: \"1\"\r\nkeep-alive: 5\r\n";
    let server = Server::with(http("200 OK", headers, "")).await;
    let providers = with(&server.base, header(), SECRET, false);
    let names = |came: Exchanged| {
        let mut names: Vec<_> = came.response.headers.into_iter().map(|(name, _)| name).collect();
        names.sort();
        names
    };
    let plain = send(&providers, &ask(server.base.clone())).await.unwrap();
    assert_eq!(
        names(plain),
        ["content-length", "etag", "location", "set-cookie", "www-authenticate"]
    );
    let ask = Ask { credential: Some("example"), ..ask(server.base.clone()) };
    let stripped = send(&providers, &ask).await.unwrap();
    assert_eq!(stripped.location.as_deref(), Some("/x"), "the gate still knows");
    assert_eq!(names(stripped), ["content-length", "etag"]);
    let packed = Server::with(http("200 OK", "content-encoding: gzip\r\n", "x")).await;
    let ask = Ask { url: packed.base.clone(), ..ask };
    let refused = send(&with(&packed.base, header(), SECRET, false), &ask).await;
    assert!(matches!(refused, Err(HttpError::Withheld(_))), "{refused:?}");
}

#[tokio::test]
async fn a_key_of_a_model_is_found_in_the_answers_of_the_web_too() {
    let server = Server::with(http("200 OK", "", &format!("{{\"key\": \"{KEY}\"}}"))).await;
    let providers = Providers::new(Keys::new(None, Some(KEY)));
    let told = send(&providers, &ask(server.base.clone())).await;
    assert!(matches!(told, Err(HttpError::Withheld(_))), "{told:?}");
}
