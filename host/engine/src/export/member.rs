//! Members of a tar archive in the one form that an export writes them: a block that follows from name and size, the bytes, zeros up to the next block. Knows no run.

use std::io::{self, Read, Write};

use tar::Header;

/// Tar knows nothing smaller.
const BLOCK: usize = 512;

/// The header of a member.
fn header(name: &str, size: u64) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o600);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(header)
}

fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    if over == 0 { 0 } else { BLOCK - over }
}

/// Writes a member.
pub(super) fn write_member(out: &mut impl Write, name: &str, bytes: &[u8]) -> io::Result<()> {
    let size = bytes.len() as u64;
    out.write_all(header(name, size)?.as_bytes())?;
    out.write_all(bytes)?;
    let zeros = [0; BLOCK];
    out.write_all(zeros.get(..padding(size)).unwrap_or_default())
}

/// Writes the end of the archive: two empty blocks.
pub(super) fn write_end(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

/// The members of an archive, each of which has to be exactly what [`write_member`] writes.
pub(super) struct Members<R> {
    from: R,
    /// What is to be read before the next member: bytes and zeros.
    behind: (u64, usize),
    name: String,
}

/// One member.
pub(super) struct Member<'a, R>(&'a mut Members<R>);

impl<R: Read> Members<R> {
    pub(super) fn of(from: R) -> Self {
        Self { from, behind: (0, 0), name: "the file".to_owned() }
    }

    /// The next member; nothing at the end of the archive. The one before was read to its end.
    pub(super) fn next(&mut self) -> Result<Option<Member<'_, R>>, String> {
        let (left, zeros) = self.behind;
        if left > 0 {
            return Err(format!("{}: it was not read to its end", self.name));
        }
        let mut rest = vec![0; zeros];
        self.fill(&mut rest)?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(format!("{}: something stands behind its end", self.name));
        }
        let mut block = [0; BLOCK];
        self.fill(&mut block)?;
        if block == [0; BLOCK] {
            self.end()?;
            return Ok(None);
        }
        let found = Header::from_byte_slice(&block);
        let name = found.path().ok().and_then(|path| Some(path.to_str()?.to_owned()));
        let size = found.size().ok();
        let before = std::mem::take(&mut self.name);
        let (Some(name), Some(size)) = (name, size) else {
            return Err(format!("behind {before}: no member's header"));
        };
        match header(&name, size) {
            Ok(expected) if expected.as_bytes() == &block => {}
            _ => return Err(format!("{name:?}: its header is not what an export writes")),
        }
        (self.name, self.behind) = (name, (size, padding(size)));
        Ok(Some(Member(self)))
    }

    fn end(&mut self) -> Result<(), String> {
        let mut block = [0; BLOCK];
        self.fill(&mut block)?;
        let mut more = [0];
        let over = self.from.read(&mut more).map_err(|error| error.to_string())?;
        if block != [0; BLOCK] || over != 0 {
            return Err("something stands behind its end".to_owned());
        }
        Ok(())
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), String> {
        self.from.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("it is cut off behind {}", self.name),
            _ => error.to_string(),
        })
    }
}

/// How much is read at once while a line's end is looked for.
const CHUNK: u64 = 64 * 1024;

impl<R: Read> Member<'_, R> {
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// All of it, where it has at most so many bytes.
    pub(super) fn all(&mut self, most: u64) -> Result<Vec<u8>, String> {
        let size = self.0.behind.0;
        if size > most {
            return Err(format!("{}: it has {size} bytes; at most {most} are taken", self.0.name));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        self.0.fill(&mut bytes)?;
        self.0.behind.0 = 0;
        Ok(bytes)
    }

    /// The next line without its end, where it has at most so many bytes; nothing behind
    /// the last.
    pub(super) fn line(&mut self, most: u64) -> Result<Option<Vec<u8>>, String> {
        if self.0.behind.0 == 0 {
            return Ok(None);
        }
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            if self.0.behind.0 == 0 {
                return Err(format!("{}: its last line has no end", self.0.name));
            }
            self.0.fill(&mut byte)?;
            self.0.behind.0 -= 1;
            let [byte] = byte;
            if byte == b'\n' {
                return Ok(Some(line));
            }
            if line.len() as u64 >= most {
                return Err(format!("{}: a line has more than {most} bytes", self.0.name));
            }
            if line.len() == line.capacity() {
                line.reserve(usize::try_from(CHUNK).unwrap_or(0));
            }
            line.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Vec<u8> {
        let mut out = Vec::new();
        write_member(&mut out, "a.json", b"{}").unwrap();
        write_member(&mut out, "lines", b"one\ntwo\n").unwrap();
        write_end(&mut out).unwrap();
        out
    }

    fn read(bytes: &[u8]) -> Result<Vec<String>, String> {
        let mut members = Members::of(bytes);
        let mut found = Vec::new();
        while let Some(mut member) = members.next()? {
            let name = member.name().to_owned();
            if name == "lines" {
                while let Some(line) = member.line(3)? {
                    found.push(String::from_utf8(line).unwrap());
                }
            } else {
                found.push(format!("{name} {}", member.all(2)?.len()));
            }
        }
        Ok(found)
    }

    #[test]
    fn comes_back_as_it_was_and_ordinary_programs_read_it() {
        assert_eq!(read(&archive()), Ok(vec!["a.json 2".into(), "one".into(), "two".into()]));
        let bytes = archive();
        let mut ordinary = tar::Archive::new(bytes.as_slice());
        assert_eq!(ordinary.entries().unwrap().count(), 2);
    }

    #[test]
    fn no_byte_of_the_frame_can_be_another() {
        let good = archive();
        let contents = [512..514, 1536..1544];
        for place in (0..good.len()).filter(|at| !contents.iter().any(|c| c.contains(at))) {
            let mut bad = good.clone();
            bad[place] ^= 1;
            assert!(read(&bad).is_err(), "byte {place}");
        }
        assert!(read(&[&good[..], &[0]].concat()).is_err());
        assert!(read(&good[..good.len() - 1]).is_err());
        assert!(read(&[]).is_err());
    }

    #[test]
    fn sizes_are_bounded_before_anything_is_read() {
        let mut out = Vec::new();
        write_member(&mut out, "a.json", b"{ }").unwrap();
        assert!(read(&out).unwrap_err().contains("at most 2"));
        let mut out = Vec::new();
        out.extend(header("a.json", u64::MAX >> 8).unwrap().as_bytes());
        assert!(read(&out).is_err());
    }
}
