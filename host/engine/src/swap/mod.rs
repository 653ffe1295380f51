//! `swap`: an agent name points at another component while runs go: staged, compared, rehearsed, committed, or nothing has changed. Knows no wire.

mod changes;
pub(crate) mod fits;
mod highest;
mod instead;
mod rehearse;
mod report;

use std::sync::Arc;

use bailiwick_builder::COMPONENT_BYTES_MAX;
use bailiwick_core::ports::Blobs as _;
use bailiwick_core::{Bytes, Diagnostic, Digest, Name, Timestamp};
use bailiwick_policy::publishers::Moment;
use bailiwick_store::{HostFact, Rehearsed, Served, SlotName};

pub use changes::Change;
pub use instead::instead;
pub use report::{Cell, How, Outcome, Place, Rehearsal, Report};

use crate::admission::{admit_to, leased, of_the_file, sent};
use crate::codes;
use crate::components::{Agent, Found, own_file, serving};
use crate::files;
use crate::generations::Pointer;
use crate::history::History;
use crate::host::{Held, Host};
use crate::inject::SwapStage;
use crate::load::Opened;
use crate::pinned::{project, storage};
use crate::plugins::source::find;
use crate::problems::Problems;
use crate::provenance::{signature_beside, today};
use crate::viewing::Viewer;

/// Recorded cells that are done again where nobody says how many: enough to meet a few
/// inputs, and over within seconds.
pub const REHEARSED: u32 = 16;

/// The most of them: each may take its agent's limits, and the report is one message.
pub const REHEARSED_MAX: u32 = 256;

/// The largest component that is taken.
pub const COMPONENT_MAX: Bytes = Bytes(COMPONENT_BYTES_MAX as u64);

/// What is to serve, and under which conditions.
#[derive(Clone, Debug)]
pub struct SwapRequest {
    /// The operator's name for the agent.
    pub agent: Name,
    /// The component; nothing: the one before, again.
    pub component: Option<Sent>,
    /// Whether what wants more, or does not fit, is taken.
    pub accept: bool,
    /// Whether a lower version is taken.
    pub downgrade: bool,
    /// How many recorded cells are done again first.
    pub rehearse: u32,
    /// Whether all of them must come to the same.
    pub require_equal: bool,
}

/// A component as it is sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// The text of the signature that lies beside it.
    pub signature: Option<String>,
}

/// An agent name that was swapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The folder of its project.
    pub project: String,
    /// The operator's name.
    pub agent: Name,
    /// What serves, unless the project's file is another one since.
    pub component: Digest,
    /// What a rollback goes back to.
    pub was: Option<Digest>,
    /// Whether it was a rollback.
    pub back: bool,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A component by the name that somebody typed: a file, with the signature beside it, or the
/// folder of a built agent.
///
/// # Errors
/// [`Problems`] where there is none, or it is too large.
pub fn component(path: &std::path::Path) -> Result<Sent, Problems> {
    let file = find(std::path::Path::new(""), &path.display().to_string());
    let file = file.map_err(Problems::one)?;
    let bytes = files::read(&file, COMPONENT_MAX).map_err(|why| {
        let message = format!("{}: {why}", file.display());
        Problems::one(Diagnostic::error(codes::UNREADABLE, message))
    })?;
    // What is built in a folder is its builder's own word.
    let signature = match path.is_dir() {
        true => None,
        false => signature_beside(&file).map_err(Problems::one)?,
    };
    Ok(Sent { bytes: bytes.into(), signature })
}

/// Every agent name of a data folder that was swapped, and whose project was not seen with
/// another file since.
///
/// # Errors
/// [`Problems`] where it cannot be read.
pub async fn slots(history: &History) -> Result<Vec<Slot>, Problems> {
    let rows = history.archive().slots().await.map_err(storage)?;
    let slots = rows.into_iter().filter_map(|(SlotName { project, agent }, state)| {
        let served = state.serves.filter(|served| !served.ended)?;
        let Served { component, was, back, by, at, .. } = served;
        Some(Slot { project, agent, component, was, back, by, at })
    });
    Ok(slots.collect())
}

/// Swaps an agent name of a project, for a person. Where this gives a report that says so,
/// it is durable and in force; else nothing has changed.
///
/// # Errors
/// [`Problems`] where the component is not admitted, or nothing could be written.
pub async fn swap(
    host: &Host,
    opened: &Opened,
    viewer: Viewer,
    by: String,
    request: SwapRequest,
) -> Result<Report, Problems> {
    let held = host.hold()?;
    held.generations.load(&project(&opened.root)).await?;
    let slot = SlotName { project: project(&opened.root), agent: request.agent.clone() };
    let _turn = held.generations.turn(&slot).await;
    let opened = Arc::new(held.generations.over(opened));
    let swap = Swap { host, held: &held, opened, slot, by, request };
    swap.go(viewer).await
}

/// One swap on its way.
struct Swap<'a> {
    host: &'a Host,
    held: &'a Held,
    opened: Arc<Opened>,
    slot: SlotName,
    by: String,
    request: SwapRequest,
}

/// What serves, and what is to.
struct Pair {
    was: Agent,
    is: Agent,
    /// The component of the project's own file, and how it is pinned.
    own: (Digest, Option<Digest>),
    /// Whether it goes back to what was admitted and accepted before.
    back: bool,
}

impl Swap<'_> {
    async fn go(&self, viewer: Viewer) -> Result<Report, Problems> {
        let pair = self.pair().await?;
        let mut report = self.report(&pair);
        if report.outcome == Outcome::Already {
            return Ok(report);
        }
        // From here on until its end the component is ready, whatever becomes of it.
        let _ready = self.stage(&pair).await?;
        let ended = self.decide(viewer, &pair, &mut report).await;
        let why = match (&ended, report.outcome) {
            (Ok(()), Outcome::Committed) => return Ok(report),
            (Ok(()), Outcome::NotAccepted) => "it wants more or does not fit".to_owned(),
            (Ok(()), _) => "the recorded cells do not come to the same".to_owned(),
            (Err(problems), _) => problems.to_string(),
        };
        self.host.kept.replaced(report.is);
        let abandoned = self.note(HostFact::SwapAbandoned {
            project: self.slot.project.clone(),
            agent: self.slot.agent.clone(),
            component: report.is,
            why,
            by: self.by.clone(),
        });
        let abandoned = abandoned.await;
        // Why it was given up is what somebody wants to hear first.
        ended.and(abandoned).map(|()| report)
    }

    /// What serves now, and what was sent, as far as it may be run at all.
    async fn pair(&self) -> Result<Pair, Problems> {
        let name = &self.slot.agent;
        if !self.opened.project.agents.contains_key(name) {
            let known: Vec<_> = self.opened.project.agents.keys().map(Name::as_str).collect();
            let message = format!("{} has no agent `{name}`", self.slot.project);
            let hint = format!("its bailiwick.toml has {}", known.join(", "));
            return Err(Problems::one(Diagnostic::error(codes::NO_SLOT, message).hint(hint)));
        }
        let (file, pin) = self.judged(own_file).await?;
        let pointer = self.opened.swapped.instead_of(name, (file, pin));
        let (Sent { bytes, signature }, back) = match &self.request.component {
            Some(sent) => (sent.clone(), false),
            None => (self.before(pointer).await?, true),
        };
        let moment = if back { Moment::Before } else { Moment::Today(today()) };
        let found = Found { bytes, signature, moment };
        let is = self.judged(move |opened, name| match found.signature {
            // It may lie where it lies, and is what the lock says.
            None if Digest::of(&found.bytes) == file => of_the_file(opened, name),
            _ => sent(opened, name, found),
        });
        let is = is.await?;
        let was = self.judged(serving);
        Ok(Pair { was: was.await?, is, own: (file, pin), back })
    }

    /// Megabytes are read, validated and verified where no run feels it.
    async fn judged<T: Send + 'static>(
        &self,
        judge: impl FnOnce(&Opened, &Name) -> Result<T, Problems> + Send + 'static,
    ) -> Result<T, Problems> {
        let (opened, name) = (Arc::clone(&self.opened), self.slot.agent.clone());
        self.host.aside.done(move || judge(&opened, &name)).await.map_err(storage)?
    }

    /// The component that a rollback goes back to.
    async fn before(&self, pointer: Option<&Arc<Pointer>>) -> Result<Sent, Problems> {
        let was = pointer.and_then(|pointer| pointer.served.was);
        let was = was.ok_or_else(|| {
            let name = &self.slot.agent;
            let message = match self.opened.swapped.pointers.get(name) {
                Some(_) if pointer.is_none() => {
                    format!("the file of `{name}` was changed since it was swapped, and serves")
                }
                _ => format!("`{name}` was not swapped from anything that is still known"),
            };
            let hint = "`bailiwick swap --list` says what was swapped; any component serves again with `bailiwick swap NAME FILE`";
            Problems::one(Diagnostic::error(codes::NO_ROLLBACK, message).hint(hint))
        })?;
        let signature = pointer.and_then(|pointer| pointer.served.was_signature.clone());
        let bytes = self.held.store.get(was).await.map(Arc::from).map_err(storage)?;
        Ok(Sent { bytes, signature })
    }

    fn report(&self, pair: &Pair) -> Report {
        let Pair { was, is, own, .. } = pair;
        let (before, now) = (was.embedded.outline.digest, is.embedded.outline.digest);
        let points = self.opened.swapped.instead_of(&self.slot.agent, *own).is_some();
        // The same bytes by somebody else, or signed anew after a key was revoked, are news.
        let is_same = before == now && was.signature == is.signature && was.identity == is.identity;
        Report {
            project: self.slot.project.clone(),
            agent: self.slot.agent.clone(),
            was: (before != now).then_some(before),
            is: now,
            version: is.embedded.profile.version.clone(),
            changes: changes::changes(was, is, self.highest([was]).as_deref()),
            rehearsal: None,
            // A file that was overwritten serves new runs already, but those that follow
            // swaps have not heard of it.
            outcome: match is_same && points {
                true => Outcome::Already,
                false => Outcome::NotAccepted,
            },
        }
    }

    /// Keeps what is to serve, and what served, and finds out whether it runs. Nothing has
    /// changed yet.
    async fn stage(&self, pair: &Pair) -> Result<Vec<Arc<crate::kept::Lease>>, Problems> {
        let component = pair.is.embedded.outline.digest;
        let ready = leased(self.host, std::slice::from_ref(&pair.is));
        let (sandbox, store) = (Arc::clone(&self.host.sandbox), Arc::clone(&self.held.store));
        let (was, is) = (pair.was.clone(), pair.is.clone());
        let runtime = tokio::runtime::Handle::current();
        // To put is to hash and to copy as well.
        let admit = move || {
            let (was, staged) = (store.put(was.bytes.to_vec()), store.put(is.bytes.to_vec()));
            runtime.block_on(async {
                // Both in one commit.
                tokio::try_join!(was, staged).map_err(storage)?;
                admit_to(&sandbox, &[is]).await
            })
        };
        let admitted = self.host.aside.done(admit).await.map_err(storage);
        // What is not admitted is nobody's.
        admitted.flatten().inspect_err(|_| self.host.kept.replaced(component))?;
        let staged = HostFact::SwapStaged {
            project: self.slot.project.clone(),
            agent: self.slot.agent.clone(),
            component,
            by: self.by.clone(),
        };
        self.note(staged).await?;
        self.host.faults.swap_reached(SwapStage::Stage);
        Ok(ready)
    }

    async fn decide(
        &self,
        viewer: Viewer,
        pair: &Pair,
        report: &mut Report,
    ) -> Result<(), Problems> {
        let (faults, request) = (&self.host.faults, &self.request);
        let asks = report.changes.iter().filter(|change| change.accept.is_some());
        let mut unmet = asks.filter(|change| match change.is_downgrade() {
            true => !request.downgrade,
            false => !request.accept,
        });
        faults.swap_reached(SwapStage::Diff);
        // What served before was accepted then.
        if unmet.next().is_some() && !pair.back {
            return Ok(());
        }
        let most = request.rehearse.min(REHEARSED_MAX) as usize;
        if most > 0 {
            let history = History::open(self.host.data(), viewer)?;
            let is = Arc::new(pair.is.generation(Digest::of(b"")));
            let slot = (self.slot.project.as_str(), &self.slot.agent);
            let (done, hidden) = rehearse::rehearse(self.host, history, slot, &is, most).await?;
            report.rehearsal = Some(Rehearsal::of(done, hidden));
        }
        faults.swap_reached(SwapStage::Rehearse);
        let equal = report.rehearsal.as_ref().is_some_and(Rehearsal::is_equal);
        if request.require_equal && !equal {
            report.outcome = Outcome::NotEqual;
            return Ok(());
        }
        self.commit(pair, report).await?;
        report.outcome = Outcome::Committed;
        Ok(())
    }

    /// Durable, then in force.
    async fn commit(&self, pair: &Pair, report: &Report) -> Result<(), Problems> {
        // What served before needs nobody's word.
        let asked = report.changes.iter().filter(|change| change.accept.is_some());
        let accepted = asked.filter(|_| !pair.back);
        let accepted: Vec<String> = accepted.map(|change| change.what.clone()).collect();
        let rehearsed: Option<Rehearsed> = report.rehearsal.as_ref().map(|told| told.counts);
        let at = self.host.clock.now();
        let highest = self.highest([&pair.was, &pair.is]);
        let (file, pin) = pair.own;
        let (was, was_signature) = self.behind(pair, report);
        let fact = HostFact::SwapCommitted {
            project: self.slot.project.clone(),
            agent: self.slot.agent.clone(),
            component: report.is,
            was,
            file,
            pin,
            version: report.version.clone(),
            highest: highest.clone(),
            signature: pair.is.signature.clone(),
            was_signature: was_signature.clone(),
            accepted,
            rehearsed,
            back: pair.back,
            by: self.by.clone(),
        };
        let noted = self.held.store.note(at, vec![fact]).await;
        let served = Served {
            component: report.is,
            was,
            signature: pair.is.signature.clone(),
            was_signature,
            file,
            pin,
            ended: false,
            highest,
            back: pair.back,
            by: self.by.clone(),
            at,
        };
        if let Err(error) = noted {
            // A commit can fail and be on the disk: then it holds, here as after a restart.
            let slots = self.held.store.archive().slots().await.map_err(storage)?;
            let stands = slots.into_iter().find(|(name, _)| *name == self.slot);
            if stands.and_then(|(_, state)| state.serves).as_ref() != Some(&served) {
                return Err(storage(error));
            }
        }
        self.host.faults.swap_reached(SwapStage::Commit);
        self.held.generations.flip(self.slot.clone(), served, &pair.is);
        self.host.faults.swap_reached(SwapStage::Flip);
        Ok(())
    }

    /// What a rollback goes back to. The same bytes by another signature leave that as it is.
    fn behind(&self, pair: &Pair, report: &Report) -> (Option<Digest>, Option<String>) {
        let points = self.opened.swapped.instead_of(&self.slot.agent, pair.own);
        match (report.was, points) {
            (None, Some(pointer)) => (pointer.served.was, pointer.served.was_signature.clone()),
            (was, _) => (was, pair.was.signature.clone()),
        }
    }

    async fn note(&self, fact: HostFact) -> Result<(), Problems> {
        self.held.store.note(self.host.clock.now(), vec![fact]).await.map_err(storage)
    }
}
