//! `http`: requests to the web. Converts, decides nothing.

use bailiwick_gate::http::{FetchRequest, FetchResponse};

use super::wit::http;
use super::{Told, told};
use crate::state::State;

/// The name of this power.
const POWER: &str = "http";

impl http::Host for State {
    async fn fetch(&mut self, given: http::Request) -> Told<http::Response> {
        match self.power(POWER) {
            Ok(gate) => told(gate.fetch(request(given)).await.map(response)),
            Err(error) => Ok(Err(error)),
        }
    }
}

fn request(given: http::Request) -> FetchRequest {
    let http::Request { method, url, headers, body } = given;
    let headers = headers.into_iter().map(|header| (header.name, header.value)).collect();
    FetchRequest { method, url, headers, body }
}

fn response(given: FetchResponse) -> http::Response {
    let FetchResponse { status, headers, body } = given;
    let headers = headers.into_iter().map(|(name, value)| http::Header { name, value }).collect();
    http::Response { status, headers, body }
}
