//! `bailiwick edit`: puts another value in the place of a candidate; people are asked again about it.

use std::path::PathBuf;
use std::slice;

use bailiwick_core::fact::Decision;
use clap::Args;

use crate::answers::{self, Place, answer};
use crate::ending::Ending;
use crate::environment::Environment;
use crate::talk::Talk;

/// Which question, and the new value.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The question, as `bailiwick approvals` lists it
    id: String,
    /// The new value: a JSON document that fits the schema of the judged step's agent
    #[arg(long, value_name = "FILE")]
    value: PathBuf,
    /// What is to be remembered with it
    #[arg(long)]
    comment: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let value = answers::value(&arguments.value)?;
    let decision = Decision::Edit { value, comment: arguments.comment.clone() };
    answer(slice::from_ref(&arguments.id), &decision, &arguments.place, environment, talk).await
}
