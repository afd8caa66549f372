//! People under load: refreshing, signing in with a session, signing in by password, and a flood of sign-ins beside the
//! token endpoint.

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::generator::Rate;
use crate::limits::{self, Limits};
use crate::server::{PASSWORD, SECRET, Server, Setup};
use crate::{CONNECTIONS, ROUND, ROUNDS};

/// A kept-alive connection with the cookies of one browser.
pub struct Line {
    address: SocketAddr,
    from: Option<Ipv4Addr>,
    used: Instant,
    stream: TcpStream,
    cookies: Vec<(String, String)>,
}

/// A connection that was idle for longer is made anew: the server keeps no idle one for long.
const IDLE: Duration = Duration::from_secs(2);

pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let line = lines.find(|(named, _)| *named == name);
        line.map(|(_, value)| value.trim()).unwrap_or_default()
    }

    fn location(&self) -> &str {
        self.header("location")
    }

    /// In seconds.
    fn retry_after(&self) -> u64 {
        self.header("retry-after").parse().unwrap_or(1)
    }

    /// The text between two marks of the body.
    pub fn between(&self, before: &str, after: &str) -> String {
        let rest = self.body.split(before).nth(1).unwrap_or_default();
        rest.split(after).next().unwrap_or_default().to_owned()
    }
}

impl Line {
    pub async fn open(address: SocketAddr, from: Option<Ipv4Addr>) -> Self {
        Self {
            address,
            from,
            used: Instant::now(),
            stream: Self::connect(address, from).await,
            cookies: Vec::new(),
        }
    }

    async fn connect(address: SocketAddr, from: Option<Ipv4Addr>) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(from) = from {
            socket
                .bind(SocketAddr::new(IpAddr::V4(from), 0))
                .expect("a loopback address");
        }
        let stream = socket.connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send("POST", path, Some(form)).await
    }

    /// By HTTP Basic.
    pub async fn post_as(&mut self, client: &str, secret: &str, path: &str, form: &str) -> Answer {
        let basic = STANDARD.encode(format!("{client}:{secret}"));
        self.send_with(
            "POST",
            path,
            Some(form),
            &format!("authorization: Basic {basic}\r\n"),
        )
        .await
    }

    async fn send(&mut self, method: &str, path: &str, form: Option<&str>) -> Answer {
        self.send_with(method, path, form, "").await
    }

    async fn send_with(&mut self, method: &str, path: &str, form: Option<&str>, more: &str) -> Answer {
        let host = format!("localhost:{}", self.address.port());
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{more}");
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
        if self.used.elapsed() > IDLE {
            self.stream = Self::connect(self.address, self.from).await;
        }
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
        self.used = Instant::now();
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
pub const AUTHORIZE: &str = "/authorize?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.test%2Fcb\
    &scope=catalog.read&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

/// The same as an OpenID Connect authentication request: an ID token comes of it, signed with RSA.
const AUTHENTICATE: &str = "/authorize?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.test%2Fcb\
    &scope=openid%20catalog.read&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

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
pub async fn login_form(line: &mut Line, asking: &str, who: &str, password: &str) -> (String, String) {
    let kept = line.get(asking).await;
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
async fn sign_in(line: &mut Line, asking: &str, who: &str) -> String {
    let (form, _) = login_form(line, asking, who, PASSWORD).await;
    let mut answer = line.post("/login", &form).await;
    while answer.status == 503 {
        // So many at once are asked to wait.
        tokio::time::sleep(Duration::from_secs(answer.retry_after())).await;
        answer = line.post("/login", &form).await;
    }
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
pub fn people() {
    let setup = Setup::new("identity");
    let server = Server::start(&setup);
    let address = server.identity();
    let beside = measure(&server, limits::COMMITS, CONNECTIONS, move |until| async move {
        let chains = (0..CONNECTIONS).map(|at| async move {
            let mut line = Line::open(address, None).await;
            let mut token = sign_in(&mut line, AUTHORIZE, &format!("p{at}")).await;
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
        "refresh with rotation, committed before the answer, {CONNECTIONS} chains: {beside} single durable commits (P3 asks 80 %)"
    );
    let beside = measure(&server, limits::RSA_SIGN, CONNECTIONS, move |until| async move {
        let browsers = (0..CONNECTIONS).map(|at| async move {
            let mut line = Line::open(address, None).await;
            sign_in(&mut line, AUTHENTICATE, &format!("p{at}")).await;
            until.begin().await;
            let mut done = 0;
            while until.goes_on() {
                let back = line.get(AUTHENTICATE).await;
                let form = exchange(code_of(back.location()));
                let tokens = line.post("/token", &form).await;
                assert_eq!(tokens.status, 200, "{} {}", back.head, tokens.body);
                assert!(tokens.body.contains("\"id_token\""), "{}", tokens.body);
                done += 1;
            }
            done
        });
        sum(browsers).await
    });
    println!(
        "sign-in with a session, code exchanged, two commits, an RS256 ID token: {beside} raw RSA signatures (P7 asks 2,000/s where RSA signs 4,122/s: 49 %)"
    );
    let beside = measure(&server, limits::ARGON2ID, 4, move |until| async move {
        let browsers = (0..4).map(|at| async move {
            until.begin().await;
            let mut done = 0;
            while until.goes_on() {
                let mut line = Line::open(address, None).await;
                let (form, _) = login_form(&mut line, AUTHORIZE, &format!("p{at}"), PASSWORD).await;
                let answer = line.post("/login", &form).await;
                assert_eq!(answer.status, 303, "{}", answer.body);
                done += 1;
            }
            done
        });
        sum(browsers).await
    });
    println!("sign-in by password, a page and a post each: {beside} raw argon2id hashes (P9 asks 90 %)");
    println!("resident memory after the load: {:.1} MiB", server.resident_mib());
}

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
    let refresh = around(&server, busy(CONNECTIONS, 0), rate);
    refresh.print("refresh alone, as fast as it goes", |seen| &seen.refresh);
    refresh.print_flood(limits);
    let machines = around(&server, busy(0, CONNECTIONS), rate);
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
    let both = around(&server, both, rate);
    both.print("refresh, half of the core asked for", |seen| &seen.refresh);
    both.print("client_credentials beside it", |seen| &seen.machines);
    both.print_flood(limits);
}

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

fn around(server: &Server, mix: Mix, rate: f64) -> Around {
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
                let flooded = beside(address, FLOOD, mix, Some(rate)).await;
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

async fn beside(address: SocketAddr, time: Duration, mix: Mix, flood: Option<f64>) -> Seen {
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
        Some(_) => flood_lines(address).await,
        None => VecDeque::new(),
    };
    let begun = Instant::now();
    let flooding = flood.map(|rate| tokio::spawn(send_flood(lines, rate, begun, time)));
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

/// Browsers at 400 addresses, each with a sign-in page before it.
async fn flood_lines(address: SocketAddr) -> VecDeque<(Line, String)> {
    let mut lines = VecDeque::new();
    for (net, host) in (0..2_u8).flat_map(|net| (1..=200_u8).map(move |host| (net, host))) {
        let mut line = Line::open(address, Some(Ipv4Addr::new(127, 1, net, host))).await;
        let (form, _) = login_form(&mut line, AUTHORIZE, "nobody", "wrong").await;
        lines.push_back((line, form));
    }
    lines
}

/// An open loop: attempts begin at their times whatever becomes of those before, as far as connections are free.
async fn send_flood(
    mut lines: VecDeque<(Line, String)>,
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
            let who = format!("username=nobody{sent}");
            sent += 1;
            flying.spawn(async move {
                let posted = Instant::now();
                let answer = line
                    .post("/login", &form.replacen("username=nobody", &who, 1))
                    .await;
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
                503 | 429 => flooded.shed += 1.0,
                other => panic!("{other}: {}", answer.body),
            }
            lines.push_back((line, form));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    flooded.hashed /= time.as_secs_f64();
    flooded.shed /= time.as_secs_f64();
    flooded
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

/// Rounds of ours, each between two measurements of the limit.
struct Beside {
    rate: Rate,
    /// Of the limit, measured before the first round and after each.
    raw: Vec<f64>,
    /// Of each round: its rate by the mean of the limit before and after it.
    shares: Vec<f64>,
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |figures: &[f64], digits: usize| {
            let texts = figures.iter().map(|figure| format!("{figure:.digits$}"));
            texts.collect::<Vec<_>>().join(", ")
        };
        let percent: Vec<f64> = self.shares.iter().map(|share| share * 100.0).collect();
        let mut sorted = percent.clone();
        sorted.sort_by(f64::total_cmp);
        let digits = if self.raw[0] < 100.0 { 1 } else { 0 };
        write!(
            f,
            "{}; {:.0} % (rounds {}) of {}/s",
            self.rate,
            sorted[sorted.len() / 2],
            list(&percent, 0),
            list(&self.raw, digits),
        )
    }
}

fn measure<F, Fut>(server: &Server, limit: &str, clients: usize, round: F) -> Beside
where
    F: Fn(Until) -> Fut + Send + Sync,
    Fut: Future<Output = u64>,
{
    let mut rates = Vec::new();
    let mut cpu = 0.0;
    let mut total = 0.0;
    let mut raw = vec![limits::now(limit)];
    let mut shares = Vec::new();
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
        let rate = done as f64 / ROUND.as_secs_f64();
        rates.push(rate);
        let (before, after) = (raw[raw.len() - 1], limits::now(limit));
        raw.push(after);
        shares.push(rate / ((before + after) / 2.0));
    }
    rates.sort_by(f64::total_cmp);
    Beside {
        rate: Rate {
            best: rates[ROUNDS - 1],
            median: rates[ROUNDS / 2],
            cpu_us: cpu / total * 1e6,
        },
        raw,
        shares,
    }
}
