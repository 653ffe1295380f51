//! Publishers who sign what they may, and others who do not.

use minisign::KeyPair;

use super::*;
use bailiwick_core::Bytes;

const COMPONENT: &[u8] = b"the bytes of a component";

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn statement(publisher: &str) -> Statement {
    Statement {
        publisher: publisher.into(),
        name: "draft".into(),
        version: "1.2.0".parse().unwrap(),
        component: Digest::of(COMPONENT),
        size: Bytes(COMPONENT.len() as u64),
        contract: "0.1.0".into(),
        date: day("2026-11-23"),
    }
}

fn pair() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().unwrap()
}

fn public(pair: &KeyPair) -> PublicKey {
    PublicKey::parse(&pair.pk.to_base64()).unwrap()
}

fn text(pair: &KeyPair, bytes: &[u8], comment: &str) -> String {
    minisign::sign(None, &pair.sk, bytes, Some(comment), None).unwrap().into_string()
}

fn signed(pair: &KeyPair, statement: &Statement) -> Signature {
    Signature::parse(&text(pair, COMPONENT, &statement.to_string())).unwrap()
}

/// `acme` and `globex`, each with a key.
fn world() -> (Publishers, KeyPair, KeyPair) {
    let (acme, globex) = (pair(), pair());
    let key = |pair| PublisherKey { key: public(pair), from: None, until: None };
    let keys =
        [("acme".to_owned(), vec![key(&acme)]), ("globex".to_owned(), vec![key(&globex)])].into();
    (Publishers { keys, revoked: Revoked::default() }, acme, globex)
}

/// Signed with it on the day of [`statement`].
fn with(key: KeyId) -> SignedWith {
    SignedWith { key, on: day("2026-11-23") }
}

fn today() -> Moment {
    Moment::Today(day("2026-11-23"))
}

fn refused(outcome: Result<Signed, BadSignature>) -> String {
    outcome.unwrap_err().to_string()
}

#[test]
fn what_a_publisher_signed_is_his() {
    let (publishers, acme, _) = world();
    let signature = signed(&acme, &statement("acme"));
    let verified = publishers.verify(COMPONENT, &signature, today()).unwrap();
    assert_eq!(verified.statement, statement("acme"));
    assert_eq!(verified.key, public(&acme).id());
    let identity = verified.statement.identity();
    let digest = Digest::of(COMPONENT);
    assert_eq!(publishers.withdrawn(&digest, Some(verified.with()), &identity), None);
}

#[test]
fn each_flipped_bit_of_the_bytes_is_found() {
    let (publishers, acme, _) = world();
    let signature = signed(&acme, &statement("acme"));
    for bit in 0..COMPONENT.len() * 8 {
        let mut bytes = COMPONENT.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let said = refused(publishers.verify(&bytes, &signature, today()));
        assert!(said.contains("not of these bytes"), "{said}");
    }
}

#[test]
fn a_statement_cannot_be_put_on_other_bytes_or_changed() {
    let (publishers, acme, _) = world();
    let good = text(&acme, COMPONENT, &statement("acme").to_string());
    // Another name, version and date under the same signature.
    for (from, to) in [("draft 1.2.0", "publish 1.2.0"), ("1.2.0,", "9.2.0,"), ("2026", "2025")] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good);
        let signature = Signature::parse(&changed).unwrap();
        let said = refused(publishers.verify(COMPONENT, &signature, today()));
        assert!(said.contains("not of these bytes, or not by key"), "{said}");
    }
    // Signed by the right key over other bytes than the statement is about.
    let other = text(&acme, b"other bytes", &statement("acme").to_string());
    let signature = Signature::parse(&other).unwrap();
    let said = refused(publishers.verify(b"other bytes", &signature, today()));
    assert!(said.contains("the statement is about"), "{said}");
}

#[test]
fn another_key_and_a_key_of_another_publisher_have_their_sentences() {
    let (publishers, _, globex) = world();
    let said = refused(publishers.verify(COMPONENT, &signed(&pair(), &statement("acme")), today()));
    assert!(said.contains("none of the keys of acme"), "{said}");
    let said = refused(publishers.verify(COMPONENT, &signed(&globex, &statement("acme")), today()));
    assert!(said.contains("is a key of globex: globex signs globex/… and nothing else"), "{said}");
    let said = refused(publishers.verify(COMPONENT, &signed(&pair(), &statement("evil")), today()));
    assert!(said.contains("admits no publisher evil"), "{said}");
}

#[test]
fn a_key_with_the_id_of_another_one_does_not_pass_for_it() {
    let (publishers, acme, _) = world();
    let mut forger = pair();
    // Ids are chosen by who makes the key.
    let mut bytes = forger.sk.to_bytes();
    let id = acme.sk.keynum().to_vec();
    bytes[54..62].copy_from_slice(&id);
    forger.sk = minisign::SecretKey::from_bytes(&bytes).unwrap();
    let signature = signed(&forger, &statement("acme"));
    assert_eq!(signature.key, public(&acme).id());
    let said = refused(publishers.verify(COMPONENT, &signature, today()));
    assert!(said.contains("not by key"), "{said}");
}

#[test]
fn a_key_counts_in_its_days() {
    let (mut publishers, acme, _) = world();
    let signature = signed(&acme, &statement("acme"));
    let mut with = |from: Option<&str>, until: Option<&str>, moment| {
        let own = &mut publishers.keys.get_mut("acme").unwrap()[0];
        (own.from, own.until) = (from.map(day), until.map(day));
        publishers.verify(COMPONENT, &signature, moment).map(|_| ()).map_err(|e| e.to_string())
    };
    for (from, until) in [(None, None), (Some("2026-11-23"), Some("2026-11-23"))] {
        assert_eq!(with(from, until, today()), Ok(()));
    }
    let said = with(Some("2026-11-24"), None, today()).unwrap_err();
    assert!(said.contains("counts from 2026-11-24 on"), "{said}");
    for moment in [today(), Moment::Before] {
        let said = with(None, Some("2026-11-22"), moment).unwrap_err();
        assert!(said.contains("counted until 2026-11-22, and this was signed on"), "{said}");
    }
    // What was let in stays; what comes in with an old key could have been dated back.
    let later = Moment::Today(day("2027-01-01"));
    let said = with(None, Some("2026-12-31"), later).unwrap_err();
    assert!(said.contains("what comes in after that day is not taken"), "{said}");
    assert_eq!(with(None, Some("2026-12-31"), Moment::Before), Ok(()));
    let said = with(None, None, Moment::Today(day("2026-11-20"))).unwrap_err();
    assert!(said.contains("which is after today"), "{said}");
    assert_eq!(with(None, None, Moment::Today(day("2026-11-22"))), Ok(()));
}

#[test]
fn what_is_revoked_counts_no_more_whenever_it_came() {
    let (publishers, acme, globex) = world();
    let (digest, id) = (Digest::of(COMPONENT), public(&acme).id());
    let signature = signed(&acme, &statement("acme"));
    let verified = |publishers: &Publishers, moment| {
        publishers.verify(COMPONENT, &signature, moment).map(|_| ()).map_err(|e| e.to_string())
    };
    let mut by_key = publishers.clone();
    by_key.revoked.keys.insert(id);
    let mut by_digest = publishers.clone();
    by_digest.revoked.digests.insert(digest);
    let mut gone = publishers.clone();
    gone.keys.remove("acme");
    for (publishers, words) in
        [(&by_key, "which signed it, is revoked"), (&by_digest, "is revoked")]
    {
        for moment in [today(), Moment::Before] {
            let said = verified(publishers, moment).unwrap_err();
            assert!(said.contains(words), "{said}");
        }
        let why = publishers.withdrawn(&digest, Some(with(id)), "acme/draft").unwrap();
        assert!(why.to_string().contains(words) && why.line().contains("[revoked]"), "{why}");
    }
    let why = gone.withdrawn(&digest, Some(with(id)), "acme/draft").unwrap().to_string();
    assert!(why.contains("no more"), "{why}");
    // A digest is revoked whoever signed it, or nobody; a key takes only its own.
    assert!(by_digest.withdrawn(&digest, None, "local/draft").is_some());
    assert!(by_key.withdrawn(&digest, None, "local/draft").is_none());
    assert!(by_key.withdrawn(&digest, Some(with(public(&globex).id())), "globex/draft").is_none());
}

#[test]
fn a_statement_has_one_text() {
    let good = statement("acme").to_string();
    assert_eq!(Statement::parse(&good), Ok(statement("acme")));
    for (from, to) in [
        ("component 1", "component 2"),
        ("acme/", ""),
        ("acme", "local"),
        ("acme", "ac me"),
        ("1.2.0", "1.2"),
        ("1.2.0", "01.2.0"),
        ("blake3:", ""),
        (" bytes", ""),
        ("24 bytes", "+24 bytes"),
        ("24 bytes", "024 bytes"),
        ("contract ", ""),
        ("2026-11-23", "2026-11-31"),
        ("2026-11-23", "2026-11-23, more"),
        (", contract", ",  contract"),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good);
        assert!(Statement::parse(&changed).is_err(), "{changed}");
    }
    assert!(matches!(Statement::parse(&"x".repeat(2000)), Err(NotAStatement::TooLong(2000))));
}

#[test]
fn a_signature_file_is_four_lines() {
    let pair = pair();
    let good = text(&pair, COMPONENT, &statement("acme").to_string());
    assert!(Signature::parse(&good).is_ok());
    for bad in [
        String::new(),
        good.lines().take(3).map(|line| format!("{line}\n")).collect(),
        format!("{good}one more\n"),
        good.replace("trusted comment: bail", "trusted remark: bail"),
        good.replace("trusted comment: bailiwick", "trusted comment: bailiff"),
        "x".repeat(SIGNATURE_MAX_BYTES + 1),
    ] {
        assert!(Signature::parse(&bad).is_err(), "{bad}");
    }
}

#[test]
fn what_was_signed_outside_of_the_days_that_a_key_has_by_now_is_admitted_no_more() {
    let (publishers, acme, _) = world();
    let (digest, signed) = (Digest::of(COMPONENT), with(public(&acme).id()));
    let under = |from: Option<&str>, until: Option<&str>| {
        let mut edited = publishers.clone();
        let own = &mut edited.keys.get_mut("acme").unwrap()[0];
        (own.from, own.until) = (from.map(day), until.map(day));
        edited.withdrawn(&digest, Some(signed), "acme/draft")
    };
    for (from, until) in [
        (None, None),
        (Some("2026-11-23"), Some("2026-11-23")),
        // That its days are over is no reason to stop anything.
        (Some("2026-01-01"), Some("2026-11-30")),
    ] {
        assert_eq!(under(from, until), None, "{from:?} {until:?}");
    }
    for (from, until, says, line) in [
        (Some("2026-11-24"), None, "from 2026-11-24 on only", "from = \"2026-11-24\""),
        (None, Some("2026-11-22"), "until 2026-11-22 only", "until = \"2026-11-22\""),
    ] {
        let gone = under(from, until).unwrap();
        let said = gone.to_string();
        assert!(said.contains(says) && said.ends_with("this was signed on 2026-11-23"), "{said}");
        assert!(gone.line().contains(line), "{}", gone.line());
    }
}
