//! `fork`: a new run of today's plan that takes from an older one what it would only repeat. Drives nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bailiwick_core::artifact::references;
use bailiwick_core::fact::{Decision, Entry, Fact, Forked};
use bailiwick_core::ports::{Blobs, BoxFuture, Durable, JournalError};
use bailiwick_core::recorded::{AttemptEnd, recorded_attempts};
use bailiwick_core::run::TIMEOUT;
use bailiwick_core::{
    Artifact, CellId, CellKey, Diagnostic, Digest, Document, Name, RunId, RunState,
};
use bailiwick_orchestrator::{Desk, Question, Reusable, Reuse, RunHandle, World};
use bailiwick_policy::People;
use bailiwick_policy::ports::Slots;
use bailiwick_project::{Plan, Step};

use crate::admission::agents_of;
use crate::desk::Complain;
use crate::host::{Held, Host};
use crate::load::Opened;
use crate::pinned::{document, storage};
use crate::problems::Problems;
use crate::run::{Beginning, RunRequest, Running, begin};
use crate::{check, codes, input, labels};

/// The older run, and what is to be another one.
#[derive(Clone, Debug)]
pub struct ForkOf {
    /// The older run.
    pub run: RunId,
    /// The first step that is done anew, with everything that depends on it.
    pub from: Name,
    /// Values of the input, each as `PATH=VALUE`.
    pub set: Vec<String>,
}

/// Starts a run that is made from an older one of the same data folder. `request` says
/// how it goes on; its pipeline and input are those of the older run.
///
/// # Errors
/// [`Problems`], with nothing written.
pub async fn fork(
    host: &Host,
    opened: &Opened,
    of: ForkOf,
    request: RunRequest,
) -> Result<Running, Problems> {
    let held = host.hold()?;
    let opened = host.over(opened).await?;
    let opened = opened.as_ref();
    let entries = held.store.archive().read(&of.run).await.map_err(|error| match error {
        JournalError::NoSuchRun(_) => {
            let hint = "`bailiwick runs` lists the runs of this data folder";
            Problems::one(Diagnostic::error(codes::NO_RUN, error.to_string()).hint(hint))
        }
        error => storage(error),
    })?;
    let state = RunState::replay(&entries).map_err(storage)?;
    let state = state.ok_or_else(|| storage(format!("{} has no facts", of.run)))?;
    let plan = check::plan(opened, Some(&state.pipeline))?;
    let redone = redone(&plan, &of.from)?;
    let agents = agents_of(opened, &plan)?;
    let blobs: Arc<dyn Blobs> = Arc::clone(&held.store) as _;
    if state.input.text().is_none() {
        let message = format!("the input of {} was erased", of.run);
        return Err(Problems::one(Diagnostic::error(codes::BAD_FORK, message)));
    }
    let input = document(&state.input, blobs.as_ref()).await?;
    let named = references(&input).unwrap_or_default();
    let imported = named.into_values().collect();
    let input = input::altered(input, &of.set, &plan)?;
    let forked = Forked { from: of.run, step: of.from };
    let past = Arc::new(Past::of(forked, &plan, redone, imported, &entries));
    let order = &opened.policy.labels.order;
    let label = labels::of_older(order, request.label.as_deref(), &state);
    let request = RunRequest { label, ..request };
    begin(host, opened, request, Beginning { plan, agents, input, past: Some(past) }).await
}

/// The steps that are done anew: the named one, its judges, and all that depends on them.
fn redone(plan: &Plan, from: &Name) -> Result<BTreeSet<Name>, Problems> {
    if plan.step(from).is_none() {
        let names: Vec<_> = plan.steps.iter().map(|step| step.name.as_str()).collect();
        let hint = format!("{} has {}", plan.file, names.join(", "));
        let message = format!("there is no step {from}");
        return Err(Problems::one(Diagnostic::error(codes::BAD_FORK, message).hint(hint)));
    }
    let mut redone = BTreeSet::from([from.clone()]);
    loop {
        let more: Vec<Name> = plan
            .steps
            .iter()
            .filter(|step| !redone.contains(&step.name) && depends(plan, step, &redone))
            .map(|step| step.name.clone())
            .collect();
        if more.is_empty() {
            return Ok(redone);
        }
        redone.extend(more);
    }
}

/// Whether a step sees something that is done anew: what is released is what its judges
/// let pass, so who reads a step depends on them too.
fn depends(plan: &Plan, step: &Step, redone: &BTreeSet<Name>) -> bool {
    let seen = |name: &Name| {
        redone.contains(name) || plan.judges_of(name).any(|judge| redone.contains(&judge.name))
    };
    let axes = step.over.iter().filter_map(|axis| plan.axis(axis)).flat_map(|axis| &axis.reads);
    step.reads.iter().map(|read| &read.step).chain(&step.needs).chain(axes).any(seen)
        || step.judges.as_ref().is_some_and(|judge| redone.contains(&judge.subject))
}

/// Which candidate a decision was about.
type About = (Name, CellKey, u32, Digest);

/// What an attempt put out, and on which components those worked that it called: one that
/// was swapped in while it went is another one than the attempt's content names.
#[derive(Debug)]
struct Output {
    output: Document,
    called: BTreeSet<(Name, Digest)>,
}

/// What a fork may take from the run that it is made from.
pub(crate) struct Past {
    pub(crate) forked: Forked,
    /// The files that the input of then names.
    pub(crate) imported: Vec<Artifact>,
    redone: BTreeSet<Name>,
    /// By what they depend on.
    outputs: BTreeMap<Digest, Vec<Output>>,
    decided: BTreeMap<About, Vec<(Decision, String)>>,
    /// Steps whose outputs were kept in the form that people are shown.
    lowered: BTreeSet<Name>,
    /// How many approvals each people judge takes today.
    quorums: BTreeMap<Name, u32>,
}

impl Past {
    fn of(
        forked: Forked,
        plan: &Plan,
        redone: BTreeSet<Name>,
        imported: Vec<Artifact>,
        entries: &[Entry],
    ) -> Self {
        let mut outputs = outputs(entries);
        let mut asked: BTreeMap<_, About> = BTreeMap::new();
        let mut decided: BTreeMap<About, Vec<_>> = BTreeMap::new();
        for fact in entries.iter().flat_map(|entry| &entry.facts) {
            match fact {
                // Whether it could be had was asked then.
                Fact::CellReused { content, output, .. } => {
                    let (output, called) = (output.clone(), BTreeSet::new());
                    outputs.entry(*content).or_default().push(Output { output, called });
                }
                Fact::Asked { ask, cell, round, subject, .. } => {
                    let judge = judge_of(&forked.from, ask, cell, *round);
                    if let Some(judge) = judge {
                        asked.insert(ask.clone(), (judge, cell.key.clone(), *round, *subject));
                    }
                }
                Fact::Decided { ask, decision, by } if by != TIMEOUT => {
                    if let Some(about) = asked.get(ask) {
                        let said = decided.entry(about.clone()).or_default();
                        said.push((decision.clone(), by.clone()));
                    }
                }
                _ => {}
            }
        }
        let quorums = plan
            .steps
            .iter()
            .filter_map(|step| Some((step.name.clone(), step.judges.as_ref()?.quorum)));
        let quorums = quorums.collect();
        let lowered = entries.iter().flat_map(|entry| &entry.facts).find_map(|fact| match fact {
            Fact::RunStarted { shape, labels: Some(labels), .. } => {
                Some(labels::lowered(shape, labels))
            }
            _ => None,
        });
        let lowered = lowered.unwrap_or_default();
        Self { forked, imported, redone, outputs, decided, lowered, quorums }
    }

    /// The same for a fork that was left and goes on; nothing where the older run is gone.
    pub(crate) async fn again(
        held: &Held,
        forked: &Forked,
        plan: &Plan,
    ) -> Result<Option<Arc<Self>>, Problems> {
        match held.store.archive().read(&forked.from).await {
            Err(JournalError::NoSuchRun(_)) => Ok(None),
            Err(error) => Err(storage(error)),
            Ok(entries) => {
                let redone = redone(plan, &forked.step)?;
                Ok(Some(Arc::new(Self::of(forked.clone(), plan, redone, Vec::new(), &entries))))
            }
        }
    }

    /// A world in which what was done and decided then is known.
    pub(crate) fn known_to(
        self: Arc<Self>,
        world: World,
        blobs: Arc<dyn Blobs>,
        (opened, lowered): (&Opened, BTreeSet<Name>),
        complain: Complain,
    ) -> World {
        let desk = PastDesk {
            past: Arc::clone(&self),
            people: opened.policy.people.clone(),
            inner: world.desk,
            complain,
        };
        // What was not put into the form that people are shown, is made again.
        let formless = lowered.difference(&self.lowered).cloned().collect();
        let slots = Arc::clone(&world.slots);
        let reuse = PastOutputs { past: self, blobs, formless, slots, inner: world.reuse };
        World { desk: Arc::new(desk), reuse: Arc::new(reuse), ..world }
    }
}

/// What the attempts of a run put out.
fn outputs(entries: &[Entry]) -> BTreeMap<Digest, Vec<Output>> {
    let (mut outputs, mut called): (BTreeMap<_, Vec<_>>, BTreeMap<_, BTreeSet<_>>) =
        Default::default();
    let attempts = recorded_attempts(entries);
    for attempt in attempts.values() {
        if let Some(agent) = &attempt.agent {
            let by = called.entry(attempt.id.of_step()).or_default();
            by.insert((agent.clone(), attempt.component));
        }
    }
    for attempt in attempts.into_values() {
        if let (Some(content), Some(AttemptEnd::Finished(output))) = (attempt.content, attempt.end)
        {
            let called = called.remove(&attempt.id).unwrap_or_default();
            outputs.entry(content).or_default().push(Output { output, called });
        }
    }
    outputs
}

/// The judge in the id of a question.
fn judge_of(
    run: &RunId,
    ask: &bailiwick_core::fact::AskId,
    cell: &CellId,
    round: u32,
) -> Option<Name> {
    let judge = ask.0.strip_prefix(run.as_str())?.strip_prefix('/')?;
    let judge = judge.strip_suffix(&format!("/{}/{round}", cell.key))?;
    Name::new(judge).ok()
}

/// Outputs of the older run.
struct PastOutputs {
    past: Arc<Past>,
    blobs: Arc<dyn Blobs>,
    formless: BTreeSet<Name>,
    /// What agent names point at in the run that is made.
    slots: Arc<dyn Slots>,
    /// What other runs have made.
    inner: Arc<dyn Reuse>,
}

impl PastOutputs {
    async fn of_then(&self, content: Digest) -> Option<Reusable> {
        let made = self.past.outputs.get(&content)?.iter();
        let mut made = made.filter(|made| made.called.iter().all(|called| self.serves(called)));
        let output = made.next_back()?.output.clone();
        all_there(&output, self.blobs.as_ref()).await?;
        Some(Reusable { from: self.past.forked.from.clone(), output })
    }
}

impl PastOutputs {
    /// What an attempt depends on names the components that it may call, so that where it is
    /// the same, those of then are those of now: what was called besides was swapped in
    /// while it went.
    fn serves(&self, (agent, component): &(Name, Digest)) -> bool {
        self.slots.current(agent).is_some_and(|serving| serving.component == *component)
    }
}

impl Reuse for PastOutputs {
    fn applies(&self, step: &Step) -> bool {
        step.agent().is_some() && !self.past.redone.contains(&step.name)
    }

    fn find<'a>(&'a self, cell: &'a CellId, content: Digest) -> BoxFuture<'a, Option<Reusable>> {
        Box::pin(async move {
            if self.formless.contains(&cell.step) {
                return None;
            }
            match self.of_then(content).await {
                Some(found) => Some(found),
                None => self.inner.find(cell, content).await,
            }
        })
    }
}

/// Whether an output can be used again: its text is there, and so are the bytes that it
/// names. They are put once more, so that no sweep takes them before a fact names them.
pub(crate) async fn all_there(output: &Document, blobs: &dyn Blobs) -> Option<()> {
    output.text()?;
    for artifact in references(&output.value()).ok()?.into_values() {
        let bytes = blobs.get(artifact.digest).await.ok()?;
        blobs.put(bytes).await.ok()?;
    }
    Some(())
}

/// Decisions of the older run come first, where the candidate is the same to the byte
/// and who decided could do so today; else people are asked.
struct PastDesk {
    past: Arc<Past>,
    people: People,
    inner: Arc<dyn Desk>,
    complain: Complain,
}

impl PastDesk {
    /// Whether nobody has to be asked any more.
    async fn decide(&self, question: &Question, run: &RunHandle) -> bool {
        if self.past.redone.contains(&question.step) {
            return false;
        }
        let about = (
            question.step.clone(),
            question.cell.key.clone(),
            question.round,
            question.subject.digest(),
        );
        let quorum = self.past.quorums.get(&question.step).copied().unwrap_or(1);
        let (mut approvals, mut over) = (0, false);
        for (decision, by) in self.past.decided.get(&about).into_iter().flatten() {
            if !self.people.is_decider(by, &question.groups) {
                continue;
            }
            let (decision, by) = as_of_then(decision, by, &self.past.forked.from);
            let approves = matches!(decision, Decision::Approve { .. });
            match run.decide(question.ask.clone(), decision, by).await {
                Ok(_) => {
                    approvals += u32::from(approves);
                    over = !approves || approvals >= quorum;
                }
                Err(refused) => {
                    let from = &self.past.forked.from;
                    (self.complain)(format!("{}: as decided in {from}: {refused}", question.ask));
                }
            }
        }
        over
    }
}

/// The decision as it is written down now. What is said in a rejection is read by the
/// agent that does it again, so it stays as it was, and the name says where it is from.
fn as_of_then(decision: &Decision, by: &str, run: &RunId) -> (Decision, String) {
    match decision {
        Decision::Approve { comment } => {
            let said = comment.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
            let comment = Some(format!("as in run {run}, the candidate is the same{said}"));
            (Decision::Approve { comment }, by.to_owned())
        }
        other => (other.clone(), format!("{by}, in run {run}")),
    }
}

impl Desk for PastDesk {
    fn ask<'a>(
        &'a self,
        durable: &'a Durable,
        question: Question,
        run: &'a RunHandle,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if !self.decide(&question, run).await {
                self.inner.ask(durable, question, run).await;
            }
        })
    }

    fn is_attended(&self) -> bool {
        self.inner.is_attended()
    }
}
