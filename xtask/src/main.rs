//! `cargo xtask`: what people and CI run. It depends on nothing of ours and drives the built programs.

mod bench;
mod bucket;
mod chaos;
mod contact_sheet;
mod docs;
mod package;
mod postgres;
mod rabbitmq;
mod run;
mod test;
mod times;
mod tools;
mod topology;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [ARGS]    every test, with a private PostgreSQL and a private RabbitMQ that are started for the run and
                 removed after it, a real browser, and foreign clients; what is missing is installed where that is possible;
                 ARGS go to `cargo test`, such as `-p latchkey-bus` or a test's name;
                 --thorough repeats races thousands of times, which takes hours;
                 --thorough people does it for accounts alone, and puts the pictures of their pages on one sheet;
                 the slowest tests are listed at the end
  bench [ARGS]   the benchmarks, on the release build; ARGS name those to run
  chaos [ARGS]   buyers order from the release build while it is killed, then a checker reads its databases;
                 --checkouts N, --kills K, --buyers B, --seed S, --json;
                 --scaled kills the services of compose.yaml as processes, and restarts the broker --restarts R times
  package        packs the guard and builds it from the package, as others get it
  docs           the docs site, with references of the APIs and the events, into target/docs; installs mdBook there
  topology       starts every service of compose.yaml as a process on loopback, until it is interrupted;
                 --check ends when all are healthy, --seed FILE declares more to the issuer, --binary FILE is the
                 latchkey to start instead of the release build, --commands reads `kill NAME`, `restart rabbitmq` and
                 `crash rabbitmq` from its input until that ends
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    if command.as_deref() == Some("run-test") {
        return times::run_test(&rest);
    }
    let done = match command.as_deref() {
        Some("test") => test::run(&rest),
        Some("bench") => bench::run(&rest),
        Some("package") => package::run_package(),
        Some("docs") => docs::run_docs(),
        Some("chaos") => chaos::run(&rest),
        Some("topology") => topology::run(&rest),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}
