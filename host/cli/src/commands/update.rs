//! `bailiwick update`: an agent name means a newer component.

use bailiwick_core::Name;
use bailiwick_engine::plugins::{Consent, Offer, Standing, Updated, in_registry, outdated, update};
use bailiwick_engine::registry::Errand;
use clap::Args;

use crate::arguments::ProjectPlace;
use crate::ending::Ending;
use crate::environment::Environment;
use crate::fetched::fetched;
use crate::shown::candidate::candidate;
use crate::stdout;
use crate::talk::Talk;

/// Which ones.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Agents of the project [default: all whose source has another component]
    #[arg(value_name = "NAME", value_parser = Name::new)]
    names: Vec<Name>,
    /// Takes it from elsewhere from now on
    #[arg(long, value_name = "SOURCE", requires = "names")]
    to: Option<String>,
    /// Takes one that asks for more, is another component, or is signed by another publisher; bailiwick.lock says who did
    #[arg(long)]
    accept: bool,
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
    let by = format!("uid:{}", environment.uid);
    let consent = Consent { accept: arguments.accept, downgrade: arguments.downgrade, by };
    let seen = outdated(&errand)?;
    let names = match arguments.names.as_slice() {
        [] => {
            let behind = seen.iter().filter(|seen| {
                matches!(seen.standing, Standing::Other { .. } | Standing::Untaken { .. })
            });
            behind.map(|seen| seen.name.clone()).collect()
        }
        names => names.to_vec(),
    };
    if names.is_empty() {
        talk.say("nothing is to be updated");
    }
    let to = arguments.to.as_deref();
    if to.is_some() && names.len() > 1 {
        anyhow::bail!("--to is about one agent");
    }
    for name in &names {
        let pulled = match to.or_else(|| in_registry(&seen, name)) {
            Some(source) => fetched(&errand, source).await?,
            None => None,
        };
        let to = match &pulled {
            Some(pulled) => Some(Offer::Pulled(pulled)),
            None => to.map(|to| Offer::Typed(to, &environment.folder)),
        };
        let Updated { candidate: found, before, changed, .. } =
            update(&errand, name, to, &consent)?;
        stdout::write(&candidate(&found))?;
        let version = &found.embedded.profile.version;
        talk.say(&match (changed, before) {
            (false, _) => format!("`{name}` is this already: nothing was changed"),
            (true, Some(before)) => {
                format!("`{name}` was {}, and is {version} from the next run on", before.version)
            }
            (true, None) => format!("`{name}` is {version}, and pinned from now on"),
        });
    }
    Ok(Ending::Done)
}
