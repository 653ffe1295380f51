//! People of a host, as the admin names them, and what each may. Knows nothing of who is logged in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bailiwick_core::run::TIMEOUT;
use serde::{Deserialize, Serialize};

use crate::flow::Clearance;
use crate::labels::Label;

/// What stands before the number of an OS user whom no policy names.
const UNNAMED: &str = "uid:";

/// What a person may ask of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Start, pause and cancel runs.
    Submit,
    /// Answer questions that are put to one of his groups.
    Approve,
    /// Point an agent name at another component.
    Swap,
    /// Take a power or a component away from what runs.
    Revoke,
    /// Take a run out of the data folder.
    Export,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Submit, Self::Approve, Self::Swap, Self::Revoke, Self::Export];

    /// The word in `policy.toml`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Approve => "approve",
            Self::Swap => "swap",
            Self::Revoke => "revoke",
            Self::Export => "export",
        }
    }

    /// The right of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == word)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The OS user.
    pub uid: u32,
    /// The groups that questions are put to.
    pub groups: BTreeSet<String>,
    /// What he may. What is not in here he may not.
    pub may: BTreeSet<Right>,
    /// The most confidential that he may see; nothing: the lowest.
    #[serde(default)]
    pub clearance: Option<Label>,
}

/// Who asks something of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// His OS user, as the kernel says it.
    pub uid: u32,
    /// The OS user as whom the host runs.
    pub host: u32,
}

impl Caller {
    /// The OS user who runs the host himself: at the terminal, in a command.
    #[must_use]
    pub fn who_runs_it(uid: u32) -> Self {
        Self { uid, host: uid }
    }
}

/// Why somebody may not do what he asked for. The line in `policy.toml` that would allow it is the hint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthorized {
    /// No policy names this OS user.
    #[error("uid {uid} is nobody whom this host knows")]
    Unnamed {
        /// The OS user.
        uid: u32,
    },
    /// The person is named and has not the right.
    #[error("{name} may not {right}")]
    MayNot {
        /// The person.
        name: String,
        /// What he wanted.
        right: Right,
    },
    /// The person may answer questions, but not this one.
    #[error("{name} is in none of the groups {}", groups.join(", "))]
    NotInGroup {
        /// The person.
        name: String,
        /// Whom the question was put to.
        groups: Vec<String>,
    },
    /// The person may not see what it is about.
    #[error("{name} is cleared for {cleared}, and this is {label}")]
    NotCleared {
        /// The person.
        name: String,
        /// What he may see at most.
        cleared: String,
        /// The label of what he wanted to see.
        label: String,
    },
}

impl Unauthorized {
    /// What the admin would have to write.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unnamed { uid } => format!(
                "the admin names people in policy.toml: [people.NAME] uid = {uid}, groups = […], may = […]"
            ),
            Self::MayNot { name, right } => {
                format!(
                    "the admin would add \"{right}\" to `may` of [people.{name}] in policy.toml"
                )
            }
            Self::NotInGroup { name, groups } => format!(
                "the admin would add {:?} to `groups` of [people.{name}] in policy.toml",
                groups.first().map_or("", String::as_str)
            ),
            Self::NotCleared { name, label, .. } => match name.strip_prefix(UNNAMED) {
                Some(uid) => format!(
                    "the admin names people in policy.toml: [people.NAME] uid = {uid}, groups = […], may = […], clearance = {label:?}"
                ),
                None => format!(
                    "the admin would write clearance = {label:?} under [people.{name}] in policy.toml"
                ),
            },
        }
    }
}

/// Who may what on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum People {
    /// No policy names anybody: the OS user who runs the host is the one person, in every group, and may all.
    WhoRunsIt,
    /// The people of `policy.toml`, by name.
    Named(BTreeMap<String, Person>),
}

impl People {
    /// What facts call an OS user.
    #[must_use]
    pub fn name_of(&self, uid: u32) -> String {
        match self.person(uid) {
            Some((name, _)) => name.to_owned(),
            None => format!("{UNNAMED}{uid}"),
        }
    }

    /// The name under which somebody does what takes a right.
    ///
    /// # Errors
    /// [`Unauthorized`] where he has not got it.
    pub fn may(&self, caller: Caller, right: Right) -> Result<String, Unauthorized> {
        let unnamed = Unauthorized::Unnamed { uid: caller.uid };
        match (self, self.person(caller.uid)) {
            (Self::WhoRunsIt, _) if caller.uid == caller.host => Ok(self.name_of(caller.uid)),
            (Self::WhoRunsIt, _) | (_, None) => Err(unnamed),
            (_, Some((name, person))) if person.may.contains(&right) => Ok(name.to_owned()),
            (_, Some((name, _))) => Err(Unauthorized::MayNot { name: name.to_owned(), right }),
        }
    }

    /// The name under which somebody answers a question that is put to these groups.
    ///
    /// # Errors
    /// [`Unauthorized`] where he may answer none, or not this one.
    pub fn may_decide(&self, caller: Caller, groups: &[String]) -> Result<String, Unauthorized> {
        let name = self.may(caller, Right::Approve)?;
        match self.person(caller.uid) {
            Some((_, person)) if !person.is_in(groups) => {
                Err(Unauthorized::NotInGroup { name, groups: groups.to_vec() })
            }
            _ => Ok(name),
        }
    }

    /// Whether somebody of this name may answer a question that is put to these groups:
    /// what he said before counts as long as he still could say it.
    #[must_use]
    pub fn is_decider(&self, name: &str, groups: &[String]) -> bool {
        match self {
            Self::WhoRunsIt => name.starts_with(UNNAMED),
            Self::Named(people) => people
                .get(name)
                .is_some_and(|person| person.is_in(groups) && person.may.contains(&Right::Approve)),
        }
    }

    /// The most that somebody may see.
    #[must_use]
    pub fn clearance(&self, caller: Caller) -> Clearance {
        match (self, self.person(caller.uid)) {
            (Self::WhoRunsIt, _) if caller.uid == caller.host => Clearance::All,
            (_, Some((_, Person { clearance: Some(label), .. }))) => Clearance::UpTo(*label),
            _ => Clearance::UpTo(Label::LOWEST),
        }
    }

    /// Of those who may answer a question that is put to these groups, how many may see
    /// what has this label, and the names of those who may not.
    #[must_use]
    pub fn cleared_deciders(&self, groups: &[String], label: Label) -> (usize, Vec<&str>) {
        let Self::Named(people) = self else { return (1, Vec::new()) };
        let deciders = people
            .iter()
            .filter(|(_, person)| person.is_in(groups) && person.may.contains(&Right::Approve));
        let (mut cleared, mut others) = (0, Vec::new());
        for (name, person) in deciders {
            match person.clearance.unwrap_or(Label::LOWEST) >= label {
                true => cleared += 1,
                false => others.push(name.as_str()),
            }
        }
        (cleared, others)
    }

    /// How many people may answer a question that is put to these groups.
    #[must_use]
    pub fn deciders(&self, groups: &[String]) -> usize {
        match self {
            Self::WhoRunsIt => 1,
            Self::Named(people) => people
                .values()
                .filter(|person| person.is_in(groups) && person.may.contains(&Right::Approve))
                .count(),
        }
    }

    /// Whether a person of `policy.toml` can have this name: facts use some names for
    /// what is no person.
    #[must_use]
    pub fn is_reserved(name: &str) -> bool {
        name == TIMEOUT || name.starts_with(UNNAMED)
    }

    fn person(&self, uid: u32) -> Option<(&str, &Person)> {
        let Self::Named(people) = self else { return None };
        let found = people.iter().find(|(_, person)| person.uid == uid);
        found.map(|(name, person)| (name.as_str(), person))
    }
}

impl Person {
    fn is_in(&self, groups: &[String]) -> bool {
        groups.iter().any(|group| self.groups.contains(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(of: &[(&str, u32, &[&str], &[Right])]) -> People {
        let person = |(name, uid, groups, may): &(&str, u32, &[&str], &[Right])| {
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            let person =
                Person { uid: *uid, groups, may: may.iter().copied().collect(), clearance: None };
            ((*name).to_owned(), person)
        };
        People::Named(of.iter().map(person).collect())
    }

    fn uid(uid: u32) -> Caller {
        Caller { uid, host: 1 }
    }

    #[test]
    fn only_members_with_the_right_decide() {
        let people = people(&[
            ("ana", 7, &["editors"], &[Right::Approve]),
            ("bo", 8, &["editors"], &[Right::Submit, Right::Export]),
        ]);
        let editors = ["editors".to_owned()];
        let may = |caller, groups: &[String]| people.may_decide(caller, groups);
        assert_eq!(may(uid(7), &editors), Ok("ana".into()));
        assert_eq!(
            may(uid(7), &["legal".into()]).unwrap_err().to_string(),
            "ana is in none of the groups legal"
        );
        assert_eq!(may(uid(8), &editors).unwrap_err().to_string(), "bo may not approve");
        assert_eq!(may(uid(9), &editors), Err(Unauthorized::Unnamed { uid: 9 }));
        // That he runs the host does not make him one of the people that a policy names.
        assert_eq!(may(uid(1), &editors), Err(Unauthorized::Unnamed { uid: 1 }));
        assert_eq!(people.deciders(&editors), 1);
        assert!(people.is_decider("ana", &editors) && !people.is_decider("ana", &["legal".into()]));
        assert!(!people.is_decider("bo", &editors) && !people.is_decider("uid:1", &editors));
        assert_eq!(people.deciders(&["legal".into()]), 0);
    }

    #[test]
    fn each_right_is_asked_for_by_itself() {
        for held in Right::ALL {
            let people = people(&[("ana", 7, &[], &[held])]);
            for asked in Right::ALL {
                assert_eq!(people.may(uid(7), asked).is_ok(), asked == held, "{held} {asked}");
            }
        }
    }

    #[test]
    fn without_a_policy_only_who_runs_the_host_is_somebody() {
        let any = ["any".to_owned()];
        let host = Caller::who_runs_it(8);
        assert_eq!(People::WhoRunsIt.may_decide(host, &any), Ok("uid:8".into()));
        let other = Caller { uid: 9, host: 8 };
        assert!(People::WhoRunsIt.may_decide(other, &any).is_err());
        assert!(Right::ALL.iter().all(|right| People::WhoRunsIt.may(other, *right).is_err()));
    }

    #[test]
    fn who_is_not_cleared_sees_the_lowest_only() {
        let order = crate::labels::LabelOrder::usual();
        let mut people =
            people(&[("ana", 7, &["e"], &[Right::Approve]), ("bo", 8, &["e"], &[Right::Approve])]);
        if let People::Named(all) = &mut people {
            all.get_mut("ana").unwrap().clearance = order.find("internal");
        }
        let (public, internal) = (Label::LOWEST, order.find("internal").unwrap());
        assert_eq!(people.clearance(uid(7)), Clearance::UpTo(internal));
        assert_eq!(people.clearance(uid(8)), Clearance::UpTo(public));
        assert_eq!(
            people.clearance(uid(1)),
            Clearance::UpTo(public),
            "to run the host clears nobody"
        );
        let groups = ["e".to_owned()];
        assert_eq!(people.cleared_deciders(&groups, public), (2, Vec::new()));
        assert_eq!(people.cleared_deciders(&groups, internal), (1, vec!["bo"]));
        assert_eq!(people.cleared_deciders(&groups, order.highest()).0, 0);
        assert_eq!(People::WhoRunsIt.clearance(Caller::who_runs_it(8)), Clearance::All);
        assert_eq!(
            People::WhoRunsIt.clearance(Caller { uid: 9, host: 8 }),
            Clearance::UpTo(public)
        );
    }

    #[test]
    fn a_refusal_names_the_line_that_would_allow_it() {
        let people = people(&[("ana", 7, &["editors"], &[])]);
        let refused = people.may(uid(7), Right::Approve).unwrap_err();
        assert_eq!(
            refused.hint(),
            "the admin would add \"approve\" to `may` of [people.ana] in policy.toml"
        );
    }
}
