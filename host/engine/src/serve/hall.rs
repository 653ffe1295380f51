//! The places for attempts that all runs of a host share: so many in all, given to projects in turn, and within a project to its runs in turn. Runs nothing.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bailiwick_core::RunId;
use bailiwick_core::ports::BoxFuture;
use bailiwick_policy::ports::{Job, Outcome, Place, Places, StepRunner};
use tokio::sync::oneshot::{self, error::RecvError};

use crate::serve::turns::{Lane as _, Turns};

type Waiting = VecDeque<oneshot::Sender<Place>>;

/// The places of a host.
#[derive(Clone)]
pub(crate) struct Hall(Arc<Mutex<Seats>>);

struct Seats {
    free: usize,
    all: usize,
    /// Those who want nobody beside them: they go first, and all else waits.
    alone: Waiting,
    /// Whether one of them is there.
    solitude: bool,
    waiting: Turns<String, Turns<RunId, Waiting>>,
}

impl Hall {
    pub(crate) fn of(places: NonZeroUsize) -> Self {
        let all = places.get();
        let (alone, waiting) = (Waiting::new(), Turns::default());
        Self(Arc::new(Mutex::new(Seats { free: all, all, alone, solitude: false, waiting })))
    }

    /// A runner whose attempts take places of this hall.
    pub(crate) fn share(
        &self,
        project: &str,
        run: &RunId,
        runner: Arc<dyn StepRunner>,
    ) -> Arc<dyn StepRunner> {
        let (hall, project, run) = (self.clone(), project.to_owned(), run.clone());
        Arc::new(Sharing { runner, places: Arc::new(Share { hall, project, run }) })
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> Place {
        Place::new(Seat(self.clone()))
    }

    /// Gives free places to those whose turn it is. Who does not wait any more has none.
    fn serve(&self) {
        while let Some(next) = self.next() {
            // Who goes away in this very moment gives it back by dropping it.
            let _ = next.send(self.place());
        }
    }

    fn next(&self) -> Option<oneshot::Sender<Place>> {
        let mut seats = self.seats();
        seats.alone.retain(|next| !next.is_closed());
        if seats.free == seats.all
            && let Some(next) = seats.alone.pop_front()
        {
            seats.free -= 1;
            seats.solitude = true;
            return Some(next);
        }
        if seats.free == 0 || seats.is_closed() {
            return None;
        }
        let next = std::iter::from_fn(|| seats.waiting.take()).find(|next| !next.is_closed());
        seats.free -= usize::from(next.is_some());
        next
    }
}

impl Seats {
    /// Whether somebody is to have nobody beside him, now or next.
    fn is_closed(&self) -> bool {
        self.solitude || !self.alone.is_empty()
    }
}

/// A place that is taken.
struct Seat(Hall);

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.0.seats();
        seats.free += 1;
        // Where there was solitude, this was the one.
        seats.solitude = false;
        drop(seats);
        self.0.serve();
    }
}

/// The places of one run.
struct Share {
    hall: Hall,
    project: String,
    run: RunId,
}

impl Places for Share {
    fn try_take(&self) -> Option<Place> {
        let mut seats = self.hall.seats();
        if seats.is_closed() {
            return None;
        }
        // Where a place is free, nobody waits.
        seats.free = seats.free.checked_sub(1)?;
        drop(seats);
        Some(self.hall.place())
    }

    fn take(&self) -> BoxFuture<'static, Place> {
        let (asked, turn) = oneshot::channel();
        self.hall
            .seats()
            .waiting
            .lane(self.project.clone())
            .lane(self.run.clone())
            .push_back(asked);
        self.hall.serve();
        Box::pin(given(turn))
    }

    fn take_alone(&self) -> BoxFuture<'static, Place> {
        let (asked, turn) = oneshot::channel();
        self.hall.seats().alone.push_back(asked);
        self.hall.serve();
        let turn = Alone { turn: Some(turn), hall: self.hall.clone() };
        Box::pin(turn.given())
    }
}

async fn given(turn: impl Future<Output = Result<Place, RecvError>>) -> Place {
    match turn.await {
        Ok(place) => place,
        // Only a hall that nobody needs any more drops who waits.
        Err(_) => std::future::pending().await,
    }
}

/// Waits to have nobody beside it. Who gives that up lets the others in again.
struct Alone {
    turn: Option<oneshot::Receiver<Place>>,
    hall: Hall,
}

impl Alone {
    async fn given(mut self) -> Place {
        match &mut self.turn {
            Some(turn) => given(turn).await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Closed before the others are looked at.
        drop(self.turn.take());
        self.hall.serve();
    }
}

struct Sharing {
    runner: Arc<dyn StepRunner>,
    places: Arc<Share>,
}

impl StepRunner for Sharing {
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        self.runner.run(job)
    }

    fn places(&self) -> Option<Arc<dyn Places>> {
        Some(Arc::clone(&self.places) as _)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bailiwick_core::fact::Used;
    use bailiwick_core::{Document, RunId};
    use futures_util::FutureExt as _;

    use super::*;

    struct Idle;

    impl StepRunner for Idle {
        fn run(&self, _: Job) -> BoxFuture<'_, Outcome> {
            let output = Document::of(&serde_json::Value::Null);
            Box::pin(async {
                Outcome { result: Ok(output), used: Used::default(), writes: Vec::new() }
            })
        }
    }

    fn share(hall: &Hall, project: &str, run: &str) -> Arc<dyn Places> {
        let run = RunId::new(run).unwrap();
        hall.share(project, &run, Arc::new(Idle)).places().unwrap()
    }

    fn hall(places: usize) -> Hall {
        Hall::of(NonZeroUsize::new(places).unwrap())
    }

    /// The place of the first who got one.
    fn given(waiting: &mut Vec<BoxFuture<'static, Place>>) -> Option<Place> {
        let (at, place) =
            waiting.iter_mut().enumerate().find_map(|(at, one)| Some((at, one.now_or_never()?)))?;
        drop(waiting.remove(at));
        Some(place)
    }

    #[test]
    fn a_small_run_waits_for_its_turn_and_not_for_a_large_one() {
        let hall = hall(4);
        let (large, small) = (share(&hall, "large", "r1"), share(&hall, "small", "r2"));
        let mut held: Vec<Place> = std::iter::from_fn(|| large.try_take()).collect();
        assert_eq!(held.len(), 4);
        let mut queued: Vec<_> = (0..10_000).map(|_| large.take()).collect();
        let mut asked: Vec<_> = (0..3).map(|_| small.take()).collect();
        // Each place that comes free is given in turn: after two of them the small run
        // has had one more each time.
        for turn in 1..=3 {
            held.drain(..2);
            assert_eq!(given(&mut queued).map(|place| held.push(place)), Some(()), "turn {turn}");
            assert_eq!(given(&mut asked).map(|place| held.push(place)), Some(()), "turn {turn}");
            assert!(given(&mut queued).is_none() && given(&mut asked).is_none());
        }
    }

    #[test]
    fn who_wants_nobody_beside_him_waits_for_all_and_all_else_waits_for_him() {
        let hall = hall(3);
        let (one, other) = (share(&hall, "p", "r1"), share(&hall, "q", "r2"));
        let held = [one.try_take().unwrap(), other.try_take().unwrap()];
        let (first, second) = (one.take_alone(), other.take_alone());
        let [mut first, mut second] = [first, second];
        let mut waits = other.take();
        // A place is free, and nobody gets it.
        assert!(one.try_take().is_none());
        assert!((&mut waits).now_or_never().is_none());
        let [a, b] = held;
        drop(a);
        assert!((&mut first).now_or_never().is_none(), "somebody is there still");
        drop(b);
        let alone = (&mut first).now_or_never().unwrap();
        drop(first);
        assert!((&mut second).now_or_never().is_none() && (&mut waits).now_or_never().is_none());
        assert!(other.try_take().is_none());
        drop(alone);
        // One after the other, and then the rest.
        let alone = (&mut second).now_or_never().unwrap();
        assert!((&mut waits).now_or_never().is_none());
        drop((second, alone));
        let place = waits.now_or_never().unwrap();
        // Who gives it up, or is given it and goes away, lets the others in.
        let gone = one.take_alone();
        assert!(other.try_take().is_none());
        drop(gone);
        let more = [other.try_take().unwrap(), other.try_take().unwrap()];
        let (gone, waits) = (one.take_alone(), other.take());
        drop((place, more));
        drop(gone);
        assert!(waits.now_or_never().is_some());
    }

    #[test]
    fn who_does_not_wait_any_more_takes_no_place_from_others() {
        let hall = hall(1);
        let (one, other) = (share(&hall, "p", "r1"), share(&hall, "p", "r2"));
        let held = one.try_take().unwrap();
        let gone: Vec<_> = (0..100).map(|_| one.take()).collect();
        let waits = other.take();
        drop(gone);
        drop(held);
        let place = waits.now_or_never().unwrap();
        assert!(one.try_take().is_none());
        // One that was given and never looked at comes back too.
        let given = one.take();
        drop(place);
        drop(given);
        assert!(other.try_take().is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn never_more_are_taken_than_there_are() {
        let (hall, most, now) = (hall(3), AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let most = Arc::new(most);
        let tasks = (0..200).map(|number| {
            let places = share(&hall, &format!("p{}", number % 3), &format!("r{}", number % 7));
            let (most, now) = (Arc::clone(&most), Arc::clone(&now));
            tokio::spawn(async move {
                let _place = match places.try_take() {
                    Some(place) => place,
                    None => places.take().await,
                };
                let there = now.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(there, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert_eq!(hall.seats().free, 3);
    }
}
