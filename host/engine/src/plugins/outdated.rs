//! `outdated`: what the sources of a project have now, beside what was taken of them. Changes nothing.

use bailiwick_core::Name;

use super::candidate::Candidate;
use super::site::Site;
use super::source::Source;
use crate::problems::Problems;
use crate::registry::Errand;

/// An agent of a project, and what its source has.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its name.
    pub name: Name,
    /// Its component, as it stands in bailiwick.toml.
    pub source: String,
    /// How what its source has stands to what was taken.
    pub standing: Standing,
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
    },
    /// Nobody took it yet: bailiwick.lock says nothing of it.
    Untaken {
        /// Its version.
        version: String,
    },
    /// It is another one.
    Other {
        /// The version that was taken.
        taken: String,
        /// The version that is there now.
        version: String,
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
    });
    Ok(agents.collect())
}

fn standing(site: &Site, name: &Name, source: &str) -> Standing {
    if Source::of(source).is_built(&site.root) {
        return Standing::Built;
    }
    let pin = site.lock.pin(name, source);
    match (Candidate::read(site, source, pin), pin) {
        (Err(problems), _) => Standing::Refused(problems),
        (Ok(found), None) => Standing::Untaken { version: found.embedded.profile.version },
        (Ok(found), Some(pin)) if found.is(site, pin) => {
            Standing::Current { version: pin.version.clone() }
        }
        (Ok(found), Some(pin)) => {
            Standing::Other { taken: pin.version.clone(), version: found.embedded.profile.version }
        }
    }
}
