//! `bailiwick reject`: sends candidates back with a reason, or drops them where no round is left.

use bailiwick_core::fact::Decision;
use clap::Args;

use crate::answers::{Place, answer};
use crate::ending::Ending;
use crate::environment::Environment;
use crate::talk::Talk;

/// Which questions, and why.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The questions, as `bailiwick approvals` lists them; all are answered, or none
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// What is wrong: the agent reads it in the next round
    #[arg(long)]
    comment: String,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let decision = Decision::Reject { comment: Some(arguments.comment.clone()) };
    answer(&arguments.ids, &decision, &arguments.place, environment, talk).await
}
