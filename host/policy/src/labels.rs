//! How confidential things are and whom they may come from: the order of labels, and what joins two of them. Knows no file and no step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in the order of labels of one policy: how confidential something is, or the
/// most confidential that a sink may receive.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Label(u8);

impl Label {
    /// The lowest of every order: what anybody may have.
    pub const LOWEST: Self = Self(0);
}

/// Whether something was said by the operator's own people and files, or by somebody
/// whom nobody here chose. The join is [`Trust::max`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// The run's input, assets, collections of the house, what people released.
    #[default]
    Trusted,
    /// What may hold somebody else's instructions.
    Outside,
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Trusted => "trusted",
            Self::Outside => "outside",
        })
    }
}

/// What flows: label and origin together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// How confidential it is.
    pub label: Label,
    /// Where it comes from.
    pub trust: Trust,
}

impl Level {
    /// What says nothing: the lowest label, trusted.
    pub const NOTHING: Self = Self { label: Label::LOWEST, trust: Trust::Trusted };

    /// What somebody knows who knows both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { label: self.label.max(other.label), trust: self.trust.max(other.trust) }
    }
}

/// The labels of one policy, the lowest first. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelOrder(Vec<String>);

/// A list of names that is no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnOrder {
    /// There must be one at least, and a person must be able to hold them in mind.
    #[error("{0} labels; there are 1 to {ORDER_MAX}")]
    Length(usize),
    /// The same twice.
    #[error("{0:?} stands twice")]
    Twice(String),
}

/// The most labels: more steps of confidence than this nobody tells apart.
pub const ORDER_MAX: usize = 16;

impl LabelOrder {
    /// An order from the lowest to the highest.
    ///
    /// # Errors
    /// [`NotAnOrder`] where it has no label, too many, or one twice.
    pub fn new(names: Vec<String>) -> Result<Self, NotAnOrder> {
        if names.is_empty() || names.len() > ORDER_MAX {
            return Err(NotAnOrder::Length(names.len()));
        }
        let twice =
            names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|n| n == *name));
        match twice {
            Some((_, name)) => Err(NotAnOrder::Twice(name.clone())),
            None => Ok(Self(names)),
        }
    }

    /// `public`, `internal`, `confidential`: where no policy says another.
    #[must_use]
    pub fn usual() -> Self {
        Self(["public", "internal", "confidential"].map(String::from).into())
    }

    /// The label of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Label> {
        let at = self.0.iter().position(|known| known == name)?;
        u8::try_from(at).ok().map(Label)
    }

    /// The name of a label of this order.
    #[must_use]
    pub fn name(&self, label: Label) -> &str {
        let at = usize::from(label.0);
        self.0.get(at).or(self.0.last()).map_or("", String::as_str)
    }

    /// The highest.
    #[must_use]
    pub fn highest(&self) -> Label {
        Label(u8::try_from(self.0.len().saturating_sub(1)).unwrap_or(u8::MAX))
    }

    /// All names, the lowest first.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Every label, the lowest first.
    pub fn labels(&self) -> impl Iterator<Item = Label> + use<> {
        (0..=self.highest().0).map(Label)
    }
}

impl fmt::Display for LabelOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" < "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_each_name_once() {
        let order = |names: &[&str]| LabelOrder::new(names.iter().map(|n| (*n).into()).collect());
        assert_eq!(order(&[]), Err(NotAnOrder::Length(0)));
        assert_eq!(order(&["a", "b", "a"]), Err(NotAnOrder::Twice("a".into())));
        assert!(order(&["x"; 17]).is_err());
        let two = order(&["open", "secret"]).unwrap();
        assert!(two.find("open") < two.find("secret"));
        assert_eq!(two.find("confidential"), None);
        assert_eq!(two.name(two.highest()), "secret");
        assert_eq!(two.labels().collect::<Vec<_>>(), [Label(0), Label(1)]);
    }

    /// Join is the least upper bound: it forgets nothing of either side.
    #[test]
    fn a_join_is_at_least_both() {
        let all = LabelOrder::usual()
            .labels()
            .flat_map(|label| [Trust::Trusted, Trust::Outside].map(|trust| Level { label, trust }));
        let all: Vec<_> = all.collect();
        for &a in &all {
            assert_eq!((a.join(a), a.join(Level::NOTHING)), (a, a));
            for &b in &all {
                let both = a.join(b);
                assert_eq!(both, b.join(a));
                assert!(both.label >= a.label && both.label >= b.label);
                assert!(both.trust >= a.trust && both.trust >= b.trust);
                assert!(all.iter().all(|c| a.join(b.join(*c)) == both.join(*c)));
            }
        }
    }
}
