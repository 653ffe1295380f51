//! Which agents call which: the grant as it is written, who is called in the end, and what no call may be: to oneself, in a circle, too deep. Grants nothing by itself.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::{DELEGATE_DEPTH_MAX, Diagnostic, Name};
use bailiwick_policy::grants::DelegateGrant;

use crate::codes;
use crate::entries::Entries;
use crate::findings::Findings;
use crate::nearest::did_you_mean;
use crate::project::{Agent, Project};

/// The key under an agent.
const KEY: &str = "grants.delegate";

/// What `grants.delegate` says: names, or names and `even-if`.
pub(crate) fn delegate_grant(
    grants: Entries<'_, '_>,
    known: &[Name],
    findings: &mut Findings<'_>,
) -> Option<DelegateGrant> {
    grants.node("delegate")?;
    let table = grants.table("delegate");
    let named = table.map_or_else(|| grants.names("delegate"), |table| table.names("use"));
    let mut agents = BTreeSet::new();
    for name in named {
        if !known.contains(name.get_ref()) {
            let message = format!("there is no agent `{}`", name.get_ref());
            let hint = did_you_mean(name.get_ref().as_str(), known.iter().map(Name::as_str))
                .unwrap_or_else(|| format!("declare it as [agents.{}]", name.get_ref()));
            findings.report_with(codes::UNKNOWN_AGENT, name.span(), message, hint);
        }
        if !agents.insert(name.get_ref().clone()) {
            let message = format!("`{}` stands twice", name.get_ref());
            findings.report(codes::DUPLICATE, name.span(), message);
        }
    }
    let even_if_outside = table.is_some_and(|table| table.text("even-if").is_some());
    Some(DelegateGrant { agents, even_if_outside })
}

/// Everything that is wrong with who may call whom.
pub(crate) fn judge(agents: &BTreeMap<Name, Agent>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, agent) in agents {
        if let Some(circle) = circle(agents, name) {
            let message = match circle.as_slice() {
                [] => format!("`{name}` is granted to call itself"),
                way => format!("`{name}` calls itself, by way of {}", shown(way)),
            };
            let hint = "take one of them out of a `grants.delegate`";
            let place = agent.place_of(KEY).clone();
            found.push(Diagnostic::error(codes::CALLS_ITSELF, message).at(place).hint(hint));
        }
    }
    if !found.is_empty() {
        return found;
    }
    // Of a chain that is far too deep, the agent at which it becomes so.
    let deep = agents.iter().filter_map(|(name, agent)| {
        let chain = deepest(agents, name);
        (chain.len() == DELEGATE_DEPTH_MAX + 1).then_some((name, agent, chain))
    });
    found.extend(deep.map(|(name, agent, chain)| {
        let message = format!(
            "the agents that `{name}` calls call others, {} deep: {}; at most {DELEGATE_DEPTH_MAX} are allowed",
            chain.len(),
            shown(&chain)
        );
        let hint = "let the pipeline have another step instead";
        let place = agent.place_of(KEY).clone();
        Diagnostic::error(codes::CALLS_TOO_DEEP, message).at(place).hint(hint)
    }));
    found
}

fn callees<'a>(
    agents: &'a BTreeMap<Name, Agent>,
    name: &Name,
) -> impl Iterator<Item = &'a Name> + use<'a> {
    agents.get(name).into_iter().flat_map(|agent| agent.grants.callees())
}

/// The agents between an agent and itself, where there is such a way.
fn circle<'a>(agents: &'a BTreeMap<Name, Agent>, name: &Name) -> Option<Vec<&'a Name>> {
    let mut ways: Vec<Vec<&Name>> = callees(agents, name).map(|callee| vec![callee]).collect();
    let mut seen = BTreeSet::new();
    while let Some(mut way) = ways.pop() {
        let Some(last) = way.last().copied() else { continue };
        if last == name {
            way.pop();
            return Some(way);
        }
        if seen.insert(last) {
            ways.extend(callees(agents, last).map(|callee| [way.as_slice(), &[callee]].concat()));
        }
    }
    None
}

/// The longest chain of calls below an agent, where there are no circles. Each agent is
/// looked at once.
fn deepest<'a>(agents: &'a BTreeMap<Name, Agent>, name: &Name) -> Vec<&'a Name> {
    fn below<'a>(
        agents: &'a BTreeMap<Name, Agent>,
        name: &Name,
        known: &mut BTreeMap<Name, Vec<&'a Name>>,
    ) -> Vec<&'a Name> {
        if let Some(chain) = known.get(name) {
            return chain.clone();
        }
        let chains = callees(agents, name).map(|callee| {
            let mut chain = vec![callee];
            chain.extend(below(agents, callee, known));
            chain
        });
        let longest = chains.max_by_key(Vec::len).unwrap_or_default();
        known.insert(name.clone(), longest.clone());
        longest
    }
    below(agents, name, &mut BTreeMap::new())
}

fn shown(names: &[&Name]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ")
}

impl Project {
    /// These agents, and all that they and those may call.
    #[must_use]
    pub fn with_callees<'a, 'n: 'a>(
        &'a self,
        names: impl IntoIterator<Item = &'n Name>,
    ) -> BTreeSet<&'a Name> {
        let mut open: Vec<&'a Name> = Vec::new();
        for name in names {
            open.push(name);
        }
        let mut found = BTreeSet::new();
        while let Some(name) = open.pop() {
            if found.insert(name) {
                open.extend(callees(&self.agents, name));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(calls: &[(&str, &str)]) -> Vec<String> {
        let agents = calls.iter().map(|(name, callees)| {
            let callees: Vec<_> = callees.split_whitespace().collect();
            format!("[agents.{name}]\ncomponent = \"{name}\"\ngrants.delegate = {callees:?}\n")
        });
        let text: String = agents.collect();
        match Project::read("bailiwick.toml", &text) {
            Ok(_) => Vec::new(),
            Err(found) => found.iter().map(|one| format!("{} {}", one.code, one.message)).collect(),
        }
    }

    #[test]
    fn nobody_calls_an_unknown_agent_or_itself_or_in_a_circle() {
        assert_eq!(told(&[("a", "b c"), ("b", "c"), ("c", "")]), Vec::<String>::new());
        assert_eq!(told(&[("a", "ghost")]), ["E020 there is no agent `ghost`"]);
        assert_eq!(told(&[("a", "a")]), ["E035 `a` is granted to call itself"]);
        assert_eq!(
            told(&[("a", "b"), ("b", "c"), ("c", "a")]),
            [
                "E035 `a` calls itself, by way of `b` → `c`",
                "E035 `b` calls itself, by way of `c` → `a`",
                "E035 `c` calls itself, by way of `a` → `b`",
            ]
        );
    }

    #[test]
    fn four_deep_is_deep_enough() {
        let chain = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "")];
        assert_eq!(told(&chain), Vec::<String>::new());
        let found = told(&[("z", "a")].into_iter().chain(chain).collect::<Vec<_>>());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("E036 the agents that `z` calls"), "{found:?}");
    }

    #[test]
    fn a_wide_graph_is_looked_at_once() {
        // Sixteen layers of agents, each of which calls all of the next: 8^16 ways.
        let names: Vec<Vec<String>> =
            (0..16).map(|l| (0..8).map(|n| format!("a{l}_{n}")).collect()).collect();
        let mut text = String::new();
        for (layer, agents) in names.iter().enumerate() {
            let next = names.get(layer + 1).cloned().unwrap_or_default();
            for name in agents {
                text.push_str(&format!(
                    "[agents.{name}]\ncomponent = \"x\"\ngrants.delegate = {next:?}\n"
                ));
            }
        }
        let found = Project::read("bailiwick.toml", &text).unwrap_err();
        assert!(found.iter().all(|one| one.code == "E036"), "{found:?}");
    }
}
