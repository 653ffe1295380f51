//! `bailiwick pack`: a built component is signed, to be shipped.

use std::path::PathBuf;

use bailiwick_engine::pack::{Packed, pack};
use bailiwick_engine::signing::KeyFile;
use clap::Args;

use crate::ending::Ending;
use crate::environment::Environment;
use crate::talk::Talk;
use crate::{password, stdout};

/// What, and with which key.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder of a built agent, or a component
    #[arg(value_name = "DIR|FILE")]
    path: PathBuf,
    /// The secret key to sign with: `bailiwick keygen` or `minisign -G` makes one
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// As whom [default: [pack] publisher in agent.toml]
    #[arg(long, value_name = "NAME")]
    publisher: Option<String>,
}

pub(crate) fn command(
    arguments: &Arguments,
    environment: &Environment,
    talk: &Talk,
) -> anyhow::Result<Ending> {
    let key = KeyFile::read(&arguments.key)?;
    let password = match key.has_password() {
        true => Some(password::ask(
            environment,
            &format!("the password of {}", arguments.key.display()),
        )?),
        false => None,
    };
    let key = key.open(password)?;
    let packed = pack(&arguments.path, arguments.publisher.as_deref(), &key)?;
    let Packed { component, signature, statement, key } = packed;
    talk.say(&format!("signed with key {key}: {statement}"));
    talk.say(&format!(
        "ship both; who has the key checks: minisign -Vm {} -p KEY.pub",
        component.display()
    ));
    stdout::write(&format!("{}\n{}\n", component.display(), signature.display()))?;
    Ok(Ending::Done)
}
