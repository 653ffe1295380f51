//! `wasi:io`: streams that lead to the log or nowhere, pollables that are ready or wait for the clock.

use std::time::Duration;

use bailiwick_core::fact::FailureKind;
use wasmtime::component::Resource;

use super::resources::{Never, Pollable, Stdin, Stream};
use super::wit::io::{error, poll, streams};
use crate::ended::{Ended, plain};
use crate::state::State;

/// What an output stream takes at once; adapters cut larger writes into pieces.
const WRITE_MAX_BYTES: u64 = 64 * 1024;

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
        let at = asked.iter().map(|one| Ok(self.wasi.table.get(one)?.at));
        let at: Vec<Duration> = at.collect::<wasmtime::Result<_>>()?;
        let Some(first) = at.iter().min() else {
            return Err(
                Ended::from(plain(FailureKind::Trap, "the agent polled an empty list")).into()
            );
        };
        self.wait_until(*first).await;
        let now = self.now();
        let ready = at.iter().zip(0u32..).filter(|(at, _)| **at <= now);
        Ok(ready.map(|(_, index)| index).collect())
    }
}

impl poll::HostPollable for State {
    fn ready(&mut self, one: Resource<Pollable>) -> wasmtime::Result<bool> {
        let at = self.wasi.table.get(&one)?.at;
        Ok(at <= self.now())
    }

    async fn block(&mut self, one: Resource<Pollable>) -> wasmtime::Result<()> {
        let at = self.wasi.table.get(&one)?.at;
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
    fn read(&mut self, _: Resource<Stdin>, _: u64) -> Told<Vec<u8>> {
        Ok(Err(streams::StreamError::Closed))
    }

    fn blocking_read(&mut self, _: Resource<Stdin>, _: u64) -> Told<Vec<u8>> {
        Ok(Err(streams::StreamError::Closed))
    }

    fn skip(&mut self, _: Resource<Stdin>, _: u64) -> Told<u64> {
        Ok(Err(streams::StreamError::Closed))
    }

    fn blocking_skip(&mut self, _: Resource<Stdin>, _: u64) -> Told<u64> {
        Ok(Err(streams::StreamError::Closed))
    }

    fn subscribe(&mut self, _: Resource<Stdin>) -> wasmtime::Result<Resource<Pollable>> {
        self.ready_now()
    }

    fn drop(&mut self, stream: Resource<Stdin>) -> wasmtime::Result<()> {
        self.wasi.table.delete(stream)?;
        Ok(())
    }
}

impl streams::HostOutputStream for State {
    fn check_write(&mut self, _: Resource<Stream>) -> Told<u64> {
        Ok(Ok(WRITE_MAX_BYTES))
    }

    async fn write(&mut self, stream: Resource<Stream>, contents: Vec<u8>) -> Told<()> {
        let stream = *self.wasi.table.get(&stream)?;
        self.say(stream, &contents).await?;
        Ok(Ok(()))
    }

    async fn blocking_write_and_flush(
        &mut self,
        stream: Resource<Stream>,
        contents: Vec<u8>,
    ) -> Told<()> {
        let stream = *self.wasi.table.get(&stream)?;
        self.say(stream, &contents).await?;
        Ok(Ok(()))
    }

    fn flush(&mut self, _: Resource<Stream>) -> Told<()> {
        Ok(Ok(()))
    }

    fn blocking_flush(&mut self, _: Resource<Stream>) -> Told<()> {
        Ok(Ok(()))
    }

    fn subscribe(&mut self, _: Resource<Stream>) -> wasmtime::Result<Resource<Pollable>> {
        self.ready_now()
    }

    /// Zeroes are no words: they are taken and dropped.
    fn write_zeroes(&mut self, _: Resource<Stream>, _: u64) -> Told<()> {
        Ok(Ok(()))
    }

    fn blocking_write_zeroes_and_flush(&mut self, _: Resource<Stream>, _: u64) -> Told<()> {
        Ok(Ok(()))
    }

    fn splice(&mut self, _: Resource<Stream>, _: Resource<Stdin>, _: u64) -> Told<u64> {
        Ok(Err(streams::StreamError::Closed))
    }

    fn blocking_splice(&mut self, _: Resource<Stream>, _: Resource<Stdin>, _: u64) -> Told<u64> {
        Ok(Err(streams::StreamError::Closed))
    }

    fn drop(&mut self, stream: Resource<Stream>) -> wasmtime::Result<()> {
        self.wasi.table.delete(stream)?;
        Ok(())
    }
}

impl State {
    fn ready_now(&mut self) -> wasmtime::Result<Resource<Pollable>> {
        Ok(self.wasi.table.push(Pollable { at: Duration::ZERO })?)
    }
}
