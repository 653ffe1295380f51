//! How steps name each other, their axes and their agents. Looks into no expression.

use bailiwick_core::Name;
use toml::Spanned;

use super::Surroundings;
use super::authored::{Authored, AuthoredStep};
use crate::codes;
use crate::findings::Findings;
use crate::nearest::did_you_mean;
use crate::scope::SCOPE_NAMES;

/// Words that no name in an expression can be: CEL's reserved words.
const CEL_WORDS: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// The steps of a pipeline, found by name.
pub(super) struct Links<'a> {
    pub(super) authored: &'a Authored,
}

impl<'a> Links<'a> {
    /// Judges every name that one step, axis or judge says of another.
    pub(super) fn of(
        authored: &'a Authored,
        surroundings: &Surroundings<'_>,
        findings: &mut Findings<'_>,
    ) -> Self {
        let links = Self { authored };
        for (axis, _) in &authored.axes {
            reserved(axis, "axis", CEL_WORDS, findings);
        }
        for step in &authored.steps {
            let taken: Vec<_> = CEL_WORDS.iter().chain(SCOPE_NAMES).copied().collect();
            reserved(&step.name, "step", &taken, findings);
            links.actor(step, surroundings, findings);
            links.judge(step, findings);
            links.axes_named(step, findings);
            links.needs(step, findings);
        }
        links
    }

    pub(super) fn step(&self, name: &str) -> Option<&'a AuthoredStep> {
        self.authored.steps.iter().find(|step| step.name.get_ref().as_str() == name)
    }

    /// Where a step stands among the others.
    pub(super) fn position(&self, name: &Name) -> usize {
        self.authored.steps.iter().position(|step| step.name.get_ref() == name).unwrap_or(0)
    }

    pub(super) fn step_names(&self) -> impl Iterator<Item = &'a str> {
        self.authored.steps.iter().map(|step| step.name.get_ref().as_str())
    }

    fn axis_names(&self) -> impl Iterator<Item = &'a Name> {
        self.authored.axes.iter().map(|(name, _)| name.get_ref())
    }

    /// The axes of a step in declaration order; a judge has its subject's.
    pub(super) fn axes_of(&self, step: &AuthoredStep) -> Vec<Name> {
        let subject =
            step.judges.as_ref().and_then(|subject| self.step(subject.get_ref().as_str()));
        match subject {
            // A judge of a judge is an error already.
            Some(subject) => self.in_declaration_order(&subject.over),
            None => self.in_declaration_order(&step.over),
        }
    }

    pub(super) fn in_declaration_order(&self, names: &[Spanned<Name>]) -> Vec<Name> {
        let named = |axis: &&Name| names.iter().any(|name| name.get_ref() == *axis);
        self.axis_names().filter(named).cloned().collect()
    }

    fn actor(
        &self,
        step: &AuthoredStep,
        surroundings: &Surroundings<'_>,
        findings: &mut Findings<'_>,
    ) {
        let name = step.name.get_ref();
        match (&step.agent, step.key("people")) {
            (None, None) if step.key("agent").is_none() => {
                let message = format!("nobody does `{name}`");
                let hint = if step.judges.is_some() {
                    "write `agent = \"…\"` or `people = { groups = [\"…\"] }`"
                } else {
                    "write `agent = \"…\"`"
                };
                findings.report_with(codes::NO_ACTOR, step.name.span(), message, hint);
            }
            (Some(_), Some(people)) => {
                let message = format!("`{name}` has an agent and people");
                findings.report_with(codes::NO_ACTOR, people, message, "take one of the two");
            }
            (None, Some(people)) => {
                if step.key("judges").is_none() {
                    let message = format!("`{name}` is done by people and judges nothing");
                    let hint = "people judge: write `judges = \"…\"`";
                    findings.report_with(codes::NO_ACTOR, people, message, hint);
                }
                not_here(
                    step,
                    &["input", "retry", "repeat-effects", "budget", "concurrency", "on-failure"],
                    "people do it",
                    findings,
                );
            }
            _ => not_here(step, &["show"], "an agent does it", findings),
        }
        if let Some(agent) = &step.agent {
            let known = &surroundings.project.agents;
            if !known.contains_key(agent.get_ref()) {
                let file = &surroundings.project.file;
                let message = format!("there is no agent `{}` in {file}", agent.get_ref());
                let hint = did_you_mean(agent.get_ref().as_str(), known.keys().map(Name::as_str))
                    .unwrap_or_else(|| {
                        format!("add [agents.{}] with its component to {file}", agent.get_ref())
                    });
                findings.report_with(codes::UNKNOWN_AGENT, agent.span(), message, hint);
            }
        }
        may_be_cached(step, surroundings, findings);
        if let (Some(people), Some(key)) = (&step.people, step.key("people")) {
            people.check(name, key, &surroundings.policy.people, findings);
        }
    }

    fn judge(&self, step: &AuthoredStep, findings: &mut Findings<'_>) {
        let name = step.name.get_ref();
        let Some(subject) = &step.judges else {
            if step.key("judges").is_none() {
                not_here(step, &["rounds"], "it judges nothing", findings);
            }
            return;
        };
        not_here(step, &["over", "collect", "min"], "a judge has its subject's axes", findings);
        not_here(step, &["cache"], "a judge judges each candidate", findings);
        let Some(judged) = self.step(subject.get_ref().as_str()) else {
            self.unknown_step(subject, findings);
            return;
        };
        if judged.key("judges").is_some() {
            let message = format!("`{}` is a judge itself", subject.get_ref());
            let hint = match &judged.judges {
                Some(other) if other.get_ref() != name => {
                    format!(
                        "judge `{}` too, after it, and read `${{{}}}`",
                        other.get_ref(),
                        subject.get_ref()
                    )
                }
                _ => "judge a step that is no judge".to_owned(),
            };
            findings.report_with(codes::JUDGE_OF_JUDGE, subject.span(), message, hint);
            return;
        }
        // A judged step whose input could not be read may well read its feedback.
        let broken = judged.input.is_none() && judged.key("input").is_some();
        let reads = judged.input.as_ref().is_some_and(|input| input.reads_name("feedback"));
        if step.rounds > 0 && !reads && !broken {
            let message = format!(
                "`{name}` may ask for revisions, and `{}` does not read `${{feedback}}`",
                subject.get_ref()
            );
            let hint = format!(
                "add `feedback = \"${{feedback}}\"` to the input of `{}`",
                subject.get_ref()
            );
            findings.report_with(codes::FEEDBACK_UNREAD, step.key_or_name("rounds"), message, hint);
        }
    }

    fn axes_named(&self, step: &AuthoredStep, findings: &mut Findings<'_>) {
        for axis in step.over.iter().chain(&step.collect) {
            self.known_axis(axis, findings);
        }
        let twice = step.collect.iter().filter(|axis| {
            step.judges.is_none() && step.over.iter().any(|other| other.get_ref() == axis.get_ref())
        });
        for axis in twice {
            let message = format!("`{}` stands in `over` and in `collect`", axis.get_ref());
            findings.report_with(
                codes::BAD_COLLECT,
                axis.span(),
                message,
                "take it out of one of them",
            );
        }
        if let (Some(min), None) = (step.key("min"), step.key("collect")) {
            let message =
                format!("`{}` collects nothing, so `min` says nothing", step.name.get_ref());
            findings.report(codes::BAD_COLLECT, min, message);
        }
    }

    pub(super) fn known_axis(&self, axis: &Spanned<Name>, findings: &mut Findings<'_>) -> bool {
        let known = self.axis_names().any(|known| known == axis.get_ref());
        if !known {
            let message = format!("there is no axis `{}`", axis.get_ref());
            let hint = did_you_mean(axis.get_ref().as_str(), self.axis_names().map(Name::as_str))
                .unwrap_or_else(|| format!("declare it: [axes] {} = […]", axis.get_ref()));
            findings.report_with(codes::UNKNOWN_AXIS, axis.span(), message, hint);
        }
        known
    }

    fn needs(&self, step: &AuthoredStep, findings: &mut Findings<'_>) {
        for needed in &step.needs {
            match self.step(needed.get_ref().as_str()) {
                None => self.unknown_step(needed, findings),
                Some(other) => {
                    if let Some(subject) = &other.judges {
                        let message = format!("`{}` is a judge", needed.get_ref());
                        let hint =
                            format!("name `{}`: its end waits for its judges", subject.get_ref());
                        findings.report_with(codes::NEEDS_JUDGE, needed.span(), message, hint);
                    }
                }
            }
        }
    }

    fn unknown_step(&self, name: &Spanned<Name>, findings: &mut Findings<'_>) {
        let message = format!("there is no step `{}`", name.get_ref());
        match did_you_mean(name.get_ref().as_str(), self.step_names()) {
            Some(hint) => findings.report_with(codes::UNKNOWN_STEP, name.span(), message, hint),
            None => findings.report(codes::UNKNOWN_STEP, name.span(), message),
        }
    }
}

/// What is remembered must be the same the next time: what an agent reads of these powers, or
/// changes with them, is in no key.
fn may_be_cached(
    step: &AuthoredStep,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) {
    let agent = step.agent.as_ref().filter(|_| step.cache);
    let agent = agent.and_then(|agent| surroundings.project.agents.get(agent.get_ref()));
    let (Some(agent), Some(key)) = (agent, step.key("cache")) else { return };
    let grants = &agent.grants;
    let powers = [
        ("http", !grants.http.is_none(), "what the web answers or is told"),
        ("kv", grants.kv.is_some(), "what a namespace holds"),
        ("delegate", grants.delegate.is_some(), "what another agent does"),
    ];
    for (power, _, what) in powers.into_iter().filter(|(_, granted, _)| *granted) {
        let name = step.name.get_ref();
        let message = format!("`{name}` is cached, and its agent is granted `{power}`");
        let hint = format!("{what} is not the same the next time: leave `cache` out");
        findings.report_with(codes::KEY_NOT_HERE, key.clone(), message, hint);
    }
}

fn reserved(name: &Spanned<Name>, what: &str, taken: &[&str], findings: &mut Findings<'_>) {
    let written = name.get_ref().as_str();
    if taken.contains(&written) {
        let message = format!("no {what} can be called `{written}`: expressions use the word");
        let hint = format!("take another name, such as `{written}_{what}`");
        findings.report_with(codes::RESERVED_NAME, name.span(), message, hint);
    }
}

fn not_here(step: &AuthoredStep, keys: &[&str], why: &str, findings: &mut Findings<'_>) {
    for key in keys {
        if let Some(span) = step.key(key) {
            let message = format!("`{key}` does not belong to `{}`: {why}", step.name.get_ref());
            findings.report(codes::KEY_NOT_HERE, span, message);
        }
    }
}
