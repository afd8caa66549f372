//! The pages and forms of the issuer: what browsers must not do with them, and what they say of hostile input.

use scraper::{Html, Selector};

use crate::authorize::{server, web};
use crate::harness::{Answer, Browser, IssuerServer, Matrix, Seen, callback, http};

/// CVE-2026-7507, CVE-2022-39222, CVE-2024-28197, AZ-14.
#[tokio::test]
async fn a_sign_in_belongs_to_the_browser_that_began_it() {
    let server = server().await;
    let app = web(&server);
    let (attacker, victim) = (Browser::new(), Browser::new());
    app.walk(&victim, server.person("alice"), &[]).await;
    let page = app.begin(&attacker, &[("prompt", "login")]).await;
    for path in ["/login", "/consent", "/continue"] {
        let url = page.url.as_str().replace("/login", path);
        for browser in [&victim, &Browser::new()] {
            let seen = browser.get(&url).await;
            assert_eq!(
                (seen.answer.status, seen.error().as_str()),
                (403, "other_browser"),
                "{path}"
            );
        }
    }
    // Nor does a form of the one work in the other.
    let form = page.form("#sign-in");
    let (name, password) = server.person("alice");
    let mut pairs: Vec<(&str, &str)> = form.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    pairs.retain(|(known, _)| !["username", "password"].contains(known));
    pairs.extend([("username", name), ("password", password)]);
    let posted = victim
        .post(&format!("{}/login", server.issuer()), server.issuer(), &pairs)
        .await;
    assert_eq!(
        (posted.answer.status, posted.error().as_str()),
        (403, "foreign_form")
    );
    server.stop().await;
}

/// The script shows what is typed; without it a field stays one of a password.
#[tokio::test]
async fn every_field_of_a_password_names_its_button_in_the_language() {
    let server = server().await;
    let browser = Browser::new();
    web(&server).sign_in(&browser, server.person("alice"), &[]).await;
    server.clock.advance(330_000);
    for path in [
        "/account/password",
        "/account/email",
        "/account/totp/new",
        "/login",
    ] {
        let url = format!("{}{path}", server.issuer());
        let page = match path {
            "/login" => {
                Browser::new()
                    .open(&format!("{}/account", server.issuer()), "")
                    .await
            }
            _ => browser.open(&url, "").await,
        };
        let fields = page.answer.attributes("input[type='password']", "id");
        let named = page
            .answer
            .attributes("input[type='password'][data-reveal='Show the password']", "id");
        assert!(
            !fields.is_empty() && fields == named,
            "{path}: {fields:?} {named:?}"
        );
    }
    server.stop().await;
}

/// AZ-13, BF-06.
#[tokio::test]
async fn forms_answer_303_and_only_to_pages_of_our_own() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    let page = app.begin(&browser, &[]).await;
    let login = format!("{}/login", server.issuer());
    let (name, password) = server.person("alice");
    let form = page.form("#sign-in");
    let token = form
        .pairs
        .iter()
        .find(|(known, _)| known == "token")
        .unwrap()
        .1
        .clone();
    let request = form
        .pairs
        .iter()
        .find(|(known, _)| known == "request")
        .unwrap()
        .1
        .clone();
    let fields = |token: &'static str| {
        vec![
            ("request", request.clone()),
            ("token", token.to_owned()),
            ("username", name.to_owned()),
            ("password", password.to_owned()),
            ("action", "sign-in".to_owned()),
        ]
    };
    let mut matrix = Matrix::new("BF-06 origin and token of a form");
    for origin in [
        "https://evil.test",
        "null",
        "http://localhost",
        "http://localhost:1",
        "HTTP://LOCALHOST",
        "",
    ] {
        let pairs: Vec<(String, String)> = fields("")
            .into_iter()
            .map(|(n, v)| (n.to_owned(), if n == "token" { token.clone() } else { v }))
            .collect();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let seen = browser.post(&login, origin, &pairs).await;
        matrix.cell(
            format!("origin {origin:?}"),
            (seen.answer.status, seen.error()),
            (403, "foreign_form".to_owned()),
        );
    }
    for wrong in ["", "x"] {
        let pairs = fields(wrong);
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let seen = browser.post(&login, server.issuer(), &pairs).await;
        matrix.cell(
            format!("token {wrong:?}"),
            (seen.answer.status, seen.error()),
            (403, "foreign_form".to_owned()),
        );
    }
    matrix.end();
    let next = browser
        .press(&page, "#sign-in", &[("username", name), ("password", password)])
        .await;
    assert_eq!(next.answer.status, 303);
    let consent = browser.follow(next, &app.redirect_uri).await;
    // What was not shown cannot be allowed: the token is of exactly this page.
    let forged = browser
        .post(
            &format!("{}/consent", server.issuer()),
            server.issuer(),
            &[("request", &request), ("token", &token), ("action", "allow")],
        )
        .await;
    assert_eq!(
        (forged.answer.status, forged.error().as_str()),
        (403, "foreign_form")
    );
    assert_eq!(browser.press(&consent, "#allow", &[]).await.answer.status, 303);
    server.stop().await;
}

/// RFC 9110 §15.5.6: `Allow` lists the methods that there are. A HEAD must not act as its GET would.
#[tokio::test]
async fn pages_that_act_take_the_methods_that_allow_lists_and_no_others() {
    let server = server().await;
    let mut matrix = Matrix::new("page × method → status, Allow");
    for (path, allow) in [
        ("/authorize", "GET, POST"),
        ("/continue", "GET"),
        ("/logout", "GET, POST"),
        ("/account", "GET"),
        ("/account/second", "GET, POST"),
        ("/account/sessions", "GET, POST"),
        ("/account/applications", "GET, POST"),
        ("/account/history", "GET"),
        ("/account/why", "GET, POST"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let named = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let answer = Answer::of(http().request(named, format!("{}{path}", server.issuer()))).await;
            let expected = match allow.split(", ").any(|allowed| allowed == method) {
                true => (false, String::new()),
                false => (true, allow.to_owned()),
            };
            let got = (answer.status == 405, answer.header("allow").to_owned());
            matrix.cell(format!("{method} {path}"), got, expected);
        }
    }
    matrix.end();
    server.stop().await;
}

/// AZ-15, BF-09, BF-11.
#[tokio::test]
async fn every_page_says_what_browsers_must_not_do() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    let login = app.begin(&browser, &[]).await;
    let (name, password) = server.person("alice");
    let next = browser
        .press(&login, "#sign-in", &[("username", name), ("password", password)])
        .await;
    let consent = browser.follow(next.clone(), &app.redirect_uri).await;
    let mut seen = vec![login, next, consent];
    for path in [
        "/account",
        "/account/profile",
        "/account/second",
        "/account/sessions",
        "/account/applications",
        "/account/history",
        "/account/why",
        "/logout",
        "/signed-out",
        "/nothing",
        "/authorize",
        "/login?request=x",
        "/theme",
    ] {
        seen.push(browser.get(&format!("{}{path}", server.issuer())).await);
    }
    let mut matrix = Matrix::new("AZ-15 page × header");
    for page in &seen {
        let at = page.url.path().to_owned();
        let header = |name: &str| page.answer.header(name).to_owned();
        let csp = header("content-security-policy");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            matrix.hold(format!("{at}: {part}"), csp.contains(part), &csp);
        }
        // Browsers follow it to the end of every redirect, and a client's address may lead on.
        let leads_out = ["#sign-in", "#allow", "#sign-out"];
        let leads_out = leads_out
            .iter()
            .any(|button| page.has(&format!("button{button}")));
        matrix.cell(
            format!("{at}: form-action"),
            csp.contains("form-action 'self'"),
            !leads_out,
        );
        matrix.cell(
            format!("{at}: any form-action"),
            csp.contains("form-action"),
            !leads_out,
        );
        matrix.cell(
            format!("{at}: frames"),
            header("x-frame-options"),
            "DENY".to_owned(),
        );
        matrix.cell(
            format!("{at}: sniff"),
            header("x-content-type-options"),
            "nosniff".to_owned(),
        );
        matrix.cell(
            format!("{at}: referrer"),
            header("referrer-policy"),
            "same-origin".to_owned(),
        );
        matrix.cell(
            format!("{at}: cached"),
            header("cache-control"),
            // The theme is nobody's secret; everything else belongs to one browser.
            if at == "/theme" {
                "private, no-cache"
            } else {
                "no-store"
            }
            .to_owned(),
        );
        for outside in ["src=\"http", "href=\"http", "<script>", "onclick", "style=\""] {
            matrix.hold(
                format!("{at}: no {outside}"),
                !page.answer.text.contains(outside),
                &page.answer.text,
            );
        }
    }
    matrix.end();
    server.stop().await;
}

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
    let server = IssuerServer::new().await;
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
        let server = IssuerServer::with(|options| {
            let text = toml::Value::String((*name).to_owned());
            options.seed = format!(
                "[[clients]]\nclient_id = \"named\"\nclient_name = {text}\ntoken_endpoint_auth_method = \"none\"\n\
                 grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"https://named.test/cb\"]\n\
                 scope = \"openid profile catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\n\
                 [[users]]\nusername = \"named\"\nemail = \"named@example.test\"\npassword = \"a long password of a test\"\n\
                 name = {text}\n"
            );
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
        let applications = browser
            .open(&format!("{}/account/applications", server.issuer()), "")
            .await;
        let why = browser
            .open(&format!("{}/account/why", server.issuer()), "")
            .await;
        let logout = browser.open(&format!("{}/logout", server.issuer()), "").await;
        let wrong = Browser::new();
        let page = app.begin(&wrong, &[("login_hint", name)]).await;
        let refused = wrong
            .press(&page, "#sign-in", &[("username", name), ("password", "wrong")])
            .await;
        shapes.push(
            [login, consent, account, applications, why, logout, page, refused]
                .iter()
                .map(shape)
                .collect(),
        );
        server.stop().await;
    }
    let mut matrix = Matrix::new("BF-10 name × page of the issuer");
    let (plain, hostile) = shapes.split_first().expect("a plain one");
    for (payload, seen) in PAYLOADS.iter().zip(hostile) {
        for (at, page) in [
            "login",
            "consent",
            "account",
            "applications",
            "why",
            "logout",
            "hint",
            "refused",
        ]
        .iter()
        .enumerate()
        {
            matrix.cell(format!("{payload} × {page}"), &seen[at], &plain[at]);
        }
    }
    matrix.end();
}

/// LO-03.
#[tokio::test]
async fn a_cookie_that_is_there_twice_is_none() {
    let server = IssuerServer::new().await;
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
    let (one, two) = (IssuerServer::new().await, IssuerServer::new().await);
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
