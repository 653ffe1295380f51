//! `suggest-grants`: what each agent used in recorded runs against what it was granted, the smaller grant as a patch of bailiwick.toml, and the same runs done again under it. A lint: what was not used so far may be needed tomorrow.

mod edit;
mod figures;
mod observe;
mod patch;
mod propose;
mod rehearse;
mod spent;
mod told;
mod usage;
mod web;
#[cfg(test)]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bailiwick_core::{Diagnostic, Digest, Name, RunId};
use bailiwick_policy::Effective;
use bailiwick_sandbox::Sandbox;

use self::edit::{Change, edited};
pub use self::figures::{COUNT_RULE, SIZE_RULE, TIME_RULE};
use self::observe::{Holder, Powers};
pub use self::propose::Line;
use self::propose::{Proposal, Subject, propose};
use self::rehearse::{Rehearsed, Scene};
use self::told::{told, unknown};
use self::usage::Usage;
pub use self::web::PATHS_RULE;
use crate::check::{self, Checked};
use crate::codes;
use crate::components::Agent;
use crate::history::{History, RunPhase};
use crate::host::{HostConfig, sandbox};
use crate::load::{Opened, PROJECT_FILE, plans_with, reopened};
use crate::pinned::project;
use crate::problems::Problems;

/// The most runs that are looked at where none is named, the newest: a lint is read while
/// somebody waits, and a power that the last two hundred runs did not use is worth a line.
pub const RUNS_MAX: u32 = 200;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Suggestion {
    /// Every agent name of the project, in order.
    pub agents: Vec<Suggested>,
    /// The runs that were done again, each with its attempts that came out equal under the
    /// proposal.
    pub replayed: Vec<(RunId, usize)>,
    /// The runs that were not, and why.
    pub left_out: Vec<(RunId, String)>,
    /// How many of the newest runs who asks may not see.
    pub hidden: usize,
    /// Whether there are older runs, which nobody named.
    pub older: bool,
    /// The patch; empty where nothing smaller is suggested, or it could not be written.
    pub patch: String,
    /// Why something smaller is proposed and there is no patch. Nothing was done again under it.
    pub unwritten: Option<String>,
    before: String,
    after: String,
    root: std::path::PathBuf,
}

/// What one agent name is suggested.
#[derive(Clone, Debug)]
pub struct Suggested {
    /// The operator's name for it.
    pub agent: Name,
    /// Runs in which it worked.
    pub runs: usize,
    /// Its attempts there.
    pub attempts: usize,
    /// What must be known to read the lines, or why there are none.
    pub notes: Vec<String>,
    /// One for each power that it is granted, and one for its limits.
    pub lines: Vec<Line>,
}

impl Suggestion {
    /// The patch, for who asks for nothing else.
    ///
    /// # Errors
    /// [`Problems`] where something smaller is proposed that could not be written.
    pub fn patch(&self) -> Result<&str, Problems> {
        match &self.unwritten {
            None => Ok(&self.patch),
            Some(why) => {
                let hint = "type `bailiwick suggest-grants`: its lines say what is proposed; write \
                            it by hand";
                Err(refused(why.clone(), Some(hint.to_owned())))
            }
        }
    }

    /// Writes the proposal into bailiwick.toml, where it is still the text that was read.
    ///
    /// # Errors
    /// [`Problems`] where it is not, or cannot be written.
    pub fn write(&self) -> Result<(), Problems> {
        if self.patch()?.is_empty() {
            return Ok(());
        }
        patch::write(&self.root, &self.before, &self.after)
    }
}

/// Computes the smallest grants that the recorded runs of a project need, and verifies
/// them. `runs` empty: the newest that have ended. Writes nothing.
///
/// # Errors
/// [`Problems`] where the project has errors, a named run does not exist, or the proposal
/// does not hold.
pub async fn suggest(
    config: &HostConfig,
    history: Option<Arc<History>>,
    opened: &Opened,
    runs: &[RunId],
) -> Result<Suggestion, Problems> {
    let Checked { agents, problems } = check::check(opened, None);
    problems.or(())?;
    let before = opened.pinned.0.get(PROJECT_FILE).cloned().unwrap_or_default();
    let mut suggestion = Suggestion {
        agents: Vec::new(),
        replayed: Vec::new(),
        left_out: Vec::new(),
        hidden: 0,
        older: false,
        patch: String::new(),
        unwritten: None,
        after: before.clone(),
        before,
        root: opened.root.clone(),
    };
    let Some(history) = history else {
        suggestion.agents = unknown(opened, "nothing is recorded of this project yet");
        return Ok(suggestion);
    };
    let sandbox: Arc<Sandbox> = Arc::new(sandbox(config)?);
    let today = powers(opened, &agents);
    let components = components(&agents);
    let scene = Scene { history: &history, sandbox: &sandbox, components: &components };
    let chosen = choose(&scene, opened, runs, &mut suggestion).await?;
    let mut seen = Seen::default();
    let mut replayable = Vec::new();
    for run in chosen {
        match scene.observe(&run, &today).await? {
            Ok(observed) => {
                replayable.push((run, observed.equal));
                seen.take(observed);
            }
            Err(why) => suggestion.left_out.push((run, why)),
        }
    }
    let proposals = proposals(opened, &agents, &seen.usages);
    suggestion.agents = told(opened, &agents, &seen, &proposals);
    let (text, smaller) = match write_down(opened, &proposals, &suggestion.before)? {
        Written::Smaller(text, smaller) => (text, smaller),
        same_or_not => {
            if let Written::Not(why) = same_or_not {
                suggestion.unwritten = Some(why);
            }
            // They came out equal under the grants of today a moment ago.
            suggestion.replayed = replayable;
            return Ok(suggestion);
        }
    };
    suggestion.after = text;
    let Checked { agents, problems } = check::check(&smaller, None);
    problems.or(()).map_err(not_checked)?;
    within(&agents, &today)?;
    let proposed = powers(&smaller, &agents);
    for (run, _) in replayable {
        let equal = scene.verify(&run, (&today, &proposed)).await?;
        suggestion.replayed.push((run, equal));
    }
    suggestion.patch = patch::patch(&suggestion.before, &suggestion.after);
    Ok(suggestion)
}

/// What was seen in all runs.
#[derive(Default)]
struct Seen {
    usages: BTreeMap<Name, Usage>,
    /// Attempts on another component than that of today, by agent.
    swapped: BTreeMap<Name, usize>,
}

impl Seen {
    fn take(&mut self, observed: Rehearsed) {
        for (agent, usage) in observed.usages {
            self.usages.entry(agent).or_default().merge(&usage);
        }
        for (agent, attempts) in observed.swapped {
            *self.swapped.entry(agent).or_default() += attempts;
        }
    }
}

/// The runs that are to be done again; the others are told of in the suggestion.
async fn choose(
    scene: &Scene<'_>,
    opened: &Opened,
    named: &[RunId],
    suggestion: &mut Suggestion,
) -> Result<Vec<RunId>, Problems> {
    let (own, mut chosen) = (project(&opened.root), Vec::new());
    let mut take = |run: RunId, of: &str, phase: RunPhase| {
        let why = if of != own {
            Some(format!("it is a run of another project ({of})"))
        } else if !phase.is_ended() {
            Some(format!("it has not ended: it is {}", phase.as_str()))
        } else {
            None
        };
        match why {
            Some(why) => suggestion.left_out.push((run, why)),
            None => chosen.push(run),
        }
    };
    if named.is_empty() {
        let listing = scene.history.runs(RUNS_MAX + 1).await?;
        suggestion.hidden = listing.hidden;
        suggestion.older = listing.runs.len() + listing.hidden > RUNS_MAX as usize;
        for listed in listing.runs.into_iter().take(RUNS_MAX as usize) {
            // Of other projects of the folder nobody has asked.
            if listed.project == own {
                take(listed.run, &listed.project, listed.phase);
            }
        }
        return Ok(chosen);
    }
    let named: BTreeSet<&RunId> = named.iter().collect();
    for run in named {
        let record = scene.history.record(run).await?;
        let of = record.state.pin.as_ref().map(|pin| pin.project.clone()).unwrap_or_default();
        take(run.clone(), &of, record.phase);
    }
    Ok(chosen)
}

fn powers(opened: &Opened, agents: &BTreeMap<Name, Agent>) -> Powers {
    let holder = |agent: &Agent| Holder {
        identity: agent.identity.clone(),
        effective: agent.effective.clone(),
    };
    Powers {
        agents: agents.iter().map(|(name, agent)| (name.clone(), holder(agent))).collect(),
        models: opened.project.models.clone(),
    }
}

fn components(agents: &BTreeMap<Name, Agent>) -> BTreeMap<Name, Digest> {
    let of = |agent: &Agent| agent.embedded.outline.digest;
    agents.iter().map(|(name, agent)| (name.clone(), of(agent))).collect()
}

/// A proposal for each agent name that was seen at work.
fn proposals(
    opened: &Opened,
    agents: &BTreeMap<Name, Agent>,
    usages: &BTreeMap<Name, Usage>,
) -> BTreeMap<Name, Proposal> {
    let worked = usages.iter().filter(|(_, usage)| usage.attempts > 0);
    let each = worked.filter_map(|(name, usage)| {
        let (written, agent) = (opened.project.agents.get(name)?, agents.get(name)?);
        let subject = Subject {
            granted: &written.grants,
            limits: &written.limits,
            imports: &agent.imports,
            assets: &named_assets(opened, name),
            currency: opened.currency(),
        };
        Some((name.clone(), propose(&subject, usage)))
    });
    each.collect()
}

/// The asset folders that inputs of an agent's steps name: those without which its
/// pipelines are refused.
fn named_assets(opened: &Opened, agent: &Name) -> BTreeSet<Name> {
    let granted = opened.project.agents.get(agent).map(|agent| agent.grants.assets.clone());
    let needs = |folder: &Name| {
        let mut without = opened.project.clone();
        if let Some(agent) = without.agents.get_mut(agent) {
            agent.grants.assets.remove(folder);
        }
        let (_, found) = plans_with(opened, &without);
        found.iter().any(|found| found.code == bailiwick_project::codes::ASSET_NOT_GRANTED)
    };
    granted.unwrap_or_default().into_iter().filter(needs).collect()
}

/// What becomes of proposals as the text of a file.
enum Written {
    /// They change nothing.
    Same,
    /// The file has a form that is not edited, and why.
    Not(String),
    /// The text, with the project that it makes.
    Smaller(String, Box<Opened>),
}

fn write_down(
    opened: &Opened,
    proposals: &BTreeMap<Name, Proposal>,
    before: &str,
) -> Result<Written, Problems> {
    let changes: Vec<_> = proposals
        .iter()
        .filter_map(|(name, proposal)| {
            let written = opened.project.agents.get(name)?;
            let same =
                written.grants == proposal.grants && written.limits.limits == proposal.limits;
            (!same).then_some(Change {
                agent: name,
                granted: &written.grants,
                limits: &written.limits,
                proposal,
            })
        })
        .collect();
    if changes.is_empty() {
        return Ok(Written::Same);
    }
    let text = match edited(before, &changes, opened.currency()) {
        Ok(text) => text,
        Err(error) => return Ok(Written::Not(error.to_string())),
    };
    let smaller = reopened(opened, &text).map_err(not_checked)?;
    for (name, proposal) in proposals {
        let written = smaller.project.agents.get(name);
        let as_meant = written.is_some_and(|written| {
            written.grants == proposal.grants && written.limits.limits == proposal.limits
        });
        let own = opened.project.agents.get(name);
        let less = own.is_some_and(|own| proposal.grants.is_within(&own.grants));
        if !as_meant || !less {
            let what = format!("what is proposed for `{name}` cannot be written as it is meant");
            return Err(refused(what, None));
        }
    }
    Ok(Written::Smaller(text, Box::new(smaller)))
}

/// What a proposal allows within the ceiling is within what is allowed today, for every
/// agent of the project: nobody's power grows by another one's becoming smaller.
fn within(proposed: &BTreeMap<Name, Agent>, today: &Powers) -> Result<(), Problems> {
    for (name, agent) in proposed {
        let Effective { grants, limits } = &agent.effective;
        let own = today.agents.get(name).map(|holder| &holder.effective);
        let less = own
            .is_some_and(|own| grants.is_within(&own.grants) && limits.min(own.limits) == *limits);
        if !less {
            let what = format!("what is proposed would give `{name}` more than it has");
            return Err(refused(what, None));
        }
    }
    Ok(())
}

fn refused(what: String, hint: Option<String>) -> Problems {
    let hint = hint.unwrap_or_else(|| "nothing is suggested, and nothing was written".to_owned());
    Problems::one(Diagnostic::error(codes::NOT_SUGGESTED, what).hint(hint))
}

/// What `check` says of the proposal.
fn not_checked(problems: Problems) -> Problems {
    refused(format!("under the proposal the project is refused: {problems}"), None)
}
