//! What a component asks for, as a list that can be compared with that of an older one. Grants nothing.

use std::collections::BTreeSet;

use bailiwick_builder::{Embedded, Wants};
use bailiwick_core::Bytes;

/// How a want to make artifacts begins; its size follows.
const PUT: &str = "artifacts put ";

/// Everything that a component asks for: its wants, and the powers that it imports besides.
pub(crate) fn asks(embedded: &Embedded, imports: &[String]) -> BTreeSet<String> {
    let Wants { model, knowledge, artifacts, http, kv, delegate } = &embedded.wants;
    let mut asks = BTreeSet::new();
    for (power, want) in [("model", model), ("knowledge", knowledge), ("delegate", delegate)] {
        let names = want.iter().flat_map(|want| &want.names);
        asks.extend(names.map(|name| format!("{power} {name}")));
    }
    let hosts = http.iter().flat_map(|want| &want.hosts);
    asks.extend(hosts.map(|host| format!("http {host}")));
    if let Some(want) = artifacts {
        asks.insert("artifacts read".to_owned());
        asks.extend(want.put.map(|put| format!("{PUT}{put}")));
    }
    if let Some(want) = kv {
        asks.insert("kv read".to_owned());
        asks.extend(want.write.then(|| "kv write".to_owned()));
    }
    let silent = imports
        .iter()
        .filter(|import| !asks.iter().any(|ask| ask.split(' ').next() == Some(import)));
    let silent: Vec<_> = silent.cloned().collect();
    asks.extend(silent);
    asks
}

/// What is asked for now and was not.
pub(crate) fn grown(then: &BTreeSet<String>, now: &BTreeSet<String>) -> Vec<String> {
    let put = |asks: &BTreeSet<String>| {
        let sizes = asks.iter().filter_map(|ask| Bytes::parse(ask.strip_prefix(PUT)?).ok());
        sizes.max()
    };
    // Less room than before is no growth.
    let smaller = put(now) <= put(then);
    let new = now.difference(then).filter(|ask| !(ask.starts_with(PUT) && smaller));
    new.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_what_was_not_asked_for() {
        let set = |asks: &[&str]| asks.iter().map(|ask| (*ask).to_owned()).collect();
        let then: BTreeSet<String> =
            set(&["model writer", "artifacts read", "artifacts put 16 MiB"]);
        for (now, more) in [
            (set(&["model writer", "artifacts read", "artifacts put 16 MiB"]), vec![]),
            (set(&["artifacts read", "artifacts put 1 MiB"]), vec![]),
            (set(&[]), vec![]),
            (set(&["artifacts put 17 MiB"]), vec!["artifacts put 17 MiB"]),
            (set(&["model critic", "model writer"]), vec!["model critic"]),
            (set(&["http api.example.com"]), vec!["http api.example.com"]),
            (set(&["kv"]), vec!["kv"]),
        ] {
            assert_eq!(grown(&then, &now), more);
        }
    }
}
