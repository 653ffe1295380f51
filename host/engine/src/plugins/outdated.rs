//! `outdated`: what the sources of a project have now, beside what was taken of them. Changes nothing.

use bailiwick_core::Name;
use bailiwick_policy::registry::Sha256;

use super::candidate::Candidate;
use super::kept;
use super::restore;
use super::site::Site;
use super::source::Source;
use crate::problems::Problems;
use crate::registry::{Errand, reference};

/// An agent of a project, and what its source has.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its name.
    pub name: Name,
    /// Its component, as it stands in bailiwick.toml.
    pub source: String,
    /// How what its source has stands to what was taken.
    pub standing: Standing,
    /// As which manifest a registry had what was taken, where that is known.
    pub(super) manifest: Option<Sha256>,
}

/// How what a source has stands to what was taken of it.
#[derive(Clone, Debug)]
pub enum Standing {
    /// It is built here: there is nothing to be behind.
    Built,
    /// It is what was taken.
    Current {
        /// Its version.
        version: String,
        /// Whether its registry was asked for newer ones and has more tags than were read.
        more_tags: bool,
    },
    /// Nobody took it yet: bailiwick.lock says nothing of it.
    Untaken {
        /// Its version; nothing where it would have to be fetched to be known.
        version: Option<String>,
    },
    /// What was taken of its registry is not in the project's folder.
    Missing {
        /// The version that was taken.
        version: String,
        /// Where exactly that can be had again.
        source: String,
    },
    /// It is another one.
    Other {
        /// The version that was taken.
        taken: String,
        /// The version that is there now.
        version: String,
    },
    /// Its tag means something else in its registry now.
    Moved {
        /// The version that was taken.
        version: String,
    },
    /// It is what was taken, and its registry does not say whether there is a newer one.
    Unknown {
        /// The version that was taken.
        taken: String,
        /// Why.
        why: Problems,
    },
    /// Its registry has a higher version under another tag.
    Newer {
        /// The version that was taken.
        taken: String,
        /// The highest that there is now.
        version: String,
        /// Where that is.
        source: String,
    },
    /// It is not there, or would not be taken.
    Refused(Problems),
}

impl Standing {
    /// Whether `bailiwick update` would change something, or something is wrong.
    #[must_use]
    pub fn asks_for_somebody(&self) -> bool {
        !matches!(self, Self::Built | Self::Current { .. })
    }
}

/// What the sources of all agents have now.
///
/// # Errors
/// [`Problems`] where the project itself cannot be read.
pub fn outdated(errand: &Errand) -> Result<Vec<Seen>, Problems> {
    let site = Site::read(errand)?;
    let agents = site.project.agents.iter().map(|(name, agent)| Seen {
        name: name.clone(),
        source: agent.component.clone(),
        standing: standing(&site, name, &agent.component),
        manifest: site.lock.pin(name, &agent.component).and_then(|pin| pin.manifest),
    });
    Ok(agents.collect())
}

/// The component of an agent, as it stands in bailiwick.toml.
///
/// # Errors
/// [`Problems`] where the project cannot be read, or has no such agent.
pub fn source(errand: &Errand, name: &Name) -> Result<String, Problems> {
    Ok(Site::read(errand)?.component(name)?.to_owned())
}

fn standing(site: &Site, name: &Name, source: &str) -> Standing {
    if Source::of(source).is_built(&site.root) {
        return Standing::Built;
    }
    let pin = site.lock.pin(name, source);
    match (Source::of(source), pin) {
        (Source::Registry(source), None) => {
            let read = reference(&source);
            return read.map_or_else(Standing::Refused, |_| Standing::Untaken { version: None });
        }
        (Source::Registry(_), Some(pin)) if !kept::is_whole(&site.root, pin) => {
            let version = pin.version.clone();
            let pinned = restore::pinned(pin);
            return pinned
                .map_or_else(Standing::Refused, |source| Standing::Missing { version, source });
        }
        _ => {}
    }
    match (Candidate::read(site, source, Some(name)), pin) {
        (Err(problems), _) => Standing::Refused(problems),
        (Ok(found), None) => Standing::Untaken { version: Some(found.embedded.profile.version) },
        (Ok(found), Some(pin)) if found.is(site, pin) => {
            Standing::Current { version: pin.version.clone(), more_tags: false }
        }
        (Ok(found), Some(pin)) => {
            Standing::Other { taken: pin.version.clone(), version: found.embedded.profile.version }
        }
    }
}
