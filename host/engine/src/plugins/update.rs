//! `update`: an agent name means a newer component, or one from elsewhere. More powers, another publisher and lower versions are taken on purpose only.

use bailiwick_core::{Diagnostic, Name};
use bailiwick_project::LockPin;
use bailiwick_project::lock::is_lower;

use super::candidate::{Candidate, Known};
use super::change::Change;
use super::site::Site;
use super::stub;
use super::{Consent, Offer, Outcome};
use crate::asks::grown;
use crate::codes;
use crate::host::HostConfig;
use crate::load::PROJECT_FILE;
use crate::problems::Problems;
use crate::provenance::today;
use crate::registry::Errand;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The agent's name.
    pub name: Name,
    /// What it means now.
    pub candidate: Candidate,
    /// What it meant before, where somebody pinned that.
    pub before: Option<LockPin>,
    /// What came of it.
    pub outcome: Outcome,
}

/// Takes what the source of an agent has now, or another source.
///
/// # Errors
/// [`Problems`]; then nothing was changed.
pub async fn update(
    (errand, config): (&Errand, &HostConfig),
    name: &Name,
    to: Option<Offer<'_>>,
    consent: &Consent,
) -> Result<Updated, Problems> {
    let site = Site::take(errand)?;
    let current = site.component(name)?;
    if let Some(Offer::Instead { of, .. }) = to
        && of != current
    {
        let message = format!(
            "{PROJECT_FILE} was changed meanwhile: `{name}` was {of:?}, and is {current:?} now; nothing was changed"
        );
        return Err(Problems::one(Diagnostic::error(codes::NOT_ADDED, message).hint("try again")));
    }
    let (source, candidate) = match to {
        None => (current.to_owned(), Candidate::read(&site, current, Some(name))?),
        Some(offer) => {
            let source = offer.source(&site)?;
            let candidate = offer.candidate(&site, &source, Some(name))?;
            (source, candidate)
        }
    };
    let pulled = to.and_then(|offer| offer.pulled());
    let known = Known::of(&site, name);
    let before = known.last().cloned();
    let updated = |candidate, outcome| Updated {
        name: name.clone(),
        candidate,
        before: before.clone(),
        outcome,
    };
    let same = source == current
        && (candidate.built || known.last().is_some_and(|pin| candidate.is(&site, pin)));
    if same {
        // What was fetched may have been lost since.
        let pin = known.last().filter(|pin| pin.source == source);
        let told = pin.and_then(|pin| candidate.told_anew(pin));
        let more = told.is_some();
        let kept = Change::new(&site, None, told)?.keeping(pulled).commit()?;
        let outcome = match (kept, more) {
            (true, _) => Outcome::Kept,
            (false, true) => Outcome::Told,
            (false, false) => Outcome::Same,
        };
        return Ok(updated(candidate, outcome));
    }
    let mut pin = candidate.pin(name, &known);
    if let Some(pin) = &mut pin {
        not_lower(&candidate, &known, consent, pin)?;
        no_more(&candidate, &known, consent, pin)?;
    }
    candidate.prove(config).await?;
    let text = match source == current {
        true => None,
        false => Some(stub::with_component(&site.text, name, (&source, &candidate)).ok_or_else(
            || {
                let message =
                    format!("`component` of `{name}` in {PROJECT_FILE} is not found as a key");
                let hint = format!("write it there: component = {source:?}");
                Problems::one(Diagnostic::error(codes::NOT_ADDED, message).hint(hint))
            },
        )?),
    };
    Change::new(&site, text, pin)?.keeping(pulled).commit()?;
    Ok(updated(candidate, Outcome::Changed))
}

/// A version that is not lower than the highest that there ever was, or on purpose.
pub(super) fn not_lower(
    candidate: &Candidate,
    known: &Known<'_>,
    consent: &Consent,
    pin: &mut LockPin,
) -> Result<(), Problems> {
    let Some(highest) = known.highest().map(|pin| &pin.highest) else { return Ok(()) };
    let version = &candidate.embedded.profile.version;
    if !is_lower(version, highest) {
        return Ok(());
    }
    if !consent.downgrade {
        let message = format!(
            "{} is version {version}, and `{}` has had {highest}: a lower version is not taken; nothing was changed",
            candidate.path, pin.agent
        );
        let hint = "where that is meant, say --downgrade: it is written down with who did";
        return Err(Problems::one(Diagnostic::error(codes::LOWER_VERSION, message).hint(hint)));
    }
    pin.downgrades.push(format!("{highest} to {version}, {}, {}", today(), consent.by));
    Ok(())
}

/// No more powers than before and the same component of the same publisher, or on purpose:
/// what was granted was granted to that one, and a ceiling is about who it is.
fn no_more(
    candidate: &Candidate,
    known: &Known<'_>,
    consent: &Consent,
    pin: &mut LockPin,
) -> Result<(), Problems> {
    let Some(before) = known.last() else { return Ok(()) };
    let mut more = Vec::new();
    let signer = |signed: Option<&String>| signed.cloned().unwrap_or_else(|| "nobody".to_owned());
    let was = signer(before.signed.as_ref().map(|(publisher, _)| publisher));
    let is = signer(candidate.signed.as_ref().map(|signed| &signed.statement.publisher));
    // That somebody answers for it by now is no more than nobody doing so.
    if was != is && before.signed.is_some() {
        more.push(format!("that it is signed by {is} and not by {was}"));
    }
    let name = |identity: &str| identity.split_once('/').map(|(_, name)| name.to_owned());
    let is = &candidate.identity;
    if let Some(was) = before.identity.as_ref().filter(|was| name(was) != name(is)) {
        more.push(format!("that it is {is} and not {was}"));
    }
    more.extend(grown(&before.asks, &candidate.asks));
    if more.is_empty() {
        return Ok(());
    }
    let more = more.join(", ");
    if !consent.accept {
        let version = &candidate.embedded.profile.version;
        let message = format!(
            "{} {version} asks for more than `{}` {} did: {more}; nothing was changed",
            candidate.path, pin.agent, before.version
        );
        let hint = "`bailiwick inspect FILE` shows what for; where that is meant, say --accept: it grants nothing, and is written down with who did";
        return Err(Problems::one(Diagnostic::error(codes::ASKS_MORE, message).hint(hint)));
    }
    pin.accepted.push(format!("{more}, {}, {}", today(), consent.by));
    Ok(())
}
