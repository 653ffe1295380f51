//! Requests to the hosts that the operator granted; knows not how one travels, nor any credential.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::HostError;
use crate::host::Host;
use crate::powers::Powers;
use crate::schema;

/// The web, as far as the operator granted it.
#[derive(Debug, Clone, Copy)]
pub struct Http<'h> {
    host: &'h Host,
}

/// A request. Any status is an answer; redirects of `GET` and `HEAD` are followed by the
/// host, and a credential is added by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD`, `OPTIONS`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Absolute. At most 8 KiB.
    pub url: String,
    /// Each name once. Which may be sent the operator says; those that describe the body
    /// and the wanted answer unless he says otherwise.
    pub headers: Vec<(String, String)>,
    /// At most 4 MiB; none with `GET` and `HEAD`.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 200, 404, …
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Vec<u8>,
}

/// A request on its way.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct Fetch<'h> {
    host: &'h Host,
    request: Request,
    wrong: Option<String>,
}

impl<'h> Http<'h> {
    pub(crate) fn new(host: &'h Host) -> Self {
        Self { host }
    }

    /// Begins a `GET`.
    ///
    /// ```
    /// # use bailiwick::{Failure, Host, http::Response};
    /// fn price(host: &Host) -> Result<u32, Failure> {
    ///     let answer = host.http().get("https://api.example.com/v1/price").send()?;
    ///     answer.text()?.trim().parse().map_err(Failure::fatal)
    /// }
    ///
    /// let fake = Host::fake().web("https://api.example.com/", Response::new(200, "text/plain", "42"));
    /// assert_eq!(price(&fake.host()), Ok(42));
    /// ```
    pub fn get(&self, url: impl Into<String>) -> Fetch<'h> {
        self.request("GET", url)
    }

    /// Begins a `POST`. It carries an `Idempotency-Key` of the host's, which stays the same
    /// when the host has to send it again.
    pub fn post(&self, url: impl Into<String>) -> Fetch<'h> {
        self.request("POST", url)
    }

    /// Begins any other.
    pub fn request(&self, method: &str, url: impl Into<String>) -> Fetch<'h> {
        let (method, url) = (method.to_owned(), url.into());
        let request = Request { method, url, headers: Vec::new(), body: Vec::new() };
        Fetch { host: self.host, request, wrong: None }
    }
}

impl Fetch<'_> {
    /// Sets a header, in the place of one of this name: each stands once.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.request.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self.request.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Takes a body as it is.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.request.body = body.into();
        self
    }

    /// Takes a body as JSON, and says so in `content-type` where nothing else is said there.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match schema::encode(body) {
            Ok(text) => self.request.body = text.into_bytes(),
            Err(error) => self.wrong = Some(error),
        }
        match self.request.header("content-type") {
            Some(_) => self,
            None => self.header("content-type", "application/json"),
        }
    }

    /// Sends it and waits for the whole answer.
    ///
    /// # Errors
    /// `Denied` where no grant has this host, method, path or header, `Exhausted` where the
    /// answer is larger than the grant says, `Unavailable` where nobody answered, `Invalid`
    /// where the request has another form than the contract says.
    pub fn send(self) -> Result<Response, HostError> {
        match self.wrong {
            Some(wrong) => Err(HostError::Invalid(format!("body: {wrong}"))),
            None => self.host.reach().fetch(&self.request),
        }
    }
}

impl Request {
    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl Response {
    /// An answer with this body, for scripts.
    pub fn new(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), media_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as text.
    ///
    /// # Errors
    /// `Invalid` where it is no UTF-8.
    pub fn text(&self) -> Result<&str, HostError> {
        let text = std::str::from_utf8(&self.body);
        text.map_err(|error| HostError::Invalid(format!("the answer is no text: {error}")))
    }

    /// The body as a document.
    ///
    /// # Errors
    /// `Invalid` where it is none of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HostError> {
        let parsed = serde_json::from_slice(&self.body);
        parsed.map_err(|error| HostError::Invalid(format!("the answer: {error}")))
    }
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let mut found = headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.as_str())
}
