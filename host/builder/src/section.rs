//! The outermost sections of a wasm file as byte ranges, and how our custom sections are replaced; knows no meaning of what they hold.

use std::ops::Range;

use wasm_encoder::{ComponentSection as _, CustomSection, Encode as _};
use wasmparser::BinaryReader;

/// Magic number, version and layer.
const PREAMBLE_BYTES: usize = 8;

/// The id of every custom section, in modules and in components.
const CUSTOM: u8 = 0;

/// One outermost section. Ranges are offsets into the whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) id: u8,
    /// With id and length.
    pub(crate) whole: Range<usize>,
    /// Without them.
    pub(crate) content: Range<usize>,
}

/// A section that does not fit into its file, or cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the file breaks off or is damaged at byte {offset}: {why}")]
pub struct BrokenFile {
    /// Where reading stopped, in bytes from the start of the file.
    pub offset: u64,
    /// What the reader expected there.
    pub why: String,
}

impl From<wasmparser::BinaryReaderError> for BrokenFile {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self {
            offset: u64::try_from(error.offset()).unwrap_or(u64::MAX),
            why: error.message().to_owned(),
        }
    }
}

/// The outermost sections in file order. Nested modules and components are one
/// section each: nothing here recurses.
pub(crate) fn sections(bytes: &[u8]) -> Result<Vec<Section>, BrokenFile> {
    let mut found = Vec::new();
    let mut reader = BinaryReader::new(bytes, 0);
    reader.read_bytes(PREAMBLE_BYTES)?;
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8()?;
        let length = reader.read_var_u32()?;
        let content = reader.original_position();
        reader.read_bytes(usize::try_from(length).unwrap_or(usize::MAX))?;
        let end = reader.original_position();
        found.push(Section { id, whole: start..end, content: content..end });
    }
    Ok(found)
}

/// Name and data of a custom section; nothing for any other.
pub(crate) fn custom<'a>(
    bytes: &'a [u8],
    section: &Section,
) -> Result<Option<(&'a str, &'a [u8])>, BrokenFile> {
    if section.id != CUSTOM {
        return Ok(None);
    }
    let mut reader = read(bytes, section);
    let name = reader.read_string()?;
    let data = reader.read_bytes(reader.bytes_remaining())?;
    Ok(Some((name, data)))
}

/// A reader over the content of one section.
pub(crate) fn read<'a>(bytes: &'a [u8], section: &Section) -> BinaryReader<'a> {
    let content = bytes.get(section.content.clone()).unwrap_or_default();
    BinaryReader::new(content, section.content.start)
}

/// The same component with exactly one outermost custom section of each given
/// name, at the end and in the given order; older ones are dropped.
pub(crate) fn replace_custom(
    bytes: &[u8],
    replacements: &[(&str, &[u8])],
) -> Result<Vec<u8>, BrokenFile> {
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(bytes.get(..PREAMBLE_BYTES).unwrap_or_default());
    for section in sections(bytes)? {
        let name = custom(bytes, &section)?.map(|(name, _)| name);
        let replaced = name.is_some_and(|name| replacements.iter().any(|(new, _)| *new == name));
        if !replaced {
            out.extend_from_slice(bytes.get(section.whole).unwrap_or_default());
        }
    }
    for (name, data) in replacements {
        let section = CustomSection { name: (*name).into(), data: (*data).into() };
        out.push(section.id());
        section.encode(&mut out);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component() -> Vec<u8> {
        wat::parse_str(
            r#"(component
                (core module (@custom "ours" "inner"))
                (@custom "ours" "old")
                (@custom "theirs" "kept")
                (@custom "ours" "older"))"#,
        )
        .unwrap()
    }

    fn customs(bytes: &[u8]) -> Vec<(String, String)> {
        sections(bytes)
            .unwrap()
            .iter()
            .filter_map(|section| custom(bytes, section).unwrap())
            .map(|(name, data)| (name.to_owned(), String::from_utf8_lossy(data).into_owned()))
            .collect()
    }

    #[test]
    fn replaces_outermost_sections_of_a_name_by_one() {
        let replaced = replace_custom(&component(), &[("ours", b"new")]).unwrap();
        assert_eq!(
            customs(&replaced),
            [("theirs", "kept"), ("ours", "new")].map(|(n, d)| (n.to_owned(), d.to_owned()))
        );
    }

    #[test]
    fn leaves_nested_sections_alone() {
        let replaced = replace_custom(&component(), &[("ours", b"new")]).unwrap();
        let text = String::from_utf8_lossy(&replaced);
        assert!(text.contains("inner"));
        assert!(!text.contains("older"));
    }

    #[test]
    fn replacing_twice_gives_the_same_bytes() {
        let once = replace_custom(&component(), &[("a", b"1"), ("b", b"2")]).unwrap();
        let twice = replace_custom(&once, &[("a", b"1"), ("b", b"2")]).unwrap();
        assert_eq!(once, twice);
        wasmparser::validate(&once).unwrap();
    }

    #[test]
    fn every_cut_through_a_section_is_named_with_its_place() {
        let whole = component();
        let ends: Vec<usize> = sections(&whole).unwrap().iter().map(|s| s.whole.end).collect();
        for cut in PREAMBLE_BYTES + 1..whole.len() {
            let result = sections(&whole[..cut]);
            assert_eq!(result.is_ok(), ends.contains(&cut), "cut at {cut}");
        }
    }
}
