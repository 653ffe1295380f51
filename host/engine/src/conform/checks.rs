//! The checks of conformance: one row each, with what it asks and how it judges what was seen. Runs nothing.

use bailiwick_core::Bytes;
use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_core::text::{Lines, clip, visible};

use super::{Evidence, Ran, Tried, most};

/// One check.
pub struct Check {
    /// One word, for scripts and for the first column.
    pub name: &'static str,
    /// What it asks, as a statement that holds or not.
    pub asks: &'static str,
    how: fn(&Evidence) -> Found,
}

impl Check {
    pub(super) fn of(&self, seen: &Evidence) -> Found {
        (self.how)(seen)
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It holds; by what that is seen.
    Holds(String),
    /// It does not; the first thing that says so.
    Broken(String),
    /// Nothing that was seen says yes or no.
    Unseen(String),
}

use Found::{Broken, Holds, Unseen};

/// All checks, in the order in which they are worth mending.
pub const CHECKS: &[Check] = &[
    Check {
        name: "exports",
        asks: "it is a component that exports the contract's agent",
        how: |seen| match &seen.file {
            Err(why) => Broken(why.clone()),
            Ok(embedded) => Holds(format!(
                "contract {}, {}",
                embedded.contract,
                Bytes(embedded.outline.size_bytes as u64)
            )),
        },
    },
    Check {
        name: "imports",
        asks: "it imports what a host offers, and wants what it imports",
        how: |seen| match (&seen.file, &seen.admitted) {
            (Err(_), Err(why)) | (Ok(_), Err(why)) => Broken(why.clone()),
            (Err(_), Ok(())) => Unseen("what it wants is not in the file".into()),
            (Ok(embedded), Ok(())) => match super::powers(embedded).as_slice() {
                [] => Holds("no power at all".into()),
                powers => {
                    Holds(powers.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", "))
                }
            },
        },
    },
    Check {
        name: "profile",
        asks: "it says of itself what its file says",
        how: |seen| match (&seen.file, &seen.profile) {
            (Err(_), _) => Unseen("the file says nothing".into()),
            (_, Err(why)) => Broken(why.clone()),
            (_, Ok(false)) => {
                Broken("name, version, summary or a schema is another one: build it again".into())
            }
            (Ok(embedded), Ok(true)) => {
                Holds(format!("{} {}", embedded.profile.name, embedded.profile.version))
            }
        },
    },
    Check {
        name: "inputs",
        asks: "there are documents for its input schema, and its cases are such",
        how: |seen| match (seen.unfit.first(), seen.tried.len()) {
            (Some((what, why)), _) => Broken(format!("{what}: {why}")),
            (None, 0) => not_run(
                seen,
                "no document for its input schema was found; put one into cases/NAME/input.json",
            ),
            (None, count) => Holds(format!("{count} tried")),
        },
    },
    Check {
        name: "output",
        asks: "each output is a document of its output schema, with artifacts of its own",
        how: |seen| {
            let odd = |failure: &Failure| {
                matches!(failure.kind, FailureKind::OutOfSchema | FailureKind::ForeignArtifact)
            };
            let outputs = seen.tried.iter().filter(|tried| tried.first.end.is_ok()).count();
            match (first(seen, Tried::all, odd), outputs) {
                (Some(broken), _) => broken,
                (None, 0) => {
                    not_run(seen, "no input led to an output; put one into cases/NAME/input.json")
                }
                (None, some) => Holds(format!("{some} of {} inputs led to one", seen.tried.len())),
            }
        },
    },
    Check {
        name: "failures",
        asks: "where it has no output, it says why in the contract's words",
        how: |seen| {
            let untyped = |failure: &Failure| {
                matches!(
                    failure.kind,
                    FailureKind::Trap | FailureKind::Component | FailureKind::Host
                )
            };
            let said = |tried: &&Tried| tried.first.end.is_err();
            match (first(seen, Tried::with_all, untyped), seen.tried.len()) {
                (Some(broken), _) => broken,
                (None, 0) => not_run(seen, "no input was tried"),
                (None, _) => Holds(format!("{} typed", seen.tried.iter().filter(said).count())),
            }
        },
    },
    Check {
        name: "denials",
        asks: "without each power that it imports it ends with an output or a typed failure",
        how: |seen| {
            let lost = |failure: &Failure| !is_typed(failure);
            let count: usize = seen.tried.iter().map(|tried| tried.denied.len()).sum();
            match (first(seen, Tried::without, lost), count) {
                (Some(broken), _) => broken,
                (None, 0) => match &seen.file {
                    Ok(embedded)
                        if super::powers(embedded).is_empty() && !seen.tried.is_empty() =>
                    {
                        Holds("it imports none".into())
                    }
                    _ => not_run(seen, "no input was tried"),
                },
                (None, some) => Holds(format!("{some} survived")),
            }
        },
    },
    Check {
        name: "limits",
        asks: "it stays within the limits that hold where nobody says anything",
        how: |seen| {
            let over = |failure: &Failure| failure.kind == FailureKind::Limit;
            match (first(seen, Tried::all, over), seen.tried.len()) {
                (Some(broken), _) => broken,
                (None, 0) => not_run(seen, "no input was tried"),
                (None, _) => {
                    let most = most(seen);
                    Holds(format!(
                        "at most {} ms of CPU, {}, {} calls",
                        most.cpu_millis,
                        Bytes(most.memory_bytes),
                        most.gate_calls
                    ))
                }
            }
        },
    },
    Check {
        name: "repeats",
        asks: "the same input and answers lead to the same calls and the same end",
        how: |seen| {
            let other = |tried: &&Tried| {
                tried.first.calls != tried.second.calls || tried.first.end != tried.second.end
            };
            match (seen.tried.iter().find(other), seen.tried.len()) {
                (Some(tried), _) => Broken(format!("{}: {}", tried.input, difference(tried))),
                (None, 0) => not_run(seen, "no input was tried"),
                (None, count) => Holds(format!("{count} twice over")),
            }
        },
    },
];

/// An attempt, and under which circumstances it was made.
type Made<'t> = (String, &'t Ran);

impl Tried {
    fn with_all(&self) -> Vec<Made<'_>> {
        vec![(self.input.clone(), &self.first)]
    }

    fn without(&self) -> Vec<Made<'_>> {
        let without = |power: &str| format!("{}, without {power}", self.input);
        self.denied.iter().map(|(power, ran)| (without(power.as_str()), ran)).collect()
    }

    fn all(&self) -> Vec<Made<'_>> {
        [self.with_all(), self.without()].concat()
    }
}

/// The first attempt that failed so.
fn first(
    seen: &Evidence,
    which: fn(&Tried) -> Vec<Made<'_>>,
    failed: impl Fn(&Failure) -> bool,
) -> Option<Found> {
    let mut made = seen.tried.iter().flat_map(which);
    made.find_map(|(when, ran)| {
        let failure = ran.end.as_ref().err().filter(|failure| failed(failure))?;
        Some(Broken(format!("{when}: {failure}")))
    })
}

/// Whether an agent said it itself, in the contract's words.
fn is_typed(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::InvalidInput
            | FailureKind::Refused
            | FailureKind::Retryable
            | FailureKind::Fatal
    )
}

/// Why nothing was seen: what is wrong above, or else this.
fn not_run(seen: &Evidence, otherwise: &str) -> Found {
    let begun = seen.file.is_ok() && seen.admitted.is_ok() && seen.profile.is_ok();
    Unseen(if begun { otherwise.to_owned() } else { "it was not run".to_owned() })
}

fn difference(tried: &Tried) -> String {
    let (one, other) = (&tried.first, &tried.second);
    let calls = one.calls.iter().zip(&other.calls).position(|(one, other)| one != other);
    match calls {
        Some(at) => format!("call {at} asks something else the second time"),
        None if one.calls.len() != other.calls.len() => {
            format!("{} calls, then {}", one.calls.len(), other.calls.len())
        }
        None => format!("{}, then {}", end(one), end(other)),
    }
}

fn end(ran: &Ran) -> String {
    /// The beginning of an output tells which it is, and fits a line twice.
    const SHOWN_MAX_BYTES: usize = 80;
    match &ran.end {
        Ok(output) => {
            let text = output.text().map(|text| clip(text, SHOWN_MAX_BYTES)).unwrap_or_default();
            visible(text, Lines::Escape)
        }
        Err(failure) => failure.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::fact::{Capability, Used};
    use bailiwick_core::{Digest, Document};
    use serde_json::json;

    use super::*;

    fn ran(output: u32, calls: &[&str]) -> Ran {
        let call = |asked: &&str| (Capability::Model, Digest::of(asked.as_bytes()));
        Ran {
            end: Ok(Document::of(&json!(output))),
            used: Used::default(),
            calls: calls.iter().map(call).collect(),
        }
    }

    fn repeats(first: Ran, second: Ran) -> Found {
        let tried = Tried { input: "a document".into(), first, second, denied: Vec::new() };
        let evidence = Evidence {
            file: Err(String::new()),
            admitted: Ok(()),
            profile: Ok(true),
            unfit: Vec::new(),
            tried: vec![tried],
        };
        CHECKS.iter().find(|check| check.name == "repeats").unwrap().of(&evidence)
    }

    #[test]
    fn what_is_done_otherwise_the_second_time_is_told() {
        let told = |first, second| match repeats(first, second) {
            Broken(why) => why,
            other => panic!("{other:?}"),
        };
        assert!(matches!(repeats(ran(1, &["a"]), ran(1, &["a"])), Holds(_)));
        assert_eq!(told(ran(1, &[]), ran(2, &[])), "a document: 1, then 2");
        let other = told(ran(1, &["a", "b"]), ran(1, &["a", "c"]));
        assert_eq!(other, "a document: call 1 asks something else the second time");
        assert_eq!(told(ran(1, &["a"]), ran(1, &[])), "a document: 1 calls, then 0");
    }

    #[test]
    fn every_check_has_a_name_of_its_own() {
        let mut names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CHECKS.len());
    }
}
