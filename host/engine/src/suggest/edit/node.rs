//! Where the tables, lists and words of a TOML text stand, in whatever form they were written. Changes nothing.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// A table in whatever form it was written.
#[derive(Clone)]
pub(super) struct Node<'d> {
    pub(super) text: &'d str,
    pub(super) table: &'d DeTable<'d>,
    /// Its braces, its header, or the first key that implies it.
    pub(super) span: Range<usize>,
}

/// How a table is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Between braces.
    Braces,
    /// Below a header.
    Header,
    /// By keys with dots, or by the headers of what is in it.
    Implied,
}

/// One `key = value`, with the places of both.
pub(super) struct Leaf {
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
}

pub(super) type Entry<'d> = (&'d str, Range<usize>, &'d Spanned<DeValue<'d>>);

impl<'d> Node<'d> {
    pub(super) fn of(text: &'d str, value: &'d Spanned<DeValue<'d>>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Self { text, table, span: value.span() }),
            _ => None,
        }
    }

    pub(super) fn form(&self) -> Form {
        match self.text.as_bytes().get(self.span.start) {
            Some(b'{') => Form::Braces,
            Some(b'[') => Form::Header,
            _ => Form::Implied,
        }
    }

    /// Its keys and what stands under them, in the order of the text.
    pub(super) fn entries(&self) -> Vec<Entry<'d>> {
        let entries = self.table.iter();
        let entries = entries.map(|(key, value)| (key.get_ref().as_ref(), key.span(), value));
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by_key(|(_, span, _)| span.start);
        entries
    }

    pub(super) fn value(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.entries().into_iter().find(|(own, ..)| *own == key).map(|(_, _, value)| value)
    }

    pub(super) fn array(&self, key: &str) -> Option<(&'d DeArray<'d>, Range<usize>)> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Array(array) => Some((array, value.span())),
            _ => None,
        }
    }

    pub(super) fn at(&self, way: &[&str]) -> Option<Self> {
        way.iter().try_fold(self.clone(), |node, key| Self::of(self.text, node.value(key)?))
    }

    /// Everything below it that is written as `key = value`, without what has a header of
    /// its own.
    pub(super) fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        for (_, key, value) in self.entries() {
            match Self::of(self.text, value).map(|inner| (inner.form(), inner)) {
                Some((Form::Implied, inner)) => leaves.extend(inner.leaves()),
                Some((Form::Header, _)) => {}
                Some((Form::Braces, _)) => leaves.push(Leaf { key, value: value.span() }),
                None if is_of_tables(self.text, value) => {}
                None => leaves.push(Leaf { key, value: value.span() }),
            }
        }
        leaves
    }
}

/// Whether a list is one of tables with headers.
pub(super) fn is_of_tables(text: &str, value: &Spanned<DeValue<'_>>) -> bool {
    let first = value.get_ref().as_array().and_then(|all| all.iter().next());
    let table = first.filter(|one| one.get_ref().is_table());
    table.is_some_and(|one| text.as_bytes().get(one.span().start) == Some(&b'['))
}

pub(super) fn word<'v>(value: &'v Spanned<DeValue<'_>>) -> Option<&'v str> {
    value.get_ref().as_str()
}
