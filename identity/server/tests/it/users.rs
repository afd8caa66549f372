//! Users: what ends theirs, what they may claim, userinfo, and passwords.

use latchkey_identity::NewUser;
use latchkey_protocol::ClientId;

use crate::harness::{Answer, Browser, IssuerServer, Matrix, claims, http, on_both_engines};

/// RT-09.
async fn the_end_of_a_client_ends_its_families_and_they_stay_ended(server: IssuerServer) {
    let app = server.app("demo-web", "openid offline_access");
    let identity = server.identity().clone();
    let (id, browser) = (ClientId::parse("demo-web").unwrap(), Browser::new());
    let tokens = app
        .sign_in(&browser, server.person("alice"), &[("prompt", "consent")])
        .await;
    identity.clients().set_enabled(&id, false, "test").await.unwrap();
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_client");
    identity.clients().set_enabled(&id, true, "test").await.unwrap();
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    let tokens = app
        .sign_in(&browser, server.person("alice"), &[("prompt", "consent")])
        .await;
    identity.clients().revoke_tokens(&id, "test").await.unwrap();
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    server.stop().await;
}

async fn a_sign_in_that_races_a_new_password_does_not_outlive_it(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let identity = server.identity().clone();
    for round in 0..6 {
        let new = latchkey_identity::NewUser {
            username: format!("racer{round}"),
            email: format!("racer{round}@example.test"),
            claims: serde_json::Map::new(),
            roles: Vec::new(),
            password: Some("the password before the change".into()),
        };
        identity.users().add(new, "test").await.unwrap();
        let name = format!("racer{round}");
        let browsers: Vec<Browser> = (0..6).map(|_| Browser::new()).collect();
        let pages = futures::future::join_all(browsers.iter().map(|browser| app.begin(browser, &[]))).await;
        let fields = [
            ("username", name.as_str()),
            ("password", "the password before the change"),
        ];
        let signing_in = futures::future::join_all(
            browsers
                .iter()
                .zip(&pages)
                .map(|(browser, page)| browser.press(page, "#sign-in", &fields)),
        );
        let (_, changed) =
            futures::future::join(signing_in, identity.users().set_password(&name, None, "test")).await;
        changed.unwrap();
        for browser in &browsers {
            let silent = app.walk(browser, ("", ""), &[("prompt", "none")]).await;
            assert_eq!(silent.error.as_deref(), Some("login_required"), "round {round}");
        }
    }
    server.stop().await;
}

/// CVE-2026-55670, ID-01, ID-04.
async fn userinfo_is_for_live_users_and_a_sub_is_never_reused(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let browser = Browser::new();
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let info = app.userinfo(&tokens.access).await;
    assert_eq!(
        info.json().as_object().unwrap().len(),
        1,
        "openid alone is sub alone: {info:?}"
    );
    let url = format!("{}/userinfo", server.issuer());
    let mut matrix = Matrix::new("ID-04 userinfo");
    let posted = Answer::of(http().post(&url).form(&[("access_token", &tokens.access)])).await;
    matrix.cell("in the body", posted.status, 200);
    matrix.cell(
        "by POST with the header",
        Answer::of(http().post(&url).bearer_auth(&tokens.access))
            .await
            .status,
        200,
    );
    for spaces in ["  ", "      "] {
        let header = format!("bearer{spaces}{}", tokens.access);
        let spaced = Answer::of(http().get(&url).header("authorization", header)).await;
        matrix.cell(format!("{} spaces", spaces.len()), spaced.status, 200);
    }
    let tab = format!("Bearer\t{}", tokens.access);
    let tab = Answer::of(http().get(&url).header("authorization", tab)).await;
    matrix.cell("a tab", tab.status, 401);
    let query = Answer::of(http().get(format!("{url}?access_token={}", tokens.access))).await;
    matrix.cell(
        "in the address",
        (query.status, query.code()),
        (400, "invalid_request".to_owned()),
    );
    let both = Answer::of(
        http()
            .post(&url)
            .bearer_auth(&tokens.access)
            .form(&[("access_token", &tokens.access)]),
    )
    .await;
    matrix.cell("twice", both.status, 400);
    let none = Answer::of(http().get(&url)).await;
    matrix.cell(
        "without",
        (none.status, none.header("www-authenticate").to_owned()),
        (401, r#"Bearer realm="latchkey""#.to_owned()),
    );
    let machine = server.machine("demo-machine").token().await;
    let refused = app.userinfo(&machine).await;
    matrix.cell(
        "a machine's",
        (refused.status, refused.code()),
        (401, "invalid_token".to_owned()),
    );
    matrix.hold(
        "with a challenge",
        refused
            .header("www-authenticate")
            .contains("error=\"invalid_token\""),
        &refused,
    );
    server.clock.advance(301_000);
    matrix.cell("expired", app.userinfo(&tokens.access).await.status, 401);
    matrix.end();
    let identity = server.identity().clone();
    let sub = claims(tokens.id.as_deref().unwrap())["sub"].clone();
    identity.users().delete("alice", "test").await.unwrap();
    let mut again = latchkey_identity::NewUser {
        username: "alice".into(),
        email: "alice@example.test".into(),
        claims: serde_json::Map::new(),
        roles: Vec::new(),
        password: Some("another long password of hers".into()),
    };
    // Her names are nobody's for a year.
    assert!(identity.users().add(again.clone(), "test").await.is_err());
    again.username = "alice2".into();
    again.email = "alice2@example.test".into();
    identity.users().add(again, "test").await.unwrap();
    let fresh = app
        .sign_in(&Browser::new(), ("alice2", "another long password of hers"), &[])
        .await;
    assert_ne!(claims(fresh.id.as_deref().unwrap())["sub"], sub);
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    server.stop().await;
}

/// An address is proved by nobody yet, so nobody may say that it is.
/// CVE-2026-27946, CVE-2026-54693, ID-03.
async fn a_user_cannot_claim_a_verified_address(server: IssuerServer) {
    let identity = server.identity().clone();
    for claim in ["email_verified", "email", "sub"] {
        let given = serde_json::json!({ claim: true });
        let new = NewUser {
            username: "eve".into(),
            email: "eve@example.test".into(),
            claims: given.as_object().unwrap().clone(),
            roles: Vec::new(),
            password: None,
        };
        assert!(identity.users().add(new, "test").await.is_err(), "{claim}");
    }
    let new = NewUser {
        username: "eve".into(),
        email: "eve@example.test".into(),
        claims: serde_json::Map::new(),
        roles: Vec::new(),
        password: None,
    };
    let eve = identity.users().add(new, "test").await.unwrap();
    let who = ("eve", eve.password.as_deref().unwrap());
    let (app, browser) = (server.app("demo-web", "openid email"), Browser::new());
    let asked =
        r#"{"userinfo":{"email_verified":{"value":true}},"id_token":{"email_verified":{"value":true}}}"#;
    let more = [("claims", asked), ("email_verified", "true")];
    let tokens = app.sign_in(&browser, who, &more).await;
    let url = format!("{}/account/applications", server.issuer());
    let account = browser.open(&url, "").await;
    let form = account.form("[data-client='demo-web']");
    let token = form
        .pairs
        .iter()
        .find(|(name, _)| name == "token")
        .unwrap()
        .1
        .clone();
    for action in ["profile", "save", "update", ""] {
        let fields = [
            ("token", token.as_str()),
            ("action", action),
            ("id", eve.id.as_str()),
            ("email_verified", "true"),
            ("email", "admin@example.test"),
        ];
        let seen = browser.post(&url, server.issuer(), &fields).await;
        assert_eq!(seen.answer.status, 400, "{action}");
    }
    let told = app.userinfo(&tokens.access).await.json();
    assert_eq!(
        (told["email"].as_str(), told["email_verified"].as_bool()),
        (Some("eve@example.test"), Some(false)),
        "{told}"
    );
    let id = claims(tokens.id.as_deref().unwrap());
    assert_ne!(id["email_verified"], true, "{id}");
    server.stop().await;
}

/// 256 characters, whatever they are made of: not bytes, not UTF-16 units, and not the pieces that a keyboard sends.
#[tokio::test]
async fn a_password_may_have_256_characters_of_any_script() {
    let server = IssuerServer::new().await;
    let identity = server.identity().clone();
    let app = server.app("demo-web", "openid");
    let character = |at: u32| char::from_u32(at).expect("a character");
    let emoji: String = (0..256).map(|n| character(0x1f300 + n)).collect();
    // Syllables with a consonant at their end, as one character and in the three pieces that some keyboards send.
    let whole: String = (0..256).map(|n| character(0xac00 + 28 * n + 1)).collect();
    let pieces: String = (0..256)
        .flat_map(|n| {
            let (first, second) = ((28 * n) / 588, (28 * n % 588) / 28);
            [0x1100 + first, 0x1161 + second, 0x11a8].map(character)
        })
        .collect();
    let page = app.begin(&Browser::new(), &[]).await;
    assert!(page.has("#password[maxlength='512']"), "{page:?}");
    for (username, password, typed) in [("dora", &emoji, &emoji), ("emil", &whole, &pieces)] {
        let new = latchkey_identity::NewUser {
            username: username.into(),
            email: format!("{username}@example.test"),
            claims: serde_json::Map::new(),
            roles: Vec::new(),
            password: Some(password.clone()),
        };
        identity.users().add(new, "test").await.unwrap();
        let seen = app.attempt(&Browser::new(), username, typed).await;
        assert_eq!(seen.answer.status, 303, "{username}: {seen:?}");
        let longer = format!("{typed}x");
        let seen = app.attempt(&Browser::new(), username, &longer).await;
        assert_eq!(seen.error(), "wrong_credentials", "{username}");
    }
    let too_long = latchkey_identity::NewUser {
        username: "fritz".into(),
        email: "fritz@example.test".into(),
        claims: serde_json::Map::new(),
        roles: Vec::new(),
        password: Some(format!("{emoji}x")),
    };
    assert!(identity.users().add(too_long, "test").await.is_err());
    let seed =
        format!("[[users]]\nusername = \"gerd\"\nemail = \"gerd@example.test\"\npassword = \"{emoji}x\"\n");
    let seeded = identity
        .seed(latchkey_identity::Seed::parse(&seed).unwrap(), "test")
        .await;
    assert!(seeded.is_err(), "nobody could sign in with it");
    server.stop().await;
}

on_both_engines! {
    the_end_of_a_client_ends_its_families_and_they_stay_ended,
    a_sign_in_that_races_a_new_password_does_not_outlive_it,
    userinfo_is_for_live_users_and_a_sub_is_never_reused,
    a_user_cannot_claim_a_verified_address,
}
