//! A fake as its agent calls it: each power by its script, once the capability is let through. Knows no script.

use super::{Capability, Fake, Line, denied, document};
use crate::artifact::Artifact;
use crate::delegate::DelegateError;
use crate::failure::HostError;
use crate::http;
use crate::knowledge::Passage;
use crate::limits;
use crate::log::Level;
use crate::model::{Completion, Embedding, Picture, Request};
use crate::powers::Powers;

impl Powers for Fake {
    fn write(&self, level: Level, message: &str) {
        let mut state = self.state();
        if state.lines.len() < limits::LOG_LINES {
            let message = clip(message, limits::LOG_LINE_BYTES);
            state.lines.push(Line { level, message });
        }
    }

    fn report(&self, fraction: f32, note: &str) {
        let note = clip(note, limits::PROGRESS_NOTE_BYTES);
        self.state().progress.push((fraction, note));
    }

    fn complete(&self, request: &Request) -> Result<Completion, HostError> {
        self.admit(Capability::Model)?;
        self.converse(request)
    }

    fn embed(&self, alias: &str, texts: &[&str]) -> Result<Embedding, HostError> {
        self.admit(Capability::Model)?;
        self.measure(alias, texts)
    }

    fn generate_images(&self, alias: &str, picture: &Picture) -> Result<Vec<Artifact>, HostError> {
        self.admit(Capability::Model)?;
        self.draw(alias, picture)
    }

    fn search(&self, collection: &str, query: &str, limit: u32) -> Result<Vec<Passage>, HostError> {
        self.admit(Capability::Knowledge)?;
        self.state().shelves.search(collection, query, limit)
    }

    fn put(
        &self,
        bytes: &[u8],
        media_type: &str,
        name: Option<&str>,
    ) -> Result<Artifact, HostError> {
        self.admit(Capability::Artifacts)?;
        self.state().shelf.put(bytes, media_type, name)
    }

    fn get(&self, artifact: &Artifact) -> Result<Vec<u8>, HostError> {
        self.admit(Capability::Artifacts)?;
        match self.state().shelf.get(artifact) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => Err(denied(Capability::Artifacts)),
        }
    }

    fn fetch(&self, request: &http::Request) -> Result<http::Response, HostError> {
        self.admit(Capability::Http)?;
        let (place, mut script) = self.state().web.take(request)?;
        let answer = script(request);
        self.state().web.put_back(place, script);
        answer
    }

    fn kv_get(&self, key: &str) -> Result<Option<String>, HostError> {
        self.admit(Capability::Kv)?;
        self.state().namespace.get(key)
    }

    fn kv_set(&self, key: &str, value: &str) -> Result<(), HostError> {
        self.admit(Capability::Kv)?;
        self.state().namespace.put(key, Some(value))
    }

    fn kv_delete(&self, key: &str) -> Result<(), HostError> {
        self.admit(Capability::Kv)?;
        self.state().namespace.put(key, None)
    }

    fn kv_list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, HostError> {
        self.admit(Capability::Kv)?;
        self.state().namespace.list(prefix, after, limit)
    }

    fn kv_swap(
        &self,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Result<bool, HostError> {
        self.admit(Capability::Kv)?;
        self.state().namespace.swap(key, expected, value)
    }

    fn delegate(&self, agent: &str, input: &str) -> Result<String, DelegateError> {
        self.admit(Capability::Delegate)?;
        let input = document(input, limits::JSON_BYTES, "input")?;
        let mut script = self.state().colleagues.take(agent, &input)?;
        let output = script(&input);
        self.state().colleagues.put_back(agent, script);
        Ok(output.map_err(DelegateError::Failed)?.to_string())
    }
}

impl Fake {
    fn admit(&self, capability: Capability) -> Result<(), HostError> {
        match self.state().fates.get_mut(&capability) {
            Some(fate) if fate.calls == 0 => Err(fate.then.clone()),
            Some(fate) => {
                fate.calls -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn clip(text: &str, bytes: usize) -> String {
    let mut text = text.to_owned();
    text.truncate(text.floor_char_boundary(bytes));
    text
}
