//! A request to the web on its way through the gate: which rule lets it through, what leaves, and redirects, each judged like a request of its own. Sends nothing itself.

use std::time::Duration;

use bailiwick_core::Cost;
use bailiwick_core::fact::{CallAnswer, Capability, Failure, FailureKind, Limit};
use bailiwick_core::ports::Durable;
use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_policy::http::{Asked, Aspect, Method, Refused};
use bailiwick_policy::{Origin, Standing};
use url::Url;

use crate::call::{Answer, CallError, Request};
use crate::decide::Case;
use crate::gate::{Gate, ONE_REQUEST, Outgoing, Told};
use crate::http::{Exchange, Exchanged, FetchRequest, HttpError, Parsed, Way, located};
use crate::ledger::Hold;
use crate::unanswered::Unanswered;
use crate::work::{ANSWER_WORK_MAX, metered_while};

/// The most redirects that are followed: what honest sites need, and browsers' fourth part.
const REDIRECTS_MAX: u32 = 5;
/// The longest that one request may take, whatever is left of the attempt.
const REQUEST_MAX: Duration = Duration::from_secs(300);
/// The most of a URL that is shown.
const SHOWN_MAX_BYTES: usize = 200;

impl Case<'_> {
    /// Whether a request to the web may be made, and on which terms.
    pub(crate) fn fetch(&self, request: &FetchRequest) -> Result<Way, CallAnswer> {
        let parsed = request.check().map_err(|detail| CallAnswer::Invalid { detail })?;
        self.way(parsed, request.body.clone())
    }

    fn way(&self, parsed: Parsed, body: Vec<u8>) -> Result<Way, CallAnswer> {
        let names: Vec<_> = parsed.headers.iter().map(|(name, _)| name.as_str()).collect();
        let asked = Asked {
            method: parsed.method,
            url: &parsed.url,
            typed_path: &parsed.typed_path,
            headers: &names,
            body: bailiwick_core::Bytes(body.len() as u64),
        };
        let pass = match self.powers.grants.http.decide(&asked) {
            Ok(pass) => pass,
            Err(refused) => return Err(self.unasked(&asked, &refused)),
        };
        // The static check looked at the rules; this one looks at what is dialled.
        let origin = Origin(parsed.url.origin().ascii_serialization());
        let cleared = self.clearances.origin(self.step, &origin);
        cleared
            .map_err(|not| CallAnswer::Denied { reason: not.to_string(), hint: Some(not.hint) })?;
        Ok(Way { parsed, body, pass })
    }

    /// The denial, with the line that would allow the request.
    fn unasked(&self, asked: &Asked<'_>, refused: &Refused) -> CallAnswer {
        let (power, agent) = (&self.powers.grants.http, self.agent);
        let lacks = match refused.aspect {
            Aspect::Host => "no rule has this scheme, host and port",
            Aspect::Method => "no rule for this host has the method",
            Aspect::Path => "no rule for this host has the path",
            Aspect::Form => {
                "servers read this path in different ways: it passes under \"/**\" only"
            }
            Aspect::Header => "a header is not in the rule's list",
            Aspect::Body => "the body is larger than the rule's `request`",
            Aspect::Ceiling => "the ceiling does not allow what is granted",
            Aspect::Revoked => "the host was taken away",
        };
        let reason =
            format!("{} is not granted to {agent}: {lacks}", shown(asked.method, asked.url));
        let Some(rules) = power.line_with(asked, refused) else {
            return CallAnswer::Denied { reason, hint: None };
        };
        if refused.aspect == Aspect::Ceiling {
            let identity = self.identity;
            let hint = format!("in policy.toml, under [ceiling.{identity:?}]: http = {rules}");
            return CallAnswer::Denied { reason, hint: Some(hint) };
        }
        self.ungranted(reason, format!("grants.http = {rules}"))
    }
}

impl Gate {
    /// Sends a request, and follows where it is sent on: only what changes nothing, and only
    /// where a rule lets it through again. Each request is reserved and intended by itself.
    pub(crate) async fn fetched(
        &self,
        (mut durable, call, before): (Durable, Outgoing, &Standing),
        request: &Request,
        mut way: Way,
        hold: Hold,
    ) -> Told {
        let (mut hold, mut cost, mut stripped) = (Some(hold), Cost::ZERO, false);
        for _ in 0..=REDIRECTS_MAX {
            let held = match hold.take() {
                Some(held) => held,
                None => match self.once_more(&mut durable, call, &mut cost).await {
                    Ok(held) => held,
                    Err(unanswered) => return (Err(unanswered), cost, None),
                },
            };
            stripped |= way.pass.credential.is_some();
            let exchange = self.exchange(&durable, call, &way, stripped);
            let exchanged = match metered_while(ANSWER_WORK_MAX, exchange).await {
                Ok(exchanged) => exchanged,
                Err(took) => {
                    held.settle(ONE_REQUEST);
                    let lost = self.charge(call.index, cost.plus(ONE_REQUEST)).await;
                    let over = lost.err().unwrap_or_else(|| overworked(took));
                    return (Err(Unanswered::Over(over)), Cost::ZERO, None);
                }
            };
            let spent = match &exchanged {
                Err(HttpError::Refused { .. } | HttpError::Unavailable { left: false, .. }) => {
                    Cost::ZERO
                }
                Ok(_) | Err(_) => ONE_REQUEST,
            };
            held.settle(spent);
            cost = cost.plus(spent);
            let via = Some(shown(way.parsed.method, &way.parsed.url));
            let Exchanged { response, location } = match exchanged {
                Ok(exchanged) => exchanged,
                Err(error) => return (Err(told(error).into()), cost, via),
            };
            let followed = matches!(response.status, 301 | 302 | 303 | 307 | 308)
                && !way.parsed.method.changes();
            let Some(location) = location.filter(|_| followed) else {
                return (Ok(Answer::Response(response)), cost, via);
            };
            // Whoever lost the power on the way is not sent on.
            if let Some(gone) = self.gone(request, before) {
                return (Err(gone.into()), cost, via);
            }
            way = match self.redirected(&way, &location) {
                Ok(next) => next,
                Err(answer) => return (Err(answer.into()), cost, via),
            };
        }
        let detail = format!("it was redirected more than {REDIRECTS_MAX} times");
        (Err(CallAnswer::Invalid { detail }.into()), cost, None)
    }

    async fn exchange(
        &self,
        durable: &Durable,
        call: Outgoing,
        way: &Way,
        stripped: bool,
    ) -> Result<Exchanged, HttpError> {
        let lane = format!("{} {}", self.generation.agent, way.pass.rule);
        let exchange = Exchange {
            lane: &lane,
            method: way.parsed.method,
            url: &way.parsed.url,
            headers: &way.parsed.headers,
            body: &way.body,
            network: &way.pass.network,
            credential: way.pass.credential.as_ref(),
            stripped,
            response_max: way.pass.response,
            idempotency_key: &call.key,
            at: self.clock(),
            timeout: self.remaining().min(REQUEST_MAX),
        };
        self.gateway.http.exchange(durable, exchange).await
    }

    /// The way that a redirect names, judged like any other. A credential goes along only
    /// to the very same scheme, host and port.
    fn redirected(&self, from: &Way, location: &str) -> Result<Way, CallAnswer> {
        let wrong =
            |detail: String| CallAnswer::Invalid { detail: format!("a redirect: {detail}") };
        let (url, typed_path) = located(&from.parsed.url, location).map_err(wrong)?;
        let (origin, before) = (url.origin(), from.parsed.url.origin());
        let parsed = Parsed { url, typed_path, ..from.parsed.clone() };
        let standing = self.standing();
        let accounts = self.accounts(&standing, Capability::Http);
        let mut way = self.case(&standing, &accounts).way(parsed, Vec::new()).map_err(
            |answer| match answer {
                CallAnswer::Denied { reason, hint } => {
                    CallAnswer::Denied { reason: format!("a redirect: {reason}"), hint }
                }
                other => other,
            },
        )?;
        if origin != before {
            way.pass.credential = None;
        }
        Ok(way)
    }

    /// Room for another request of the same call. What the ones before cost is written down
    /// first, and this one is intended anew.
    async fn once_more(
        &self,
        durable: &mut Durable,
        call: Outgoing,
        cost: &mut Cost,
    ) -> Result<Hold, Unanswered> {
        let hold = self.hold(ONE_REQUEST, Capability::Http).await?;
        self.charge(call.index, *cost).await.map_err(Unanswered::Over)?;
        *cost = Cost::ZERO;
        let intended = self.intend(call, hold.reserved()).await;
        *durable = intended.map_err(Unanswered::Over)?;
        Ok(hold)
    }
}

/// The end of an attempt whose answer made the host work too much.
fn overworked(took: Duration) -> CallError {
    let (used, most) = (took.as_millis(), ANSWER_WORK_MAX.as_millis());
    let message =
        format!("limit:host-work used {used} ms of {most} ms for one answer from the web");
    CallError::Ended(Failure { kind: FailureKind::Limit, message, hint: None })
}

/// What the guest is told. The words of server and system are the operator's.
fn told(error: HttpError) -> CallAnswer {
    match error {
        HttpError::Refused { detail, hint } => CallAnswer::Denied { reason: detail, hint },
        HttpError::Unavailable { detail, .. } => CallAnswer::Unavailable { detail },
        HttpError::TooLarge(most) => CallAnswer::Exhausted {
            limit: Limit::Bytes,
            detail: format!(
                "the answer has more than {most}: raise `response` of the rule in grants.http"
            ),
            finish: false,
        },
        HttpError::Withheld(detail) => CallAnswer::Invalid { detail },
    }
}

/// A request for people: without its query, which may be anything.
fn shown(method: Method, url: &Url) -> String {
    let text = format!("{method} {}{}", url.origin().ascii_serialization(), url.path());
    visible(clip(&text, SHOWN_MAX_BYTES), Lines::Escape)
}
