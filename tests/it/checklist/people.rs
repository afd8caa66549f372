//! AC, LO, RT, TK and ID for people: passwords, sessions, families and what ends them, on the wire.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_identity::NewPerson;
use latchkey_protocol::ClientId;
use latchkey_protocol::client::Alg;
use serde_json::Value;

use crate::harness::{Answer, App, Browser, House, Matrix, Seen, Tokens, call, claims, http, until};

async fn attempt(house: &House, browser: &Browser, app: &App, name: &str, password: &str) -> Seen {
    let page = app.begin(browser, &[("prompt", "login")]).await;
    let seen = browser
        .press(&page, "#sign-in", &[("username", name), ("password", password)])
        .await;
    assert!(seen.url.as_str().starts_with(house.issuer()));
    seen
}

async fn cve_2025_24806_cve_2026_47203_ac_05_ac_06_guesses_are_counted_whatever_the_spelling_and_a_block_has_an_end(
    house: House,
) {
    let (app, known) = (house.app("demo-web", "openid"), Browser::new());
    let held = app.sign_in(&known, house.person("alice"), &[]).await;
    let stranger = Browser::new();
    let spellings = [
        "alice",
        "ALICE",
        " alice ",
        "alice@example.test",
        "Alice@Example.Test",
    ];
    let page = app.begin(&stranger, &[]).await;
    let mut looked_at = 0;
    for turn in 0..40 {
        let fields = [
            ("username", spellings[turn % spellings.len()]),
            ("password", "wrong"),
        ];
        let seen = stranger.press(&page, "#sign-in", &fields).await;
        match seen.error().as_str() {
            "wrong_credentials" => looked_at += 1,
            "too_many" => {
                assert_eq!(seen.answer.status, 429);
                assert!(
                    seen.answer
                        .header("retry-after")
                        .parse::<u32>()
                        .is_ok_and(|s| s <= 31),
                    "{seen:?}"
                );
            }
            other => panic!("{other}: {seen:?}"),
        }
    }
    assert_eq!(looked_at, 20);
    // No guess ever stops a refresh (design: Throttles), nor what was signed in before.
    assert_eq!(app.refresh(held.refresh()).await.status, 200);
    let back = app.walk(&known, ("", ""), &[]).await;
    assert!(back.code.is_some(), "{back:?}");
    let (name, password) = house.person("alice");
    assert_eq!(
        attempt(&house, &stranger, &app, name, password).await.error(),
        "too_many"
    );
    // The person's own browser is not locked out by others (AC-07), and a block ends.
    assert_eq!(
        attempt(&house, &known, &app, name, password).await.answer.status,
        303
    );
    house.clock.advance(31_000);
    assert_eq!(
        attempt(&house, &stranger, &app, name, "wrong").await.error(),
        "wrong_credentials"
    );
    assert_eq!(
        attempt(&house, &stranger, &app, name, password).await.error(),
        "too_many",
        "one guess after a block"
    );
    house.clock.advance(61_000);
    assert_eq!(
        attempt(&house, &stranger, &app, name, password)
            .await
            .answer
            .status,
        303
    );
    house.stop().await;
}

async fn cve_2025_64102_cve_2024_32868_cve_2018_14657_ac_06_parallel_guesses_are_all_counted_and_hung_up_ones_lock_nobody_out_for_good(
    house: House,
) {
    let (app, browser) = (house.app("demo-web", "openid"), Browser::new());
    let page = app.begin(&browser, &[]).await;
    let all =
        (0..60).map(|_| browser.press(&page, "#sign-in", &[("username", "alice"), ("password", "wrong")]));
    let answers = futures::future::join_all(all).await;
    let looked_at = answers
        .iter()
        .filter(|seen| seen.error() == "wrong_credentials")
        .count();
    assert!(looked_at <= 20, "{looked_at} of 60 at once were looked at");
    house.clock.advance(3_600_000);
    let fresh = Browser::new();
    let (name, password) = house.person("alice");
    assert_eq!(
        attempt(&house, &fresh, &app, name, password).await.answer.status,
        303
    );
    house.stop().await;
}

async fn cve_2026_23511_cve_2024_41952_ac_04_nobody_learns_who_exists(house: House) {
    let (app, browser) = (house.app("demo-web", "openid"), Browser::new());
    let page = app.begin(&browser, &[]).await;
    let mut bodies = Vec::new();
    for name in ["alice", "nobody", "x@example.test"] {
        let seen = browser
            .press(&page, "#sign-in", &[("username", name), ("password", "wrong")])
            .await;
        assert!(seen.answer.headers.get("set-cookie").is_none());
        bodies.push((
            seen.answer.status,
            seen.answer.text.replace(&format!("value=\"{name}\""), ""),
        ));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    house.stop().await;
}

/// Somebody who has lost their standing gets nothing from any grant, and what they had is dead everywhere (TK-10, RT-09).
async fn cve_2026_9798_cve_2026_16103_cve_2025_64521_cve_2024_47000_tk_10_rt_09_lo_06_whatever_ends_a_person_ends_everything_of_theirs(
    house: House,
) {
    let app = house.app("demo-web", "openid offline_access catalog.read");
    let identity = house.running().identity.clone().unwrap();
    let whoami = format!("{}/catalog/v1/whoami", house.api());
    let mut matrix = Matrix::new("TK-10 end of a person × way in");
    for end in ["lock", "disable", "password", "delete"] {
        let new = latchkey_identity::NewPerson {
            username: format!("p-{end}"),
            email: format!("{end}@example.test"),
            claims: serde_json::Map::new(),
            roles: Vec::new(),
            password: Some("a long password of a test".into()),
        };
        identity.add_person(new, "test").await.unwrap();
        let (name, password) = (format!("p-{end}"), "a long password of a test");
        let browser = Browser::new();
        let tokens = app
            .sign_in(&browser, (&name, password), &[("prompt", "consent")])
            .await;
        let for_issuer = Tokens::of(
            &app.refresh_with(tokens.refresh(), &[("resource", house.issuer())])
                .await,
        );
        let code = app.walk(&browser, ("", ""), &[]).await.code.unwrap();
        assert_eq!(call(&tokens.access, &whoami).await.status, 200);
        match end {
            "lock" => drop(identity.set_person_locked(&name, true, "test").await.unwrap()),
            "disable" => drop(identity.set_person_enabled(&name, false, "test").await.unwrap()),
            "password" => drop(identity.set_person_password(&name, None, "test").await.unwrap()),
            _ => identity.delete_person(&name, "test").await.unwrap(),
        }
        matrix.cell(
            format!("{end} × refresh"),
            app.refresh(tokens.refresh()).await.code(),
            "invalid_grant".to_owned(),
        );
        matrix.cell(
            format!("{end} × code"),
            app.redeem(&code).await.code(),
            "invalid_grant".to_owned(),
        );
        matrix.cell(
            format!("{end} × userinfo"),
            app.userinfo(&for_issuer.access).await.status,
            401,
        );
        let server = house.machine("demo-resource-server");
        matrix.cell(
            format!("{end} × introspection"),
            server.introspect(&tokens.access).await.text,
            r#"{"active":false}"#.to_owned(),
        );
        let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
        matrix.cell(
            format!("{end} × session"),
            silent.error.as_deref(),
            Some("login_required"),
        );
        let tried = attempt(&house, &Browser::new(), &app, &name, password).await;
        matrix.hold(format!("{end} × sign-in"), tried.answer.status != 303, &tried);
        until("the guard refuses", async || {
            call(&tokens.access, &whoami).await.status == 401
        })
        .await;
        match end {
            "lock" => drop(identity.set_person_locked(&name, false, "test").await.unwrap()),
            "disable" => drop(identity.set_person_enabled(&name, true, "test").await.unwrap()),
            _ => continue,
        }
        // Back again, and nothing of before comes back with them.
        matrix.cell(
            format!("{end} and back × refresh"),
            app.refresh(tokens.refresh()).await.code(),
            "invalid_grant".to_owned(),
        );
        let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
        matrix.cell(
            format!("{end} and back × session"),
            silent.error.as_deref(),
            Some("login_required"),
        );
        let tried = attempt(&house, &Browser::new(), &app, &name, password).await;
        matrix.cell(format!("{end} and back × sign-in"), tried.answer.status, 303);
    }
    matrix.end();
    house.stop().await;
}

async fn rt_09_the_end_of_a_client_ends_its_families_and_they_stay_ended(house: House) {
    let app = house.app("demo-web", "openid offline_access");
    let identity = house.running().identity.clone().unwrap();
    let (id, browser) = (ClientId::parse("demo-web").unwrap(), Browser::new());
    let tokens = app
        .sign_in(&browser, house.person("alice"), &[("prompt", "consent")])
        .await;
    identity.set_client_enabled(&id, false, "test").await.unwrap();
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_client");
    identity.set_client_enabled(&id, true, "test").await.unwrap();
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    let tokens = app
        .sign_in(&browser, house.person("alice"), &[("prompt", "consent")])
        .await;
    identity.revoke_client_tokens(&id, "test").await.unwrap();
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    house.stop().await;
}

async fn a_sign_in_that_races_a_new_password_does_not_outlive_it(house: House) {
    let app = house.app("demo-web", "openid");
    let identity = house.running().identity.clone().unwrap();
    for round in 0..6 {
        let new = latchkey_identity::NewPerson {
            username: format!("racer{round}"),
            email: format!("racer{round}@example.test"),
            claims: serde_json::Map::new(),
            roles: Vec::new(),
            password: Some("the password before the change".into()),
        };
        identity.add_person(new, "test").await.unwrap();
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
            futures::future::join(signing_in, identity.set_person_password(&name, None, "test")).await;
        changed.unwrap();
        for browser in &browsers {
            let silent = app.walk(browser, ("", ""), &[("prompt", "none")]).await;
            assert_eq!(silent.error.as_deref(), Some("login_required"), "round {round}");
        }
    }
    house.stop().await;
}

async fn cve_2024_7341_cve_2025_12390_lo_01_lo_03_a_session_has_a_new_secret_each_time_and_a_dead_one_opens_nothing(
    house: House,
) {
    let (app, browser) = (house.app("demo-web", "openid"), Browser::new());
    let host = "localhost";
    let port = house.issuer().rsplit(':').next().unwrap().to_owned();
    let name = format!("latchkey-session-{port}");
    browser.plant(host, &name, &"A".repeat(43));
    app.sign_in(&browser, house.person("alice"), &[]).await;
    let first = browser.cookie("latchkey-session").unwrap();
    assert_ne!(first, "A".repeat(43), "a planted one is not taken up");
    app.sign_in(&browser, house.person("alice"), &[("prompt", "login")])
        .await;
    let second = browser.cookie("latchkey-session").unwrap();
    assert_ne!(first, second);
    let silent = async |secret: &str| {
        let thief = Browser::new();
        thief.plant(host, &name, secret);
        app.walk(&thief, ("", ""), &[("prompt", "none")]).await
    };
    assert_eq!(
        silent(&first).await.error.as_deref(),
        Some("login_required"),
        "the secret of before"
    );
    assert!(silent(&second).await.code.is_some());
    let ask = browser.open(&format!("{}/logout", house.issuer()), "").await;
    browser.press(&ask, "#sign-out", &[]).await;
    assert_eq!(
        silent(&second).await.error.as_deref(),
        Some("login_required"),
        "after the sign-out"
    );
    assert!(browser.cookie("latchkey-session").is_none() && browser.cookie("latchkey-browser").is_none());
    house.stop().await;
}

async fn cve_2020_10734_lo_02_only_a_good_hint_signs_out_without_a_question(house: House) {
    let (app, browser) = (house.app("demo-web", "openid"), Browser::new());
    let tokens = app.sign_in(&browser, house.person("alice"), &[]).await;
    let hint = tokens.id.clone().unwrap();
    let other = Browser::new();
    let foreign = app.sign_in(&other, house.person("ines"), &[]).await.id.unwrap();
    let (head, rest) = hint.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
    let twisted = format!("{head}.{payload}.{}", "A".repeat(342));
    let uri = "http://localhost:3000/";
    let mut matrix = Matrix::new("LO-02 sign-out request");
    let logout = async |browser: &Browser, pairs: &[(&str, &str)]| {
        let mut url = url::Url::parse(&format!("{}/logout", house.issuer())).unwrap();
        url.query_pairs_mut().extend_pairs(pairs);
        browser.get(url.as_str()).await
    };
    for (what, pairs) in [
        ("nothing", vec![]),
        ("an address alone", vec![("post_logout_redirect_uri", uri)]),
        (
            "an address and a client",
            vec![("post_logout_redirect_uri", uri), ("client_id", "demo-web")],
        ),
        ("state alone", vec![("state", "x")]),
        (
            "no signature",
            vec![
                ("id_token_hint", unsigned.as_str()),
                ("post_logout_redirect_uri", uri),
            ],
        ),
        (
            "a false signature",
            vec![
                ("id_token_hint", twisted.as_str()),
                ("post_logout_redirect_uri", uri),
            ],
        ),
        (
            "an access token",
            vec![
                ("id_token_hint", tokens.access.as_str()),
                ("post_logout_redirect_uri", uri),
            ],
        ),
        (
            "somebody else's",
            vec![
                ("id_token_hint", foreign.as_str()),
                ("post_logout_redirect_uri", uri),
            ],
        ),
    ] {
        let seen = logout(&browser, &pairs).await;
        matrix.cell(
            format!("{what}: asks"),
            (seen.has("#sign-out"), seen.location().is_none()),
            (true, true),
        );
    }
    for (what, pairs, code) in [
        (
            "an address that is not registered",
            vec![
                ("id_token_hint", hint.as_str()),
                ("post_logout_redirect_uri", "https://evil.test/"),
            ],
            "logout_uri",
        ),
        (
            "an address with a query",
            vec![
                ("id_token_hint", hint.as_str()),
                ("post_logout_redirect_uri", "http://localhost:3000/?x=1"),
            ],
            "logout_uri",
        ),
        (
            "another client",
            vec![("id_token_hint", hint.as_str()), ("client_id", "demo-native")],
            "id_token_hint",
        ),
        ("twice", vec![("state", "a"), ("state", "b")], "malformed"),
    ] {
        let seen = logout(&browser, &pairs).await;
        matrix.cell(
            what,
            (seen.answer.status, seen.error(), seen.location().is_none()),
            (400, code.to_owned(), true),
        );
    }
    matrix.end();
    assert!(
        app.walk(&browser, ("", ""), &[("prompt", "none")])
            .await
            .code
            .is_some(),
        "nothing has ended"
    );
    // From another site, by POST: kept without the token, and asked for by GET, where the cookies come along.
    house.clock.advance(3_000_000);
    let pairs = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", uri),
        ("state", "a&b=c"),
    ];
    let posted = Answer::of(http().post(format!("{}/logout", house.issuer())).form(&pairs)).await;
    assert_eq!(posted.status, 303);
    let to = url::Url::parse(house.issuer())
        .unwrap()
        .join(posted.header("location"))
        .unwrap();
    assert!(!to.as_str().contains("eyJ"), "{to}");
    let done = browser.get(to.as_str()).await;
    assert_eq!(
        done.location().unwrap().as_str(),
        "http://localhost:3000/?state=a%26b%3Dc",
        "an expired hint is fine"
    );
    assert_eq!(
        app.walk(&browser, ("", ""), &[("prompt", "none")])
            .await
            .error
            .as_deref(),
        Some("login_required")
    );
    assert!(
        browser
            .open(&format!("{}/logout", house.issuer()), "")
            .await
            .has("#signed-out")
    );
    house.stop().await;
}

async fn lo_05_rt_10_a_session_and_a_family_run_out_and_a_clock_set_back_revives_neither(house: House) {
    let (app, browser) = (house.app("demo-browser", "openid"), Browser::new());
    let tokens = app.sign_in(&browser, house.person("alice"), &[]).await;
    house.clock.advance(3_600_001);
    let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(
        silent.error.as_deref(),
        Some("login_required"),
        "idle for an hour"
    );
    // The session ran out by itself: the family lives on.
    let next = Tokens::of(&app.refresh(tokens.refresh()).await);
    house.clock.advance(31 * 24 * 3_600_000);
    assert_eq!(
        app.refresh(next.refresh()).await.code(),
        "invalid_grant",
        "idle for a month"
    );
    house.clock.advance(-32 * 24 * 3_600_000);
    assert_eq!(
        app.refresh(next.refresh()).await.code(),
        "invalid_grant",
        "and back"
    );
    let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(silent.error.as_deref(), Some("login_required"));
    house.stop().await;
}

async fn tk_02_tk_03_tk_05_a_replay_that_is_otherwise_valid_ends_the_family_and_no_other_does(house: House) {
    let (app, browser) = (house.app("demo-web", "openid catalog.read"), Browser::new());
    app.sign_in(&browser, house.person("alice"), &[]).await;
    let native = house.app("demo-native", "openid");
    let code = app.walk(&browser, ("", ""), &[]).await.code.unwrap();
    let tokens = Tokens::of(&app.redeem(&code).await);
    let mut matrix = Matrix::new("TK-03 replay");
    let thief = App {
        secret: Some("wrong".into()),
        ..app.clone()
    };
    matrix.cell(
        "without the secret",
        thief.redeem(&code).await.code(),
        "invalid_client".to_owned(),
    );
    matrix.cell(
        "by another client",
        native.redeem(&code).await.code(),
        "invalid_grant".to_owned(),
    );
    for (what, more) in [
        ("with another verifier", ("code_verifier", "x".repeat(43))),
        ("without a verifier", ("code_verifier", String::new())),
        (
            "with another address",
            ("redirect_uri", "http://localhost:3000/other".to_owned()),
        ),
        ("without an address", ("redirect_uri", String::new())),
    ] {
        let answer = app.redeem_with(&code, &[(more.0, &more.1)]).await;
        matrix.cell(what, answer.code(), "invalid_grant".to_owned());
        matrix.cell(
            format!("{what}: the family lives"),
            app.refresh(tokens.refresh()).await.status,
            200,
        );
    }
    matrix.cell(
        "whole",
        app.redeem(&code).await.code(),
        "invalid_grant".to_owned(),
    );
    matrix.cell(
        "whole: the family has ended",
        app.refresh(tokens.refresh()).await.code(),
        "invalid_grant".to_owned(),
    );
    let server = house.machine("demo-resource-server");
    matrix.cell(
        "whole: its token too",
        server.introspect(&tokens.access).await.text,
        r#"{"active":false}"#.to_owned(),
    );
    let late = app.walk(&browser, ("", ""), &[]).await.code.unwrap();
    house.clock.advance(60_000);
    matrix.cell(
        "after a minute",
        app.redeem(&late).await.code(),
        "invalid_grant".to_owned(),
    );
    matrix.end();
    house.stop().await;
}

/// TK-18: whatever makes a code or refresh token give nothing, the answer is one, byte for byte.
async fn tk_18_rt_11_rt_12_every_dead_grant_is_one_answer_and_no_artefact_passes_for_another(house: House) {
    let (app, browser) = (house.app("demo-web", "openid catalog.read"), Browser::new());
    let tokens = app.sign_in(&browser, house.person("alice"), &[]).await;
    let whole = |answer: &Answer| {
        (
            answer.status,
            answer.text.clone(),
            answer.header("cache-control").to_owned(),
        )
    };
    let unknown = app.redeem("nobody-has-this-code").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (400, "invalid_grant"));
    let mut matrix = Matrix::new("TK-18 artefact × grant");
    let mut text = tokens.refresh().to_owned();
    let last = if text.pop() == Some('A') { 'B' } else { 'A' };
    text.push(last);
    let id = tokens.id.clone().unwrap();
    let session = browser.cookie("latchkey-session").unwrap();
    for (what, artefact) in [
        ("refresh token", tokens.refresh()),
        ("access token", &tokens.access),
        ("ID token", &id),
        ("session", &session),
        ("nonsense", "x"),
    ] {
        matrix.cell(
            format!("{what} as a code"),
            whole(&app.redeem(artefact).await),
            whole(&unknown),
        );
    }
    matrix.cell(
        "a refresh token with a false tag",
        whole(&app.refresh(&text).await),
        whole(&unknown),
    );
    for (what, artefact) in [
        ("access token", tokens.access.as_str()),
        ("ID token", &id),
        ("session", &session),
        ("nothing", ""),
    ] {
        matrix.cell(
            format!("{what} as a refresh token"),
            app.refresh(artefact).await.code(),
            "invalid_request".to_owned(),
        );
    }
    for (what, artefact) in [
        ("refresh token", tokens.refresh()),
        ("ID token", id.as_str()),
        ("session", &session),
    ] {
        matrix.cell(
            format!("{what} as a bearer token"),
            app.userinfo(artefact).await.status,
            401,
        );
        let guarded = call(artefact, &format!("{}/catalog/v1/whoami", house.api())).await;
        matrix.cell(format!("{what} at a guard"), guarded.status, 401);
    }
    let other = house.app("demo-native", "openid");
    let stolen = Answer::of(http().post(format!("{}/token", house.issuer())).form(&[
        ("grant_type", "refresh_token"),
        ("client_id", &other.client_id),
        ("refresh_token", tokens.refresh()),
    ]))
    .await;
    matrix.cell("another client's refresh token", whole(&stolen), whole(&unknown));
    matrix.cell("it lives on", app.refresh(tokens.refresh()).await.status, 200);
    matrix.cell(
        "more scope than granted",
        app.refresh_with(tokens.refresh(), &[("scope", "catalog.write")])
            .await
            .code(),
        "invalid_scope".to_owned(),
    );
    let less = app.refresh_with(tokens.refresh(), &[("scope", "openid")]).await;
    matrix.cell(
        "less scope",
        less.json()["scope"].as_str().map(str::to_owned),
        Some("openid".to_owned()),
    );
    matrix.cell(
        "and all of it again",
        app.refresh(tokens.refresh()).await.json()["scope"]
            .as_str()
            .map(str::to_owned),
        Some("catalog.read".to_owned()),
    );
    // Only its own client is told of a refresh token; nobody of another's.
    let own = app.post("/introspect", &[("token", tokens.refresh())]).await;
    matrix.cell("its own client asks", own.json()["active"].as_bool(), Some(true));
    let server = house.machine("demo-resource-server");
    matrix.cell(
        "a resource server asks",
        server.introspect(tokens.refresh()).await.text,
        r#"{"active":false}"#.to_owned(),
    );
    matrix.end();
    let revoked = app.revoke(tokens.refresh()).await;
    assert_eq!((revoked.status, revoked.text.as_str()), (200, ""));
    assert_eq!(whole(&app.refresh(tokens.refresh()).await), whole(&unknown));
    assert_eq!(
        server.introspect(&tokens.access).await.text,
        r#"{"active":false}"#
    );
    house.stop().await;
}

async fn cve_2026_55670_id_01_id_04_userinfo_speaks_of_a_living_person_and_a_sub_is_never_given_twice(
    house: House,
) {
    let app = house.app("demo-web", "openid");
    let browser = Browser::new();
    let tokens = app.sign_in(&browser, house.person("alice"), &[]).await;
    let info = app.userinfo(&tokens.access).await;
    assert_eq!(
        info.json().as_object().unwrap().len(),
        1,
        "openid alone is sub alone: {info:?}"
    );
    let url = format!("{}/userinfo", house.issuer());
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
    let machine = house.machine("demo-machine").token().await;
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
    house.clock.advance(301_000);
    matrix.cell("expired", app.userinfo(&tokens.access).await.status, 401);
    matrix.end();
    let identity = house.running().identity.clone().unwrap();
    let sub = claims(tokens.id.as_deref().unwrap())["sub"].clone();
    identity.delete_person("alice", "test").await.unwrap();
    let again = latchkey_identity::NewPerson {
        username: "alice".into(),
        email: "alice@example.test".into(),
        claims: serde_json::Map::new(),
        roles: Vec::new(),
        password: Some("another long password of hers".into()),
    };
    identity.add_person(again, "test").await.unwrap();
    let fresh = app
        .sign_in(&Browser::new(), ("alice", "another long password of hers"), &[])
        .await;
    assert_ne!(claims(fresh.id.as_deref().unwrap())["sub"], sub);
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    house.stop().await;
}

async fn rt_08_a_lost_role_narrows_the_next_token(house: House) {
    let identity = house.running().identity.clone().unwrap();
    let (app, browser) = (
        house.app("demo-web", "openid catalog.read catalog.write"),
        Browser::new(),
    );
    let tokens = app.sign_in(&browser, house.person("ines"), &[]).await;
    assert!(tokens.scope.contains("catalog.write"), "{tokens:?}");
    assert_eq!(claims(&tokens.access)["roles"][0], "instructor");
    identity
        .set_person_roles("ines", Vec::new(), "test")
        .await
        .unwrap();
    let next = Tokens::of(&app.refresh(tokens.refresh()).await);
    assert_eq!(next.scope, "catalog.read");
    let only = app
        .refresh_with(tokens.refresh(), &[("scope", "catalog.write")])
        .await;
    assert_eq!(only.code(), "invalid_grant", "nothing is left");
    let alice = app.sign_in(&Browser::new(), house.person("alice"), &[]).await;
    assert!(!alice.scope.contains("catalog.write"), "{alice:?}");
    house.stop().await;
}

async fn cl_04_rt_13_a_restored_store_brings_no_token_back_and_a_new_mac_key_loses_none(house: House) {
    let identity = house.running().identity.clone().unwrap();
    let (app, browser) = (house.app("demo-browser", "openid"), Browser::new());
    let first = app.sign_in(&browser, house.person("alice"), &[]).await;
    let lost = Tokens::of(&app.refresh(first.refresh()).await);
    // The answer was lost, and the key changed meanwhile: the same successor, made by its own key.
    identity.rotate_refresh_key("test").await.unwrap();
    let again = Tokens::of(&app.refresh(first.refresh()).await);
    assert_eq!(again.refresh, lost.refresh);
    let next = Tokens::of(&app.refresh(again.refresh()).await);
    assert_ne!(
        next.refresh()[2..12],
        lost.refresh()[2..12],
        "another key signs now"
    );
    identity.restored("test").await.unwrap();
    for dead in [&first, &lost, &next] {
        assert_eq!(app.refresh(dead.refresh()).await.code(), "invalid_grant");
    }
    // Nobody was ended as a thief by it: a fresh sign-in goes on.
    let fresh = app.sign_in(&browser, ("", ""), &[]).await;
    assert_eq!(app.refresh(fresh.refresh()).await.status, 200);
    house.stop().await;
}

async fn a_browser_client_is_answered_at_its_own_origin_alone(house: House) {
    let (app, browser) = (house.app("demo-browser", "openid"), Browser::new());
    let tokens = app.sign_in(&browser, house.person("alice"), &[]).await;
    let token = format!("{}/token", house.issuer());
    let mut matrix = Matrix::new("CORS origin × endpoint");
    for (origin, allowed) in [
        ("http://localhost:3000", true),
        ("https://evil.test", false),
        ("null", false),
    ] {
        let preflight = http()
            .request(reqwest::Method::OPTIONS, &token)
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let preflight = Answer::of(preflight).await;
        matrix.cell(
            format!("{origin} preflight"),
            preflight.header("access-control-allow-origin") == origin,
            allowed,
        );
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "demo-browser"),
            ("refresh_token", tokens.refresh()),
        ];
        let answer = Answer::of(http().post(&token).header("origin", origin).form(&form)).await;
        matrix.cell(
            format!("{origin} refresh"),
            (
                answer.status,
                answer.header("access-control-allow-origin") == origin,
            ),
            (200, allowed),
        );
        let bad = Answer::of(
            http()
                .post(&token)
                .header("origin", origin)
                .form(&[("grant_type", "nothing")]),
        )
        .await;
        matrix.cell(
            format!("{origin} refusal"),
            bad.header("access-control-allow-origin") == origin,
            allowed,
        );
        matrix.hold(
            format!("{origin} no credentials"),
            !answer.headers.contains_key("access-control-allow-credentials"),
            &answer,
        );
    }
    matrix.end();
    house.stop().await;
}

async fn bf_06_the_account_and_the_sign_out_are_moved_by_their_own_forms_alone(house: House) {
    let app = house.app("demo-web", "openid");
    let (browser, other) = (Browser::new(), Browser::new());
    let tokens = app.sign_in(&browser, house.person("alice"), &[]).await;
    app.sign_in(&other, house.person("ines"), &[]).await;
    let (account, logout) = (
        format!("{}/account", house.issuer()),
        format!("{}/logout", house.issuer()),
    );
    let value = |page: &Seen, button: &str, field: &str| {
        let pairs = page.form(button).pairs;
        let found = pairs.into_iter().find(|(name, _)| name == field);
        found.map(|(_, value)| value).unwrap_or_default()
    };
    let (mine, theirs) = (browser.open(&account, "").await, other.open(&account, "").await);
    let revoke = "[data-client='demo-web']";
    let (good, foreign) = (value(&mine, revoke, "token"), value(&theirs, revoke, "token"));
    let family = value(&mine, "#families button", "id");
    assert!(!family.is_empty());
    let asked = browser.open(&logout, "").await;
    let leave = asked.form("#sign-out");
    let (origin, evil) = (house.issuer(), "https://evil.test");
    let mut matrix = Matrix::new("account, sign-out × origin, token → refused");
    for (what, origin, token) in [
        ("another site", evil, good.as_str()),
        ("no token", origin, ""),
        ("somebody else's token", origin, foreign.as_str()),
        ("no origin of its own", "null", good.as_str()),
    ] {
        for (action, id) in [("revoke", "demo-web"), ("end-family", family.as_str())] {
            let form = [("token", token), ("action", action), ("id", id)];
            let answer = browser.post(&account, origin, &form).await;
            matrix.cell(format!("{action}: {what}"), answer.answer.status, 403);
        }
        let pairs = leave.pairs.iter().map(|(name, value)| match name.as_str() {
            "token" if token != good => (name.as_str(), token),
            _ => (name.as_str(), value.as_str()),
        });
        let pairs: Vec<_> = pairs.collect();
        let answer = browser.post(&format!("{logout}/confirm"), origin, &pairs).await;
        matrix.cell(format!("sign-out: {what}"), answer.answer.status, 403);
    }
    matrix.end();
    // A good form of one's own with the id of somebody else's ends nothing of theirs.
    let form = [
        ("token", foreign.as_str()),
        ("action", "end-family"),
        ("id", family.as_str()),
    ];
    other.post(&account, origin, &form).await;
    assert!(browser.open(&account, "").await.has(revoke), "still signed in");
    assert_eq!(app.refresh(tokens.refresh()).await.status, 200);
    house.stop().await;
}

/// A retired key still tells whom to sign out; a revoked one tells nothing.
async fn lo_02_a_hint_outlives_its_keys_publication_and_not_its_revocation(house: House) {
    let identity = house.running().identity.clone().unwrap();
    let (app, browser) = (house.app("demo-web", "openid"), Browser::new());
    let kid = |token: &str| {
        let header = token.split('.').next().expect("a header");
        let header = URL_SAFE_NO_PAD.decode(header).expect("base64url");
        let header: Value = serde_json::from_slice(&header).expect("JSON");
        header["kid"].as_str().expect("a kid").to_owned()
    };
    let logout = async |hint: &str| {
        let url = format!(
            "{}/logout?client_id=demo-web&id_token_hint={hint}",
            house.issuer()
        );
        browser.open(&url, "").await
    };
    let hint = app
        .sign_in(&browser, house.person("alice"), &[])
        .await
        .id
        .unwrap();
    identity.rotate_key(Alg::RS256, "test").await.unwrap();
    // The next one signs after ten minutes; then the old one goes when nothing that it signed lives.
    for _ in 0..4 {
        house.clock.advance(700_000);
        app.walk(&browser, ("", ""), &[]).await;
    }
    let later = app.sign_in(&browser, ("", ""), &[]).await.id.unwrap();
    assert_ne!(kid(&hint), kid(&later));
    until("the retired key is published no more", async || {
        let jwks = crate::harness::anonymous(&format!("{}/jwks", house.issuer())).await;
        !jwks.text.contains(&kid(&hint))
    })
    .await;
    let out = logout(&hint).await;
    assert_eq!(
        out.url.path(),
        "/signed-out",
        "an expired hint by a retired key does not ask"
    );

    let stays = app
        .sign_in(&browser, house.person("alice"), &[])
        .await
        .id
        .unwrap();
    identity.revoke_key(&kid(&stays), "test").await.unwrap();
    let asked = logout(&stays).await;
    assert!(
        asked.has("#sign-out") && asked.url.path() == "/logout",
        "a hint by a revoked key asks"
    );
    house.stop().await;
}

/// An address is proved by nobody yet, so nobody may say that it is.
async fn cve_2026_27946_cve_2026_54693_id_03_nobody_says_of_themselves_that_an_address_is_verified(
    house: House,
) {
    let identity = house.running().identity.clone().unwrap();
    for claim in ["email_verified", "email", "sub"] {
        let given = serde_json::json!({ claim: true });
        let new = NewPerson {
            username: "eve".into(),
            email: "eve@example.test".into(),
            claims: given.as_object().unwrap().clone(),
            roles: Vec::new(),
            password: None,
        };
        assert!(identity.add_person(new, "test").await.is_err(), "{claim}");
    }
    let new = NewPerson {
        username: "eve".into(),
        email: "eve@example.test".into(),
        claims: serde_json::Map::new(),
        roles: Vec::new(),
        password: None,
    };
    let eve = identity.add_person(new, "test").await.unwrap();
    let who = ("eve", eve.password.as_deref().unwrap());
    let (app, browser) = (house.app("demo-web", "openid email"), Browser::new());
    let asked =
        r#"{"userinfo":{"email_verified":{"value":true}},"id_token":{"email_verified":{"value":true}}}"#;
    let more = [("claims", asked), ("email_verified", "true")];
    let tokens = app.sign_in(&browser, who, &more).await;
    let account = browser.open(&format!("{}/account", house.issuer()), "").await;
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
        let url = format!("{}/account", house.issuer());
        let seen = browser.post(&url, house.issuer(), &fields).await;
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
    house.stop().await;
}

crate::harness::on_both_engines! {
    lo_02_a_hint_outlives_its_keys_publication_and_not_its_revocation,
    cve_2026_27946_cve_2026_54693_id_03_nobody_says_of_themselves_that_an_address_is_verified,
    cve_2025_24806_cve_2026_47203_ac_05_ac_06_guesses_are_counted_whatever_the_spelling_and_a_block_has_an_end,
    cve_2025_64102_cve_2024_32868_cve_2018_14657_ac_06_parallel_guesses_are_all_counted_and_hung_up_ones_lock_nobody_out_for_good,
    cve_2026_23511_cve_2024_41952_ac_04_nobody_learns_who_exists,
    cve_2026_9798_cve_2026_16103_cve_2025_64521_cve_2024_47000_tk_10_rt_09_lo_06_whatever_ends_a_person_ends_everything_of_theirs,
    rt_09_the_end_of_a_client_ends_its_families_and_they_stay_ended,
    a_sign_in_that_races_a_new_password_does_not_outlive_it,
    cve_2024_7341_cve_2025_12390_lo_01_lo_03_a_session_has_a_new_secret_each_time_and_a_dead_one_opens_nothing,
    cve_2020_10734_lo_02_only_a_good_hint_signs_out_without_a_question,
    lo_05_rt_10_a_session_and_a_family_run_out_and_a_clock_set_back_revives_neither,
    tk_02_tk_03_tk_05_a_replay_that_is_otherwise_valid_ends_the_family_and_no_other_does,
    tk_18_rt_11_rt_12_every_dead_grant_is_one_answer_and_no_artefact_passes_for_another,
    cve_2026_55670_id_01_id_04_userinfo_speaks_of_a_living_person_and_a_sub_is_never_given_twice,
    rt_08_a_lost_role_narrows_the_next_token,
    cl_04_rt_13_a_restored_store_brings_no_token_back_and_a_new_mac_key_loses_none,
    a_browser_client_is_answered_at_its_own_origin_alone,
    bf_06_the_account_and_the_sign_out_are_moved_by_their_own_forms_alone,
}
