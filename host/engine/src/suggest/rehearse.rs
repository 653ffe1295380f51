//! Executes recorded runs again for a suggestion: once to see what is asked, once under what is proposed. Decides no grant.

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::fact::{Failure, FailureKind, StepBy};
use bailiwick_core::ports::Blobs;
use bailiwick_core::recorded::{AttemptEnd, RecordedAttempt, recorded_attempts};
use bailiwick_core::{Cost, Digest, Name, RunId, RunState};
use bailiwick_gate::Witness;
use bailiwick_policy::Generation;
use bailiwick_sandbox::Sandbox;

use super::observe::{Judge, Observer, Powers};
use super::refused;
use super::spent::Spent;
use super::usage::Usage;
use crate::history::{History, Record};
use crate::problems::Problems;
use crate::replay::{Compared, Comparison, Past, Prepared, prepare, replay};

/// Where runs are done again.
pub(crate) struct Scene<'a> {
    pub(crate) history: &'a Arc<History>,
    pub(crate) sandbox: &'a Arc<Sandbox>,
    /// The components of today, by agent.
    pub(crate) components: &'a BTreeMap<Name, Digest>,
}

/// One run that was done again.
pub(crate) struct Rehearsed {
    /// How many attempts were done again, all of them equal.
    pub(crate) equal: usize,
    /// What each agent used.
    pub(crate) usages: BTreeMap<Name, Usage>,
    /// Attempts that were left out because their agent was another component.
    pub(crate) swapped: BTreeMap<Name, usize>,
}

/// The attempts of a run that say something of the agents of today.
struct Chosen {
    attempts: Vec<RecordedAttempt>,
    by: BTreeMap<Name, usize>,
    swapped: BTreeMap<Name, usize>,
}

impl Scene<'_> {
    /// What each agent used in a run; a sentence where the run says nothing.
    ///
    /// # Errors
    /// [`Problems`] where there is no such run, or storage failed.
    pub(crate) async fn observe(
        &self,
        run: &RunId,
        today: &Powers,
    ) -> Result<Result<Rehearsed, String>, Problems> {
        let record = self.history.record(run).await?;
        let Chosen { attempts, by, swapped } = self.chosen(&record);
        if attempts.is_empty() {
            let why = match swapped.is_empty() {
                true => "no agent worked in it".to_owned(),
                false => "every agent of it is another component today".to_owned(),
            };
            return Ok(Err(why));
        }
        let spent = Spent::of(&record.state, &record.entries);
        let observer = Arc::new(Observer::new(today.clone(), spent.left.clone()));
        let witness = Arc::clone(&observer) as Arc<dyn Witness>;
        let compared = match self.execute(&record, attempts, (witness, None)).await {
            Ok(compared) => compared,
            // What cannot be read is what retention took, or an older version left.
            Err(problems) => return Ok(Err(problems.to_string())),
        };
        if let Some(why) = unequal(&compared) {
            return Ok(Err(why));
        }
        let mut usages = observer.usages();
        for (agent, attempts) in by {
            let usage = usages.entry(agent.clone()).or_default();
            (usage.runs, usage.attempts) = (1, attempts);
            usage.peak = spent.peaks.get(&agent).copied().unwrap_or(Cost::ZERO);
            usage.exhausted.extend(spent.exhausted.get(&agent).into_iter().flatten());
            usage.host = spent.host.get(&agent).copied().unwrap_or_default();
        }
        Ok(Ok(Rehearsed { equal: compared.len(), usages, swapped }))
    }

    /// Does a run again under what is proposed, and gives how many attempts came out equal.
    ///
    /// # Errors
    /// [`Problems`] where one did not, or asked for what the proposal does not allow.
    pub(crate) async fn verify(
        &self,
        run: &RunId,
        (today, proposed): (&Powers, &Powers),
    ) -> Result<usize, Problems> {
        let record = self.history.record(run).await?;
        let Chosen { attempts, by, .. } = self.chosen(&record);
        let judge = Arc::new(Judge::new(today.clone(), proposed.clone()));
        let witness = Arc::clone(&judge) as Arc<dyn Witness>;
        let compared = self.execute(&record, attempts, (witness, Some(proposed))).await?;
        let unequal = unequal(&compared);
        if let Some(why) = judge.refused().into_iter().chain(unequal).next() {
            return Err(refused(format!("run {run} does not come out equal: {why}"), None));
        }
        let spent = Spent::of(&record.state, &record.entries);
        for agent in by.keys() {
            let peak = spent.peaks.get(agent).copied().unwrap_or(Cost::ZERO);
            // What today's numbers do not hold either, nobody proposes to hold.
            if today.holds(agent, peak) && !proposed.holds(agent, peak) {
                let why = format!("`{agent}` spent and reserved more at one moment");
                return Err(refused(format!("run {run} does not come out equal: {why}"), None));
            }
        }
        Ok(compared.len())
    }

    /// The attempts on the components of today, those that were let go included: what they
    /// asked up to there was asked.
    fn chosen(&self, record: &Record) -> Chosen {
        let mut chosen =
            Chosen { attempts: Vec::new(), by: BTreeMap::new(), swapped: BTreeMap::new() };
        for mut attempt in recorded_attempts(&record.entries).into_values() {
            let Some(agent) = agent_of(&record.state, &attempt) else { continue };
            let Some(today) = self.components.get(&agent) else { continue };
            if attempt.component != *today {
                *chosen.swapped.entry(agent).or_default() += 1;
                continue;
            }
            *chosen.by.entry(agent).or_default() += 1;
            attempt.end.get_or_insert_with(let_go);
            chosen.attempts.push(attempt);
        }
        chosen
    }

    async fn execute(
        &self,
        record: &Record,
        attempts: Vec<RecordedAttempt>,
        (witness, under): (Arc<dyn Witness>, Option<&Powers>),
    ) -> Result<Vec<Compared>, Problems> {
        let blobs: Arc<dyn Blobs> = Arc::clone(self.history) as Arc<dyn Blobs>;
        let past = Past::of(&record.state, self.history).await?;
        let Prepared { stage, mut attempts, impossible: mut compared } =
            prepare(&record.state, &past, attempts, (self.sandbox, blobs)).await;
        if let Some(powers) = under {
            for attempt in &mut attempts {
                let Some(holder) = powers.agents.get(&attempt.own.agent) else { continue };
                let mut generation = Generation::clone(&attempt.own);
                generation.effective = holder.effective.clone();
                generation.powers = generation.effective.digest();
                attempt.own = Arc::new(generation);
            }
        }
        compared.extend(replay(&stage.before(witness), attempts, None).await);
        Ok(compared)
    }
}

fn agent_of(state: &RunState, attempt: &RecordedAttempt) -> Option<Name> {
    let by = state.step(&attempt.id.cell.step).map(|step| &step.shape.by);
    match (&attempt.agent, by) {
        (Some(called), _) => Some(called.clone()),
        (None, Some(StepBy::Agent(agent))) => Some(agent.clone()),
        (None, _) => None,
    }
}

/// The end of an attempt that has none: it is compared up to its last call.
fn let_go() -> AttemptEnd {
    let message = "it was let go".to_owned();
    AttemptEnd::Failed(Failure { kind: FailureKind::Cancelled, message, hint: None })
}

/// The first attempt that did not come out equal, and how many there are.
fn unequal(compared: &[Compared]) -> Option<String> {
    let is_equal = |one: &&Compared| matches!(one.comparison, Comparison::Equal { .. });
    let others = compared.iter().filter(|one| !is_equal(one));
    let first = others.clone().next()?;
    let why = match &first.comparison {
        Comparison::Impossible(why) => format!("cannot be executed again: {why}"),
        Comparison::Different(_) => "ends otherwise now".to_owned(),
        Comparison::Diverged(diverged) => format!("asks something else in call {}", diverged.call),
        Comparison::Equal { .. } => return None,
    };
    let (count, all) = (others.count(), compared.len());
    Some(format!("{count} of its {all} attempts, such as {}: it {why}", first.attempt))
}
