//! What a clock could tell a stranger (AC-04, TK-13, IN-03): medians of refusals for different reasons, one after the
//! other in turn, on one connection.

use std::time::Instant;

use crate::CONNECTIONS;
use crate::line::{AUTHORIZE, Line, login_form};
use crate::server::{SECRET, Server, Setup};

/// Below the throttles, which would answer sooner.
const SIGN_INS: usize = CONNECTIONS * 2;
const SECRETS: usize = 75;
const INTROSPECTIONS: usize = 1_000;

pub fn timing() {
    let setup = Setup::new("identity");
    let server = Server::start(&setup);
    let address = server.identity();
    let measured = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut line = Line::open(address, None).await;
            sign_ins(&mut line).await;
            secrets(&mut line).await;
            introspections(&mut line).await;
        });
    });
    measured.join().expect("every answer is right");
}

/// The same wrong password for somebody and for nobody.
async fn sign_ins(line: &mut Line) {
    let mut took = [Vec::new(), Vec::new()];
    let (form, _) = login_form(line, AUTHORIZE, "nobody", "wrong").await;
    for n in 0..SIGN_INS {
        for (at, who) in [format!("p{}", n % CONNECTIONS), format!("x{n}")]
            .iter()
            .enumerate()
        {
            let form = form.replacen("username=nobody", &format!("username={who}"), 1);
            let begun = Instant::now();
            let answer = line.post("/login", &form).await;
            took[at].push(begun.elapsed().as_secs_f64() * 1e3);
            assert_eq!(answer.status, 422, "{}", answer.body);
        }
    }
    report("wrong password of somebody, of nobody", &mut took);
}

/// A wrong secret of a client, and any of nobody.
async fn secrets(line: &mut Line) {
    let mut took = [Vec::new(), Vec::new()];
    for n in 0..SECRETS {
        let known = ["m-es256", "m-eddsa", "m-rs256"][n % 3].to_owned();
        for (at, client) in [known, format!("nobody-{n}")].iter().enumerate() {
            let begun = Instant::now();
            let form = "grant_type=client_credentials";
            let answer = line.post_as(client, "wrong", "/token", form).await;
            took[at].push(begun.elapsed().as_secs_f64() * 1e3);
            assert_eq!(answer.status, 401, "{}", answer.body);
        }
    }
    report("wrong secret of a client, of nobody", &mut took);
}

/// Tokens that are inactive for different reasons.
async fn introspections(line: &mut Line) {
    let form = "grant_type=client_credentials";
    let mut token = async || {
        let answer = line.post_as("m-es256", SECRET, "/token", form).await;
        answer.between("\"access_token\":\"", "\"")
    };
    let (revoked, forged) = (token().await, token().await);
    let revoking = format!("token={revoked}");
    assert_eq!(
        line.post_as("m-es256", SECRET, "/revoke", &revoking).await.status,
        200
    );
    let forged = format!("{}AAAA", &forged[..forged.len() - 4]);
    let mut took = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..INTROSPECTIONS {
        for (at, token) in [revoked.as_str(), forged.as_str(), "nonsense"].iter().enumerate() {
            let form = format!("token={token}");
            let begun = Instant::now();
            let answer = line.post_as("rs", SECRET, "/introspect", &form).await;
            took[at].push(begun.elapsed().as_secs_f64() * 1e3);
            assert_eq!(answer.body, r#"{"active":false}"#);
        }
    }
    report("introspection of a revoked, a forged and no token", &mut took);
}

fn report(what: &str, took: &mut [Vec<f64>]) {
    let spread: Vec<String> = took
        .iter_mut()
        .map(|all| {
            all.sort_by(f64::total_cmp);
            let part = |share: f64| all[(all.len() as f64 * share) as usize];
            format!("{:.3} ({:.3} to {:.3})", part(0.5), part(0.25), part(0.75))
        })
        .collect();
    println!("{what}: {} ms, medians and quartiles", spread.join(", "));
}
