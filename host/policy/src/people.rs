//! People and groups of a host, as the admin names them. Knows nothing of who is logged in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// One person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The OS user.
    pub uid: u32,
    /// The groups that questions are put to.
    pub groups: BTreeSet<String>,
}

/// Who may answer questions on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum People {
    /// No policy names anybody: the OS user who runs the host is the one person, in every group.
    WhoRunsIt,
    /// The people of `policy.toml`, by name.
    Named(BTreeMap<String, Person>),
}

impl People {
    /// What facts call an OS user.
    #[must_use]
    pub fn name_of(&self, uid: u32) -> String {
        match self {
            Self::WhoRunsIt => format!("uid:{uid}"),
            Self::Named(people) => people
                .iter()
                .find(|(_, person)| person.uid == uid)
                .map_or_else(|| format!("uid:{uid}"), |(name, _)| name.clone()),
        }
    }

    /// The name under which the OS user decides, where he is in one of the groups.
    #[must_use]
    pub fn member(&self, uid: u32, groups: &[String]) -> Option<String> {
        match self {
            Self::WhoRunsIt => Some(format!("uid:{uid}")),
            Self::Named(people) => people
                .iter()
                .find(|(_, person)| {
                    person.uid == uid && groups.iter().any(|g| person.groups.contains(g))
                })
                .map(|(name, _)| name.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_members_of_the_group_decide() {
        let ana = Person { uid: 7, groups: ["editors".to_owned()].into() };
        let people = People::Named([("ana".to_owned(), ana)].into());
        assert_eq!(people.member(7, &["editors".into()]), Some("ana".into()));
        assert_eq!(people.member(7, &["legal".into()]), None);
        assert_eq!(people.member(8, &["editors".into()]), None);
        assert_eq!(People::WhoRunsIt.member(8, &["any".into()]), Some("uid:8".into()));
    }
}
