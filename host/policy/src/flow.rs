//! What a policy says of labels: of sources, of sinks, and who may lower them. Knows no pipeline; what is read and written by whom is said to it.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::Name;
use serde::{Deserialize, Serialize};

use crate::http::HttpRule;
use crate::intersect::is_below;
use crate::labels::{Label, LabelOrder};
use crate::route::{Origin, Route};

/// The labels of `policy.toml`, parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelRules {
    /// From the lowest to the highest.
    pub order: LabelOrder,
    /// The label of a source that has none; nothing: the highest. A sink without
    /// clearance is cleared for the lowest, whatever stands here.
    pub unlabelled: Option<Label>,
    /// What is said of each origin.
    pub origins: BTreeMap<Origin, OriginRule>,
    /// The least label of what lies below a folder (absolute, normalised; whoever knows the
    /// disk adds where its links lead).
    pub roots: BTreeMap<String, Label>,
    /// Who may lower what.
    pub declassify: Vec<Declassify>,
}

/// What a policy says of one origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginRule {
    /// The most confidential that may be sent there.
    pub clearance: Option<Label>,
    /// The label of what comes from there.
    pub label: Option<Label>,
}

/// One rule that lowers labels: whoever may release what is confidential may release
/// what is less so, hence it holds for every label up to `from`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declassify {
    /// The highest label that it lowers.
    pub from: Label,
    /// What it lowers to.
    pub to: Label,
    /// Groups whose members may do it.
    pub by: BTreeSet<String>,
    /// The pipelines in which they may.
    pub pipelines: BTreeSet<Name>,
    /// Whether who submitted the run counts to the quorum.
    pub own: bool,
}

/// A label or a clearance, and whether somebody said it or it is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// What holds.
    pub label: Label,
    /// Whether no file says it.
    pub defaulted: bool,
}

impl Said {
    fn of(stated: Option<Label>, default: Label) -> Self {
        Self { label: stated.unwrap_or(default), defaulted: stated.is_none() }
    }
}

/// The most that somebody or something may receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clearance {
    /// Everything, whatever it is called.
    All,
    /// Up to this label.
    UpTo(Label),
}

impl Clearance {
    /// Whether it covers a label; one that the policy of now does not know is above all of its own.
    #[must_use]
    pub fn covers(self, label: Option<Label>) -> bool {
        match (self, label) {
            (Self::All, _) => true,
            (Self::UpTo(most), Some(label)) => label <= most,
            (Self::UpTo(_), None) => false,
        }
    }

    /// Its name, for people.
    #[must_use]
    pub fn show(self, order: &LabelOrder) -> &str {
        match self {
            Self::All => "everything",
            Self::UpTo(label) => order.name(label),
        }
    }
}

impl LabelRules {
    /// What holds without `policy.toml`: what nobody labelled is public. A label that a
    /// project gives is held all the same.
    #[must_use]
    pub fn built_in() -> Self {
        Self { unlabelled: Some(Label::LOWEST), ..Self::strict() }
    }

    /// What a `policy.toml` begins with: a source that has no label has the highest.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            order: LabelOrder::usual(),
            unlabelled: None,
            origins: BTreeMap::new(),
            roots: BTreeMap::new(),
            declassify: Vec::new(),
        }
    }

    /// The label of a source that says this of itself.
    #[must_use]
    pub fn source(&self, stated: Option<Label>) -> Said {
        Said::of(stated, self.unlabelled.unwrap_or(self.order.highest()))
    }

    /// The clearance of a sink of which this is said.
    #[must_use]
    pub fn sink(&self, stated: Option<Label>) -> Said {
        Said::of(stated, Label::LOWEST)
    }

    /// The label of a folder (absolute, without links): its own, and at least that of each
    /// root above it, and of each below it, because whoever reads a folder reads all that is
    /// in it.
    #[must_use]
    pub fn folder(&self, stated: Option<Label>, folder: &str) -> Said {
        let is_in = |root: &str| is_below(folder, root) || is_below(root, folder);
        self.at_least(stated, self.roots.iter().filter(|(root, _)| is_in(root)))
    }

    /// The label of what was read from single files (absolute, without links): its own, and
    /// at least that of each root above one of them.
    #[must_use]
    pub fn files<'p>(
        &self,
        stated: Option<Label>,
        files: impl Iterator<Item = &'p str> + Clone,
    ) -> Said {
        let has = |root: &str| files.clone().any(|file| is_below(file, root));
        self.at_least(stated, self.roots.iter().filter(|(root, _)| has(root)))
    }

    fn at_least<'r>(
        &self,
        stated: Option<Label>,
        roots: impl Iterator<Item = (&'r String, &'r Label)>,
    ) -> Said {
        let said = self.source(stated);
        match roots.map(|(_, least)| *least).max() {
            Some(least) if least >= said.label => Said { label: least, defaulted: false },
            _ => said,
        }
    }

    /// What may be sent to an origin.
    #[must_use]
    pub fn clearance_of(&self, origin: &Origin) -> Said {
        self.sink(self.origins.get(origin).and_then(|rule| rule.clearance))
    }

    /// What may be sent along a route; nothing for the built-in one, which is no sink.
    #[must_use]
    pub fn route(&self, route: &Route) -> Option<Said> {
        match (&route.origin, &route.base) {
            (Some(origin), _) => Some(self.clearance_of(origin)),
            (None, Some(_)) => Some(self.sink(None)),
            (None, None) => None,
        }
    }

    /// The label of what a model on this route answers, where the policy gives it one.
    #[must_use]
    pub fn answers_of(&self, route: &Route) -> Option<Label> {
        self.origins.get(route.origin.as_ref()?)?.label
    }

    /// What may be sent to the hosts of a rule. Below a pattern there is always one that
    /// nobody named, and the least cleared counts.
    #[must_use]
    pub fn web(&self, rule: &HttpRule) -> Said {
        rule.origin().map_or(self.sink(None), |origin| self.clearance_of(&origin))
    }

    /// The label of what the hosts of a rule answer: the one that the policy gives their
    /// origin, else what that is cleared for, since nothing else can have been kept there.
    /// Of a pattern the highest.
    #[must_use]
    pub fn answers_of_web(&self, rule: &HttpRule) -> Said {
        let of = |origin: &Origin| {
            let label = self.origins.get(origin).and_then(|rule| rule.label);
            label.map_or(self.clearance_of(origin), |label| Said { label, defaulted: false })
        };
        match rule.origin() {
            Some(origin) => of(&origin),
            None => {
                let named = self.origins.keys().filter(|origin| rule.names(origin)).map(of);
                named.max_by_key(|said| said.label).unwrap_or(self.sink(None))
            }
        }
    }

    /// The rule under which a judge of people in these groups lowers this label in a
    /// pipeline: the one that lowers most. All of the groups must stand in it, because
    /// a member of any may answer.
    #[must_use]
    pub fn lowers(&self, pipeline: &Name, groups: &[String], label: Label) -> Option<&Declassify> {
        let fits = |rule: &&Declassify| {
            label <= rule.from
                && label > rule.to
                && rule.pipelines.contains(pipeline)
                && !groups.is_empty()
                && groups.iter().all(|group| rule.by.contains(group))
        };
        self.declassify.iter().filter(fits).min_by_key(|rule| (rule.to, !rule.own))
    }
}

/// What the gate must know to look once more before something leaves: the label of each
/// step of a run, and what may be sent where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clearances {
    rules: LabelRules,
    steps: BTreeMap<Name, Label>,
    /// The label of a step that nobody labelled.
    otherwise: Label,
}

/// A place that is not cleared for what a step may know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step} may know what is {label}, and {place} is cleared for {cleared}")]
pub struct NotCleared {
    /// The step.
    pub step: Name,
    /// Its label.
    pub label: String,
    /// Where it wanted to send something.
    pub place: String,
    /// What may be sent there at most.
    pub cleared: String,
    /// The line that would change it.
    pub hint: String,
}

impl Clearances {
    /// What holds for a run with these labels. A step that is not among them has the highest.
    #[must_use]
    pub fn of(rules: LabelRules, steps: BTreeMap<Name, Label>) -> Self {
        let otherwise = rules.order.highest();
        Self { rules, steps, otherwise }
    }

    /// What holds where nothing is labelled and no policy says more: every step has the lowest.
    #[must_use]
    pub fn unlabelled() -> Self {
        let (rules, steps) = (LabelRules::built_in(), BTreeMap::new());
        Self { rules, steps, otherwise: Label::LOWEST }
    }

    /// Whether what a step may know may be sent along a route.
    ///
    /// # Errors
    /// [`NotCleared`] where it may not.
    pub fn route(&self, step: &Name, route: &Route) -> Result<(), NotCleared> {
        let Some(clearance) = self.rules.route(route) else { return Ok(()) };
        let origin = route.origin.as_ref().map_or("", |origin| origin.0.as_str());
        self.within(step, clearance, route.to_string(), origin)
    }

    /// Whether what a step may know may be sent to an origin of the web.
    ///
    /// # Errors
    /// [`NotCleared`] where it may not.
    pub fn origin(&self, step: &Name, origin: &Origin) -> Result<(), NotCleared> {
        self.within(step, self.rules.clearance_of(origin), origin.to_string(), &origin.0)
    }

    fn within(
        &self,
        step: &Name,
        clearance: Said,
        place: String,
        origin: &str,
    ) -> Result<(), NotCleared> {
        let label = self.steps.get(step).copied().unwrap_or(self.otherwise);
        if label <= clearance.label {
            return Ok(());
        }
        let order = &self.rules.order;
        let name = order.name(label);
        Err(NotCleared {
            step: step.clone(),
            label: name.to_owned(),
            place,
            cleared: order.name(clearance.label).to_owned(),
            hint: format!("in policy.toml: origins.{origin:?} = {{ clearance = {name:?} }}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HostPattern;

    fn label(name: &str) -> Label {
        LabelOrder::usual().find(name).unwrap()
    }

    fn at(origin: &str) -> Route {
        Route {
            base: Some(format!("{origin}/v1")),
            origin: Some(Origin(origin.into())),
            ..Route::builtin()
        }
    }

    #[test]
    fn what_nobody_labelled_is_highest_as_a_source_and_lowest_as_a_sink() {
        let strict = LabelRules::strict();
        let (highest, lowest) = (label("confidential"), label("public"));
        assert_eq!(strict.source(None), Said { label: highest, defaulted: true });
        assert_eq!(strict.sink(None), Said { label: lowest, defaulted: true });
        assert_eq!(strict.route(&at("https://a.example")).unwrap().label, lowest);
        assert_eq!(strict.route(&Route::builtin()), None, "builtin is no sink");
        let built_in = LabelRules::built_in();
        assert_eq!(built_in.source(None).label, lowest);
        assert_eq!(built_in.sink(None).label, lowest, "what a project labels is still held");
        let internal = LabelRules { unlabelled: Some(label("internal")), ..LabelRules::strict() };
        assert_eq!(internal.source(None).label, label("internal"));
        assert_eq!(internal.sink(None).label, lowest);
    }

    #[test]
    fn a_folder_has_at_least_the_label_of_its_root() {
        let roots = [("/srv/brand".to_owned(), label("confidential"))].into();
        let rules = LabelRules { roots, ..LabelRules::built_in() };
        let of = |stated: Option<&str>, folder: &str| rules.folder(stated.map(label), folder).label;
        assert_eq!(of(None, "/srv/brand/files"), label("confidential"));
        assert_eq!(of(Some("public"), "/srv/brand"), label("confidential"));
        assert_eq!(of(Some("internal"), "/srv/brands"), label("internal"));
        assert_eq!(of(None, "/srv/other"), label("public"));
        // A folder is read with all that is in it.
        for above in ["/srv", "/"] {
            assert_eq!(of(Some("public"), above), label("confidential"), "{above}");
        }
        // Where nobody knows where it lies, it may lie anywhere.
        assert_eq!(of(None, ""), label("confidential"));
    }

    #[test]
    fn a_file_has_at_least_the_label_of_its_root_and_not_that_of_its_neighbours() {
        let roots = [("/srv/brand".to_owned(), label("confidential"))].into();
        let rules = LabelRules { roots, ..LabelRules::built_in() };
        let of = |stated: Option<&str>, files: &[&str]| {
            rules.files(stated.map(label), files.iter().copied()).label
        };
        assert_eq!(of(None, &[]), label("public"));
        assert_eq!(of(None, &["/srv/a.json"]), label("public"));
        assert_eq!(of(Some("internal"), &["/srv/a.json"]), label("internal"));
        let two = ["/srv/a.json", "/srv/brand/b.png"];
        assert_eq!(of(Some("internal"), &two), label("confidential"));
    }

    #[test]
    fn an_origin_has_a_clearance_and_may_label_its_answers() {
        let rule =
            OriginRule { clearance: Some(label("internal")), label: Some(label("internal")) };
        let origins = [(Origin("http://127.0.0.1:8080".into()), rule)].into();
        let rules = LabelRules { origins, ..LabelRules::strict() };
        let route = at("http://127.0.0.1:8080");
        assert_eq!(rules.route(&route), Some(Said { label: label("internal"), defaulted: false }));
        assert_eq!(rules.answers_of(&route), Some(label("internal")));
        assert_eq!(rules.answers_of(&at("http://127.0.0.1:8081")), None);
    }

    #[test]
    fn a_host_answers_what_it_may_be_sent_and_a_pattern_may_be_sent_nothing() {
        let rule = |clearance, label| OriginRule { clearance, label };
        let (internal, confidential) = (Some(label("internal")), Some(label("confidential")));
        let origins = [
            (Origin("https://a.example.com".into()), rule(internal, None)),
            (Origin("https://b.example.com".into()), rule(None, confidential)),
            (Origin("http://c.example.com".into()), rule(confidential, None)),
        ];
        let rules = LabelRules { origins: origins.into(), ..LabelRules::strict() };
        let of = |host: &str| {
            let mut own = HttpRule::public().remove(0);
            (own.host, own.port) = (HostPattern::parse(host).unwrap(), Some(443));
            (rules.web(&own).label, rules.answers_of_web(&own).label)
        };
        let (lowest, highest) = (label("public"), label("confidential"));
        assert_eq!(of("a.example.com"), (label("internal"), label("internal")));
        assert_eq!(of("b.example.com"), (lowest, highest), "what the policy says of answers");
        assert_eq!(of("c.example.com"), (lowest, lowest), "another scheme is another origin");
        assert_eq!(of("*.example.com"), (lowest, highest));
        assert_eq!(of("*.example.org"), (lowest, lowest));
    }

    #[test]
    fn only_a_rule_for_all_groups_and_the_pipeline_lowers() {
        let rule = |from, to, by: &[&str], own| Declassify {
            from: label(from),
            to: label(to),
            by: by.iter().map(|group| (*group).to_owned()).collect(),
            pipelines: [Name::new("campaign").unwrap()].into(),
            own,
        };
        let rules = LabelRules {
            declassify: vec![
                rule("confidential", "internal", &["editors"], true),
                rule("internal", "public", &["editors", "legal"], false),
            ],
            ..LabelRules::strict()
        };
        let lowers = |pipeline: &str, groups: &[&str], of: &str| {
            let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
            let pipeline = Name::new(pipeline).unwrap();
            rules.lowers(&pipeline, &groups, label(of)).map(|rule| rule.to)
        };
        assert_eq!(lowers("campaign", &["editors"], "confidential"), Some(label("internal")));
        assert_eq!(lowers("campaign", &["editors", "legal"], "confidential"), None);
        assert_eq!(lowers("campaign", &["editors", "legal"], "internal"), Some(label("public")));
        assert_eq!(lowers("campaign", &["editors"], "public"), None, "there is nothing to lower");
        assert_eq!(lowers("other", &["editors"], "confidential"), None);
        assert_eq!(lowers("campaign", &[], "confidential"), None);
    }

    #[test]
    fn a_route_is_looked_at_for_the_step_that_calls() {
        let step = |name: &str| Name::new(name).unwrap();
        let rule = OriginRule { clearance: Some(label("internal")), label: None };
        let origins = [(Origin("https://a.example".into()), rule)].into();
        let rules = LabelRules { origins, ..LabelRules::strict() };
        let steps = [(step("low"), label("public")), (step("high"), label("confidential"))];
        let clearances = Clearances::of(rules, steps.into());
        assert_eq!(clearances.route(&step("low"), &at("https://a.example")), Ok(()));
        let refused = clearances.route(&step("high"), &at("https://a.example")).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "high may know what is confidential, and builtin@https://a.example/v1 is cleared for internal"
        );
        assert!(clearances.route(&step("unknown"), &at("https://a.example")).is_err());
        assert_eq!(clearances.route(&step("high"), &Route::builtin()), Ok(()));
        let origin = Origin("https://a.example".into());
        assert_eq!(clearances.origin(&step("low"), &origin), Ok(()));
        let refused = clearances.origin(&step("high"), &origin).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "high may know what is confidential, and https://a.example is cleared for internal"
        );
        assert_eq!(
            refused.hint,
            "in policy.toml: origins.\"https://a.example\" = { clearance = \"confidential\" }"
        );
        assert_eq!(Clearances::unlabelled().route(&step("any"), &at("https://b.example")), Ok(()));
    }

    #[test]
    fn a_label_that_is_unknown_by_now_is_above_every_clearance_but_all() {
        let rules = LabelRules::strict();
        assert!(Clearance::All.covers(None));
        assert!(!Clearance::UpTo(rules.order.highest()).covers(None));
        assert!(Clearance::UpTo(label("internal")).covers(Some(label("public"))));
        assert!(!Clearance::UpTo(label("internal")).covers(Some(label("confidential"))));
    }
}
