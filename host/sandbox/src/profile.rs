//! What an agent says of itself: `profile()` called in a store without any power, and what is admitted of the answer.

use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_core::schema::{Schema, SchemaRefused};
use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_policy::ports::Left;
use wasmtime::Engine;

use crate::bind::About;
use crate::ended::plain;
use crate::limits::{PROFILE_HOSTCALL_MAX, PROFILE_LIMITS};
use crate::loaded::Loaded;
use crate::state::State;
use crate::store::Fresh;

/// The longest name, in bytes: it becomes a file name and a column of tables.
const NAME_MAX_BYTES: usize = 64;
/// The longest version, in bytes.
const VERSION_MAX_BYTES: usize = 64;
/// The longest summary, in bytes: one sentence.
const SUMMARY_MAX_BYTES: usize = 1024;

/// An admitted profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// `[a-z][a-z0-9_-]*`, at most 64 bytes.
    pub name: String,
    /// At most 64 bytes.
    pub version: String,
    /// One sentence for people, at most 1 KiB; a guest's words, so show them with care.
    pub summary: String,
    /// What its input must be.
    pub input: Schema,
    /// What its output must be.
    pub output: Schema,
}

/// Why there is no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The call failed.
    #[error("profile() failed: {0}")]
    Failed(Failure),
    /// A name of another form.
    #[error(
        "the profile's name {0:?} is not of the form [a-z][a-z0-9_-]* with at most {NAME_MAX_BYTES} bytes"
    )]
    Name(String),
    /// A text that is empty or too long.
    #[error("the profile's {field} has {found} bytes; it must have 1 to {most}")]
    Length {
        /// Which.
        field: &'static str,
        /// How long it is.
        found: usize,
        /// How long it may be.
        most: usize,
    },
    /// A schema that is not admitted.
    #[error("the profile's {field}: {refused}")]
    Schema {
        /// Which.
        field: &'static str,
        /// Why.
        refused: SchemaRefused,
    },
}

/// Asks a component for its profile.
pub(crate) async fn ask(engine: &Engine, loaded: &Loaded) -> Result<Profile, ProfileError> {
    let state = State::without_powers(&PROFILE_LIMITS);
    let store = Fresh::new(engine, state, &PROFILE_LIMITS, PROFILE_HOSTCALL_MAX)
        .map_err(ProfileError::Failed)?;
    let said = store.run(|store| loaded.agent.profile(store));
    admit(said.await.map_err(|left| match left {
        Left::Failed(failure) => ProfileError::Failed(failure),
        // Nothing parks what has no gate.
        Left::Parked(park) => ProfileError::Failed(plain(FailureKind::Host, &park.detail)),
    })?)
}

fn admit(said: About) -> Result<Profile, ProfileError> {
    let About { name, version, summary, input_schema, output_schema } = said;
    if !is_name(&name) {
        return Err(ProfileError::Name(visible(clip(&name, NAME_MAX_BYTES), Lines::Escape)));
    }
    for (field, text, most) in
        [("version", &version, VERSION_MAX_BYTES), ("summary", &summary, SUMMARY_MAX_BYTES)]
    {
        if text.is_empty() || text.len() > most {
            return Err(ProfileError::Length { field, found: text.len(), most });
        }
    }
    let schema = |field, text: &str| {
        Schema::parse(text).map_err(|refused| ProfileError::Schema { field, refused })
    };
    let input = schema("input-schema", &input_schema)?;
    let output = schema("output-schema", &output_schema)?;
    Ok(Profile { name, version, summary, input, output })
}

fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    name.len() <= NAME_MAX_BYTES
        && letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-')
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Failed(failure) => failure,
            other => plain(FailureKind::Component, &other.to_string()),
        }
    }
}
