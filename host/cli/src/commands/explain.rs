//! `bailiwick explain`: the page of a code.

use bailiwick_core::Diagnostic;
use bailiwick_engine::{Problems, codes};
use clap::Args;

use crate::ending::Ending;
use crate::stdout;

/// Which code.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A code such as E031
    code: String,
}

pub(crate) fn command(arguments: &Arguments) -> anyhow::Result<Ending> {
    let code = arguments.code.to_ascii_uppercase();
    let Some(page) = codes::page(&code) else {
        let hint = "codes stand in front of each problem, as E031";
        let unknown =
            Diagnostic::error(codes::NO_CODE, format!("there is no code {:?}", arguments.code))
                .hint(hint);
        return Err(Problems::one(unknown).into());
    };
    stdout::write(&format!("{}: {}\n\n{}\n", page.code, page.title, page.text))?;
    Ok(Ending::Done)
}
