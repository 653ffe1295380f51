//! Components that are no agents: refused before they are anybody.

use super::super::{Component, Refusal, Row};
use super::component;

pub(super) const ROWS: &[Row] = &[
    component(
        ("start_loop", "a start function that does not end", &["limit profile"]),
        Component::StartLoop,
        Refusal::Refused("E114", "limit:cpu used 2 s of 2 s"),
    ),
    component(
        ("profile_loop", "a `profile` that does not end", &["limit profile"]),
        Component::ProfileLoop,
        Refusal::Refused("E114", "limit:cpu used 2 s of 2 s"),
    ),
    component(
        ("other_profile", "a component that is not what its file says", &["limit profile"]),
        Component::OtherProfile,
        Refusal::Refused("E113", "its file says hostile 9.9.9, the agent says hostile 1.0.0"),
    ),
    component(
        ("truncated", "half a component", &["limit component form"]),
        Component::Truncated,
        Refusal::Refused("E111", ""),
    ),
    component(
        ("anonymous", "a component that exports nothing", &["limit component form"]),
        Component::Anonymous,
        Refusal::Refused("E111", ""),
    ),
    component(
        ("too_large", "a component of more than 64 MiB", &["limit component size"]),
        Component::TooLarge,
        Refusal::Refused("E102", "at most 64 MiB"),
    ),
];
