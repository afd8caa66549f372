//! A sealed stream: AES-256-GCM in chunks, each with its number and whether it is the last one in its nonce (the STREAM
//! construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015). Chunks cannot be changed, swapped, repeated or taken
//! away, and a stream that was cut at any place does not open.

use std::fmt;
use std::io::{self, Read, Write};
use std::num::NonZeroU32;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::pbkdf2;
use latchkey_clock::Random;

use super::error::BackupError;
use crate::embedded;

/// How much is sealed at once.
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
const MAGIC: &[u8; 16] = b"latchkey-backup\n";
/// The version of the construction.
const VERSION: u8 = 1;
const SALT: usize = 32;
const HEADER: usize = MAGIC.len() + 1 + 4 + SALT;
/// OWASP's number for PBKDF2 with HMAC-SHA-256.
const ITERATIONS: u32 = 600_000;
/// More is a file that wants to keep its reader busy.
const MOST_ITERATIONS: u32 = 10_000_000;
/// The fewest bytes of a passphrase.
const SHORTEST: usize = 16;

/// What opens a backup. It is not shown.
pub(crate) struct Passphrase(Vec<u8>);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

impl Passphrase {
    /// The content of a file that only its owner can read, without the end of its line.
    pub fn read(path: &Path) -> Result<Self, BackupError> {
        let text = embedded::read_secret(path)?;
        let text = text.trim_end_matches(['\n', '\r']);
        if text.len() < SHORTEST {
            return Err(BackupError::Asked(format!(
                "{}: a passphrase has at least {SHORTEST} characters, such as those of `openssl rand -base64 32`",
                path.display()
            )));
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    fn key(&self, salt: &[u8], iterations: u32) -> LessSafeKey {
        let mut key = [0_u8; 32];
        let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, &self.0, &mut key);
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("AES-256 takes exactly 32 bytes"))
    }
}

/// The nonce of a chunk. The key is of this file alone, so a number never comes twice under it.
fn nonce(number: u64, last: bool) -> Nonce {
    let mut bytes = [0_u8; 12];
    bytes[3..11].copy_from_slice(&number.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

/// Seals what is written to it.
pub(super) struct Sealed<W> {
    out: W,
    key: LessSafeKey,
    header: [u8; HEADER],
    number: u64,
    waiting: Vec<u8>,
}

impl<W: Write> Sealed<W> {
    pub fn new(mut out: W, passphrase: &Passphrase, random: &Random) -> io::Result<Self> {
        let salt: [u8; SALT] = random.bytes();
        let mut header = [0_u8; HEADER];
        header[..16].copy_from_slice(MAGIC);
        header[16] = VERSION;
        header[17..21].copy_from_slice(&ITERATIONS.to_be_bytes());
        header[21..].copy_from_slice(&salt);
        out.write_all(&header)?;
        Ok(Self {
            out,
            key: passphrase.key(&salt, ITERATIONS),
            header,
            number: 0,
            waiting: Vec::with_capacity(CHUNK + TAG),
        })
    }

    /// Seals the last chunk.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        self.key
            .seal_in_place_append_tag(
                nonce(self.number, last),
                Aad::from(&self.header),
                &mut self.waiting,
            )
            .map_err(|_| io::Error::other("a chunk could not be sealed"))?;
        self.out.write_all(&self.waiting)?;
        self.waiting.clear();
        self.number += 1;
        Ok(())
    }
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() == CHUNK {
            // More follows, so it is not the last one.
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Opens what was sealed. Nothing of a chunk is handed on before its tag was checked.
pub(super) struct Opened<R> {
    from: R,
    key: LessSafeKey,
    header: [u8; HEADER],
    number: u64,
    open: Vec<u8>,
    at: usize,
    /// The chunk after the open one, still sealed.
    next: Vec<u8>,
    ended: bool,
}

impl<R: Read> Opened<R> {
    pub fn new(mut from: R, passphrase: &Passphrase) -> io::Result<Self> {
        let mut header = [0_u8; HEADER];
        from.read_exact(&mut header).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => bad("it is not a backup of Latchkey"),
            _ => error,
        })?;
        if !header.starts_with(MAGIC) {
            return Err(bad("it is not a backup of Latchkey"));
        }
        if header[16] != VERSION {
            return Err(bad("it was made by a newer Latchkey: restore it with that one"));
        }
        let iterations = u32::from_be_bytes([header[17], header[18], header[19], header[20]]);
        if !(ITERATIONS..=MOST_ITERATIONS).contains(&iterations) {
            return Err(bad("its beginning was changed"));
        }
        let key = passphrase.key(&header[21..], iterations);
        let mut opened = Self {
            from,
            key,
            header,
            number: 0,
            open: Vec::new(),
            at: 0,
            next: Vec::new(),
            ended: false,
        };
        opened.next = opened.chunk()?;
        Ok(opened)
    }

    /// The next sealed chunk: shorter than the others at the end of the file.
    fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let mut chunk = Vec::with_capacity(CHUNK + TAG);
        let limit = u64::try_from(CHUNK + TAG).map_err(io::Error::other)?;
        (&mut self.from).take(limit).read_to_end(&mut chunk)?;
        Ok(chunk)
    }

    fn advance(&mut self) -> io::Result<()> {
        let following = self.chunk()?;
        let mut sealed = std::mem::replace(&mut self.next, following);
        let last = self.next.is_empty();
        let opened = self
            .key
            .open_in_place(nonce(self.number, last), Aad::from(&self.header), &mut sealed);
        let length = match opened {
            Ok(text) => text.len(),
            Err(_) if self.number == 0 => {
                return Err(bad(
                    "it does not open: the passphrase is another one, or its beginning was changed or cut",
                ));
            }
            Err(_) => return Err(bad("it was changed or cut after it was made")),
        };
        sealed.truncate(length);
        self.open = sealed;
        self.at = 0;
        self.number += 1;
        self.ended = last;
        Ok(())
    }
}

impl<R: Read> Read for Opened<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.open.len() && !self.ended {
            self.advance()?;
        }
        let taken = into.len().min(self.open.len() - self.at);
        into[..taken].copy_from_slice(&self.open[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

fn bad(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase(text.as_bytes().to_vec())
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealed = Sealed::new(Vec::new(), &passphrase("of the operator"), &Random::system()).unwrap();
        sealed.write_all(plain).unwrap();
        sealed.finish().unwrap()
    }

    fn opened(file: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Opened::new(file, &passphrase("of the operator"))?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn what_was_sealed_opens_whatever_its_length() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let plain: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let file = sealed(&plain);
            assert_eq!(opened(&file).unwrap(), plain, "{length}");
            let other = Opened::new(&file[..], &passphrase("of somebody else"));
            assert!(other.unwrap().read_to_end(&mut Vec::new()).is_err(), "{length}");
        }
    }

    #[test]
    fn a_stream_cut_at_a_border_or_beside_it_does_not_open() {
        let file = sealed(&vec![7; 3 * CHUNK + 5]);
        let borders = (0..4).map(|chunk| HEADER + chunk * (CHUNK + TAG));
        for border in borders.chain([HEADER + 3 * (CHUNK + TAG) + TAG, file.len()]) {
            for cut in [border.saturating_sub(1), border, border + 1] {
                if cut < file.len() {
                    assert!(opened(&file[..cut]).is_err(), "{cut} of {}", file.len());
                }
            }
        }
        assert!(opened(&[&file[..], b"more"].concat()).is_err());
        assert!(opened(b"").is_err() && opened(b"latchkey-backup\n").is_err());
    }

    #[test]
    fn a_byte_or_a_chunk_in_another_place_does_not_open() {
        let plain: Vec<u8> = (0..2 * CHUNK + 9).map(|at| (at / 1_000) as u8).collect();
        let file = sealed(&plain);
        let whole = CHUNK + TAG;
        for at in [
            0,
            16,
            17,
            20,
            30,
            HEADER,
            HEADER + CHUNK,
            HEADER + whole,
            file.len() - 1,
        ] {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(opened(&changed).is_err(), "{at}");
        }
        let (one, two) = (HEADER..HEADER + whole, HEADER + whole..HEADER + 2 * whole);
        let rest = &file[HEADER + 2 * whole..];
        let header = &file[..HEADER];
        for other in [
            [header, &file[two.clone()], &file[one.clone()], rest].concat(),
            [header, &file[one.clone()], &file[one.clone()], rest].concat(),
            [header, &file[one], rest].concat(),
            [header, &file[two], rest].concat(),
        ] {
            assert!(opened(&other).is_err());
        }
    }
}
