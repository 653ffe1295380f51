//! `audit explain`: which decision was taken about a call or a question, and which line of which file decided it, as far as the facts say.

use std::path::Path;

use bailiwick_core::fact::{AskId, CallAnswer, Capability, Fact, Limit, StepBy};
use bailiwick_core::text::{Lines, visible};
use bailiwick_core::{
    AttemptId, CallPath, CellId, CellKey, Diagnostic, Digest, Name, RunId, RunState,
};
use bailiwick_project::Project;
use bailiwick_store::Archive;

use crate::load::PROJECT_FILE;
use crate::problems::Problems;
use crate::{audit, codes};

/// What was decided, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasons {
    /// What was asked: a call or a question.
    pub subject: String,
    /// What was decided, one line each, in order.
    pub decided: Vec<String>,
    /// The line that decides, as `bailiwick.toml:12`, with its key.
    pub line: Option<String>,
    /// What would change it.
    pub hint: Option<String>,
}

/// The id of something that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    /// `RUN/STEP/KEY/ROUND/ATTEMPT#INDEX`; of an agent that was called, with the way to it
    /// before the `#`: `…/ATTEMPT/CALL/CALL#INDEX`.
    Call { run: RunId, attempt: AttemptId, index: u32 },
    /// `RUN/JUDGE/KEY/ROUND`
    Ask { run: RunId, ask: AskId, judge: Name },
}

impl Subject {
    fn parse(text: &str) -> Option<Self> {
        let (place, index) = match text.split_once('#') {
            Some((place, index)) => (place, Some(index.parse().ok()?)),
            None => (text, None),
        };
        let parts: Vec<&str> = place.split('/').collect();
        match (parts.as_slice(), index) {
            ([run, step, key, round, attempt, way @ ..], Some(index)) => {
                let cell = CellId { step: Name::new(step).ok()?, key: CellKey::from_text(key) };
                let own = AttemptId::new(cell, round.parse().ok()?, attempt.parse().ok()?);
                let path = match way {
                    [] => CallPath::default(),
                    way => way.join("/").parse().ok()?,
                };
                let attempt = AttemptId { path, ..own };
                Some(Self::Call { run: RunId::new(run).ok()?, attempt, index })
            }
            ([run, judge, _, _], None) => Some(Self::Ask {
                run: RunId::new(run).ok()?,
                ask: AskId(text.into()),
                judge: Name::new(judge).ok()?,
            }),
            _ => None,
        }
    }

    fn run(&self) -> &RunId {
        match self {
            Self::Call { run, .. } | Self::Ask { run, .. } => run,
        }
    }
}

/// Explains a decision by its id.
///
/// # Errors
/// [`Problems`] where the id has another form, or names nothing that was decided.
pub async fn explain(data: &Path, id: &str) -> Result<Reasons, Problems> {
    let refuse = |why: String| {
        let hint = "a call is RUN/STEP/KEY/ROUND/ATTEMPT#INDEX (with the way to an agent that was called before the #), a question RUN/JUDGE/KEY/ROUND; \
                    `bailiwick show` has both";
        Problems::one(Diagnostic::error(codes::NO_RUN, why).hint(hint))
    };
    let subject = Subject::parse(id).ok_or_else(|| refuse(format!("{id:?} is no id")))?;
    let archive = audit::open(data)?;
    let entries = archive.read(subject.run()).await.map_err(|error| refuse(error.to_string()))?;
    let state = RunState::replay(&entries).map_err(|error| refuse(error.to_string()))?;
    let state = state.ok_or_else(|| refuse(format!("{} has no facts", subject.run())))?;
    let facts = entries.iter().flat_map(|entry| &entry.facts);
    let mut reasons = Reasons { subject: id.to_owned(), ..Reasons::default() };
    let wanted = match &subject {
        Subject::Call { .. } => of_call(&subject, facts, &mut reasons),
        Subject::Ask { ask, judge, .. } => of_ask(ask, facts, &mut reasons).then(|| judge.clone()),
    };
    if reasons.decided.is_empty() {
        return Err(refuse(format!("nothing was decided about {id}")));
    }
    reasons.line = match (&subject, wanted) {
        (Subject::Call { attempt, .. }, Some(key)) => {
            let facts = entries.iter().flat_map(|entry| &entry.facts);
            match agent_of(&state, attempt, facts) {
                Some(agent) => line_of_grant(&archive, &state, &agent, key.as_str()).await,
                None => None,
            }
        }
        (Subject::Ask { .. }, Some(judge)) => line_of_step(&archive, &state, &judge).await,
        _ => None,
    };
    Ok(reasons)
}

/// What is known of a call. Gives the capability whose grant decides.
fn of_call<'a>(
    subject: &Subject,
    facts: impl Iterator<Item = &'a Fact>,
    reasons: &mut Reasons,
) -> Option<Name> {
    let Subject::Call { attempt, index, .. } = subject else { return None };
    let mut key = None;
    for fact in facts {
        let (of, number) = match fact {
            Fact::CallIntended { attempt, index, .. }
            | Fact::CallAnswered { attempt, index, .. }
            | Fact::Delegated { attempt, index, .. }
            | Fact::CallLost { attempt, index, .. } => (attempt, index),
            _ => continue,
        };
        if (of, number) != (attempt, index) {
            continue;
        }
        match fact {
            Fact::CallIntended { capability, reserved, .. } => {
                let words = format!(
                    "{capability}: granted; {} and {} reserved before it left",
                    reserved.calls, reserved.tokens
                );
                reasons.decided.push(words);
                key = name_of(*capability);
            }
            Fact::Delegated { agent, component, .. } => {
                let words = format!(
                    "delegate: granted; `{agent}` ({}) is called, under its own grants",
                    component.short()
                );
                reasons.decided.push(words);
                key = name_of(Capability::Delegate);
            }
            Fact::CallAnswered { capability, answer, cost, .. } => {
                reasons.decided.push(format!("{capability}: {}", told(answer)));
                if cost.calls.0 > 0 {
                    reasons.decided.push(format!("charged: {} and {}", cost.calls, cost.tokens));
                }
                if let CallAnswer::Denied { hint, .. } = answer {
                    reasons.hint = hint.as_deref().map(|hint| visible(hint, Lines::Keep));
                }
                key = name_of(*capability);
            }
            Fact::CallLost { cost, .. } => {
                let words = "its answer never came, and it is charged as reserved";
                reasons.decided.push(format!("{words}: {} and {}", cost.calls, cost.tokens));
            }
            _ => {}
        }
    }
    key
}

fn name_of(capability: Capability) -> Option<Name> {
    Name::new(capability.as_str()).ok()
}

fn told(answer: &CallAnswer) -> String {
    let clean = |text: &str| visible(text, Lines::Escape);
    match answer {
        CallAnswer::Ok { via: Some(via), .. } => format!("granted, and answered by {}", clean(via)),
        CallAnswer::Ok { via: None, .. } => "granted, and answered".into(),
        CallAnswer::Denied { reason, .. } => format!("denied: {}", clean(reason)),
        CallAnswer::Exhausted { limit, detail, .. } => {
            format!("refused, {} ran out: {}", limit_word(*limit), clean(detail))
        }
        CallAnswer::Unavailable { detail } => {
            format!("granted, and nobody answered: {}", clean(detail))
        }
        CallAnswer::Invalid { detail } => format!("refused as wrong: {}", clean(detail)),
        CallAnswer::Failed { failure } => {
            format!(
                "granted, and the agent that was called failed: {}",
                clean(&failure.to_string())
            )
        }
    }
}

fn limit_word(limit: Limit) -> String {
    match serde_json::to_value(limit) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "a limit".into(),
    }
}

/// What is known of a question.
fn of_ask<'a>(
    wanted: &AskId,
    facts: impl Iterator<Item = &'a Fact>,
    reasons: &mut Reasons,
) -> bool {
    let clean = |text: &str| visible(text, Lines::Escape);
    let mut about: Option<&CellId> = None;
    for fact in facts {
        match fact {
            Fact::Asked { ask, cell, round, subject, groups, quorum, .. } if ask == wanted => {
                about = Some(cell);
                let groups = match groups.is_empty() {
                    true => "people".into(),
                    false => clean(&groups.join(", ")),
                };
                let words = format!("{groups} asked about {cell}, round {round}, {subject}");
                reasons.decided.push(words);
                if *quorum > 1 {
                    reasons.decided.push(format!("{quorum} must approve"));
                }
            }
            Fact::Decided { ask, decision, by } if ask == wanted => {
                let comment = decision.comment().map(|words| format!(": {}", clean(words)));
                let comment = comment.unwrap_or_default();
                reasons.decided.push(format!("{} says {}{comment}", clean(by), decision.as_str()));
            }
            Fact::Released { cell, round, .. } if about == Some(cell) => {
                reasons.decided.push(format!("{cell} is released in round {round}"));
            }
            Fact::Dropped { cell, reason } if about == Some(cell) => {
                reasons.decided.push(format!("{cell} is dropped: {}", clean(reason)));
            }
            _ => {}
        }
    }
    about.is_some()
}

/// Whose call it is: the agent of the step, or one that was called for it.
fn agent_of<'a>(
    state: &RunState,
    attempt: &AttemptId,
    mut facts: impl Iterator<Item = &'a Fact>,
) -> Option<Name> {
    if attempt.path.is_empty() {
        return match &state.step(&attempt.cell.step)?.shape.by {
            StepBy::Agent(agent) => Some(agent.clone()),
            StepBy::People(_) => None,
        };
    }
    facts.find_map(|fact| match fact {
        Fact::Delegated { attempt: caller, index, agent, .. }
            if caller.callee(*index) == *attempt =>
        {
            Some(agent.clone())
        }
        _ => None,
    })
}

/// The line of a pinned `bailiwick.toml` that grants a capability to an agent,
/// or the nearest one around where it is not granted.
async fn line_of_grant(
    archive: &Archive,
    state: &RunState,
    agent: &Name,
    capability: &str,
) -> Option<String> {
    let text = pinned(archive, state, PROJECT_FILE).await?;
    let project = Project::read(PROJECT_FILE, &text).ok()?;
    let key = format!("grants.{capability}");
    let place = project.agents.get(agent)?.place_of(&key);
    Some(format!("{}:{} ([agents.{agent}], {key}; as the run was pinned)", place.file, place.line))
}

/// The line of a pinned pipeline that says who judges.
async fn line_of_step(archive: &Archive, state: &RunState, judge: &Name) -> Option<String> {
    let file = format!("pipelines/{}.toml", state.pipeline);
    let text = pinned(archive, state, &file).await?;
    let header = format!("[step.{judge}]");
    let line = text.lines().position(|line| line.trim_start().starts_with(&header))? + 1;
    Some(format!("{file}:{line} ({header}; as the run was pinned)"))
}

async fn pinned(archive: &Archive, state: &RunState, file: &str) -> Option<String> {
    let digest: Digest = *state.pin.as_ref()?.files.get(file)?;
    String::from_utf8(archive.get(digest).await.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_calls_and_questions_are_told_apart() {
        for id in ["draft/locale=de,style=16:9/2/1", "draft/-/0/1/3/0"] {
            let call = Subject::parse(&format!("r1/{id}#14"));
            assert!(matches!(&call, Some(Subject::Call { attempt, index: 14, .. })
                    if attempt.to_string() == id));
        }
        assert!(matches!(
            Subject::parse("r1/editor/-/0"),
            Some(Subject::Ask { ask, .. }) if ask.0 == "r1/editor/-/0"
        ));
        for wrong in [
            "",
            "r1",
            "r1/draft/-/0/1",
            "r1/draft/-/0#1",
            "r1/draft/-/x/1#1",
            "r1/draft/-/0/1#",
            "../draft/-/0",
        ] {
            assert_eq!(Subject::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_denied_call_is_told_with_its_reason_and_hint_and_no_other_call() {
        let subject = Subject::parse("r1/draft/-/0/2#1").unwrap();
        let answered = |attempt: u32, index: u32, reason: &str| Fact::CallAnswered {
            attempt: bailiwick_core::AttemptId::new(
                CellId { step: Name::new("draft").unwrap(), key: CellKey::single() },
                0,
                attempt,
            ),
            index,
            capability: Capability::Knowledge,
            request: Digest::of(b""),
            answer: CallAnswer::Denied {
                reason: reason.into(),
                hint: Some("grants.knowledge".into()),
            },
            cost: bailiwick_core::Cost::ZERO,
        };
        let facts = [
            answered(1, 1, "first try"),
            answered(2, 0, "before"),
            answered(2, 1, "brand\u{202e}"),
        ];
        let mut reasons = Reasons::default();
        let key = of_call(&subject, facts.iter(), &mut reasons);
        assert_eq!(key.as_ref().map(Name::as_str), Some("knowledge"));
        assert_eq!(reasons.decided, ["knowledge: denied: brand\\u{202e}"]);
        assert_eq!(reasons.hint.as_deref(), Some("grants.knowledge"));
    }
}
