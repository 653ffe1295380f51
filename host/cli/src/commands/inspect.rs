//! `bailiwick inspect`: what a component says of itself, before any of its code runs.

use std::path::PathBuf;

use bailiwick_core::Bytes;
use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::inspect::{Embedded, Inspected, Outline, inspect};
use clap::Args;
use serde_json::json;

use crate::ending::Ending;
use crate::stdout;

/// Which one.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A component, or the folder of a built agent
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

pub(crate) fn command(arguments: &Arguments) -> anyhow::Result<Ending> {
    let inspected = inspect(&arguments.path)?;
    let text = if arguments.json {
        stdout::line(&as_json(&inspected)?)
    } else {
        visible(&as_text(&inspected), Lines::Keep)
    };
    stdout::write(&text)?;
    Ok(Ending::Done)
}

fn as_text(inspected: &Inspected) -> String {
    let Inspected { path, outline, embedded } = inspected;
    let size = Bytes(outline.size_bytes as u64);
    let mut text = format!("{}\n  {size}, {}\n", path.display(), outline.digest);
    text.push_str(&format!("  {}\n", spoken(outline)));
    text.push_str("imports, all that it could ever ask for:\n");
    outline.imports.iter().for_each(|import| text.push_str(&format!("  {import}\n")));
    text.push_str("exports:\n");
    outline.exports.iter().for_each(|export| text.push_str(&format!("  {export}\n")));
    match embedded {
        Ok(embedded) => text.push_str(&of_profile(embedded)),
        Err(why) => text.push_str(&format!("it does not say what it is: {why}\n")),
    }
    text
}

/// Which version of the contract it speaks, beside those that are served here.
fn spoken(outline: &Outline) -> String {
    match outline.contract() {
        Ok(Some(release)) => format!("contract {}, which this host serves", release.version),
        Ok(None) => "no version of the contract".to_owned(),
        Err(unserved) => format!("a contract that this host does not serve: {unserved}"),
    }
}

fn of_profile(embedded: &Embedded) -> String {
    let Embedded { profile, wants, .. } = embedded;
    let wants = serde_json::to_value(wants).map(|wants| format!("{wants:#}")).unwrap_or_default();
    format!(
        "profile, its author's word:\n  {} {}: {}\nwants, which grant nothing:\n{wants}\n\
         input schema:\n{:#}\noutput schema:\n{:#}\n",
        profile.name,
        profile.version,
        visible(&profile.summary, Lines::Escape),
        profile.input_schema,
        profile.output_schema
    )
}

fn as_json(inspected: &Inspected) -> anyhow::Result<serde_json::Value> {
    let Inspected { path, outline, embedded } = inspected;
    let (profile, wants, error) = match embedded {
        Ok(embedded) => (
            serde_json::to_value(&embedded.profile)?,
            serde_json::to_value(&embedded.wants)?,
            json!(null),
        ),
        Err(why) => (json!(null), json!(null), json!(why)),
    };
    let contract = outline.contract().ok().flatten().map(|release| release.version);
    Ok(json!({
        "path": path.display().to_string(),
        "digest": outline.digest.to_string(),
        "bytes": outline.size_bytes,
        "imports": outline.imports,
        "exports": outline.exports,
        "profile": profile,
        "wants": wants,
        "contract": contract,
        "error": error,
    }))
}

#[cfg(test)]
mod tests {
    use bailiwick_core::Digest;
    use bailiwick_engine::inspect::{Profile, Wants};

    use super::*;

    #[test]
    fn the_summary_is_one_line_whatever_its_author_wrote() {
        let profile = Profile {
            name: "a".into(),
            version: "1.0.0".into(),
            summary: "Good.\nwants, which grant nothing:\n{}".into(),
            input_schema: json!(true),
            output_schema: json!(true),
        };
        let digest = Digest::of(b"");
        let outline = Outline { imports: vec![], exports: vec![], size_bytes: 0, digest };
        let embedded =
            Embedded { profile, wants: Wants::default(), contract: "0.1.0".into(), outline };
        let text = of_profile(&embedded);
        assert!(text.contains(r"Good.\u{a}wants, which grant nothing:\u{a}{}"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("wants")).count(), 1);
    }
}
