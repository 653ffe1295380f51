//! `outgoing-request` and its options: the parts of a request. Puts none together.

use bailiwick_gate::http::URL_MAX_BYTES;
use wasmtime::component::Resource;

use super::{Fields, OutgoingBody, OutgoingRequest, RequestOptions};
use crate::state::State;
use crate::wasi::resources::{Never, Sink};
use crate::wasi::wit::http::types::{self, Method, Scheme};

type Told<T> = wasmtime::Result<T>;

/// The longest word for a method or a scheme, in bytes: four times the longest that is
/// ever sent.
const WORD_MAX_BYTES: usize = 32;

/// A text of a request, where it is no longer than it may be in one that is sent: what is
/// longer is refused when it is set, and not kept until somebody sends it.
fn bounded(text: String, most: usize) -> Result<String, ()> {
    // What was lifted from UTF-16 has more room than it needs.
    if text.len() > most { Err(()) } else { Ok(text.into_boxed_str().into()) }
}

impl OutgoingRequest {
    /// Counts what its texts take, after one of them was set.
    fn counted(&mut self) -> Told<Result<(), ()>> {
        let method = match &self.method {
            Method::Other(word) => word.len(),
            _ => 0,
        };
        let scheme = match &self.scheme {
            Some(Scheme::Other(word)) => word.len(),
            _ => 0,
        };
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let bytes = method + scheme + length(&self.authority) + length(&self.path);
        self.place.resize(bytes).map(Ok)
    }
}

impl types::HostOutgoingRequest for State {
    fn new(&mut self, headers: Resource<Fields>) -> Told<Resource<OutgoingRequest>> {
        let headers = self.wasi.table.delete(headers)?;
        let request = OutgoingRequest {
            method: Method::Get,
            scheme: None,
            authority: None,
            path: None,
            headers: Fields { immutable: true, ..headers },
            body: None,
            place: self.wasi.room.place(),
        };
        Ok(self.wasi.table.push(request)?)
    }

    fn body(&mut self, own: Resource<OutgoingRequest>) -> Told<Result<Resource<OutgoingBody>, ()>> {
        let request = self.wasi.table.get_mut(&own)?;
        if request.body.is_some() {
            return Ok(Err(()));
        }
        let sink = Sink::new(request.announced(), self.wasi.room.place());
        request.body = Some(sink.clone());
        Ok(Ok(self.wasi.table.push(OutgoingBody { sink, streamed: false })?))
    }

    fn method(&mut self, own: Resource<OutgoingRequest>) -> Told<Method> {
        Ok(self.wasi.table.get(&own)?.method.clone())
    }

    fn set_method(
        &mut self,
        own: Resource<OutgoingRequest>,
        method: Method,
    ) -> Told<Result<(), ()>> {
        let method = match method {
            Method::Other(word) => bounded(word, WORD_MAX_BYTES).map(Method::Other),
            known => Ok(known),
        };
        let Ok(method) = method else { return Ok(Err(())) };
        let request = self.wasi.table.get_mut(&own)?;
        request.method = method;
        request.counted()
    }

    fn path_with_query(&mut self, own: Resource<OutgoingRequest>) -> Told<Option<String>> {
        Ok(self.wasi.table.get(&own)?.path.clone())
    }

    fn set_path_with_query(
        &mut self,
        own: Resource<OutgoingRequest>,
        path: Option<String>,
    ) -> Told<Result<(), ()>> {
        let path = path.map(|path| bounded(path, URL_MAX_BYTES)).transpose();
        let Ok(path) = path else { return Ok(Err(())) };
        let request = self.wasi.table.get_mut(&own)?;
        request.path = path;
        request.counted()
    }

    fn scheme(&mut self, own: Resource<OutgoingRequest>) -> Told<Option<Scheme>> {
        Ok(self.wasi.table.get(&own)?.scheme.clone())
    }

    fn set_scheme(
        &mut self,
        own: Resource<OutgoingRequest>,
        scheme: Option<Scheme>,
    ) -> Told<Result<(), ()>> {
        let scheme = match scheme {
            Some(Scheme::Other(word)) => {
                bounded(word, WORD_MAX_BYTES).map(|word| Some(Scheme::Other(word)))
            }
            known => Ok(known),
        };
        let Ok(scheme) = scheme else { return Ok(Err(())) };
        let request = self.wasi.table.get_mut(&own)?;
        request.scheme = scheme;
        request.counted()
    }

    fn authority(&mut self, own: Resource<OutgoingRequest>) -> Told<Option<String>> {
        Ok(self.wasi.table.get(&own)?.authority.clone())
    }

    fn set_authority(
        &mut self,
        own: Resource<OutgoingRequest>,
        authority: Option<String>,
    ) -> Told<Result<(), ()>> {
        let authority = authority.map(|text| bounded(text, URL_MAX_BYTES)).transpose();
        let Ok(authority) = authority else { return Ok(Err(())) };
        let request = self.wasi.table.get_mut(&own)?;
        request.authority = authority;
        request.counted()
    }

    fn headers(&mut self, own: Resource<OutgoingRequest>) -> Told<Resource<Fields>> {
        let entries = self.wasi.table.get(&own)?.headers.entries().to_vec();
        let headers = Fields::of(entries, true, self.wasi.room.place())?;
        Ok(self.wasi.table.push(headers)?)
    }

    fn drop(&mut self, own: Resource<OutgoingRequest>) -> Told<()> {
        self.wasi.table.delete(own)?;
        Ok(())
    }
}

/// No timeout is supported, and each says so: the attempt's wall clock holds.
impl types::HostRequestOptions for State {
    fn new(&mut self) -> Told<Resource<RequestOptions>> {
        Ok(self.wasi.table.push(RequestOptions)?)
    }

    fn connect_timeout(&mut self, _: Resource<RequestOptions>) -> Told<Option<u64>> {
        Ok(None)
    }

    fn set_connect_timeout(
        &mut self,
        _: Resource<RequestOptions>,
        _: Option<u64>,
    ) -> Told<Result<(), ()>> {
        Ok(Err(()))
    }

    fn first_byte_timeout(&mut self, _: Resource<RequestOptions>) -> Told<Option<u64>> {
        Ok(None)
    }

    fn set_first_byte_timeout(
        &mut self,
        _: Resource<RequestOptions>,
        _: Option<u64>,
    ) -> Told<Result<(), ()>> {
        Ok(Err(()))
    }

    fn between_bytes_timeout(&mut self, _: Resource<RequestOptions>) -> Told<Option<u64>> {
        Ok(None)
    }

    fn set_between_bytes_timeout(
        &mut self,
        _: Resource<RequestOptions>,
        _: Option<u64>,
    ) -> Told<Result<(), ()>> {
        Ok(Err(()))
    }

    fn drop(&mut self, own: Resource<RequestOptions>) -> Told<()> {
        self.wasi.table.delete(own)?;
        Ok(())
    }
}

/// An agent serves nobody: no request comes in.
impl types::HostIncomingRequest for State {
    fn method(&mut self, own: Resource<Never>) -> Told<Method> {
        match self.wasi.table.get(&own)?.0 {}
    }

    fn path_with_query(&mut self, own: Resource<Never>) -> Told<Option<String>> {
        match self.wasi.table.get(&own)?.0 {}
    }

    fn scheme(&mut self, own: Resource<Never>) -> Told<Option<Scheme>> {
        match self.wasi.table.get(&own)?.0 {}
    }

    fn authority(&mut self, own: Resource<Never>) -> Told<Option<String>> {
        match self.wasi.table.get(&own)?.0 {}
    }

    fn headers(&mut self, own: Resource<Never>) -> Told<Resource<Fields>> {
        match self.wasi.table.get(&own)?.0 {}
    }

    fn consume(&mut self, own: Resource<Never>) -> Told<Result<Resource<super::IncomingBody>, ()>> {
        match self.wasi.table.get(&own)?.0 {}
    }

    fn drop(&mut self, own: Resource<Never>) -> Told<()> {
        self.wasi.table.delete(own)?;
        Ok(())
    }
}

impl types::HostResponseOutparam for State {
    fn set(
        &mut self,
        own: Resource<Never>,
        _: Result<Resource<Never>, types::ErrorCode>,
    ) -> Told<()> {
        match self.wasi.table.get(&own)?.0 {}
    }

    fn drop(&mut self, own: Resource<Never>) -> Told<()> {
        self.wasi.table.delete(own)?;
        Ok(())
    }
}
