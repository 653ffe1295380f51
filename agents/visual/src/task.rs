//! What the agent is asked for and what it answers; the shapes alone, no pixels and no rules of taste.

use std::collections::BTreeMap;

use bailiwick::Artifact;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One picture to compose.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
pub struct Commission {
    /// The words that go into the picture.
    pub copy: Words,
    /// Language tag of the words, for example `de` or `en-GB`; decides where words may be divided.
    pub locale: String,
    /// Where the picture will be shown, for example `instagram`.
    pub channel: Choice,
    /// How the picture is to look: `bold`, `calm`, `editorial`. One that is not known gets the default treatment.
    pub style: Choice,
    /// The exact size.
    pub aspect: Aspect,
    /// The brand's files by name: `logo*.svg`, `palette.json`, `*.ttf` or `*.otf`.
    pub brand: BTreeMap<String, Artifact>,
    /// What judges said of earlier rounds; empty in the first.
    #[serde(default)]
    pub feedback: Vec<Feedback>,
    /// Alias of a model that paints the background. Without it, or where it is not granted, the background is drawn.
    #[serde(default)]
    pub image_model: Option<String>,
}

/// The words of one advertisement. Further fields are ignored.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct Words {
    /// The largest words; at most 300 characters.
    pub headline: String,
    /// One to three sentences; may be empty; at most 1 000 characters.
    #[serde(default)]
    pub body: String,
    /// What the button says; may be empty; at most 80 characters.
    #[serde(default)]
    pub cta: String,
}

/// A value of an axis: its id alone, or an object with an id.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Choice {
    /// The id alone.
    Id(String),
    /// An object; only its id counts here.
    Object {
        /// The id.
        id: String,
        /// For a style with an id of its own: which treatment it takes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        treatment: Option<String>,
    },
}

impl Choice {
    /// The id, however it was written.
    pub fn id(&self) -> &str {
        match self {
            Choice::Id(id) | Choice::Object { id, .. } => id,
        }
    }

    /// What decides about the look: the treatment if one is named, else the id.
    pub fn treatment(&self) -> &str {
        match self {
            Choice::Object { treatment: Some(treatment), .. } => treatment,
            _ => self.id(),
        }
    }
}

/// A size with a name.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
pub struct Aspect {
    /// Its name, for example `square`.
    pub id: String,
    /// Width in pixels, 64 to 4 096.
    pub w: u32,
    /// Height in pixels, 64 to 4 096; `w` × `h` is at most 8 388 608.
    pub h: u32,
}

/// What one judge said of one round.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
pub struct Feedback {
    /// The judge's step.
    pub by: String,
    /// The round that it judged.
    pub round: u32,
    /// What it found.
    #[serde(default)]
    pub reasons: Vec<Reason>,
}

/// One thing that a judge found.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct Reason {
    /// The rule that was broken, for example `contrast`; people may leave it empty.
    #[serde(default)]
    pub rule: String,
    /// What is wrong.
    #[serde(default)]
    pub message: String,
    /// What would mend it.
    #[serde(default)]
    pub fix: String,
}

/// A finished picture.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
pub struct Picture {
    /// The PNG.
    pub image: Artifact,
    /// What stands where.
    pub layout: Vec<Placed>,
    /// What a reader who cannot see the picture hears, in the language of the copy.
    pub alt: String,
    /// What was left out or done differently, for the people who look at it.
    pub notes: Vec<String>,
}

/// One thing in the picture.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
pub struct Placed {
    /// What it is.
    pub role: Role,
    /// Where it is; ink of a text stays inside with a little air around it.
    #[serde(rename = "box")]
    pub area: Area,
    /// Text only: the typeface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub font: Option<String>,
    /// Text only: type size in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<f32>,
    /// `#rrggbb` of the text; not given for a logo of several colours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// `#rrggbb` of what it stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<String>,
    /// Text only: the lines as they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

/// The parts of a picture.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The largest words.
    Headline,
    /// The smaller words.
    Body,
    /// The words on the button.
    Cta,
    /// The button itself; the `cta` box lies inside it.
    Button,
    /// The brand's logo.
    Logo,
    /// Drawn or painted shapes without words.
    Decor,
}

/// A rectangle in pixels from the top left corner of the picture.
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
