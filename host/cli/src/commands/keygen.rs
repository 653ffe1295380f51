//! `bailiwick keygen`: a key to sign with, and its other half for everybody.

use std::path::PathBuf;

use bailiwick_engine::signing::keygen;
use clap::Args;

use crate::ending::Ending;
use crate::environment::Environment;
use crate::talk::Talk;
use crate::{password, stdout};

/// Where.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The secret key's file; the public one lies beside it and ends in .pub
    #[arg(value_name = "FILE", default_value = "me.key")]
    file: PathBuf,
    /// Whoever can read the file can sign with it
    #[arg(long)]
    no_password: bool,
}

pub(crate) fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let password = match arguments.no_password {
        true => None,
        false => Some(password::choose(environment)?),
    };
    let made = keygen(&arguments.file, password)?;
    talk.say(&format!("made {} (keep it) and {}", made.secret.display(), made.public.display()));
    talk.say("who admits what you sign writes into policy.toml, with your name for NAME:");
    stdout::write(&format!("[publishers.NAME]\nkeys = [{{ key = \"{}\" }}]\n", made.key.as_str()))?;
    Ok(Ending::Done)
}
