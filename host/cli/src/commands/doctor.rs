//! `bailiwick doctor`: whether this machine can run and build agents.

use bailiwick_engine::doctor::{Finding, Health, examine};
use bailiwick_engine::load::Places;
use clap::Args;

use crate::arguments::{DataPlace, ProjectPlace};
use crate::ending::Ending;
use crate::environment::Environment;
use crate::stdout;

/// Where to look.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: ProjectPlace,
    /// The data folder [default: PROJECT/.bailiwick]
    #[arg(long, value_name = "DIR")]
    data: Option<std::path::PathBuf>,
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
    let findings = examine(&environment.host(&environment.data(&data)?), &places).await;
    stdout::write(&findings.iter().map(line).collect::<String>())?;
    let bad = findings.iter().any(|finding| finding.health == Health::Bad);
    Ok(if bad { Ending::Failed } else { Ending::Done })
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
