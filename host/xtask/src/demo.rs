//! The reference campaign, from nothing to its gallery, with the built-in model.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::command::Program;
use crate::guests;
use crate::timing::Stages;

const PROJECT: &str = "examples/10-campaign";

/// Runs the campaign into `out`, or into `target/demo`, which is emptied before.
pub(crate) fn run(out: Option<&Path>, stages: &mut Stages) -> Result<()> {
    guests::build_all(stages)?;
    let own = crate::root().join("target/demo");
    let data = crate::root().join("target/demo-data");
    remove(&data)?;
    let out = match out {
        Some(folder) => std::path::absolute(folder)?,
        None => {
            remove(&own)?;
            own
        }
    };
    stages.run("campaign", || campaign(&out, &data))?;
    let gallery = out.join("index.html");
    if !gallery.is_file() {
        bail!("the campaign is done and {} is not there", gallery.display());
    }
    println!("gallery: {}", gallery.display());
    Ok(())
}

fn campaign(out: &Path, data: &Path) -> Result<()> {
    let project = PathBuf::from(PROJECT);
    Program::new(guests::bailiwick()?)
        .args(["run", "campaign", "--project"])
        .arg(&project)
        .arg("--input")
        .arg(project.join("brief.json"))
        .arg("--decisions")
        .arg(project.join("decisions.toml"))
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(out)
        .run()
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}
