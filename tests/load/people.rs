//! People under load: refreshing, signing in with a session, and signing in by password.

use std::fmt;
use std::time::Instant;

use crate::generator::Rate;
use crate::limits;
use crate::line::{AUTHORIZE, Line, allow, code_of, exchange, login_form, refresh, sign_in};
use crate::server::{APPS, PASSWORD, Server, Setup};
use crate::{CONNECTIONS, ROUND, ROUNDS};

/// The same as an OpenID Connect authentication request: an ID token comes of it, signed with RSA.
const AUTHENTICATE: &str = "/authorize?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.test%2Fcb\
    &scope=openid%20catalog.read&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

/// Refresh with the commit before the answer, sign-in with a session, sign-in by password (P3, P7, P9).
pub fn people() {
    let setup = Setup::new("people");
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
            let asking: Vec<String> = (0..APPS).map(|app| of(app, AUTHENTICATE)).collect();
            for asking in &asking {
                allow(&mut line, asking).await;
            }
            until.begin().await;
            let mut done = 0;
            while until.goes_on() {
                // One client after another: at each a person has few families a minute.
                let app = usize::try_from(done).unwrap_or_default() % APPS;
                let back = line.get(&asking[app]).await;
                let form = of(app, &exchange(code_of(back.location())));
                let tokens = line.post("/token", &form).await;
                assert_eq!(tokens.status, 200, "{} {}", back.location(), tokens.body);
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
    crate::passkeys::sign_ins(&server);
    println!("resident memory after the load: {:.1} MiB", server.resident_mib());
}

/// The same as another client.
fn of(app: usize, asking: &str) -> String {
    asking.replacen("client_id=app&", &format!("client_id=app{app}&"), 1)
}

/// One round: everybody gets ready, then it begins, then it ends.
#[derive(Clone, Copy)]
pub struct Until(
    &'static tokio::sync::Barrier,
    &'static std::sync::OnceLock<Instant>,
);

impl Until {
    pub async fn begin(&self) {
        self.0.wait().await;
        self.1.get_or_init(|| Instant::now() + ROUND);
    }

    pub fn goes_on(&self) -> bool {
        self.1.get().is_some_and(|end| Instant::now() < *end)
    }
}

pub async fn sum(all: impl Iterator<Item = impl Future<Output = u64>>) -> u64 {
    futures::future::join_all(all).await.into_iter().sum()
}

/// Rounds of ours, each between two measurements of the limit.
pub struct Beside {
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

/// Rounds of clients beside a limit.
pub fn measure<F, Fut>(server: &Server, limit: &str, clients: usize, round: F) -> Beside
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
