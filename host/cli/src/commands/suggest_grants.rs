//! `bailiwick suggest-grants`: what agents used against what they were granted, and the smaller grant as a patch.

use std::path::PathBuf;
use std::sync::Arc;

use bailiwick_engine::load;
use bailiwick_engine::suggest::suggest;
use clap::Args;

use crate::arguments::ProjectPlace;
use crate::commands::run::run_id;
use crate::ending::Ending;
use crate::environment::{DATA, Environment};
use crate::past::history;
use crate::shown::suggested;
use crate::stdout;
use crate::talk::Talk;

/// Which runs, and what to do with what comes of them.
#[derive(Args)]
#[command(after_help = "\
This is a lint. It knows what agents asked for in recorded runs, and not what they may need tomorrow: \
what was not used so far is proposed to go. The same runs are done again under the proposal before it \
is printed, and must come out equal. docs/suggest-grants.md says by which rules.

  bailiwick suggest-grants --patch | patch -p1        applies it (so does git apply, and --write)")]
pub(crate) struct Arguments {
    /// The runs to go by [default: the newest 200 of the project that have ended]
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// Writes the proposal into bailiwick.toml
    #[arg(long)]
    write: bool,
    /// Prints the patch and nothing else
    #[arg(long, conflicts_with = "json")]
    patch: bool,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: ProjectPlace,
    /// The data folder with the runs [default: PROJECT/.bailiwick]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let opened = load::open(&environment.places(&arguments.place, &[])?)?;
    let data = arguments.data.clone().unwrap_or_else(|| opened.root.join(DATA));
    let history = history(environment, &data, arguments.place.policy.as_deref())?.map(Arc::new);
    let runs = arguments.runs.iter().map(|run| run_id(run)).collect::<Result<Vec<_>, _>>()?;
    let suggestion = suggest(&environment.host(&data), history, &opened, &runs).await?;
    if arguments.write {
        suggestion.write()?;
    }
    stdout::write(&match (arguments.json, arguments.patch) {
        (true, _) => stdout::line(&suggested::as_json(&suggestion)),
        (false, true) => suggestion.patch()?.to_owned(),
        (false, false) => suggested::as_text(&suggestion),
    })?;
    if arguments.write && !suggestion.patch.is_empty() {
        talk.say("bailiwick.toml is written; `bailiwick check` shows what each agent may do now");
    }
    Ok(Ending::Done)
}
