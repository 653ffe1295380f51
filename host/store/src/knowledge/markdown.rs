//! Cuts Markdown at its headings and between its blocks. Leaves the words as they were written.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use serde_json::json;

use super::chunk::Chunk;
use super::plain::{fill, line_of};

/// Passages of a Markdown text; each knows the headings above it.
pub(crate) fn chunk(text: &str) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for section in sections(text) {
        let heading = section.path.join(" > ");
        for range in fill(text, section.blocks) {
            chunks.push(Chunk {
                heading: heading.clone(),
                text: text.get(range.clone()).unwrap_or_default().to_owned(),
                metadata: json!({ "heading": heading, "line": line_of(text, range.start) }),
            });
        }
    }
    chunks
}

/// What stands under one heading.
#[derive(Default)]
struct Section {
    path: Vec<String>,
    blocks: Vec<Range<usize>>,
}

fn sections(text: &str) -> Vec<Section> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut sections = vec![Section::default()];
    // The headings that are open, from the largest to the smallest.
    let mut open: Vec<(HeadingLevel, String)> = Vec::new();
    let mut heading: Option<(HeadingLevel, String)> = None;
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                heading = Some((level, String::new()));
                depth += 1;
            }
            Event::End(TagEnd::Heading(_)) if depth == 1 && heading.is_some() => {
                depth -= 1;
                let Some((level, title)) = heading.take() else { continue };
                open.retain(|(above, _)| *above < level);
                open.push((level, title.trim().to_owned()));
                let path = open.iter().map(|(_, title)| title.clone()).collect();
                sections.push(Section { path, blocks: Vec::new() });
            }
            Event::Start(_) => {
                if let (0, Some(section)) = (depth, sections.last_mut()) {
                    section.blocks.push(range);
                }
                depth += 1;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(words) | Event::Code(words) => {
                if let Some((_, title)) = &mut heading {
                    title.push_str(&words);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some((_, title)) = &mut heading {
                    title.push(' ');
                }
            }
            _ => {}
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_know_the_headings_above_them() {
        let text = "Before.\n\n# Brand *voice*\n\nWarm.\n\n## Do\n\n- Say `you`\n- Be short\n\n\
                    ## Don't\n\n> Shout\n\n# Colours\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
        let found: Vec<_> = chunk(text)
            .into_iter()
            .map(|chunk| (chunk.heading, chunk.text, chunk.metadata["line"].clone()))
            .collect();
        let want = [
            ("", "Before.", 1),
            ("Brand voice", "Warm.", 5),
            ("Brand voice > Do", "- Say `you`\n- Be short", 9),
            ("Brand voice > Don't", "> Shout", 14),
            ("Colours", "| a | b |\n|---|---|\n| 1 | 2 |", 18),
        ];
        let want = want.map(|(heading, text, line)| (heading.into(), text.into(), line.into()));
        assert_eq!(found, want);
    }

    #[test]
    fn a_heading_in_a_quote_or_in_code_is_no_border() {
        let text = "# A\n\n> # B\n>\n> quoted\n\n```\n# not a heading\n```\n";
        let found = chunk(text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].heading, "A");
        assert!(found[0].text.contains("# not a heading"));
    }

    #[test]
    fn long_sections_are_cut_between_blocks() {
        let block = "word ".repeat(150);
        let text = format!("# A\n\n{block}\n\n{block}\n\n# B\n\nshort\n");
        let headings: Vec<_> = chunk(&text).into_iter().map(|chunk| chunk.heading).collect();
        assert_eq!(headings, ["A", "A", "B"]);
    }
}
