//! The checks of conformance: one row each, with what it asks and how it judges what was seen. Runs nothing.

use bailiwick_core::Bytes;
use bailiwick_core::fact::{Capability, Failure, FailureKind};
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
            let powers = seen.file.as_ref().map(super::powers).unwrap_or_default();
            survived(seen, &powers)
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
            let mut twice = seen.tried.iter().filter_map(Tried::twice);
            let count = twice.clone().count();
            let other = |(_, one, other): &(&str, &Ran, &Ran)| {
                one.calls != other.calls || one.end != other.end
            };
            match twice.find(other) {
                Some((input, one, other)) => Broken(format!("{input}: {}", difference(one, other))),
                None if seen.tried.is_empty() => not_run(seen, "no input was tried"),
                None if count == 0 => Unseen(AT_A_LIMIT.into()),
                None => Holds(format!("{count} twice over")),
            }
        },
    },
];

/// Why some checks have nothing to go by, though inputs were tried.
const AT_A_LIMIT: &str = "every input that was tried led to a limit";

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

    /// The powers that it asked for and was denied.
    fn denials(&self) -> impl Iterator<Item = Capability> {
        let asked = |(power, ran): &&(Capability, Ran)| ran.calls.iter().any(|(of, _)| of == power);
        self.denied.iter().filter(asked).map(|(power, _)| *power)
    }

    /// Both of its attempts with everything, where there are two.
    fn twice(&self) -> Option<(&str, &Ran, &Ran)> {
        Some((&self.input, &self.first, self.second.as_ref()?))
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

/// What came of its denials; one that it never met says nothing.
fn survived(seen: &Evidence, powers: &[Capability]) -> Found {
    let lost = |failure: &Failure| !is_typed(failure);
    let met: Vec<Capability> = seen.tried.iter().flat_map(Tried::denials).collect();
    let unasked = powers.iter().filter(|power| !met.contains(power));
    let unasked: Vec<&str> = unasked.map(|power| power.as_str()).collect();
    let never = format!("no input led it to ask for {}", unasked.join(", "));
    match (first(seen, Tried::without, lost), met.len()) {
        (Some(broken), _) => broken,
        (None, _) if seen.tried.is_empty() => not_run(seen, "no input was tried"),
        (None, _) if powers.is_empty() => Holds("it imports none".into()),
        (None, _) if seen.tried.iter().all(|tried| tried.denied.is_empty()) => {
            Unseen(AT_A_LIMIT.into())
        }
        (None, 0) => Unseen(never),
        (None, some) if unasked.is_empty() => Holds(format!("{some} survived")),
        (None, some) => Holds(format!("{some} survived; {never}")),
    }
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

fn difference(one: &Ran, other: &Ran) -> String {
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
    use bailiwick_core::fact::Used;
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

    fn seen(tried: Tried) -> Evidence {
        Evidence {
            file: Err(String::new()),
            admitted: Ok(()),
            profile: Ok(true),
            unfit: Vec::new(),
            tried: vec![tried],
        }
    }

    fn tried(first: Ran, second: Option<Ran>, denied: Vec<(Capability, Ran)>) -> Tried {
        Tried { input: "a document".into(), first, second, denied }
    }

    fn repeats(first: Ran, second: Option<Ran>) -> Found {
        let evidence = seen(tried(first, second, Vec::new()));
        CHECKS.iter().find(|check| check.name == "repeats").unwrap().of(&evidence)
    }

    #[test]
    fn what_is_done_otherwise_the_second_time_is_told() {
        let told = |first, second| match repeats(first, Some(second)) {
            Broken(why) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(repeats(ran(1, &["a"]), Some(ran(1, &["a"]))), Holds("1 twice over".into()));
        assert_eq!(told(ran(1, &[]), ran(2, &[])), "a document: 1, then 2");
        let other = told(ran(1, &["a", "b"]), ran(1, &["a", "c"]));
        assert_eq!(other, "a document: call 1 asks something else the second time");
        assert_eq!(told(ran(1, &["a"]), ran(1, &[])), "a document: 1 calls, then 0");
        // What was not done again says nothing.
        assert_eq!(repeats(ran(1, &[]), None), Unseen(AT_A_LIMIT.into()));
    }

    #[test]
    fn a_denial_that_was_never_met_is_not_survived() {
        let denials = |tried| survived(&seen(tried), &[Capability::Model, Capability::Kv]);
        let asked = |power, calls: &[&str]| (power, ran(1, calls));
        let both = vec![asked(Capability::Model, &[]), asked(Capability::Kv, &[])];
        let none = denials(tried(ran(1, &[]), Some(ran(1, &[])), both));
        assert_eq!(none, Unseen("no input led it to ask for model, kv".into()));
        let one = vec![asked(Capability::Model, &["a"]), asked(Capability::Kv, &["a"])];
        let one = denials(tried(ran(1, &["a"]), Some(ran(1, &["a"])), one));
        assert_eq!(one, Holds("1 survived; no input led it to ask for kv".into()));
        let limit = denials(tried(ran(1, &["a"]), None, Vec::new()));
        assert_eq!(limit, Unseen(AT_A_LIMIT.into()));
    }

    #[test]
    fn every_check_has_a_name_of_its_own() {
        let mut names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CHECKS.len());
    }
}
