//! The way from the attempt of a step down to one that was called for it: the number of each call on it. Knows no agent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How deep calls of agents by agents may go: the attempt of the step, and four below it.
/// A person still follows who asked whom, and a place is kept free for each depth.
pub const DELEGATE_DEPTH_MAX: usize = 4;

/// The calls on the way to an attempt, outermost first. Text form: `3/0`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallPath(Vec<u32>);

impl CallPath {
    /// One call further down.
    #[must_use]
    pub fn then(&self, index: u32) -> Self {
        Self(self.0.iter().copied().chain([index]).collect())
    }

    /// Whether it is the attempt of the step itself.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many calls it is below the attempt of the step.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// The numbers of the calls, outermost first.
    #[must_use]
    pub fn calls(&self) -> &[u32] {
        &self.0
    }

    /// The way to the caller, and the number of its call; nothing for the attempt of a step.
    #[must_use]
    pub fn caller(&self) -> Option<(Self, u32)> {
        let (last, above) = self.0.split_last()?;
        Some((Self(above.to_vec()), *last))
    }
}

impl fmt::Display for CallPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: Vec<_> = self.0.iter().map(u32::to_string).collect();
        f.pad(&calls.join("/"))
    }
}

impl std::str::FromStr for CallPath {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split('/').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_written_and_read() {
        let path = CallPath::default().then(3).then(0);
        assert_eq!((path.to_string().as_str(), path.depth()), ("3/0", 2));
        assert_eq!("3/0".parse(), Ok(path.clone()));
        assert_eq!(path.caller(), Some((CallPath::default().then(3), 0)));
        assert_eq!(CallPath::default().caller(), None);
        assert!("3/x".parse::<CallPath>().is_err());
    }
}
