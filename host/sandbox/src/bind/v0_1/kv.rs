//! `kv`: values of a namespace. Converts, decides nothing.

use bailiwick_core::kv::VALUE_MAX;
use bailiwick_gate::kv::KvRequest;
use serde_json::Value;

use super::wit::kv;
use super::{Told, told, types};
use crate::state::State;

/// The name of this power.
const POWER: &str = "kv";

impl kv::Host for State {
    async fn get(&mut self, key: String) -> Told<Option<String>> {
        match self.power(POWER) {
            Ok(gate) => {
                told(gate.kv_get(key).await.map(|value| value.map(|value| value.to_string())))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn set(&mut self, key: String, value: String) -> Told<()> {
        let _read = self.room_to_read([value.as_str()])?;
        match self.power(POWER).and_then(|gate| Ok((gate, document(&value)?))) {
            Ok((gate, value)) => told(gate.kv_change(KvRequest::Set { key, value }).await),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn delete(&mut self, key: String) -> Told<()> {
        match self.power(POWER) {
            Ok(gate) => told(gate.kv_change(KvRequest::Delete { key }).await),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn list(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Told<Vec<String>> {
        match self.power(POWER) {
            Ok(gate) => told(gate.kv_list(prefix, after, limit).await),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn compare_and_set(
        &mut self,
        key: String,
        expected: Option<String>,
        value: Option<String>,
    ) -> Told<bool> {
        let _read =
            self.room_to_read([&expected, &value].into_iter().flatten().map(String::as_str))?;
        let gate = self.power(POWER).and_then(|gate| {
            let read = |text: Option<String>| text.map(|text| document(&text)).transpose();
            Ok((gate, read(expected)?, read(value)?))
        });
        match gate {
            Ok((gate, expected, value)) => {
                told(gate.kv_swap(KvRequest::CompareAndSet { key, expected, value }).await)
            }
            Err(error) => Ok(Err(error)),
        }
    }
}

/// A document as a guest writes it: measured before it is parsed.
fn document(text: &str) -> Result<Value, types::Error> {
    if text.len() as u64 > VALUE_MAX.0 {
        let words = format!("a value has at most {VALUE_MAX}; larger ones are artifacts");
        return Err(types::Error::Invalid(words));
    }
    serde_json::from_str(text)
        .map_err(|error| types::Error::Invalid(format!("not a JSON document: {error}")))
}
