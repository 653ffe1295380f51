//! `fields`: headers as a guest puts them together. What no request carries is forbidden here already; which others may be sent is the gate's matter.

use bailiwick_gate::http::HEADERS_MAX;
use bailiwick_policy::http::is_never_sent;
use wasmtime::component::Resource;

use super::Fields;
use crate::room::Place;
use crate::state::State;
use crate::wasi::wit::http::types::{self, HeaderError};

/// What client libraries set by themselves and the host does better: taken, and left out
/// (`content-length` is compared with the body first).
pub(super) const LEFT_OUT: [&str; 3] = ["accept-encoding", "content-length", "user-agent"];
/// The most bytes of all headers, names included, before the gate counts them itself.
const BYTES_MAX: usize = 64 * 1024;
/// What a header takes besides its bytes: its two places in a list, which may be half
/// empty, and what an allocator adds to two short texts.
const ENTRY_BYTES: usize = 160;

type Told<T> = wasmtime::Result<T>;

impl Fields {
    /// These headers, where there is room for them.
    pub(super) fn of(
        entries: Vec<(String, Vec<u8>)>,
        immutable: bool,
        mut place: Place,
    ) -> Told<Self> {
        place.resize(held(&entries))?;
        Ok(Self { entries, immutable, place })
    }

    pub(super) fn entries(&self) -> &[(String, Vec<u8>)] {
        &self.entries
    }

    fn named<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f Vec<u8>> {
        let found = self.entries.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    fn add(&mut self, name: &str, mut value: Vec<u8>) -> Told<Result<(), HeaderError>> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let plain = |b: &u8| *b == b'\t' || (*b >= b' ' && *b != 0x7f);
        if name.is_empty() || !name.bytes().all(token) || !value.iter().all(plain) {
            return Ok(Err(HeaderError::InvalidSyntax));
        }
        let name = name.to_ascii_lowercase();
        let never = is_never_sent(&name) && !LEFT_OUT.contains(&name.as_str());
        let size: usize = self.entries.iter().map(|(name, value)| name.len() + value.len()).sum();
        let full = self.entries.len() >= HEADERS_MAX || size + name.len() + value.len() > BYTES_MAX;
        if never || full {
            return Ok(Err(HeaderError::Forbidden));
        }
        value.shrink_to_fit();
        self.entries.push((name, value));
        self.place.resize(held(&self.entries))?;
        Ok(Ok(()))
    }

    fn remove(&mut self, name: &str) -> Told<()> {
        self.entries.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.place.resize(held(&self.entries))
    }

    fn writable(&mut self) -> Result<&mut Self, HeaderError> {
        if self.immutable { Err(HeaderError::Immutable) } else { Ok(self) }
    }
}

/// What headers take, by the sum that is counted.
fn held(entries: &[(String, Vec<u8>)]) -> usize {
    entries.iter().map(|(name, value)| name.len() + value.len() + ENTRY_BYTES).sum()
}

impl types::HostFields for State {
    fn new(&mut self) -> Told<Resource<Fields>> {
        let fields = Fields::of(Vec::new(), false, self.wasi.room.place())?;
        Ok(self.wasi.table.push(fields)?)
    }

    fn from_list(
        &mut self,
        entries: Vec<(String, Vec<u8>)>,
    ) -> Told<Result<Resource<Fields>, HeaderError>> {
        let mut fields = Fields::of(Vec::new(), false, self.wasi.room.place())?;
        for (name, value) in entries {
            if let Err(error) = fields.add(&name, value)? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(self.wasi.table.push(fields)?))
    }

    fn get(&mut self, own: Resource<Fields>, name: String) -> Told<Vec<Vec<u8>>> {
        Ok(self.wasi.table.get(&own)?.named(&name).cloned().collect())
    }

    fn has(&mut self, own: Resource<Fields>, name: String) -> Told<bool> {
        Ok(self.wasi.table.get(&own)?.named(&name).next().is_some())
    }

    fn set(
        &mut self,
        own: Resource<Fields>,
        name: String,
        values: Vec<Vec<u8>>,
    ) -> Told<Result<(), HeaderError>> {
        let fields = match self.wasi.table.get_mut(&own)?.writable() {
            Ok(fields) => fields,
            Err(error) => return Ok(Err(error)),
        };
        fields.remove(&name)?;
        for value in values {
            if let Err(error) = fields.add(&name, value)? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    fn delete(&mut self, own: Resource<Fields>, name: String) -> Told<Result<(), HeaderError>> {
        match self.wasi.table.get_mut(&own)?.writable() {
            Ok(fields) => fields.remove(&name).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    fn append(
        &mut self,
        own: Resource<Fields>,
        name: String,
        value: Vec<u8>,
    ) -> Told<Result<(), HeaderError>> {
        match self.wasi.table.get_mut(&own)?.writable() {
            Ok(fields) => fields.add(&name, value),
            Err(error) => Ok(Err(error)),
        }
    }

    fn entries(&mut self, own: Resource<Fields>) -> Told<Vec<(String, Vec<u8>)>> {
        Ok(self.wasi.table.get(&own)?.entries.clone())
    }

    fn clone(&mut self, own: Resource<Fields>) -> Told<Resource<Fields>> {
        let entries = self.wasi.table.get(&own)?.entries.clone();
        let copy = Fields::of(entries, false, self.wasi.room.place())?;
        Ok(self.wasi.table.push(copy)?)
    }

    fn drop(&mut self, own: Resource<Fields>) -> Told<()> {
        self.wasi.table.delete(own)?;
        Ok(())
    }
}
