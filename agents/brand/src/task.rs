//! What the judge is asked and what it answers; the shapes alone.

use std::collections::BTreeMap;

use bailiwick::Artifact;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A picture to judge.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
pub struct Candidate {
    /// What `visual` answered; nothing in it is believed that can be measured.
    pub subject: Subject,
    /// The size that was asked for.
    pub aspect: Aspect,
    /// The brand's files by name; `palette.json` is read.
    pub brand: BTreeMap<String, Artifact>,
}

/// The part of a composed picture that is judged. Further fields are ignored.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
pub struct Subject {
    /// The PNG.
    pub image: Artifact,
    /// What is said to stand where.
    pub layout: Vec<Part>,
}

/// One thing that is said to be in the picture.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
pub struct Part {
    /// `headline`, `body`, `cta` are texts; `logo`, `button`, `decor` are not. Another one counts as a text.
    pub role: String,
    /// Where it is said to be.
    #[serde(rename = "box")]
    pub area: Area,
}

/// A rectangle in pixels from the top left corner; may be nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Area {
    /// Left edge.
    pub x: i64,
    /// Upper edge.
    pub y: i64,
    /// Width.
    pub w: i64,
    /// Height.
    pub h: i64,
}

/// A size in pixels. Further fields are ignored.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
pub struct Aspect {
    /// Width.
    pub w: u32,
    /// Height.
    pub h: u32,
}

/// What the judge says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// Whether the picture may go on.
    pub verdict: Verdict,
    /// 1.0 without a finding, 0.0 for a veto.
    pub score: f64,
    /// One for each finding, in the order of the checks.
    pub reasons: Vec<Reason>,
}

/// Whether a picture may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may.
    Pass,
    /// Not as it is; another round may mend it.
    Revise,
    /// It does not, and no round would change that: it is not what it says it is.
    Veto,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// The rule's id.
    pub rule: String,
    /// What was measured.
    pub message: String,
    /// What would mend it.
    pub fix: String,
}
