//! Places that a run shares with others: those that it holds, and its one question for the next. Knows nothing of what is done in them.

use std::sync::Arc;

use bailiwick_policy::ports::{Place, Places};

use crate::inbox::{Message, RunHandle};
use crate::leash::Leash;

/// Beside whom an attempt may run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Company {
    /// Anybody.
    #[default]
    Any,
    /// Nobody: if the host ends now, it was this one.
    Nobody,
}

/// The places of a run.
pub(crate) struct Room {
    /// Nothing where the run has as many as it wants.
    shared: Option<Arc<dyn Places>>,
    held: Vec<Place>,
    /// A place that was waited for and is not used yet.
    spare: Option<Place>,
    /// Waits for the turn of this run. One at a time: who asks for many at once would
    /// get more turns than others.
    asking: Option<Leash>,
    /// What the spare place is good for, and what is asked for.
    company: Company,
}

impl Room {
    pub(crate) fn new(shared: Option<Arc<dyn Places>>) -> Self {
        let company = Company::default();
        Self { shared, held: Vec::new(), spare: None, asking: None, company }
    }

    /// Takes a place, where there is one now.
    pub(crate) fn enter(&mut self, company: Company) -> bool {
        if self.company != company {
            self.settle();
            self.company = company;
        }
        let Some(shared) = &self.shared else { return true };
        let place = self.spare.take().or_else(|| match (&self.asking, company) {
            (None, Company::Any) => shared.try_take(),
            // Its turn comes; a place that is free by chance belongs to who waits.
            _ => None,
        });
        let entered = place.is_some();
        self.held.extend(place);
        entered
    }

    /// Gives a place back. All are alike.
    pub(crate) fn leave(&mut self) {
        self.held.pop();
    }

    /// Asks for a place of the kind that could not be entered; it comes as a message.
    pub(crate) fn ask(&mut self, run: &RunHandle) {
        let (Some(shared), None) = (&self.shared, &self.asking) else { return };
        let company = self.company;
        let turn = match company {
            Company::Any => shared.take(),
            Company::Nobody => shared.take_alone(),
        };
        let inbox = run.inbox.clone();
        let asking = tokio::spawn(async move {
            let place = turn.await;
            // A run that has ended gives it back by dropping it.
            let _ = inbox.send(Message::Place(place, company)).await;
        });
        self.asking = Some(Leash(asking.abort_handle()));
    }

    /// It is this run's turn. Who does not want it any more, or another one by now,
    /// gives it back.
    pub(crate) fn take(&mut self, place: Place, company: Company) {
        if company == self.company {
            self.spare = self.asking.take().map(|_| place);
        }
    }

    /// Nothing wants a place: what came is given back, and nobody waits any more.
    pub(crate) fn settle(&mut self) {
        (self.spare, self.asking) = (None, None);
    }
}
