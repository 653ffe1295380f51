//! A web that is away, busy or slow, loses answers, or ends the process on purpose.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_gate::http::{Exchange, Exchanged, FetchResponse, HttpError, HttpProvider};

use super::{Fault, Faults, die};

/// A web with faults in it.
pub(super) struct Faulty {
    inner: Arc<dyn HttpProvider>,
    faults: Arc<Faults>,
}

impl Faulty {
    pub(super) fn new(inner: Arc<dyn HttpProvider>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    async fn exchanged(
        &self,
        durable: &Durable,
        exchange: Exchange<'_>,
    ) -> Result<Exchanged, HttpError> {
        let number = self.faults.web.fetch_add(1, Ordering::Relaxed) + 1;
        let has = |requests: &RangeInclusive<u64>| requests.contains(&number);
        for fault in &self.faults.list {
            match fault {
                Fault::WebCrashBefore(request) if *request == number => ended().await,
                Fault::WebUnavailable(requests) if has(requests) => {
                    return Err(away("made to be away by --inject", false));
                }
                Fault::WebStatus(status, requests) if has(requests) => {
                    let (headers, body) = (Vec::new(), Vec::new());
                    let response = FetchResponse { status: *status, headers, body };
                    return Ok(Exchanged { response, location: None });
                }
                _ => {}
            }
        }
        let timeout = exchange.timeout;
        let late = async {
            let answer = self.inner.exchange(durable, exchange).await;
            tokio::time::sleep(self.faults.web_delay()).await;
            answer
        };
        let answer = tokio::time::timeout(timeout, late).await;
        let answer =
            answer.unwrap_or_else(|_| Err(away("no answer in time, as --inject wants it", true)));
        for fault in &self.faults.list {
            match fault {
                Fault::WebCrashAfter(request) if *request == number => ended().await,
                Fault::WebLost(requests) if has(requests) => {
                    return Err(away("the answer was lost, as --inject wants it", true));
                }
                _ => {}
            }
        }
        answer
    }
}

fn away(detail: &str, left: bool) -> HttpError {
    HttpError::Unavailable { detail: detail.to_owned(), left }
}

/// Does not return: nothing may happen between the end that was asked for and the process's.
async fn ended() {
    die();
    std::future::pending().await
}

impl HttpProvider for Faulty {
    fn exchange<'a>(
        &'a self,
        durable: &'a Durable,
        exchange: Exchange<'a>,
    ) -> BoxFuture<'a, Result<Exchanged, HttpError>> {
        Box::pin(self.exchanged(durable, exchange))
    }
}
