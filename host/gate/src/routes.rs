//! The ways of one outward call: ordered routes, retries with the server's patience, a reservation for each request that leaves.

use std::collections::BTreeMap;
use std::time::Duration;

use bailiwick_core::fact::{CallAnswer, Level};
use bailiwick_core::ports::Durable;
use bailiwick_core::{Cost, Digest};
use bailiwick_policy::{Route, Standing};

use crate::call::{Answer, Request};
use crate::decide::Permit;
use crate::gate::{Gate, Outgoing, Told};
use crate::ledger::Hold;
use crate::model::Images;
use crate::provider::{ProviderCall, ProviderError};
use crate::unanswered::Unanswered;
use crate::worst::{Worst, spent};

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
    pub(crate) call: Outgoing,
    pub(crate) worst: Worst,
    pub(crate) routes: &'a [Route],
    /// What held when it was let through.
    pub(crate) before: &'a Standing,
}

/// How the last route ended.
enum End {
    Wait(Duration),
    Next,
}

impl Tries<'_> {
    /// The first answer along the routes, with what is not yet charged for the tries,
    /// and the route that gave it.
    pub(crate) async fn first_answer(
        &self,
        mut durable: Durable,
        request: &Request,
        hold: Hold,
    ) -> Told {
        let images = match self.images(request).await {
            Ok(images) => images,
            Err(answer) => {
                hold.settle(Cost::ZERO);
                return (Err(answer.into()), Cost::ZERO, None);
            }
        };
        let (mut hold, mut cost, mut last, mut lost) = (Some(hold), Cost::ZERO, None, None);
        for route in self.routes {
            for number in 1..=TRIES_MAX {
                let held = match hold.take() {
                    Some(held) => held,
                    None => match self.again(&mut durable, &mut cost, request).await {
                        Ok(held) => held,
                        Err(unanswered) => return (Err(unanswered), cost, None),
                    },
                };
                // After everything that was waited for: minutes may have passed, and what
                // held for the list of routes then need not hold for this one now.
                match self.permits(route, request) {
                    Ok(None) => {}
                    Ok(Some(why)) => {
                        self.pass_over(route, &why).await;
                        (hold, lost) = (Some(held), Some(why));
                        break;
                    }
                    Err(gone) => {
                        held.settle(Cost::ZERO);
                        return (Err(gone.into()), cost, None);
                    }
                }
                let (answer, spent) = self.once(&durable, route, request, &images).await;
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
        if let Some(unused) = hold {
            unused.settle(Cost::ZERO);
        }
        let answer = match (last, lost) {
            (None, Some(lost)) => lost,
            (last, _) => refusal(last),
        };
        (Err(answer.into()), cost, None)
    }

    /// Whether the request may leave along a route at this moment: nothing, or why that
    /// route is to be passed over.
    ///
    /// # Errors
    /// The denial where the request may leave along none.
    fn permits(&self, route: &Route, request: &Request) -> Result<Option<CallAnswer>, CallAnswer> {
        let now = self.gate.standing();
        if now.version == self.before.version {
            return Ok(None);
        }
        let permitted = match self.gate.authorize(request, &now)? {
            Permit::Routes(routes) => routes.contains(route),
            _ => false,
        };
        if permitted {
            return Ok(None);
        }
        let not = now.clearances.route(&self.gate.attempt.cell.step, route).err();
        let (reason, hint) = match not {
            Some(not) => (not.to_string(), Some(not.hint)),
            None => (format!("the rules of now leave {route} out"), None),
        };
        Ok(Some(CallAnswer::Denied { reason, hint }))
    }

    /// Tells the operator why a route was not asked.
    async fn pass_over(&self, route: &Route, why: &CallAnswer) {
        let CallAnswer::Denied { reason, .. } = why else { return };
        let _ = self.gate.aside(Level::Warn, &format!("{route}: passed over: {reason}")).await;
    }

    /// Room for another request of the same call. What the ones before were charged is
    /// written down first, and this one is intended anew: a host that ends in the middle
    /// of it must find in its journal what every one of them may have cost.
    async fn again(
        &self,
        durable: &mut Durable,
        cost: &mut Cost,
        request: &Request,
    ) -> Result<Hold, Unanswered> {
        // Whoever lost the power while it waited reserves nothing any more.
        if let Some(gone) = self.gate.gone(request, self.before) {
            return Err(gone.into());
        }
        let hold = self.gate.hold(self.worst.along(self.routes), self.call.capability).await?;
        if *cost != Cost::ZERO {
            let index = self.call.index;
            self.gate.charge(index, *cost).await.map_err(Unanswered::Over)?;
            *cost = Cost::ZERO;
            let intended = self.gate.intend(self.call, hold.reserved()).await;
            *durable = intended.map_err(Unanswered::Over)?;
        }
        Ok(hold)
    }

    /// One request, and what is charged for it.
    async fn once(
        &self,
        durable: &Durable,
        route: &Route,
        request: &Request,
        images: &BTreeMap<Digest, Vec<u8>>,
    ) -> (Result<Raw, ProviderError>, Cost) {
        let timeout = self.gate.remaining().min(REQUEST_MAX);
        let key = &self.call.key;
        let provider = &self.gate.gateway.provider;
        macro_rules! to {
            ($request:expr) => {
                ProviderCall { route, request: $request, images, idempotency_key: key, timeout }
            };
        }
        let result = match request {
            Request::Complete(r) => provider.complete(durable, to!(r)).await.map(|completion| {
                let cost = spent(route, completion.usage, 0);
                (cost, Raw::Answer(Answer::Completion(completion)))
            }),
            Request::Embed(r) | Request::EmbedQuery { request: r, .. } => {
                provider.embed(durable, to!(r)).await.map(|embedding| {
                    let cost = spent(route, embedding.usage, 0);
                    (cost, Raw::Answer(Answer::Embedding(embedding)))
                })
            }
            Request::GenerateImage(r) => {
                provider.generate_image(durable, to!(r)).await.map(|images| {
                    let cost = spent(route, images.usage, images.images.len() as u64);
                    (cost, Raw::Images(images))
                })
            }
            Request::Search(_)
            | Request::Put(_)
            | Request::Get(_)
            | Request::Fetch(_)
            | Request::Kv(_)
            | Request::Delegate(_) => {
                Err(ProviderError::Unsupported { detail: "stays on the host".into() })
            }
        };
        match result {
            Ok((cost, raw)) => (Ok(raw), cost),
            Err(error) => {
                let charged = error.charge(self.worst.on(route));
                (Err(error), charged)
            }
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
        let _ = self.gate.aside(Level::Warn, &format!("{route}: {error}{next}")).await;
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

    async fn keep(&self, raw: Raw) -> Result<Answer, Unanswered> {
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
