//! What people lower the label of is kept in canonical form: text that is all that can be seen of it, pictures that are their pixels. What has no such form does not leave its attempt.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bailiwick_core::artifact::references;
use bailiwick_core::fact::{Fact, Failure, FailureKind};
use bailiwick_core::{Artifact, Bytes, Digest, Document, canonical};
use serde_json::Value;
use tokio::time::timeout;

use crate::effort::{Effort, Pace};
use crate::gate::Gate;
use crate::ledger::RUN_BLOBS_MAX;
use crate::picture::png_in_form;

/// The most bytes that the artifacts of one output may have when they are looked at,
/// pixels and texts together: two posters of 5 600 × 5 600, or sixty screens full. Looking
/// at as much takes a second of CPU.
const SEEN_MAX: Bytes = Bytes::mib(256);

/// The most bytes that their forms may have together, where the attempt may not put more:
/// what an attempt may put by default. What was packed well may be packed less well after.
const KEPT_MAX: Bytes = Bytes::mib(64);

/// Why an output has no canonical form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Formless {
    /// For its own reason.
    #[error("{0}")]
    Failed(Failure),
    /// The CPU that was left to the attempt was not enough.
    #[error("the attempt's CPU is spent")]
    Cpu,
    /// Its wall clock ran out.
    #[error("the attempt's wall clock ran out")]
    Wall,
}

impl From<Failure> for Formless {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Why bytes have no canonical form.
#[derive(Debug)]
pub(crate) enum Why {
    /// They are none that can be seen whole.
    Form(String),
    /// They are too many, in words.
    Full(String),
    /// There is no more CPU for them.
    Over,
}

/// What may still be looked at and kept of one output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    seen: Bytes,
    kept: Bytes,
    most: Bytes,
}

impl Room {
    pub(crate) fn of(put: Bytes) -> Self {
        let kept = put.max(KEPT_MAX);
        Self { seen: SEEN_MAX, kept, most: kept }
    }

    /// Takes so many bytes to look at, before they are unpacked.
    pub(crate) fn see(&mut self, bytes: u64) -> Result<(), Why> {
        let left = self.seen.0.checked_sub(bytes);
        self.seen = left.map(Bytes).ok_or_else(|| too_many(SEEN_MAX, "pixels and texts"))?;
        Ok(())
    }

    /// How many bytes the next form may have.
    pub(crate) fn kept(&self) -> u64 {
        self.kept.0
    }

    pub(crate) fn keep(&mut self, bytes: u64) -> Result<(), Why> {
        self.kept = self.kept.0.checked_sub(bytes).map(Bytes).ok_or_else(|| self.full())?;
        Ok(())
    }

    pub(crate) fn full(&self) -> Why {
        too_many(self.most, "pictures and texts as they are kept")
    }
}

fn too_many(most: Bytes, of: &str) -> Why {
    Why::Full(format!(
        "limit:form used more than {most} of {most}: {of}, in one output that people decide about"
    ))
}

/// The bytes of a form.
type Form = (Digest, Bytes);

impl Gate {
    /// The output of an attempt in the form in which it is shown, decided about and read.
    /// Of a step whose label nobody lowers it stays as it is. It is a part of the attempt:
    /// within its wall clock, and within the CPU of `effort`.
    ///
    /// # Errors
    /// [`Formless`].
    pub async fn in_form(
        &self,
        document: Document,
        effort: &Arc<Effort>,
    ) -> Result<Document, Formless> {
        if !self.gateway.lowered.contains(&self.attempt.cell.step) {
            return Ok(document);
        }
        let _awaited = effort.while_awaited();
        match timeout(self.remaining(), self.put_in_form(document, effort)).await {
            Ok(formed) => formed,
            Err(_) => Err(Formless::Wall),
        }
    }

    async fn put_in_form(
        &self,
        document: Document,
        effort: &Arc<Effort>,
    ) -> Result<Document, Formless> {
        let read = move |_: &Pace<'_>| {
            let value = document.value();
            references(&value).map(|named| (value, named)).map_err(|error| error.to_string())
        };
        let (value, named) = effort.aside(read).await.ok_or_else(panicked)?.map_err(formless)?;
        let mut room = Room::of(self.standing().effective().limits.artifacts);
        let (mut forms, mut stands) = (BTreeMap::new(), BTreeMap::new());
        for was in named.into_values().collect::<BTreeSet<_>>() {
            // The same bytes under another name are looked at once.
            let (digest, bytes) = match forms.entry((was.digest, was.media_type.clone())) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(self.form_of(&was, &mut room, effort).await?),
            };
            let is = Artifact {
                digest,
                media_type: canonical::text(&was.media_type),
                bytes,
                name: was.name.as_deref().map(canonical::text),
            };
            self.recast(&was, &is).await?;
            stands.insert(was, is);
        }
        let generation = Arc::clone(&self.generation);
        let write = move |_: &Pace<'_>| {
            let form = canonical::document(&with(&value, &stands));
            let form = form.map_err(|error| error.to_string())?;
            generation.output.check(&form).map_err(|mismatch| {
                format!("without what cannot be seen it is not in its schema: {mismatch}")
            })?;
            Ok::<_, String>(Document::of(&form))
        };
        Ok(effort.aside(write).await.ok_or_else(panicked)?.map_err(formless)?)
    }

    /// The canonical bytes of an artifact, kept.
    async fn form_of(
        &self,
        was: &Artifact,
        room: &mut Room,
        effort: &Arc<Effort>,
    ) -> Result<Form, Formless> {
        let blobs = &self.gateway.blobs;
        let bytes = blobs.get(was.digest).await.map_err(|error| host(error.to_string()))?;
        let (media_type, mut taken) = (was.media_type.clone(), *room);
        let work = move |pace: &Pace<'_>| {
            let form = bytes_in_form(&media_type, &bytes, &mut taken, pace)?;
            taken.keep(form.len() as u64)?;
            let digest = Digest::of(&form);
            pace.go_on().map_err(|_| Why::Over)?;
            Ok((form, digest, taken))
        };
        let done = effort.aside(work).await.ok_or_else(panicked)?;
        let (form, digest, taken) = done.map_err(|why| match why {
            Why::Form(why) => formless(format!("the artifact {}: {why}", was.digest)).into(),
            Why::Full(message) => {
                Formless::Failed(Failure { kind: FailureKind::Limit, message, hint: None })
            }
            Why::Over => Formless::Cpu,
        })?;
        *room = taken;
        let size = Bytes(form.len() as u64);
        // What executes again on its record writes nothing.
        if digest != was.digest && self.replay.is_none() {
            self.gateway.ledger.shelf(&self.run).take(size).map_err(|used| Failure {
                kind: FailureKind::Limit,
                message: format!("limit:storage this run has put {used} of {RUN_BLOBS_MAX}"),
                hint: None,
            })?;
            blobs.put(form).await.map_err(|error| host(error.to_string()))?;
        }
        Ok((digest, size))
    }

    /// That one reference stands for another is a fact.
    async fn recast(&self, was: &Artifact, is: &Artifact) -> Result<(), Failure> {
        if is == was || self.replay.is_some() {
            return Ok(());
        }
        let (attempt, was, is) = (self.attempt.clone(), was.clone(), is.clone());
        let recorded = self.recorder.record(Fact::Recast { attempt, was, is }).await;
        recorded.map(|_| ()).map_err(|error| host(error.to_string()))
    }
}

fn with(value: &Value, forms: &BTreeMap<Artifact, Artifact>) -> Value {
    match value {
        Value::Object(members) if members.contains_key("$artifact") => {
            let known = serde_json::from_value::<Artifact>(value.clone()).ok();
            known.and_then(|was| forms.get(&was)).map_or(Value::Null, Artifact::to_json)
        }
        Value::Object(members) => Value::Object(
            members.iter().map(|(key, member)| (key.clone(), with(member, forms))).collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(|item| with(item, forms)).collect()),
        other => other.clone(),
    }
}

/// Bytes that are all that can be seen of them.
fn bytes_in_form(
    media_type: &str,
    bytes: &[u8],
    room: &mut Room,
    pace: &Pace<'_>,
) -> Result<Vec<u8>, Why> {
    match media_type {
        "image/png" => png_in_form(bytes, room, pace),
        "text/plain" | "text/markdown" | "text/csv" => {
            room.see(bytes.len() as u64)?;
            let said = std::str::from_utf8(bytes);
            let said = said.map_err(|_| Why::Form("it is no UTF-8 text".to_owned()))?;
            let mut form = canonical::text_while(said, || pace.go_on()).map_err(|_| Why::Over)?;
            // That a file ends with a line break is no more than one thing to say.
            if said.ends_with('\n') && !form.is_empty() {
                form.push('\n');
            }
            Ok(form.into_bytes())
        }
        other => Err(Why::Form(format!(
            "{other:?} has no form in which all of it can be seen; image/png, text/plain, text/markdown and text/csv have"
        ))),
    }
}

fn panicked() -> Failure {
    host("the host's own code panicked".to_owned())
}

fn formless(why: String) -> Failure {
    Failure {
        kind: FailureKind::OutOfSchema,
        message: format!("its label is lowered by people, who must see all of it: {why}"),
        hint: None,
    }
}

fn host(message: String) -> Failure {
    Failure { kind: FailureKind::Host, message, hint: None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn form(media_type: &str, bytes: &[u8], room: &mut Room) -> Result<Vec<u8>, Why> {
        bytes_in_form(media_type, bytes, room, &Effort::of(Duration::from_secs(3_600)).pace())
    }

    #[test]
    fn what_cannot_be_seen_whole_has_no_form() {
        for (media_type, bytes) in [
            ("image/svg+xml", b"<svg/>".as_slice()),
            ("application/pdf", b"%PDF"),
            ("image/jpeg", b"\xff\xd8"),
            ("image/png", b"no picture"),
            ("text/plain", b"\xff\xfe"),
        ] {
            let mut room = Room::of(Bytes(0));
            assert!(
                matches!(form(media_type, bytes, &mut room), Err(Why::Form(_))),
                "{media_type}"
            );
        }
        let mut room = Room::of(Bytes(0));
        let text = form("text/plain", "a\u{200b}e\u{301}".as_bytes(), &mut room).unwrap();
        assert_eq!(text, "a\u{e9}".as_bytes());
        for (said, seen) in [("a \n\n\n", "a\n"), ("a", "a"), (" \n", "")] {
            assert_eq!(form("text/csv", said.as_bytes(), &mut room).unwrap(), seen.as_bytes());
        }
    }

    #[test]
    fn texts_of_one_output_are_counted_together() {
        let mut room = Room::of(Bytes(0));
        room.see(SEEN_MAX.0 - 2).unwrap();
        form("text/plain", b"ab", &mut room).unwrap();
        let Err(Why::Full(why)) = form("text/plain", b"c", &mut room) else { panic!() };
        assert!(why.starts_with("limit:form used more than 256 MiB of 256 MiB"), "{why}");
        // What is put may be kept again; nothing less than that is a limit by itself.
        assert_eq!(Room::of(Bytes(0)).kept(), KEPT_MAX.0);
        assert_eq!(Room::of(Bytes::mib(200)).kept(), Bytes::mib(200).0);
    }
}
