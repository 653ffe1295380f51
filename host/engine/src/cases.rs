//! `test`: an agent's cases, each run on the answers that its author wrote or that a run was given, and what came of it held against what is expected. Reaches nobody, keeps nothing.

mod played;
mod read;
mod record;
mod recorded;
mod script;

use std::path::Path;
use std::sync::Arc;

use bailiwick_builder::{COMPONENT_BYTES_MAX, find_built, read_embedded};
use bailiwick_core::fact::Failure;
use bailiwick_core::recorded::RecordedAttempt;
use bailiwick_core::{Bytes, Diagnostic};
use serde_json::Value;

pub(crate) use self::read::{Case, cases};
use self::read::{Expected, FOLDER};
pub use self::record::{RecordRequest, record};
use self::recorded::{Beside, Recorded};
pub(crate) use self::script::Script;
use crate::codes;
use crate::components::code_of;
use crate::files;
use crate::host::{HostConfig, sandbox};
use crate::problems::Problems;
use crate::replay::{Comparison, Difference, Rehearsal, Stage, differences, replay};
use crate::rig::Rig;

/// One case, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// The name of its folder.
    pub case: String,
    /// What is not as expected; nothing where all is.
    pub faults: Vec<Fault>,
}

/// One thing that is not as a case expects.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The output is another one, here.
    Different(Vec<Difference>),
    /// The output is not like the schema of the case says.
    Unlike(String),
    /// There is no output.
    Failed(Failure),
    /// There is an output, and a failure was expected.
    Succeeded(String),
    /// It failed otherwise than expected.
    FailedOtherwise(Failure),
    /// It asked what the case has no answer to, or not what it has one to.
    Answers(String),
    /// It did something else than in the run that the case is from.
    Recorded(Comparison),
}

/// What a case is held against.
enum Against {
    /// What its author wrote.
    Written(Box<(Expected, Script)>),
    /// What happened in a run.
    Recorded(Box<(Recorded, RecordedAttempt)>),
}

impl Against {
    fn of(case: &Case) -> Result<Self, Problems> {
        match Recorded::read(&case.folder).map_err(Problems::one)? {
            Some(recorded) => Ok(Self::Recorded(Box::new(recorded))),
            None => Ok(Self::Written(Box::new((case.expected()?, case.script()?)))),
        }
    }
}

/// Runs the cases of a built agent; of one name only, where one is given.
///
/// # Errors
/// [`Problems`] where the agent is not built or not admitted, or a case cannot be read.
pub async fn test(
    config: &HostConfig,
    agent: &Path,
    only: Option<&str>,
) -> Result<Vec<Tested>, Problems> {
    let fail = |code, what: String| Problems::one(Diagnostic::error(code, what));
    let mut chosen = cases(agent)?;
    chosen.retain(|case| only.is_none_or(|name| case.name == name));
    if chosen.is_empty() {
        let what = match only {
            Some(name) => format!("{} has no case {name:?}", agent.join(FOLDER).display()),
            None if !agent.is_dir() => format!("{} is no folder of an agent", agent.display()),
            None => format!("{} has no cases", agent.display()),
        };
        return Err(fail(codes::BAD_CASE, what));
    }
    let mut against = Vec::with_capacity(chosen.len());
    let mut problems = Problems::default();
    for case in &chosen {
        match Against::of(case) {
            Ok(one) => against.push(one),
            Err(wrong) => problems.extend(wrong.diagnostics),
        }
    }
    problems.or(())?;
    let file = find_built(agent).map_err(|error| fail(codes::NOT_BUILT, error.to_string()))?;
    let bytes = files::read(&file, Bytes(COMPONENT_BYTES_MAX as u64))
        .map_err(|why| fail(codes::UNREADABLE, format!("{}: {why}", file.display())))?;
    let embedded = read_embedded(&bytes)
        .map_err(|error| fail(code_of(&error), format!("{}: {error}", file.display())))?;
    let refused = |why: String| {
        let hint = format!("type: bailiwick conform {}", agent.display());
        let what = format!("{}: {why}", file.display());
        Problems::one(Diagnostic::error(codes::NOT_ADMITTED, what).hint(hint))
    };
    let sandbox = Arc::new(sandbox(config)?);
    sandbox.prepare(&bytes).await.map_err(|error| refused(error.to_string()))?;
    let rig = Rig::of(sandbox, &embedded).map_err(|error| refused(error.to_string()))?;
    rig.admitted().map_err(|error| refused(error.to_string()))?;
    let mut tested = Vec::with_capacity(chosen.len());
    for (case, against) in chosen.into_iter().zip(against) {
        let faults = match against {
            Against::Written(written) => faults(&rig, &case, &written).await,
            Against::Recorded(recorded) => again(&rig, &case, *recorded).await,
        };
        tested.push(Tested { case: case.name, faults });
    }
    Ok(tested)
}

/// The attempt of then, on what it was told then.
async fn again(
    rig: &Rig,
    case: &Case,
    (recorded, attempt): (Recorded, RecordedAttempt),
) -> Vec<Fault> {
    let Recorded { run, judges, embedders, lowered, .. } = recorded;
    let blobs = Arc::new(Beside::of(&case.folder));
    let stage = Stage::new(rig.sandbox(), embedders, blobs, lowered);
    let rehearsal = Rehearsal { run, attempt, own: rig.generation(), judges };
    let compared = replay(&stage, vec![rehearsal], None).await;
    let comparisons = compared.into_iter().map(|one| one.comparison);
    let other = comparisons.filter(|one| !matches!(one, Comparison::Equal { .. }));
    other.map(Fault::Recorded).collect()
}

async fn faults(rig: &Rig, case: &Case, (expected, script): &(Expected, Script)) -> Vec<Fault> {
    case.files.iter().for_each(|(_, bytes, _)| rig.keep(bytes.clone()));
    let (answers, played) = script.play();
    let ran = rig.run(&case.input, &answers, None).await;
    let mut faults = match (&ran.end, &expected.failure) {
        (Ok(output), None) => against(&output.value(), expected),
        (Ok(output), Some(_)) => {
            vec![Fault::Succeeded(output.text().map(ToString::to_string).unwrap_or_default())]
        }
        (Err(failure), None) => vec![Fault::Failed(failure.clone())],
        (Err(failure), Some(wanted)) => {
            let same = failure.kind == wanted.kind && failure.message.contains(&wanted.contains);
            if same { Vec::new() } else { vec![Fault::FailedOtherwise(failure.clone())] }
        }
    };
    faults.extend(played.complaints().into_iter().map(Fault::Answers));
    faults
}

fn against(output: &Value, expected: &Expected) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(wanted) = expected.output.as_ref().filter(|wanted| *wanted != output) {
        faults.push(Fault::Different(differences(wanted, output)));
    }
    if let Some(Err(mismatch)) = expected.like.as_ref().map(|schema| schema.check(output)) {
        faults.push(Fault::Unlike(mismatch.to_string()));
    }
    faults
}
