//! The one function that builds a store, and the one way to run guest code in it: with every limit set. Knows no contract.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bailiwick_core::Bytes;
use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_core::units::show_duration;
use bailiwick_policy::Limits;
use bailiwick_policy::ports::Left;
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep_until};
use wasmtime::{Engine, Store, UpdateDeadline};

use crate::ended::{Ended, Sizes, left, plain};
use crate::limits::HANDLES_MAX;
use crate::meter::{Meter, limit};
use crate::state::State;

/// A store in which nothing has run yet.
pub(crate) struct Fresh {
    store: Store<State>,
    meter: Arc<Meter>,
    wall: Duration,
    sizes: Sizes,
}

impl Fresh {
    /// A store for one call. Memory, tables, instances and handles, stack (with the
    /// engine), what a host call may carry, CPU and wall clock: all of it is set here.
    pub(crate) fn new(
        engine: &Engine,
        state: State,
        limits: &Limits,
        hostcall: Bytes,
    ) -> Result<Self, Failure> {
        let meter = Arc::clone(&state.meter);
        let built = Store::try_new(engine, state);
        let mut store =
            built.map_err(|error| plain(FailureKind::Host, &format!("no store: {error:#}")))?;
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(usize::try_from(hostcall.0).unwrap_or(usize::MAX));
        store.set_max_component_handles(HANDLES_MAX);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| match context.data().meter.go_on() {
            // Neighbours on this thread have their turn at each tick.
            Ok(()) => Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))),
            Err(failure) => Err(Ended::from(failure).into()),
        });
        let sizes = Sizes { hostcall, output: limits.output };
        Ok(Self { store, meter, wall: limits.wall, sizes })
    }

    /// Runs guest code to its end, within CPU and wall clock. The store is used up: what
    /// trapped, ran out of time or was cancelled is dropped with the future.
    pub(crate) async fn run<T, F>(self, guest: impl FnOnce(Store<State>) -> F) -> Result<T, Left>
    where
        F: Future<Output = wasmtime::Result<T>>,
    {
        let Self { store, meter, wall, sizes } = self;
        match until(Instant::now() + wall, meter.count(guest(store))).await {
            // No tick falls into what the host does after the guest; it is charged here.
            Some(Ok(done)) => meter.within_budget().map(|()| done).map_err(Left::from),
            Some(Err(error)) => Err(left(&error, &meter, sizes)),
            None => {
                let wall = show_duration(wall);
                Err(limit("wall", &wall, &wall).into())
            }
        }
    }
}

/// Runs a future, but not beyond a moment. As `tokio::time::timeout_at`, but that whoever
/// ends without waiting, as most short attempts do, has no timer made for him.
async fn until<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut timer) = (pin!(future), pin!(None));
    poll_fn(|context| {
        if let Poll::Ready(done) = future.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        if timer.is_none() {
            // Unconstrained: else a guest that used up its task's turns would also have
            // stopped the clock.
            timer.set(Some(unconstrained(sleep_until(deadline))));
        }
        match timer.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(context).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}
