//! Passwords of keys, asked for on the terminal and shown nowhere.

use anyhow::{Context as _, bail};
use console::Term;

use crate::environment::Environment;

/// Asks for the password of a key.
pub(crate) fn ask(environment: &Environment, what: &str) -> anyhow::Result<String> {
    if !environment.terminals.stdin {
        bail!("{what}: it has a password, and there is no terminal to ask for it");
    }
    let terminal = Term::stderr();
    terminal.write_str(&format!("{what}: "))?;
    let password = terminal.read_secure_line().context("the terminal")?;
    Ok(password)
}

/// Asks for a new one, twice, because nobody sees what he types.
pub(crate) fn choose(environment: &Environment) -> anyhow::Result<String> {
    let first = ask(environment, "a password for the new key")?;
    if first.is_empty() {
        bail!("an empty password protects nothing; say --no-password where that is meant");
    }
    if ask(environment, "the same again")? != first {
        bail!("the two are not the same; nothing was made");
    }
    Ok(first)
}
