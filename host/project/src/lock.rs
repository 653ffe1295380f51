//! `bailiwick.lock`: which bytes each agent name of a project means, and what came before them. Reads and writes the text; knows no file and no component.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use bailiwick_core::{Diagnostic, Digest, Name};
use bailiwick_policy::publishers::KeyId;
use bailiwick_policy::registry::Sha256;
use semver::Version;
use toml::Value;

use crate::codes;
use crate::entries::{Entries, as_table};
use crate::findings::Findings;
use crate::keys::{self, LOCK_KEYS};

/// The most notes of one kind that are kept of one component: the last ones say why it is
/// as it is, and the file's history has the others.
pub const NOTES_KEPT: usize = 16;

/// How the file begins.
const HEAD: &str = "# Written by `bailiwick add` and `bailiwick update`. Keep it with bailiwick.toml.\nversion = 1\n";

/// The file, parsed. A pin is about an agent name and a source together: one whose source is
/// another one than bailiwick.toml says is not in force. So a new pin can be written before
/// bailiwick.toml is changed, and the change of that one file is the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    pins: Vec<LockPin>,
}

/// What an agent name means when its component is from this source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockPin {
    /// The name in bailiwick.toml.
    pub agent: Name,
    /// `component` there, as it stands.
    pub source: String,
    /// Of the bytes.
    pub component: Digest,
    /// Of the manifest under which a registry had them, so that they can be had again when the
    /// tag means others. Nothing for what came from a file, or where an older lock did not say.
    pub manifest: Option<Sha256>,
    /// What the profile says.
    pub version: String,
    /// Who it is, as ceilings are matched against it: `publisher/name`. Nothing where an older
    /// file did not say.
    pub identity: Option<String>,
    /// The highest version that there ever was under this agent name.
    pub highest: String,
    /// Who signed it, where somebody did, and with which key.
    pub signed: Option<(String, KeyId)>,
    /// What its author asks for, as `model writer`.
    pub asks: BTreeSet<String>,
    /// When more powers were taken on purpose, and by whom.
    pub accepted: Vec<String>,
    /// When a lower version was taken on purpose, and by whom.
    pub downgrades: Vec<String>,
}

impl Lock {
    /// Reads the file.
    ///
    /// # Errors
    /// Everything that is wrong with it, by place.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Findings::new(file, text);
        let lock = keys::checked(LOCK_KEYS, &mut findings).map(|table| {
            let root = Entries(table.get_ref());
            let mut lock = Self::default();
            for node in root.items("component") {
                let Some(pin) = as_table(node).and_then(|table| pin(table, &mut findings)) else {
                    continue;
                };
                if lock.pin(&pin.agent, &pin.source).is_some() {
                    let message =
                        format!("`{}` from {:?} stands here twice", pin.agent, pin.source);
                    findings.report(codes::DUPLICATE, node.span(), message);
                }
                lock.pins.push(pin);
            }
            lock.sort();
            lock
        });
        findings.or(lock)
    }

    /// What an agent name means, with a component from there; nothing where nothing is said.
    #[must_use]
    pub fn pin(&self, agent: &Name, source: &str) -> Option<&LockPin> {
        self.pins.iter().find(|pin| pin.agent == *agent && pin.source == source)
    }

    /// All that is known of an agent name, whatever its source.
    pub fn pins_of<'a>(&'a self, agent: &'a Name) -> impl Iterator<Item = &'a LockPin> {
        self.pins.iter().filter(move |pin| pin.agent == *agent)
    }

    /// All of them, by agent and source.
    #[must_use]
    pub fn pins(&self) -> &[LockPin] {
        &self.pins
    }

    /// With this pin, in the place of the one of its agent and source.
    #[must_use]
    pub fn with(mut self, pin: LockPin) -> Self {
        self.pins.retain(|old| (&old.agent, &old.source) != (&pin.agent, &pin.source));
        self.pins.push(pin);
        self.sort();
        self
    }

    /// Without the pins that this does not hold for.
    #[must_use]
    pub fn retaining(mut self, holds: impl Fn(&LockPin) -> bool) -> Self {
        self.pins.retain(holds);
        self
    }

    /// The file. One lock has one text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = HEAD.to_owned();
        for pin in &self.pins {
            text.push_str(&pin.to_text());
        }
        text
    }

    fn sort(&mut self) {
        self.pins.sort_by(|a, b| (&a.agent, &a.source).cmp(&(&b.agent, &b.source)));
    }
}

impl LockPin {
    /// The higher one of a version and the highest that there was.
    #[must_use]
    pub fn highest_with(&self, version: &str) -> String {
        match is_lower(version, &self.highest) {
            true => self.highest.clone(),
            false => version.to_owned(),
        }
    }

    fn to_text(&self) -> String {
        let mut text = "\n[[component]]\n".to_owned();
        let mut line = |key: &str, value: Value| text.push_str(&format!("{key} = {value}\n"));
        let word = |text: &str| Value::String(text.to_owned());
        line("agent", word(self.agent.as_str()));
        line("source", word(&self.source));
        line("digest", word(&self.component.to_string()));
        if let Some(manifest) = &self.manifest {
            line("manifest", word(&manifest.to_string()));
        }
        line("version", word(&self.version));
        if let Some(identity) = &self.identity {
            line("identity", word(identity));
        }
        line("highest", word(&self.highest));
        if let Some((publisher, key)) = &self.signed {
            line("publisher", word(publisher));
            line("key", word(&key.to_string()));
        }
        let asks: Vec<_> = self.asks.iter().map(|ask| word(ask)).collect();
        let notes = |notes: &[String]| {
            let last = notes.len().saturating_sub(NOTES_KEPT);
            notes.iter().skip(last).map(|note| word(note)).collect::<Vec<_>>()
        };
        let lists = [asks, notes(&self.accepted), notes(&self.downgrades)];
        for (key, list) in ["asks", "accepted", "downgrades"].into_iter().zip(lists) {
            if !list.is_empty() {
                line(key, Value::Array(list));
            }
        }
        text
    }
}

/// Whether a version is lower than another one. What is no version of three numbers can be
/// compared with nothing but itself, so that it counts as lower than any other.
#[must_use]
pub fn is_lower(version: &str, than: &str) -> bool {
    if version == than {
        return false;
    }
    match (Version::parse(version), Version::parse(than)) {
        (Ok(version), Ok(than)) => version.cmp_precedence(&than) == Ordering::Less,
        _ => true,
    }
}

/// The highest of these versions; what is no version of three numbers is none.
#[must_use]
pub fn newest<'a>(versions: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let parsed = versions.into_iter().filter_map(|text| Some((Version::parse(text).ok()?, text)));
    parsed.max_by(|(one, _), (other, _)| one.cmp_precedence(other)).map(|(_, text)| text)
}

/// The highest version among these tags that is above one that was taken, and its tag. `1.2.0`
/// and `v1.2.0` are tags of versions, others are of none. What is not released yet
/// (`2.0.0-rc.1`) is above nothing but what is not, either.
#[must_use]
pub fn newer<'a>(
    tags: impl IntoIterator<Item = &'a str>,
    taken: &str,
) -> Option<(&'a str, &'a str)> {
    let early = Version::parse(taken).is_ok_and(|taken| !taken.pre.is_empty());
    let parsed = tags.into_iter().filter_map(|tag| {
        let text = tag.strip_prefix('v').unwrap_or(tag);
        let version = Version::parse(text).ok()?;
        (early || version.pre.is_empty()).then_some((version, text, tag))
    });
    let highest = parsed.max_by(|(one, ..), (other, ..)| one.cmp_precedence(other));
    highest.map(|(_, text, tag)| (text, tag)).filter(|(text, _)| is_lower(taken, text))
}

fn pin(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Option<LockPin> {
    let text = |key: &str| table.text(key).map(toml::Spanned::into_inner);
    let list = |key| table.texts(key).into_iter().map(toml::Spanned::into_inner);
    let digest = table.text("digest").and_then(|digest| {
        let parsed = digest.get_ref().parse::<Digest>();
        let wrong = |error| {
            findings.report(codes::WRONG_VALUE, digest.span(), format!("this is {error}"));
        };
        parsed.map_err(wrong).ok()
    });
    let manifest = table.text("manifest").and_then(|manifest| {
        let parsed = manifest.get_ref().parse::<Sha256>();
        let wrong = |error| {
            findings.report(codes::WRONG_VALUE, manifest.span(), format!("this is {error}"));
        };
        parsed.map_err(wrong).ok()
    });
    let key = table.text("key").and_then(|key| {
        let parsed = KeyId::parse(key.get_ref());
        let wrong =
            |error| findings.report(codes::WRONG_VALUE, key.span(), format!("this is {error}"));
        parsed.map_err(wrong).ok()
    });
    let signed = match (text("publisher"), key) {
        (Some(publisher), Some(key)) => Some((publisher, key)),
        (None, None) => None,
        _ => {
            let span = table.key_span("agent").unwrap_or(0..0);
            let message = "`publisher` and `key` stand together or not at all";
            findings.report(codes::MISSING_KEY, span, message);
            None
        }
    };
    Some(LockPin {
        agent: table.name("agent")?.into_inner(),
        source: text("source")?,
        component: digest?,
        manifest,
        version: text("version")?,
        identity: text("identity"),
        highest: text("highest")?,
        signed,
        asks: list("asks").collect(),
        accepted: list("accepted").collect(),
        downgrades: list("downgrades").collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(agent: &str, source: &str) -> LockPin {
        LockPin {
            agent: Name::new(agent).unwrap(),
            source: source.into(),
            component: Digest::of(agent.as_bytes()),
            manifest: Some(Sha256::from_bytes([9; 32])),
            version: "1.2.0".into(),
            identity: Some("acme/one".into()),
            highest: "1.3.0".into(),
            signed: Some(("acme".into(), KeyId::from_bytes([7; 8]))),
            asks: ["model writer".to_owned(), "http \"a\" \\ ä".into()].into(),
            accepted: vec!["more, 2026-11-23, uid:1001".into()],
            downgrades: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let lock = Lock::default().with(pin("b", "x.wasm")).with(pin("a", "../\"y\".wasm"));
        let text = lock.to_text();
        assert_eq!(Lock::read("bailiwick.lock", &text), Ok(lock.clone()), "{text}");
        assert_eq!(Lock::read("bailiwick.lock", &Lock::default().to_text()), Ok(Lock::default()));
        let other = LockPin { version: "2.0.0".into(), ..pin("b", "x.wasm") };
        let (name, lock) = (other.agent.clone(), lock.with(other));
        assert_eq!(lock.pin(&name, "x.wasm").unwrap().version, "2.0.0");
        assert_eq!(lock.pins().len(), 2);
        assert!(lock.pin(&name, "y.wasm").is_none(), "a pin is about its source");
    }

    #[test]
    fn a_file_of_an_older_program_is_read() {
        let lock =
            Lock::default().with(LockPin { identity: None, manifest: None, ..pin("a", "x") });
        assert!(!lock.to_text().contains("identity") && !lock.to_text().contains("manifest"));
        assert_eq!(Lock::read("bailiwick.lock", &lock.to_text()), Ok(lock));
    }

    #[test]
    fn the_last_notes_are_kept() {
        let notes: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        let text = Lock::default().with(LockPin { downgrades: notes, ..pin("a", "x") }).to_text();
        let lock = Lock::read("bailiwick.lock", &text).unwrap();
        let kept = &lock.pins()[0].downgrades;
        assert_eq!((kept.len(), kept.last().unwrap().as_str()), (NOTES_KEPT, "99"));
    }

    #[test]
    fn each_thing_that_is_wrong_is_said_at_its_place() {
        let good = Lock::default().with(pin("a", "x.wasm")).to_text();
        for (from, to, code) in [
            ("version = 1\n", "version = 2\n", codes::WRONG_VALUE),
            ("version = 1\n", "", codes::MISSING_KEY),
            ("agent = \"a\"", "agent = \"A\"", codes::BAD_NAME),
            ("blake3:", "sha256:", codes::WRONG_VALUE),
            ("manifest = \"sha256:", "manifest = \"blake3:", codes::WRONG_VALUE),
            ("key = \"0", "key = \"x", codes::WRONG_VALUE),
            ("publisher = \"acme\"\n", "", codes::MISSING_KEY),
            ("source = ", "sauce = ", codes::UNKNOWN_KEY),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            let said = Lock::read("bailiwick.lock", &text).unwrap_err();
            assert!(
                said.iter().any(|one| one.code == code && one.place.is_some()),
                "{to}: {said:?}"
            );
        }
        let twice = format!("{good}{}", good.strip_prefix(HEAD).unwrap());
        let said = Lock::read("bailiwick.lock", &twice).unwrap_err();
        assert_eq!(said[0].code, codes::DUPLICATE);
    }

    #[test]
    fn versions_are_compared_as_versions() {
        for (lower, higher) in
            [("1.2.0", "1.10.0"), ("1.0.0-rc.1", "1.0.0"), ("0.9.9", "1.0.0"), ("one", "1.0.0")]
        {
            assert!(is_lower(lower, higher), "{lower} {higher}");
        }
        for (version, than) in [("1.2.0", "1.2.0"), ("1.2.0+b", "1.2.0+a"), ("two", "two")] {
            assert!(!is_lower(version, than), "{version} {than}");
        }
        assert!(is_lower("2", "one"), "what cannot be compared is not taken for an upgrade");
    }

    #[test]
    fn newer_is_what_is_released_and_above() {
        let tags = ["1.9.0", "v1.10.0", "latest", "2.0.0-rc.1", "1.10", "w2.0.0"];
        for (taken, above) in [
            ("1.8.0", Some(("1.10.0", "v1.10.0"))),
            ("1.10.0", None),
            ("2.0.0-alpha", Some(("2.0.0-rc.1", "2.0.0-rc.1"))),
            ("2.0.0-rc.1", None),
            ("3.0.0", None),
            ("one", Some(("1.10.0", "v1.10.0"))),
        ] {
            assert_eq!(newer(tags, taken), above, "{taken}");
        }
        assert_eq!(newer(["latest"], "1.0.0"), None);
    }
}
