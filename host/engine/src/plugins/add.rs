//! `add`: a component comes into a project, without any power.

use bailiwick_core::{Diagnostic, Name};

use super::candidate::{Candidate, Known};
use super::change::Change;
use super::site::Site;
use super::stub;
use super::update::not_lower;
use super::{Consent, Offer, Outcome};
use crate::codes;
use crate::host::HostConfig;
use crate::problems::Problems;
use crate::registry::Errand;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Added {
    /// The agent's name.
    pub name: Name,
    /// What it means now.
    pub candidate: Candidate,
    /// What came of it: it was there already where nothing was changed.
    pub outcome: Outcome,
}

/// Adds a component to a project: a table without powers to bailiwick.toml, and what was
/// taken to bailiwick.lock.
///
/// # Errors
/// [`Problems`]; then nothing was changed.
pub async fn add(
    (errand, config): (&Errand, &HostConfig),
    offer: Offer<'_>,
    name: Option<&Name>,
    consent: &Consent,
) -> Result<Added, Problems> {
    let site = Site::take(errand)?;
    let source = offer.source(&site)?;
    let candidate = offer.candidate(&site, &source, name)?;
    let name = match name {
        Some(name) => name.clone(),
        None => candidate.name()?,
    };
    let known = Known::of(&site, &name);
    if let Some(agent) = site.project.agents.get(&name) {
        let same = agent.component == source
            && (candidate.built || known.last().is_some_and(|pin| candidate.is(&site, pin)));
        if same {
            // What was fetched may have been lost since.
            let kept = Change::new(&site, None, None)?.keeping(offer.pulled()).commit()?;
            let outcome = if kept { Outcome::Kept } else { Outcome::Same };
            return Ok(Added { name, candidate, outcome });
        }
        let message = format!("there is an agent `{name}` already, which is {:?}", agent.component);
        // As it was typed: bailiwick.toml may have it by another path.
        let typed = offer.typed().unwrap_or(&source);
        let hint = format!(
            "type `bailiwick update {name} --to {typed}`, or add it under another name with --name"
        );
        return Err(Problems::one(Diagnostic::error(codes::NOT_ADDED, message).hint(hint)));
    }
    let mut pin = candidate.pin(&name, &known);
    if let Some(pin) = &mut pin {
        not_lower(&candidate, &known, consent, pin)?;
    }
    candidate.prove(config).await?;
    let text = stub::with_agent(&site.text, &name, &candidate);
    Change::new(&site, Some(text), pin)?.keeping(offer.pulled()).commit()?;
    Ok(Added { name, candidate, outcome: Outcome::Changed })
}
