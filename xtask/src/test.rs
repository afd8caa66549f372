//! `cargo xtask test`

use std::process::Command;

use crate::bucket::Bucket;
use crate::postgres::Server;
use crate::rabbitmq::Broker;
use crate::run::{self, Folder, cargo, cargo_target};
use crate::{contact_sheet, times, tools};

/// The tests of `--thorough people`, by the beginnings of their names: what is about accounts and takes long, and what
/// takes pictures of their pages.
const PEOPLE: [&str; 6] = [
    "chromium_people",
    "explorer",
    "import_commands",
    "imports",
    "limits_of_people",
    "second_throttle",
];

/// Runs `cargo test` with a private PostgreSQL, a private RabbitMQ, a private S3 and a temporary folder of its own. Nothing is skipped: what is missing
/// is a failure that says what to install.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let packages: Vec<&String> = arguments
        .iter()
        .zip(arguments.iter().skip(1))
        .filter(|(flag, _)| *flag == "-p" || *flag == "--package")
        .map(|(_, name)| name)
        .collect();
    // Journeys are the root package's.
    if packages.is_empty() || packages.iter().any(|name| *name == "latchkey") {
        tools::browser()?;
        tools::foreign()?;
        tools::proxies()?;
        tools::pebble()?;
        tools::systemd()?;
        tools::promtool()?;
    }
    let (thorough, arguments): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| *argument == "--thorough");
    let people = !thorough.is_empty() && arguments.iter().any(|argument| *argument == "people");
    let arguments: Vec<&str> = match people {
        true => ["--test", "it", "--"].into_iter().chain(PEOPLE).collect(),
        false => arguments.into_iter().map(String::as_str).collect(),
    };
    let folder = Folder::new("test")?;
    let server = Server::for_tests(&folder.0)?;
    let uses_broker = |name: &&String| ["latchkey", "latchkey-bus"].contains(&name.as_str());
    let broker = match packages.is_empty() || packages.iter().any(uses_broker) {
        true => Some(Broker::start(&folder.0)?),
        false => None,
    };
    let uses_bucket = |name: &&String| name.as_str() == "latchkey-photo";
    let bucket = match packages.is_empty() || packages.iter().any(uses_bucket) {
        true => Some(Bucket::start(&folder.0)?),
        false => None,
    };
    let temporary = folder.0.join("tmp");
    std::fs::create_dir_all(&temporary).map_err(|error| format!("{}: {error}", temporary.display()))?;
    let mut test = cargo();
    test.args(["test", "--locked"]);
    let measured = times::measure(&mut test, &folder)?;
    if packages.is_empty() {
        test.arg("--workspace");
    }
    if !thorough.is_empty() {
        test.env("TEST_THOROUGH", "1");
    }
    if let Some(broker) = &broker {
        test.env("TEST_RABBITMQ_URL", broker.url());
        test.env("TEST_RABBITMQ_NODE", broker.node());
    }
    if let Some(bucket) = &bucket {
        test.env("TEST_S3_URL", bucket.url());
    }
    let done = run::run(
        test.args(arguments)
            .env("TEST_POSTGRES_URL", server.url())
            .env("TMPDIR", &temporary),
    );
    times::tell(&measured);
    if done.is_err() {
        for trouble in server.troubles() {
            println!("PostgreSQL: {trouble}");
        }
        if let Some(space) = run::output(Command::new("df").arg("-h").arg(&folder.0)) {
            println!("{space}");
        }
    }
    if people {
        contact_sheet::write(&cargo_target().join("tmp/pictures"))?;
    }
    done
}
