//! `cargo xtask bench`

use crate::postgres::Server;
use crate::rabbitmq::Broker;
use crate::run::{self, Folder, cargo};

/// Runs the load programs on the release build, with a private PostgreSQL and, where events are
/// measured, a private RabbitMQ.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let folder = Folder::new("bench")?;
    let server = Server::start(&folder.0)?;
    let broker = match arguments.is_empty() || arguments.iter().any(|argument| argument == "events") {
        true => Some(Broker::start(&folder.0)?),
        false => None,
    };
    let mut build = cargo();
    run::run(build.args(["build", "--release", "--locked", "--bin", "latchkey"]))?;
    let mut bench = cargo();
    bench
        .args(["bench", "--locked", "--bench", "load", "--"])
        .args(arguments);
    if let Some(broker) = &broker {
        bench.env("TEST_RABBITMQ_URL", broker.url());
    }
    run::run(
        bench
            .env("TEST_POSTGRES_URL", server.url())
            .env("TMPDIR", &folder.0),
    )
}
