//! What serves new runs of a project in the place of its own files, for who looks at these. Swaps nothing.

use bailiwick_store::{Served, SlotName};

use super::Slot;
use crate::components::own_file;
use crate::generations::holds;
use crate::history::History;
use crate::load::Opened;
use crate::pinned::{project, storage};
use crate::problems::Problems;

/// The agent names of a project that point at something else than their files. Where a file
/// is another one since it was swapped, the file serves, and its agent is not among these.
///
/// # Errors
/// [`Problems`] where the data folder cannot be read.
pub async fn instead(history: &History, opened: &Opened) -> Result<Vec<Slot>, Problems> {
    let root = project(&opened.root);
    let mut found = Vec::new();
    for (SlotName { project, agent }, state) in history.archive().slots().await.map_err(storage)? {
        let Some(served) = state.serves.filter(|_| project == root) else { continue };
        // What is wrong with its file is told by whoever checks it.
        let Ok(own) = own_file(opened, &agent) else { continue };
        if holds(&served, own) && served.component != own.0 {
            let Served { component, was, back, by, at, .. } = served;
            found.push(Slot { project, agent, component, was, back, by, at });
        }
    }
    Ok(found)
}
