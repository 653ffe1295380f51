//! A component that may come into a project: read from its source, judged as it will be at load, and shown before anything is changed.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bailiwick_builder::{Embedded, read_embedded};
use bailiwick_core::name::NotAName;
use bailiwick_core::{Diagnostic, Digest, Name};
use bailiwick_policy::publishers::{KeyId, Signed};
use bailiwick_policy::registry::Sha256;
use bailiwick_project::LockPin;

use super::Offer;
use super::kept;
use super::pin;
use super::site::Site;
use super::source::{FoundAt, Pulled, Source};
use crate::admission::prove;
use crate::asks::asks;
use crate::codes;
use crate::components::{code_of, interfaces};
use crate::host::{HostConfig, sandbox};
use crate::powers::CAPABILITIES;
use crate::problems::Problems;
use crate::provenance::provenance;

/// A component that may come in.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// `component = "…"` as it is to stand in bailiwick.toml.
    pub source: String,
    /// The file.
    pub path: String,
    /// Of its manifest, where it is from a registry and that is known.
    pub manifest: Option<Sha256>,
    /// Whether it is built in this place, so that no lock is about it.
    pub built: bool,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// What it says of itself.
    pub embedded: Embedded,
    /// `publisher/NAME`, or `local/NAME` where nobody signed it who counts here.
    pub identity: String,
    /// What its publisher signed, and with which key.
    pub signed: Option<Signed>,
    /// The interfaces of the contract that it imports, as `model`.
    pub imports: Vec<String>,
    /// What it asks for, as `model writer`.
    pub asks: BTreeSet<String>,
}

impl Candidate {
    /// Reads what a source has now, for an agent; without one, for that of its profile's name.
    pub(super) fn read(site: &Site, source: &str, agent: Option<&Name>) -> Result<Self, Problems> {
        let pin = agent.and_then(|agent| site.lock.pin(agent, source));
        let found = Source::of(source).read(&site.root, pin).map_err(Problems::one)?;
        Self::judged(site, source, found, agent)
    }

    /// What came from a registry just now, for an agent that has it from this source.
    pub(super) fn pulled(
        site: &Site,
        pulled: &Pulled,
        (source, agent): (&str, Option<&Name>),
    ) -> Result<Self, Problems> {
        let Pulled { manifest, bytes, signature, .. } = pulled;
        let path = kept::path(&site.root, &Digest::of(bytes)).display().to_string();
        let found = FoundAt { path, bytes: bytes.clone(), signature: signature.clone() };
        let judged = Self::judged(site, source, found, agent)?;
        Ok(Self { manifest: Some(*manifest), ..judged })
    }

    fn judged(
        site: &Site,
        source: &str,
        found: FoundAt,
        agent: Option<&Name>,
    ) -> Result<Self, Problems> {
        let from = Source::of(source);
        let digest = Digest::of(&found.bytes);
        let embedded = read_embedded(&found.bytes).map_err(|error| {
            let code = code_of(&error);
            let hint = format!("`bailiwick explain {code}` says how such a file is made");
            let message = format!("{}: {error}", found.path);
            Problems::one(Diagnostic::error(code, message).hint(hint))
        })?;
        // Whoever gives no name means the profile's.
        let agent = agent.cloned().or_else(|| suggested(&embedded).ok());
        let pin = agent.and_then(|agent| site.lock.pin(&agent, source));
        let about = (found.bytes.as_slice(), &embedded);
        let signature = found.signature.as_deref();
        let moment = pin::moment(pin, &digest, signature);
        let whose = provenance(&site.policy, &found.path, about, signature, moment);
        let whose = whose.map_err(Problems::one)?;
        let may_lie = from.may_lie(&site.policy, &found.path, whose.signed.as_ref());
        may_lie.map_err(Problems::one)?;
        // What is no power (`log`, the types of the contract) is nothing to weigh.
        let mut imports = interfaces(&embedded.outline.imports);
        imports.retain(|import| CAPABILITIES.contains(&import.as_str()));
        Ok(Self {
            source: source.to_owned(),
            path: found.path,
            bytes: found.bytes.into(),
            manifest: pin.and_then(|pin| pin.manifest),
            built: from.is_built(&site.root),
            asks: asks(&embedded, &imports),
            identity: whose.identity,
            signed: whose.signed,
            imports,
            embedded,
        })
    }

    /// Loads it, as the first run would, and asks it who it is: what is pinned runs, and is
    /// what its file says. The compiled code is kept for that run.
    ///
    /// # Errors
    /// [`Problems`] that say what stands against it.
    pub(super) async fn prove(&self, config: &HostConfig) -> Result<(), Problems> {
        let sandbox = sandbox(config)?;
        let proven = prove(&sandbox, &self.path, (&self.bytes, &self.embedded)).await;
        proven.map_err(|diagnostic| {
            let message = format!("{}; nothing was changed", diagnostic.message);
            Problems::one(Diagnostic { message, ..diagnostic })
        })
    }

    /// The name that it suggests: that of its profile.
    pub(super) fn name(&self) -> Result<Name, Problems> {
        suggested(&self.embedded).map_err(|error| {
            let message = format!("{}: {error}", self.path);
            let hint = "name it: bailiwick add SOURCE --name NAME";
            Problems::one(Diagnostic::error(codes::NOT_ADDED, message).hint(hint))
        })
    }

    /// What bailiwick.lock is to say of it; nothing of what is built here.
    pub(super) fn pin(&self, agent: &Name, before: &Known<'_>) -> Option<LockPin> {
        if self.built {
            return None;
        }
        let version = &self.embedded.profile.version;
        let highest =
            before.highest().map_or_else(|| version.clone(), |pin| pin.highest_with(version));
        let last = before.last();
        Some(LockPin {
            agent: agent.clone(),
            source: self.source.clone(),
            component: self.embedded.outline.digest,
            manifest: self.manifest,
            version: version.clone(),
            identity: Some(self.identity.clone()),
            highest,
            signed: self.signer(),
            asks: self.asks.clone(),
            accepted: last.map(|pin| pin.accepted.clone()).unwrap_or_default(),
            downgrades: last.map(|pin| pin.downgrades.clone()).unwrap_or_default(),
        })
    }

    /// Whether it is what is pinned already, byte for byte, by the same signer as far as
    /// anybody here can say who that is.
    pub(super) fn is(&self, site: &Site, pin: &LockPin) -> bool {
        let signed = self.signer();
        let same_signer = signed == pin.signed || site.policy.publishers.is_none();
        pin.source == self.source && pin.component == self.embedded.outline.digest && same_signer
    }

    /// The pin of what is taken already, with what an older lock did not say of it, and the
    /// manifest that its source has now; nothing where it says all that.
    pub(super) fn told_anew(&self, pin: &LockPin) -> Option<LockPin> {
        let told = LockPin {
            identity: pin.identity.clone().or_else(|| Some(self.identity.clone())),
            manifest: self.manifest.or(pin.manifest),
            ..pin.clone()
        };
        (told != *pin).then_some(told)
    }

    fn signer(&self) -> Option<(String, KeyId)> {
        let signed = self.signed.as_ref()?;
        Some((signed.statement.publisher.clone(), signed.key))
    }
}

fn suggested(embedded: &Embedded) -> Result<Name, NotAName> {
    Name::new(&embedded.profile.name.replace('-', "_"))
}

/// What bailiwick.lock knows of an agent name.
pub(super) struct Known<'a> {
    pins: Vec<&'a LockPin>,
    source: Option<&'a str>,
}

impl<'a> Known<'a> {
    /// `source` is what bailiwick.toml says today, where it says something.
    pub(super) fn of(site: &'a Site, agent: &'a Name) -> Self {
        let source = site.project.agents.get(agent).map(|agent| agent.component.as_str());
        Self { pins: site.lock.pins_of(agent).collect(), source }
    }

    /// What is in force, or was last.
    pub(super) fn last(&self) -> Option<&'a LockPin> {
        let in_force = self.pins.iter().find(|pin| self.source == Some(&*pin.source));
        in_force.or(self.pins.first()).copied()
    }

    /// The pin that remembers the highest version.
    pub(super) fn highest(&self) -> Option<&'a LockPin> {
        let mut all = self.pins.iter().copied();
        let first = all.next()?;
        Some(all.fold(first, |most, pin| {
            match bailiwick_project::lock::is_lower(&most.highest, &pin.highest) {
                true => pin,
                false => most,
            }
        }))
    }
}

impl<'a> Offer<'a> {
    /// `component = "…"` as it is to stand in bailiwick.toml.
    pub(super) fn source(&self, site: &Site) -> Result<String, Problems> {
        match *self {
            Self::Typed(typed, folder) => in_project(&site.root, Path::new(typed), folder),
            Self::Pulled(pulled) | Self::Instead { pulled, .. } => Ok(pulled.source.clone()),
        }
    }

    pub(super) fn candidate(
        &self,
        site: &Site,
        source: &str,
        agent: Option<&Name>,
    ) -> Result<Candidate, Problems> {
        match *self {
            Self::Typed(..) => Candidate::read(site, source, agent),
            Self::Pulled(pulled) | Self::Instead { pulled, .. } => {
                Candidate::pulled(site, pulled, (source, agent))
            }
        }
    }

    pub(super) fn typed(self) -> Option<&'a str> {
        match self {
            Self::Typed(typed, _) => Some(typed),
            Self::Pulled(_) | Self::Instead { .. } => None,
        }
    }

    pub(super) fn pulled(self) -> Option<&'a Pulled> {
        match self {
            Self::Typed(..) => None,
            Self::Pulled(pulled) | Self::Instead { pulled, .. } => Some(pulled),
        }
    }
}

/// A path as bailiwick.toml has it: relative to the project where somebody typed it so.
fn in_project(root: &Path, typed: &Path, folder: &Path) -> Result<String, Problems> {
    let fail = |why: String| {
        Problems::one(
            Diagnostic::error(codes::UNREADABLE, why).hint("`add` takes a file or a built folder"),
        )
    };
    if typed.as_os_str().is_empty() {
        return Err(fail("an empty name is no component".to_owned()));
    }
    let real = crate::files::real(&folder.join(typed)).map_err(fail)?;
    let real = Path::new(&real);
    if typed.is_absolute() && real.strip_prefix(root).is_err() {
        return Ok(real.display().to_string());
    }
    let shared = root.components().zip(real.components()).take_while(|(a, b)| a == b).count();
    let up = root.components().skip(shared).map(|_| "..".to_owned());
    let down =
        real.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    Ok(up.chain(down).collect::<Vec<_>>().join("/"))
}
