//! `cargo xtask bench`

use crate::postgres::Server;
use crate::run::{self, Folder, cargo};

/// Runs the load programs on the release build, with a private PostgreSQL.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let folder = Folder::new("bench")?;
    let server = Server::start(&folder.0)?;
    let mut build = cargo();
    run::run(build.args(["build", "--release", "--locked", "--bin", "latchkey"]))?;
    let mut bench = cargo();
    bench
        .args(["bench", "--locked", "--bench", "load", "--"])
        .args(arguments);
    run::run(
        bench
            .env("TEST_POSTGRES_URL", server.url())
            .env("TMPDIR", &folder.0),
    )
}
