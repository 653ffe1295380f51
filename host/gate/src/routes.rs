//! The ways of one outward call: ordered routes, retries with the server's patience, a reservation for each request that leaves.

use std::collections::BTreeMap;
use std::time::Duration;

use bailiwick_core::fact::{CallAnswer, Level};
use bailiwick_core::ports::Durable;
use bailiwick_core::{Calls, Cost, Digest, Tokens};
use bailiwick_policy::Route;

use crate::call::{Answer, Request};
use crate::gate::Gate;
use crate::ledger::{Allowance, Hold};
use crate::model::Images;
use crate::provider::{ProviderCall, ProviderError};

/// Tries of one route: with the waits below, enough for a rate limit that counts by the minute.
const TRIES_MAX: u32 = 4;
/// The first wait where the server names none; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait for one route; a server that wants more is passed over.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// The longest that one request may take, whatever is left of the attempt.
const REQUEST_MAX: Duration = Duration::from_secs(900);

/// One outward call on its way.
pub(crate) struct Tries<'a> {
    pub(crate) gate: &'a Gate,
    pub(crate) durable: &'a Durable,
    pub(crate) key: Digest,
    pub(crate) allowance: Allowance,
    pub(crate) worst: Cost,
}

/// How the last route ended.
enum End {
    Wait(Duration),
    Next,
}

impl Tries<'_> {
    /// The first answer along the routes, with what all tries cost and the route that gave it.
    pub(crate) async fn first_answer(
        &self,
        routes: &[Route],
        request: &Request,
        hold: Hold,
    ) -> (Result<Answer, CallAnswer>, Cost, Option<String>) {
        let images = match self.images(request).await {
            Ok(images) => images,
            Err(answer) => {
                hold.settle(Cost::ZERO);
                return (Err(answer), Cost::ZERO, None);
            }
        };
        let (mut hold, mut cost, mut last) = (Some(hold), Cost::ZERO, None);
        for route in routes {
            for number in 1..=TRIES_MAX {
                let held = match hold.take() {
                    Some(held) => held,
                    None => match self.gate.account().reserve(self.worst, self.allowance).await {
                        Ok(held) => held,
                        Err((limit, detail)) => {
                            return (Err(CallAnswer::Exhausted { limit, detail }), cost, None);
                        }
                    },
                };
                let (answer, spent) = self.once(route, request, &images).await;
                held.settle(spent);
                cost = cost.plus(spent);
                let error = match answer {
                    Ok(answer) => return (self.keep(answer).await, cost, Some(route.to_string())),
                    Err(error) => error,
                };
                let end = self.after(&error, number);
                self.note(route, &error, &end).await;
                last = Some(error);
                match end {
                    End::Wait(wait) => self.pause(wait).await,
                    End::Next => break,
                }
            }
        }
        (Err(refusal(last)), cost, None)
    }

    /// One request, and what is charged for it.
    async fn once(
        &self,
        route: &Route,
        request: &Request,
        images: &BTreeMap<Digest, Vec<u8>>,
    ) -> (Result<Raw, ProviderError>, Cost) {
        let timeout = self.gate.remaining().min(REQUEST_MAX);
        let key = &self.key;
        let provider = &self.gate.gateway.provider;
        macro_rules! to {
            ($request:expr) => {
                ProviderCall { route, request: $request, images, idempotency_key: key, timeout }
            };
        }
        let result = match request {
            Request::Complete(r) => {
                provider.complete(self.durable, to!(r)).await.map(|completion| {
                    (completion.usage.tokens(), Raw::Answer(Answer::Completion(completion)))
                })
            }
            Request::Embed(r) | Request::EmbedQuery { request: r, .. } => {
                provider.embed(self.durable, to!(r)).await.map(|embedding| {
                    (embedding.usage.tokens(), Raw::Answer(Answer::Embedding(embedding)))
                })
            }
            Request::GenerateImage(r) => provider
                .generate_image(self.durable, to!(r))
                .await
                .map(|images| (images.usage.tokens(), Raw::Images(images))),
            Request::Search(_) | Request::Put(_) | Request::Get(_) => {
                Err(ProviderError::Unsupported { detail: "stays on the host".into() })
            }
        };
        match result {
            Ok((tokens, raw)) => (Ok(raw), Cost { tokens, calls: Calls(1), ..Cost::ZERO }),
            Err(error) => {
                let spent = self.charge(&error);
                (Err(error), spent)
            }
        }
    }

    /// A request that may have been worked on is charged as reserved; one that the
    /// server turned away costs a call and no tokens; a 429 and one that never left cost nothing.
    fn charge(&self, error: &ProviderError) -> Cost {
        match error {
            ProviderError::Unavailable { left: true, .. } => self.worst,
            ProviderError::Rejected { .. } => Cost { calls: Calls(1), ..Cost::ZERO },
            ProviderError::Unavailable { .. }
            | ProviderError::Busy { .. }
            | ProviderError::Unsupported { .. } => Cost::ZERO,
        }
    }

    fn after(&self, error: &ProviderError, number: u32) -> End {
        let asked = match error {
            ProviderError::Unavailable { retry_after, .. }
            | ProviderError::Busy { retry_after, .. } => *retry_after,
            ProviderError::Rejected { .. } | ProviderError::Unsupported { .. } => return End::Next,
        };
        let wait = asked.unwrap_or(FIRST_WAIT * 2u32.pow(number.saturating_sub(1)));
        if number == TRIES_MAX || wait > WAIT_MAX || wait >= self.gate.remaining() {
            End::Next
        } else {
            End::Wait(wait)
        }
    }

    async fn pause(&self, wait: Duration) {
        let clock = &self.gate.gateway.clock;
        clock.sleep_until(clock.now().after(wait)).await;
    }

    /// Tells the operator. That the note itself could not be written ends the call a moment later anyway.
    async fn note(&self, route: &Route, error: &ProviderError, end: &End) {
        let next = match end {
            End::Wait(wait) => format!("; again in {} ms", wait.as_millis()),
            End::Next => String::new(),
        };
        let _ = self.gate.log(Level::Warn, &format!("{route}: {error}{next}"), None).await;
    }

    /// The bytes that the request shows. They are readable: authorisation looked.
    async fn images(&self, request: &Request) -> Result<BTreeMap<Digest, Vec<u8>>, CallAnswer> {
        let mut images = BTreeMap::new();
        if let Request::Complete(request) = request {
            for artifact in request.artifacts() {
                let bytes = self.gate.gateway.blobs.get(artifact.digest).await;
                let bytes = bytes.map_err(|e| CallAnswer::Unavailable { detail: e.to_string() })?;
                images.insert(artifact.digest, bytes);
            }
        }
        Ok(images)
    }

    async fn keep(&self, raw: Raw) -> Result<Answer, CallAnswer> {
        match raw {
            Raw::Answer(answer) => Ok(answer),
            Raw::Images(images) => {
                let mut kept = Vec::with_capacity(images.images.len());
                for (bytes, media_type) in images.images {
                    kept.push(self.gate.keep(bytes, media_type, None).await?);
                }
                Ok(Answer::Images(kept))
            }
        }
    }
}

/// What a provider gave, before its bytes are kept.
enum Raw {
    Answer(Answer),
    Images(Images),
}

/// What the guest is told when no route answered. The provider's own words are the
/// operator's: they stand in the log of the attempt.
fn refusal(last: Option<ProviderError>) -> CallAnswer {
    match last {
        Some(ProviderError::Rejected { .. }) => {
            CallAnswer::Invalid { detail: "the model's provider rejected the request".into() }
        }
        Some(ProviderError::Unsupported { .. }) => {
            CallAnswer::Invalid { detail: "no route of this model can do that".into() }
        }
        Some(error) => CallAnswer::Unavailable { detail: error.to_string() },
        None => CallAnswer::Unavailable { detail: "no route".into() },
    }
}
