//! `bailiwick update`: agent names mean newer components, or what bailiwick.lock says is fetched again.

use bailiwick_core::{Diagnostic, Name};
use bailiwick_engine::host::HostConfig;
use bailiwick_engine::plugins::{
    Consent, Offer, Outcome, Seen, Standing, Updated, look_for_newer, outdated, restore, source,
    update,
};
use bailiwick_engine::registry::{Errand, reference};
use bailiwick_engine::{Problems, codes};
use clap::Args;

use crate::arguments::{DataPlace, ProjectPlace};
use crate::ending::{Broken, Ending};
use crate::environment::Environment;
use crate::fetched::{fetched, of_registry};
use crate::shown::candidate::{candidate, other_tag};
use crate::stdout;
use crate::talk::Talk;

/// Which ones.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Agents of the project [default: all whose source or registry has another component]
    #[arg(value_name = "NAME", value_parser = Name::new)]
    names: Vec<Name>,
    /// Takes it from elsewhere from now on
    #[arg(long, value_name = "SOURCE", requires = "names")]
    to: Option<String>,
    /// Fetches what bailiwick.lock says and is not here, and takes nothing else
    #[arg(long, conflicts_with_all = ["to", "accept", "downgrade"])]
    locked: bool,
    /// Takes one that asks for more, is another component, or is signed by another publisher; bailiwick.lock says who did
    #[arg(long)]
    accept: bool,
    /// Takes a lower version than this project ever had; bailiwick.lock says who did
    #[arg(long)]
    downgrade: bool,
    #[command(flatten)]
    place: ProjectPlace,
}

/// What is to become of an agent.
enum Due {
    /// Its own source has another one, which may be a file.
    Own { source: String },
    /// It goes from one place in a registry to another one.
    Newer { source: String, to: String },
    /// It goes where somebody typed.
    Typed { to: String },
    /// What was taken is fetched again.
    Lost { from: String },
}

/// One command.
struct Updating<'a> {
    errand: Errand,
    config: HostConfig,
    consent: Consent,
    environment: &'a Environment,
    talk: &'a Talk,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let by = format!("uid:{}", environment.uid);
    let none = DataPlace { project: arguments.place.project.clone(), data: None };
    let updating = Updating {
        errand: Errand::of_project(&environment.places(&arguments.place, &[])?, &environment.keys)?,
        config: environment.host(&environment.data(&none)?),
        consent: Consent { accept: arguments.accept, downgrade: arguments.downgrade, by },
        environment,
        talk,
    };
    match (arguments.names.as_slice(), &arguments.to) {
        (names, _) if arguments.locked => updating.lost(names).await,
        ([], _) => updating.behind().await,
        ([name], Some(to)) => {
            updating.one(name, &Due::Typed { to: to.clone() }).await?;
            Ok(Ending::Done)
        }
        (_, Some(_)) => {
            let message = "--to is about one agent";
            Err(Problems::one(Diagnostic::error(codes::NOT_ADDED, message)).into())
        }
        // Who names one is answered as for one.
        ([name], None) => {
            updating.own(name).await?;
            Ok(Ending::Done)
        }
        (names, None) => {
            let mut ending = Ending::Done;
            for name in names {
                updating.told(updating.own(name).await, &mut ending)?;
            }
            Ok(ending)
        }
    }
}

impl Updating<'_> {
    /// Everything that is behind: what a source or a tag has now, and higher versions under
    /// other tags.
    async fn behind(&self) -> anyhow::Result<Ending> {
        let mut seen = outdated(&self.errand)?;
        look_for_newer(&self.errand, &mut seen).await;
        self.each(seen).await
    }

    /// What is to be fetched again, of these agents or of all.
    async fn lost(&self, names: &[Name]) -> anyhow::Result<Ending> {
        for name in names {
            source(&self.errand, name)?;
        }
        let mut seen = outdated(&self.errand)?;
        seen.retain(|one| matches!(one.standing, Standing::Missing { .. }));
        seen.retain(|one| names.is_empty() || names.contains(&one.name));
        self.each(seen).await
    }

    async fn each(&self, seen: Vec<Seen>) -> anyhow::Result<Ending> {
        let mut ending = Ending::Done;
        let mut begun = false;
        for Seen { name, source, standing, .. } in seen {
            let due = match standing {
                Standing::Built | Standing::Current { .. } => continue,
                Standing::Refused(why) | Standing::Unknown { why, .. } => Err(Broken(why).into()),
                Standing::Other { .. } | Standing::Untaken { .. } | Standing::Moved { .. } => {
                    Ok(Due::Own { source })
                }
                // Who names a digest means these bytes for ever.
                Standing::Newer { version, source: to, .. } if is_for_ever(&source) => {
                    self.talk.say(&format!(
                        "`{name}` stays at its digest, and there is {version}; type: bailiwick update {name} --to {to}"
                    ));
                    begun = true;
                    continue;
                }
                Standing::Newer { source: to, .. } => Ok(Due::Newer { source, to }),
                Standing::Missing { source: from, .. } => Ok(Due::Lost { from }),
            };
            begun = true;
            let done = match due {
                Ok(due) => self.one(&name, &due).await,
                Err(why) => Err(why),
            };
            if done.is_err() {
                self.talk.say(&format!("`{name}`:"));
            }
            self.told(done, &mut ending)?;
        }
        if !begun {
            self.talk.say("nothing is to be updated");
        }
        Ok(ending)
    }

    /// What is wrong with one agent is no reason to leave the others behind.
    fn told(&self, done: anyhow::Result<()>, ending: &mut Ending) -> anyhow::Result<()> {
        let Err(error) = done else { return Ok(()) };
        match (error.downcast_ref::<Problems>(), error.downcast_ref::<Broken>()) {
            (Some(problems), _) | (_, Some(Broken(problems))) => self.talk.problems(problems),
            (None, None) => return Err(error),
        }
        *ending = Ending::Failed;
        Ok(())
    }

    async fn own(&self, name: &Name) -> anyhow::Result<()> {
        let source = source(&self.errand, name)?;
        self.one(name, &Due::Own { source }).await
    }

    async fn one(&self, name: &Name, due: &Due) -> anyhow::Result<()> {
        let (to, of) = match due {
            Due::Own { source } => (source, Some(source)),
            Due::Newer { source, to } => (to, Some(source)),
            Due::Typed { to } => (to, None),
            Due::Lost { from } => (from, None),
        };
        let pulled = fetched(&self.errand, to).await?;
        if let (Due::Lost { .. }, Some(pulled)) = (due, &pulled) {
            let found = restore(&self.errand, name, pulled).map_err(Broken)?;
            let version = &found.embedded.profile.version;
            self.talk.say(&format!(
                "`{name}` is {version}, as bailiwick.lock says: fetched again from {to}"
            ));
            return Ok(());
        }
        let offer = match (&pulled, of) {
            (Some(pulled), Some(of)) => Some(Offer::Instead { of, pulled }),
            (Some(pulled), None) => Some(Offer::Pulled(pulled)),
            // A file of its own is what it is at the moment in which it is taken.
            (None, Some(_)) => None,
            (None, None) => Some(Offer::Typed(to, &self.environment.folder)),
        };
        let updated = update((&self.errand, &self.config), name, offer, &self.consent).await;
        self.says(&updated.map_err(of_registry(pulled.as_ref()))?)
    }

    fn says(&self, updated: &Updated) -> anyhow::Result<()> {
        let Updated { name, candidate: found, before, outcome } = updated;
        stdout::write(&candidate(found))?;
        if let Some(differs) = other_tag(found) {
            self.talk.say(&differs);
        }
        let version = &found.embedded.profile.version;
        self.talk.say(&match (outcome, before) {
            (Outcome::Same, _) => format!("`{name}` is this already: nothing was changed"),
            (Outcome::Told, _) => {
                format!("`{name}` is this already; bailiwick.lock says more of it now")
            }
            (Outcome::Kept, _) => format!("`{name}` is this already, and is fetched again"),
            (Outcome::Changed, Some(before)) if before.source != found.source => format!(
                "`{name}` was {} from {}, and is {version} from {} from the next run on",
                before.version, before.source, found.source
            ),
            (Outcome::Changed, Some(before)) => {
                format!("`{name}` was {}, and is {version} from the next run on", before.version)
            }
            (Outcome::Changed, None) => format!("`{name}` is {version}, and pinned from now on"),
        });
        Ok(())
    }
}

fn is_for_ever(source: &str) -> bool {
    reference(source).is_ok_and(|meant| meant.digest().is_some())
}
