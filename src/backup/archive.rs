//! What is inside of the sealed stream: one file after the other with its name, then the manifest.
//!
//! `1 ‖ u16 length of the name ‖ name ‖ u64 length ‖ bytes` for each file, `0 ‖ u32 length ‖ JSON` at the end; numbers are
//! big-endian.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::manifest::{Entry, Manifest};

const FILE: u8 = 1;
const END: u8 = 0;
/// No manifest is longer.
const LONGEST_MANIFEST: u64 = 256 * 1024 * 1024;
/// No path below a folder is longer.
const LONGEST_NAME: usize = 1024;

/// Writes files and their manifest.
pub(super) struct Writer<W> {
    out: W,
    entries: Vec<Entry>,
}

impl<W: Write> Writer<W> {
    pub fn new(out: W) -> Self {
        Self {
            out,
            entries: Vec::new(),
        }
    }

    /// Writes the next `bytes` bytes of `from` as a file.
    pub fn file(&mut self, name: &str, bytes: u64, from: impl Read) -> io::Result<()> {
        if !is_name(name) {
            return Err(io::Error::other(format!("{name:?} is no name for a backup")));
        }
        let length = u16::try_from(name.len()).map_err(io::Error::other)?;
        self.out.write_all(&[FILE])?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(name.as_bytes())?;
        self.out.write_all(&bytes.to_be_bytes())?;
        let sha256 = copy(from, &mut self.out, bytes)?;
        self.entries.push(Entry {
            name: name.to_owned(),
            bytes,
            sha256,
        });
        Ok(())
    }

    /// Writes the manifest, and hands back what it wrote to.
    pub fn finish(mut self, mut manifest: Manifest) -> io::Result<(W, Manifest)> {
        manifest.entries = self.entries;
        let text = serde_json::to_vec(&manifest).map_err(io::Error::other)?;
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.out.write_all(&[END])?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&text)?;
        Ok((self.out, manifest))
    }
}

/// Reads every file into what `place` makes for its name, and returns them with the text of the manifest.
pub(super) fn read<R: Read, W: Write>(
    mut from: R,
    mut place: impl FnMut(&str) -> io::Result<W>,
) -> io::Result<(Vec<Entry>, Vec<u8>)> {
    let (mut entries, mut names) = (Vec::new(), BTreeSet::new());
    loop {
        let [kind] = array(&mut from)?;
        match kind {
            FILE => {
                let length = u16::from_be_bytes(array(&mut from)?);
                let mut name = vec![0; usize::from(length)];
                from.read_exact(&mut name).map_err(short)?;
                let name = String::from_utf8(name).ok().filter(|name| is_name(name));
                let name = name.ok_or_else(|| bad("a name in it leads out of its folder"))?;
                let bytes = u64::from_be_bytes(array(&mut from)?);
                if !names.insert(name.clone()) {
                    return Err(bad("a name is twice in it"));
                }
                let mut out = place(&name)?;
                let sha256 = copy(&mut from, &mut out, bytes)?;
                out.flush()?;
                entries.push(Entry { name, bytes, sha256 });
            }
            END => {
                let length = u64::from(u32::from_be_bytes(array(&mut from)?));
                if length > LONGEST_MANIFEST {
                    return Err(bad("its manifest is too long"));
                }
                let mut text = Vec::new();
                (&mut from).take(length).read_to_end(&mut text)?;
                // The last chunk is the last one only when it was read to its end.
                let rest = from.read(&mut [0])?;
                return match rest == 0 && u64::try_from(text.len()) == Ok(length) {
                    true => Ok((entries, text)),
                    false => Err(bad("its end is not where it should be")),
                };
            }
            _ => return Err(bad("it cannot be read")),
        }
    }
}

/// Whether this names a file below the folder of its kind: no way leads up, and none begins at the root.
pub(super) fn is_name(name: &str) -> bool {
    let mut parts = name.split('/');
    let kind = parts.next().unwrap_or_default();
    let plain = |part: &str| {
        !part.is_empty()
            && part.len() <= 255
            && !part.starts_with('.')
            && !part.chars().any(|c| c.is_control() || c == '\\')
    };
    let parts: Vec<&str> = parts.collect();
    let deep = match kind {
        "database" | "keys" => parts.len() == 1,
        "data" => (1..=2).contains(&parts.len()),
        "files" => parts.len() >= 2,
        _ => false,
    };
    deep && name.len() <= LONGEST_NAME && parts.into_iter().all(plain)
}

/// Copies exactly so many bytes, and returns their digest.
fn copy(from: impl Read, out: &mut impl Write, bytes: u64) -> io::Result<String> {
    let mut from = from.take(bytes);
    let (mut digest, mut left) = (Sha256::new(), bytes);
    let mut buffer = vec![0; 64 * 1024];
    while left > 0 {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Err(bad("a file in it is shorter than it should be"));
        }
        digest.update(&buffer[..read]);
        out.write_all(&buffer[..read])?;
        left -= u64::try_from(read).map_err(io::Error::other)?;
    }
    Ok(hex::encode(digest.finalize()))
}

fn array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map_err(short)?;
    Ok(bytes)
}

fn short(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => bad("it ends too early"),
        _ => error,
    }
}

fn bad(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_below_the_folder_of_its_kind_and_nowhere_else() {
        for name in [
            "database/identity",
            "keys/master.key",
            "data/tls/ca.pem",
            "files/photo/00ff",
            "files/photo/a/b",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "database",
            "database/",
            "database/../keys",
            "database/a/b",
            "/etc/passwd",
            "keys/..",
            "keys/.ssh",
            "keys//x",
            "keys/a\\b",
            "keys/a\0",
            "data/a/b/c",
            "files/photo",
            "files/photo/../../x",
            "files/photo/a/",
            "elsewhere/x",
        ] {
            assert!(!is_name(name), "{name:?}");
        }
    }

    /// What a writer that means harm could put into a stream that it can seal.
    #[test]
    fn a_stream_with_a_name_that_leads_out_or_comes_twice_is_refused() {
        let file = |name: &str| {
            let length = u16::try_from(name.len()).unwrap().to_be_bytes();
            [&[FILE][..], &length, name.as_bytes(), &1_u64.to_be_bytes(), b"x"].concat()
        };
        let end = [&[END][..], &2_u32.to_be_bytes(), b"{}"].concat();
        let read = |parts: &[&[u8]]| {
            let stream = parts.concat();
            super::read(&stream[..], |_| Ok(Vec::new())).map(|(entries, _)| entries.len())
        };
        let good = file("keys/a");
        assert_eq!(read(&[&good, &end]).unwrap(), 1);
        assert!(read(&[&file("keys/../a"), &end]).is_err());
        assert!(read(&[&good, &good, &end]).is_err());
        assert!(read(&[&good]).is_err(), "without a manifest");
        assert!(read(&[&good, &end, b"more"]).is_err());
        assert!(read(&[&[7], &end]).is_err());
        assert!(read(&[&good[..good.len() - 1]]).is_err());
    }
}
