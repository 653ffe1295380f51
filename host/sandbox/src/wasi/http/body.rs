//! Bodies: of a request while it is written, of an answer that is all there.

use bailiwick_policy::http::BODY_MAX;
use wasmtime::component::Resource;

use super::{Fields, FutureTrailers, IncomingBody, OutgoingBody};
use crate::state::State;
use crate::wasi::resources::{Input, Never, Output, Pollable, Stage, Written};
use crate::wasi::wit::http::types::{self, ErrorCode};

type Told<T> = wasmtime::Result<T>;

impl Written {
    /// What may still be written.
    pub(in crate::wasi) fn room(&self) -> u64 {
        match self.stage {
            Stage::Open => BODY_MAX.0.saturating_sub(self.bytes.len() as u64),
            Stage::Finished | Stage::Aborted => 0,
        }
    }

    /// Takes bytes, all or none. One too many, and there will be no request.
    ///
    /// # Errors
    /// The end of the attempt, where it may not hold as much.
    pub(in crate::wasi) fn take(&mut self, bytes: &[u8]) -> Told<bool> {
        if bytes.len() as u64 > self.room() {
            self.abort();
            return Ok(false);
        }
        let needed = self.bytes.len().saturating_add(bytes.len());
        if needed > self.bytes.capacity() {
            // Twice as much, so that many small writes do not copy it each time; what is
            // counted is what is allocated.
            let twice = self.bytes.capacity().saturating_mul(2);
            let most = usize::try_from(BODY_MAX.0).unwrap_or(usize::MAX);
            let capacity = needed.max(twice.min(most));
            self.place.resize(capacity)?;
            self.bytes.reserve_exact(capacity.saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(true)
    }

    /// There will be no request; what was written is of no use to anybody.
    fn abort(&mut self) {
        self.stage = Stage::Aborted;
        self.bytes = Vec::new();
        self.place.clear();
    }

    /// The bytes are somebody else's now.
    pub(super) fn given(&mut self) {
        self.bytes = Vec::new();
        self.place.clear();
    }

    /// That is all; nothing can be added any more.
    fn finish(&mut self) -> Result<(), ErrorCode> {
        let size = self.bytes.len() as u64;
        let as_announced = self.announced.is_none_or(|announced| announced == size);
        if self.stage == Stage::Open && as_announced {
            self.stage = Stage::Finished;
            return Ok(());
        }
        self.abort();
        Err(ErrorCode::HttpRequestBodySize(Some(size)))
    }
}

impl types::HostOutgoingBody for State {
    fn write(&mut self, own: Resource<OutgoingBody>) -> Told<Result<Resource<Output>, ()>> {
        let body = self.wasi.table.get_mut(&own)?;
        if body.streamed {
            return Ok(Err(()));
        }
        body.streamed = true;
        let output = Output::Body(body.sink.clone());
        Ok(Ok(self.wasi.table.push(output)?))
    }

    fn finish(
        &mut self,
        own: Resource<OutgoingBody>,
        trailers: Option<Resource<Fields>>,
    ) -> Told<Result<(), ErrorCode>> {
        let body = self.wasi.table.delete(own)?;
        let trailers = trailers.map(|trailers| self.wasi.table.delete(trailers)).transpose()?;
        if trailers.is_some_and(|trailers| !trailers.entries().is_empty()) {
            body.sink.written().abort();
            return Ok(Err(ErrorCode::HttpRequestTrailerSectionSize(Some(0))));
        }
        Ok(body.sink.written().finish())
    }

    /// Dropped without being finished it is no body.
    fn drop(&mut self, own: Resource<OutgoingBody>) -> Told<()> {
        let body = self.wasi.table.delete(own)?;
        let mut written = body.sink.written();
        if written.stage == Stage::Open {
            written.abort();
        }
        Ok(())
    }
}

impl types::HostIncomingBody for State {
    fn stream(&mut self, own: Resource<IncomingBody>) -> Told<Result<Resource<Input>, ()>> {
        match self.wasi.table.get_mut(&own)?.0.take() {
            Some(kept) => Ok(Ok(self.wasi.table.push(Input::Body { kept, at: 0 })?)),
            None => Ok(Err(())),
        }
    }

    fn finish(&mut self, own: Resource<IncomingBody>) -> Told<Resource<FutureTrailers>> {
        self.wasi.table.delete(own)?;
        Ok(self.wasi.table.push(FutureTrailers { taken: false })?)
    }

    fn drop(&mut self, own: Resource<IncomingBody>) -> Told<()> {
        self.wasi.table.delete(own)?;
        Ok(())
    }
}

type Trailers = Option<Resource<Fields>>;

impl types::HostFutureTrailers for State {
    fn subscribe(&mut self, _: Resource<FutureTrailers>) -> Told<Resource<Pollable>> {
        self.ready_now()
    }

    fn get(
        &mut self,
        own: Resource<FutureTrailers>,
    ) -> Told<Option<Result<Result<Trailers, ErrorCode>, ()>>> {
        let trailers = self.wasi.table.get_mut(&own)?;
        let taken = std::mem::replace(&mut trailers.taken, true);
        Ok(Some(if taken { Err(()) } else { Ok(Ok(None)) }))
    }

    fn drop(&mut self, own: Resource<FutureTrailers>) -> Told<()> {
        self.wasi.table.delete(own)?;
        Ok(())
    }
}

/// An agent serves nobody: nothing goes out as an answer.
impl types::HostOutgoingResponse for State {
    fn new(&mut self, _: Resource<Fields>) -> Told<Resource<Never>> {
        let words = "the agent made an answer, and nobody asks it over http";
        let kind = bailiwick_core::fact::FailureKind::Trap;
        Err(crate::ended::Ended::from(crate::ended::plain(kind, words)).into())
    }

    fn status_code(&mut self, own: Resource<Never>) -> Told<u16> {
        match self.wasi.table.get(&own)?.0 {}
    }

    fn set_status_code(&mut self, own: Resource<Never>, _: u16) -> Told<Result<(), ()>> {
        match self.wasi.table.get(&own)?.0 {}
    }

    fn headers(&mut self, own: Resource<Never>) -> Told<Resource<Fields>> {
        match self.wasi.table.get(&own)?.0 {}
    }

    fn body(&mut self, own: Resource<Never>) -> Told<Result<Resource<OutgoingBody>, ()>> {
        match self.wasi.table.get(&own)?.0 {}
    }

    fn drop(&mut self, own: Resource<Never>) -> Told<()> {
        self.wasi.table.delete(own)?;
        Ok(())
    }
}
