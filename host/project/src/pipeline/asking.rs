//! `people = { … }` of a judge: who is asked, how many must agree, and for how long. Asks nobody.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::ops::Range;
use std::time::Duration;

use bailiwick_core::Name;
use bailiwick_core::units::show_duration;
use bailiwick_policy::People;
use toml::Spanned;

use crate::codes;
use crate::entries::Entries;
use crate::findings::Findings;
use crate::nearest::did_you_mean;
use crate::plan::{Asking, OnTimeout, Timeout};

/// The shortest time of a question: a person needs longer to read it.
const TIME_MIN: Duration = Duration::from_secs(1);

pub(super) struct AuthoredPeople {
    pub(super) groups: Vec<Spanned<String>>,
    pub(super) asking: Asking,
    quorum_span: Option<Range<usize>>,
}

/// Takes the table apart and judges its times against each other.
pub(super) fn read(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> AuthoredPeople {
    let (after, remind) = (table.duration("timeout"), table.duration("remind"));
    for (key, time) in [("timeout", after), ("remind", remind)] {
        if time.is_some_and(|time| time < TIME_MIN)
            && let Some(node) = table.node(key)
        {
            let message = format!("`{key}` is at least \"{}\"", show_duration(TIME_MIN));
            findings.report(codes::BAD_ASKING, node.span(), message);
        }
    }
    if let (Some(after), Some(remind), Some(node)) = (after, remind, table.node("remind"))
        && remind >= after
        && after >= TIME_MIN
    {
        let message = "the question is decided before anybody is reminded of it";
        let hint = format!("`remind` is shorter than `timeout`, which is {}", show_duration(after));
        findings.report_with(codes::BAD_ASKING, node.span(), message, hint);
    }
    if let (Some(span), None) = (table.key_span("on-timeout"), table.node("timeout")) {
        let message = "`on-timeout` says nothing without `timeout`";
        findings.report_with(codes::BAD_ASKING, span, message, "add `timeout = \"48 h\"`");
    }
    let then = match table.text("on-timeout").as_ref().map(|text| text.get_ref().as_str()) {
        Some("approve") => OnTimeout::Approve,
        _ => OnTimeout::Reject,
    };
    let quorum = table.whole::<u32>("quorum").and_then(NonZeroU32::new);
    AuthoredPeople {
        groups: table.texts("groups"),
        asking: Asking {
            quorum: quorum.unwrap_or(NonZeroU32::MIN),
            timeout: after.map(|after| Timeout { after, then }),
            remind,
        },
        quorum_span: table.node("quorum").map(Spanned::span),
    }
}

impl AuthoredPeople {
    /// Judges whether those who are asked can answer.
    pub(super) fn check(
        &self,
        step: &Name,
        key: Range<usize>,
        people: &People,
        findings: &mut Findings<'_>,
    ) {
        if self.groups.is_empty() {
            findings.report(codes::UNKNOWN_GROUP, key, format!("`{step}` asks no group"));
            return;
        }
        let known = groups_of(people);
        let mut answerable = true;
        for group in self.groups.iter().filter(|group| !is_answered(people, group.get_ref())) {
            answerable = false;
            let name = group.get_ref();
            let (message, hint) = if known.contains(name.as_str()) {
                let hint =
                    "the admin adds \"approve\" to `may` of one of them, in policy.toml".to_owned();
                (format!("nobody in the group {name:?} may approve"), hint)
            } else {
                let hint = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| {
                    "the admin names people and their groups in policy.toml, as [people.NAME]"
                        .to_owned()
                });
                (format!("nobody is in the group {name:?}"), hint)
            };
            findings.report_with(codes::UNKNOWN_GROUP, group.span(), message, hint);
        }
        let groups: Vec<_> = self.groups.iter().map(|group| group.get_ref().clone()).collect();
        let (wanted, there) = (self.asking.quorum.get(), people.deciders(&groups));
        if let Some(span) = self.quorum_span.clone().filter(|_| answerable)
            && u64::from(wanted) > u64::try_from(there).unwrap_or(u64::MAX)
        {
            let message = match there {
                1 => format!("`quorum` is {wanted}, and there is one person who may answer"),
                _ => format!("`quorum` is {wanted}, and there are {there} people who may answer"),
            };
            let hint = match people {
                People::WhoRunsIt => {
                    "without policy.toml there is one person: the admin names others there, as [people.NAME]"
                }
                People::Named(_) => "lower it, ask more groups, or ask the admin for more people",
            };
            findings.report_with(codes::QUORUM_OUT_OF_REACH, span, message, hint);
        }
    }
}

fn groups_of(people: &People) -> BTreeSet<&str> {
    match people {
        People::WhoRunsIt => BTreeSet::new(),
        People::Named(people) => {
            people.values().flat_map(|person| person.groups.iter().map(String::as_str)).collect()
        }
    }
}

fn is_answered(people: &People, group: &str) -> bool {
    people.deciders(&[group.to_owned()]) > 0
}
