//! `dev`: what an author's round is made of: an agent is built, takes the place of what served, and what a run came to is held against the one before. Waits for nothing, and draws nothing.

mod came;
mod last_input;
mod sources;

use std::path::{Path, PathBuf};

use bailiwick_builder::{Built, Finished, Note};
use bailiwick_core::{Diagnostic, Digest, Name};
use bailiwick_policy::Caller;

pub use self::came::{Came, Since};
pub use self::last_input::{input, remember};
pub use self::sources::{Listing, SOURCES_MAX, Sources};
use crate::build::{make, written};
use crate::codes;
use crate::components::{pinned_as, serving};
use crate::host::{Host, HostConfig};
use crate::load::Opened;
use crate::problems::Problems;
use crate::swap::{Report, Sent, SwapRequest, swap};
use crate::viewing::Viewer;

/// An agent's folder and the project that it is tried in.
#[derive(Clone, Debug)]
pub struct Workplace {
    /// The agent's folder, absolute and without links.
    pub folder: PathBuf,
    /// The names under which the project has it.
    pub agents: Vec<Name>,
}

/// A component that was built, and serves now.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Where it lies, and its size.
    pub built: Built,
    /// How it came to serve.
    pub how: How,
    /// The swap of each agent name, where there were any.
    pub swaps: Vec<Report>,
}

/// How a component came to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Nothing served before.
    First,
    /// The same one serves already.
    Same,
    /// Swapped, as `bailiwick swap` does it.
    Swapped,
    /// By its file alone: under a policy that admits what is unsigned by its folder, nothing
    /// that lies nowhere yet can be swapped in.
    ByFile,
}

impl Workplace {
    /// The names under which a project has the agent of a folder.
    ///
    /// # Errors
    /// [`Problems`] where there is no such folder, or the project has no such agent.
    pub fn find(folder: &Path, opened: &Opened) -> Result<Self, Problems> {
        let folder = folder.canonicalize().map_err(|why| {
            let message = format!("{}: {why}", folder.display());
            Problems::one(Diagnostic::error(codes::UNREADABLE, message))
        })?;
        let dist = folder.join("dist");
        let is_its = |component: &str| {
            // What is not built yet has no file; then its folder counts.
            let path = opened.root.join(component);
            let real =
                path.canonicalize().or_else(|error| match (path.parent(), path.file_name()) {
                    (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
                    _ => Err(error),
                });
            real.is_ok_and(|real| real == folder || real.parent() == Some(&dist))
        };
        let agents = opened.project.agents.iter();
        let agents = agents.filter(|(_, agent)| is_its(&agent.component));
        let agents: Vec<_> = agents.map(|(name, _)| name.clone()).collect();
        if agents.is_empty() {
            let root = opened.root.display();
            let message = format!("{root} has no agent whose component is {}", folder.display());
            let hint = "an agent whose `component` is that folder belongs into its bailiwick.toml, or name another project with --project DIR";
            let diagnostic = Diagnostic::error(codes::NOT_ITS_AGENT, message).hint(hint);
            return Err(Problems::one(diagnostic));
        }
        Ok(Self { folder, agents })
    }

    /// Builds the agent and lets it take the place of what serves. Whoever calls this is its
    /// author, who takes also what asks for more; what no grant covers is refused as ever.
    /// Where this is an error, the one before serves on.
    ///
    /// # Errors
    /// [`Problems`]; the compiler's own words went through `note` before.
    pub async fn build(
        &self,
        (config, host): (&HostConfig, &Host),
        opened: &Opened,
        uid: u32,
        note: impl FnMut(Note<'_>) + Send + 'static,
    ) -> Result<Taken, Problems> {
        let made = make(config, &self.folder, note).await?;
        let (how, swaps) = self.take(host, opened, uid, &made).await?;
        // The file has the last word, so it is written once the new one is let in.
        Ok(Taken { built: written(&made)?, how, swaps })
    }

    async fn take(
        &self,
        host: &Host,
        opened: &Opened,
        uid: u32,
        made: &Finished,
    ) -> Result<(How, Vec<Report>), Problems> {
        let digest = Digest::of(made.component());
        let over = host.over(opened).await?;
        let mut others = Vec::new();
        let mut served = 0;
        for name in &self.agents {
            // What is no component serves nobody, and is written over.
            let Ok(own) = serving(opened, name) else { continue };
            served += 1;
            let file = own.embedded.outline.digest;
            let swapped = over.swapped.instead_of(name, (file, pinned_as(opened, name)));
            if swapped.map_or(file, |pointer| pointer.component()) != digest {
                others.push(name);
            }
        }
        match (served, others.is_empty()) {
            (0, _) => return Ok((How::First, Vec::new())),
            (_, true) => return Ok((How::Same, Vec::new())),
            _ if opened.policy.unsigned_below().is_some() => return Ok((How::ByFile, Vec::new())),
            _ => {}
        }
        let by = opened.policy.people.name_of(uid);
        let mut reports = Vec::with_capacity(others.len());
        for name in others {
            let request = SwapRequest {
                agent: name.clone(),
                component: Some(Sent { bytes: made.component().into(), signature: None }),
                accept: true,
                downgrade: true,
                rehearse: 0,
                require_equal: false,
            };
            let viewer = Viewer::new(opened.policy.clone(), Caller::who_runs_it(uid));
            reports.push(swap(host, opened, viewer, by.clone(), request).await?);
        }
        Ok((How::Swapped, reports))
    }
}
