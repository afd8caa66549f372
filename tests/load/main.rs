//! The benchmarks: the release binary on one core, the generator on another, and the physical limits of the same run
//! beside every figure.
//!
//! `cargo xtask bench [machine] [start] [guard] [people] [timing] [flood] [revocation] [search] [checkout] [events]`

mod checkout;
mod events;
mod flood;
mod generator;
mod limits;
mod line;
mod passkeys;
mod people;
mod revocation;
mod search;
mod server;
mod timing;

use std::time::Duration;

use crate::generator::{Load, Rate};
use crate::limits::Limits;
use crate::server::{Server, Setup};

/// Connections of the generator, kept alive.
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(5);

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if arguments.first().is_some_and(|first| first == "limits") {
        return limits::print(arguments.get(1).map(String::as_str));
    }
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        println!("{}", limits::machine());
        let limits = Limits::measure();
        println!("raw on the server's core: {limits}");
        if wanted("start") {
            start();
        }
        if wanted("machine") {
            machine(&limits);
        }
        if wanted("guard") {
            guard(&limits);
        }
        if wanted("people") {
            people::people();
        }
        if wanted("timing") {
            timing::timing();
        }
        if wanted("flood") {
            flood::flood(&limits);
        }
        if wanted("search") {
            search::search();
        }
        if wanted("revocation") {
            revocation::run().await;
        }
        if wanted("checkout") {
            checkout::checkout().await;
        }
        if wanted("events") {
            events::events().await;
        }
    });
}

/// F1 and F3: from the start of `serve identity` to the first 200 of discovery, and what it keeps in memory.
fn start() {
    let setup = Setup::new("identity");
    let first = Server::start(&setup);
    println!(
        "start, fresh keys: discovery after {:.1} ms (F3 asks 1,000)",
        first.ready_after.as_secs_f64() * 1e3
    );
    drop(first);
    let mut warm: Vec<f64> = (0..10)
        .map(|_| Server::start(&setup).ready_after.as_secs_f64() * 1e3)
        .collect();
    warm.sort_by(f64::total_cmp);
    println!(
        "start, warm: discovery after {:.1} ms (median of 10; best {:.1}; F3 asks 60)",
        warm[5], warm[0]
    );
    let idle = Server::start(&setup);
    std::thread::sleep(Duration::from_secs(2));
    println!(
        "resident memory, idle: {:.1} MiB (F1 asks 30)",
        idle.resident_mib()
    );
}

/// P1 and P5: tokens for machines, and introspection.
fn machine(limits: &Limits) {
    let setup = Setup::new("identity");
    let server = Server::start(&setup);
    println!(
        "resident memory before the load: {:.1} MiB",
        server.resident_mib()
    );
    for (alg, client, raw, goal) in [
        ("ES256", "m-es256", limits.p256_sign, "P1 asks 18 %"),
        ("EdDSA", "m-eddsa", limits.ed25519_sign, "P1 asks 11 %"),
        ("RS256", "m-rs256", limits.rsa_sign, "P2 asks 75 %"),
    ] {
        let load = Load::post("/token", client, "grant_type=client_credentials", 200);
        let rate = measure(&server, &[load]);
        println!(
            "client_credentials {alg}: {rate}; {:.0} % of {raw:.0} raw signatures/s ({goal})",
            rate.best / raw * 100.0
        );
    }
    let tokens = server.tokens("m-es256", 1_000);
    let introspections: Vec<Load> = tokens
        .iter()
        .map(|token| {
            Load::post("/introspect", "rs", &format!("token={token}"), 200).answering("\"active\":true")
        })
        .collect();
    let rate = measure(&server, &introspections);
    println!(
        "introspection of a live JWT, store read each time: {rate}; {:.0} % of {:.0} raw verifications/s (P5 asks 11,000/s where P-256 verifies 20,000/s)",
        rate.best / limits.p256_verify * 100.0,
        limits.p256_verify
    );
    for path in ["/jwks", "/.well-known/openid-configuration"] {
        println!("{path}: {}", measure(&server, &[Load::get(path, None, 200)]));
    }
    println!(
        "resident memory after the load: {:.1} MiB (F2 asks 64)",
        server.resident_mib()
    );
}

/// The guard before a route: each signature verified once, then remembered; and every one new.
fn guard(limits: &Limits) {
    let setup = Setup::new("both");
    let server = Server::start(&setup);
    let tokens = server.tokens("m-es256", 20_000);
    let calls: Vec<Load> = tokens
        .iter()
        .map(|token| Load::get("/catalog/v1/whoami", Some(token), 200))
        .collect();
    // One pass over tokens that were never seen: every signature is verified.
    let fresh = generator::once(server.catalog(), &calls, CONNECTIONS);
    println!(
        "guarded call, every signature new: {fresh:.0}/s; {:.0} % of {:.0} raw verifications/s",
        fresh / limits.p256_verify * 100.0,
        limits.p256_verify
    );
    let few: Vec<Load> = calls.into_iter().take(1_000).collect();
    let mut best = 0.0_f64;
    for _ in 0..ROUNDS {
        best = best.max(generator::run(server.catalog(), &few, CONNECTIONS, ROUND));
    }
    println!("guarded call, signatures remembered, dates and revocations checked each time: {best:.0}/s");
    println!("resident memory after the load: {:.1} MiB", server.resident_mib());
}

fn measure(server: &Server, loads: &[Load]) -> Rate {
    let cpu = server.cpu_seconds();
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| generator::run(server.identity(), loads, CONNECTIONS, ROUND))
        .collect();
    let total: f64 = rates.iter().map(|rate| rate * ROUND.as_secs_f64()).sum();
    let cpu_us = (server.cpu_seconds() - cpu) / total * 1e6;
    rates.sort_by(f64::total_cmp);
    Rate {
        best: rates[ROUNDS - 1],
        median: rates[ROUNDS / 2],
        cpu_us,
    }
}
