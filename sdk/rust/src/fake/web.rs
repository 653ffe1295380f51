//! The web of a fake: scripts by the beginning of a URL. Knows nothing of any network.

use crate::failure::HostError;
use crate::fake::{Capability, denied, ensure};
use crate::http::{Request, Response};
use crate::limits;

type Script = Box<dyn FnMut(&Request) -> Result<Response, HostError>>;

/// Scripts, and the requests that reached one.
#[derive(Default)]
pub(crate) struct Web {
    scripts: Vec<(String, Option<Script>)>,
    pub(crate) requests: Vec<Request>,
}

impl Web {
    pub(crate) fn add(
        &mut self,
        beginning: &str,
        script: impl FnMut(&Request) -> Result<Response, HostError> + 'static,
    ) {
        self.scripts.push((beginning.to_owned(), Some(Box::new(script))));
    }

    /// Takes the script for a request, to be put back when it has answered: it may call the
    /// host again.
    pub(crate) fn take(&mut self, request: &Request) -> Result<(usize, Script), HostError> {
        let known = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
        ensure(known.contains(&request.method.as_str()), "method")?;
        ensure(request.url.len() <= limits::URL_BYTES, "url")?;
        ensure(request.headers.len() <= limits::HEADERS, "headers")?;
        let bodiless = ["GET", "HEAD"].contains(&request.method.as_str());
        ensure(request.body.len() <= limits::BODY_BYTES, "body")?;
        ensure(!bodiless || request.body.is_empty(), "body")?;
        let found = self.scripts.iter_mut().enumerate();
        let mut found =
            found.filter(|(_, (beginning, _))| request.url.starts_with(beginning.as_str()));
        let script = found.next().and_then(|(place, (_, script))| Some((place, script.take()?)));
        let script = script.ok_or_else(|| denied(Capability::Http))?;
        self.requests.push(request.clone());
        Ok(script)
    }

    pub(crate) fn put_back(&mut self, place: usize, script: Script) {
        if let Some((_, empty)) = self.scripts.get_mut(place) {
            *empty = Some(script);
        }
    }
}
