//! Answers that are written down with those to other runs, in one append of several streams: the run says what it would write, waits, and goes on with what was written. Decides nothing that `people.rs` does not.

use std::collections::HashSet;

use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::ports::Append;
use tokio::sync::oneshot;

use crate::answers::{Answer, Fit, Refused};
use crate::inbox::{HeldRun, Reply};
use crate::show::Show;
use crate::task::{RunError, Task};

/// Answers, and who waits to write them down.
pub(crate) struct Hold {
    pub(crate) answers: Vec<Answer>,
    pub(crate) reply: Reply<Result<HeldRun, Vec<Refused>>>,
}

impl Task {
    /// Everything that this run knew is in line, so whatever is appended for it now stands
    /// behind that. Nothing else happens to it until the append was made, or never will be:
    /// whoever holds it neither waits for the disk nor for another run's work.
    pub(crate) async fn wait_for_append(
        &mut self,
        hold: Hold,
        show: &Show,
    ) -> Result<(), RunError> {
        let fits = match self.fits(&hold.answers) {
            Ok(fits) => fits,
            Err(refused) => {
                // Who asked may be gone.
                let _ = hold.reply.send(Err(refused));
                return Ok(());
            }
        };
        let (mut facts, mut already, mut cells) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for (answer, fit) in hold.answers.into_iter().zip(fits) {
            already.push(match fit {
                Fit::Already { by } => Some(by),
                // Named twice, a question is answered once.
                Fit::New if !seen.insert(answer.ask.clone()) => Some(answer.by),
                Fit::New => {
                    let Answer { ask, decision, by, .. } = answer;
                    cells.extend(self.state.asks.get(&ask).map(|ask| ask.cell.clone()));
                    facts.push(Fact::Decided { ask, decision, by });
                    None
                }
            });
        }
        let entry = Entry { at: self.now(), facts };
        let append = (!entry.facts.is_empty()).then(|| {
            let run = self.handle.run.clone();
            Append { run, term: self.term, entry: entry.clone() }
        });
        let (go, made) = oneshot::channel();
        if hold.reply.send(Ok(HeldRun { append, already, go })).is_err() {
            return Ok(());
        }
        let Ok(ticket) = made.await else { return Ok(()) };
        for fact in &entry.facts {
            self.state.next(fact, entry.at)?;
        }
        self.appended(ticket, entry, show).await;
        cells.iter().try_for_each(|cell| self.advance(cell))
    }
}
