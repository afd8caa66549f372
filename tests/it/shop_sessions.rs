//! BF: what a stranger, another site or a stolen cookie can do to the shop's sign-in.

use std::sync::Arc;

use latchkey_db::{Db, Options};

use crate::harness::{Browser, Matrix, Seen, TestServer, http, lines, times};

fn shop(server: &TestServer) -> String {
    server.running().urls.shop.clone().expect("the edge is up")
}

/// Goes to the sign-in and through it, up to the redirect back to the shop, which is not followed.
async fn up_to_the_callback(server: &TestServer, browser: &Browser, who: &str, back: &str) -> Seen {
    let back: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
    let begin = format!("{}/signin?return={back}", shop(server));
    let stop = format!("{}/callback", shop(server));
    let mut seen = browser.open(&begin, &stop).await;
    if seen.has("#password") {
        let (name, password) = server.person(who);
        let next = browser
            .press(&seen, "#sign-in", &[("username", name), ("password", password)])
            .await;
        seen = browser.follow(next, &stop).await;
    }
    if seen.has("#allow") {
        let next = browser.press(&seen, "#allow", &[]).await;
        seen = browser.follow(next, &stop).await;
    }
    let location = seen.location().expect("a redirect to the shop");
    assert_eq!(location.path(), "/callback", "{}", seen.answer.text);
    seen
}

async fn sign_in(server: &TestServer, browser: &Browser, who: &str, back: &str) -> Seen {
    let seen = up_to_the_callback(server, browser, who, back).await;
    browser.follow(seen, "").await
}

async fn is_in(server: &TestServer, browser: &Browser) -> bool {
    browser.open(&format!("{}/", shop(server)), "").await.has(".menu")
}

/// BF-03.
async fn an_answer_signs_in_the_browser_that_asked_and_nobody_else(server: TestServer) {
    let (attacker, victim) = (Browser::new(), Browser::new());
    let seen = up_to_the_callback(&server, &attacker, "admin", "/").await;
    let callback = seen.location().expect("a redirect");

    // Login CSRF: the attacker's answer in the browser of somebody else, with and without a sign-in of their own under way.
    let foreign = victim.get(callback.as_str()).await;
    assert!(foreign.answer.status >= 400, "{}", foreign.answer.status);
    up_to_the_callback(&server, &victim, "alice", "/").await;
    // It might be another tab's: at most they sign in themselves.
    let foreign = victim.get(callback.as_str()).await;
    let location = foreign.location().expect("a redirect");
    assert_eq!((foreign.answer.status, location.path()), (303, "/signin"));
    assert!(!is_in(&server, &victim).await);

    // Mix-up (RFC 9207) and what else can be wrong with an answer.
    let mut matrix = Matrix::new("shop callback: change → status, signed in");
    let changes: [(&str, &str, Option<&str>); 7] = [
        ("no iss", "iss", None),
        ("foreign iss", "iss", Some("https://evil.test")),
        ("no state", "state", None),
        ("foreign state", "state", Some("AAAAAAAAAAAAAAAAAAAAAAAA")),
        ("no code", "code", None),
        (
            "foreign code",
            "code",
            Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ),
        ("an error beside the code", "error", Some("login_required")),
    ];
    for (what, name, value) in changes {
        let browser = Browser::new();
        let seen = up_to_the_callback(&server, &browser, "alice", "/").await;
        let callback = seen.location().expect("a redirect");
        let mut changed = callback.clone();
        let kept = callback.query_pairs().filter(|(key, _)| key != name);
        changed.query_pairs_mut().clear().extend_pairs(kept);
        if let Some(value) = value {
            changed.query_pairs_mut().append_pair(name, value);
        }
        let answer = browser.get(changed.as_str()).await.answer;
        matrix.cell(
            what,
            (answer.status, is_in(&server, &browser).await),
            (400, false),
        );
        // Pressing reload must not send a code a second time: it would look like a theft.
        let again = browser.get(changed.as_str()).await.answer.status;
        let sent = what == "foreign code";
        matrix.cell(format!("{what}, reloaded"), again, if sent { 303 } else { 400 });
        // A parameter that is there twice is refused as well.
        let browser = Browser::new();
        let seen = up_to_the_callback(&server, &browser, "alice", "/").await;
        let mut twice = seen.location().expect("a redirect");
        twice
            .query_pairs_mut()
            .append_pair("code", "again")
            .append_pair("state", "again");
        let answer = browser.get(twice.as_str()).await.answer;
        matrix.cell(
            format!("{what}, twice"),
            (answer.status, is_in(&server, &browser).await),
            (400, false),
        );
    }
    matrix.end();
    // Five tabs are five sign-ins, in whichever order they come back.
    let tabs = Browser::new();
    let mut answers = Vec::new();
    for _ in 0..5 {
        let seen = up_to_the_callback(&server, &tabs, "alice", "/courses").await;
        answers.push(seen.location().expect("a redirect"));
    }
    for answer in answers.iter().rev() {
        assert_eq!(tabs.get(answer.as_str()).await.answer.status, 303);
        assert!(is_in(&server, &tabs).await);
    }
    // Each answer is good once; whoever is signed in is led on.
    for answer in &answers {
        let again = tabs.get(answer.as_str()).await;
        let location = again.location().expect("a redirect");
        assert_eq!((again.answer.status, location.path()), (303, "/courses"));
        assert!(is_in(&server, &tabs).await);
    }
    // The one who asked is signed in by the unchanged answer.
    attacker.follow(seen, "").await;
    assert!(is_in(&server, &attacker).await);
    server.stop().await;
}

/// CVE-2021-21291, CVE-2021-29651, CVE-2019-14857, CVE-2022-23527, BF-05.
async fn a_sign_in_returns_only_to_the_shop_whatever_address_is_given(server: TestServer) {
    let mut matrix = Matrix::new("return → where the sign-in ends");
    let long = format!("/courses?q={}", "a".repeat(502));
    for (back, ends) in [
        ("/courses?q=a%20b", "/courses?q=a%20b"),
        ("/teach", "/teach"),
        ("https://evil.test/", "/"),
        ("//evil.test/", "/"),
        ("/\\evil.test/", "/"),
        ("\\\\evil.test", "/"),
        ("/\t/evil.test", "/"),
        ("/%0d%0aset-cookie:a=b", "/"),
        ("javascript:alert(1)", "/"),
        ("http:evil.test", "/"),
        (" /courses", "/"),
        ("@evil.test", "/"),
        (&long[..512], &long[..512]),
        (&long, "/"),
    ] {
        let browser = Browser::new();
        let seen = sign_in(&server, &browser, "ines", back).await;
        let at = seen.url.as_str().strip_prefix(&shop(&server)).map(str::to_owned);
        let stays = at
            .as_deref()
            .is_some_and(|at| at == ends || (ends == "/" && at.starts_with("/%0d")));
        matrix.cell(format!("{back:?}"), stays, true);
        assert!(
            browser.cookie("a").is_none(),
            "a cookie was written by an address"
        );
    }
    matrix.end();
    server.stop().await;
}

/// BF-07.
async fn a_planted_session_is_not_the_one_that_is_signed_in(server: TestServer) {
    let (attacker, victim) = (Browser::new(), Browser::new());
    // A visit without sign-in may have a session or none; the attacker plants what they can get, and what they make up.
    sign_in(&server, &attacker, "admin", "/").await;
    let own = attacker.cookie("latchkey-shop").expect("a session");
    let name = cookie_name(&server);
    victim.plant("localhost", &name, &own);
    let out = victim.open(&format!("{}/", shop(&server)), "").await;
    victim.press(&out, "#sign-out", &[]).await;
    sign_in(&server, &victim, "alice", "/").await;
    let after = victim.cookie("latchkey-shop").expect("a session");
    assert_ne!(after, own, "an id that somebody else knows was kept");
    assert!(!is_in(&server, &attacker).await, "the attacker rides on it");

    let other = Browser::new();
    other.plant("localhost", &name, "AAAAAAAAAAAAAAAAAAAAAA");
    sign_in(&server, &other, "alice", "/").await;
    assert_ne!(
        other.cookie("latchkey-shop").as_deref(),
        Some("AAAAAAAAAAAAAAAAAAAAAA")
    );
    server.stop().await;
}

fn cookie_name(server: &TestServer) -> String {
    let shop = url::Url::parse(&shop(server)).expect("an address");
    format!("latchkey-shop-{}", shop.port().expect("a port"))
}

/// BF-06.
async fn forms_of_other_sites_and_of_other_sessions_do_nothing(server: TestServer) {
    let (browser, other) = (Browser::new(), Browser::new());
    let page = sign_in(&server, &browser, "ines", "/teach").await;
    let theirs = sign_in(&server, &other, "admin", "/").await;
    let token = |page: &Seen| {
        let pairs = page.form("#sign-out").pairs;
        pairs
            .into_iter()
            .find(|(name, _)| name == "token")
            .expect("a token")
            .1
    };
    let (good, foreign) = (token(&page), token(&theirs));
    let (origin, evil) = (shop(&server), "https://evil.test".to_owned());
    let mut matrix = Matrix::new("form × origin, token → refused");
    for path in [
        "/signout",
        "/teach/new",
        "/teach/01890000-0000-7000-8000-000000000000/publish",
    ] {
        for (what, origin, token) in [
            ("another site", &evil, good.as_str()),
            ("another site without a token", &evil, ""),
            ("no token", &origin, ""),
            ("somebody else's token", &origin, foreign.as_str()),
            ("no origin of its own", &"null".to_owned(), good.as_str()),
        ] {
            let form = [("token", token), ("title", "Forged course"), ("key", "k")];
            let answer = browser
                .post(&format!("{}{path}", shop(&server)), origin, &form)
                .await;
            matrix.cell(format!("{path}: {what}"), answer.answer.status, 403);
        }
    }
    matrix.end();
    let listed = browser.open(&format!("{}/teach", shop(&server)), "").await;
    assert!(listed.has(".menu") && !listed.answer.text.contains("Forged course"));
    server.stop().await;
}

/// BF-07, BF-08.
async fn an_ended_session_is_revived_by_neither_cookie_nor_pending_request(server: TestServer) {
    let browser = Arc::new(Browser::new());
    sign_in(&server, &browser, "ines", "/teach").await;

    // The access token is over: fifty pages at once bring one (relying_party.rs counts), and nobody is
    // signed out by it.
    server.clock.advance(301_000);
    let loads = (0..50).map(|_| {
        let (browser, url) = (browser.clone(), format!("{}/teach", shop(&server)));
        async move { browser.open(&url, "").await }
    });
    for seen in futures::future::join_all(loads).await {
        assert!(
            seen.answer.status == 200 && seen.has(".menu"),
            "{}",
            seen.answer.text
        );
    }

    // Pages under way while the person signs out: none of them brings the session back.
    let rounds = times(3, 1_000);
    for round in 0..rounds {
        if round > 0 {
            sign_in(&server, &browser, "ines", "/teach").await;
        }
        let page = browser.open(&format!("{}/teach", shop(&server)), "").await;
        let kept = browser.cookie("latchkey-shop").expect("a session");
        server.clock.advance(301_000);
        let loads = (0..50).map(|_| {
            let (browser, url) = (browser.clone(), format!("{}/teach", shop(&server)));
            async move { browser.get(&url).await }
        });
        let leave = browser.press(&page, "#sign-out", &[]);
        let (_, left) = futures::future::join(futures::future::join_all(loads), leave).await;
        browser.follow(left, "").await;
        assert!(!is_in(&server, &browser).await, "round {round}");
        let thief = Browser::new();
        thief.plant("localhost", &cookie_name(&server), &kept);
        assert!(!is_in(&server, &thief).await, "an old cookie is somebody again");
        let teach = thief.get(&format!("{}/teach", shop(&server))).await;
        assert_eq!(teach.answer.status, 303, "to the sign-in, not to an error");
    }
    println!("{rounds} rounds of a sign-out beside fifty pages: nobody is back");
    server.stop().await;
}

/// BF-07.
async fn what_the_person_before_left_is_nothing_for_the_next(server: TestServer) {
    let browser = Browser::new();
    let teach = sign_in(&server, &browser, "ines", "/teach").await;
    let first = browser.cookie("latchkey-shop").expect("a session");
    let out = browser.press(&teach, "#sign-out", &[]).await;
    browser.follow(out, "").await;
    let next = sign_in(&server, &browser, "alice", "/").await;
    assert!(
        next.has(".menu") && !next.has("a[href='/teach']"),
        "{}",
        next.answer.text
    );
    assert_ne!(browser.cookie("latchkey-shop"), Some(first));
    // A page kept by the browser is not shown to the next: nothing of a person is stored.
    assert!(next.answer.header("cache-control").contains("no-store"));
    assert!(teach.answer.header("cache-control").contains("no-store"));
    server.stop().await;
}

/// Every row of a database, but for marks of when somebody was last seen and what moves by itself.
async fn digest(url: &str) -> Vec<String> {
    let db = Db::open(url, Options::new(&[]))
        .await
        .expect("the database opens");
    let tables =
        "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1";
    let mut all = Vec::new();
    for table in lines(&db, tables).await {
        if ["registry", "installation", "inbox"].contains(&table.as_str()) || table.contains("migrations") {
            continue;
        }
        let columns = format!("SELECT name AS line FROM pragma_table_info('{table}')");
        let mut names = lines(&db, Box::leak(columns.into_boxed_str())).await;
        let moves = ["last_seen_at", "idle_expires_at", "last_used_at", "published_at"];
        names.retain(|name| !moves.contains(&name.as_str()));
        let cells: Vec<String> = names.iter().map(|name| format!("quote({name})")).collect();
        let rows = format!(
            "SELECT {} AS line FROM {table} ORDER BY 1",
            cells.join(" || '|' || ")
        );
        for row in lines(&db, Box::leak(rows.into_boxed_str())).await {
            all.push(format!("{table}: {row}"));
        }
    }
    db.close().await;
    all
}

/// BF-06.
#[tokio::test]
async fn no_get_and_no_head_changes_anything() {
    let server = TestServer::new().await;
    let browser = Browser::new();
    let teach = sign_in(&server, &browser, "ines", "/teach").await;
    browser.open(&format!("{}/account", server.issuer()), "").await;
    let course = {
        let at = teach
            .answer
            .text
            .split("href=\"/teach/0")
            .nth(1)
            .expect("a course");
        format!("/teach/0{}", at.split('"').next().expect("its address"))
    };
    let (shop, issuer) = (shop(&server), server.issuer().to_owned());
    let public = {
        let at = browser.open(&format!("{shop}/courses"), "").await;
        let at = at
            .answer
            .text
            .split("href=\"/courses/")
            .nth(1)
            .expect("a course")
            .to_owned();
        format!("/courses/{}", at.split('"').next().expect("its address"))
    };
    // What a page shows of other services brings tokens for them, which are kept.
    browser.open(&format!("{shop}{public}"), "").await;
    let pages = [
        format!("{shop}/"),
        format!("{shop}/courses?q=rust&sort=price"),
        format!("{shop}{public}"),
        format!("{shop}/teach"),
        format!("{shop}/teach/new"),
        format!("{shop}{course}"),
        format!("{shop}{course}?done=saved"),
        format!("{shop}{course}/archive"),
        format!("{shop}{course}/publish"),
        format!("{shop}{course}/unlist"),
        format!("{shop}/_design"),
        format!("{shop}/signout"),
        format!("{shop}/theme?theme=dark"),
        format!("{shop}/callback?code=x&state=y"),
        format!("{issuer}/"),
        format!("{issuer}/account"),
        format!("{issuer}/account/applications?action=revoke&id=storefront"),
        format!("{issuer}/account/sessions?action=end-others"),
        format!("{issuer}/account/history"),
        format!("{issuer}/account/why?action=end-family&id=x"),
        format!("{issuer}/signed-out"),
        format!("{issuer}/login?request=none&action=cancel"),
        format!("{issuer}/consent?request=none&action=allow"),
        format!("{issuer}/logout/confirm?request=none"),
        format!("{issuer}/continue?request=none"),
        format!("{issuer}/jwks"),
        format!("{issuer}/.well-known/openid-configuration"),
        format!("{issuer}/token?grant_type=client_credentials"),
        format!("{issuer}/revoke?token=x"),
        format!("{issuer}/introspect?token=x"),
        format!("{issuer}/userinfo"),
        format!("{}/catalog/v1/courses", server.api()),
        format!("{}/catalog/v1/categories", server.api()),
    ];
    let data = server.folder().join("data");
    let all = async || {
        let mut all = Vec::new();
        for name in ["identity", "storefront", "catalog"] {
            all.extend(digest(&format!("sqlite:{}", data.join(format!("{name}.db")).display())).await);
        }
        all
    };
    let before = all().await;
    assert!(before.len() > 100, "{}", before.len());
    let mut matrix = Matrix::new("BF-06 page × method → changes nothing");
    for page in &pages {
        for method in [reqwest::Method::GET, reqwest::Method::HEAD] {
            browser.send(http().request(method.clone(), page), page).await;
            let now = all().await;
            let came: Vec<&String> = now.iter().filter(|row| !before.contains(row)).collect();
            let went = before.iter().filter(|row| !now.contains(row)).count();
            matrix.cell(format!("{method} {page}: {came:?}"), (came.len(), went), (0, 0));
        }
    }
    matrix.end();
    server.stop().await;
}

/// BF-08.
#[tokio::test]
async fn a_catalog_that_rejects_every_token_causes_no_redirect_loop() {
    let catalog = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", catalog.local_addr().unwrap());
    let refuses = axum::Router::new().fallback(async || http::StatusCode::UNAUTHORIZED);
    tokio::spawn(async move { axum::serve(catalog, refuses).await });
    let server = TestServer::with(|config| config.api_url = Some(url)).await;
    let browser = Browser::new();
    let seen = sign_in(&server, &browser, "ines", "/teach").await;
    assert_eq!((seen.answer.status, seen.url.path()), (503, "/teach"), "{seen:?}");
    let again = browser.get(seen.url.as_str()).await;
    assert_eq!((again.answer.status, again.answer.header("location")), (503, ""));
    server.stop().await;
}

crate::harness::on_both_engines! {
    an_answer_signs_in_the_browser_that_asked_and_nobody_else,
    a_sign_in_returns_only_to_the_shop_whatever_address_is_given,
    a_planted_session_is_not_the_one_that_is_signed_in,
    forms_of_other_sites_and_of_other_sessions_do_nothing,
    an_ended_session_is_revived_by_neither_cookie_nor_pending_request,
    what_the_person_before_left_is_nothing_for_the_next,
}
