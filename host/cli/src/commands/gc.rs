//! `bailiwick gc`: deletes what a project's `[retention]` lets go, and what nobody names any more.

use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::gc::{self, Mode};
use bailiwick_engine::load;
use clap::Args;

use crate::arguments::{DataPlace, ProjectPlace};
use crate::ending::Ending;
use crate::environment::Environment;
use crate::talk::Talk;
use crate::{stdout, words};

/// Which folder.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: ProjectPlace,
    /// The data folder [default: PROJECT/.bailiwick]
    #[arg(long, value_name = "DIR")]
    data: Option<std::path::PathBuf>,
    /// Says what would go, and deletes nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let opened = load::open(&environment.places(&arguments.place, &[])?)?;
    let place =
        DataPlace { project: arguments.place.project.clone(), data: arguments.data.clone() };
    let data = environment.data(&place)?;
    let mode = if arguments.dry_run { Mode::DryRun } else { Mode::Sweep };
    let command = environment.host(&data).command;
    let swept = gc::collect(&data, &opened, (mode, command), environment.uid).await?;
    for run in &swept.deleted {
        stdout::write(&format!("run {run}\n"))?;
    }
    for run in &swept.erased {
        stdout::write(&format!("values of run {run}\n"))?;
    }
    for left in &swept.left {
        talk.say(&format!("left as it is: {}", visible(left, Lines::Escape)));
    }
    let count = |number: usize, word: &str| words::many(number, word);
    let blobs = usize::try_from(swept.blobs).unwrap_or(usize::MAX);
    talk.say(&format!(
        "{}{}, values of {}, {} ({})",
        if arguments.dry_run { "would delete " } else { "deleted " },
        count(swept.deleted.len(), "run"),
        count(swept.erased.len(), "run"),
        count(blobs, "blob"),
        swept.bytes
    ));
    Ok(if swept.left.is_empty() { Ending::Done } else { Ending::Failed })
}
