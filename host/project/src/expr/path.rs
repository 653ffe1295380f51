//! Paths into the scope such as `draft.items[0].title`. Knows no values.

use std::fmt;

/// One maximal chain of fields and constant indices that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// The name in scope where it begins.
    pub root: String,
    /// What follows.
    pub rest: Vec<Segment>,
}

/// One element of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// `.name` or `["name"]`.
    Field(String),
    /// `[3]`.
    Item(usize),
}

impl Path {
    /// The first field after the root: the axis in `axis.locale`, the folder in `assets.brand`.
    #[must_use]
    pub fn first_field(&self) -> Option<&str> {
        match self.rest.first() {
            Some(Segment::Field(name)) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        for segment in &self.rest {
            match segment {
                Segment::Field(name) if is_plain(name) => write!(f, ".{name}")?,
                Segment::Field(name) => write!(f, "[{name:?}]")?,
                Segment::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
