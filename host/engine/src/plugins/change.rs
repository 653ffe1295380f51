//! A change of bailiwick.toml and bailiwick.lock that happens whole or not at all, wherever it is cut off. Decides nothing about its content.

use std::fs;
use std::io;

use bailiwick_core::Diagnostic;
use bailiwick_project::{Lock, LockPin, Project};

use super::kept::{self, Keeping};
use super::pin::LOCK_FILE;
use super::site::{Site, project};
use super::source::Pulled;
use crate::codes;
use crate::files;
use crate::load::PROJECT_FILE;
use crate::problems::Problems;

/// A change that was thought through and not begun.
///
/// It has one moment, and that is the one in which bailiwick.toml is replaced: a pin counts
/// only for the source that bailiwick.toml names. So first the new pins are written beside the
/// old ones, then bailiwick.toml, then the old pins go. Cut off before the moment, what is in
/// the lock besides is about nothing; after it, as well.
pub(super) struct Change<'a> {
    site: &'a Site,
    /// The new text, where it is another one.
    text: Option<String>,
    project: Project,
    pin: Option<LockPin>,
    pulled: Option<&'a Pulled>,
}

impl<'a> Change<'a> {
    /// Of these files, to this text and with this pin.
    pub(super) fn new(
        site: &'a Site,
        text: Option<String>,
        pin: Option<LockPin>,
    ) -> Result<Self, Problems> {
        let project = project(text.as_ref().unwrap_or(&site.text))?;
        Ok(Self { site, text, project, pin, pulled: None })
    }

    /// With what came from a registry, to be kept where it is looked for.
    pub(super) fn keeping(self, pulled: Option<&'a Pulled>) -> Self {
        Self { pulled, ..self }
    }

    /// Does it, and says whether something was kept that was not there.
    pub(super) fn commit(&self) -> Result<bool, Problems> {
        let kept = self.pulled.map(|pulled| kept::keep(&self.site.root, pulled)).transpose();
        let kept = kept.map_err(|error| failed("what was fetched", &error))?;
        self.lock_both().map_err(|error| failed(LOCK_FILE, &error))?;
        if let Err(error) = self.replace_project() {
            // What was there before is there again; where even that fails, it is about nothing.
            let _ = self.restore_lock();
            return Err(failed(PROJECT_FILE, &error));
        }
        let wrote = kept.is_some_and(Keeping::stay);
        // The change has happened; a pin too many is about nothing.
        let _ = self.lock_one();
        Ok(wrote)
    }

    /// The new pin stands beside the old ones.
    fn lock_both(&self) -> io::Result<()> {
        let Some(pin) = &self.pin else { return Ok(()) };
        self.write_lock(&self.site.lock.clone().with(pin.clone()))
    }

    /// The moment.
    fn replace_project(&self) -> io::Result<()> {
        let Some(text) = &self.text else { return Ok(()) };
        files::replace(&self.site.root.join(PROJECT_FILE), text.as_bytes())
    }

    /// Pins of sources that an agent had go, once there is one for the source that it has.
    /// Where there is none (the agent is gone, or built here, or somebody wrote another source
    /// by hand) they stay: nothing else knows the highest version, who signed and what was
    /// asked for.
    fn lock_one(&self) -> io::Result<()> {
        let both = match &self.pin {
            Some(pin) => self.site.lock.clone().with(pin.clone()),
            None => self.site.lock.clone(),
        };
        let one = both.clone().retaining(|pin| {
            let Some(agent) = self.project.agents.get(&pin.agent) else { return true };
            let in_force = both.pin(&pin.agent, &agent.component);
            in_force.is_none_or(|in_force| in_force.source == pin.source)
        });
        if one == both { Ok(()) } else { self.write_lock(&one) }
    }

    fn restore_lock(&self) -> io::Result<()> {
        match self.site.lock.pins() {
            [] => fs::remove_file(self.site.root.join(LOCK_FILE)),
            _ => self.write_lock(&self.site.lock),
        }
    }

    fn write_lock(&self, lock: &Lock) -> io::Result<()> {
        files::replace(&self.site.root.join(LOCK_FILE), lock.to_text().as_bytes())
    }
}

fn failed(file: &str, error: &io::Error) -> Problems {
    let message = format!("{file}: {error}; nothing was changed");
    Problems::one(Diagnostic::error(codes::NOT_ADDED, message))
}

#[cfg(test)]
mod tests;
