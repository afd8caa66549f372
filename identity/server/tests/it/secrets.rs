//! How much of a secret must be right.

use futures::StreamExt;
use latchkey_clock::Random;
use latchkey_protocol::client::AuthMethod;

use crate::harness::{IssuerServer, Machine, Matrix, lines, pooled, secret_of};

/// Every proper prefix, a thousand changes of one character, and what can be put around it.
fn near(token: &str) -> Vec<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ~";
    let random = Random::seeded(15);
    let mut all: Vec<String> = (0..token.len()).map(|end| token[..end].to_owned()).collect();
    while all.len() < token.len() + 1_000 {
        let [at, low, with, kind] = random.bytes::<4>().map(usize::from);
        let at = (at << 8 | low) % token.len();
        let with = char::from(ALPHABET[with % ALPHABET.len()]);
        let mut changed = token.to_owned();
        match kind % 8 {
            0 => changed.insert(at, with),
            1 => drop(changed.remove(at)),
            _ => changed.replace_range(at..=at, with.encode_utf8(&mut [0; 4])),
        }
        if changed != token {
            all.push(changed);
        }
    }
    for around in ["A", "=", ".", " ", "\n", "\0", "%20", ",x"] {
        all.push(format!("{token}{around}"));
        all.push(format!("{around}{token}"));
    }
    all.extend([
        format!("{token}{token}"),
        format!("{token}.{token}"),
        token.to_uppercase(),
        token.to_lowercase(),
    ]);
    all
}

/// CVE-2026-27840, TK-15.
#[tokio::test]
async fn a_token_that_is_nearly_right_is_wrong() {
    let server = IssuerServer::new().await;
    let token = server.machine("m-basic").token().await;
    let client = pooled();
    let near = near(&token);
    let ask = |path: &'static str, id: &'static str, text: String| {
        let request = client
            .post(format!("{}{path}", server.url()))
            .basic_auth(id, Some(secret_of(id)));
        async move {
            let answer = request.form(&[("token", &text)]).send().await.expect("an answer");
            let (status, body) = (answer.status().as_u16(), answer.text().await.expect("a body"));
            (text, status, body)
        }
    };
    let mut matrix = Matrix::new("TK-15 endpoint × nearly a token");
    // The first prefix is empty: a parameter without a value is no parameter.
    let looks: Vec<_> = futures::stream::iter(near[1..].to_vec())
        .map(|text| ask("/introspect", "rs-all", text))
        .buffer_unordered(16)
        .collect()
        .await;
    for (text, status, body) in looks {
        matrix.cell(
            format!("/introspect {text:?}"),
            (status, body.as_str()),
            (200, r#"{"active":false}"#),
        );
    }
    let ends: Vec<_> = futures::stream::iter(near[1..].to_vec())
        .map(|text| ask("/revoke", "m-basic", text))
        .buffer_unordered(16)
        .collect()
        .await;
    for (text, status, body) in ends {
        matrix.cell(format!("/revoke {text:?}"), (status, body.as_str()), (200, ""));
    }
    matrix.end();
    assert!(server.is_active(&token).await, "none of them has ended the token");
    let ended = "SELECT subject AS line FROM revocations";
    assert_eq!(lines(server.db(), ended).await, Vec::<String>::new());
}

/// CVE-2026-27840, TK-15.
#[tokio::test]
async fn a_client_secret_that_is_nearly_right_is_wrong() {
    let server = IssuerServer::new().await;
    let right = server.machine("rs-all");
    let mut wrong: Vec<String> = (1..right.secret.len())
        .map(|end| right.secret[..end].to_owned())
        .collect();
    wrong.extend((1..right.secret.len()).map(|start| right.secret[start..].to_owned()));
    for at in 0..right.secret.len() {
        let mut changed = right.secret.clone().into_bytes();
        changed[at] ^= 1;
        wrong.push(String::from_utf8(changed).unwrap());
    }
    for around in ["0", " ", "\0", "\n", ":"] {
        wrong.push(format!("{}{around}", right.secret));
        wrong.push(format!("{around}{}", right.secret));
    }
    wrong.extend([
        right.secret.to_uppercase(),
        format!("{0}{0}", right.secret),
        format!("{}{}", right.secret, "0".repeat(512)),
    ]);
    let mut matrix = Matrix::new("TK-15 nearly a secret");
    for (index, secret) in wrong.into_iter().enumerate() {
        if index % 29 == 0 {
            server.clock.advance(61_000);
        }
        let machine = Machine {
            secret: secret.clone(),
            ..right.clone()
        };
        let method = AuthMethod::ClientSecretBasic;
        matrix.cell(
            format!("{method:?} {secret:?}"),
            machine.introspect("x").await.status,
            401,
        );
    }
    server.clock.advance(61_000);
    matrix.cell("the right one", right.introspect("x").await.status, 200);
    matrix.end();
}
