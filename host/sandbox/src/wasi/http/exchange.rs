//! From a queued request to its answer: put together when its body is finished, asked for at the gate, told in the words of `wasi:http`.

use bailiwick_core::fact::Limit;
use bailiwick_gate::CallError;
use bailiwick_gate::http::{FetchRequest, FetchResponse};
use bailiwick_policy::ports::Left;
use wasmtime::component::Resource;

use super::fields::LEFT_OUT;
use super::{
    Fields, FutureResponse, IncomingBody, IncomingResponse, OutgoingRequest, RequestOptions,
};
use crate::ended::Ended;
use crate::state::State;
use crate::wasi::resources::{Pollable, Stage};
use crate::wasi::wit::http::outgoing_handler;
use crate::wasi::wit::http::types::{self, ErrorCode, Method, Scheme};

type Told<T> = wasmtime::Result<T>;

impl outgoing_handler::Host for State {
    /// Queues: the gate is to see the whole request, and its body may not be written yet.
    fn handle(
        &mut self,
        request: Resource<OutgoingRequest>,
        options: Option<Resource<RequestOptions>>,
    ) -> Told<Result<Resource<FutureResponse>, ErrorCode>> {
        let request = self.wasi.table.delete(request)?;
        if let Some(options) = options {
            self.wasi.table.delete(options)?;
        }
        Ok(Ok(self.wasi.table.push(FutureResponse::Queued(Box::new(request)))?))
    }
}

impl types::HostFutureIncomingResponse for State {
    fn subscribe(&mut self, own: Resource<FutureResponse>) -> Told<Resource<Pollable>> {
        let after = match self.wasi.table.get(&own)? {
            FutureResponse::Queued(request) => request.body.clone(),
            FutureResponse::Taken => None,
        };
        Ok(self.wasi.table.push(Pollable { at: std::time::Duration::ZERO, after })?)
    }

    async fn get(
        &mut self,
        own: Resource<FutureResponse>,
    ) -> Told<Option<Result<Result<Resource<IncomingResponse>, ErrorCode>, ()>>> {
        let future = self.wasi.table.get_mut(&own)?;
        if matches!(future, FutureResponse::Queued(request) if request.is_written()) {
            return Ok(None);
        }
        let FutureResponse::Queued(request) = std::mem::replace(future, FutureResponse::Taken)
        else {
            return Ok(Some(Err(())));
        };
        let asked = match request.whole() {
            Ok(whole) => self.ask(whole).await?,
            Err(code) => Err(code),
        };
        // It may live on behind a handle to its stream; there is nothing in it any more.
        request.sent();
        Ok(Some(Ok(match asked {
            Ok(response) => {
                let response = IncomingResponse::of(response, &self.wasi.room)?;
                Ok(self.wasi.table.push(response)?)
            }
            Err(code) => Err(code),
        })))
    }

    fn drop(&mut self, own: Resource<FutureResponse>) -> Told<()> {
        self.wasi.table.delete(own)?;
        Ok(())
    }
}

impl types::HostIncomingResponse for State {
    fn status(&mut self, own: Resource<IncomingResponse>) -> Told<u16> {
        Ok(self.wasi.table.get(&own)?.status)
    }

    fn headers(&mut self, own: Resource<IncomingResponse>) -> Told<Resource<Fields>> {
        let entries = self.wasi.table.get(&own)?.headers.entries().to_vec();
        let headers = Fields::of(entries, true, self.wasi.room.place())?;
        Ok(self.wasi.table.push(headers)?)
    }

    fn consume(
        &mut self,
        own: Resource<IncomingResponse>,
    ) -> Told<Result<Resource<IncomingBody>, ()>> {
        match self.wasi.table.get_mut(&own)?.body.take() {
            Some(body) => Ok(Ok(self.wasi.table.push(IncomingBody(Some(body)))?)),
            None => Ok(Err(())),
        }
    }

    fn drop(&mut self, own: Resource<IncomingResponse>) -> Told<()> {
        self.wasi.table.delete(own)?;
        Ok(())
    }
}

impl State {
    async fn ask(&mut self, request: FetchRequest) -> Told<Result<FetchResponse, ErrorCode>> {
        let Some(gate) = self.gate() else { return Ok(Err(ErrorCode::HttpRequestDenied)) };
        let error = match gate.fetch(request).await {
            Ok(response) => return Ok(Ok(response)),
            Err(error) => error,
        };
        Ok(Err(match error {
            CallError::Ended(failure) => return Err(Ended::from(failure).into()),
            CallError::Parked(park) => return Err(Ended(Left::Parked(park)).into()),
            CallError::Denied(_) => ErrorCode::HttpRequestDenied,
            CallError::Exhausted(Limit::Bytes) => ErrorCode::HttpResponseBodySize(None),
            CallError::Exhausted(_) => ErrorCode::InternalError(Some("exhausted".into())),
            CallError::Unavailable | CallError::Failed(_) => ErrorCode::DestinationUnavailable,
            CallError::Invalid(words) => ErrorCode::InternalError(Some(words)),
        }))
    }
}

impl OutgoingRequest {
    /// What its headers say of the size of its body. What cannot be read cannot be true.
    pub(super) fn announced(&self) -> Option<u64> {
        let lengths = self.headers.entries().iter().filter(|(name, _)| name == "content-length");
        let read = lengths.map(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok());
        read.map(|length| length.unwrap_or(u64::MAX)).max()
    }

    /// Whether its body is still being written.
    fn is_written(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.is_open())
    }

    /// Its body was handed over and is counted no more.
    fn sent(&self) {
        if let Some(body) = &self.body {
            body.written().given();
        }
    }

    /// The request as the gate knows it.
    fn whole(&self) -> Result<FetchRequest, ErrorCode> {
        let body = match &self.body {
            None if self.announced().is_some_and(|announced| announced != 0) => {
                return Err(ErrorCode::HttpRequestBodySize(Some(0)));
            }
            None => Vec::new(),
            Some(sink) => {
                let mut written = sink.written();
                if written.stage != Stage::Finished {
                    return Err(ErrorCode::HttpRequestBodySize(None));
                }
                std::mem::take(&mut written.bytes)
            }
        };
        Ok(FetchRequest { method: self.word()?, url: self.url()?, headers: self.lines(), body })
    }

    fn word(&self) -> Result<String, ErrorCode> {
        let word = match &self.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Patch => "PATCH",
            Method::Connect | Method::Trace | Method::Other(_) => {
                return Err(ErrorCode::HttpRequestMethodInvalid);
            }
        };
        Ok(word.to_owned())
    }

    /// The parts must stay what they are when they are put together: an authority with a
    /// path in it, or a path without its slash, would be another place.
    fn url(&self) -> Result<String, ErrorCode> {
        let scheme = match &self.scheme {
            None | Some(Scheme::Https) => "https",
            Some(Scheme::Http) => "http",
            Some(Scheme::Other(_)) => return Err(ErrorCode::HttpRequestUriInvalid),
        };
        let (authority, path) = (self.authority.as_deref(), self.path.as_deref());
        let (authority, path) = (authority.unwrap_or_default(), path.unwrap_or("/"));
        let odd = authority.is_empty() || authority.contains(['/', '\\', '?', '#', '@']);
        if odd || !(path.starts_with('/') || path.is_empty()) {
            return Err(ErrorCode::HttpRequestUriInvalid);
        }
        Ok(format!("{scheme}://{authority}{path}"))
    }

    /// Its headers, each name once, as HTTP joins them.
    fn lines(&self) -> Vec<(String, String)> {
        let mut lines: Vec<(String, String)> = Vec::new();
        for (name, value) in self.headers.entries() {
            if LEFT_OUT.contains(&name.as_str()) {
                continue;
            }
            // What is no text is refused by the gate, whatever it becomes here.
            let value = String::from_utf8_lossy(value);
            match lines.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = format!("{known}, {value}"),
                None => lines.push((name.clone(), value.into_owned())),
            }
        }
        lines
    }
}
