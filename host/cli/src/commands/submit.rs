//! `bailiwick submit`: a run for the host that holds the data folder.

use std::path::PathBuf;

use bailiwick_core::{Diagnostic, Name};
use bailiwick_engine::delivery::may_write;
use bailiwick_engine::serve::Parcel;
use bailiwick_engine::{Problems, codes};
use clap::Args;

use crate::arguments::DataPlace;
use crate::control::client::Client;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::remote::{Wanted, follow};
use crate::stdout;
use crate::talk::Talk;

/// What is to be run, and with what.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The project by the name of its folder, and the pipeline; of the only one of a kind its name is left out
    #[arg(value_name = "PROJECT/PIPELINE")]
    what: Option<String>,
    /// A JSON document; {"$file": "PATH"} in it brings a file in
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// How confidential the input is, by a label of policy.toml [default: what that says of what has none]
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// Answers of people, ahead of time
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Follows the run, and ends when it does
    #[arg(long)]
    wait: bool,
    /// Follows the run, and writes output, artifacts, manifest.json and a gallery there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Follows the run, and prints one event a line instead of the result
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: DataPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let (project, pipeline) = what(arguments.what.as_deref())?;
    if let Some(out) = &arguments.out {
        may_write(out).map_err(|error| {
            let hint = "name a folder that is new, empty, or of an earlier run";
            Problems::one(Diagnostic::error(codes::OUT, error.to_string()).hint(hint))
        })?;
    }
    let mut parcel = Parcel::pack(arguments.input.as_deref(), arguments.decisions.as_deref())?;
    parcel.offer.label.clone_from(&arguments.label);
    let data = environment.data(&arguments.place)?;
    let mut client = Client::reach(environment, &data).await?;
    let run = client.submit(project, pipeline, &parcel).await?;
    if !(arguments.wait || arguments.json || arguments.out.is_some()) {
        stdout::write(&format!("{run}\n"))?;
        return Ok(Ending::Done);
    }
    talk.say(&format!("run {run} is submitted"));
    let place = arguments.place.words();
    let wanted = Wanted { out: arguments.out.clone(), json: arguments.json, place };
    follow(client, &run, &wanted, environment, talk).await
}

/// `PROJECT/PIPELINE`, `PROJECT`, or nothing.
fn what(text: Option<&str>) -> Result<(Option<String>, Option<Name>), Problems> {
    let Some(text) = text else { return Ok((None, None)) };
    let (project, pipeline) = match text.split_once('/') {
        Some((project, pipeline)) => (project, Some(pipeline)),
        None => (text, None),
    };
    let pipeline = pipeline
        .map(Name::new)
        .transpose()
        .map_err(|error| Problems::one(Diagnostic::error(codes::NO_PIPELINE, error.to_string())))?;
    Ok((Some(project.to_owned()), pipeline))
}
