//! Cuts in a TOML text: a value set, a key removed, a list shortened, and every byte besides left as it is. Knows no grant.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeArray;

use super::node::{Form, Node, is_of_tables, word};
use super::{NotEdited, form};

/// The cuts that are made in a text.
pub(super) struct Editor<'t> {
    text: &'t str,
    cuts: Vec<(Range<usize>, String)>,
}

impl<'t> Editor<'t> {
    /// Of a text, which stays as it is until it is finished.
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, cuts: Vec::new() }
    }

    /// Leaves of a list what is to be kept.
    pub(super) fn keep(
        &mut self,
        node: &Node<'_>,
        key: &str,
        keeps: impl Fn(&str) -> bool,
    ) -> Result<(), NotEdited> {
        let list = node.array(key).ok_or_else(|| form(&[key]))?;
        let gone = list.0.iter().enumerate();
        let gone = gone.filter(|(_, value)| !word(value).is_some_and(&keeps));
        let gone: Vec<usize> = gone.map(|(number, _)| number).collect();
        self.drop_elements(list, &gone);
        Ok(())
    }

    pub(super) fn drop_elements(
        &mut self,
        (array, whole): (&DeArray<'_>, Range<usize>),
        gone: &[usize],
    ) {
        let parts: Vec<_> = array.iter().map(Spanned::span).collect();
        self.drop_parts(&parts, gone, whole, "[]");
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
    pub(super) fn set(&mut self, node: &Node<'_>, key: &str, value: &str) -> Result<(), NotEdited> {
        if let Some(known) = node.value(key) {
            self.cut(known.span(), value.to_owned());
            return Ok(());
        }
        let mut leaves = node.leaves();
        leaves.sort_by_key(|leaf| leaf.value.end);
        match (leaves.pop(), node.form()) {
            (Some(last), Form::Braces) => {
                self.cut(last.value.end..last.value.end, format!(", {key} = {value}"));
            }
            (None, Form::Braces) => self.cut(node.span.clone(), format!("{{ {key} = {value} }}")),
            (Some(last), _) => {
                // The words before the last key stand before this one, too.
                let begin = self.line_start(last.key.start);
                let before = self.text.get(begin..last.key.start).unwrap_or_default();
                if before.contains(['{', '[', '=']) {
                    return Err(form(&[key]));
                }
                let line = format!("{before}{key} = {value}\n");
                self.line(self.line_end(last.value.end), line);
            }
            (None, Form::Header) => {
                self.line(self.line_end(node.span.end), format!("{key} = {value}\n"));
            }
            (None, Form::Implied) => return Err(form(&[key])),
        }
        Ok(())
    }

    /// Takes keys out of a table: whole lines, or parts between braces.
    pub(super) fn remove(&mut self, node: &Node<'_>, keys: &[&str]) -> Result<(), NotEdited> {
        if keys.is_empty() {
            return Ok(());
        }
        let entries = node.entries();
        if keys.iter().any(|key| !entries.iter().any(|(own, ..)| own == key)) {
            return Err(form(keys));
        }
        if node.form() == Form::Braces {
            // Dotted keys between braces have several parts for one key.
            if node.leaves().len() != entries.len() {
                return Err(form(keys));
            }
            let gone = entries.iter().enumerate().filter(|(_, (own, ..))| keys.contains(own));
            let gone: Vec<usize> = gone.map(|(number, _)| number).collect();
            let parts = entries.iter().map(|(_, key, value)| key.start..value.span().end);
            let parts: Vec<_> = parts.collect();
            self.drop_parts(&parts, &gone, node.span.clone(), "{}");
            return Ok(());
        }
        for (_, key, value) in entries.into_iter().filter(|(own, ..)| keys.contains(own)) {
            match Node::of(node.text, value) {
                Some(inner) if inner.form() != Form::Braces => self.remove_whole(&inner),
                None if is_of_tables(node.text, value) => {
                    let tables = value.get_ref().as_array().into_iter().flatten();
                    for table in tables.filter_map(|table| Node::of(node.text, table)) {
                        self.remove_whole(&table);
                    }
                }
                _ => self.lines(key.start..value.span().end),
            }
        }
        Ok(())
    }

    /// Takes a table out that has a header or dotted keys: their lines. Comments between
    /// them stay, because somebody wrote them.
    pub(super) fn remove_whole(&mut self, node: &Node<'_>) {
        if node.form() == Form::Header {
            self.lines(node.span.clone());
        }
        for leaf in node.leaves() {
            self.lines(leaf.key.start..leaf.value.end);
        }
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

    pub(super) fn cut(&mut self, range: Range<usize>, text: String) {
        self.cuts.push((range, text));
    }

    pub(super) fn finish(mut self) -> String {
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
