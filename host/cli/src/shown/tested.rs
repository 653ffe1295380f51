//! What the cases of an agent say, for people and for scripts.

use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_engine::cases::{Fault, Tested};
use serde_json::{Value, json};

use super::compared::{detail, places};
use crate::words::many;

/// The most of an output that was not expected, in bytes: a few lines of a terminal.
const OUTPUT_MAX_BYTES: usize = 600;

/// All of them, and how many passed.
pub(crate) fn as_text(tested: &[Tested]) -> String {
    let failed = tested.iter().filter(|one| !one.faults.is_empty()).count();
    let cases: String = tested.iter().map(one).collect();
    let (all, passed) = (many(tested.len(), "case"), tested.len() - failed);
    format!("{cases}{all}: {passed} passed, {failed} failed\n")
}

fn one(tested: &Tested) -> String {
    let case = visible(&tested.case, Lines::Escape);
    if tested.faults.is_empty() {
        return format!("ok   {case}\n");
    }
    let faults: String = tested.faults.iter().map(told).collect();
    format!("BAD  {case}\n{faults}")
}

fn told(fault: &Fault) -> String {
    let line = |text: &str| format!("  {}\n", visible(text, Lines::Escape));
    match fault {
        Fault::Different(differences) => {
            format!("  the output is another one:\n{}", places(differences, ("expected", "found")))
        }
        Fault::Unlike(why) => line(&format!("the output is not like expected.schema.json: {why}")),
        Fault::Failed(failure) => line(&format!("no output: {failure}")),
        Fault::Succeeded(output) => {
            line(&format!("it has an output, and no failure: {}", clip(output, OUTPUT_MAX_BYTES)))
        }
        Fault::FailedOtherwise(failure) => line(&format!("it failed otherwise: {failure}")),
        Fault::Answers(what) => line(what),
        Fault::Recorded(comparison) => {
            format!("  it did something else than in the run:\n{}", detail(comparison))
        }
    }
}

/// One case, for scripts.
pub(crate) fn as_json(tested: &Tested) -> Value {
    let fault = |fault: &Fault| match fault {
        Fault::Different(differences) => json!({ "different": differences }),
        Fault::Unlike(why) => json!({ "unlike": why }),
        Fault::Failed(failure) => json!({ "failed": failure }),
        Fault::Succeeded(_) => json!({ "succeeded": true }),
        Fault::FailedOtherwise(failure) => json!({ "failed_otherwise": failure }),
        Fault::Answers(what) => json!({ "answers": what }),
        Fault::Recorded(comparison) => json!({ "recorded": detail(comparison) }),
    };
    json!({
        "case": tested.case,
        "passed": tested.faults.is_empty(),
        "faults": tested.faults.iter().map(fault).collect::<Vec<_>>(),
    })
}
