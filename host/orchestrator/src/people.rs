//! Questions to people: put, answered, carried over to an equal candidate. Whether an answer fits stands in its own file, and so do the times.

use std::collections::HashSet;

use bailiwick_core::fact::{AskId, Decision, Fact, StepBy};
use bailiwick_core::run::{CellState, TIMEOUT, Verdicts};
use bailiwick_core::{CellId, Document, Name};
use serde_json::{Value, json};

use crate::answers::{Answer, Fit, Refused, fit, in_form, rounds_left};
use crate::ports::Question;
use crate::task::{RunError, Task};

impl Task {
    /// People are asked about a candidate. Who has approved the very same one before, at
    /// this judge, is not asked again.
    pub(crate) fn put_question(
        &mut self,
        judge: &Name,
        cell: &CellId,
        round: u32,
        show: &Value,
    ) -> Result<(), RunError> {
        let Some(step) = self.plan.step(judge) else { return Ok(()) };
        let (groups, asking) = match (&step.by, step.asking) {
            (StepBy::People(groups), asking) => (groups.clone(), asking),
            _ => return Ok(()),
        };
        let Some(candidate) = self.state.cell(cell).and_then(|state| state.candidate(round)) else {
            return Ok(());
        };
        let subject = candidate.output.digest();
        let ask = AskId::of(&self.handle.run, judge, cell, round);
        let until = asking.and_then(|asking| asking.timeout).map(|timeout| timeout.after);
        let until = until.map(|after| self.now().after(after));
        self.note(Fact::Asked {
            ask: ask.clone(),
            cell: cell.clone(),
            round,
            subject,
            show: Document::of(show),
            groups,
            quorum: asking.map_or(1, |asking| asking.quorum.get()),
            until,
        })?;
        self.carry_over(&ask)?;
        if self.is_open(&ask) {
            self.ask_again(&ask);
        }
        Ok(())
    }

    /// Puts a question that is written down, and begins its times.
    pub(crate) fn ask_again(&mut self, id: &AskId) {
        self.set_timers(id);
        self.questions.extend(self.question(id));
    }

    /// Approvals are about bytes: those of an equal candidate count again, each as a fact.
    fn carry_over(&mut self, id: &AskId) -> Result<(), RunError> {
        let Some(ask) = self.state.asks.get(id) else { return Ok(()) };
        let equal = |other: &&bailiwick_core::run::Ask| {
            (&other.judge, &other.cell, other.subject) == (&ask.judge, &ask.cell, ask.subject)
                && other.round < ask.round
        };
        let mut carried: Vec<(u32, String)> = Vec::new();
        for other in self.state.asks.values().filter(equal) {
            let people = other.votes.iter().filter(|vote| *vote != TIMEOUT);
            for vote in people {
                if !carried.iter().any(|(_, by)| by == vote) {
                    carried.push((other.round, vote.clone()));
                }
            }
        }
        for (round, by) in carried {
            if !self.is_open(id) {
                break;
            }
            let comment =
                Some(format!("carried over from round {round}: the candidate is the same"));
            let decision = Decision::Approve { comment };
            self.note(Fact::Decided { ask: id.clone(), decision, by })?;
        }
        Ok(())
    }

    /// Whether a question waits for people now.
    pub(crate) fn is_open(&self, id: &AskId) -> bool {
        self.state.asks.get(id).is_some_and(|ask| {
            ask.answer.is_none() && self.state.cell(&ask.cell).is_some_and(|cell| cell.is_asked(id))
        })
    }

    /// A question with everything that people are to see.
    fn question(&self, id: &AskId) -> Option<Question> {
        let ask = self.state.asks.get(id)?;
        let state = self.state.cell(&ask.cell)?;
        let candidate = state.candidate(ask.round)?;
        let groups = match &self.plan.step(&ask.judge)?.by {
            StepBy::People(groups) => groups.clone(),
            StepBy::Agent(_) => Vec::new(),
        };
        Some(Question {
            ask: id.clone(),
            step: ask.judge.clone(),
            groups,
            cell: ask.cell.clone(),
            round: ask.round,
            subject: candidate.output.clone(),
            show: ask.show.clone(),
            opinions: opinions(state, ask.round),
            escalated: candidate.escalated,
            rounds_left: rounds_left(&self.state, ask),
        })
    }

    /// People have decided: everything is applied with what follows from it, or, where
    /// one answer is refused, nothing is. For each answer who had said the same before.
    pub(crate) fn decide(
        &mut self,
        answers: Vec<Answer>,
    ) -> Result<Result<Vec<Option<String>>, Vec<Refused>>, RunError> {
        let answers: Vec<_> =
            answers.into_iter().map(|answer| in_form(&self.state, answer)).collect();
        let fits = match self.fits(&answers) {
            Ok(fits) => fits,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut before = Vec::new();
        let mut seen = HashSet::new();
        for (answer, fit) in answers.into_iter().zip(fits) {
            let already = match fit {
                Fit::Already { by } => Some(by),
                // Named twice, a question is answered once.
                Fit::New if !seen.insert(answer.ask.clone()) => Some(answer.by),
                Fit::New => {
                    let Answer { ask, decision, by, .. } = answer;
                    let cell = self.state.asks.get(&ask).map(|ask| ask.cell.clone());
                    self.note(Fact::Decided { ask, decision, by })?;
                    if let Some(cell) = cell {
                        self.advance(&cell)?;
                    }
                    None
                }
            };
            before.push(already);
        }
        Ok(Ok(before))
    }

    /// What each answer comes to, or every reason why they are not taken.
    pub(crate) fn fits(&self, answers: &[Answer]) -> Result<Vec<Fit>, Vec<Refused>> {
        if self.stopping.is_some() {
            return Err(vec![Refused::RunEnded]);
        }
        let (mut fits, mut refused) = (Vec::new(), Vec::new());
        for answer in answers {
            match self.fit(answer) {
                Ok(fit) => fits.push(fit),
                Err(why) => refused.push(why),
            }
        }
        if refused.is_empty() { Ok(fits) } else { Err(refused) }
    }

    fn fit(&self, answer: &Answer) -> Result<Fit, Refused> {
        let cell = self.state.asks.get(&answer.ask).map(|ask| &ask.cell.step);
        let agent = cell.and_then(|step| self.plan.step(step)).and_then(|step| step.agent());
        let generation = agent.and_then(|agent| self.world.slots.current(agent));
        fit(&self.state, generation.as_ref().map(|generation| &generation.output), answer)
    }
}

/// What agents say of a person's edit.
fn opinions(state: &CellState, round: u32) -> Vec<Value> {
    let said = state.said.iter().filter(|said| said.round == round);
    let opinions = said.filter_map(|said| match &said.words {
        Verdicts::Agent(words) if words.opinion => Some(json!({
            "by": said.judge.as_str(), "verdict": words.verdict.as_str(),
            "score": words.score, "reasons": words.reasons.value(),
        })),
        _ => None,
    });
    opinions.collect()
}
