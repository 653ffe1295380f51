//! `wasi:http/outgoing-handler`: `handle` only queues; when the body is finished and somebody asks for the answer, the gate judges the whole request like any other. Decides nothing.

#![allow(unreachable_pub, reason = "re-exported by generated code, which must find them public")]

mod body;
mod exchange;
mod fields;
mod request;

use bailiwick_gate::http::FetchResponse;
use wasmtime::component::Resource;

use super::resources::{Kept, Never, Sink};
use super::wit::http::types;
use crate::room::{Place, Room};
use crate::state::State;

/// Headers, of a request or of an answer.
pub struct Fields {
    entries: Vec<(String, Vec<u8>)>,
    immutable: bool,
    place: Place,
}

/// A request while it is put together.
pub struct OutgoingRequest {
    method: types::Method,
    scheme: Option<types::Scheme>,
    authority: Option<String>,
    path: Option<String>,
    headers: Fields,
    body: Option<Sink>,
    /// Of the four texts.
    place: Place,
}

/// The body of a request.
pub struct OutgoingBody {
    sink: Sink,
    streamed: bool,
}

/// Timeouts, of which none is supported: the attempt's wall clock is.
pub struct RequestOptions;

/// An answer that may not be there yet.
pub enum FutureResponse {
    /// The request, until its body is finished and somebody asks.
    Queued(Box<OutgoingRequest>),
    /// It was handed over.
    Taken,
}

/// An answer.
pub struct IncomingResponse {
    status: u16,
    headers: Fields,
    body: Option<Kept>,
}

/// The body of an answer.
pub struct IncomingBody(Option<Kept>);

/// The trailers of an answer: there are none.
pub struct FutureTrailers {
    taken: bool,
}

impl IncomingResponse {
    /// The answer, where there is room to keep it.
    fn of(response: FetchResponse, room: &Room) -> wasmtime::Result<Self> {
        let FetchResponse { status, headers, body } = response;
        let entries = headers.into_iter().map(|(name, value)| (name, value.into_bytes()));
        let headers = Fields::of(entries.collect(), true, room.place())?;
        Ok(Self { status, headers, body: Some(Kept::of(body, room)?) })
    }
}

impl types::Host for State {
    fn http_error_code(
        &mut self,
        error: Resource<Never>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        match self.wasi.table.get(&error)?.0 {}
    }
}
