//! People under load: refreshing, signing in with a session, signing in by password, and a flood of sign-ins beside the
//! token endpoint.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::generator::Rate;
use crate::limits::Limits;
use crate::server::{PASSWORD, SECRET, Server, Setup};
use crate::{CONNECTIONS, ROUND, ROUNDS};

/// A kept-alive connection with the cookies of one browser.
struct Line {
    address: SocketAddr,
    stream: TcpStream,
    cookies: Vec<(String, String)>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn location(&self) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix("location: "));
        line.unwrap_or_default().trim()
    }

    /// The text between two marks of the body.
    fn between(&self, before: &str, after: &str) -> String {
        let rest = self.body.split(before).nth(1).unwrap_or_default();
        rest.split(after).next().unwrap_or_default().to_owned()
    }
}

impl Line {
    async fn open(address: SocketAddr, from: Option<Ipv4Addr>) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(from) = from {
            socket
                .bind(SocketAddr::new(IpAddr::V4(from), 0))
                .expect("a loopback address");
        }
        let stream = socket.connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self {
            address,
            stream,
            cookies: Vec::new(),
        }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send("POST", path, Some(form)).await
    }

    async fn send(&mut self, method: &str, path: &str, form: Option<&str>) -> Answer {
        let host = format!("localhost:{}", self.address.port());
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n");
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            text += &format!("cookie: {}\r\n", pairs.join("; "));
        }
        if let Some(form) = form {
            text += &format!(
                "origin: http://{host}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
                form.len()
            );
        }
        text += "\r\n";
        text += form.unwrap_or_default();
        self.stream
            .write_all(text.as_bytes())
            .await
            .expect("a request is sent");
        let mut read = Vec::with_capacity(8192);
        let mut buffer = [0_u8; 16 * 1024];
        let (head, length) = loop {
            let n = self.stream.read(&mut buffer).await.expect("an answer");
            assert!(n > 0, "the server hung up");
            read.extend_from_slice(&buffer[..n]);
            if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&read[..at]).into_owned();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .and_then(|length| length.trim().parse::<usize>().ok())
                    .unwrap_or(0);
                break (head, at + 4 + length);
            }
        };
        while read.len() < length {
            let n = self.stream.read(&mut buffer).await.expect("a body");
            assert!(n > 0, "the server hung up");
            read.extend_from_slice(&buffer[..n]);
        }
        let at = head.len() + 4;
        for line in head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            if let Some((name, value)) = line.split(';').next().and_then(|pair| pair.split_once('=')) {
                self.cookies.retain(|(known, _)| known != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Answer {
            status: head
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .unwrap_or(0),
            body: String::from_utf8_lossy(&read[at..]).into_owned(),
            head,
        }
    }
}

/// A public client's authorization request, with the challenge of RFC 7636 appendix B.
const AUTHORIZE: &str = "/authorize?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.test%2Fcb\
    &scope=catalog.read&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

fn code_of(location: &str) -> &str {
    let rest = location.split("code=").nth(1).unwrap_or_default();
    rest.split('&').next().unwrap_or_default()
}

fn exchange(code: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id=app&redirect_uri=https%3A%2F%2Fapp.test%2Fcb&code={code}\
         &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
}

/// The sign-in page's form, filled in; a few percent signs that the password does not need.
async fn login_form(line: &mut Line, who: &str, password: &str) -> (String, String) {
    let kept = line.get(AUTHORIZE).await;
    let mut path = kept.location().to_owned();
    let mut page = line.get(&path).await;
    while page.status == 303 {
        path = page.location().to_owned();
        page = line.get(&path).await;
    }
    let request = page.between("name=\"request\" value=\"", "\"");
    let token = page.between("name=\"token\" value=\"", "\"");
    assert!(!token.is_empty(), "{}", page.body);
    let form = format!("request={request}&token={token}&username={who}&password={password}&action=sign-in");
    (form, request)
}

/// Signs in by password and allows; a refresh token.
async fn sign_in(line: &mut Line, who: &str) -> String {
    let (form, _) = login_form(line, who, PASSWORD).await;
    let mut answer = line.post("/login", &form).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    for _ in 0..4 {
        let to = answer.location().to_owned();
        if to.starts_with("https://app.test/") {
            let tokens = line.post("/token", &exchange(code_of(&to))).await;
            assert_eq!(tokens.status, 200, "{}", tokens.body);
            return tokens.between("\"refresh_token\":\"", "\"");
        }
        answer = line.get(&to).await;
        if answer.status == 200 {
            let request = answer.between("name=\"request\" value=\"", "\"");
            let token = answer.between("name=\"token\" value=\"", "\"");
            let form = format!("request={request}&token={token}&action=allow");
            answer = line.post("/consent", &form).await;
        }
    }
    panic!("no code: {} {}", answer.status, answer.body);
}

async fn refresh(line: &mut Line, token: &mut String) {
    let form = format!("grant_type=refresh_token&client_id=app&refresh_token={token}");
    let answer = line.post("/token", &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    *token = answer.between("\"refresh_token\":\"", "\"");
}

/// Refresh with the commit before the answer, sign-in with a session, sign-in by password (P3, P7, P9).
pub fn people(limits: &Limits) {
    let setup = Setup::new("identity");
    let server = Server::start(&setup);
    let address = server.identity();
    let rate = measure(&server, CONNECTIONS, move |until| async move {
        let chains = (0..CONNECTIONS).map(|at| async move {
            let mut line = Line::open(address, None).await;
            let mut token = sign_in(&mut line, &format!("p{at}")).await;
            until.begin().await;
            let mut done = 0;
            while until.goes_on() {
                refresh(&mut line, &mut token).await;
                done += 1;
            }
            done
        });
        sum(chains).await
    });
    println!(
        "refresh with rotation, committed before the answer, {CONNECTIONS} chains: {rate}; {:.2} of {:.0} single durable commits/s",
        rate.best / limits.commits,
        limits.commits
    );
    let rate = measure(&server, CONNECTIONS, move |until| async move {
        let browsers = (0..CONNECTIONS).map(|at| async move {
            let mut line = Line::open(address, None).await;
            sign_in(&mut line, &format!("p{at}")).await;
            until.begin().await;
            let mut done = 0;
            while until.goes_on() {
                let back = line.get(AUTHORIZE).await;
                let form = exchange(code_of(back.location()));
                let tokens = line.post("/token", &form).await;
                assert_eq!(tokens.status, 200, "{} {}", back.head, tokens.body);
                done += 1;
            }
            done
        });
        sum(browsers).await
    });
    println!(
        "sign-in with a session, code exchanged, two commits: {rate}; {:.2} of {:.0} single durable commits/s",
        rate.best / limits.commits,
        limits.commits
    );
    let rate = measure(&server, 4, move |until| async move {
        let browsers = (0..4).map(|at| async move {
            until.begin().await;
            let mut done = 0;
            while until.goes_on() {
                let mut line = Line::open(address, None).await;
                let (form, _) = login_form(&mut line, &format!("p{at}"), PASSWORD).await;
                let answer = line.post("/login", &form).await;
                assert_eq!(answer.status, 303, "{}", answer.body);
                done += 1;
            }
            done
        });
        sum(browsers).await
    });
    println!(
        "sign-in by password, a page and a post each: {rate}; {:.0} % of {:.1} raw argon2id hashes/s",
        rate.best / limits.argon2id * 100.0,
        limits.argon2id
    );
    println!("resident memory after the load: {:.1} MiB", server.resident_mib());
}

/// Ten times the pool's rate of wrong sign-ins for a minute, from many addresses, beside refreshes and machines.
pub fn flood(limits: &Limits) {
    const QUIET: Duration = Duration::from_secs(20);
    const FLOOD: Duration = Duration::from_secs(60);
    let setup = Setup::new("identity");
    let server = Server::start(&setup);
    let address = server.identity();
    // A thread of its own: this one already has a runtime.
    let told = std::thread::scope(|scope| {
        let told = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let quiet = beside(address, QUIET, None).await;
                let before = server.resident_mib();
                let rate = limits.argon2id * 10.0;
                let flooded = beside(address, FLOOD, Some(rate)).await;
                (quiet, flooded, before, server.resident_mib())
            })
        });
        told.join().expect("the flood ends")
    });
    let (quiet, flooded, before, after) = told;
    let share = |one: f64, other: f64| one / other * 100.0;
    println!(
        "sign-in flood of {:.0}/s for {} s: refresh {:.0}/s of {:.0}/s quiet ({:.0} %), client_credentials {:.0}/s of {:.0}/s quiet ({:.0} %)",
        flooded.attempts / FLOOD.as_secs_f64(),
        FLOOD.as_secs(),
        flooded.refreshes,
        quiet.refreshes,
        share(flooded.refreshes, quiet.refreshes),
        flooded.machines,
        quiet.machines,
        share(flooded.machines, quiet.machines),
    );
    println!(
        "  of the flood {:.1}/s were hashed, {:.1}/s turned away; resident memory {before:.1} -> {after:.1} MiB",
        flooded.hashed / FLOOD.as_secs_f64(),
        flooded.shed / FLOOD.as_secs_f64(),
    );
}

/// What went on at once, a second.
#[derive(Default)]
struct Beside {
    refreshes: f64,
    machines: f64,
    attempts: f64,
    hashed: f64,
    shed: f64,
}

async fn beside(address: SocketAddr, time: Duration, flood: Option<f64>) -> Beside {
    let half = CONNECTIONS / 2;
    let (stop, refreshes, machines) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut tasks = Vec::new();
    for at in 0..half {
        let mut line = Line::open(address, None).await;
        let mut token = sign_in(&mut line, &format!("p{at}")).await;
        let (stop, count) = (stop.clone(), refreshes.clone());
        tasks.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                refresh(&mut line, &mut token).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let form = format!("grant_type=client_credentials&client_id=m-post&client_secret={SECRET}");
    for _ in 0..half {
        let mut line = Line::open(address, None).await;
        let (stop, count, form) = (stop.clone(), machines.clone(), form.clone());
        tasks.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let answer = line.post("/token", &form).await;
                assert_eq!(answer.status, 200, "{}", answer.body);
                count.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let flooding = match flood {
        Some(rate) => Some(begin_flood(address, rate, time).await),
        None => None,
    };
    let begun = Instant::now();
    let first = (
        refreshes.load(Ordering::Relaxed),
        machines.load(Ordering::Relaxed),
    );
    let flooded = match flooding {
        Some(flooding) => flooding.await.expect("the flood ends"),
        None => {
            tokio::time::sleep(time).await;
            Beside::default()
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    let result = Beside {
        refreshes: (refreshes.load(Ordering::Relaxed) - first.0) as f64 / seconds,
        machines: (machines.load(Ordering::Relaxed) - first.1) as f64 / seconds,
        ..flooded
    };
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("every answer is right");
    }
    result
}

/// An open loop: attempts begin at their times whatever becomes of those before, as far as connections are free.
async fn begin_flood(address: SocketAddr, rate: f64, time: Duration) -> tokio::task::JoinHandle<Beside> {
    const ADDRESSES: usize = 400;
    let mut lines = VecDeque::new();
    for at in 0..ADDRESSES {
        let from = Ipv4Addr::new(
            127,
            1,
            u8::try_from(at / 200).unwrap_or(0),
            u8::try_from(at % 200 + 1).unwrap_or(1),
        );
        let mut line = Line::open(address, Some(from)).await;
        let (form, _) = login_form(&mut line, "WHO", "wrong").await;
        lines.push_back((line, form));
    }
    tokio::spawn(async move {
        let counts = Arc::new((AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)));
        let begun = Instant::now();
        let mut sent = 0_u64;
        let mut flying = tokio::task::JoinSet::new();
        while begun.elapsed() < time {
            let due = (begun.elapsed().as_secs_f64() * rate) as u64;
            while sent < due {
                let Some((mut line, form)) = lines.pop_front() else {
                    break;
                };
                let counts = counts.clone();
                let who = format!("nobody{sent}");
                sent += 1;
                flying.spawn(async move {
                    let answer = line.post("/login", &form.replacen("WHO", &who, 1)).await;
                    counts.0.fetch_add(1, Ordering::Relaxed);
                    match answer.status {
                        422 => counts.1.fetch_add(1, Ordering::Relaxed),
                        503 | 429 => counts.2.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}: {}", answer.body),
                    };
                    (line, form)
                });
            }
            while let Some(done) = flying.try_join_next() {
                lines.push_back(done.expect("every answer is one of three"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        while flying.join_next().await.is_some() {}
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        Beside {
            attempts: count(&counts.0),
            hashed: count(&counts.1),
            shed: count(&counts.2),
            ..Beside::default()
        }
    })
}

/// One round: everybody gets ready, then it begins, then it ends.
#[derive(Clone, Copy)]
struct Until(
    &'static tokio::sync::Barrier,
    &'static std::sync::OnceLock<Instant>,
);

impl Until {
    async fn begin(&self) {
        self.0.wait().await;
        self.1.get_or_init(|| Instant::now() + ROUND);
    }

    fn goes_on(&self) -> bool {
        self.1.get().is_some_and(|end| Instant::now() < *end)
    }
}

async fn sum(all: impl Iterator<Item = impl Future<Output = u64>>) -> u64 {
    futures::future::join_all(all).await.into_iter().sum()
}

fn measure<F, Fut>(server: &Server, clients: usize, round: F) -> Rate
where
    F: Fn(Until) -> Fut + Send + Sync,
    Fut: Future<Output = u64>,
{
    let mut rates = Vec::new();
    let mut cpu = 0.0;
    let mut total = 0.0;
    for _ in 0..ROUNDS {
        // Leaked once a round: the tasks of a benchmark live as long as it does.
        let until = Until(
            Box::leak(Box::new(tokio::sync::Barrier::new(clients))),
            Box::leak(Box::default()),
        );
        let before = server.cpu_seconds();
        let done = std::thread::scope(|scope| {
            let generating = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                runtime.block_on(round(until))
            });
            generating.join().expect("every answer is right")
        });
        cpu += server.cpu_seconds() - before;
        total += done as f64;
        rates.push(done as f64 / ROUND.as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    Rate {
        best: rates[ROUNDS - 1],
        median: rates[ROUNDS / 2],
        cpu_us: cpu / total * 1e6,
    }
}
