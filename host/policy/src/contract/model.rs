//! The model that every workshop of the suite speaks to: says the same words to the same prompt, or keeps silent as it is told. Counts what was asked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bailiwick_core::Digest;

use super::bell::Bell;

/// The suite's model.
#[derive(Default)]
pub struct Model {
    seen: Mutex<Seen>,
    bell: Bell,
}

/// Nobody answers. The request may have been worked on; nobody else is to be asked, and
/// nobody again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silent;

/// How it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mood {
    /// At once.
    #[default]
    Ready,
    /// As soon as so many have asked.
    Together(usize),
    /// Not before it is in another mood.
    Thinking,
    /// Never: it cannot be reached.
    Silent,
}

#[derive(Default)]
struct Seen {
    mood: Mood,
    asked: Vec<(Digest, String)>,
    waiting: usize,
}

impl Model {
    /// One request that left: with its idempotency key, and the text of its message. The
    /// words come back as they are to be given to the agent.
    ///
    /// # Errors
    /// [`Silent`].
    pub async fn ask(&self, key: Digest, prompt: &str) -> Result<String, Silent> {
        self.seen().asked.push((key, prompt.to_owned()));
        let _waiting = Waiting::at(self);
        self.bell.ring();
        self.bell
            .until(|| {
                let seen = self.seen();
                match seen.mood {
                    Mood::Ready => Some(Ok(words(prompt))),
                    Mood::Together(all) => (seen.asked.len() >= all).then(|| Ok(words(prompt))),
                    Mood::Thinking => None,
                    Mood::Silent => Some(Err(Silent)),
                }
            })
            .await
    }

    pub(super) fn is(&self, mood: Mood) {
        self.seen().mood = mood;
        self.bell.ring();
    }

    /// Keys and prompts of every request, in order.
    pub(super) fn asked(&self) -> Vec<(Digest, String)> {
        self.seen().asked.clone()
    }

    /// How many wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.seen().waiting
    }

    /// Waits until so many were asked in all.
    pub(super) async fn was_asked(&self, all: usize) {
        self.bell.until(|| (self.seen().asked.len() >= all).then_some(())).await;
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it says to a prompt, as a JSON document.
pub(super) fn words(prompt: &str) -> String {
    format!("\"heard {}\"", Digest::of(prompt.as_bytes()).short())
}

/// Counts who waits, also who gives up.
struct Waiting<'a>(&'a Model);

impl<'a> Waiting<'a> {
    fn at(model: &'a Model) -> Self {
        model.seen().waiting += 1;
        Self(model)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.seen().waiting -= 1;
    }
}
