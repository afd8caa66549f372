//! The `latchkey` binary.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let _last = latchkey_telemetry::FlushAtEnd;
    latchkey::cli::run().await
}
