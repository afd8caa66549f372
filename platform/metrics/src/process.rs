//! What the operating system says of this process. Elsewhere than on Linux, nothing.

use crate::catalog::{BUILD_INFO, OPEN_FDS, RESIDENT_MEMORY, START_TIME};
use crate::labels::Version;

/// Notes when the process started, and what it is.
pub fn started(now_ms: i64) {
    START_TIME.set((), (now_ms / 1_000) as f64);
    BUILD_INFO.set(Version::Current, 1.0);
}

/// Reads memory and open files. Two short reads of `/proc`.
pub fn sample() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    match resident(&status) {
        Some(bytes) => RESIDENT_MEMORY.set((), bytes as f64),
        None => RESIDENT_MEMORY.clear(()),
    }
    match std::fs::read_dir("/proc/self/fd") {
        // The folder itself is open while it is read.
        Ok(open) => OPEN_FDS.set((), open.count().saturating_sub(1) as f64),
        Err(_elsewhere) => OPEN_FDS.clear(()),
    }
}

/// The line `VmRSS:   12345 kB`, in bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes_and_nothing_is_made_up() {
        assert_eq!(
            resident("Name:\tlatchkey\nVmRSS:\t   30720 kB\nThreads: 9\n"),
            Some(31_457_280)
        );
        for other in ["", "VmRSS: many kB", "VmRSS: 12 MB", "VmSize: 30720 kB"] {
            assert_eq!(resident(other), None, "{other}");
        }
    }
}
