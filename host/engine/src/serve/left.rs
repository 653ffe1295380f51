//! What an earlier host left behind: which of it goes on by itself. Keeps none of what rests, however much it is.

use std::sync::Arc;

use bailiwick_core::fact::{PauseReason, Pin};
use bailiwick_core::ports::JournalError;
use bailiwick_core::{Name, RunId, RunState, Timestamp};
use bailiwick_orchestrator::waits_for_people;
use bailiwick_project::Plan;
use bailiwick_store::{ReadError, Rests, RunPhase, Unfinished};

use crate::problems::Problems;
use crate::serve::alarms::midnight_after;
use crate::serve::resident::{GoOn, Inner, Turn, What, storage};
use crate::{check, pinned};

/// Rows that are read at a time.
const PAGE: u32 = 1_000;

impl Inner {
    /// Queues what was submitted and never begun, and every run of these projects that
    /// can go on: not what rests for a reason of its own, and not what waits for people.
    pub(crate) async fn take_up(self: &Arc<Self>) -> Result<(), Problems> {
        self.take_up_orders().await?;
        let (mut after, mut strangers, mut waiting) = (0, 0, Vec::new());
        let now = self.host.clock.now();
        loop {
            let page = self.held.store.archive().unfinished(PAGE, after).await.map_err(storage)?;
            let Some(last) = page.last else { break };
            after = last;
            for damaged in page.damaged {
                (self.complain)(format!(
                    "{damaged}; it is left alone, and `bailiwick audit verify` says more"
                ));
            }
            for left in page.runs {
                let known =
                    left.project.is_empty() || self.projects().pinned(&left.project).is_some();
                match next_of(&left, now) {
                    Next::Nothing => {}
                    _ if !known => strangers += 1,
                    Next::GoesOn => {
                        self.queue(&left.project, left.run, What::GoOn(GoOn::default()))
                    }
                    Next::AtMidnight(at) => self.set_alarm(at, left.run),
                    Next::Unknown => waiting.push(left.run),
                }
            }
        }
        if strangers > 0 {
            (self.complain)(format!(
                "{strangers} unfinished runs belong to projects that are not served here"
            ));
        }
        let inner = Arc::clone(self);
        // Nobody waits for this: who listens may do so while what rests is looked through.
        tokio::spawn(async move {
            if let Err(problems) = inner.set_alarms().await {
                (inner.complain)(format!("open questions cannot be read: {problems}"));
            }
            inner.look_at(waiting).await;
        });
        Ok(())
    }

    /// Takes up those of these waiting runs that do not wait for people alone: a host may
    /// have ended before it had begun what could begin, and people may have answered
    /// while there was none. One at a time: however many wait, none of them is kept.
    async fn look_at(self: Arc<Self>, waiting: Vec<RunId>) {
        let mut plans = Plans::default();
        for run in waiting {
            match self.waits(&run, &mut plans).await {
                Ok(true) => {}
                // What is wrong with it is told by who cannot go on with it.
                Ok(false) | Err(_) => self.wake(&run).await,
            }
        }
    }

    async fn waits(&self, run: &RunId, plans: &mut Plans) -> Result<bool, Problems> {
        let entries = self.held.store.archive().read(run).await.map_err(storage)?;
        let Some(state) = RunState::replay(&entries).map_err(storage)? else { return Ok(true) };
        let plan = match (&state.pin, plans.get(&state)) {
            (_, Some(plan)) => plan,
            (Some(pin), None) => {
                let opened = pinned::open_as_pinned(&state, pin, self.held.store.as_ref()).await?;
                plans.keep(&state, check::plan(&opened, Some(&state.pipeline))?)
            }
            (None, None) => return Ok(false),
        };
        Ok(waits_for_people(&state, &plan))
    }

    async fn take_up_orders(&self) -> Result<(), Problems> {
        for (run, order) in self.orders.all().map_err(storage)? {
            match self.held.store.archive().run(run.clone()).await {
                Ok(listed) if listed.phase.is_ended() => {
                    self.orders.forget(&run).map_err(storage)?;
                }
                Ok(listed) if listed.started.is_some() => {
                    self.orders.begun(&run).map_err(storage)?;
                }
                Ok(_) | Err(ReadError::NoSuchRun(_)) => {
                    let project = order.project.clone();
                    self.queue(&project, run, What::Begin(order));
                }
                Err(error) => return Err(storage(JournalError::from(error))),
            }
        }
        Ok(())
    }

    fn queue(&self, project: &str, run: RunId, what: What) {
        // At the start nobody is closing.
        let _ = self.push(project, Turn { run, what });
    }

    /// Questions that are decided without people when their time has come.
    async fn set_alarms(&self) -> Result<(), Problems> {
        let mut after = None;
        loop {
            let page = self.held.store.archive().open_asks(PAGE, after.take()).await;
            let page = page.map_err(storage)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.ask.clone());
            for open in page {
                if let Some(at) = open.until {
                    self.set_alarm(at, open.run);
                }
            }
        }
    }
}

/// What becomes of a run that was left.
enum Next {
    GoesOn,
    /// There is a new budget then.
    AtMidnight(Timestamp),
    /// It waits: for people alone, or for more.
    Unknown,
    /// It has ended, or somebody has to act.
    Nothing,
}

fn next_of(left: &Unfinished, now: Timestamp) -> Next {
    match left.phase {
        RunPhase::Running | RunPhase::Interrupted => Next::GoesOn,
        RunPhase::Paused => match left.rests {
            Some(Rests { reason: PauseReason::Drain, .. }) => Next::GoesOn,
            Some(Rests { reason: PauseReason::Day, since }) => match midnight_after(since) {
                midnight if midnight <= now => Next::GoesOn,
                midnight => Next::AtMidnight(midnight),
            },
            _ => Next::Nothing,
        },
        RunPhase::Waiting => Next::Unknown,
        RunPhase::Done | RunPhase::Failed | RunPhase::Cancelled => Next::Nothing,
    }
}

/// The plan that was read last: runs that wait by the thousand are runs of one pipeline.
#[derive(Default)]
struct Plans(Option<(Pin, Name, Arc<Plan>)>);

impl Plans {
    fn get(&self, state: &RunState) -> Option<Arc<Plan>> {
        let (pin, pipeline, plan) = self.0.as_ref()?;
        let same = state.pin.as_ref().is_some_and(|own| {
            own.project == pin.project && own.files == pin.files && own.models == pin.models
        });
        (same && *pipeline == state.pipeline).then(|| Arc::clone(plan))
    }

    fn keep(&mut self, state: &RunState, plan: Arc<Plan>) -> Arc<Plan> {
        let pin = state.pin.clone();
        self.0 = pin.map(|pin| (pin, state.pipeline.clone(), Arc::clone(&plan)));
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_the_next_day_goes_on_when_that_has_come() {
        let (since, midnight) = (Timestamp(1), Timestamp(86_400_000));
        let next = |reason, now| {
            let left = Unfinished {
                run: RunId::new("r").unwrap(),
                project: "/p".into(),
                phase: RunPhase::Paused,
                rests: Some(Rests { reason, since }),
                number: 1,
            };
            match next_of(&left, now) {
                Next::GoesOn => "goes on".to_owned(),
                Next::AtMidnight(at) => format!("at {}", at.0),
                Next::Unknown => "unknown".to_owned(),
                Next::Nothing => "nothing".to_owned(),
            }
        };
        assert_eq!(next(PauseReason::Day, Timestamp(5)), "at 86400000");
        assert_eq!(next(PauseReason::Day, midnight), "goes on");
        assert_eq!(next(PauseReason::Drain, Timestamp(5)), "goes on");
        for stays in [PauseReason::Operator, PauseReason::Budget, PauseReason::Disk] {
            assert_eq!(next(stays, midnight), "nothing");
        }
    }
}
