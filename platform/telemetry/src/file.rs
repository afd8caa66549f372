//! A log file of bounded size: when it is full it becomes `NAME.1`, replacing the previous one.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The maximum size of each of the two files.
pub(crate) const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// Opened at the first line, readable only by its owner; reopened after an error.
pub(crate) struct LogFile {
    path: PathBuf,
    most: u64,
    open: Option<(File, u64)>,
}

impl LogFile {
    pub fn new(path: &Path, most: u64) -> Self {
        Self {
            path: path.to_owned(),
            most,
            open: None,
        }
    }

    fn reopen(&self) -> io::Result<(File, u64)> {
        if let Some(folder) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }

    fn before(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".1");
        name.into()
    }

    fn write_whole(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let (mut file, mut size) = match self.open.take() {
            Some(open) => open,
            None => self.reopen()?,
        };
        if size > 0 && size.saturating_add(length) > self.most {
            std::fs::rename(&self.path, self.before())?;
            (file, size) = self.reopen()?;
        }
        file.write_all(line)?;
        self.open = Some((file, size + length));
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_whole(line).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_log_file_is_its_owners_alone_and_bounded_with_one_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join("x.log");
        let mut log = LogFile::new(&path, 100);
        for number in 0..1_000 {
            log.write_all(format!("line {number:03}\n").as_bytes()).unwrap();
        }
        let before = log.before();
        for file in [&path, &before] {
            let metadata = std::fs::metadata(file).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
            assert!((1..=100).contains(&metadata.len()), "{}", metadata.len());
        }
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("line 999\n"));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
        // The next start continues in the same file.
        drop(log);
        let size = std::fs::metadata(&path).unwrap().len();
        LogFile::new(&path, 1_000).write_all(b"again\n").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), size + 6);
    }
}
