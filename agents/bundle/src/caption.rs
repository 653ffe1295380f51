//! The text beside the picture, in the form that the channel's people paste or upload.
//! It does not name files.

use crate::{Assignment, channel_is_page};

/// The media type of a caption.
pub(crate) const MEDIA_TYPE: &str = "text/plain";

/// Headline, body, button and tags; on pages with what search engines read.
pub(crate) fn caption(assignment: &Assignment, alt: &str) -> String {
    let Assignment { copy, seo, .. } = assignment;
    if channel_is_page(&copy.channel) {
        return paragraphs([
            format!(
                "Title: {}\nDescription: {}\nAddress: {}\nAlternative text: {alt}",
                seo.title, seo.description, seo.slug
            ),
            copy.headline.clone(),
            copy.body.clone(),
            format!("[{}]", copy.cta),
            format!("Keywords: {}", seo.tags.join(", ")),
        ]);
    }
    paragraphs([copy.headline.clone(), copy.body.clone(), copy.cta.clone(), seo.tags.join(" ")])
}

fn paragraphs<const N: usize>(parts: [String; N]) -> String {
    let full: Vec<String> = parts.into_iter().filter(|part| !part.trim().is_empty()).collect();
    full.join("\n\n") + "\n"
}
