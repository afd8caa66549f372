//! BF-04: the shop before an issuer that lies. Each answer has one defect, and the one without any is taken.

use std::sync::{Arc, Mutex};

use aws_lc_rs::{digest, hmac};
use axum::Router;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Options, testing};
use latchkey_relying_party::{
    Asked, Login, Logins, Oidc, OidcError, Proofs, Registration, Seal, Store, Token,
};
use latchkey_storefront::CLIENT;
use latchkey_web::Origins;
use serde_json::{Value, json};

use crate::harness::{BEGINNING, Matrix, TestIssuer, http};

const NOW_S: i64 = BEGINNING / 1_000;

const SECRET: &str = "a secret of the shop that is long enough";

const ACCESS: &str = "an-access-token";

const CATALOG: &str = CLIENT.audience;

/// What the issuer says about itself, about a code and about the person.
#[derive(Default)]
struct Says {
    metadata: Value,
    /// How often it was asked for tokens.
    asked: usize,
    token: Value,
    userinfo: Value,
    /// Instead of 200.
    userinfo_status: Option<u16>,
}

struct Liar {
    url: String,
    keys: TestIssuer,
    says: Arc<Mutex<Says>>,
}

impl Liar {
    async fn start() -> Self {
        let keys = TestIssuer::start().await;
        let says: Arc<Mutex<Says>> = Arc::default();
        let answer = |pick: fn(&Says) -> Value| {
            let says = says.clone();
            move || std::future::ready(axum::Json(pick(&says.lock().expect("what it says"))))
        };
        let jwks = keys.jwks.clone();
        let token = {
            let says = says.clone();
            async move || {
                let mut says = says.lock().expect("what it says");
                says.asked += 1;
                axum::Json(says.token.clone())
            }
        };
        let userinfo = {
            let says = says.clone();
            async move || {
                let says = says.lock().expect("what it says");
                let status = says.userinfo_status.unwrap_or(200);
                let status = http::StatusCode::from_u16(status).expect("a status");
                (status, axum::Json(says.userinfo.clone()))
            }
        };
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(answer(|says| says.metadata.clone())),
            )
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .route(
                "/jwks",
                get(async move || ([("content-type", "application/json")], jwks)),
            );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        let liar = Self { url, keys, says };
        liar.says.lock().expect("what it says").metadata = liar.metadata();
        liar
    }

    fn metadata(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url, "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"), "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/jwks"), "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    fn shop(&self) -> Oidc {
        let registration = Registration {
            client: CLIENT,
            issuer: self.url.clone(),
            internal: self.url.clone(),
            client_id: "shop".to_owned(),
            client_secret: SECRET.to_owned(),
            resources: vec![CLIENT.audience.to_owned()],
            origins: Origins::new(["http://shop.test"]),
        };
        Oidc::new(
            registration,
            http().clone(),
            Clock::manual(BEGINNING),
            Random::system(),
        )
    }

    fn claims(&self) -> Value {
        let hash = digest::digest(&digest::SHA256, ACCESS.as_bytes());
        json!({
            "iss": self.url, "sub": "p-1", "aud": "shop", "exp": NOW_S + 300, "iat": NOW_S, "nonce": "n-1",
            "at_hash": B64.encode(&hash.as_ref()[..16]),
        })
    }

    fn sign(&self, claims: &Value) -> String {
        self.keys
            .sign(&json!({"alg": "ES256", "typ": "JWT", "kid": "test"}), claims)
    }

    fn answer(&self, id_token: &str) -> Value {
        json!({
            "access_token": ACCESS, "token_type": "Bearer", "expires_in": 300, "refresh_token": "r-1",
            "scope": "openid", "id_token": id_token,
        })
    }

    /// What the shop makes of this answer to a code.
    async fn finish(&self, answer: Value) -> Result<String, OidcError> {
        self.says.lock().expect("what it says").token = answer;
        let proofs = Proofs {
            nonce: "n-1".to_owned(),
            verifier: "v".repeat(43),
        };
        let finished = self.shop().finish(&proofs, "a-code").await;
        finished.map(|signed_in| signed_in.sub)
    }
}

/// Fifty pages of one person at each of two nodes of the shop, when their token has just expired.
/// BF-08.
#[tokio::test]
async fn a_sign_in_refreshes_once_at_a_time_across_nodes() {
    let liar = Liar::start().await;
    let mut refreshed = liar.answer("");
    refreshed.as_object_mut().unwrap().remove("id_token");
    liar.says.lock().unwrap().token = refreshed;
    for (_, url) in testing::urls("one_refresh").await {
        let db = Db::open(&url, Options::new(&CLIENT.migrations())).await.unwrap();
        let store = || {
            let seal = Seal::new(CLIENT.name, &[7; 32], Random::system());
            Store::new(db.clone(), seal, Clock::manual(BEGINNING))
        };
        let logins = [
            Logins::new(liar.shop(), store()),
            Logins::new(liar.shop(), store()),
        ];
        let login = Login {
            id: "login".to_owned(),
            sub: "p-1".to_owned(),
            sid: None,
            refresh_token: "r-0".to_owned(),
            id_token: String::new(),
            scope: String::new(),
            asked: Asked::default(),
            version: 1,
        };
        let expired = Token {
            text: "expired".to_owned(),
            expires_at: BEGINNING,
        };
        store()
            .add_login(&login, Some((CATALOG, &expired)))
            .await
            .unwrap();
        for nodes in [&logins[..1], &logins[..]] {
            liar.says.lock().unwrap().asked = 0;
            let calls = nodes
                .iter()
                .flat_map(|node| (0..50).map(move |_| node.token("login", CATALOG)));
            for token in futures::future::join_all(calls).await {
                assert_eq!(token.unwrap(), ACCESS);
            }
            let asked = liar.says.lock().unwrap().asked;
            assert!(
                (1..=nodes.len()).contains(&asked),
                "{asked} for {} nodes",
                nodes.len()
            );
            logins[0].refused("login", CATALOG).await.unwrap();
        }
        let kept = store().login("login").await.unwrap().unwrap();
        assert_eq!(kept.refresh_token, "r-1");
    }
}

/// BF-04.
#[tokio::test]
async fn an_issuer_that_lies_signs_nobody_in() {
    let liar = Liar::start().await;
    let good = liar.answer(&liar.sign(&liar.claims()));
    assert_eq!(liar.finish(good.clone()).await.unwrap(), "p-1");

    let mut matrix = Matrix::new("defect of the token response → refused");
    let claims: [(&str, &str, Value); 19] = [
        ("foreign iss", "iss", json!("https://evil.test")),
        ("iss with a slash", "iss", json!(format!("{}/", liar.url))),
        ("no iss", "iss", Value::Null),
        ("foreign aud", "aud", json!("another")),
        ("aud beside others", "aud", json!(["shop", "another"])),
        ("empty aud", "aud", json!([])),
        ("no aud", "aud", Value::Null),
        ("over", "exp", json!(NOW_S - 1)),
        ("no exp", "exp", Value::Null),
        ("no iat", "iat", Value::Null),
        ("iat of yesterday", "iat", json!(NOW_S - 86_400)),
        ("iat of tomorrow", "iat", json!(NOW_S + 86_400)),
        ("another nonce", "nonce", json!("n-2")),
        ("no nonce", "nonce", Value::Null),
        (
            "at_hash of another token",
            "at_hash",
            json!("AAAAAAAAAAAAAAAAAAAAAA"),
        ),
        ("no at_hash", "at_hash", Value::Null),
        ("azp of another", "azp", json!("another")),
        ("no sub", "sub", Value::Null),
        ("a sub that is no text", "sub", json!(7)),
    ];
    for (what, name, value) in claims {
        let mut changed = liar.claims();
        let object = changed.as_object_mut().expect("claims");
        object.remove(name);
        if !value.is_null() {
            object.insert(name.to_owned(), value);
        }
        let answer = liar.answer(&liar.sign(&changed));
        matrix.cell(what, liar.finish(answer).await.is_err(), true);
    }

    let text = |header: Value| {
        let header = B64.encode(header.to_string());
        format!("{header}.{}", B64.encode(liar.claims().to_string()))
    };
    let hmac_by = |key: &[u8]| {
        let text = text(json!({"alg": "HS256", "kid": "test"}));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
        format!("{text}.{}", B64.encode(tag.as_ref()))
    };
    let signed = liar.sign(&liar.claims());
    let (signed_part, _) = signed.rsplit_once('.').expect("a signature");
    let stranger = TestIssuer::start().await;
    let tokens = [
        ("alg none", format!("{}.", text(json!({"alg": "none"})))),
        ("HS256 by the client's secret", hmac_by(SECRET.as_bytes())),
        ("HS256 by the public key", hmac_by(liar.keys.jwks.as_bytes())),
        ("no signature", format!("{signed_part}.")),
        (
            "a signature of zeros",
            format!("{signed_part}.{}", B64.encode([0u8; 64])),
        ),
        (
            "a stranger's key under our kid",
            stranger.sign(&json!({"alg": "ES256", "kid": "test"}), &liar.claims()),
        ),
        (
            "an unknown kid",
            stranger.sign(&json!({"alg": "ES256", "kid": "other"}), &liar.claims()),
        ),
        ("no JWT", "rubbish".to_owned()),
    ];
    for (what, token) in tokens {
        matrix.cell(what, liar.finish(liar.answer(&token)).await.is_err(), true);
    }
    for missing in ["id_token", "refresh_token", "access_token", "token_type"] {
        let mut answer = good.clone();
        answer.as_object_mut().expect("an answer").remove(missing);
        matrix.cell(format!("no {missing}"), liar.finish(answer).await.is_err(), true);
    }

    // The person, told by userinfo, is the one of the ID token.
    for (what, info, taken) in [
        ("the same sub", json!({"sub": "p-1", "name": "Alice"}), true),
        ("another sub", json!({"sub": "p-2", "name": "Alice"}), false),
        ("no sub", json!({"name": "Alice"}), false),
    ] {
        liar.says.lock().expect("what it says").userinfo = info;
        let name = liar.shop().name(ACCESS, "p-1").await;
        matrix.cell(format!("userinfo: {what}"), name.is_ok(), taken);
    }

    // What it says about itself.
    for (what, name, value) in [
        ("another issuer", "issuer", json!("https://evil.test")),
        ("keys elsewhere", "jwks_uri", json!("http://127.0.0.1:9/jwks")),
        (
            "a token endpoint elsewhere",
            "token_endpoint",
            json!("http://127.0.0.1:9/token"),
        ),
    ] {
        let mut metadata = liar.metadata();
        metadata[name] = value;
        liar.says.lock().expect("what it says").metadata = metadata;
        matrix.cell(what, liar.finish(good.clone()).await.is_err(), true);
    }
    matrix.end();
}

/// An issuer that is away for a moment is no liar: the person may come again.
/// BF-04.
#[tokio::test]
async fn unavailable_userinfo_differs_from_userinfo_of_another_user() {
    let liar = Liar::start().await;
    let shop = liar.shop();
    let mut matrix = Matrix::new("userinfo → away");
    let mine = json!({"sub": "p-1", "name": "Alice"});
    for (status, userinfo, away) in [
        (503, mine.clone(), true),
        (500, Value::Null, true),
        (429, mine.clone(), true),
        (401, mine.clone(), false),
        (404, mine.clone(), false),
        (200, json!({"sub": "p-2"}), false),
        (200, Value::Null, false),
    ] {
        {
            let mut says = liar.says.lock().expect("what it says");
            (says.userinfo_status, says.userinfo) = (Some(status), userinfo);
        }
        let told = shop.name(ACCESS, "p-1").await;
        matrix.hold(
            format!("{status}"),
            match &told {
                Err(OidcError::Away(_)) => away,
                Err(_) => !away,
                Ok(_) => false,
            },
            &told,
        );
    }
    liar.says.lock().expect("what it says").userinfo = mine;
    assert_eq!(shop.name(ACCESS, "p-1").await.unwrap(), "Alice");
    matrix.end();
}
