//! Answers from the command line: handed to the engine, and what became of them told. Judges none.

use std::path::{Path, PathBuf};

use bailiwick_core::fact::{AskId, Decision};
use bailiwick_core::text::{Lines, visible};
use bailiwick_core::{Diagnostic, Digest};
use bailiwick_engine::approvals::{Given, NotTaken, Taken, decide};
use bailiwick_engine::history::History;
use bailiwick_engine::host::Host;
use bailiwick_engine::viewing::Viewer;
use bailiwick_engine::{Caller, Problems, codes, load};
use clap::Args;

use crate::arguments::DataPlace;
use crate::control::client::Client;
use crate::ending::{Broken, Ending};
use crate::environment::Environment;
use crate::stdout;
use crate::talk::Talk;

/// As whom, where, and about which candidates.
#[derive(Args, Clone, Debug)]
pub(crate) struct Place {
    /// The digest of the candidate that was shown, one for each ID: refused where it is another since
    #[arg(long = "subject", value_name = "DIGEST")]
    subjects: Vec<String>,
    #[command(flatten)]
    data: DataPlace,
    /// The admin's file, where there is no /etc/bailiwick/policy.toml
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Hands the same decision in for each of these questions: all are taken, or none.
pub(crate) async fn answer(
    ids: &[String],
    decision: &Decision,
    place: &Place,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let given = given(ids, &place.subjects, decision)?;
    let data = environment.data(&place.data)?;
    if let Some(mut client) = Client::find(environment, &data).await? {
        return tell(&client.decide(&given).await?, decision, place, talk);
    }
    let (policy, _) = load::policy_of_the_host(&environment.policy(place.policy.as_deref()))?;
    let caller = Caller::who_runs_it(environment.uid);
    if History::open(&data, Viewer::new(policy.clone(), caller))?.is_none() {
        let message = format!("there is no data folder {}", data.display());
        return Err(Problems::one(Diagnostic::error(codes::NO_QUESTION, message)).into());
    }
    let host = Host::open(&environment.host(&data))?;
    let taken = match decide(&host, &policy, caller, given).await {
        Ok(taken) => taken,
        Err(NotTaken::Wrong(problems)) => return Err(problems.into()),
        Err(NotTaken::Refused(problems) | NotTaken::Storage(problems)) => {
            return Err(Broken(problems).into());
        }
    };
    tell(&taken, decision, place, talk)
}

fn tell(
    taken: &[Taken],
    decision: &Decision,
    place: &Place,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    for taken in taken {
        stdout::write(&told(taken, decision))?;
    }
    if let Some(hint) = next(taken, place) {
        talk.say(&hint);
    }
    Ok(Ending::Done)
}

/// A new value of a candidate, from a file.
pub(crate) fn value(path: &Path) -> anyhow::Result<bailiwick_core::Document> {
    use bailiwick_core::document::DOCUMENT_MAX_BYTES;
    let wrong = |what: String| {
        let message = format!("{}: {what}", path.display());
        Problems::one(Diagnostic::error(codes::UNREADABLE, message))
    };
    let bytes = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if bytes > DOCUMENT_MAX_BYTES as u64 {
        return Err(wrong(format!("a document has at most {DOCUMENT_MAX_BYTES} bytes")).into());
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let parsed = bailiwick_core::Document::parse(&text);
    Ok(parsed.map_err(|error| wrong(error.to_string()))?.0)
}

fn given(ids: &[String], subjects: &[String], decision: &Decision) -> Result<Vec<Given>, Problems> {
    let wrong = |what: String| Problems::one(Diagnostic::error(codes::BAD_SUBJECT, what));
    if !subjects.is_empty() && subjects.len() != ids.len() {
        let (ids, subjects) = (ids.len(), subjects.len());
        return Err(wrong(format!("there are {ids} IDs, and --subject is said {subjects} times")));
    }
    let mut given = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        let subject = subjects.get(at).map(|digest| digest.parse::<Digest>());
        let subject = subject.transpose().map_err(|error| wrong(format!("--subject: {error}")))?;
        given.push(Given { ask: AskId(id.clone()), decision: decision.clone(), subject });
    }
    Ok(given)
}

/// `r1/editor/locale=de/0: approved by ana, 1 of 2`.
fn told(taken: &Taken, decision: &Decision) -> String {
    let ask = visible(&taken.ask.0, Lines::Escape);
    let by = |name: &str| visible(name, Lines::Escape);
    let past = bailiwick_engine::past(decision);
    let votes = taken.votes.map(|(there, of)| format!(", {there} of {of}")).unwrap_or_default();
    match &taken.already {
        Some(who) => format!("{ask}: already {past} by {}{votes}\n", by(who)),
        None => format!("{ask}: {past} by {}{votes}\n", by(&taken.by)),
    }
}

/// What happens next, for what no host takes up now.
fn next(taken: &[Taken], place: &Place) -> Option<String> {
    let mut runs: Vec<_> = taken
        .iter()
        .filter(|taken| !taken.live && taken.already.is_none())
        .map(|taken| format!("  bailiwick resume {}{}", taken.run, place.data.words()))
        .collect();
    runs.dedup();
    (!runs.is_empty()).then(|| format!("written down, and taken at the next\n{}", runs.join("\n")))
}
