//! `artifacts`: bytes in and out. Converts, decides nothing.

use bailiwick_gate::artifacts::PutRequest;

use super::wit::artifacts::Host;
use super::{Told, artifact, reference, told, types};
use crate::state::State;

/// The name of this power.
const POWER: &str = "artifacts";

impl Host for State {
    async fn put(
        &mut self,
        bytes: Vec<u8>,
        media_type: String,
        name: Option<String>,
    ) -> Told<types::Artifact> {
        match self.power(POWER) {
            Ok(gate) => told(gate.put(PutRequest { bytes, media_type, name }).await.map(reference)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn get(&mut self, given: types::Artifact) -> Told<Vec<u8>> {
        match self.power(POWER).and_then(|gate| Ok((gate, artifact(given)?))) {
            Ok((gate, artifact)) => told(gate.get(artifact).await),
            Err(error) => Ok(Err(error)),
        }
    }
}
