//! Whose components are admitted: publishers with their keys, and what was revoked. Judges what somebody signed; reads no file and asks no clock.

mod key;
mod signature;
mod statement;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bailiwick_core::{Day, Digest};
use serde::{Deserialize, Serialize};

pub use key::{KeyId, NotAKey, PublicKey};
pub use signature::{BadSignature, SIGNATURE_MAX_BYTES, Signature};
pub use statement::{NotAStatement, STATEMENT_MAX_BYTES, Statement, is_word};

/// The publisher of what nobody signed: no policy can name it, and nobody can sign as it.
pub const LOCAL: &str = "local";

/// Publishers by name, and what is revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publishers {
    /// The keys of each. A key is of one publisher alone, so that it signs for no other.
    pub keys: BTreeMap<String, Vec<PublisherKey>>,
    /// What was taken back.
    pub revoked: Revoked,
}

/// A key, and when its publisher may sign with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublisherKey {
    /// The key.
    pub key: PublicKey,
    /// The first day of signatures that count; unset: any.
    pub from: Option<Day>,
    /// The last day of signatures that count; unset: any.
    pub until: Option<Day>,
}

/// Keys and components that nobody is to use any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Keys, whatever they signed and when.
    pub keys: BTreeSet<KeyId>,
    /// Components, whoever signed them.
    pub digests: BTreeSet<Digest>,
}

/// Whether a component is new to the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It comes in today: its key must be one of today.
    Today(Day),
    /// It was let in before, and its lock or its run says so: its key must have been one of
    /// the day on which it signed.
    Before,
}

/// Who answers for a component, and by which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub statement: Statement,
    /// By which key.
    pub key: KeyId,
}

/// The key that a component is signed with, and the day on which it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedWith {
    /// The key.
    pub key: KeyId,
    /// The day.
    pub on: Day,
}

impl Signed {
    /// By which key, and when.
    #[must_use]
    pub fn with(&self) -> SignedWith {
        SignedWith { key: self.key, on: self.statement.date }
    }
}

/// Why what somebody signed is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say what the values are")]
pub enum Unadmitted {
    #[error("it is signed as {publisher}/{name}, and policy.toml admits no publisher {publisher}")]
    Publisher { publisher: String, name: String, key: KeyId },
    #[error(
        "it is signed as {publisher}/{name} with key {key}, which is none of the keys of {publisher}"
    )]
    OtherKey { publisher: String, name: String, key: KeyId },
    #[error(
        "it is signed as {publisher}/{name} with key {key}, which is a key of {owner}: {owner} signs {owner}/… and nothing else"
    )]
    KeyOfAnother { publisher: String, name: String, key: KeyId, owner: String },
    #[error("key {key} of {publisher} counts from {from} on, and this was signed on {signed}")]
    NotYet { publisher: String, key: KeyId, from: Day, signed: Day },
    #[error("key {key} of {publisher} counted until {until}, and this was signed on {signed}")]
    Expired { publisher: String, key: KeyId, until: Day, signed: Day },
    #[error(
        "key {key} of {publisher} counted until {until}: what comes in after that day is not taken, also where it says that it was signed before"
    )]
    TooLate { publisher: String, key: KeyId, until: Day },
    #[error("it says that it was signed on {signed}, which is after today, {today}")]
    Future { signed: Day, today: Day },
    #[error("{0}")]
    Withdrawn(Withdrawn),
}

/// Why what was admitted is no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// Its key is revoked.
    Key(KeyId),
    /// It is revoked itself.
    Digest(Digest),
    /// Its publisher, or the key that it signed with, is admitted no more.
    NoMore {
        /// The publisher.
        publisher: String,
        /// The key.
        key: KeyId,
    },
    /// The days of its key are others by now, and the one on which it was signed is none of
    /// them.
    OtherDays {
        /// The publisher.
        publisher: String,
        /// The key.
        key: KeyId,
        /// Which end of its days was moved, and to where.
        outside: Outside,
        /// The day of the signature.
        signed: Day,
    },
}

/// On which side of a key's days a signature lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// The key counts from this day on only.
    Before(Day),
    /// The key counts until this day only.
    After(Day),
}

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "key {key}, which signed it, is revoked"),
            Self::Digest(digest) => write!(f, "the component {digest} is revoked"),
            Self::NoMore { publisher, key } => {
                write!(f, "policy.toml admits key {key} of {publisher} no more")
            }
            Self::OtherDays { publisher, key, outside, signed } => {
                let days = match outside {
                    Outside::Before(from) => format!("from {from} on"),
                    Outside::After(until) => format!("until {until}"),
                };
                write!(
                    f,
                    "policy.toml admits key {key} of {publisher} {days} only, and this was signed on {signed}"
                )
            }
        }
    }
}

impl Withdrawn {
    /// The line of policy.toml that says so.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Key(key) => format!("in policy.toml, under [revoked]: keys has {key}"),
            Self::Digest(digest) => {
                format!("in policy.toml, under [revoked]: digests has {digest}")
            }
            Self::NoMore { publisher, key } => {
                format!("in policy.toml, under [publishers.{publisher}]: keys lacks {key}")
            }
            Self::OtherDays { publisher, key, outside, .. } => {
                let (word, day) = match outside {
                    Outside::Before(from) => ("from", from),
                    Outside::After(until) => ("until", until),
                };
                format!(
                    "in policy.toml, under [publishers.{publisher}]: key {key} has {word} = \"{day}\""
                )
            }
        }
    }
}

impl Publishers {
    /// Whether it names nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Judges a component with its signature: that somebody who may has signed these very
    /// bytes under this name and version. Whether the bytes say the same of themselves is
    /// asked elsewhere.
    ///
    /// # Errors
    /// [`BadSignature`] where it does not fit the bytes, or who signed is not admitted.
    pub fn verify(
        &self,
        component: &[u8],
        signature: &Signature,
        moment: Moment,
    ) -> Result<Signed, BadSignature> {
        let Signature { statement, key, .. } = signature;
        let digest = Digest::of(component);
        // Before anything else: whoever asks why is told what is known.
        if let Some(gone) = self.revoked_of(&digest, Some(*key)) {
            return Err(Unadmitted::Withdrawn(gone).into());
        }
        let admitted = self.admitted(statement, *key)?;
        signature.verify(component, &admitted.key)?;
        statement.is_about(&digest, component.len())?;
        admitted.counts(statement, moment)?;
        Ok(Signed { statement: statement.clone(), key: *key })
    }

    /// Whether a component that was admitted is no longer. `signed` is what it was signed
    /// with and when, and `identity` its `publisher/name`. That the days of its key are over
    /// by now is no reason: that they are others is.
    #[must_use]
    pub fn withdrawn(
        &self,
        component: &Digest,
        signed: Option<SignedWith>,
        identity: &str,
    ) -> Option<Withdrawn> {
        if let Some(gone) = self.revoked_of(component, signed.map(|signed| signed.key)) {
            return Some(gone);
        }
        let (SignedWith { key, on }, (publisher, _)) = (signed?, identity.split_once('/')?);
        let own = self.of(publisher).find(|own| own.key.id() == key);
        let publisher = publisher.to_owned();
        match own.map(|own| own.outside(on)) {
            Some(None) => None,
            Some(Some(outside)) => {
                Some(Withdrawn::OtherDays { publisher, key, outside, signed: on })
            }
            None => Some(Withdrawn::NoMore { publisher, key }),
        }
    }

    /// Whose key it is.
    #[must_use]
    pub fn owner(&self, key: KeyId) -> Option<&str> {
        let mut all = self.keys.iter();
        all.find(|(_, keys)| keys.iter().any(|own| own.key.id() == key)).map(|(name, _)| &**name)
    }

    fn of(&self, publisher: &str) -> impl Iterator<Item = &PublisherKey> {
        self.keys.get(publisher).into_iter().flatten()
    }

    fn revoked_of(&self, component: &Digest, key: Option<KeyId>) -> Option<Withdrawn> {
        if self.revoked.digests.contains(component) {
            return Some(Withdrawn::Digest(*component));
        }
        key.filter(|key| self.revoked.keys.contains(key)).map(Withdrawn::Key)
    }

    fn admitted(&self, statement: &Statement, key: KeyId) -> Result<&PublisherKey, Unadmitted> {
        let (publisher, name) = (statement.publisher.clone(), statement.name.clone());
        if let Some(own) = self.of(&publisher).find(|own| own.key.id() == key) {
            return Ok(own);
        }
        Err(match self.owner(key) {
            Some(owner) => {
                Unadmitted::KeyOfAnother { publisher, name, key, owner: owner.to_owned() }
            }
            None if self.keys.contains_key(&publisher) => {
                Unadmitted::OtherKey { publisher, name, key }
            }
            None => Unadmitted::Publisher { publisher, name, key },
        })
    }
}

impl PublisherKey {
    /// Where a signature of that day lies, unless it is within the days of the key.
    fn outside(&self, signed: Day) -> Option<Outside> {
        let from = self.from.filter(|from| signed < *from).map(Outside::Before);
        from.or_else(|| self.until.filter(|until| signed > *until).map(Outside::After))
    }

    fn counts(&self, statement: &Statement, moment: Moment) -> Result<(), Unadmitted> {
        let (publisher, key) = (statement.publisher.clone(), self.key.id());
        let signed = statement.date;
        match self.outside(signed) {
            Some(Outside::Before(from)) => {
                return Err(Unadmitted::NotYet { publisher, key, from, signed });
            }
            Some(Outside::After(until)) => {
                return Err(Unadmitted::Expired { publisher, key, until, signed });
            }
            None => {}
        }
        let Moment::Today(today) = moment else { return Ok(()) };
        // Where the sun rises earlier it is tomorrow already.
        if signed > today.next() {
            return Err(Unadmitted::Future { signed, today });
        }
        match self.until.filter(|until| today > *until) {
            Some(until) => Err(Unadmitted::TooLate { publisher, key, until }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
