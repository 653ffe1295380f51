//! `bailiwick doctor`: whether this machine can run and build agents, and whether everything that bounds them holds on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bailiwick_engine::doctor::matrix::{Ground, Matrix, Proved, prove};
use bailiwick_engine::doctor::{Finding, Health, examine};
use bailiwick_engine::host::HostConfig;
use bailiwick_engine::load::Places;
use clap::Args;
use serde_json::{Value, json};

use crate::arguments::{DataPlace, ProjectPlace};
use crate::ending::Ending;
use crate::environment::Environment;
use crate::receiver::Web;
use crate::stdout;

/// Where to look.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: ProjectPlace,
    /// The data folder [default: PROJECT/.bailiwick]
    #[arg(long, value_name = "DIR")]
    data: Option<std::path::PathBuf>,
    /// Prints findings and matrix as one document
    #[arg(long)]
    json: bool,
}

pub(crate) async fn command(
    arguments: &Arguments,
    environment: &Environment,
) -> anyhow::Result<Ending> {
    // Outside of a project the machine can be looked at all the same.
    let places = environment.places(&arguments.place, &[]).or_else(|_| {
        let here =
            ProjectPlace { project: Some(environment.folder.clone()), ..arguments.place.clone() };
        environment.places(&here, &[])
    })?;
    let Places { project, .. } = &places;
    let data = DataPlace { project: Some(project.clone()), data: arguments.data.clone() };
    let host = environment.host(&environment.data(&data)?);
    let findings = examine(&host, &places).await;
    if !arguments.json {
        stdout::write(&findings.iter().map(line).collect::<String>())?;
    }
    let started = Instant::now();
    let matrix = matrix(&host, environment).await?;
    let took = started.elapsed();
    if arguments.json {
        stdout::write(&stdout::pretty(&document(&findings, &matrix, took)))?;
        stdout::write("\n")?;
    } else {
        stdout::write(&told(&matrix, took))?;
    }
    let bad = findings.iter().any(|finding| finding.health == Health::Bad);
    Ok(if bad || !matrix.holds() { Ending::Failed } else { Ending::Done })
}

/// Everything is tried in a folder that is gone afterwards, against a server of our own.
async fn matrix(host: &HostConfig, environment: &Environment) -> anyhow::Result<Matrix> {
    let folder = tempfile::tempdir().context("no folder to try it in")?;
    let web = Web::open().await.context("no server to try it against")?;
    let ground = Ground {
        folder: folder.path().to_path_buf(),
        receiver: Arc::new(web),
        uid: environment.uid,
    };
    prove(host, &ground).await.map_err(anyhow::Error::msg).context("the matrix does not run")
}

/// The matrix for people: what stands in the way, what was tried, what came of it.
fn told(matrix: &Matrix, took: Duration) -> String {
    let mut text = String::from("\nenforcement, each tried on this machine:\n");
    for proved in &matrix.rows {
        let Proved { row, found, breach } = proved;
        let mark = if breach.is_none() { "ok  " } else { "BAD " };
        text.push_str(&format!("{mark} {}: {}\n", row.guards.join(", "), row.attack));
        match breach {
            None => text.push_str(&format!("       {found}\n")),
            Some(breach) => text.push_str(&format!("       {}: {breach}\n", row.name)),
        }
    }
    let (ended, of) = matrix.neighbours;
    let held = matrix.rows.iter().filter(|proved| proved.breach.is_none()).count();
    text.push_str(&format!(
        "{held} of {} held; {ended} of {of} steps of neighbours ended as they should; {:.1} s\n",
        matrix.rows.len(),
        took.as_secs_f64()
    ));
    text
}

/// The same for scripts.
fn document(findings: &[Finding], matrix: &Matrix, took: Duration) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "subject": finding.subject,
            "health": match finding.health {
                Health::Good => "good",
                Health::Fair => "fair",
                Health::Bad => "bad",
            },
            "found": finding.found,
            "advice": finding.advice,
        })
    };
    let row = |proved: &Proved| {
        json!({
            "name": proved.row.name,
            "guards": proved.row.guards,
            "attack": proved.row.attack,
            "expected": proved.row.refusal.to_string(),
            "found": proved.found,
            "enforced": proved.breach.is_none(),
            "breach": proved.breach,
        })
    };
    json!({
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
        "matrix": {
            "rows": matrix.rows.iter().map(row).collect::<Vec<_>>(),
            "neighbours": { "ended": matrix.neighbours.0, "of": matrix.neighbours.1 },
            "seconds": took.as_secs_f64(),
        },
    })
}

fn line(finding: &Finding) -> String {
    let mark = match finding.health {
        Health::Good => "ok  ",
        Health::Fair => "note",
        Health::Bad => "BAD ",
    };
    let found = finding.found.replace('\n', "\n                ");
    let advice =
        finding.advice.as_ref().map(|advice| format!("{:16}{advice}\n", "")).unwrap_or_default();
    format!("{mark} {:10} {found}\n{advice}", finding.subject)
}
