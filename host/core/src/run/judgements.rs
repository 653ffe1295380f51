//! What judges and people change: verdicts, questions, decisions, releases. Knows no attempt.

use super::cell::{Candidate, CellState, End, JudgeStage, Said, Stage, Verdicts};
use super::state::{Ask, Legal, RunState};
use crate::fact::{AskId, Decision, Fact, Judgement, StepBy, Verdict};
use crate::{CellId, Document, Name, Timestamp};

/// Who decides where nobody did in time.
pub const TIMEOUT: &str = "timeout";

impl RunState {
    pub(super) fn judged(
        &mut self,
        judge: &Name,
        cell: &CellId,
        round: u32,
        judgement: &Judgement,
    ) -> Legal {
        self.turn_of(judge, cell, round)?;
        let allowance = self.judge(judge).map_or(0, |judge| judge.rounds);
        let state = self.cell_mut(cell)?;
        let (at, failed) = match &state.stage {
            Stage::Judging { at, now: JudgeStage::Over { result }, .. } => (*at, result.is_err()),
            // It could not even begin.
            Stage::Judging { at, now: JudgeStage::Due, .. } => (*at, true),
            _ => return Err("the judge has not ended"),
        };
        let edited = state.candidate(round).is_some_and(|c| c.edited_by.is_some());
        if (failed && judgement.verdict != Verdict::Veto) || judgement.opinion != edited {
            return Err("a failed judge vetoes, and only of an edit a verdict is an opinion");
        }
        state.stage = match judgement.verdict {
            _ if judgement.opinion => Stage::Judging { round, at: at + 1, now: JudgeStage::Due },
            Verdict::Pass => Stage::Judging { round, at: at + 1, now: JudgeStage::Due },
            Verdict::Revise if state.revisions_of(judge) < allowance => state.revise(judge),
            Verdict::Revise => Stage::Spent { at },
            Verdict::Veto if failed => {
                Stage::Refused { reason: format!("vetoed by {judge}, which failed") }
            }
            Verdict::Veto => Stage::Refused { reason: format!("vetoed by {judge}") },
        };
        let words = Verdicts::Agent(judgement.clone());
        state.said.push(Said { judge: judge.clone(), round, words });
        if failed && !judgement.opinion {
            state.failed_judge = Some((at, round));
            self.step_mut(judge)?.judge_failures += 1;
        }
        Ok(())
    }

    pub(super) fn judge_skipped(&mut self, judge: &Name, cell: &CellId, round: u32) -> Legal {
        self.turn_of(judge, cell, round)?;
        let state = self.cell_mut(cell)?;
        let Stage::Judging { at, now: JudgeStage::Due, .. } = state.stage else {
            return Err("the judge has begun");
        };
        state.stage = Stage::Judging { round, at: at + 1, now: JudgeStage::Due };
        state.said.push(Said { judge: judge.clone(), round, words: Verdicts::Skipped });
        Ok(())
    }

    pub(super) fn escalate(&mut self, judge: &Name, cell: &CellId, round: u32) -> Legal {
        let judges = self.step(&cell.step).ok_or("there is no such step")?.judges.clone();
        let state = self.cell_mut(cell)?;
        let Stage::Spent { at } = state.stage else { return Err("no allowance is spent") };
        if judges.get(at) != Some(judge) {
            return Err("it is another judge's allowance");
        }
        if state.turned_down(round, judges.get(at + 1..).unwrap_or_default()) {
            return Err("a later judge has turned that candidate down");
        }
        let Some(candidate) = state.candidates.iter_mut().find(|c| c.round == round) else {
            return Err("there is no such candidate");
        };
        candidate.escalated = true;
        state.stage = Stage::Judging { round, at: at + 1, now: JudgeStage::Due };
        Ok(())
    }

    pub(super) fn ask(&mut self, fact: &Fact, now: Timestamp) -> Legal {
        let Fact::Asked { ask: id, cell, round, subject, show, until, .. } = fact else {
            return Err("nobody is asked");
        };
        let (round, subject) = (*round, *subject);
        let step = self.step(&cell.step).ok_or("there is no such step")?;
        let Some(Stage::Judging { round: judged, at, now: JudgeStage::Due }) =
            self.cell(cell).map(|c| &c.stage)
        else {
            return Err("the candidate is not due at a judge");
        };
        let judge = step.judges.get(*at).ok_or("all judges have spoken")?.clone();
        let by_people = self.step(&judge).is_some_and(|s| matches!(s.shape.by, StepBy::People(_)));
        let candidate = self.cell(cell).and_then(|c| c.candidate(round));
        if *judged != round || !by_people || *id != AskId::of(&self.run, &judge, cell, round) {
            return Err("it is not the turn of people at this round");
        }
        if candidate.is_none_or(|candidate| candidate.output.digest() != subject)
            || self.asks.contains_key(id)
        {
            return Err("people are asked once, about the candidate as it is");
        }
        if let Stage::Judging { now, .. } = &mut self.cell_mut(cell)?.stage {
            *now = JudgeStage::Asked { ask: id.clone() };
        }
        let (cell, show) = (cell.clone(), show.clone());
        let (votes, reminders, answer) = (Vec::new(), 0, None);
        let (at, told, until) = (now, now, *until);
        let ask =
            Ask { judge, cell, round, subject, show, at, told, until, votes, reminders, answer };
        self.asks.insert(id.clone(), ask);
        Ok(())
    }

    pub(super) fn remind(&mut self, id: &AskId, now: Timestamp) -> Legal {
        let ask = self.asks.get(id).ok_or("nobody was asked that")?;
        if ask.answer.is_some() || !self.cell(&ask.cell).is_some_and(|cell| cell.is_asked(id)) {
            return Err("the question is not open");
        }
        if let Some(ask) = self.asks.get_mut(id) {
            (ask.reminders, ask.told) = (ask.reminders + 1, now);
        }
        Ok(())
    }

    pub(super) fn decide(&mut self, id: &AskId, decision: &Decision, by: &str) -> Legal {
        let ask = self.asks.get(id).ok_or("nobody was asked that")?.clone();
        let judge = self.judge(&ask.judge);
        let allowance = judge.map_or(0, |judge| judge.rounds);
        let quorum = judge.map_or(1, |judge| judge.quorum) as usize;
        let state = self.cell_mut(&ask.cell)?;
        let Stage::Judging { round, at, now: JudgeStage::Asked { ask: open } } = &state.stage
        else {
            return Err("the question is not open");
        };
        if open != id || ask.answer.is_some() {
            return Err("the question is not open");
        }
        let (round, at, left) = (*round, *at, state.revisions_of(&ask.judge) < allowance);
        let approves = matches!(decision, Decision::Approve { .. });
        if approves && ask.votes.iter().any(|vote| vote == by) {
            return Err("this person has approved already");
        }
        // Nobody's approval is enough where nobody answered in time.
        if approves && by != TIMEOUT && ask.votes.len() + 1 < quorum {
            let words = Verdicts::Person { decision: decision.clone(), by: by.to_owned() };
            state.said.push(Said { judge: ask.judge, round, words });
            if let Some(ask) = self.asks.get_mut(id) {
                ask.votes.push(by.to_owned());
            }
            return Ok(());
        }
        state.stage = match decision {
            Decision::Approve { .. } => {
                if let Some(candidate) = state.candidates.iter_mut().find(|c| c.round == round) {
                    candidate.escalated = false;
                }
                Stage::Judging { round, at: at + 1, now: JudgeStage::Due }
            }
            Decision::Reject { .. } if left => state.revise(&ask.judge),
            Decision::Reject { .. } => Stage::Refused { reason: format!("rejected by {by}") },
            Decision::Edit { value, .. } if left => {
                let Stage::Revising { round } = state.revise(&ask.judge) else {
                    return Err("no round");
                };
                state.round = round;
                let edited_by = Some(by.to_owned());
                state.candidates.push(Candidate {
                    round,
                    output: value.clone(),
                    edited_by,
                    escalated: false,
                });
                Stage::Judging { round, at: 0, now: JudgeStage::Due }
            }
            Decision::Edit { .. } => {
                return Err("the allowance of this judge is spent: an edit takes one round of it");
            }
        };
        let words = Verdicts::Person { decision: decision.clone(), by: by.to_owned() };
        state.said.push(Said { judge: ask.judge, round, words });
        if let Some(ask) = self.asks.get_mut(id) {
            if approves {
                ask.votes.push(by.to_owned());
            }
            ask.answer = Some((decision.clone(), by.to_owned()));
        }
        Ok(())
    }

    pub(super) fn release(&mut self, cell: &CellId, round: u32, output: &Document) -> Legal {
        let judges = self.step(&cell.step).ok_or("there is no such step")?.judges.len();
        let state = self.cell_mut(cell)?;
        match &state.stage {
            Stage::Judging { round: judged, at, .. } if *judged == round && *at == judges => {}
            _ => return Err("not every judge let it pass"),
        }
        let Some(candidate) = state.candidate(round) else {
            return Err("there is no such candidate");
        };
        if candidate.escalated || candidate.output != *output {
            return Err(
                "only people release what is escalated, and what is released is what was judged",
            );
        }
        state.stage = Stage::Ended(End::Released { round, output: output.clone() });
        Ok(())
    }
}

impl CellState {
    /// One more revision by this judge; the next round.
    fn revise(&mut self, judge: &Name) -> Stage {
        *self.revisions.entry(judge.clone()).or_insert(0) += 1;
        Stage::Revising { round: self.round + 1 }
    }
}
