//! What a component changes that is to serve in the place of another one: rows for people, and those that somebody has to accept. Decides nothing else.

use std::collections::BTreeSet;

use bailiwick_policy::Effective;
use bailiwick_project::lock::is_lower;
use serde::{Deserialize, Serialize};

use super::fits;
use crate::asks::{asks, grown};
use crate::components::Agent;
use crate::powers::{CAPABILITIES, shown_grant, wanted};

/// One thing that is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What: `version`, `imports`, `wants http`, `grants http`, `input`, `output`.
    pub what: String,
    /// What it was; nothing where there was none.
    pub was: Option<String>,
    /// What it is now.
    pub is: Option<String>,
    /// Why it has to be accepted, where it has.
    pub accept: Option<String>,
}

/// The row of the version.
const VERSION: &str = "version";

impl Change {
    /// Whether it is about a lower version, which is taken on purpose of its own.
    #[must_use]
    pub fn is_downgrade(&self) -> bool {
        self.what == VERSION && self.accept.is_some()
    }

    fn of(what: impl Into<String>, was: Option<String>, is: Option<String>) -> Self {
        Self { what: what.into(), was, is, accept: None }
    }

    fn accepted(self, why: Option<String>) -> Self {
        Self { accept: why, ..self }
    }
}

/// Everything that is another one, in the order in which people weigh it. `highest` is the
/// highest version that the agent name ever had.
pub(crate) fn changes(was: &Agent, is: &Agent, highest: Option<&str>) -> Vec<Change> {
    let mut all = Vec::new();
    let some = |text: &str| Some(text.to_owned());
    if was.identity != is.identity {
        let why = Some("it is another component by its own word".to_owned());
        all.push(Change::of("identity", some(&was.identity), some(&is.identity)).accepted(why));
    }
    all.extend(version(was, is, highest));
    all.extend(imports(was, is));
    // Of what it imports without a want, the row of the imports tells.
    let asks = |agent: &Agent| asks(&agent.embedded, &[]);
    let more = grown(&asks(was), &asks(is));
    for capability in CAPABILITIES {
        let (before, now) = (wanted(was, capability), wanted(is, capability));
        if before != now {
            let is_its = |ask: &String| ask.split(' ').next() == Some(capability);
            let why = more.iter().any(is_its).then(|| "it asks for more".to_owned());
            all.push(Change::of(format!("wants {capability}"), before, now).accepted(why));
        }
    }
    all.extend(grants(&was.effective, &is.effective));
    all.extend(schemas(was, is));
    all
}

/// What was taken on purpose before, lower than the highest, serves on: another one of
/// that version is one more that is lower.
fn version(was: &Agent, is: &Agent, highest: Option<&str>) -> Option<Change> {
    let (before, now) = (&was.embedded.profile.version, &is.embedded.profile.version);
    if was.embedded.outline.digest == is.embedded.outline.digest {
        return None;
    }
    let above = highest.filter(|highest| is_lower(now, highest));
    let why = match above {
        _ if is_lower(now, before) => Some("it is lower".to_owned()),
        Some(highest) => Some(format!("it is lower than {highest}, which was there")),
        None => None,
    };
    (before != now || why.is_some())
        .then(|| Change::of(VERSION, Some(before.clone()), Some(now.clone())).accepted(why))
}

fn imports(was: &Agent, is: &Agent) -> Option<Change> {
    let sorted = |agent: &Agent| agent.imports.iter().cloned().collect::<BTreeSet<_>>();
    let (before, now) = (sorted(was), sorted(is));
    if before == now {
        return None;
    }
    let more: Vec<_> = now.difference(&before).cloned().collect();
    let why = (!more.is_empty()).then(|| format!("it imports {} as well", more.join(", ")));
    let shown = |set: BTreeSet<String>| {
        let joined = set.into_iter().collect::<Vec<_>>().join(", ");
        Some(joined).filter(|text| !text.is_empty())
    };
    Some(Change::of("imports", shown(before), shown(now)).accepted(why))
}

fn grants(was: &Effective, is: &Effective) -> Vec<Change> {
    // What is within the powers of before is not changed by cutting it down to them.
    let within = is.narrowed(was);
    let rows = CAPABILITIES.into_iter().filter_map(|capability| {
        let shown = |powers: &Effective| shown_grant(&powers.grants, capability);
        let (before, now) = (shown(was), shown(is));
        let why = (shown(&within) != now).then(|| "it may do more".to_owned());
        (before != now)
            .then(|| Change::of(format!("grants {capability}"), before, now).accepted(why))
    });
    rows.collect()
}

fn schemas(was: &Agent, is: &Agent) -> Vec<Change> {
    let mut all = Vec::new();
    let pairs = [
        ("input", was.schemas.0.value(), is.schemas.0.value(), fits::input as fn(_, _) -> _),
        ("output", was.schemas.1.value(), is.schemas.1.value(), fits::output as fn(_, _) -> _),
    ];
    for (what, before, now, fits) in pairs {
        if before != now {
            let why: Option<String> = fits(before, now);
            let is = match &why {
                Some(why) => format!("another schema that does not fit: {why}"),
                None => "another schema, which fits".to_owned(),
            };
            all.push(Change::of(what, None, Some(is)).accepted(why));
        }
    }
    all
}
