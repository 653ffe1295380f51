//! `fields`: headers as a guest puts them together. What no request carries is forbidden here already; which others may be sent is the gate's matter.

use bailiwick_gate::http::HEADERS_MAX;
use bailiwick_policy::http::is_never_sent;
use wasmtime::component::Resource;

use super::Fields;
use crate::state::State;
use crate::wasi::wit::http::types::{self, HeaderError};

/// What client libraries set by themselves and the host does better: taken, and left out
/// (`content-length` is compared with the body first).
pub(super) const LEFT_OUT: [&str; 3] = ["accept-encoding", "content-length", "user-agent"];
/// The most bytes of all headers, names included, before the gate counts them itself.
const BYTES_MAX: usize = 64 * 1024;

type Told<T> = wasmtime::Result<T>;

impl Fields {
    pub(super) fn entries(&self) -> &[(String, Vec<u8>)] {
        &self.entries
    }

    fn named<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f Vec<u8>> {
        let found = self.entries.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    fn add(&mut self, name: &str, value: Vec<u8>) -> Result<(), HeaderError> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let plain = |b: &u8| *b == b'\t' || (*b >= b' ' && *b != 0x7f);
        if name.is_empty() || !name.bytes().all(token) || !value.iter().all(plain) {
            return Err(HeaderError::InvalidSyntax);
        }
        let name = name.to_ascii_lowercase();
        let never = is_never_sent(&name) && !LEFT_OUT.contains(&name.as_str());
        let size: usize = self.entries.iter().map(|(name, value)| name.len() + value.len()).sum();
        let full = self.entries.len() >= HEADERS_MAX || size + name.len() + value.len() > BYTES_MAX;
        if never || full {
            return Err(HeaderError::Forbidden);
        }
        self.entries.push((name, value));
        Ok(())
    }

    fn writable(&mut self) -> Result<&mut Self, HeaderError> {
        if self.immutable { Err(HeaderError::Immutable) } else { Ok(self) }
    }
}

impl types::HostFields for State {
    fn new(&mut self) -> Told<Resource<Fields>> {
        Ok(self.wasi.table.push(Fields::default())?)
    }

    fn from_list(
        &mut self,
        entries: Vec<(String, Vec<u8>)>,
    ) -> Told<Result<Resource<Fields>, HeaderError>> {
        let mut fields = Fields::default();
        for (name, value) in entries {
            if let Err(error) = fields.add(&name, value) {
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
        let fields = self.wasi.table.get_mut(&own)?;
        Ok(fields.writable().and_then(|fields| {
            fields.entries.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            values.into_iter().try_for_each(|value| fields.add(&name, value))
        }))
    }

    fn delete(&mut self, own: Resource<Fields>, name: String) -> Told<Result<(), HeaderError>> {
        let fields = self.wasi.table.get_mut(&own)?;
        Ok(fields.writable().map(|fields| {
            fields.entries.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        }))
    }

    fn append(
        &mut self,
        own: Resource<Fields>,
        name: String,
        value: Vec<u8>,
    ) -> Told<Result<(), HeaderError>> {
        let fields = self.wasi.table.get_mut(&own)?;
        Ok(fields.writable().and_then(|fields| fields.add(&name, value)))
    }

    fn entries(&mut self, own: Resource<Fields>) -> Told<Vec<(String, Vec<u8>)>> {
        Ok(self.wasi.table.get(&own)?.entries.clone())
    }

    fn clone(&mut self, own: Resource<Fields>) -> Told<Resource<Fields>> {
        let entries = self.wasi.table.get(&own)?.entries.clone();
        Ok(self.wasi.table.push(Fields { entries, immutable: false })?)
    }

    fn drop(&mut self, own: Resource<Fields>) -> Told<()> {
        self.wasi.table.delete(own)?;
        Ok(())
    }
}
