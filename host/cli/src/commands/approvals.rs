//! `bailiwick approvals`: the questions that wait for people.

use bailiwick_core::Timestamp;
use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::approvals::OpenQuestion;
use clap::Args;
use serde_json::{Value, json};

use crate::arguments::ViewPlace;
use crate::commands::run::run_id;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::past::Past;
use crate::talk::Talk;
use crate::{stdout, words};

/// Which questions.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only those of this run, each with the whole candidate
    run: Option<String>,
    /// Prints one JSON object a question
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: ViewPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let run = arguments.run.as_deref().map(run_id).transpose()?;
    let past = Past::open(environment, &arguments.place).await?;
    let questions = match past {
        Some(mut past) => past.questions(run.as_ref()).await?,
        None => Vec::new(),
    };
    for question in &questions {
        stdout::write(&if arguments.json { as_json(question) } else { as_text(question) })?;
    }
    if questions.is_empty() && !arguments.json {
        talk.say("nobody is asked anything here");
    }
    Ok(Ending::Done)
}

fn as_json(question: &OpenQuestion) -> String {
    let text = |document: &bailiwick_core::Document| match document.text() {
        Some(_) => document.value(),
        None => Value::Null,
    };
    stdout::line(&json!({
        "ask": question.ask,
        "run": question.run,
        "step": question.step,
        "cell": question.cell.to_string(),
        "round": question.round,
        "asked": words::instant(question.asked),
        "age_s": question.age.as_secs(),
        "timeout": question.until.map(words::instant),
        "groups": question.groups,
        "quorum": question.quorum,
        "votes": question.votes,
        "subject": question.subject,
        "candidate": question.candidate.as_ref().map(text),
        "show": text(&question.show),
    }))
}

fn as_text(question: &OpenQuestion) -> String {
    let line = |text: &str| visible(text, Lines::Escape);
    let mut text = format!(
        "{}\n  {} asks {} about {}, round {}, since {}{}\n",
        line(&question.ask.0),
        question.step,
        line(&question.groups.join(", ")),
        question.cell,
        question.round,
        words::elapsed(question.age),
        question.until.map(|until| deadline(question, until)).unwrap_or_default(),
    );
    if question.quorum > 1 {
        let by = match question.votes.as_slice() {
            [] => String::new(),
            votes => format!(": {}", line(&votes.join(", "))),
        };
        text.push_str(&format!(
            "  approved by {} of {}{by}\n",
            question.votes.len(),
            question.quorum
        ));
    }
    text.push_str(&format!("  subject {}\n", question.subject));
    if let Some(candidate) = question.candidate.as_ref().filter(|one| one.text().is_some()) {
        text.push_str(&indented(&candidate.value()));
    }
    let show = question.show.value();
    if show.as_object().is_some_and(|show| !show.is_empty()) {
        text.push_str(&format!("  besides:\n{}", indented(&show)));
    }
    text
}

/// `, decided without people in 45 h 55 min`.
fn deadline(question: &OpenQuestion, until: Timestamp) -> String {
    match until.since(question.asked).checked_sub(question.age) {
        Some(left) if !left.is_zero() => {
            format!(", decided without people in {}", words::elapsed(left))
        }
        _ => ", decided without people as soon as the run goes on".to_owned(),
    }
}

fn indented(value: &Value) -> String {
    stdout::pretty(value).lines().map(|line| format!("    {line}\n")).collect()
}
