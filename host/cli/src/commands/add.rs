//! `bailiwick add`: a component comes into a project, without any power.

use bailiwick_core::Name;
use bailiwick_engine::plugins::{Added, Consent, Offer, Outcome, add};
use bailiwick_engine::registry::Errand;
use clap::Args;

use crate::arguments::{DataPlace, ProjectPlace};
use crate::ending::Ending;
use crate::environment::Environment;
use crate::fetched::{fetched, of_registry};
use crate::shown::candidate::{candidate, other_tag};
use crate::stdout;
use crate::talk::Talk;

/// Which one.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A component's file, the folder of a built agent, or oci://REGISTRY/NAME:VERSION
    #[arg(value_name = "SOURCE")]
    source: String,
    /// What pipelines call it [default: the name in its profile]
    #[arg(long, value_name = "NAME", value_parser = Name::new)]
    name: Option<Name>,
    /// Takes a lower version than this project ever had; bailiwick.lock says who did
    #[arg(long)]
    downgrade: bool,
    #[command(flatten)]
    place: ProjectPlace,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let errand =
        Errand::of_project(&environment.places(&arguments.place, &[])?, &environment.keys)?;
    let consent = Consent {
        accept: false,
        downgrade: arguments.downgrade,
        by: format!("uid:{}", environment.uid),
    };
    let pulled = fetched(&errand, &arguments.source).await?;
    let from = match &pulled {
        Some(pulled) => Offer::Pulled(pulled),
        None => Offer::Typed(&arguments.source, &environment.folder),
    };
    let none = DataPlace { project: arguments.place.project.clone(), data: None };
    let config = environment.host(&environment.data(&none)?);
    let added = add((&errand, &config), from, arguments.name.as_ref(), &consent).await;
    let Added { name, candidate: found, outcome } = added.map_err(of_registry(pulled.as_ref()))?;
    stdout::write(&candidate(&found))?;
    if let Some(differs) = other_tag(&found) {
        talk.say(&differs);
    }
    talk.say(&match (outcome, found.built) {
        (Outcome::Same | Outcome::Told, _) => {
            format!("`{name}` is this already: nothing was changed")
        }
        (Outcome::Kept, _) => format!("`{name}` is this already, and is fetched again"),
        (Outcome::Changed, true) => {
            format!("added as `{name}`, without powers; it is built here, so nothing pins it")
        }
        (Outcome::Changed, false) => {
            format!("added as `{name}`, without powers, and pinned in bailiwick.lock")
        }
    });
    if outcome == Outcome::Changed {
        talk.say(&format!(
            "grant what it is to have: [agents.{name}] in bailiwick.toml; then: bailiwick check"
        ));
    }
    Ok(Ending::Done)
}
