//! `bailiwick remove`: an agent goes out of a project.

use bailiwick_core::Name;
use bailiwick_engine::plugins::remove;
use bailiwick_engine::registry::Errand;
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
    let errand =
        Errand::of_project(&environment.places(&arguments.place, &[])?, &environment.keys)?;
    remove(&errand, name)?;
    talk.say(&format!("`{name}` is removed with its grants; its file stays where it is"));
    Ok(Ending::Done)
}
