//! `[publishers]` and `[revoked]` of policy.toml: whose signatures count, when, and what does no more. Verifies none.

use std::collections::BTreeMap;

use bailiwick_core::{Day, Digest};
use bailiwick_policy::Publishers;
use bailiwick_policy::publishers::{KeyId, LOCAL, PublicKey, PublisherKey, Revoked, is_word};

use crate::codes;
use crate::entries::{Entries, as_table};
use crate::findings::Findings;

/// Reads both tables.
pub(crate) fn publishers(root: Entries<'_, '_>, findings: &mut Findings<'_>) -> Publishers {
    let mut found = Publishers { keys: BTreeMap::new(), revoked: revoked(root, findings) };
    let Some(tables) = root.table("publishers") else { return found };
    for (name, node) in tables.in_order() {
        let Some(table) = as_table(node) else { continue };
        if name.get_ref() == LOCAL || !is_word(name.get_ref()) {
            let message = format!("{:?} cannot be a publisher", name.get_ref());
            let hint = "letters, digits, `_`, `-` and `.`; `local` is what nobody signed";
            findings.report_with(codes::WRONG_VALUE, name.span(), message, hint);
        }
        let mut keys = Vec::new();
        for item in table.items("keys") {
            let Some(item) = as_table(item) else { continue };
            let Some(own) = key(item, findings) else { continue };
            let id = own.key.id();
            let twice = keys.iter().any(|known: &PublisherKey| known.key.id() == id);
            if let Some(owner) = found.owner(id).or(twice.then_some(name.get_ref())) {
                let message = format!("key {id} is a key of `{owner}` already");
                let hint = "a key signs for one publisher, and once is enough";
                let span = item.key_span("key").unwrap_or_else(|| name.span());
                findings.report_with(codes::DUPLICATE, span, message, hint);
                continue;
            }
            keys.push(own);
        }
        found.keys.insert(name.get_ref().to_string(), keys);
    }
    found
}

fn key(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Option<PublisherKey> {
    let (from, until) = (day(table, "from", findings), day(table, "until", findings));
    if let (Some(from), Some(until)) = (from, until)
        && from > until
    {
        let message = format!("it counts from {from} until {until}, which is never");
        let span = table.key_span("until").unwrap_or(0..0);
        findings.report(codes::WRONG_VALUE, span, message);
    }
    let text = table.text("key")?;
    match PublicKey::parse(text.get_ref()) {
        Ok(key) => Some(PublisherKey { key, from, until }),
        Err(error) => {
            findings.report(codes::WRONG_VALUE, text.span(), format!("this is {error}"));
            None
        }
    }
}

fn day(table: Entries<'_, '_>, key: &str, findings: &mut Findings<'_>) -> Option<Day> {
    let text = table.text(key)?;
    let day = Day::parse(text.get_ref());
    day.map_err(|error| {
        findings.report(codes::WRONG_VALUE, text.span(), format!("this is {error}"));
    })
    .ok()
}

fn revoked(root: Entries<'_, '_>, findings: &mut Findings<'_>) -> Revoked {
    let mut revoked = Revoked::default();
    let Some(table) = root.table("revoked") else { return revoked };
    for text in table.texts("keys") {
        match KeyId::parse(text.get_ref()) {
            Ok(id) => _ = revoked.keys.insert(id),
            Err(error) => {
                findings.report(codes::WRONG_VALUE, text.span(), format!("this is {error}"));
            }
        }
    }
    for text in table.texts("digests") {
        match text.get_ref().parse::<Digest>() {
            Ok(digest) => _ = revoked.digests.insert(digest),
            Err(error) => {
                findings.report(codes::WRONG_VALUE, text.span(), format!("this is {error}"));
            }
        }
    }
    revoked
}
