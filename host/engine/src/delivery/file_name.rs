//! Names of delivered files: made by the host, safe on every file system, each once. Knows nothing of what is in a file.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::text::clip;
use bailiwick_core::{CellKey, Digest, Name};

use super::point::Point;

/// The longest stem that comes from an artifact's name, in bytes: readable in a list, and
/// with folder, number and extension far below the 260 that some systems allow a whole path.
const STEM_MAX_BYTES: usize = 60;

/// The longest folder name of a cell, in bytes, for the same reason.
const CELL_MAX_BYTES: usize = 100;

/// Names that Windows keeps for devices, with any extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The extension of each media type. What a browser would run when the file is opened
/// (HTML, SVG, XML, scripts) ends in `.txt`: it can be read and does nothing.
const EXTENSIONS: [(&str, &str); 31] = [
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/webp", "webp"),
    ("image/gif", "gif"),
    ("image/avif", "avif"),
    ("image/tiff", "tif"),
    ("image/svg+xml", "svg.txt"),
    ("application/pdf", "pdf"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
    ("text/csv", "csv"),
    ("text/css", "css.txt"),
    ("text/html", "html.txt"),
    ("application/xhtml+xml", "xhtml.txt"),
    ("text/xml", "xml.txt"),
    ("application/xml", "xml.txt"),
    ("text/javascript", "js.txt"),
    ("application/javascript", "js.txt"),
    ("application/json", "json"),
    ("application/x-ndjson", "jsonl"),
    ("application/toml", "toml"),
    ("application/yaml", "yaml"),
    ("application/zip", "zip"),
    ("audio/mpeg", "mp3"),
    ("audio/wav", "wav"),
    ("video/mp4", "mp4"),
    ("video/webm", "webm"),
    ("font/ttf", "ttf"),
    ("font/otf", "otf"),
    ("font/woff2", "woff2"),
    ("application/wasm", "wasm"),
];

/// A path below the delivered folder: `/` between elements of `[A-Za-z0-9._,=-]`, none of
/// them `.` or `..`. The same text is a relative URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePath(String);

impl FilePath {
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A path as a manifest has it; nothing where it is none that a delivery makes.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._,=-".contains(&b);
        let element = |e: &str| !e.is_empty() && e != "." && e != ".." && e.bytes().all(plain);
        text.split('/').all(element).then(|| Self(text.to_owned()))
    }
}

impl std::fmt::Display for FilePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// The names of one delivery. Two paths differ in more than upper and lower case.
#[derive(Default)]
pub(super) struct FileNames {
    taken: BTreeSet<String>,
    folders: BTreeMap<(String, CellKey), String>,
}

impl FileNames {
    /// A file at the top: `STEM.EXTENSION`.
    pub(super) fn top(&mut self, stem: &str, extension: &str) -> FilePath {
        let stem = element(stem, STEM_MAX_BYTES);
        FilePath(self.free("", &stem, extension))
    }

    /// The file of an artifact: `FOLDER/CELL/NAME.EXT`.
    pub(super) fn artifact(
        &mut self,
        folder: &str,
        cell: &CellKey,
        name: Option<&str>,
        extension: &str,
    ) -> FilePath {
        let cell = self.cell_folder(folder, cell);
        FilePath(self.free(&format!("{cell}/"), &stem(name), extension))
    }

    fn cell_folder(&mut self, folder: &str, cell: &CellKey) -> String {
        if let Some(known) = self.folders.get(&(folder.to_owned(), cell.clone())) {
            return known.clone();
        }
        let parent: Vec<String> =
            folder.split('/').map(|part| element(part, CELL_MAX_BYTES)).collect();
        let path = self.free(&format!("{}/", parent.join("/")), &cell_element(cell), "");
        self.folders.insert((folder.to_owned(), cell.clone()), path.clone());
        path
    }

    /// The first of `stem`, `stem-2`, `stem-3`… that is free. Ends, because names are finitely many.
    fn free(&mut self, parent: &str, stem: &str, extension: &str) -> String {
        let dot = if extension.is_empty() { "" } else { "." };
        let mut path = format!("{parent}{stem}{dot}{extension}");
        let mut number: u64 = 2;
        while !self.taken.insert(path.to_ascii_lowercase()) {
            path = format!("{parent}{stem}-{number}{dot}{extension}");
            number += 1;
        }
        path
    }
}

/// The extension of a media type; `bin` for those that nobody knows.
pub(super) fn extension(media_type: &str) -> &'static str {
    let wanted = media_type.to_ascii_lowercase();
    EXTENSIONS.iter().find(|(known, _)| *known == wanted).map_or("bin", |(_, extension)| extension)
}

/// A step's folder below another folder, as [`FileNames::artifact`] takes it.
pub(super) fn below(folder: &str, step: &Name) -> String {
    format!("{folder}/{step}")
}

/// `locale=de-DE,aspect=9-16`: the ids decoded, and of them only what every system can hold.
fn cell_element(cell: &CellKey) -> String {
    let pairs = Point::of(cell).0;
    if pairs.is_empty() {
        return "-".into();
    }
    let pairs: Vec<String> =
        pairs.iter().map(|(axis, id)| format!("{axis}={}", plain(id))).collect();
    let text = pairs.join(",");
    if text.len() <= CELL_MAX_BYTES {
        return element(&text, CELL_MAX_BYTES);
    }
    // What was cut off still tells siblings apart.
    let mark: String = Digest::of(cell.as_str().as_bytes()).hex().chars().take(8).collect();
    format!("{}-{mark}", clip(&text, CELL_MAX_BYTES - mark.len() - 1))
}

/// The stem of an artifact's own name in `[a-z0-9_-]`.
fn stem(name: Option<&str>) -> String {
    let name = name.unwrap_or_default();
    let stem = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= 5 => stem,
        _ => name,
    };
    element(&plain(&stem.replace('.', "-").to_lowercase()), STEM_MAX_BYTES)
}

/// Runs of other characters become one `-`; none at the ends.
fn plain(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
        if !(c == '-' && kept.ends_with('-')) {
            kept.push(c);
        }
    }
    kept.trim_matches(['-', '.']).to_owned()
}

/// One element of a path: not empty, not too long, no device, nothing that a system cuts off.
fn element(text: &str, max: usize) -> String {
    let text = clip(text, max).trim_matches(['-', '.']);
    if text.is_empty() {
        return "file".into();
    }
    let first = text.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = first.strip_prefix("com").or(first.strip_prefix("lpt"));
    let port = numbered.is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()));
    if DEVICES.contains(&first.as_str()) || port { format!("{text}-file") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_hold_no_path_no_device_and_no_length() {
        let long = "x".repeat(400);
        for (name, expected) in [
            (Some("bold-square-de-DE.png"), "bold-square-de-de"),
            (Some("../../etc/passwd"), "etc-passwd"),
            (Some("..\\..\\x.png"), "x"),
            (Some("CON"), "con-file"),
            (Some("com1.png"), "com1-file"),
            (Some("nul.tar.gz"), "nul-tar"),
            (Some(".htaccess"), "htaccess"),
            (Some("\u{202e}gpj.exe"), "gpj"),
            (Some("a\u{1b}[2Jb.png"), "a-2jb"),
            (Some("<script>alert(1)</script>.png"), "script-alert-1-script"),
            (Some("Grüße"), "gr-e"),
            (Some("世界.png"), "file"),
            (Some(""), "file"),
            (Some("..."), "file"),
            (None, "file"),
            (Some(&long), &"x".repeat(STEM_MAX_BYTES)),
        ] {
            assert_eq!(stem(name), expected, "{name:?}");
        }
    }

    #[test]
    fn names_are_numbered_and_differ_in_more_than_case() {
        let mut names = FileNames::default();
        let cell = CellKey::from_text("locale=de");
        let mut next = |cell: &CellKey, name| names.artifact("bundle", cell, Some(name), "png").0;
        assert_eq!(next(&cell, "Hero.png"), "bundle/locale=de/hero.png");
        assert_eq!(next(&cell, "hero.png"), "bundle/locale=de/hero-2.png");
        assert_eq!(next(&cell, "hero-2.png"), "bundle/locale=de/hero-2-2.png");
        assert_eq!(
            next(&CellKey::from_text("locale=DE"), "hero.png"),
            "bundle/locale=DE-2/hero.png"
        );
        assert_eq!(next(&CellKey::single(), "hero.png"), "bundle/-/hero.png");
    }

    #[test]
    fn hostile_axis_values_stay_one_element_each() {
        let mut names = FileNames::default();
        let axis = Name::new("topic").unwrap();
        let long = "ü".repeat(64);
        for (id, folder) in [
            ("../../x", "topic=x"),
            ("16:9", "topic=16-9"),
            ("16/9", "topic=16-9-2"),
            ("..", "topic="),
            ("a,b=c", "topic=a-b-c"),
        ] {
            let path = names.artifact("k", &CellKey::of([(&axis, id)]), Some("f"), "txt");
            assert_eq!(path.as_str(), format!("k/{folder}/f.txt"), "{id}");
            assert_eq!(FilePath::read(path.as_str()), Some(path));
        }
        let long_ids: Vec<Name> =
            ["aa", "bb", "cc"].map(|n| Name::new(&n.repeat(30)).unwrap()).to_vec();
        let key = CellKey::of(long_ids.iter().map(|axis| (axis, long.as_str())));
        assert!(cell_element(&key).len() <= CELL_MAX_BYTES);
    }

    #[test]
    fn what_a_browser_would_run_is_text() {
        for media_type in
            ["text/html", "image/svg+xml", "TEXT/HTML", "application/xhtml+xml", "text/javascript"]
        {
            assert!(extension(media_type).ends_with(".txt"), "{media_type}");
        }
        assert_eq!(extension("application/x-unheard-of"), "bin");
        assert_eq!(extension("image/png"), "png");
    }

    #[test]
    fn paths_of_a_manifest_are_not_believed() {
        for bad in
            ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/./b", "C:x", "a\\b", "a b", "a/"]
        {
            assert_eq!(FilePath::read(bad), None, "{bad}");
        }
    }
}
