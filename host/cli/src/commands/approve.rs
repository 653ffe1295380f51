//! `bailiwick approve`: lets candidates go on, from another process than the one that asks.

use bailiwick_core::fact::Decision;
use clap::Args;

use crate::answers::{Place, answer};
use crate::ending::Ending;
use crate::environment::Environment;
use crate::talk::Talk;

/// Which questions.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The questions, as `bailiwick approvals` lists them; all are answered, or none
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
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
    let decision = Decision::Approve { comment: arguments.comment.clone() };
    answer(&arguments.ids, &decision, &arguments.place, environment, talk).await
}
