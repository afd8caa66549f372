//! The process itself.

use crate::labels::Version;
use crate::metric::Served::{Always, Where};
use crate::metric::metrics;

metrics! {
    BUILD_INFO: Gauge<Version> = "latchkey_build_info", "always 1", Always,
        "The version that runs.";
    START_TIME: Gauge<()> = "process_start_time_seconds", "seconds", Always,
        "When the roles were started, in Unix time.";
    RESIDENT_MEMORY: Gauge<()> = "process_resident_memory_bytes", "bytes", Where("on Linux"),
        "Memory of the process that is in RAM.";
    OPEN_FDS: Gauge<()> = "process_open_fds", "descriptors", Where("on Linux"),
        "Open file descriptors.";
    LOG_LINES_DROPPED: Counter<()> = "latchkey_log_lines_dropped_total", "lines", Always,
        "Log lines that were lost because the output was too slow or had no space.";
}
