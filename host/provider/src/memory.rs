//! What a host knows of its secrets: every value that each source has had, and what they are looked for with. Reads none and knows no credential.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bailiwick_policy::credential::Source;
use zeroize::Zeroizing;

use crate::finder::Finder;
use crate::secret::Secret;
use crate::source::Stamp;

/// The values of one source that are looked for: today's, and those before it, which an
/// echo may still give back. A secret that is rotated each day is known for two months;
/// each value costs some kilobytes of what is searched with.
const VALUES_MAX: usize = 64;
/// The same for long ones, such as tokens that hold claims: the last eight of the longest.
const VALUES_MAX_BYTES: usize = 32 * 1024;
/// How long a program's answer holds: vaults are slow, and a rotation lets both values live
/// for longer than that.
const COMMAND_FRESH: Duration = Duration::from_secs(60);

/// One for a host: its runs come and go, and what was a secret stays one.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Known>);

#[derive(Default)]
struct Known {
    values: BTreeMap<Source, Vec<Secret>>,
    printed: BTreeMap<Source, (Instant, Zeroizing<String>)>,
    looked: BTreeMap<String, Option<Stamp>>,
    said: BTreeSet<Source>,
    finder: Arc<Finder>,
}

impl Memory {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on an answer with this value is thrown away.
    pub(crate) fn remember(&self, source: &Source, secret: &Secret) {
        let mut known = self.known();
        let values = known.values.entry(source.clone()).or_default();
        if values.iter().any(|value| value.text() == secret.text()) {
            return;
        }
        values.push(secret.clone());
        let bytes = |values: &[Secret]| values.iter().map(|one| one.text().len()).sum::<usize>();
        while values.len() > VALUES_MAX || bytes(values) > VALUES_MAX_BYTES {
            values.remove(0);
        }
        known.finder = Arc::new(Finder::of(known.values.values().flatten()));
    }

    /// Looks for all of them.
    pub(crate) fn finder(&self) -> Arc<Finder> {
        Arc::clone(&self.known().finder)
    }

    /// What a program printed, where that holds still.
    pub(crate) fn printed(&self, source: &Source) -> Option<Zeroizing<String>> {
        let printed = self.known().printed.get(source).cloned();
        printed.filter(|(at, _)| at.elapsed() < COMMAND_FRESH).map(|(_, text)| text)
    }

    /// Whether a program ever printed anything.
    pub(crate) fn has_printed(&self, source: &Source) -> bool {
        self.known().printed.contains_key(source)
    }

    /// Keeps what a program printed just now.
    pub(crate) fn prints(&self, source: &Source, text: Zeroizing<String>) {
        self.known().printed.insert(source.clone(), (Instant::now(), text));
    }

    /// Whether a file is the one of the last look; this is one.
    pub(crate) fn is_as_it_was(&self, path: &str, now: Option<Stamp>) -> bool {
        self.known().looked.insert(path.to_owned(), now) == Some(now)
    }

    /// Whether nothing was said about a source yet; from now on something was.
    pub(crate) fn is_first_said(&self, source: &Source) -> bool {
        self.known().said.insert(source.clone())
    }
}
