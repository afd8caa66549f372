//! The rows of docs/attacks.md that are about people, their browsers and their families, on the wire.

use latchkey_protocol::refresh_token::RefreshToken;
use scraper::{Html, Selector};

use crate::harness::{
    Answer, Browser, Matrix, Seen, TestServer, Tokens, World, call, callback, claims, client, http, lines,
    run_sql, until,
};

/// Elements with the names of their attributes, in order: what markup a page has.
fn shape(seen: &Seen) -> Vec<String> {
    let all = Selector::parse("*").expect("a selector");
    Html::parse_document(&seen.answer.text)
        .select(&all)
        .map(|element| {
            let names: Vec<&str> = element.value().attrs().map(|(name, _)| name).collect();
            format!("{} {}", element.value().name(), names.join(" "))
        })
        .collect()
}

const PAYLOADS: [&str; 6] = [
    "\"><script>alert(1)</script>",
    "'><img src=x onerror=alert(1)>",
    "</form><form action=https://evil.test method=post>",
    "<svg/onload=alert(1)>",
    "&quot; autofocus onfocus=alert(1) x=&quot;",
    "{{ 7 * 7 }}</title><base href=//evil.test>",
];

/// CVE-2026-42849, AZ-10.
#[tokio::test]
async fn a_hostile_state_is_a_value_of_the_form_post_page_and_nothing_else() {
    let server = TestServer::new().await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let page = async |state: &str| {
        let more = [("response_mode", "form_post"), ("state", state)];
        browser.open(&app.request(&more), &app.redirect_uri).await
    };
    let plain = shape(&page("plain").await);
    let mut matrix = Matrix::new("AZ-10 state × form_post");
    for payload in PAYLOADS {
        let seen = page(payload).await;
        matrix.cell(payload, shape(&seen), plain.clone());
        let form = seen.form("#continue");
        matrix.cell(format!("{payload}: to"), form.action, app.redirect_uri.clone());
        let state = form.pairs.iter().find(|(name, _)| name == "state");
        matrix.cell(
            format!("{payload}: unchanged"),
            state.map(|(_, value)| value.as_str()),
            Some(payload),
        );
    }
    matrix.end();
    server.stop().await;
}

/// CVE-2024-41953, BF-10, AC-13.
#[tokio::test]
async fn names_of_clients_and_people_are_text_on_the_issuers_pages() {
    let mut shapes: Vec<Vec<Vec<String>>> = Vec::new();
    for name in ["plain"].iter().chain(&PAYLOADS) {
        let server = TestServer::with(|config| {
            let path = config.data.with_file_name("names.toml");
            let text = toml::Value::String((*name).to_owned());
            let seed = format!(
                "[[clients]]\nclient_id = \"named\"\nclient_name = {text}\ntoken_endpoint_auth_method = \"none\"\n\
                 grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"https://named.test/cb\"]\n\
                 scope = \"openid profile catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\n\
                 [[users]]\nusername = \"named\"\nemail = \"named@example.test\"\npassword = \"a long password of a test\"\n\
                 name = {text}\n"
            );
            std::fs::write(&path, seed).expect("the seed is written");
            config.seeds.push(path);
        })
        .await;
        let (app, browser) = (server.app("named", "openid profile catalog.read"), Browser::new());
        let who = ("named", "a long password of a test");
        let login = app.begin(&browser, &[]).await;
        let fields = [("username", who.0), ("password", who.1)];
        let next = browser.press(&login, "#sign-in", &fields).await;
        let consent = browser.follow(next, &app.redirect_uri).await;
        assert!(consent.has("#allow"), "{consent:?}");
        app.sign_in(&browser, who, &[]).await;
        let account = browser.open(&format!("{}/account", server.issuer()), "").await;
        let logout = browser.open(&format!("{}/logout", server.issuer()), "").await;
        let wrong = Browser::new();
        let page = app.begin(&wrong, &[("login_hint", name)]).await;
        let refused = wrong
            .press(&page, "#sign-in", &[("username", name), ("password", "wrong")])
            .await;
        shapes.push(
            [login, consent, account, logout, page, refused]
                .iter()
                .map(shape)
                .collect(),
        );
        server.stop().await;
    }
    let mut matrix = Matrix::new("BF-10 name × page of the issuer");
    let (plain, hostile) = shapes.split_first().expect("a plain one");
    for (payload, seen) in PAYLOADS.iter().zip(hostile) {
        for (at, page) in ["login", "consent", "account", "logout", "hint", "refused"]
            .iter()
            .enumerate()
        {
            matrix.cell(format!("{payload} × {page}"), &seen[at], &plain[at]);
        }
    }
    matrix.end();
}

#[tokio::test]
async fn a_yes_is_for_what_was_shown_whatever_else_the_address_or_the_form_says() {
    let server = TestServer::new().await;
    let (app, browser) = (server.app("demo-web", "openid catalog.read"), Browser::new());
    let (name, password) = server.person("ines");
    let login = app.begin(&browser, &[]).await;
    let fields = [("username", name), ("password", password)];
    let next = browser.press(&login, "#sign-in", &fields).await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    let more = [
        ("scope", "openid catalog.read catalog.write"),
        ("client_id", "demo-native"),
        ("redirect_uri", "https://evil.test/"),
        ("state", "other"),
    ];
    let allowed = browser.press(&consent, "#allow", &more).await;
    assert_eq!(allowed.answer.status, 303, "{allowed:?}");
    let mut next = allowed
        .url
        .join(allowed.answer.header("location"))
        .expect("an address");
    assert_eq!(next.path(), "/continue");
    next.query_pairs_mut().extend_pairs(more);
    let back = browser.get(next.as_str()).await;
    let to = back.location().expect("back to the client");
    assert!(to.as_str().starts_with(&app.redirect_uri), "{to}");
    let back = callback(&to);
    assert_eq!(back.state.as_deref(), Some("s-1"));
    let tokens = Tokens::of(&app.redeem(&back.code.expect("a code")).await);
    assert_eq!(tokens.scope, "catalog.read", "{tokens:?}");
    server.stop().await;
}

#[tokio::test]
async fn rights_that_change_during_consent_are_shown_before_they_count() {
    let server = TestServer::new().await;
    let identity = server.running().identity.clone().expect("identity is here");
    let scope = "openid catalog.read catalog.write";
    let (app, browser) = (server.app("demo-web", scope), Browser::new());
    let (name, password) = server.person("ines");
    let login = app.begin(&browser, &[]).await;
    let fields = [("username", name), ("password", password)];
    let next = browser.press(&login, "#sign-in", &fields).await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    assert!(
        consent.answer.text.contains("data-scope=\"catalog.write\""),
        "{consent:?}"
    );
    identity
        .users()
        .set_roles(name, Vec::new(), "test")
        .await
        .expect("the roles change");
    let pressed = browser.press(&consent, "#allow", &[]).await;
    assert_eq!(pressed.error(), "foreign_form", "{pressed:?}");
    let back = browser.open(consent.url.as_str(), &app.redirect_uri).await;
    assert!(
        !back.answer.text.contains("data-scope=\"catalog.write\""),
        "{back:?}"
    );
    let allowed = browser.press(&back, "#allow", &[]).await;
    let last = browser.follow(allowed, &app.redirect_uri).await;
    let code = callback(&last.location().expect("back to the client")).code;
    let tokens = Tokens::of(&app.redeem(&code.expect("a code")).await);
    assert_eq!(tokens.scope, "catalog.read");
    server.stop().await;
}

/// LO-03.
#[tokio::test]
async fn a_cookie_that_is_there_twice_is_none() {
    let server = TestServer::new().await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let secret = browser.cookie("latchkey-session").expect("a session");
    let port = server.issuer().rsplit(':').next().expect("a port");
    let one = format!("latchkey-session-{port}={secret}");
    let planted = format!("latchkey-session-{port}={}", "A".repeat(43));
    let silent = async |cookies: String| {
        let url = app.request(&[("prompt", "none")]);
        let seen = Browser::new()
            .send(http().get(&url).header("cookie", cookies), &url)
            .await;
        callback(&seen.location().expect("back to the client"))
    };
    assert!(silent(one.clone()).await.code.is_some());
    for cookies in [
        format!("{one}; {planted}"),
        format!("{planted}; {one}"),
        format!("{one}; {one}"),
    ] {
        let back = silent(cookies.clone()).await;
        assert_eq!(back.error.as_deref(), Some("login_required"), "{cookies}");
    }
    server.stop().await;
}

#[tokio::test]
async fn one_browser_is_signed_in_at_two_instances_of_one_host() {
    let (one, two) = (TestServer::new().await, TestServer::new().await);
    let browser = Browser::new();
    for server in [&one, &two] {
        server
            .app("demo-web", "openid")
            .sign_in(&browser, server.person("alice"), &[])
            .await;
    }
    for server in [&one, &two] {
        let silent = server
            .app("demo-web", "openid")
            .walk(&browser, ("", ""), &[("prompt", "none")])
            .await;
        assert!(silent.code.is_some(), "{silent:?}");
    }
    one.stop().await;
    two.stop().await;
}

/// AC-05: many people, one address, and no header that says otherwise.
#[tokio::test]
async fn one_guess_at_each_of_many_users_is_counted_by_address() {
    let world = World::new().await;
    let browser = Browser::new();
    let app = world.server.app("demo-web", "openid");
    let page = app.begin(&browser, &[]).await;
    let form = page.form("#sign-in");
    let guess = async |at: usize| {
        let who = format!("nobody-{at}");
        let mut pairs: Vec<(&str, &str)> = form.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        pairs.retain(|(name, _)| !["username", "password"].contains(name));
        pairs.extend([("username", who.as_str()), ("password", "wrong")]);
        let url = format!("{}/login", world.server.issuer());
        let address = format!("203.0.113.{}", at % 250);
        let request = http()
            .post(&url)
            .header("origin", world.server.issuer())
            .header("x-forwarded-for", &address)
            .header("forwarded", format!("for={address}"))
            .header("x-real-ip", &address)
            .form(&pairs);
        browser.send(request, &url).await
    };
    let mut looked_at = 0;
    let mut at = 0;
    let blocked = loop {
        let seen = guess(at).await;
        at += 1;
        match seen.error().as_str() {
            "wrong_credentials" => looked_at += 1,
            "too_many" => break seen,
            other => panic!("{other}: {seen:?}"),
        }
        assert!(looked_at <= 300, "an address is never blocked");
    };
    assert_eq!((looked_at, blocked.answer.status), (300, 429));
    let wait: i64 = blocked.answer.header("retry-after").parse().expect("seconds");
    assert!((1..=61).contains(&wait), "{wait}");
    // It ends.
    world.server.clock.advance(61_000);
    assert_eq!(guess(at).await.error(), "wrong_credentials");
    world.server.stop().await;
}

/// The person has the same address as whoever begins all of them.
#[tokio::test]
async fn requests_that_nobody_finishes_hinder_nobody_and_are_no_rows() {
    let world = World::new().await;
    let app = world.server.app("demo-web", "openid");
    let (request, account) = (app.request(&[]), format!("{}/account", world.server.issuer()));
    let flood = client(reqwest::Client::builder().pool_max_idle_per_host(8));
    for at in 0..1_100 {
        for url in [&request, &account] {
            let answer = Answer::of(flood.get(url)).await;
            assert_eq!(answer.status, 303, "{at} {url}");
        }
    }
    let kept = "SELECT id AS line FROM authorization_requests";
    assert_eq!(lines(world.db(), kept).await.len(), 0);
    let browser = Browser::new();
    app.sign_in(&browser, world.server.person("alice"), &[]).await;
    assert_eq!(lines(world.db(), kept).await.len(), 1, "hers alone");
    world.server.stop().await;
}

/// What no browser carries is a row, and those are bounded.
#[tokio::test]
async fn requests_posted_from_elsewhere_are_limited_by_address_for_retry_after() {
    let world = World::new().await;
    let app = world.server.app("demo-web", "openid");
    let address = url::Url::parse(&app.request(&[])).expect("an address");
    let pairs: Vec<(String, String)> = address.query_pairs().into_owned().collect();
    let endpoint = format!("{}/authorize", world.server.issuer());
    let flood = client(reqwest::Client::builder().pool_max_idle_per_host(8));
    let post = async || Answer::of(flood.post(&endpoint).form(&pairs)).await;
    let mut kept = 0;
    world.server.clock.advance(1_000);
    let refused = loop {
        let answer = post().await;
        if answer.status != 303 {
            break answer;
        }
        kept += 1;
        assert!(kept <= 2_000, "the bound is not reached");
    };
    assert_eq!((kept, refused.status), (2_000, 429), "{refused:?}");
    // Neither whoever comes by a link is hindered, nor a no.
    let browser = Browser::new();
    let page = app.begin(&browser, &[]).await;
    let cancelled = browser.press(&page, "#cancel", &[]).await;
    let back = browser.follow(cancelled, &app.redirect_uri).await;
    let back = callback(&back.location().expect("back to the client"));
    assert_eq!(back.error.as_deref(), Some("access_denied"));
    app.sign_in(&browser, world.server.person("alice"), &[]).await;
    let written = "SELECT id AS line FROM authorization_requests";
    assert_eq!(
        lines(world.db(), written).await.len(),
        2_001,
        "and the no is not written down"
    );
    // A little before the time that was told there is no place, and at that time there is.
    let wait: i64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=601).contains(&wait), "{wait}");
    world.server.clock.advance((wait - 2) * 1_000);
    let still = post().await;
    assert_eq!((still.status, still.header("retry-after")), (429, "2"));
    world.server.clock.advance(2_000);
    assert_eq!(post().await.status, 303);
    world.server.stop().await;
}

/// RT-04.
/// Rule 6 and rule 4: what the owner learns, once each.
#[tokio::test]
async fn a_parasite_a_lost_answer_and_a_replay_are_told_once_each() {
    let world = World::with(|config| {
        let path = config.data.with_file_name("native.toml");
        let seed = "[[clients]]\nclient_id = \"native\"\ntoken_endpoint_auth_method = \"none\"\n\
                    application_type = \"native\"\ngrant_types = [\"authorization_code\", \"refresh_token\"]\n\
                    redirect_uris = [\"com.example.app:/cb\"]\nscope = \"openid\"\nlost_answer = \"once\"\n";
        std::fs::write(&path, seed).expect("the seed is written");
        config.seeds.push(path);
    })
    .await;
    let server = &world.server;
    let (app, browser) = (server.app("native", "openid"), Browser::new());
    let told = async |reason: &str| {
        let alerts = lines(
            world.db(),
            "SELECT envelope AS line FROM outbox WHERE type LIKE 'identity.family.alerted.%' ORDER BY seq",
        )
        .await;
        let audits = lines(world.db(), "SELECT kind AS line FROM audit").await;
        let needle = format!("\"reason\":\"{reason}\"");
        (
            alerts.iter().filter(|alert| alert.contains(&needle)).count(),
            audits.iter().filter(|kind| *kind == reason).count(),
        )
    };
    let mut token = app
        .sign_in(&browser, server.person("alice"), &[])
        .await
        .refresh()
        .to_owned();
    for _ in 0..5 {
        let owner = Tokens::of(&app.refresh(&token).await);
        let parasite = Tokens::of(&app.refresh(&token).await);
        assert_eq!(owner.refresh, parasite.refresh, "one successor");
        assert_eq!(Tokens::of(&app.refresh(&token).await).refresh, owner.refresh);
        token = owner.refresh().to_owned();
    }
    assert_eq!(told("overlap_streak").await, (1, 1));
    assert_eq!(
        app.refresh(&token).await.status,
        200,
        "nobody is signed out by it"
    );

    let first = app.sign_in(&browser, ("", ""), &[]).await;
    let next = Tokens::of(&app.refresh(first.refresh()).await);
    server.clock.advance(31_000);
    let again = Tokens::of(&app.refresh(first.refresh()).await);
    assert_eq!(again.refresh, next.refresh, "its answer was lost");
    assert_eq!(told("lost_answer").await, (1, 1));
    let last = Tokens::of(&app.refresh(next.refresh()).await);
    server.clock.advance(31_000);
    for _ in 0..3 {
        assert_eq!(app.refresh(first.refresh()).await.code(), "invalid_grant");
    }
    assert_eq!(app.refresh(last.refresh()).await.code(), "invalid_grant");
    assert_eq!(told("refresh_reuse").await, (1, 1));

    let code = app.walk(&browser, ("", ""), &[]).await.code.expect("a code");
    let tokens = Tokens::of(&app.redeem(&code).await);
    for _ in 0..3 {
        assert_eq!(app.redeem(&code).await.code(), "invalid_grant");
    }
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    assert_eq!(told("code_reuse").await, (1, 1));
    world.server.stop().await;
}

/// RT-13.
/// The files of a backup under an issuer that nobody told: a token that the row has not reached is no thief's.
#[tokio::test]
async fn a_rewound_store_ends_the_family_as_rewound_and_says_so() {
    let world = World::new().await;
    let app = world.server.app("demo-browser", "openid");
    let browser = Browser::new();
    let first = app.sign_in(&browser, world.server.person("alice"), &[]).await;
    let bystander = app.sign_in(&browser, ("", ""), &[]).await;
    let handle = RefreshToken::parse(first.refresh())
        .expect("a refresh token")
        .name()
        .handle;
    let columns = "generation, mac_key_id, previous_mac_key_id, rotated_at, last_used_at, idle_expires_at";
    let backup = format!("CREATE TABLE backup AS SELECT handle, {columns} FROM families");
    run_sql(world.db(), backup).await.expect("a backup");
    let second = Tokens::of(&app.refresh(first.refresh()).await);
    let third = Tokens::of(&app.refresh(second.refresh()).await);
    let restore = format!(
        "UPDATE families SET ({columns}) = (SELECT {columns} FROM backup b WHERE b.handle = families.handle) \
         WHERE handle = '{}'",
        handle.text()
    );
    run_sql(world.db(), restore)
        .await
        .expect("the backup is put back");
    for token in [&third, &second, &first] {
        assert_eq!(app.refresh(token.refresh()).await.code(), "invalid_grant");
    }
    let causes = lines(
        world.db(),
        "SELECT cause AS line FROM families WHERE cause IS NOT NULL",
    )
    .await;
    assert_eq!(causes, ["store_rewound"]);
    assert_eq!(app.refresh(bystander.refresh()).await.status, 200);
    world.server.stop().await;
}

#[tokio::test]
async fn a_refresh_token_that_is_bound_to_a_key_is_nothing_without_it() {
    let world = World::new().await;
    let server = &world.server;
    let app = server.app("demo-browser", "openid");
    let tokens = app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    let handle = RefreshToken::parse(tokens.refresh())
        .expect("a refresh token")
        .name()
        .handle;
    let bind = async |to: &str| {
        let text = format!(
            "UPDATE families SET confirmation = {to} WHERE handle = '{}'",
            handle.text()
        );
        run_sql(world.db(), text).await.expect("the row changes");
    };
    bind("'0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'").await;
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    // Who only holds the token does not end the family of its owner.
    bind("NULL").await;
    assert_eq!(app.refresh(tokens.refresh()).await.status, 200);
    world.server.stop().await;
}

/// CVE-2020-10734, LO-02.
#[tokio::test]
async fn a_sign_out_that_another_site_posts_asks_first() {
    let server = TestServer::new().await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let stranger = app.sign_in(&Browser::new(), server.person("ines"), &[]).await;
    let hint = stranger.id.expect("an ID token");
    let logout = format!("{}/logout", server.issuer());
    let uri = "http://localhost:3000/";
    for form in [
        vec![],
        vec![("client_id", "demo-web"), ("post_logout_redirect_uri", uri)],
        vec![
            ("id_token_hint", hint.as_str()),
            ("post_logout_redirect_uri", uri),
        ],
        vec![("id_token_hint", "broken")],
    ] {
        let posted = browser.post(&logout, "https://evil.test", &form).await;
        let seen = browser.follow(posted, "https://nowhere.test").await;
        assert!(
            seen.url.as_str().starts_with(server.issuer()),
            "{form:?}: {seen:?}"
        );
        let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
        assert!(silent.code.is_some(), "{form:?}: {silent:?}");
    }
    server.stop().await;
}

/// LO-06: the account page ends what it says, and nothing beside it.
#[tokio::test]
async fn ending_a_session_or_connection_on_the_account_page_ends_no_other() {
    let server = TestServer::new().await;
    let app = server.app("demo-browser", "openid");
    let (here, there) = (Browser::new(), Browser::new());
    let mine = app.sign_in(&here, server.person("alice"), &[]).await;
    let theirs = app.sign_in(&there, server.person("alice"), &[]).await;
    let other = app.sign_in(&here, ("", ""), &[]).await;
    let account = format!("{}/account", server.issuer());
    let alive = async |tokens: &Tokens| app.refresh(tokens.refresh()).await.status == 200;

    let page = here.open(&account, "").await;
    let fam = claims(&other.access)["fam"]
        .as_str()
        .expect("a family")
        .to_owned();
    let done = here
        .press(&page, &format!("[data-family='{fam}'] button"), &[])
        .await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    assert!(!alive(&other).await && alive(&mine).await && alive(&theirs).await);
    let page = here.open(&account, "").await;
    assert!(
        !page.has(&format!("[data-family='{fam}'] button"))
            && page.has(&format!("[data-family='{fam}'] .cause"))
    );

    let done = here.press(&page, "#sessions button", &[]).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    assert!(!alive(&theirs).await && alive(&mine).await);
    let silent = app.walk(&there, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(silent.error.as_deref(), Some("login_required"));
    let silent = app.walk(&here, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(
        silent.error.as_deref(),
        Some("consent_required"),
        "signed in; nothing proves who this client is"
    );
    assert!(!here.open(&account, "").await.has("#sessions button"));
    server.stop().await;
}

#[tokio::test]
async fn a_correct_password_for_a_locked_account_is_refused_and_recorded() {
    let server = TestServer::new().await;
    let identity = server.running().identity.clone().expect("identity is here");
    let app = server.app("demo-web", "openid");
    let (name, password) = server.person("alice");
    let stranger = Browser::new();
    identity
        .users()
        .set_locked(name, true, "test")
        .await
        .expect("locked");
    let page = app.begin(&stranger, &[]).await;
    let fields = [("username", name), ("password", password)];
    let refused = stranger.press(&page, "#sign-in", &fields).await;
    assert_eq!(
        (refused.answer.status, refused.error().as_str()),
        (403, "account_disabled")
    );
    server.clock.advance(1_000);
    identity
        .users()
        .set_locked(name, false, "test")
        .await
        .expect("unlocked");
    let browser = Browser::new();
    app.sign_in(&browser, (name, password), &[]).await;
    let account = browser.open(&format!("{}/account", server.issuer()), "").await;
    let history = Html::parse_document(&account.answer.text);
    let lines = Selector::parse("#history .badge").expect("a selector");
    let lines: Vec<String> = history.select(&lines).map(|line| line.text().collect()).collect();
    assert_eq!(lines, ["Signed in", "Refused"]);
    server.stop().await;
}

/// BF-02: every cookie of every answer, read whole.
#[tokio::test]
async fn every_cookie_is_kept_from_scripts_other_sites_and_other_hosts() {
    let server = TestServer::new().await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let mut cookies = Vec::new();
    let mut look = |seen: &Seen| {
        let all = seen.answer.headers.get_all("set-cookie");
        cookies.extend(all.iter().map(|line| line.to_str().expect("text").to_owned()));
    };
    let kept = browser.get(&app.request(&[])).await;
    look(&kept);
    let page = browser.follow(kept, &app.redirect_uri).await;
    look(&page);
    let (name, password) = server.person("alice");
    let next = browser
        .press(&page, "#sign-in", &[("username", name), ("password", password)])
        .await;
    look(&next);
    let asked = browser.open(&format!("{}/logout", server.issuer()), "").await;
    look(&browser.press(&asked, "#sign-out", &[]).await);
    let shop = server.running().urls.shop.clone().expect("the shop");
    for path in ["/", "/sign-in"] {
        look(&browser.get(&format!("{shop}{path}")).await);
    }
    let theme = [("theme", "dark"), ("back", "/")];
    look(
        &browser
            .post(&format!("{}/theme", server.issuer()), server.issuer(), &theme)
            .await,
    );
    assert!(cookies.len() >= 6, "{cookies:?}");
    let mut matrix = Matrix::new("BF-02 cookie × attribute");
    for line in &cookies {
        let mut parts = line.split(';').map(str::trim);
        let name = parts
            .next()
            .and_then(|pair| pair.split_once('='))
            .expect("a pair")
            .0
            .to_owned();
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        let has = |attribute: &str| attributes.iter().any(|known| known == attribute);
        matrix.hold(format!("{name} HttpOnly"), has("httponly"), line);
        matrix.hold(format!("{name} SameSite"), has("samesite=lax"), line);
        matrix.hold(format!("{name} Path"), has("path=/"), line);
        matrix.hold(
            format!("{name} no Domain"),
            !attributes.iter().any(|known| known.starts_with("domain")),
            line,
        );
        let port = name
            .rsplit('-')
            .next()
            .is_some_and(|port| port.parse::<u16>().is_ok());
        matrix.hold(format!("{name} of this port"), port, line);
    }
    matrix.end();
    server.stop().await;
}

/// AC-09: no step works before the one that it follows.
/// CVE-2026-18963, CVE-2026-49448, CVE-2025-64103, CVE-2024-45042.
#[tokio::test]
async fn no_step_of_a_sign_in_works_out_of_order() {
    let server = TestServer::new().await;
    let app = server.app("demo-web", "openid");
    let (name, password) = server.person("alice");
    let issuer = server.issuer();
    let pair = |page: &Seen, button: &str, field: &str| {
        let pairs = page.form(button).pairs;
        pairs
            .into_iter()
            .find(|(known, _)| known == field)
            .map(|(_, value)| value)
            .unwrap_or_default()
    };
    let mut matrix = Matrix::new("AC-09 state of a request × step");
    for state in ["begun", "signed in", "finished", "account", "none"] {
        let browser = Browser::new();
        let login = app.begin(&browser, &[]).await;
        let (mut id, token) = (
            pair(&login, "#sign-in", "request"),
            pair(&login, "#sign-in", "token"),
        );
        let fields = [("username", name), ("password", password)];
        let mut finished = String::new();
        match state {
            "signed in" => {
                browser.press(&login, "#sign-in", &fields).await;
            }
            "finished" => {
                let next = browser.press(&login, "#sign-in", &fields).await;
                let consent = browser.follow(next, &app.redirect_uri).await;
                let next = browser.press(&consent, "#allow", &[]).await;
                let back = browser.follow(next, &app.redirect_uri).await;
                finished = back.answer.header("location").to_owned();
                assert!(finished.contains("code="), "{back:?}");
            }
            "account" => {
                let page = browser.open(&format!("{issuer}/account"), "").await;
                id = pair(&page, "#sign-in", "request");
            }
            "none" => id = "A".repeat(43),
            _ => {}
        }
        for (path, action) in [("/login", "sign-in"), ("/consent", "allow")] {
            for (what, token) in [("no token", ""), ("the token of the first page", token.as_str())] {
                if path == "/login"
                    && what != "no token"
                    && ["begun", "signed in", "finished"].contains(&state)
                {
                    continue;
                }
                let form = [
                    ("request", id.as_str()),
                    ("token", token),
                    ("action", action),
                    fields[0],
                    fields[1],
                ];
                let seen = browser.post(&format!("{issuer}{path}"), issuer, &form).await;
                // Refused, or sent on to where the request really is.
                let to = seen.answer.header("location");
                let refused = match seen.error().as_str() {
                    "foreign_form" => seen.answer.status == 403,
                    "expired" => seen.answer.status == 400 && path == "/consent",
                    _ => path == "/consent" && to == format!("/continue?request={id}"),
                };
                matrix.hold(format!("{state} × POST {path}, {what}"), refused, &seen);
            }
        }
        for path in ["/login", "/consent", "/continue"] {
            let seen = browser.get(&format!("{issuer}{path}?request={id}")).await;
            let to = seen.answer.header("location").to_owned();
            // What is finished has its one answer, which its browser may see again; nothing else has one.
            let code = to.contains("code=") && to != finished;
            let gone = state == "none";
            matrix.hold(
                format!("{state} × GET {path}"),
                !code && (!gone || (400..500).contains(&seen.answer.status)),
                &seen,
            );
        }
        if state != "finished" {
            let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
            matrix.hold(
                format!("{state}: no code came of it"),
                silent.code.is_none(),
                &silent,
            );
        }
    }
    matrix.end();
    server.stop().await;
}

/// LO-06.
/// Whoever gathers families in a session does not make it immortal: its end is told in as many events as it takes.
#[tokio::test]
async fn a_session_with_a_thousand_families_ends_with_all_of_them() {
    let world = World::new().await;
    let (app, browser) = (
        world.server.app("demo-web", "openid catalog.read"),
        Browser::new(),
    );
    let tokens = app.sign_in(&browser, world.server.person("alice"), &[]).await;
    let columns = lines(
        world.db(),
        "SELECT name AS line FROM pragma_table_info('families')",
    )
    .await;
    let copied: Vec<String> = columns
        .iter()
        .map(|column| match column.as_str() {
            unique @ ("id" | "handle" | "fam") => format!("{unique} || '-' || n"),
            other => other.to_owned(),
        })
        .collect();
    let gather = format!(
        "INSERT INTO families ({}) WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted \
         WHERE n < 1000) SELECT {} FROM families, counted",
        columns.join(", "),
        copied.join(", ")
    );
    run_sql(world.db(), gather).await.expect("many families");
    let asked = browser
        .open(&format!("{}/logout", world.server.issuer()), "")
        .await;
    let done = browser.press(&asked, "#sign-out", &[]).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    until("all have ended", async || {
        let alive = "SELECT fam AS line FROM families WHERE revoked_at IS NULL";
        let left = "SELECT id AS line FROM bulk_revocations";
        lines(world.db(), alive).await.is_empty() && lines(world.db(), left).await.is_empty()
    })
    .await;
    let told = lines(
        world.db(),
        "SELECT envelope AS line FROM outbox WHERE type LIKE '%session%'",
    )
    .await;
    let families: usize = told.iter().map(|event| event.matches("\"fam\":").count()).sum();
    assert!(
        told.len() > 1 && families == 1_001,
        "{} events, {families} families",
        told.len()
    );
    let whoami = world.whoami();
    until("the guard refuses", async || {
        call(&tokens.access, &whoami).await.status == 401
    })
    .await;
    world.server.stop().await;
}

/// AZ-19.
#[tokio::test]
async fn an_image_of_another_page_begins_no_request() {
    let world = World::new().await;
    let server = &world.server;
    let app = server.app("demo-web", "openid");
    let get = async |more: &[(&str, &str)], destination: &str| {
        let url = app.request(more);
        Answer::of(http().get(&url).header("sec-fetch-dest", destination)).await
    };
    assert_eq!(get(&[], "document").await.status, 303);
    for destination in ["image", "iframe", "empty", "script"] {
        let answer = get(&[], destination).await;
        assert_eq!(
            (answer.status, answer.header("set-cookie")),
            (400, ""),
            "{destination}"
        );
        // An answer that needs no person is given as always.
        let silent = get(&[("prompt", "none")], destination).await;
        assert!(silent.header("location").contains("login_required"), "{silent:?}");
    }
    let long = "s".repeat(4_097);
    assert_eq!(get(&[("state", &long)], "document").await.status, 400);
    assert_eq!(get(&[("state", &long[1..])], "document").await.status, 303);
    // With more than that it is too long to be carried.
    let nonce = "n".repeat(200);
    let kept = get(&[("state", &long[1..]), ("nonce", &nonce)], "document").await;
    assert_eq!(kept.status, 303);
    for nonce in ["a\0b", "a\nb"] {
        let refused = get(&[("nonce", nonce)], "document").await;
        assert!(
            refused.header("location").contains("error=invalid_request"),
            "{refused:?}"
        );
    }
    for id in ["%00", "x", "", "A%00"] {
        let answer = Answer::of(http().get(format!("{}/logout?request={id}", server.issuer()))).await;
        assert!((200..500).contains(&answer.status), "{id}: {answer:?}");
    }
    // What was asked stays no longer than it may be answered, and a little.
    let asked = "SELECT parsed AS line FROM authorization_requests";
    let long_ones = async || {
        lines(world.db(), asked)
            .await
            .iter()
            .filter(|parsed| parsed.len() > 4_096)
            .count()
    };
    assert_eq!(long_ones().await, 1);
    server.clock.advance(21 * 60_000);
    until("they are forgotten", async || long_ones().await == 0).await;
    world.server.stop().await;
}

/// Two yeses at once: neither takes back what the other gave.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_in_two_tabs_at_once_allows_both() {
    let server = TestServer::new().await;
    let (browser, who) = (Browser::new(), server.person("ines"));
    let full = server.app("demo-web", "openid catalog.read email");
    full.sign_in(&browser, who, &[]).await;
    for _ in 0..10 {
        let tabs = ["openid catalog.read", "openid email"].map(|scope| server.app("demo-web", scope));
        let pages = futures::future::join_all(tabs.iter().map(async |app| {
            let page = app.begin(&browser, &[("prompt", "consent")]).await;
            browser.press(&page, "#allow", &[]).await
        }));
        let mut allowed = pages.await;
        let (one, other) = (allowed.remove(0), allowed.remove(0));
        let uri = full.redirect_uri.as_str();
        let (one, other) = futures::future::join(browser.follow(one, uri), browser.follow(other, uri)).await;
        for seen in [one, other] {
            let back = callback(&seen.location().expect("back to the client"));
            assert!(back.code.is_some(), "{back:?}");
        }
        let silent = full.walk(&browser, ("", ""), &[("prompt", "none")]).await;
        assert!(silent.code.is_some(), "{silent:?}");
        let account = browser.open(&format!("{}/account", server.issuer()), "").await;
        browser.press(&account, "[data-client='demo-web']", &[]).await;
    }
    server.stop().await;
}

/// RT-07.
/// RFC 7009 §2.2: a token that has run out is nothing to revoke, and nobody is told.
#[tokio::test]
async fn a_refresh_token_that_has_run_out_is_handed_in_without_effect() {
    let world = World::new().await;
    let server = &world.server;
    let app = server.app("demo-browser", "openid");
    let (one, other) = (Browser::new(), Browser::new());
    let used = app.sign_in(&one, server.person("alice"), &[]).await;
    let idle = app.sign_in(&other, server.person("alice"), &[]).await;
    let causes = async || {
        lines(
            world.db(),
            "SELECT cause AS line FROM families WHERE cause IS NOT NULL",
        )
        .await
    };
    assert_eq!(app.revoke(used.refresh()).await.status, 200);
    assert_eq!(causes().await.len(), 1, "one that lives is ended");
    server.clock.advance(31 * 24 * 3_600_000);
    let answer = app.revoke(idle.refresh()).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(causes().await.len(), 1);
    assert_eq!(app.refresh(idle.refresh()).await.code(), "invalid_grant");
    world.server.stop().await;
}

/// More people at once than can be hashed: some are looked at, the others are told when to come again.
#[tokio::test]
async fn a_sign_in_that_is_turned_away_comes_back_to_its_form_by_itself() {
    let server = TestServer::new().await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = app.begin(&browser, &[]).await;
    let names: Vec<String> = (0..290).map(|at| format!("nobody-{at}")).collect();
    let posts = names.iter().map(async |name| {
        let fields = [("username", name.as_str()), ("password", "wrong")];
        browser.press(&page, "#sign-in", &fields).await
    });
    let all = futures::future::join_all(posts).await;
    let looked_at = all
        .iter()
        .filter(|seen| seen.error() == "wrong_credentials")
        .count();
    let away: Vec<&Seen> = all.iter().filter(|seen| seen.error() == "busy").collect();
    assert!(
        looked_at > 0 && looked_at + away.len() == all.len(),
        "{looked_at} of {}",
        all.len()
    );
    // Those without a place get a page of its own; those who waited in vain have their form before them.
    let page_of_its_own = away
        .iter()
        .find(|seen| seen.has("#again"))
        .expect("one without a place");
    let form = page.url.path().to_owned() + "?" + page.url.query().expect("a request");
    for seen in &away {
        let wait: u32 = seen.answer.header("retry-after").parse().expect("seconds");
        assert!(seen.answer.status == 503 && (1..=5).contains(&wait), "{seen:?}");
    }
    let refresh = page_of_its_own.answer.header("refresh");
    assert!(refresh.ends_with(&format!("; url={form}")), "{refresh}");
    assert!(page_of_its_own.has(&format!("#again[href='{form}']")));
    let back = browser
        .get(page.url.join(&form).expect("an address").as_str())
        .await;
    assert!(back.has("#sign-in"), "{back:?}");
    let (name, password) = server.person("alice");
    let entered = browser
        .press(&back, "#sign-in", &[("username", name), ("password", password)])
        .await;
    assert_eq!(entered.answer.status, 303, "{entered:?}");
    server.stop().await;
}
