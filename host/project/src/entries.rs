//! Typed looks into a table whose form was checked: what is not as expected reads as absent, because it is reported already.

use std::ops::Range;
use std::time::Duration;

use bailiwick_core::units::parse_duration;
use bailiwick_core::{Bytes, Currency, Money, Name};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::findings::Node;

/// A table of a file.
#[derive(Clone, Copy)]
pub(crate) struct Entries<'n, 't>(pub(crate) &'n DeTable<'t>);

impl<'n, 't> Entries<'n, 't> {
    /// Keys and values in the order of the file.
    pub(crate) fn in_order(self) -> Vec<(&'n Spanned<std::borrow::Cow<'t, str>>, &'n Node<'t>)> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(key, _)| key.span().start);
        all
    }

    pub(crate) fn node(self, key: &str) -> Option<&'n Node<'t>> {
        self.0.get(key)
    }

    /// Where the key itself stands.
    pub(crate) fn key_span(self, key: &str) -> Option<Range<usize>> {
        self.0.iter().find(|(name, _)| name.get_ref() == key).map(|(name, _)| name.span())
    }

    pub(crate) fn table(self, key: &str) -> Option<Entries<'n, 't>> {
        as_table(self.node(key)?)
    }

    pub(crate) fn text(self, key: &str) -> Option<Spanned<String>> {
        as_text(self.node(key)?)
    }

    /// The texts of a list.
    pub(crate) fn texts(self, key: &str) -> Vec<Spanned<String>> {
        self.items(key).filter_map(as_text).collect()
    }

    pub(crate) fn items(self, key: &str) -> impl Iterator<Item = &'n Node<'t>> {
        let items = match self.node(key).map(Spanned::get_ref) {
            Some(DeValue::Array(items)) => Some(items),
            _ => None,
        };
        items.into_iter().flat_map(|items| items.iter())
    }

    pub(crate) fn name(self, key: &str) -> Option<Spanned<Name>> {
        as_name(&self.text(key)?)
    }

    pub(crate) fn names(self, key: &str) -> Vec<Spanned<Name>> {
        self.texts(key).iter().filter_map(as_name).collect()
    }

    /// An integer that fits.
    pub(crate) fn whole<T: TryFrom<i64>>(self, key: &str) -> Option<T> {
        T::try_from(integer(self.node(key)?.get_ref())?).ok()
    }

    pub(crate) fn flag(self, key: &str) -> Option<bool> {
        match self.node(key)?.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(crate) fn size(self, key: &str) -> Option<Bytes> {
        Bytes::parse(self.text(key)?.get_ref()).ok()
    }

    /// An amount with its place.
    pub(crate) fn money(self, key: &str) -> Option<Spanned<(Money, Currency)>> {
        let text = self.text(key)?;
        Some(Spanned::new(text.span(), Money::parse(text.get_ref()).ok()?))
    }

    pub(crate) fn duration(self, key: &str) -> Option<Duration> {
        parse_duration(self.text(key)?.get_ref()).ok()
    }
}

pub(crate) fn as_table<'n, 't>(node: &'n Node<'t>) -> Option<Entries<'n, 't>> {
    match node.get_ref() {
        DeValue::Table(table) => Some(Entries(table)),
        _ => None,
    }
}

fn as_text(node: &Node<'_>) -> Option<Spanned<String>> {
    let text = node.get_ref().as_str()?;
    Some(Spanned::new(node.span(), text.to_owned()))
}

fn as_name(text: &Spanned<String>) -> Option<Spanned<Name>> {
    Some(Spanned::new(text.span(), Name::new(text.get_ref()).ok()?))
}

/// The integer that a value is.
pub(crate) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// `10%` as 10.
pub(crate) fn share(text: &str) -> Option<u8> {
    let digits = text.strip_suffix('%')?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|percent| plain && *percent <= 100)
}
