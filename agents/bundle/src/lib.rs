//! Puts a released picture, its copy and its tags together under one name, in the form
//! that the channel wants. It writes no word and draws no pixel.

mod caption;

use bailiwick::{Artifact, Failure, Host};
use campaign::{Copy, Size, slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names that file systems, mail and people bear.
const NAME_CHARS: usize = 120;

/// Everything of one asset.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Assignment {
    /// The product's name.
    pub product: String,
    /// The released copy.
    pub copy: Copy,
    /// The released picture.
    pub visual: Picture,
    /// What finds the copy.
    pub seo: Findings,
    /// The look of the picture.
    pub style: String,
    /// Its size.
    pub aspect: Size,
}

/// The part of a composed picture that goes into the bundle. Further fields are ignored.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Picture {
    /// The image file.
    pub image: Artifact,
    /// What a reader who cannot see the picture hears.
    #[serde(default)]
    pub alt: String,
}

/// What finds the copy.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Findings {
    /// For search results.
    #[serde(default)]
    pub title: String,
    /// For search results.
    #[serde(default)]
    pub description: String,
    /// The last part of the address.
    #[serde(default)]
    pub slug: String,
    /// As the channel writes them.
    pub tags: Vec<String>,
    /// For readers who cannot see the picture.
    #[serde(default)]
    pub alt: String,
}

/// One asset, ready to be published.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Bundle {
    /// The name of the asset without an ending: product, locale, channel, style, size.
    pub name: String,
    /// The picture.
    pub image: Artifact,
    /// The text beside it, as a file.
    pub caption: Artifact,
    /// The copy, as it was released.
    pub copy: Copy,
    /// As the channel writes them.
    pub tags: Vec<String>,
    /// For readers who cannot see the picture.
    pub alt: String,
    /// The look of the picture.
    pub style: String,
    /// Its size.
    pub aspect: Size,
}

/// Puts a picture, its copy and its tags together under one name, as the channel wants them.
///
/// # Errors
/// `invalid-input` where the picture is none, `refused` where no file may be kept.
#[bailiwick::agent]
pub fn bundle(assignment: Assignment, host: &Host) -> Result<Bundle, Failure> {
    let media_type = assignment.visual.image.media_type();
    if !media_type.starts_with("image/") {
        let reason = format!("visual.image: is {media_type}, not an image");
        return Err(Failure::invalid_input(reason));
    }
    let name = name(&assignment);
    // The picture's maker knows what is in it; the copy's finder only what it says.
    let alt = [&assignment.visual.alt, &assignment.seo.alt, &assignment.copy.headline]
        .into_iter()
        .find(|alt| !alt.trim().is_empty())
        .cloned()
        .unwrap_or_default();
    let text = caption::caption(&assignment, &alt);
    let file = format!("{name}.txt");
    let caption = host.artifacts().put(text, caption::MEDIA_TYPE, file.as_str())?;
    let Assignment { copy, visual, seo, style, aspect, .. } = assignment;
    Ok(Bundle { name, image: visual.image, caption, copy, tags: seo.tags, alt, style, aspect })
}

/// Pages carry a title, a description and an address of their own; posts do not.
pub(crate) fn channel_is_page(channel: &str) -> bool {
    matches!(channel.to_lowercase().as_str(), "web" | "newsletter" | "email" | "blog" | "search")
}

/// `duskfinch-wren_de-de_instagram_bold_1080x1920`: what people sort and search by.
fn name(assignment: &Assignment) -> String {
    let Assignment { product, copy, style, aspect, .. } = assignment;
    let size = format!("{}x{}", aspect.w, aspect.h);
    [product, &copy.locale, &copy.channel, style, &size]
        .map(|part| slug(part, NAME_CHARS / 5))
        .join("_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::{Capability, Fake};
    use serde_json::{Value, json};

    /// The case with the reference to a picture that the fake keeps.
    fn input(fake: &Fake, media_type: &str) -> Value {
        let image = fake.artifact(b"pixels".to_vec(), media_type, "bold.png");
        let mut input: Value =
            serde_json::from_str(include_str!("../cases/german_post/input.json")).unwrap();
        input["visual"]["image"] = serde_json::to_value(image).unwrap();
        input
    }

    fn caption_text(fake: &Fake) -> String {
        String::from_utf8(fake.bytes(&fake.kept()[0]).unwrap()).unwrap()
    }

    #[test]
    fn answers_its_case() {
        let fake = Fake::new();
        let output = fake.perform(bundle, &input(&fake, "image/png")).unwrap();
        let expected: Value =
            serde_json::from_str(include_str!("../cases/german_post/expected.json")).unwrap();
        assert_eq!(output, expected);
        assert_eq!(
            caption_text(&fake),
            "Der Abend kommt früher\n\nWren leuchtet 38 Stunden mit einer Ladung.\n\n\
             Wren ansehen\n\n#DuskfinchWren #Fahrradlicht\n"
        );
    }

    #[test]
    fn pages_get_title_and_address() {
        let fake = Fake::new();
        let mut input = input(&fake, "image/png");
        input["copy"]["channel"] = json!("web");
        fake.perform(bundle, &input).unwrap();
        let text = caption_text(&fake);
        assert!(text.starts_with("Title: Der Abend kommt früher | Duskfinch Wren\n"), "{text}");
        assert!(text.contains("\n[Wren ansehen]\n"), "{text}");
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let fake = Fake::new();
        let failure = fake.perform(bundle, &input(&fake, "text/html")).unwrap_err();
        assert!(matches!(failure, Failure::InvalidInput(text) if text.contains("text/html")));
    }

    #[test]
    fn without_the_grant_to_keep_files_it_is_refused() {
        let fake = Fake::new().deny(Capability::Artifacts);
        let failure = fake.perform(bundle, &input(&fake, "image/png")).unwrap_err();
        assert_eq!(failure, Failure::Refused { capability: "artifacts".into() });
    }
}
