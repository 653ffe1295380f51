//! `wasi:io`: streams that lead to the log or nowhere, pollables that are ready or wait for the clock.

use std::time::Duration;

use bailiwick_core::fact::FailureKind;
use wasmtime::component::Resource;

use super::resources::{Input, Never, Output, Pollable};
use super::wit::io::{error, poll, streams};
use crate::ended::{Ended, plain};
use crate::state::State;

/// What an output stream takes at once; adapters cut larger writes into pieces.
const WRITE_MAX_BYTES: u64 = 64 * 1024;
/// What an input stream gives at once; bodies of answers are larger, and read in pieces.
const READ_MAX_BYTES: u64 = 1024 * 1024;

type Told<T> = wasmtime::Result<Result<T, streams::StreamError>>;

impl error::Host for State {}

impl error::HostError for State {
    fn to_debug_string(&mut self, error: Resource<Never>) -> wasmtime::Result<String> {
        match self.wasi.table.get(&error)?.0 {}
    }

    fn drop(&mut self, error: Resource<Never>) -> wasmtime::Result<()> {
        self.wasi.table.delete(error)?;
        Ok(())
    }
}

impl poll::Host for State {
    async fn poll(&mut self, asked: Vec<Resource<Pollable>>) -> wasmtime::Result<Vec<u32>> {
        let at = asked.iter().map(|one| self.at(one));
        let at: Vec<Option<Duration>> = at.collect::<wasmtime::Result<_>>()?;
        if at.is_empty() {
            return Err(trap("the agent polled an empty list"));
        }
        let first = at.iter().flatten().min().ok_or_else(|| trap(NEVER_READY))?;
        self.wait_until(*first).await;
        let now = self.now();
        let ready = at.iter().zip(0u32..).filter(|(at, _)| at.is_some_and(|at| at <= now));
        Ok(ready.map(|(_, index)| index).collect())
    }
}

/// Nothing that the agent could do while it waits would end this.
const NEVER_READY: &str =
    "the agent waits for an answer, and has not finished the body of the request";

fn trap(words: &str) -> wasmtime::Error {
    Ended::from(plain(FailureKind::Trap, words)).into()
}

impl poll::HostPollable for State {
    fn ready(&mut self, one: Resource<Pollable>) -> wasmtime::Result<bool> {
        let at = self.at(&one)?;
        Ok(at.is_some_and(|at| at <= self.now()))
    }

    async fn block(&mut self, one: Resource<Pollable>) -> wasmtime::Result<()> {
        let at = self.at(&one)?.ok_or_else(|| trap(NEVER_READY))?;
        self.wait_until(at).await;
        Ok(())
    }

    fn drop(&mut self, one: Resource<Pollable>) -> wasmtime::Result<()> {
        self.wasi.table.delete(one)?;
        Ok(())
    }
}

impl streams::Host for State {}

impl streams::HostInputStream for State {
    fn read(&mut self, own: Resource<Input>, most: u64) -> Told<Vec<u8>> {
        self.read_some(&own, most)
    }

    fn blocking_read(&mut self, own: Resource<Input>, most: u64) -> Told<Vec<u8>> {
        self.read_some(&own, most)
    }

    fn skip(&mut self, own: Resource<Input>, most: u64) -> Told<u64> {
        Ok(self.read_some(&own, most)?.map(|bytes| bytes.len() as u64))
    }

    fn blocking_skip(&mut self, own: Resource<Input>, most: u64) -> Told<u64> {
        Ok(self.read_some(&own, most)?.map(|bytes| bytes.len() as u64))
    }

    fn subscribe(&mut self, _: Resource<Input>) -> wasmtime::Result<Resource<Pollable>> {
        self.ready_now()
    }

    fn drop(&mut self, stream: Resource<Input>) -> wasmtime::Result<()> {
        self.wasi.table.delete(stream)?;
        Ok(())
    }
}

impl streams::HostOutputStream for State {
    fn check_write(&mut self, own: Resource<Output>) -> Told<u64> {
        Ok(match self.wasi.table.get(&own)? {
            Output::Words(_) => Ok(WRITE_MAX_BYTES),
            Output::Body(sink) => match sink.written().room().min(WRITE_MAX_BYTES) {
                0 => Err(streams::StreamError::Closed),
                room => Ok(room),
            },
        })
    }

    async fn write(&mut self, stream: Resource<Output>, contents: Vec<u8>) -> Told<()> {
        self.write_all(&stream, &contents).await
    }

    async fn blocking_write_and_flush(
        &mut self,
        stream: Resource<Output>,
        contents: Vec<u8>,
    ) -> Told<()> {
        self.write_all(&stream, &contents).await
    }

    fn flush(&mut self, _: Resource<Output>) -> Told<()> {
        Ok(Ok(()))
    }

    fn blocking_flush(&mut self, _: Resource<Output>) -> Told<()> {
        Ok(Ok(()))
    }

    fn subscribe(&mut self, _: Resource<Output>) -> wasmtime::Result<Resource<Pollable>> {
        self.ready_now()
    }

    fn write_zeroes(&mut self, own: Resource<Output>, count: u64) -> Told<()> {
        self.write_nothing(&own, count)
    }

    fn blocking_write_zeroes_and_flush(&mut self, own: Resource<Output>, count: u64) -> Told<()> {
        self.write_nothing(&own, count)
    }

    fn splice(&mut self, _: Resource<Output>, _: Resource<Input>, _: u64) -> Told<u64> {
        Ok(Err(streams::StreamError::Closed))
    }

    fn blocking_splice(&mut self, _: Resource<Output>, _: Resource<Input>, _: u64) -> Told<u64> {
        Ok(Err(streams::StreamError::Closed))
    }

    fn drop(&mut self, stream: Resource<Output>) -> wasmtime::Result<()> {
        self.wasi.table.delete(stream)?;
        Ok(())
    }
}

impl State {
    pub(super) fn ready_now(&mut self) -> wasmtime::Result<Resource<Pollable>> {
        Ok(self.wasi.table.push(Pollable { at: Duration::ZERO, after: None })?)
    }

    /// When it is ready; nothing while that hangs on a body that the guest has to finish.
    fn at(&self, one: &Resource<Pollable>) -> wasmtime::Result<Option<Duration>> {
        let Pollable { at, after } = self.wasi.table.get(one)?;
        let open = after.as_ref().is_some_and(|body| body.is_open());
        Ok((!open).then_some(*at))
    }

    fn read_some(&mut self, own: &Resource<Input>, most: u64) -> Told<Vec<u8>> {
        let Input::Body { kept, at } = self.wasi.table.get_mut(own)? else {
            return Ok(Err(streams::StreamError::Closed));
        };
        let rest = kept.bytes.get(*at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(Err(streams::StreamError::Closed));
        }
        let most = usize::try_from(most.min(READ_MAX_BYTES)).unwrap_or(usize::MAX);
        let read = rest.get(..most).unwrap_or(rest).to_vec();
        *at += read.len();
        Ok(Ok(read))
    }

    async fn write_all(&mut self, own: &Resource<Output>, contents: &[u8]) -> Told<()> {
        let stream = match self.wasi.table.get(own)? {
            Output::Words(stream) => *stream,
            Output::Body(sink) => {
                let taken = sink.written().take(contents)?;
                return Ok(if taken { Ok(()) } else { Err(streams::StreamError::Closed) });
            }
        };
        self.say(stream, contents).await?;
        Ok(Ok(()))
    }

    /// Zeroes are no words: they are taken and dropped. In a body they are bytes.
    fn write_nothing(&mut self, own: &Resource<Output>, count: u64) -> Told<()> {
        let Output::Body(sink) = self.wasi.table.get(own)? else { return Ok(Ok(())) };
        let mut written = sink.written();
        // Checked before anything is allocated.
        let count = usize::try_from(count.min(written.room().saturating_add(1)));
        let taken = written.take(&vec![0; count.unwrap_or(usize::MAX)])?;
        Ok(if taken { Ok(()) } else { Err(streams::StreamError::Closed) })
    }
}
