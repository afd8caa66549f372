//! The account's pages against whoever should not be there, and what they say about it all.

use latchkey_protocol::revocation_policy::RevocationCause;

use crate::harness::{
    Answer, App, Browser, IssuerServer, Matrix, Seen, Tokens, http, lines, on_both_engines, run, secret_of,
};

const PAGES: [&str; 6] = [
    "/account",
    "/account/second",
    "/account/sessions",
    "/account/applications",
    "/account/history",
    "/account/why",
];

fn at(server: &IssuerServer, path: &str) -> String {
    format!("{}{path}", server.issuer())
}

async fn signed_in(app: &App, who: (&str, &str)) -> (Browser, Tokens) {
    let browser = Browser::new();
    let tokens = app.sign_in(&browser, who, &[]).await;
    (browser, tokens)
}

fn token(page: &Seen) -> String {
    let all = page.answer.attributes("input[name='token']", "value");
    all.first().expect("a form").clone()
}

async fn the_check_up_says_what_is_missing_and_leads_there(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let (browser, _) = signed_in(&app, server.person("alice")).await;
    let page = browser.open(&at(&server, "/account"), "").await;
    let mut matrix = Matrix::new("check-up × part → state, words, where it leads");
    for (part, state, words, to) in [
        ("passkeys", "advised", "Worth a look", "/account/passkeys"),
        ("second", "due", "Needs you", "/account/totp/new"),
        ("sessions", "good", "In order", "/account/sessions"),
        ("applications", "good", "In order", "/account/applications"),
        ("password", "good", "In order", "/account/password"),
    ] {
        let line = format!("[data-check='{part}']");
        let found = (
            page.answer.attributes(&line, "data-state"),
            page.answer.texts(&format!("{line} .badge")),
            page.answer.attributes(&format!("{line} a"), "href"),
        );
        let expected = (
            vec![state.to_owned()],
            vec![words.to_owned()],
            vec![to.to_owned()],
        );
        matrix.cell(part.to_owned(), found, expected);
    }
    matrix.end();
    // What is of no use yet leads nowhere.
    assert!(page.has("[data-check='codes'][data-state='unused']"));
    assert!(!page.has("[data-check='codes'] a"));
    for section in ["profile", "history", "why", "export", "delete"] {
        assert!(
            page.has(&format!("#to-{section}[href='/account/{section}']")),
            "{section}"
        );
    }
    assert!(!page.has("#to-providers"), "there is no other provider");
    for change in [
        "UPDATE users SET email_verified_at = NULL, password_hash = NULL WHERE username = 'alice'",
        // Of a provider that is not in the configuration any more: it can still be seen, and removed.
        "INSERT INTO upstream_identities (id, provider, issuer, subject, user_id, linked_at) \
         SELECT 'i1', 'gone', 'https://gone.test', 's1', id, 1 FROM users WHERE username = 'alice'",
    ] {
        run(server.db(), change.to_owned()).await;
    }
    let page = browser.open(&at(&server, "/account"), "").await;
    for (part, state) in [("email", "due"), ("password", "unused"), ("second", "unused")] {
        let line = format!("[data-check='{part}'][data-state='{state}']");
        assert!(page.has(&line), "{part}: {page:?}");
    }
    assert!(page.has("#to-providers[href='/account/providers']"), "{page:?}");
    server.stop().await;
}

/// AC-04: nobody sees these pages without a session, and none is shown for one that has ended.
async fn an_ended_session_sees_none_of_the_pages(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let (browser, _) = signed_in(&app, server.person("alice")).await;
    let mut matrix = Matrix::new("account × page → before, after the end");
    for path in PAGES {
        let page = browser.open(&at(&server, path), "").await;
        let cached = page.answer.header("cache-control").to_owned();
        matrix.cell(
            format!("{path} before"),
            (page.url.path().to_owned(), cached),
            (path.to_owned(), "no-store".to_owned()),
        );
    }
    let forms = browser.open(&at(&server, "/account/sessions"), "").await;
    assert!(!forms.has("#end-others"));
    run(
        server.db(),
        "UPDATE sessions SET ended_at = 1, cause = 'logout'".to_owned(),
    )
    .await;
    for path in PAGES {
        let page = browser.open(&at(&server, path), "").await;
        matrix.cell(
            format!("{path} after"),
            (page.url.path().to_owned(), String::new()),
            ("/login".to_owned(), String::new()),
        );
    }
    for path in ["/account/sessions", "/account/applications", "/account/why"] {
        let form = [("token", "x"), ("action", "end-others"), ("id", "x")];
        let posted = browser.post(&at(&server, path), server.issuer(), &form).await;
        let to = posted.answer.header("location").to_owned();
        assert!(to.starts_with("/login?request="), "{path}: {posted:?}");
    }
    matrix.end();
    server.stop().await;
}

async fn a_sign_in_leads_back_to_the_page_that_was_asked_for(server: IssuerServer) {
    let (name, password) = server.person("alice");
    for path in PAGES {
        let browser = Browser::new();
        let page = browser.open(&at(&server, path), "").await;
        let fields = [("username", name), ("password", password)];
        let next = browser.press(&page, "#sign-in", &fields).await;
        let page = browser.follow(next, "").await;
        assert_eq!((page.url.path(), page.answer.status), (path, 200), "{page:?}");
    }
    server.stop().await;
}

/// A foreign id is no more known than one that never was.
async fn ids_of_another_user_are_not_found(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let (ines, theirs) = signed_in(&app, server.person("ines")).await;
    let (alice, _) = signed_in(&app, server.person("alice")).await;
    let (_elsewhere, _) = signed_in(&app, server.person("alice")).await;
    let of_ines = lines(
        server.db(),
        "SELECT s.id AS line FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.username = 'ines'",
    )
    .await;
    let fam = latchkey_testkit::families::fam(&theirs);
    let mut matrix = Matrix::new("account × foreign id → status, code");
    for (path, action, id) in [
        ("/account/sessions", "end-session", of_ines[0].as_str()),
        ("/account/sessions", "end-session", "nobody"),
        ("/account/why", "end-family", fam.as_str()),
        ("/account/why", "end-family", "nobody"),
    ] {
        let page = alice.open(&at(&server, path), "").await;
        let own = token(&page);
        let form = [("token", own.as_str()), ("action", action), ("id", id)];
        let seen = alice.post(&at(&server, path), server.issuer(), &form).await;
        matrix.cell(
            format!("{path} {id}"),
            (seen.answer.status, seen.error()),
            (404, "not_found".to_owned()),
        );
    }
    matrix.end();
    assert_eq!(app.refresh(theirs.refresh()).await.status, 200);
    let page = ines.open(&at(&server, "/account/sessions"), "").await;
    assert!(page.text("#sessions").contains("This browser"), "{page:?}");
    server.stop().await;
}

/// CS-01: a form of another site, without a token, or with that of another page or user changes nothing.
async fn a_foreign_form_changes_no_part_of_an_account(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let (alice, _) = signed_in(&app, server.person("alice")).await;
    let (_elsewhere, _) = signed_in(&app, server.person("alice")).await;
    let (ines, _) = signed_in(&app, server.person("ines")).await;
    let mut matrix = Matrix::new("account × origin, token → refused");
    let (sessions, why) = (at(&server, "/account/sessions"), at(&server, "/account/why"));
    let own = token(&alice.open(&sessions, "").await);
    let other_page = token(&alice.open(&why, "").await);
    let (_third, _) = signed_in(&app, server.person("ines")).await;
    let other_user = token(&ines.open(&sessions, "").await);
    for (what, origin, token) in [
        ("another site", "https://evil.test", own.as_str()),
        ("no token", server.issuer(), ""),
        ("that of another page", server.issuer(), other_page.as_str()),
        ("that of another user", server.issuer(), other_user.as_str()),
    ] {
        for action in ["end-others", "end-session", "forget-device"] {
            let form = [("token", token), ("action", action), ("id", "x")];
            let seen = alice.post(&sessions, origin, &form).await;
            matrix.cell(
                format!("{action}: {what}"),
                (seen.answer.status, seen.error()),
                (403, "foreign_form".to_owned()),
            );
        }
    }
    matrix.end();
    assert!(
        alice.open(&sessions, "").await.has("#end-others"),
        "nothing ended"
    );
    for bad in ["", "end-everything"] {
        let form = [("token", own.as_str()), ("action", bad), ("id", "x")];
        let seen = alice.post(&sessions, server.issuer(), &form).await;
        assert_eq!(seen.error(), "malformed", "{bad:?}");
    }
    server.stop().await;
}

async fn a_revoked_application_refreshes_nothing_and_its_token_is_inactive(server: IssuerServer) {
    let app = server.app("demo-web", "openid catalog.read offline_access");
    let browser = Browser::new();
    let tokens = app
        .sign_in(&browser, server.person("alice"), &[("prompt", "consent")])
        .await;
    let introspect = async || {
        let secret = secret_of("rs-all");
        let request = http()
            .post(format!("{}/introspect", server.url()))
            .basic_auth("rs-all", Some(&secret))
            .form(&[("token", tokens.access.as_str())]);
        Answer::of(request).await.json()["active"] == true
    };
    assert!(introspect().await);
    let page = browser.open(&at(&server, "/account/applications"), "").await;
    let card = page.text("#applications li");
    assert!(
        page.has("[data-offline]") && page.has("[data-resources]"),
        "{card}"
    );
    assert!(card.contains("last used"), "{card}");
    let done = browser.press(&page, "#revoke-demo-web", &[]).await;
    let after = browser.follow(done, "").await;
    assert!(
        after.has("[role='status']") && !after.has("[data-client]"),
        "{after:?}"
    );
    let refused = app.refresh(tokens.refresh()).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_grant"));
    assert!(!introspect().await);
    server.stop().await;
}

/// One sentence for each cause, by whom and what to do, in each language.
async fn every_cause_is_told_in_every_language(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let (browser, _) = signed_in(&app, server.person("alice")).await;
    const COPIED: &str = "user_id, auth_time, amr, created_at, last_seen_at, idle_expires_at, expires_at";
    for (at, cause) in RevocationCause::ALL.into_iter().enumerate() {
        run(
            server.db(),
            format!(
                "INSERT INTO sessions (id, secret_hash, {COPIED}, ended_at, cause) \
                 SELECT id || '-{at}', secret_hash || '-{at}', {COPIED}, created_at + {at}, '{cause}' \
                 FROM sessions WHERE ended_at IS NULL"
            ),
        )
        .await;
    }
    let count = RevocationCause::ALL.len();
    for language in ["en", "tr", "fr"] {
        let form = [("language", language), ("back", "/account/why")];
        browser
            .post(&at(&server, "/language"), server.issuer(), &form)
            .await;
        let page = browser.open(&at(&server, "/account/why"), "").await;
        let said = page.answer.texts("#ended .cause");
        assert_eq!(said.len(), count, "{language}: {page:?}");
        let sentences: std::collections::BTreeSet<&str> =
            said.iter().filter_map(|said| said.split('.').next()).collect();
        assert_eq!(sentences.len(), count, "{language}: {said:?}");
        assert!(!page.answer.text.contains("cause."), "{language}");
    }
    server.stop().await;
}

/// A family's line shows where an old key came back, in a picture and in words.
async fn a_line_of_generations_shows_where_an_old_key_came_back(server: IssuerServer) {
    // A client that proves nothing else: its tokens rotate.
    let app = server.app("demo-browser", "openid");
    let (browser, tokens) = signed_in(&app, server.person("alice")).await;
    let first = app.refresh(tokens.refresh()).await;
    assert_eq!(first.status, 200);
    server.clock.advance(120_000);
    let next = Tokens::of(&first);
    assert_eq!(app.refresh(next.refresh()).await.status, 200);
    server.clock.advance(120_000);
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    let page = browser.open(&at(&server, "/account/why"), "").await;
    assert_eq!(page.answer.attributes("#families svg", "role"), ["img"]);
    let words = page.answer.attributes("#families svg", "aria-label");
    assert!(
        words[0].contains("renewed 2 times") && words[0].contains("an old key came back after renewal 2"),
        "{words:?}"
    );
    assert!(page.has("#families [data-mark='reused']"));
    let told = page.text("#families li");
    assert!(
        told.contains("An old key was used a second time") && told.contains("This site, by its own rules."),
        "{told}"
    );
    server.stop().await;
}

/// What somebody else does is told as theirs, and what was never named before is told by its name.
async fn the_history_tells_of_changes_and_by_whom(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let (browser, _) = signed_in(&app, server.person("alice")).await;
    let alice = server.user_id("alice").await;
    for (n, kind, actor) in [
        (1, "password.changed", alice.as_str()),
        (2, "user.unlocked", "cli"),
        (3, "passkey.suspended", "system"),
        (4, "something.new", "system"),
    ] {
        run(
            server.db(),
            format!(
                "INSERT INTO audit (id, at, kind, actor, subject, detail) \
                 VALUES ('audit-{n}', {}, '{kind}', '{actor}', '{alice}', '{{}}')",
                server.clock.now_ms() + n
            ),
        )
        .await;
    }
    let page = browser.open(&at(&server, "/account/history"), "").await;
    let lines = page.answer.texts("#history li");
    let told = |sentence: &str, by: &str| {
        lines
            .iter()
            .any(|line| line.contains(sentence) && line.contains(by))
    };
    assert!(told("The password was changed.", "You."), "{lines:?}");
    assert!(
        told("The account was unlocked.", "An administrator."),
        "{lines:?}"
    );
    assert!(told("A passkey was suspended", "This site"), "{lines:?}");
    assert!(told("something.new", "This site"), "{lines:?}");
    assert!(told("An application got access.", "You."), "{lines:?}");
    server.stop().await;
}

on_both_engines! {
    the_check_up_says_what_is_missing_and_leads_there,
    an_ended_session_sees_none_of_the_pages,
    a_sign_in_leads_back_to_the_page_that_was_asked_for,
    ids_of_another_user_are_not_found,
    a_foreign_form_changes_no_part_of_an_account,
    a_revoked_application_refreshes_nothing_and_its_token_is_inactive,
    every_cause_is_told_in_every_language,
    a_line_of_generations_shows_where_an_old_key_came_back,
    the_history_tells_of_changes_and_by_whom,
}
