//! `decisions.toml`, read from disk and judged against the plan.

use std::path::Path;

use bailiwick_project::{Decisions, Plan};

use crate::files;
use crate::problems::Problems;

/// Reads the answers that people gave ahead of time.
pub(crate) fn read(path: &Path, plan: &Plan) -> Result<Decisions, Problems> {
    let shown = path.display().to_string();
    let text = files::text(path, &shown).map_err(Problems::one)?;
    let mut problems = Problems::default();
    problems.sources.insert(shown.clone(), text.clone());
    match Decisions::read(&shown, &text) {
        Ok(decisions) => {
            problems.extend(decisions.check(plan));
            problems.or(decisions)
        }
        Err(found) => {
            problems.extend(found);
            Err(problems)
        }
    }
}
