//! How much a channel holds. It does not know what is written there.

use schemars::JsonSchema;
use serde::Serialize;

/// What fits, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Room {
    pub(crate) headline: usize,
    pub(crate) body: usize,
    pub(crate) cta: usize,
    /// How many facts a reader takes in there.
    #[serde(skip)]
    pub(crate) facts: usize,
}

/// Posts are read in passing: what feeds show before "more", and what a picture carries.
pub(crate) const POST: Room = Room { headline: 45, body: 150, cta: 24, facts: 2 };
/// Pages and letters are read on purpose: a search result's title, a paragraph.
pub(crate) const PAGE: Room = Room { headline: 60, body: 280, cta: 28, facts: 3 };

/// A revision that was asked to be shorter gets this share of the body, in percent.
const SHORTER_PERCENT: usize = 60;

/// The channels that people read in passing. All others are pages.
const POSTS: &[&str] = &[
    "instagram",
    "facebook",
    "threads",
    "mastodon",
    "bluesky",
    "x",
    "tiktok",
    "pinterest",
    "story",
];

impl Room {
    pub(crate) fn of(channel: &str) -> Self {
        if is_post(channel) { POST } else { PAGE }
    }

    /// Less body and one fact fewer, never none.
    pub(crate) fn shorter(self) -> Self {
        Self {
            body: self.body * SHORTER_PERCENT / 100,
            facts: self.facts.saturating_sub(1).max(1),
            ..self
        }
    }
}

pub(crate) fn is_post(channel: &str) -> bool {
    POSTS.contains(&channel.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_channels_are_pages() {
        assert_eq!(Room::of("Instagram"), POST);
        assert_eq!(Room::of("web"), PAGE);
        assert_eq!(Room::of("billboard"), PAGE);
    }

    #[test]
    fn shorter_keeps_a_fact() {
        let room = POST.shorter().shorter();
        assert_eq!((room.facts, room.headline), (1, 45));
        assert!(room.body < POST.body / 2);
    }
}
