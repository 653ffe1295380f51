//! `outgoing-request` and its options: the parts of a request. Puts none together.

use wasmtime::component::Resource;

use super::{Fields, OutgoingBody, OutgoingRequest, RequestOptions};
use crate::state::State;
use crate::wasi::resources::{Never, Sink};
use crate::wasi::wit::http::types::{self, Method, Scheme};

type Told<T> = wasmtime::Result<T>;

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
        };
        Ok(self.wasi.table.push(request)?)
    }

    fn body(&mut self, own: Resource<OutgoingRequest>) -> Told<Result<Resource<OutgoingBody>, ()>> {
        let request = self.wasi.table.get_mut(&own)?;
        if request.body.is_some() {
            return Ok(Err(()));
        }
        let sink = Sink::default();
        sink.written().announced = request.announced();
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
        self.wasi.table.get_mut(&own)?.method = method;
        Ok(Ok(()))
    }

    fn path_with_query(&mut self, own: Resource<OutgoingRequest>) -> Told<Option<String>> {
        Ok(self.wasi.table.get(&own)?.path.clone())
    }

    fn set_path_with_query(
        &mut self,
        own: Resource<OutgoingRequest>,
        path: Option<String>,
    ) -> Told<Result<(), ()>> {
        self.wasi.table.get_mut(&own)?.path = path;
        Ok(Ok(()))
    }

    fn scheme(&mut self, own: Resource<OutgoingRequest>) -> Told<Option<Scheme>> {
        Ok(self.wasi.table.get(&own)?.scheme.clone())
    }

    fn set_scheme(
        &mut self,
        own: Resource<OutgoingRequest>,
        scheme: Option<Scheme>,
    ) -> Told<Result<(), ()>> {
        self.wasi.table.get_mut(&own)?.scheme = scheme;
        Ok(Ok(()))
    }

    fn authority(&mut self, own: Resource<OutgoingRequest>) -> Told<Option<String>> {
        Ok(self.wasi.table.get(&own)?.authority.clone())
    }

    fn set_authority(
        &mut self,
        own: Resource<OutgoingRequest>,
        authority: Option<String>,
    ) -> Told<Result<(), ()>> {
        self.wasi.table.get_mut(&own)?.authority = authority;
        Ok(Ok(()))
    }

    fn headers(&mut self, own: Resource<OutgoingRequest>) -> Told<Resource<Fields>> {
        let headers = self.wasi.table.get(&own)?.headers.clone();
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
