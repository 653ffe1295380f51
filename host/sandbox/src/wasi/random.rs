//! `wasi:random`: ChaCha20 keyed by who runs, so that the same attempt sees the same numbers, and no other does.

use bailiwick_core::{Bytes, Digest};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::wit::random::{insecure, insecure_seed, random};
use crate::ended::Ended;
use crate::limits::RANDOM_MAX;
use crate::meter::limit;
use crate::state::{Identity, State};

impl random::Host for State {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random().next_u64())
    }
}

impl insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random().next_u64())
    }
}

impl insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        let random = self.random();
        Ok((random.next_u64(), random.next_u64()))
    }
}

impl State {
    fn random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        let wanted = usize::try_from(length).ok().filter(|_| length <= RANDOM_MAX.0);
        let Some(wanted) = wanted else {
            return Err(Ended::from(limit("random-bytes", &Bytes(length), &RANDOM_MAX)).into());
        };
        let mut bytes = vec![0; wanted];
        self.random().fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn random(&mut self) -> &mut ChaCha20Rng {
        let identity = self.wasi.identity.as_ref();
        self.wasi
            .random
            .get_or_insert_with(|| Box::new(ChaCha20Rng::from_seed(*key(identity).as_bytes())))
    }
}

/// Everything that tells an attempt from another.
fn key(identity: Option<&Identity>) -> Digest {
    let Some(Identity { run, attempt }) = identity else {
        return Digest::of_parts(&[b"bailiwick randomness of a profile"]);
    };
    let way = attempt.path.to_string();
    let parts: [&[u8]; 7] = [
        b"bailiwick randomness of an attempt",
        run.as_str().as_bytes(),
        attempt.cell.step.as_str().as_bytes(),
        attempt.cell.key.as_str().as_bytes(),
        &attempt.round.to_le_bytes(),
        &attempt.attempt.to_le_bytes(),
        way.as_bytes(),
    ];
    match (way.is_empty(), parts.split_last()) {
        // Without a way the numbers are those of always.
        (true, Some((_, of_step))) => Digest::of_parts(of_step),
        _ => Digest::of_parts(&parts),
    }
}
