//! `bailiwick remove`: an agent goes out of a project.

use bailiwick_core::Name;
use bailiwick_engine::plugins::remove;
use clap::Args;

use crate::arguments::ProjectPlace;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::talk::Talk;

/// Which one.
#[derive(Args)]
pub(crate) struct Arguments {
    /// An agent of the project
    #[arg(value_name = "NAME", value_parser = Name::new)]
    name: Name,
    #[command(flatten)]
    place: ProjectPlace,
}

pub(crate) fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let name = &arguments.name;
    remove(&environment.places(&arguments.place, &[])?, name)?;
    talk.say(&format!("`{name}` is removed with its grants; its file stays where it is"));
    Ok(Ending::Done)
}
