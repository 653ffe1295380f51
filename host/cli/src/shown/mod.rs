//! A run and its cells as `bailiwick show` prints them: for people, and as JSON.

pub(crate) mod candidate;
pub(crate) mod cell;
pub(crate) mod compared;
pub(crate) mod labels;
pub(crate) mod round;
pub(crate) mod said;
pub(crate) mod suggested;
pub(crate) mod swapped;
pub(crate) mod tested;
pub(crate) mod tree;
