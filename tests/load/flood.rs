//! Floods of sign-ins and of registrations beside the token endpoint.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::CONNECTIONS;
use crate::limits::Limits;
use crate::line::{AUTHORIZE, Line, login_form, refresh, sign_in};
use crate::server::{SECRET, Server, Setup};

/// Ten times the pool's rate of wrong sign-ins for a minute, from many addresses, beside the token endpoint: first each
/// grant alone and as fast as it goes, which leaves nobody else a share of the core to lose or win; then both at half of
/// that, begun at their times, with what the slowest waited.
pub fn flood(limits: &Limits) {
    let setup = Setup::new("identity");
    let server = Server::start(&setup);
    let rate = limits.argon2id * 10.0;
    println!(
        "a flood of {rate:.0} sign-ins/s for {} s, quiet for {} s before and after it",
        FLOOD.as_secs(),
        QUIET.as_secs()
    );
    let busy = |refresh, machines| Mix {
        refresh: Class {
            chains: refresh,
            per_second: None,
        },
        machines: Class {
            chains: machines,
            per_second: None,
        },
    };
    let refresh = around(&server, busy(CROWD, 0), Sent::SignIns, rate);
    refresh.print("refresh alone, as fast as it goes", |seen| &seen.refresh);
    refresh.print_flood(limits);
    let machines = around(&server, busy(0, CROWD), Sent::SignIns, rate);
    machines.print("client_credentials alone, as fast as it goes", |seen| {
        &seen.machines
    });
    machines.print_flood(limits);
    let paced = |rate: f64| Class {
        chains: CONNECTIONS * 2,
        // Half of the core for tokens, shared equally between the two.
        per_second: Some(rate / 4.0),
    };
    let both = Mix {
        refresh: paced(refresh.quiet(|seen| &seen.refresh).per_second),
        machines: paced(machines.quiet(|seen| &seen.machines).per_second),
    };
    let both = around(&server, both, Sent::SignIns, rate);
    both.print("refresh, half of the core asked for", |seen| &seen.refresh);
    both.print("client_credentials beside it", |seen| &seen.machines);
    both.print_flood(limits);
    println!("a flood of {rate:.0} registrations/s for as long");
    let refresh = around(&server, busy(CROWD, 0), Sent::Registrations, rate);
    refresh.print("refresh alone, as fast as it goes", |seen| &seen.refresh);
    refresh.print_registrations();
    let machines = around(&server, busy(0, CROWD), Sent::Registrations, rate);
    machines.print("client_credentials alone, as fast as it goes", |seen| {
        &seen.machines
    });
    machines.print_registrations();
}

/// What floods.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// Wrong ones.
    SignIns,
    /// Begun by strangers, with an address that is new each time.
    Registrations,
}

/// As many chains as it takes that somebody always waits. Sixteen fall into step: what they do at once shares a commit,
/// and whatever else the generator sends between them parts them, which is no work of the server's.
const CROWD: usize = 64;
const QUIET: Duration = Duration::from_secs(15);
const FLOOD: Duration = Duration::from_secs(60);

/// What the token endpoint is asked.
#[derive(Clone, Copy)]
struct Mix {
    refresh: Class,
    machines: Class,
}

/// Chains of requests, each as fast as it goes, or all together at a rate.
#[derive(Clone, Copy)]
struct Class {
    chains: usize,
    per_second: Option<f64>,
}

/// What went on at once.
#[derive(Default)]
struct Seen {
    refresh: Goodput,
    machines: Goodput,
    flood: Flooded,
}

/// Right answers a second and how long they took from when they were due, milliseconds.
#[derive(Default)]
struct Goodput {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

#[derive(Default)]
struct Flooded {
    hashed: f64,
    begun: f64,
    shed: f64,
    slowest_hashed_ms: f64,
}

/// One mix before, in and after a flood. The store grows with every refresh and a machine has moods, so quiet is what is
/// on both sides.
struct Around {
    before: Seen,
    flooded: Seen,
    after: Seen,
    resident_mib: (f64, f64),
}

impl Around {
    fn quiet(&self, of: impl Fn(&Seen) -> &Goodput) -> Goodput {
        let mean = |of: &dyn Fn(&Goodput) -> f64, one, other| (of(one) + of(other)) / 2.0;
        let (one, other) = (of(&self.before), of(&self.after));
        Goodput {
            per_second: mean(&|seen| seen.per_second, one, other),
            p50_ms: mean(&|seen| seen.p50_ms, one, other),
            p99_ms: mean(&|seen| seen.p99_ms, one, other),
        }
    }

    fn print(&self, what: &str, of: impl Fn(&Seen) -> &Goodput) {
        let (quiet, flooded) = (self.quiet(&of), of(&self.flooded));
        println!(
            "{what}: {:.0}/s of {:.0}/s quiet ({:.0} %; {:.0}/s before, {:.0}/s after); p50 {:.2} ms of {:.2}, p99 {:.1} ms of {:.1}",
            flooded.per_second,
            quiet.per_second,
            flooded.per_second / quiet.per_second * 100.0,
            of(&self.before).per_second,
            of(&self.after).per_second,
            flooded.p50_ms,
            quiet.p50_ms,
            flooded.p99_ms,
            quiet.p99_ms,
        );
    }

    fn print_registrations(&self) {
        let flood = &self.flooded.flood;
        println!(
            "  of the flood {:.1}/s were begun, {:.1}/s turned away; resident memory {:.1} -> {:.1} MiB",
            flood.begun, flood.shed, self.resident_mib.0, self.resident_mib.1,
        );
    }

    fn print_flood(&self, limits: &Limits) {
        let flood = &self.flooded.flood;
        println!(
            "  of the flood {:.1}/s were hashed ({:.0} % of raw hashes), the slowest after {:.0} ms; {:.1}/s turned away; resident memory {:.1} -> {:.1} MiB",
            flood.hashed,
            flood.hashed / limits.argon2id * 100.0,
            flood.slowest_hashed_ms,
            flood.shed,
            self.resident_mib.0,
            self.resident_mib.1,
        );
    }
}

fn around(server: &Server, mix: Mix, sent: Sent, rate: f64) -> Around {
    let address = server.identity();
    // A thread of its own: this one already has a runtime.
    std::thread::scope(|scope| {
        let seen = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let before = beside(address, QUIET, mix, None).await;
                let resident = server.resident_mib();
                let flooded = beside(address, FLOOD, mix, Some((sent, rate))).await;
                let resident_mib = (resident, server.resident_mib());
                Around {
                    before,
                    flooded,
                    after: beside(address, QUIET, mix, None).await,
                    resident_mib,
                }
            })
        });
        seen.join().expect("the flood ends")
    })
}

async fn beside(address: SocketAddr, time: Duration, mix: Mix, flood: Option<(Sent, f64)>) -> Seen {
    let (mut refreshing, mut machines) = (Vec::new(), Vec::new());
    for at in 0..mix.refresh.chains {
        let mut line = Line::open(address, None).await;
        let token = sign_in(&mut line, AUTHORIZE, &format!("p{}", at % CONNECTIONS)).await;
        refreshing.push((line, token));
    }
    let form = format!("grant_type=client_credentials&client_id=m-post&client_secret={SECRET}");
    for _ in 0..mix.machines.chains {
        machines.push((Line::open(address, None).await, form.clone()));
    }
    let lines = match flood {
        Some((sent, _)) => flood_lines(address, sent).await,
        None => VecDeque::new(),
    };
    let begun = Instant::now();
    let flooding = flood.map(|(sent, rate)| tokio::spawn(send_flood(lines, sent, rate, begun, time)));
    let refresh = chains(mix.refresh, refreshing, begun, time, async |line, token| {
        refresh(line, token).await
    });
    let machines = chains(mix.machines, machines, begun, time, async |line, form| {
        let answer = line.post("/token", form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    });
    let (refresh, machines) = tokio::join!(refresh, machines);
    let flood = match flooding {
        Some(flooding) => flooding.await.expect("the flood ends"),
        None => Flooded::default(),
    };
    Seen {
        refresh,
        machines,
        flood,
    }
}

/// Runs every chain until the time is over: one request after another, or each at its time however late the one before
/// it was.
async fn chains<T>(
    class: Class,
    all: Vec<(Line, T)>,
    begun: Instant,
    time: Duration,
    request: impl AsyncFn(&mut Line, &mut T),
) -> Goodput {
    let apart = class
        .per_second
        .map(|rate| Duration::from_secs_f64(class.chains as f64 / rate));
    let chains = all.into_iter().enumerate().map(|(at, (mut line, mut with))| {
        let request = &request;
        async move {
            let mut took = Vec::new();
            let first = apart.map_or(Duration::ZERO, |apart| {
                apart.mul_f64(at as f64 / class.chains as f64)
            });
            let mut due = begun + first;
            while due < begun + time && begun.elapsed() < time {
                if apart.is_some() {
                    tokio::time::sleep_until(due.into()).await;
                } else {
                    due = Instant::now();
                }
                request(&mut line, &mut with).await;
                took.push(due.elapsed().as_secs_f64() * 1e3);
                due += apart.unwrap_or_default();
            }
            took
        }
    });
    let mut took: Vec<f64> = futures::future::join_all(chains)
        .await
        .into_iter()
        .flatten()
        .collect();
    took.sort_by(f64::total_cmp);
    let part = |share: f64| {
        took.get((took.len() as f64 * share) as usize)
            .copied()
            .unwrap_or(f64::NAN)
    };
    Goodput {
        per_second: took.len() as f64 / time.as_secs_f64(),
        p50_ms: part(0.5),
        p99_ms: part(0.99),
    }
}

/// Browsers at 400 addresses, each with a page before it.
async fn flood_lines(address: SocketAddr, sent: Sent) -> VecDeque<(Line, String)> {
    let mut lines = VecDeque::new();
    for (net, host) in (0..2_u8).flat_map(|net| (1..=200_u8).map(move |host| (net, host))) {
        let mut line = Line::open(address, Some(Ipv4Addr::new(127, 1, net, host))).await;
        let form = match sent {
            Sent::SignIns => login_form(&mut line, AUTHORIZE, "nobody", "wrong").await.0,
            Sent::Registrations => register_form(&mut line).await,
        };
        lines.push_back((line, form));
    }
    if sent == Sent::Registrations {
        // Faster than that the server takes nobody for a person.
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    lines
}

/// The first page of a registration, filled in.
async fn register_form(line: &mut Line) -> String {
    let page = line.page("/register").await;
    let value = |name: &str| page.between(&format!("name=\"{name}\" value=\""), "\"");
    let form = serde_urlencoded::to_string([
        ("request", value("request").as_str()),
        ("at", &value("at")),
        ("token", &value("token")),
        ("action", "register"),
    ]);
    format!("email=nobody%40example.test&{}", form.expect("a form"))
}

/// An open loop: attempts begin at their times whatever becomes of those before, as far as connections are free.
async fn send_flood(
    mut lines: VecDeque<(Line, String)>,
    what: Sent,
    rate: f64,
    begun: Instant,
    time: Duration,
) -> Flooded {
    let mut flooded = Flooded::default();
    let mut sent = 0_u64;
    let mut flying = tokio::task::JoinSet::new();
    while begun.elapsed() < time || !flying.is_empty() {
        let due = (begun.elapsed().min(time).as_secs_f64() * rate) as u64;
        while sent < due {
            let Some((mut line, form)) = lines.pop_front() else {
                break;
            };
            let (path, name) = match what {
                Sent::SignIns => ("/login", "username"),
                Sent::Registrations => ("/register", "email"),
            };
            let who = format!("{name}=nobody{sent}");
            let nobody = format!("{name}=nobody");
            sent += 1;
            flying.spawn(async move {
                let posted = Instant::now();
                let answer = line.post(path, &form.replacen(&nobody, &who, 1)).await;
                (line, form, answer, posted.elapsed())
            });
        }
        while let Some(done) = flying.try_join_next() {
            let (line, form, answer, took) = done.expect("every attempt is answered");
            match answer.status {
                422 => {
                    flooded.hashed += 1.0;
                    flooded.slowest_hashed_ms = flooded.slowest_hashed_ms.max(took.as_secs_f64() * 1e3);
                }
                303 => flooded.begun += 1.0,
                503 | 429 => flooded.shed += 1.0,
                other => panic!("{other}: {}", answer.body),
            }
            lines.push_back((line, form));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    flooded.hashed /= time.as_secs_f64();
    flooded.begun /= time.as_secs_f64();
    flooded.shed /= time.as_secs_f64();
    flooded
}
