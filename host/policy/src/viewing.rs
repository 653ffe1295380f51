//! Who may see what: a display is a sink with the clearance of whoever looks. Knows no run; what is looked at is said by the name of its label.

use crate::ceiling::Policy;
use crate::people::{Caller, Unauthorized};

impl Policy {
    /// Whether somebody may see what has this label, by the name that it had when it was
    /// written down. What says nothing has the label of a source that says nothing; a name
    /// that this policy does not have is above all of its own.
    ///
    /// # Errors
    /// [`Unauthorized::NotCleared`].
    pub fn may_see(&self, caller: Caller, label: Option<&str>) -> Result<(), Unauthorized> {
        let rules = &self.labels;
        let default = rules.source(None).label;
        let known = label.map_or(Some(default), |name| rules.order.find(name));
        let clearance = self.people.clearance(caller);
        if clearance.covers(known) {
            return Ok(());
        }
        Err(Unauthorized::NotCleared {
            name: self.people.name_of(caller.uid),
            cleared: clearance.show(&rules.order).to_owned(),
            label: label.unwrap_or(rules.order.name(default)).to_owned(),
        })
    }

    /// The name under which somebody answers a question that is put to these groups about
    /// something with this label: he must be able to see what he decides about.
    ///
    /// # Errors
    /// [`Unauthorized`] where he may answer none, or not this one.
    pub fn may_decide(
        &self,
        caller: Caller,
        groups: &[String],
        label: Option<&str>,
    ) -> Result<String, Unauthorized> {
        let name = self.people.may_decide(caller, groups)?;
        self.may_see(caller, label).map(|()| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::LabelRules;
    use crate::labels::Label;
    use crate::people::{People, Person, Right};

    fn policy(clearance: Option<&str>, labels: LabelRules) -> Policy {
        let clearance: Option<Label> = clearance.and_then(|name| labels.order.find(name));
        let (groups, may) = (["editors".to_owned()].into(), [Right::Approve].into());
        let ana = Person { uid: 7, groups, may, clearance };
        let people = People::Named([("ana".to_owned(), ana)].into());
        Policy { people, labels, ..Policy::built_in() }
    }

    #[test]
    fn who_looks_must_be_cleared_and_is_told_what_would_clear_him() {
        let caller = Caller { uid: 7, host: 1 };
        let internal = policy(Some("internal"), LabelRules::strict());
        assert_eq!(internal.may_see(caller, Some("internal")), Ok(()));
        let refused = internal.may_see(caller, Some("confidential")).unwrap_err();
        assert_eq!(refused.to_string(), "ana is cleared for internal, and this is confidential");
        assert_eq!(
            refused.hint(),
            "the admin would write clearance = \"confidential\" under [people.ana] in policy.toml"
        );
        assert!(internal.may_see(caller, None).is_err(), "what says nothing is highest");
        assert!(internal.may_see(caller, Some("of another policy")).is_err());
        let open = policy(None, LabelRules::built_in());
        assert_eq!(open.may_see(caller, None), Ok(()));
        assert!(open.may_see(caller, Some("internal")).is_err());
        assert_eq!(Policy::built_in().may_see(Caller::who_runs_it(3), Some("anything")), Ok(()));
    }

    #[test]
    fn nobody_decides_about_what_he_may_not_see() {
        let caller = Caller { uid: 7, host: 1 };
        let groups = ["editors".to_owned()];
        let policy = policy(Some("internal"), LabelRules::strict());
        assert_eq!(policy.may_decide(caller, &groups, Some("internal")), Ok("ana".into()));
        let refused = policy.may_decide(caller, &groups, Some("confidential"));
        assert!(matches!(refused, Err(Unauthorized::NotCleared { .. })));
        assert!(policy.may_decide(caller, &["legal".into()], Some("public")).is_err());
    }
}
