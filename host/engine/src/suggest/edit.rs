//! Writes smaller grants into the text of bailiwick.toml: exactly the words that change, and not a comment or a space besides. Judges nothing: what comes out is read again by who asked.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bailiwick_core::units::show_duration;
use bailiwick_core::{Bytes, Currency, Name};
use bailiwick_policy::http::{Headers, Method, PathPattern};
use bailiwick_policy::intersect::RequestedLimits;
use bailiwick_policy::{Grants, HttpRule, Limits};
use toml_edit::{Array, Document, InlineTable, Item, Table, Value};

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
        Document::parse(text).map_err(|error| NotEdited::NoToml(error.message().to_owned()))?;
    let mut editor = Editor { text, cuts: Vec::new() };
    let root = Node::Table(document.as_table());
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
        editor.agent(agent, change, currency)?;
    }
    for (namespace, agents) in readers {
        let way = ["kv", namespace.as_str()];
        let table = root.at(&way).ok_or_else(|| form(&way))?;
        editor.readers(table, &agents)?;
    }
    Ok(editor.finish())
}

fn form(way: &[&str]) -> NotEdited {
    NotEdited::Form(way.join("."))
}

/// A table in whatever form it was written.
#[derive(Clone, Copy)]
enum Node<'d> {
    Table(&'d Table),
    Inline(&'d InlineTable),
}

/// One `key = value`, with the places of both.
struct Leaf {
    key: Range<usize>,
    value: Range<usize>,
}

impl<'d> Node<'d> {
    fn of(item: &'d Item) -> Option<Self> {
        match item {
            Item::Table(table) => Some(Self::Table(table)),
            Item::Value(Value::InlineTable(table)) => Some(Self::Inline(table)),
            _ => None,
        }
    }

    fn item(self, key: &str) -> Option<&'d Item> {
        match self {
            Self::Table(table) => table.get_key_value(key).map(|(_, item)| item),
            Self::Inline(table) => table.get_key_value(key).map(|(_, item)| item),
        }
    }

    fn value(self, key: &str) -> Option<&'d Value> {
        self.item(key).and_then(Item::as_value)
    }

    fn array(self, key: &str) -> Option<&'d Array> {
        self.value(key).and_then(Value::as_array)
    }

    fn at(self, way: &[&str]) -> Option<Self> {
        way.iter().try_fold(self, |node, key| Self::of(node.item(key)?))
    }

    /// Its keys and what stands under them.
    fn entries(self) -> Vec<(Range<usize>, &'d Item)> {
        let keys: Vec<String> = match self {
            Self::Table(table) => table.iter().map(|(key, _)| key.to_owned()).collect(),
            Self::Inline(table) => table.iter().map(|(key, _)| key.to_owned()).collect(),
        };
        let entry = |key: &String| match self {
            Self::Table(table) => table.get_key_value(key),
            Self::Inline(table) => table.get_key_value(key),
        };
        let placed = keys.iter().filter_map(|key| {
            let (key, item) = entry(key)?;
            Some((key.span()?, item))
        });
        let mut placed: Vec<_> = placed.collect();
        placed.sort_by_key(|(span, _)| span.start);
        placed
    }

    /// Whether it is written between braces.
    fn braces(self) -> Option<Range<usize>> {
        match self {
            Self::Inline(table) if !table.is_dotted() => table.span(),
            _ => None,
        }
    }

    /// Everything below it that is written as `key = value`, without what has a header of
    /// its own.
    fn leaves(self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        for (key, item) in self.entries() {
            match (Self::of(item), item) {
                (Some(inner), _) if inner.is_dotted() => leaves.extend(inner.leaves()),
                (_, Item::Value(value)) => {
                    leaves.extend(value.span().map(|value| Leaf { key, value }));
                }
                _ => {}
            }
        }
        leaves
    }

    fn is_dotted(self) -> bool {
        match self {
            Self::Table(table) => table.is_dotted(),
            Self::Inline(table) => table.is_dotted(),
        }
    }
}

/// The cuts that are made in a text.
struct Editor<'t> {
    text: &'t str,
    cuts: Vec<(Range<usize>, String)>,
}

impl Editor<'_> {
    fn agent(
        &mut self,
        agent: Node<'_>,
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
        self.remove(grants, &gone)?;
        let goes = |key: &str| gone.contains(&key);
        if let (Some(was), Some(is)) = (&before.model, &after.model) {
            let model = grants.at(&["model"]).ok_or_else(|| form(&way))?;
            self.keep(model, "use", |name| is.aliases.contains(name))?;
            let number = |number: u64| grouped(number);
            if let Some(calls) = is.calls.filter(|_| was.calls != is.calls) {
                self.set(model, "calls", &number(calls.0))?;
            }
            if let Some(tokens) = is.tokens.filter(|_| was.tokens != is.tokens) {
                self.set(model, "tokens", &number(tokens.0))?;
            }
            if let Some(money) = is.money.filter(|_| was.money != is.money) {
                self.set(model, "money", &quoted(&money.show(currency)))?;
            }
        }
        for (key, names) in [("knowledge", &after.knowledge), ("assets", &after.assets)] {
            if !goes(key) && !names.is_empty() {
                self.keep(grants, key, |name| names.contains(name))?;
            }
        }
        if let (Some(was), Some(is)) = (before.artifacts, after.artifacts) {
            let artifacts = grants.at(&["artifacts"]).ok_or_else(|| form(&way))?;
            match is.put {
                None if was.put.is_some() => self.remove(artifacts, &["put"])?,
                Some(put) if was.put != is.put => {
                    self.set(artifacts, "put", &quoted(&put.to_string()))?;
                }
                _ => {}
            }
        }
        if let (Some(was), Some(is)) = (&before.delegate, &after.delegate)
            && was != is
        {
            let keep = |name: &str| is.agents.contains(name);
            match grants.at(&["delegate"]) {
                Some(table) => self.keep(table, "use", keep)?,
                None => self.keep(grants, "delegate", keep)?,
            }
        }
        match goes("http") || before.http == after.http {
            true => Ok(()),
            false => self.rules(grants, change),
        }
    }

    fn limits(
        &mut self,
        agent: Node<'_>,
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
            self.set(limits, key, &text)?;
        }
        Ok(())
    }

    /// The granted rules that go, and those that become smaller.
    fn rules(&mut self, grants: Node<'_>, change: &Change<'_>) -> Result<(), NotEdited> {
        let kept = &change.proposal.rules;
        let after = &change.proposal.grants.http.rules;
        let (nodes, gone): (Vec<Node<'_>>, Vec<usize>) = match grants.item("http") {
            Some(Item::ArrayOfTables(tables)) => {
                (tables.iter().map(Node::Table).collect(), Vec::new())
            }
            Some(Item::Value(Value::Array(rules))) => {
                let inline = rules.iter().filter_map(Value::as_inline_table);
                let gone = (0..rules.len()).filter(|n| kept.get(*n) == Some(&false));
                let gone: Vec<usize> = gone.collect();
                self.drop_elements(rules, &gone)?;
                (inline.map(Node::Inline).collect(), gone)
            }
            _ => return Err(form(&["grants", "http"])),
        };
        let before = &change.granted.http.rules;
        if nodes.len() != before.len() || kept.len() != before.len() {
            return Err(form(&["grants", "http"]));
        }
        let mut after = after.iter();
        for ((node, was), (number, kept)) in nodes.iter().zip(before).zip(kept.iter().enumerate()) {
            if *kept {
                let is = after.next().ok_or_else(|| form(&["grants", "http"]))?;
                self.rule(*node, was, is)?;
            } else if !gone.contains(&number) {
                self.remove_whole(*node)?;
            }
        }
        Ok(())
    }

    fn rule(&mut self, node: Node<'_>, was: &HttpRule, is: &HttpRule) -> Result<(), NotEdited> {
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
    fn readers(&mut self, table: Node<'_>, agents: &BTreeSet<&Name>) -> Result<(), NotEdited> {
        let is_one = |name: &str| agents.iter().any(|agent| agent.as_str() == name);
        self.keep(table, "writers", |name| !is_one(name))?;
        let known = table.array("readers");
        let known: Vec<&str> =
            known.into_iter().flat_map(|names| names.iter().filter_map(Value::as_str)).collect();
        let new: Vec<String> = agents
            .iter()
            .filter(|agent| !known.contains(&agent.as_str()))
            .map(|agent| quoted(agent.as_str()))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let last = table.array("readers").and_then(|names| names.iter().last()?.span());
        match last {
            Some(last) => {
                self.cut(last.end..last.end, format!(", {}", new.join(", ")));
                Ok(())
            }
            None => self.set(table, "readers", &format!("[{}]", new.join(", "))),
        }
    }

    /// Leaves of a list what is to be kept.
    fn keep(
        &mut self,
        node: Node<'_>,
        key: &str,
        keeps: impl Fn(&str) -> bool,
    ) -> Result<(), NotEdited> {
        let array = node.array(key).ok_or_else(|| form(&[key]))?;
        let gone = array.iter().enumerate();
        let gone = gone.filter(|(_, value)| !value.as_str().is_some_and(&keeps));
        let gone: Vec<usize> = gone.map(|(number, _)| number).collect();
        self.drop_elements(array, &gone)
    }

    fn drop_elements(&mut self, array: &Array, gone: &[usize]) -> Result<(), NotEdited> {
        let spans: Option<Vec<_>> = array.iter().map(Value::span).collect();
        let (Some(spans), Some(whole)) = (spans, array.span()) else {
            return Err(form(&["a list"]));
        };
        self.drop_parts(&spans, gone, whole, "[]");
        Ok(())
    }

    /// Takes parts out of a list of parts with commas between them.
    fn drop_parts(
        &mut self,
        parts: &[Range<usize>],
        gone: &[usize],
        whole: Range<usize>,
        empty: &str,
    ) {
        if gone.is_empty() {
            return;
        }
        let kept = (0..parts.len()).filter(|number| !gone.contains(number));
        let Some(last) = kept.max() else {
            self.cut(whole, empty.to_owned());
            return;
        };
        for number in gone.iter().filter(|number| **number < last) {
            if let (Some(part), Some(next)) = (parts.get(*number), parts.get(number + 1)) {
                self.cut(part.start..next.start, String::new());
            }
        }
        if let (Some(kept), Some(end)) = (parts.get(last), parts.last())
            && kept.end < end.end
        {
            self.cut(kept.end..end.end, String::new());
        }
    }

    /// Sets a key to a text of TOML: in its place, or after the last one of the table.
    fn set(&mut self, node: Node<'_>, key: &str, value: &str) -> Result<(), NotEdited> {
        if let Some(known) = node.value(key).and_then(Value::span) {
            self.cut(known, value.to_owned());
            return Ok(());
        }
        let mut leaves = node.leaves();
        leaves.sort_by_key(|leaf| leaf.value.end);
        let last = leaves.pop();
        if let Some(braces) = node.braces() {
            match last {
                Some(last) => {
                    self.cut(last.value.end..last.value.end, format!(", {key} = {value}"));
                }
                None => self.cut(braces, format!("{{ {key} = {value} }}")),
            }
            return Ok(());
        }
        match (last, node) {
            (Some(last), _) => {
                // Its words before the last key stand before this one, too.
                let begin = self.line_start(last.key.start);
                let before = self.text.get(begin..last.key.start).unwrap_or_default();
                if before.contains(['{', '[']) {
                    return Err(form(&[key]));
                }
                let line = format!("{before}{key} = {value}\n");
                self.line(self.line_end(last.value.end), line);
            }
            (None, Node::Table(table)) => {
                let header = table.span().ok_or_else(|| form(&[key]))?;
                self.line(self.line_end(header.end), format!("{key} = {value}\n"));
            }
            (None, Node::Inline(_)) => return Err(form(&[key])),
        }
        Ok(())
    }

    /// Takes keys out of a table: whole lines, or parts between braces.
    fn remove(&mut self, node: Node<'_>, keys: &[&str]) -> Result<(), NotEdited> {
        if keys.is_empty() {
            return Ok(());
        }
        if let Some(braces) = node.braces() {
            let leaves = node.leaves();
            // Dotted keys between braces have several parts for one key.
            if leaves.len() != node.entries().len() {
                return Err(form(keys));
            }
            let word = |leaf: &Leaf| self.text.get(leaf.key.clone()).unwrap_or_default();
            let gone = leaves.iter().enumerate();
            let gone =
                gone.filter(|(_, leaf)| keys.contains(&word(leaf).trim_matches(['"', '\''])));
            let gone: Vec<usize> = gone.map(|(number, _)| number).collect();
            if gone.len() != keys.len() {
                return Err(form(keys));
            }
            let parts: Vec<_> = leaves.iter().map(|leaf| leaf.key.start..leaf.value.end).collect();
            self.drop_parts(&parts, &gone, braces, "{}");
            return Ok(());
        }
        for key in keys {
            match node.item(key) {
                Some(Item::ArrayOfTables(tables)) => {
                    for table in tables {
                        self.remove_whole(Node::Table(table))?;
                    }
                }
                Some(item) => match Node::of(item) {
                    Some(inner) if inner.braces().is_none() => self.remove_whole(inner)?,
                    _ => {
                        let found = node.entries().into_iter();
                        let mut found = found.filter(|(_, entry)| std::ptr::eq(*entry, item));
                        let span = found.next().map(|(key, _)| key).zip(item.span());
                        let (key, value) = span.ok_or_else(|| form(&[key]))?;
                        self.lines(key.start..value.end);
                    }
                },
                None => return Err(form(&[key])),
            }
        }
        Ok(())
    }

    /// Takes a table out that has a header or dotted keys: their lines. Comments between
    /// them stay, because somebody wrote them.
    fn remove_whole(&mut self, node: Node<'_>) -> Result<(), NotEdited> {
        if let (Node::Table(table), false) = (node, node.is_dotted())
            && !table.is_implicit()
        {
            let header = table.span().ok_or_else(|| form(&["a table"]))?;
            let end = self.text.get(header.start..).and_then(|rest| rest.find('\n'));
            let end = end.map_or(self.text.len(), |length| header.start + length);
            self.lines(header.start..end.min(header.end.max(header.start)));
        }
        for leaf in node.leaves() {
            self.lines(leaf.key.start..leaf.value.end);
        }
        Ok(())
    }

    /// Takes the lines out on which a range stands.
    fn lines(&mut self, range: Range<usize>) {
        let (begin, end) = (self.line_start(range.start), self.line_end(range.end));
        self.cut(begin..end, String::new());
    }

    /// Puts a line in at the beginning of one.
    fn line(&mut self, at: usize, line: String) {
        // The last line of a file may have no end.
        match self.text.get(..at).is_some_and(|before| before.ends_with('\n')) {
            true => self.cut(at..at, line),
            false => self.cut(at..at, format!("\n{}", line.trim_end())),
        }
    }

    fn line_start(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.rfind('\n').map_or(0, |end| end + 1)
    }

    /// Where the next line begins.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |end| at + end + 1)
    }

    fn cut(&mut self, range: Range<usize>, text: String) {
        self.cuts.push((range, text));
    }

    fn finish(mut self) -> String {
        self.cuts.sort_by_key(|(range, _)| (range.start, range.end));
        let (mut text, mut at) = (String::with_capacity(self.text.len()), 0);
        for (range, with) in &self.cuts {
            // Two cuts of one line are one.
            let begin = range.start.max(at);
            text.push_str(self.text.get(at..begin).unwrap_or_default());
            text.push_str(with);
            at = range.end.max(at);
        }
        text.push_str(self.text.get(at..).unwrap_or_default());
        text
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
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
