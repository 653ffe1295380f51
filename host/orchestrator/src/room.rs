//! Places that a run shares with others: those that it holds, and its one question for the next. Knows nothing of what is done in them.

use std::sync::Arc;

use bailiwick_policy::ports::{Place, Places};

use crate::inbox::{Message, RunHandle};
use crate::leash::Leash;

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
}

impl Room {
    pub(crate) fn new(shared: Option<Arc<dyn Places>>) -> Self {
        Self { shared, held: Vec::new(), spare: None, asking: None }
    }

    /// Takes a place, where there is one now.
    pub(crate) fn enter(&mut self) -> bool {
        let Some(shared) = &self.shared else { return true };
        let place = self.spare.take().or_else(|| match self.asking {
            // Its turn comes; a place that is free by chance belongs to who waits.
            Some(_) => None,
            None => shared.try_take(),
        });
        let entered = place.is_some();
        self.held.extend(place);
        entered
    }

    /// Gives a place back. All are alike.
    pub(crate) fn leave(&mut self) {
        self.held.pop();
    }

    /// Asks for a place, which comes as a message.
    pub(crate) fn ask(&mut self, run: &RunHandle) {
        let (Some(shared), None) = (&self.shared, &self.asking) else { return };
        let (turn, inbox) = (shared.take(), run.inbox.clone());
        let asking = tokio::spawn(async move {
            let place = turn.await;
            // A run that has ended gives it back by dropping it.
            let _ = inbox.send(Message::Place(place)).await;
        });
        self.asking = Some(Leash(asking.abort_handle()));
    }

    /// It is this run's turn. Who does not want it any more gives it back.
    pub(crate) fn take(&mut self, place: Place) {
        self.spare = self.asking.take().map(|_| place);
    }

    /// Nothing wants a place: what came is given back, and nobody waits any more.
    pub(crate) fn settle(&mut self) {
        (self.spare, self.asking) = (None, None);
    }
}
