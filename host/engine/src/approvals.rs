//! Questions to people from outside of the runs that ask them: which are open in a data folder, and what somebody answers. One function for a host that drives the runs and for a command while none does.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_builder::read_embedded;
use bailiwick_core::fact::{AskId, Decision, Entry, Fact, StepBy};
use bailiwick_core::ports::{Append, Blobs as _, Clock as _, Durable, Journal as _};
use bailiwick_core::run::Ask;
use bailiwick_core::schema::Schema;
use bailiwick_core::{CellId, Diagnostic, Digest, Document, Name, RunId, RunState, Timestamp};
use bailiwick_orchestrator::{Answer, Fit, Refused, RunHandle, fit, in_form};
use bailiwick_policy::{Caller, Policy};
use bailiwick_store::OpenAsk;

use crate::codes;
use crate::history::History;
use crate::host::{Held, Host};
use crate::problems::Problems;
use crate::system::SystemClock;
use crate::viewing::step_label;

/// Questions that are read at a time.
const PAGE: u32 = 1_000;

/// The most answers at once: as many runs are read and claimed together, and a list that
/// is longer was made by a program, which can send several.
pub const ANSWERS_MAX: usize = 1_000;

/// A question that is open.
#[derive(Clone, Debug)]
pub struct OpenQuestion {
    /// Its id.
    pub ask: AskId,
    /// The run.
    pub run: RunId,
    /// The judge that asks.
    pub step: Name,
    /// What about.
    pub cell: CellId,
    /// Which round of it.
    pub round: u32,
    /// When people were asked.
    pub asked: Timestamp,
    /// How long ago that was.
    pub age: Duration,
    /// When it is decided without them.
    pub until: Option<Timestamp>,
    /// Who may answer.
    pub groups: Vec<String>,
    /// How many must approve.
    pub quorum: u32,
    /// Who has.
    pub votes: Vec<String>,
    /// Digest of the whole candidate: what an answer can be bound to.
    pub subject: Digest,
    /// The whole candidate, where its run was named.
    pub candidate: Option<Document>,
    /// What is shown besides.
    pub show: Document,
}

/// The open questions of a data folder in the order of their ids, or those of one run.
/// Only runs that are named, that take more than one approval, or that who looks may not
/// see, are read; of a run he is shown the questions about steps that he is cleared for.
///
/// # Errors
/// [`Problems`] where there is no such run, or storage failed.
pub async fn open(history: &History, run: Option<&RunId>) -> Result<Vec<OpenQuestion>, Problems> {
    let mut states = BTreeMap::new();
    if let Some(run) = run {
        states.insert(run.clone(), history.state(run).await?);
    }
    let sees_all = history.viewer().sees_all();
    let now = SystemClock.now();
    let mut questions = Vec::new();
    // Ids begin with their run; `/` comes before whatever a longer name of a run has there.
    let mut after = run.map(|run| AskId(format!("{run}/")));
    loop {
        let page = history.archive().open_asks(PAGE, after.take()).await;
        let page = page.map_err(|error| storage(&error))?;
        let full = page.len() == PAGE as usize;
        after = page.last().map(|open| open.ask.clone());
        for open in page {
            if run.is_some_and(|run| *run != open.run) {
                return Ok(questions);
            }
            if (open.quorum > 1 || !sees_all) && !states.contains_key(&open.run) {
                states.insert(open.run.clone(), history.state(&open.run).await?);
            }
            let state = states.get(&open.run);
            if !state.is_none_or(|state| history.viewer().sees_step(state, &open.cell.step)) {
                continue;
            }
            questions.extend(question(open, &states, now, run.is_some()));
        }
        if !full {
            return Ok(questions);
        }
    }
}

fn question(
    open: OpenAsk,
    states: &BTreeMap<RunId, RunState>,
    now: Timestamp,
    whole: bool,
) -> Option<OpenQuestion> {
    let state = states.get(&open.run);
    let votes = state.and_then(|state| state.asks.get(&open.ask)).map(|ask| ask.votes.clone());
    let candidate = state
        .filter(|_| whole)
        .and_then(|state| state.cell(&open.cell)?.candidate(open.round))
        .map(|candidate| candidate.output.clone());
    Some(OpenQuestion {
        step: Name::new(open.ask.0.split('/').nth(1)?).ok()?,
        age: now.since(open.at),
        asked: open.at,
        until: open.until,
        groups: open.groups,
        quorum: open.quorum,
        votes: votes.unwrap_or_default(),
        ask: open.ask,
        run: open.run,
        cell: open.cell,
        round: open.round,
        subject: open.subject,
        candidate,
        show: open.show,
    })
}

/// What somebody says of a question.
#[derive(Clone, Debug)]
pub struct Given {
    /// The question.
    pub ask: AskId,
    /// What he says.
    pub decision: Decision,
    /// The candidate that he was shown, where he says it.
    pub subject: Option<Digest>,
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The question.
    pub ask: AskId,
    /// Its run.
    pub run: RunId,
    /// Under which name it was taken.
    pub by: String,
    /// Who had decided the same before, where somebody had: then nothing has changed.
    pub already: Option<String>,
    /// How many have approved and how many must, where that is more than one.
    pub votes: Option<(usize, u32)>,
    /// Whether the run goes on with it now; else when it is resumed.
    pub live: bool,
}

/// Why answers were not taken: none of them was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotTaken {
    /// Nothing was begun: there is no such question, or somebody else holds the folder.
    #[error(transparent)]
    Wrong(Problems),
    /// It was understood, and refused.
    #[error(transparent)]
    Refused(Problems),
    /// The data folder failed.
    #[error(transparent)]
    Storage(Problems),
}

/// Decides, for somebody whom the kernel named: every answer is judged first, and none is
/// taken where one is refused. However many runs they are about, they are one transaction
/// of the journal: after a power cut all of them are there, or none is.
///
/// Runs that this process drives take them now. Of the others the journal does, and who
/// resumes them takes them up; while no host is alive only the owner of the data folder decides.
///
/// # Errors
/// [`NotTaken`], with nothing changed.
pub async fn decide(
    host: &Host,
    policy: &Policy,
    caller: Caller,
    given: Vec<Given>,
) -> Result<Vec<Taken>, NotTaken> {
    let by_run = by_run(given)?;
    let held = host.hold().map_err(NotTaken::Wrong)?;
    let live = host.live.lock().await;
    let (mut judged, mut problems, mut unknown) = (Vec::new(), Problems::default(), false);
    for (run, given) in by_run {
        let state = match state(&held, &run).await? {
            Some(state) => state,
            None => {
                unknown = true;
                problems.extend(given.iter().map(|given| no_question(&given.ask)));
                continue;
            }
        };
        let handle = live.get(&run).cloned();
        if handle.is_none() {
            problems.extend(not_the_owner(host, caller));
        }
        let mut answers = Vec::new();
        for given in given {
            match judge(&held, policy, caller, &state, given).await {
                Ok(answer) => answers.push(answer),
                Err(diagnostic) => {
                    unknown |= diagnostic.code == codes::NO_QUESTION;
                    problems.extend([diagnostic]);
                }
            }
        }
        judged.push(OfRun { run, state, handle, answers });
    }
    if problems.has_errors() {
        return Err(if unknown { NotTaken::Wrong(problems) } else { NotTaken::Refused(problems) });
    }
    write(host, &held, judged).await
}

/// The answers to the questions of one run, each with what it comes to.
struct OfRun {
    run: RunId,
    state: RunState,
    handle: Option<RunHandle>,
    answers: Vec<(Answer, Fit)>,
}

fn by_run(given: Vec<Given>) -> Result<BTreeMap<RunId, Vec<Given>>, NotTaken> {
    if given.len() > ANSWERS_MAX {
        let message = format!("{} answers; at most {ANSWERS_MAX} are taken at once", given.len());
        return Err(NotTaken::Wrong(Problems::one(Diagnostic::error(codes::NOT_TAKEN, message))));
    }
    let (mut by_run, mut problems) = (BTreeMap::<RunId, Vec<Given>>::new(), Problems::default());
    for given in given {
        let run = given.ask.0.split('/').next().and_then(|run| RunId::new(run).ok());
        let Some(run) = run else {
            problems.extend([no_question(&given.ask)]);
            continue;
        };
        let of_run = by_run.entry(run).or_default();
        // Named twice it is answered once.
        if !of_run.iter().any(|other| other.ask == given.ask) {
            of_run.push(given);
        }
    }
    problems.or(by_run).map_err(NotTaken::Wrong)
}

/// What the journal knows of a run; nothing where there is none.
async fn state(held: &Held, run: &RunId) -> Result<Option<RunState>, NotTaken> {
    use bailiwick_core::ports::JournalError;
    match held.store.read(run).await {
        Ok(entries) => RunState::replay(&entries).map_err(|error| broken(&error)),
        Err(JournalError::NoSuchRun(_)) => Ok(None),
        Err(error) => Err(broken(&error)),
    }
}

/// Whether somebody may answer, and what his answer comes to.
async fn judge(
    held: &Held,
    policy: &Policy,
    caller: Caller,
    state: &RunState,
    given: Given,
) -> Result<(Answer, Fit), Diagnostic> {
    let Some(ask) = state.asks.get(&given.ask) else { return Err(no_question(&given.ask)) };
    let groups = match state.step(&ask.judge).map(|step| &step.shape.by) {
        Some(StepBy::People(groups)) => groups.as_slice(),
        _ => &[],
    };
    let label = step_label(state, &ask.cell.step);
    let by = policy.may_decide(caller, groups, label).map_err(|refused| {
        Diagnostic::error(codes::NOT_A_PERSON, format!("{}: {refused}", given.ask))
            .hint(refused.hint())
    })?;
    let output = match given.decision {
        Decision::Edit { .. } => output_schema(held, state, ask).await,
        _ => None,
    };
    let Given { ask, decision, subject } = given;
    let answer = in_form(state, Answer { ask, decision, by, subject });
    match fit(state, output.as_ref(), &answer) {
        Ok(fit) => Ok((answer, fit)),
        Err(Refused::NoSuchQuestion(ask)) => Err(no_question(&ask)),
        Err(refused) => Err(not_taken(&refused)),
    }
}

/// What the judged step may put out, as the component says that the run is pinned to.
async fn output_schema(held: &Held, state: &RunState, ask: &Ask) -> Option<Schema> {
    let StepBy::Agent(agent) = &state.step(&ask.cell.step)?.shape.by else { return None };
    let bytes = held.store.get(state.agents.get(agent)?.component).await.ok()?;
    Schema::admit(read_embedded(&bytes).ok()?.profile.output_schema).ok()
}

/// Writes down what was judged, as one, and waits until it is on stable storage.
///
/// The runs that go here are held while it is made: each says what it would write, none
/// goes on before all have, and whoever is not asked to go on has changed nothing. Only
/// one of these is under way at a time, since the guard of the runs that go is held: two
/// could each hold what the other waits for.
async fn write(host: &Host, held: &Arc<Held>, judged: Vec<OfRun>) -> Result<Vec<Taken>, NotTaken> {
    let (mut appends, mut going, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    // Those that nobody drives first: a claim waits for the disk, and no run should for that.
    let (live, left): (Vec<_>, Vec<_>) = judged.into_iter().partition(|one| one.handle.is_some());
    for mut one in left {
        let at = host.clock.now().max(one.state.span.1);
        let facts = one.decide(at, &mut taken)?;
        if !facts.is_empty() {
            let run = one.run;
            let term = held.store.claim(&run).await.map_err(|error| broken(&error))?;
            appends.push(Append { run, term, entry: Entry { at, facts } });
        }
    }
    for mut one in live {
        let at = host.clock.now().max(one.state.span.1);
        let facts = one.decide(at, &mut taken)?;
        let Some(handle) = one.handle.filter(|_| !facts.is_empty()) else { continue };
        let answers = one.answers.into_iter().map(|(answer, _)| answer).collect();
        let mut waits = handle.hold(answers).await.map_err(|refused| {
            let mut problems = Problems::default();
            problems.extend(refused.iter().map(not_taken));
            NotTaken::Refused(problems)
        })?;
        if let Some(append) = waits.append() {
            going.push((appends.len(), waits));
            appends.push(append);
        }
    }
    let tickets = held.store.append_all(appends).map_err(|error| broken(&error))?;
    for (at, waits) in going {
        if let Some(ticket) = tickets.get(at) {
            waits.go(ticket.clone());
        }
    }
    for ticket in tickets {
        let _: Durable = ticket.durable().await.map_err(|error| broken(&error))?;
    }
    taken.sort_by(|one: &Taken, other| one.run.cmp(&other.run));
    Ok(taken)
}

impl OfRun {
    /// What is new in the answers, as facts; and for each answer what becomes of it.
    fn decide(&mut self, at: Timestamp, taken: &mut Vec<Taken>) -> Result<Vec<Fact>, NotTaken> {
        let mut facts = Vec::new();
        for (answer, fit) in &self.answers {
            let already = match fit {
                Fit::Already { by } => Some(by.clone()),
                Fit::New => {
                    let Answer { ask, decision, by, .. } = answer.clone();
                    let fact = Fact::Decided { ask, decision, by };
                    self.state.next(&fact, at).map_err(|error| broken(&error))?;
                    facts.push(fact);
                    None
                }
            };
            let (ask, run, by) = (answer.ask.clone(), self.run.clone(), answer.by.clone());
            let votes = votes(&self.state, &ask);
            taken.push(Taken { ask, run, by, already, votes, live: self.handle.is_some() });
        }
        Ok(facts)
    }
}

/// How many have approved of how many, where one is not enough.
fn votes(state: &RunState, ask: &AskId) -> Option<(usize, u32)> {
    let ask = state.asks.get(ask)?;
    let quorum = state.step(&ask.judge)?.shape.judges.as_ref()?.quorum;
    (quorum > 1 && !ask.votes.is_empty()).then_some((ask.votes.len(), quorum))
}

/// A command decides only in a folder of its own user: root, who could write in any,
/// would otherwise decide in somebody's place. Who asks over the socket of a host is not
/// meant: that host runs as the owner.
fn not_the_owner(host: &Host, caller: Caller) -> Option<Diagnostic> {
    let owner = std::fs::metadata(host.data()).ok()?.uid();
    (owner != caller.host).then(|| {
        let (data, uid) = (host.data().display(), caller.host);
        let message = format!(
            "{data} belongs to uid {owner}: while no host drives its runs only that user decides, not uid {uid}"
        );
        Diagnostic::error(codes::NOT_A_PERSON, message).hint("decide as that user")
    })
}

fn no_question(ask: &AskId) -> Diagnostic {
    Diagnostic::error(codes::NO_QUESTION, format!("there is no question {ask} in this data folder"))
        .hint("`bailiwick approvals` lists those that are open")
}

fn not_taken(refused: &Refused) -> Diagnostic {
    Diagnostic::error(codes::NOT_TAKEN, refused.to_string())
}

fn storage(error: &impl std::fmt::Display) -> Problems {
    Problems::one(Diagnostic::error(codes::STORAGE, error.to_string()))
}

fn broken(error: &impl std::fmt::Display) -> NotTaken {
    NotTaken::Storage(storage(error))
}

#[cfg(test)]
mod tests;
