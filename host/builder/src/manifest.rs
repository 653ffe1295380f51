//! `agent.toml` as its author wrote it: every mistake with its place, all at once; reads no file itself.

use std::path::PathBuf;

use bailiwick_core::{Bytes, Diagnostic, Name, Place};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::contract::Capability;
use crate::language::Language;
use crate::wants::{
    ArtifactsWant, HttpWant, KvWant, NAMES_MAX, NamesWant, REASON_BYTES_MAX, Wants,
};

/// Not TOML.
pub const NOT_TOML: &str = "E701";
/// A key that means nothing here.
pub const UNKNOWN_KEY: &str = "E702";
/// A key that has to be there and is not.
pub const MISSING_KEY: &str = "E703";
/// A value of the wrong kind or form.
pub const WRONG_VALUE: &str = "E704";

/// What `agent.toml` says. Without the file: no wants, built with cargo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// What the agent asks for.
    pub wants: Wants,
    /// A finished module or component to take instead of building the crate,
    /// relative to the agent's folder.
    pub module: Option<PathBuf>,
    /// What the source is written in. Without it, a crate.
    pub language: Option<Language>,
    /// The module that defines the agent, relative to the agent's folder.
    pub entry: Option<PathBuf>,
    /// Who signs what is packed, where `pack` is not told another one.
    pub publisher: Option<String>,
}

impl Manifest {
    /// The module that defines the agent; nothing for a crate.
    #[must_use]
    pub fn entry(&self) -> Option<PathBuf> {
        let usual = self.language?.entry()?;
        Some(self.entry.clone().unwrap_or_else(|| PathBuf::from(usual)))
    }
}

/// Reads the text of an `agent.toml`.
///
/// `file` is its name as the user knows it.
///
/// # Errors
/// All that is wrong, in the order of the file; of a text that is no TOML, what keeps
/// it from being one.
///
/// ```
/// let manifest = bailiwick_builder::read_manifest(
///     "agent.toml",
///     r#"
/// [wants]
/// model = { use = ["writer"], reason = "writes the copy" }
/// "#,
/// );
/// assert_eq!(manifest.unwrap().wants.model.unwrap().reason, "writes the copy");
/// ```
pub fn read_manifest(file: &str, text: &str) -> Result<Manifest, Vec<Diagnostic>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { file, text, found: Vec::new() };
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        reader.report(NOT_TOML, error.message(), span, "see https://toml.io for the syntax");
    }
    // After a syntax error the tables are guesses: what else seems wrong may not be.
    if !reader.found.is_empty() {
        return Err(reader.found);
    }
    let manifest = reader.manifest(root.get_ref());
    if reader.found.is_empty() {
        return Ok(manifest);
    }
    reader.found.sort_by_key(|one| one.place.as_ref().map(|place| place.span.start));
    Err(reader.found)
}

type Value<'i> = Spanned<DeValue<'i>>;

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn manifest(&mut self, root: &DeTable<'_>) -> Manifest {
        let mut manifest = Manifest::default();
        for (key, value) in root {
            match key.get_ref().as_ref() {
                "wants" => manifest.wants = self.wants(value),
                "build" => self.build(value, &mut manifest),
                "pack" => manifest.publisher = self.pack(value),
                other => {
                    self.unknown(other, key.span(), "the tables are [wants], [build] and [pack]");
                }
            }
        }
        manifest
    }

    fn wants(&mut self, value: &Value<'_>) -> Wants {
        let mut wants = Wants::default();
        let Some(table) = self.table(value, Capability::Model.want_line()) else {
            return wants;
        };
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match Capability::named(name) {
                Some(capability @ Capability::Model) => {
                    wants.model = self.names_want(capability, key.span(), value);
                }
                Some(capability @ Capability::Knowledge) => {
                    wants.knowledge = self.names_want(capability, key.span(), value);
                }
                Some(capability @ Capability::Delegate) => {
                    wants.delegate = self.names_want(capability, key.span(), value);
                }
                Some(Capability::Http) => wants.http = self.http_want(key.span(), value),
                Some(Capability::Artifacts) => {
                    wants.artifacts = self.artifacts_want(key.span(), value);
                }
                Some(Capability::Kv) => wants.kv = self.kv_want(key.span(), value),
                None if name == "log" => {
                    self.unknown(name, key.span(), "log is always granted: leave the line out");
                }
                None => self.unknown(
                    name,
                    key.span(),
                    "what can be wanted is model, knowledge, artifacts, http, kv and delegate",
                ),
            }
        }
        wants
    }

    fn names_want(
        &mut self,
        capability: Capability,
        key: std::ops::Range<usize>,
        value: &Value<'_>,
    ) -> Option<NamesWant> {
        let table = self.table(value, capability.want_line())?;
        let (mut names, mut reason) = (None, None);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "use" => names = Some(self.names(value)),
                "reason" => reason = Some(self.reason(value)),
                other => self.unknown(other, key.span(), "the keys are use and reason"),
            }
        }
        if names.is_none() {
            self.missing("use", &key, capability.want_line());
        }
        if reason.is_none() {
            self.missing("reason", &key, capability.want_line());
        }
        Some(NamesWant { names: names??, reason: reason?? })
    }

    fn http_want(&mut self, key: std::ops::Range<usize>, value: &Value<'_>) -> Option<HttpWant> {
        let line = Capability::Http.want_line();
        let table = self.table(value, line)?;
        let (mut hosts, mut reason) = (None, None);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "hosts" => hosts = Some(self.hosts(value)),
                "reason" => reason = Some(self.reason(value)),
                other => self.unknown(other, key.span(), "the keys are hosts and reason"),
            }
        }
        if hosts.is_none() {
            self.missing("hosts", &key, line);
        }
        if reason.is_none() {
            self.missing("reason", &key, line);
        }
        Some(HttpWant { hosts: hosts??, reason: reason?? })
    }

    fn hosts(&mut self, value: &Value<'_>) -> Option<Vec<String>> {
        let hint = r#"hosts as in hosts = ["api.example.com", "*.example.org"]"#;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_kind(value, "a list", hint);
            return None;
        };
        if items.is_empty() || items.len() > NAMES_MAX {
            let message = format!("the list has {} hosts", items.len());
            self.report(WRONG_VALUE, message, value.span(), format!("1 to {NAMES_MAX} hosts"));
            return None;
        }
        let mut hosts = Vec::new();
        for item in items {
            let Some(text) = self.string(item, hint) else { continue };
            if HttpWant::is_host(&text) {
                hosts.push(text);
            } else {
                self.report(WRONG_VALUE, format!("{text:?} is no host"), item.span(), hint);
            }
        }
        Some(hosts)
    }

    fn artifacts_want(
        &mut self,
        key: std::ops::Range<usize>,
        value: &Value<'_>,
    ) -> Option<ArtifactsWant> {
        let line = Capability::Artifacts.want_line();
        let table = self.table(value, line)?;
        let (mut put, mut reason) = (None, None);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "put" => put = self.size(value),
                "reason" => reason = Some(self.reason(value)),
                other => self.unknown(other, key.span(), "the keys are put and reason"),
            }
        }
        if reason.is_none() {
            self.missing("reason", &key, line);
        }
        Some(ArtifactsWant { put, reason: reason?? })
    }

    fn kv_want(&mut self, key: std::ops::Range<usize>, value: &Value<'_>) -> Option<KvWant> {
        let line = Capability::Kv.want_line();
        let table = self.table(value, line)?;
        let (mut write, mut reason) = (false, None);
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("write", DeValue::Boolean(writes)) => write = *writes,
                ("write", _) => self.wrong_kind(value, "a boolean", line),
                ("reason", _) => reason = Some(self.reason(value)),
                (other, _) => self.unknown(other, key.span(), "the keys are write and reason"),
            }
        }
        if reason.is_none() {
            self.missing("reason", &key, line);
        }
        Some(KvWant { write, reason: reason?? })
    }

    fn build(&mut self, value: &Value<'_>, manifest: &mut Manifest) {
        let hint = r#"language = "python", or module = "FILE.wasm", relative to this folder; without them the crate is built"#;
        let Some(table) = self.table(value, hint) else { return };
        let (mut entry_span, mut has_language) = (None, false);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "module" => manifest.module = self.string(value, hint).map(PathBuf::from),
                "language" => {
                    manifest.language = self.language(value);
                    has_language = true;
                }
                "entry" => {
                    manifest.entry = self.string(value, hint).map(PathBuf::from);
                    entry_span = Some(value.span());
                }
                other => {
                    self.unknown(other, key.span(), "the keys are language, entry and module");
                }
            }
        }
        if manifest.module.is_some() && (manifest.language.is_some() || manifest.entry.is_some()) {
            let message = "a finished file has no language and no entry any more";
            self.report(WRONG_VALUE, message, value.span(), "leave module out, or the others");
        } else if let Some(span) = entry_span
            && (!has_language || manifest.language == Some(Language::Rust))
        {
            let hint = r#"add language = "python" or "typescript", or leave entry out"#;
            self.report(WRONG_VALUE, "a crate has no entry", span, hint);
        }
    }

    fn language(&mut self, value: &Value<'_>) -> Option<Language> {
        let hint = r#"the languages are "rust", "python" and "typescript""#;
        let name = self.string(value, hint)?;
        let language = Language::named(&name);
        if language.is_none() {
            self.report(WRONG_VALUE, format!("{name:?} is no language"), value.span(), hint);
        }
        language
    }

    fn pack(&mut self, value: &Value<'_>) -> Option<String> {
        let hint = r#"publisher = "NAME": letters, digits, `_`, `-` and `.`, at most 64 bytes"#;
        let table = self.table(value, hint)?;
        let mut publisher = None;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "publisher" => publisher = self.string(value, hint).map(|text| (text, value)),
                other => self.unknown(other, key.span(), "the only key is publisher"),
            }
        }
        let (text, value) = publisher?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        // `local` is the publisher of what nobody signed.
        if text == "local" || !(1..=64).contains(&text.len()) || !text.bytes().all(plain) {
            let message = format!("{text:?} cannot be a publisher");
            self.report(WRONG_VALUE, message, value.span(), hint);
            return None;
        }
        Some(text)
    }

    fn names(&mut self, value: &Value<'_>) -> Option<Vec<Name>> {
        let hint = r#"a list of names, as in use = ["writer"]"#;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_kind(value, "a list", hint);
            return None;
        };
        if items.is_empty() || items.len() > NAMES_MAX {
            let message = format!("the list has {} names", items.len());
            let hint = format!("1 to {NAMES_MAX} names");
            self.report(WRONG_VALUE, message, value.span(), hint);
            return None;
        }
        let mut names: Vec<Name> = Vec::new();
        for item in items {
            let Some(text) = self.string(item, hint) else {
                continue;
            };
            match Name::new(&text) {
                Err(error) => self.report(WRONG_VALUE, error.to_string(), item.span(), hint),
                Ok(name) if names.contains(&name) => {
                    let message = format!("{name} stands in the list twice");
                    self.report(WRONG_VALUE, message, item.span(), "once is enough");
                }
                Ok(name) => names.push(name),
            }
        }
        Some(names)
    }

    fn reason(&mut self, value: &Value<'_>) -> Option<String> {
        let hint = "one sentence for the operator who grants it, as in reason = \"current prices\"";
        let text = self.string(value, hint)?;
        if text.trim().is_empty() || text.len() > REASON_BYTES_MAX {
            let message =
                format!("the reason has {} bytes; 1 to {REASON_BYTES_MAX} are allowed", text.len());
            self.report(WRONG_VALUE, message, value.span(), hint);
            return None;
        }
        Some(text)
    }

    fn size(&mut self, value: &Value<'_>) -> Option<Bytes> {
        let hint =
            r#"a size with its unit, as in put = "16 MiB"; without put the agent only reads"#;
        let text = self.string(value, hint)?;
        Bytes::parse(&text)
            .map_err(|error| self.report(WRONG_VALUE, error.to_string(), value.span(), hint))
            .ok()
    }

    fn table<'v, 'i>(&mut self, value: &'v Value<'i>, hint: &str) -> Option<&'v DeTable<'i>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(table);
        }
        self.wrong_kind(value, "a table", hint);
        None
    }

    fn string(&mut self, value: &Value<'_>, hint: &str) -> Option<String> {
        if let DeValue::String(text) = value.get_ref() {
            return Some(text.to_string());
        }
        self.wrong_kind(value, "a string", hint);
        None
    }

    fn wrong_kind(&mut self, value: &Value<'_>, expected: &str, hint: &str) {
        let message = format!("expected {expected}, found {}", kind(value.get_ref()));
        self.report(WRONG_VALUE, message, value.span(), hint);
    }

    fn unknown(&mut self, key: &str, span: std::ops::Range<usize>, hint: &str) {
        self.report(UNKNOWN_KEY, format!("unknown key {key:?}"), span, hint);
    }

    fn missing(&mut self, key: &str, span: &std::ops::Range<usize>, hint: &str) {
        self.report(MISSING_KEY, format!("the key {key:?} is missing"), span.clone(), hint);
    }

    fn report(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: std::ops::Range<usize>,
        hint: impl Into<String>,
    ) {
        let place = Place::of(self.file, self.text, span);
        self.found.push(Diagnostic::error(code, message).at(place).hint(hint));
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
