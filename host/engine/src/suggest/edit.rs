//! Writes smaller grants into the text of bailiwick.toml: exactly the words that change, and not a comment or a space besides. Judges nothing: what comes out is read again by who asked.

mod cuts;
mod node;

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::units::show_duration;
use bailiwick_core::{Bytes, Currency, Name};
use bailiwick_policy::http::{Headers, Method, PathPattern};
use bailiwick_policy::intersect::RequestedLimits;
use bailiwick_policy::{Grants, HttpRule, Limits};
use toml::Spanned;
use toml::de::DeTable;

use self::cuts::Editor;
use self::node::{Form, Node, word};
use super::propose::{Proposal, limit};

/// What one agent name has in the file, and what it shall have.
pub(crate) struct Change<'a> {
    /// The operator's name.
    pub(crate) agent: &'a Name,
    /// What the file grants.
    pub(crate) granted: &'a Grants,
    /// The limits that it names.
    pub(crate) limits: &'a RequestedLimits,
    /// What it shall grant.
    pub(crate) proposal: &'a Proposal,
}

/// A form of the file that is not understood here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotEdited {
    /// No TOML.
    #[error("bailiwick.toml: {0}")]
    NoToml(String),
    /// A key that stands in another form than this edits.
    #[error("`{0}` stands in a form that is not edited here")]
    Form(String),
}

/// The text with these changes. Nothing else of it is another one.
///
/// # Errors
/// [`NotEdited`] where a key stands in a form that cannot be changed by itself.
pub(crate) fn edited(
    text: &str,
    changes: &[Change<'_>],
    currency: Option<Currency>,
) -> Result<String, NotEdited> {
    let document =
        DeTable::parse(text).map_err(|error| NotEdited::NoToml(error.message().to_owned()))?;
    let mut editor = Editor::of(text);
    let root = Node { text, table: document.get_ref(), span: 0..0 };
    let mut readers: BTreeMap<&Name, BTreeSet<&Name>> = BTreeMap::new();
    for change in changes {
        let (before, after) = (change.granted, &change.proposal.grants);
        if let (Some(was), Some(is)) = (&before.kv, &after.kv)
            && was.write
            && !is.write
        {
            readers.entry(&was.namespace).or_default().insert(change.agent);
        }
        let way = ["agents", change.agent.as_str()];
        let agent = root.at(&way).ok_or_else(|| form(&way))?;
        editor.agent(&agent, change, currency)?;
    }
    for (namespace, agents) in readers {
        let way = ["kv", namespace.as_str()];
        let table = root.at(&way).ok_or_else(|| form(&way))?;
        editor.readers(&table, &agents)?;
    }
    Ok(editor.finish())
}

fn form(way: &[&str]) -> NotEdited {
    NotEdited::Form(way.join("."))
}

impl Editor<'_> {
    fn agent(
        &mut self,
        agent: &Node<'_>,
        change: &Change<'_>,
        currency: Option<Currency>,
    ) -> Result<(), NotEdited> {
        let (before, after) = (change.granted, &change.proposal.grants);
        self.limits(agent, change.limits, &change.proposal.limits)?;
        if before == after {
            return Ok(());
        }
        let way = ["agents", change.agent.as_str(), "grants"];
        let grants = agent.at(&["grants"]).ok_or_else(|| form(&way))?;
        let gone = [
            ("model", before.model.is_some() && after.model.is_none()),
            ("knowledge", !before.knowledge.is_empty() && after.knowledge.is_empty()),
            ("assets", !before.assets.is_empty() && after.assets.is_empty()),
            ("artifacts", before.artifacts.is_some() && after.artifacts.is_none()),
            ("http", !before.http.is_none() && after.http.is_none()),
            ("kv", before.kv.is_some() && after.kv.is_none()),
            ("delegate", before.delegate.is_some() && after.delegate.is_none()),
        ];
        let gone: Vec<&str> = gone.iter().filter(|(_, gone)| *gone).map(|(key, _)| *key).collect();
        self.remove(&grants, &gone)?;
        let goes = |key: &str| gone.contains(&key);
        if let (Some(was), Some(is)) = (&before.model, &after.model) {
            let model = grants.at(&["model"]).ok_or_else(|| form(&way))?;
            self.keep(&model, "use", |name| is.aliases.contains(name))?;
            let number = |number: u64| grouped(number);
            if let Some(calls) = is.calls.filter(|_| was.calls != is.calls) {
                self.set(&model, "calls", &number(calls.0))?;
            }
            if let Some(tokens) = is.tokens.filter(|_| was.tokens != is.tokens) {
                self.set(&model, "tokens", &number(tokens.0))?;
            }
            if let Some(money) = is.money.filter(|_| was.money != is.money) {
                self.set(&model, "money", &quoted(&money.show(currency)))?;
            }
        }
        for (key, names) in [("knowledge", &after.knowledge), ("assets", &after.assets)] {
            if !goes(key) && !names.is_empty() {
                self.keep(&grants, key, |name| names.contains(name))?;
            }
        }
        if let (Some(was), Some(is)) = (before.artifacts, after.artifacts) {
            let artifacts = grants.at(&["artifacts"]).ok_or_else(|| form(&way))?;
            match is.put {
                None if was.put.is_some() => self.remove(&artifacts, &["put"])?,
                Some(put) if was.put != is.put => {
                    self.set(&artifacts, "put", &quoted(&put.to_string()))?;
                }
                _ => {}
            }
        }
        if let (Some(was), Some(is)) = (&before.delegate, &after.delegate)
            && was != is
        {
            let keep = |name: &str| is.agents.contains(name);
            match grants.at(&["delegate"]) {
                Some(table) => self.keep(&table, "use", keep)?,
                None => self.keep(&grants, "delegate", keep)?,
            }
        }
        match goes("http") || before.http == after.http {
            true => Ok(()),
            false => self.rules(&grants, change),
        }
    }

    fn limits(
        &mut self,
        agent: &Node<'_>,
        asked: &RequestedLimits,
        proposed: &Limits,
    ) -> Result<(), NotEdited> {
        if asked.limits == *proposed {
            return Ok(());
        }
        let limits = agent.at(&["limits"]).ok_or_else(|| form(&["limits"]))?;
        for key in &asked.named {
            let (before, after) = (limit(&asked.limits, key), limit(proposed, key));
            if before == after {
                continue;
            }
            let text = match *key {
                "cpu" => quoted(&show_duration(proposed.cpu)),
                "memory" => quoted(&after),
                _ => after,
            };
            self.set(&limits, key, &text)?;
        }
        Ok(())
    }

    /// The granted rules that go, and those that become smaller.
    fn rules(&mut self, grants: &Node<'_>, change: &Change<'_>) -> Result<(), NotEdited> {
        let kept = &change.proposal.rules;
        let after = &change.proposal.grants.http.rules;
        let wrong = || form(&["grants", "http"]);
        let (all, span) = grants.array("http").ok_or_else(wrong)?;
        let nodes = all.iter().filter_map(|rule| Node::of(grants.text, rule));
        let nodes: Vec<_> = nodes.collect();
        let by_header = nodes.first().is_some_and(|node| node.form() == Form::Header);
        let gone = (0..all.len()).filter(|number| kept.get(*number) == Some(&false));
        let gone: Vec<usize> = gone.collect();
        if !by_header {
            self.drop_elements((all, span), &gone);
        }
        let before = &change.granted.http.rules;
        if nodes.len() != before.len() || kept.len() != before.len() {
            return Err(wrong());
        }
        let mut after = after.iter();
        for ((node, was), kept) in nodes.iter().zip(before).zip(kept) {
            if *kept {
                let is = after.next().ok_or_else(wrong)?;
                self.rule(node, was, is)?;
            } else if by_header {
                self.remove_whole(node);
            }
        }
        Ok(())
    }

    fn rule(&mut self, node: &Node<'_>, was: &HttpRule, is: &HttpRule) -> Result<(), NotEdited> {
        if was.host != is.host {
            self.set(node, "host", &quoted(&is.host.to_string()))?;
        }
        if was.methods != is.methods {
            let keeps = |word: &str| Method::parse(word).is_some_and(|m| is.methods.contains(&m));
            match node.array("methods") {
                Some(_) => self.keep(node, "methods", keeps)?,
                None => {
                    let words: Vec<_> = is.methods.iter().map(|m| m.as_str()).collect();
                    self.set(node, "methods", &format!("{words:?}"))?;
                }
            }
        }
        if was.paths != is.paths {
            let paths: Vec<String> =
                is.paths.iter().map(PathPattern::to_string).map(|path| quoted(&path)).collect();
            self.set(node, "paths", &format!("[{}]", paths.join(", ")))?;
        }
        if let (true, Headers::Listed(names)) = (was.headers != is.headers, &is.headers) {
            self.keep(node, "headers", |name| names.contains(name))?;
        }
        for (key, was, is) in
            [("request", was.request, is.request), ("response", was.response, is.response)]
        {
            if let Some(size) = is.filter(|_| was != is) {
                self.set(node, key, &quoted(&Bytes(size.0).to_string()))?;
            }
        }
        Ok(())
    }

    /// Makes writers of a namespace its readers.
    fn readers(&mut self, table: &Node<'_>, agents: &BTreeSet<&Name>) -> Result<(), NotEdited> {
        let is_one = |name: &str| agents.iter().any(|agent| agent.as_str() == name);
        self.keep(table, "writers", |name| !is_one(name))?;
        let readers = table.array("readers").map(|(readers, _)| readers);
        let known: Vec<&str> = readers.into_iter().flatten().filter_map(word).collect();
        let new: Vec<String> = agents
            .iter()
            .filter(|agent| !known.contains(&agent.as_str()))
            .map(|agent| quoted(agent.as_str()))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let last = readers.and_then(|readers| readers.iter().last()).map(Spanned::span);
        match last {
            Some(last) => {
                self.cut(last.end..last.end, format!(", {}", new.join(", ")));
                Ok(())
            }
            None => self.set(table, "readers", &format!("[{}]", new.join(", "))),
        }
    }
}

/// `200_000`, as people write it in files.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push('_');
        }
        shown.push(digit);
    }
    shown
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
