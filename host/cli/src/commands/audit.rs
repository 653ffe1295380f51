//! `bailiwick audit`: whether a data folder is what was written, its head, anchors, exports, and why something was decided.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bailiwick_core::RunId;
use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::audit::{self, Verified};
use bailiwick_engine::{codes, reasons};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::arguments::{DataPlace, ViewPlace};
use crate::commands::run::run_id;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::past::{history, viewer};
use crate::talk::Talk;
use crate::{stdout, words};

/// What to do.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Compares facts, texts, blobs and the database with what was written; exits 1 on damage
    Verify(Verify),
    /// Prints one digest over all that was written
    Head(Place),
    /// Signs the head with this host's key: a small document to be kept elsewhere
    Anchor(Place),
    /// Prints all facts as JSON Lines with their links, and with values unless erased
    Export(Export),
    /// Makes listings, open questions and spend anew from the facts, where they are damaged
    Rebuild(Place),
    /// Says what was decided about a call or a question, and which line decided it
    Explain(Explain),
}

#[derive(Args)]
struct Place {
    #[command(flatten)]
    place: DataPlace,
}

#[derive(Args)]
struct Verify {
    #[command(flatten)]
    of: OfRun,
    /// A file that `audit anchor` printed: what it signed must be a prefix of what is there
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    anchor: Option<PathBuf>,
}

#[derive(Args)]
struct OfRun {
    /// One run instead of the whole folder
    run: Option<String>,
    #[command(flatten)]
    place: DataPlace,
}

#[derive(Args)]
struct Export {
    #[command(flatten)]
    of: OfRun,
    /// The admin's file, where there is no /etc/bailiwick/policy.toml
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

#[derive(Args)]
struct Explain {
    /// RUN/STEP/KEY/ROUND/ATTEMPT#INDEX for a call, RUN/JUDGE/KEY/ROUND for a question
    id: String,
    #[command(flatten)]
    place: ViewPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    match &arguments.what {
        What::Verify(asked) => verify(asked, environment, talk).await,
        What::Head(asked) => head(&asked.place, environment).await,
        What::Anchor(asked) => anchor(&asked.place, environment).await,
        What::Export(asked) => export(asked, environment).await,
        What::Rebuild(asked) => rebuild(&asked.place, environment, talk).await,
        What::Explain(asked) => explain(asked, environment).await,
    }
}

async fn verify(asked: &Verify, environment: &Environment, talk: &Talk) -> anyhow::Result<Ending> {
    let run = run_of(&asked.of)?;
    let data = environment.data(&asked.of.place)?;
    let found = audit::verify(&data, run.as_ref(), asked.anchor.as_deref()).await?;
    for damage in &found.damages {
        stdout::write(&format!("{}\n", visible(damage, Lines::Escape)))?;
    }
    if !found.damages.is_empty() {
        talk.say(&words::many(found.damages.len(), "damage"));
        return Ok(Ending::Failed);
    }
    stdout::write(&whole(&found))?;
    Ok(Ending::Done)
}

/// What can be said where nothing is damaged.
fn whole(found: &Verified) -> String {
    let head = found.head;
    match &found.anchored {
        None => format!("consistent up to {head}; completeness is proven only against an anchor\n"),
        Some(anchor) => format!(
            "consistent up to {head}; complete up to the anchor of {} ({})\n",
            words::instant(anchor.at),
            anchor.head
        ),
    }
}

async fn head(place: &DataPlace, environment: &Environment) -> anyhow::Result<Ending> {
    let head = audit::head(&environment.data(place)?).await?;
    stdout::write(&format!("{}\n", head.digest))?;
    Ok(Ending::Done)
}

async fn anchor(place: &DataPlace, environment: &Environment) -> anyhow::Result<Ending> {
    let anchor = audit::anchor(&environment.data(place)?).await?;
    stdout::write(&stdout::line(&serde_json::to_value(&anchor)?))?;
    Ok(Ending::Done)
}

async fn rebuild(
    place: &DataPlace,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let data = environment.data(place)?;
    audit::rebuild(&data, environment.host(&data).command).await?;
    talk.say("what is derived from the facts was made anew");
    Ok(Ending::Done)
}

async fn export(asked: &Export, environment: &Environment) -> anyhow::Result<Ending> {
    let run = run_of(&asked.of)?;
    let data = environment.data(&asked.of.place)?;
    match &run {
        None => viewer(environment, asked.policy.as_deref())?.may_see_all()?,
        Some(run) => may_see(environment, &data, asked.policy.as_deref(), run).await?,
    }
    let printed = audit::export(&data, run.as_ref(), |stream, entry| {
        let texts = entry.texts.iter().map(|(digest, text)| {
            let value = serde_json::from_str(text).unwrap_or(serde_json::Value::Null);
            (digest.to_string(), value)
        });
        let texts: serde_json::Map<_, _> = texts.collect();
        // The facts stand as they were written: their bytes are what the link covers.
        stdout::write(&stdout::line_of(&format!(
            r#"{{"stream":{},"append":{},"at":{},"facts":{},"values":{},"link":{}}}"#,
            json!(stream.to_string()),
            entry.append,
            entry.at.0,
            entry.facts,
            json!(texts),
            json!(entry.link),
        )))
    })
    .await?;
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Ending::Done),
    }
}

async fn explain(asked: &Explain, environment: &Environment) -> anyhow::Result<Ending> {
    let data = environment.data(&asked.place.data)?;
    // An id begins with its run; what is none is told as such below.
    if let Some(run) = asked.id.split('/').next().and_then(|run| RunId::new(run).ok()) {
        may_see(environment, &data, asked.place.policy.as_deref(), &run).await?;
    }
    let found = reasons::explain(&data, &asked.id).await?;
    let mut text = format!("{}\n", visible(&found.subject, Lines::Escape));
    for line in &found.decided {
        text.push_str(&format!("  {line}\n"));
    }
    if let Some(line) = &found.line {
        text.push_str(&format!("decided by {}\n", visible(line, Lines::Escape)));
    }
    if let Some(hint) = &found.hint {
        text.push_str(&format!("help: {hint}\n"));
    }
    stdout::write(&text)?;
    Ok(Ending::Done)
}

/// Whether who asks may see all of a run. One that is not there is told as such by who
/// looks for it.
async fn may_see(
    environment: &Environment,
    data: &Path,
    policy: Option<&Path>,
    run: &RunId,
) -> anyhow::Result<()> {
    let Some(history) = history(environment, data, policy)? else { return Ok(()) };
    match history.record(run).await {
        Err(problems)
            if problems.diagnostics.iter().any(|found| found.code == codes::NOT_CLEARED) =>
        {
            Err(problems.into())
        }
        _ => Ok(()),
    }
}

fn run_of(asked: &OfRun) -> anyhow::Result<Option<RunId>> {
    Ok(asked.run.as_deref().map(run_id).transpose()?)
}
