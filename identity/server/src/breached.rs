//! The operator's list of breached passwords: a file of SHA-1 hashes in hexadecimal, sorted, one a line, such as the one that
//! the downloader of Have I Been Pwned writes. It stays where it is: looking something up reads some forty lines of it.

use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use latchkey_protocol::user::opaque;

/// Why a file is no such list.
#[derive(Debug, thiserror::Error)]
pub enum BreachedError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error(
        "it is not a sorted list of SHA-1 hashes in hexadecimal, of at least {FEWEST_DIGITS} digits, one a line"
    )]
    NotAList,
}

/// A list of breached passwords.
#[derive(Debug)]
pub struct Breached {
    file: File,
    len: u64,
}

/// How many digits of a hash a line has at least: fewer would forbid too many passwords that nobody knows.
const FEWEST_DIGITS: usize = 10;
/// The longest line: a hash, a count, the end of the line.
const LONGEST_LINE: usize = 128;
/// How many lines are compared when the file is opened.
const SAMPLES: u64 = 64;

impl Breached {
    /// Opens a list, and looks whether it is one.
    pub fn open(path: &Path) -> Result<Self, BreachedError> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if !about.is_file() || about.len() == 0 {
            return Err(BreachedError::NotAList);
        }
        let list = Self {
            file,
            len: about.len(),
        };
        let mut before = String::new();
        for sample in 0..SAMPLES {
            let at = u64::try_from(u128::from(list.len - 1) * u128::from(sample) / u128::from(SAMPLES - 1));
            let (_, line, _) = list.line_at(at.unwrap_or_default()).map_err(of_line)?;
            let common = line.len().min(before.len());
            if line[..common] < before[..common] {
                return Err(BreachedError::NotAList);
            }
            before = line;
        }
        Ok(list)
    }

    /// Whether a password is in the list. Reads the file: run it off the request path.
    pub fn contains(&self, password: &str) -> io::Result<bool> {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, opaque(password).as_bytes());
        let wanted: String = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        // The line begins from `low` on, and before `high`.
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let (start, line, next) = self.line_at(low + (high - low) / 2)?;
            let common = line.len().min(wanted.len());
            match line[..common].cmp(&wanted[..common]) {
                Ordering::Equal => return Ok(true),
                Ordering::Less => low = next,
                Ordering::Greater => high = start,
            }
        }
        Ok(false)
    }

    /// The line around a byte: where it begins, its digits in capitals, and where the next one begins.
    fn line_at(&self, at: u64) -> io::Result<(u64, String, u64)> {
        let odd = || io::Error::new(io::ErrorKind::InvalidData, "a line that is no hash");
        let longest = LONGEST_LINE as u64;
        let from = at.saturating_sub(longest);
        let mut bytes = vec![0; 2 * LONGEST_LINE + 1];
        let mut read = 0;
        while read < bytes.len() {
            match self.file.read_at(&mut bytes[read..], from + read as u64)? {
                0 => break,
                more => read += more,
            }
        }
        bytes.truncate(read);
        let here = usize::try_from(at - from).map_err(|_| odd())?;
        if here >= bytes.len() {
            return Err(odd());
        }
        let start = match bytes[..here].iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if from == 0 => 0,
            None => return Err(odd()),
        };
        let end = bytes[start..].iter().position(|byte| *byte == b'\n');
        let end = end.map_or(bytes.len(), |length| start + length);
        let line = std::str::from_utf8(&bytes[start..end]).map_err(|_| odd())?;
        let digits = line.split(':').next().unwrap_or_default().trim_end();
        let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hex || !(FEWEST_DIGITS..=40).contains(&digits.len()) {
            return Err(odd());
        }
        let next = from + end as u64 + 1;
        Ok((from + start as u64, digits.to_ascii_uppercase(), next))
    }
}

fn of_line(error: io::Error) -> BreachedError {
    match error.kind() {
        io::ErrorKind::InvalidData => BreachedError::NotAList,
        _ => BreachedError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn sha1(password: &str) -> String {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
    }

    fn list(lines: &[String], end: &str) -> Result<Breached, BreachedError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for line in lines {
            write!(file, "{line}{end}").unwrap();
        }
        Breached::open(file.path())
    }

    #[test]
    fn every_password_of_the_list_is_found_and_no_other() {
        let passwords: Vec<String> = (0..3_000).map(|n| format!("breached password {n}")).collect();
        type Line = fn(&str) -> String;
        let forms: [(Line, &str); 4] = [
            (|hash| hash.to_owned(), "\n"),
            (|hash| format!("{hash}:{}", hash.len() * 7), "\r\n"),
            (|hash| hash.to_lowercase(), "\n"),
            (|hash| hash[..16].to_owned(), "\n"),
        ];
        for (form, end) in forms {
            let mut lines: Vec<String> = passwords.iter().map(|password| form(&sha1(password))).collect();
            lines.sort();
            let list = list(&lines, end).unwrap();
            for password in &passwords {
                assert!(list.contains(password).unwrap(), "{password}");
                assert!(!list.contains(&format!("{password}!")).unwrap(), "{password}!");
            }
        }
        let one = list(&[sha1("alone")], "").unwrap();
        assert!(one.contains("alone").unwrap() && !one.contains("together").unwrap());
    }

    #[test]
    fn what_is_no_sorted_list_of_hashes_is_refused() {
        let hashes: Vec<String> = (0..200).map(|n| sha1(&n.to_string())).collect();
        let short: Vec<String> = (0..9).map(|n| format!("{n:09}")).collect();
        for (lines, end) in [
            (&hashes[..], "\n"),
            (&short[..], "\n"),
            (&["password".to_owned()][..], "\n"),
            (&[String::new()][..], "\n"),
            (&["A".repeat(5_000)][..], "\n"),
            (&[][..], "\n"),
        ] {
            assert!(
                matches!(list(lines, end), Err(BreachedError::NotAList)),
                "{lines:?}"
            );
        }
        let missing = Breached::open(Path::new("/no/such/list"));
        assert!(matches!(missing, Err(BreachedError::Io(_))), "{missing:?}");
        assert!(Breached::open(&std::env::temp_dir()).is_err());
    }
}
