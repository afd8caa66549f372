//! Guessing passwords: what is counted, who is blocked and for how long.

use latchkey_db::{DbError, sql};
use latchkey_identity::NewUser;
use scraper::{Html, Selector};
use serde_json::Map;

use crate::harness::{Browser, IssuerServer, http, on_both_engines, times};

/// CVE-2025-24806, CVE-2026-47203, AC-05, AC-06.
async fn guesses_are_counted_whatever_the_spelling_and_a_block_has_an_end(server: IssuerServer) {
    let (app, known) = (server.app("demo-web", "openid"), Browser::new());
    let held = app.sign_in(&known, server.person("alice"), &[]).await;
    let stranger = Browser::new();
    let spellings = [
        "alice",
        "ALICE",
        " alice ",
        "alice@example.test",
        "Alice@Example.Test",
        "aLiCe",
        "\u{3000}alice",
        "ＡＬＩＣＥ",
        "ａｌｉｃｅ＠example.test",
        "ALICE@EXAMPLE.TEST\u{a0}",
        "𝐚𝐥𝐢𝐜𝐞",
        "ⓐⓛⓘⓒⓔ",
    ];
    let page = app.begin(&stranger, &[]).await;
    // However a keyboard writes them, these are one name and one address; a stranger is not told that they are one person.
    let (mut by_name, mut by_address) = (0, 0);
    for turn in 0..times(60, 10_000) {
        let typed = spellings[turn % spellings.len()];
        let looked_at = match typed.contains(['@', '\u{ff20}']) {
            true => &mut by_address,
            false => &mut by_name,
        };
        let fields = [("username", typed), ("password", "wrong")];
        let seen = stranger.press(&page, "#sign-in", &fields).await;
        match seen.error().as_str() {
            "wrong_credentials" => *looked_at += 1,
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
    assert_eq!((by_name, by_address), (20, 20));
    // No guess ever stops a refresh (docs/configuration.md, Limits), nor what was signed in before.
    assert_eq!(app.refresh(held.refresh()).await.status, 200);
    let back = app.walk(&known, ("", ""), &[]).await;
    assert!(back.code.is_some(), "{back:?}");
    let (name, password) = server.person("alice");
    assert_eq!(app.attempt(&stranger, name, password).await.error(), "too_many");
    // The person's own browser is not locked out by others (AC-07), and a block ends.
    assert_eq!(app.attempt(&known, name, password).await.answer.status, 303);
    server.clock.advance(31_000);
    assert_eq!(
        app.attempt(&stranger, name, "wrong").await.error(),
        "wrong_credentials"
    );
    assert_eq!(
        app.attempt(&stranger, name, password).await.error(),
        "too_many",
        "one guess after a block"
    );
    server.clock.advance(61_000);
    assert_eq!(app.attempt(&stranger, name, password).await.answer.status, 303);
    server.stop().await;
}

/// Whether a name means somebody, and which names mean one person, is not told by a block: it follows what was typed. The
/// person's own count ends in the same work and the same page.
async fn a_block_follows_what_was_typed_and_not_who_it_means(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = app.begin(&browser, &[]).await;
    let guess = async |name: &str, password: &str| {
        let fields = [("username", name), ("password", password)];
        let seen = browser.press(&page, "#sign-in", &fields).await;
        let text = seen.answer.text.replace(&format!("value=\"{name}\""), "");
        let wait = seen.answer.header("retry-after").to_owned();
        (seen.answer.status, seen.error(), wait, text)
    };
    let mut told = Vec::new();
    for (name, address) in [("alice", "alice@example.test"), ("nobody", "nobody@example.test")] {
        let mut seen = Vec::new();
        for _ in 0..21 {
            seen.push(guess(name, "wrong").await);
        }
        assert_eq!((seen[19].0, seen[20].0), (422, 429), "{name}");
        // The other name of the same person is looked at like any other, and so is a third of nobody.
        for _ in 0..21 {
            seen.push(guess(address, "wrong").await);
        }
        assert_eq!((seen[21].0, seen[40].0, seen[41].0), (422, 422, 429), "{address}");
        told.push(seen);
    }
    assert_eq!(told[0], told[1], "somebody and nobody");
    server.stop().await;
}

async fn an_account_that_was_guessed_at_is_held_in_silence_and_not_for_long(server: IssuerServer) {
    let (app, known) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&known, server.person("alice"), &[]).await;
    let (name, password) = server.person("alice");
    let stranger = Browser::new();
    for _ in 0..20 {
        let seen = app.attempt(&stranger, name, "wrong").await;
        assert_eq!(seen.error(), "wrong_credentials");
    }
    // Nobody is told that the address is the same person's, but the right password opens nothing now.
    for guess in ["wrong", password] {
        let seen = app.attempt(&stranger, "alice@example.test", guess).await;
        assert_eq!(
            (seen.answer.status, seen.error().as_str()),
            (422, "wrong_credentials")
        );
        assert!(seen.answer.headers.get("set-cookie").is_none(), "{seen:?}");
    }
    // Their own browser is theirs, by either name (AC-07).
    for name in [name, "alice@example.test"] {
        let seen = app.attempt(&known, name, password).await;
        assert_eq!(seen.answer.status, 303, "{seen:?}");
    }
    // What was held did not count, and the time is over.
    server.clock.advance(31_000);
    let seen = app.attempt(&Browser::new(), "alice@example.test", password).await;
    assert_eq!(seen.answer.status, 303, "{seen:?}");
    server.stop().await;
}

async fn successes_never_count(server: IssuerServer) {
    let (app, (name, password)) = (server.app("demo-web", "openid"), server.person("alice"));
    for turn in 0..22 {
        let seen = app.attempt(&Browser::new(), name, password).await;
        assert_eq!(seen.answer.status, 303, "{turn}: {seen:?}");
    }
    for turn in 0..2 {
        for _ in 0..19 {
            let seen = app.attempt(&Browser::new(), name, "wrong").await;
            assert_eq!(seen.error(), "wrong_credentials", "{turn}");
        }
        let seen = app.attempt(&Browser::new(), name, password).await;
        assert_eq!(
            seen.answer.status, 303,
            "{turn}: twenty in a row are counted: {seen:?}"
        );
    }
    server.stop().await;
}

/// CVE-2025-64102, CVE-2024-32868, CVE-2018-14657, AC-06.
async fn parallel_guesses_all_count_and_aborted_ones_lock_nobody_out_for_good(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = app.begin(&browser, &[]).await;
    let guesses = times(60, 500);
    let all = (0..guesses)
        .map(|_| browser.press(&page, "#sign-in", &[("username", "alice"), ("password", "wrong")]));
    let answers = futures::future::join_all(all).await;
    let looked_at = answers
        .iter()
        .filter(|seen| seen.error() == "wrong_credentials")
        .count();
    assert!(looked_at <= 20, "{looked_at} of {guesses} at once were looked at");
    server.clock.advance(3_600_000);
    let fresh = Browser::new();
    let (name, password) = server.person("alice");
    assert_eq!(app.attempt(&fresh, name, password).await.answer.status, 303);
    server.stop().await;
}

/// CVE-2026-23511, CVE-2024-41952, AC-04.
async fn nobody_learns_who_exists(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
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
    server.stop().await;
}

/// The device cookie hangs on the person's credential epoch: a new hash of the same password changes nothing.
async fn a_browser_is_known_until_the_password_is_another(server: IssuerServer) {
    let identity = server.identity().clone();
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let (name, password) = server.person("alice");
    let device = || browser.cookie("latchkey-device").expect("a device cookie");
    let signs_in = async |password: &str| {
        let seen = app.attempt(&browser, name, password).await;
        assert_eq!(seen.answer.status, 303, "{seen:?}");
        device()
    };
    let first = signs_in(password).await;
    assert_eq!(signs_in(password).await, first);

    let twin = NewUser {
        username: "twin".into(),
        email: "twin@example.test".into(),
        claims: Map::new(),
        roles: Vec::new(),
        password: Some(password.to_owned()),
    };
    identity.users().add(twin, "test").await.unwrap();
    let rehash = "UPDATE users SET password_hash = (SELECT t.password_hash FROM users t WHERE t.username = 'twin') \
                  WHERE username = 'alice'";
    let db = identity.store().db();
    let rehashed = db.write(move |tx| async move { sql(rehash).execute(&tx).await });
    let rehashed: Result<u64, DbError> = rehashed.await;
    assert_eq!(rehashed.unwrap(), 1);
    assert_eq!(signs_in(password).await, first, "the password is the same");

    identity.users().set_enabled(name, false, "test").await.unwrap();
    identity.users().set_enabled(name, true, "test").await.unwrap();
    assert_eq!(
        signs_in(password).await,
        first,
        "what they prove themselves by is the same"
    );

    let other = identity.users().set_password(name, None, "test").await.unwrap();
    let second = signs_in(&other.password.expect("the new password")).await;
    assert_ne!(second, first);
    server.stop().await;
}

/// AC-05: many people, one address, and no header that says otherwise.
#[tokio::test]
async fn one_guess_at_each_of_many_users_is_counted_by_address() {
    let server = IssuerServer::new().await;
    let browser = Browser::new();
    let app = server.app("demo-web", "openid");
    let page = app.begin(&browser, &[]).await;
    let form = page.form("#sign-in");
    let guess = async |at: usize| {
        let who = format!("nobody-{at}");
        let mut pairs: Vec<(&str, &str)> = form.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        pairs.retain(|(name, _)| !["username", "password"].contains(name));
        pairs.extend([("username", who.as_str()), ("password", "wrong")]);
        let url = format!("{}/login", server.issuer());
        let address = format!("203.0.113.{}", at % 250);
        let request = http()
            .post(&url)
            .header("origin", server.issuer())
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
    server.clock.advance(61_000);
    assert_eq!(guess(at).await.error(), "wrong_credentials");
    server.stop().await;
}

#[tokio::test]
async fn a_correct_password_for_a_locked_account_is_refused_and_recorded() {
    let server = IssuerServer::new().await;
    let identity = server.identity().clone();
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
    let account = browser
        .open(&format!("{}/account/history", server.issuer()), "")
        .await;
    let history = Html::parse_document(&account.answer.text);
    let lines = Selector::parse("#history .line-title").expect("a selector");
    let lines: Vec<String> = history.select(&lines).map(|line| line.text().collect()).collect();
    let told = |name: &str| lines.iter().position(|line| line.starts_with(name));
    assert!(told("Signed in") < told("Refused"), "{lines:?}");
    assert!(told("Signed in").is_some(), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("Refused")).count(), 1);
    server.stop().await;
}

on_both_engines! {
    guesses_are_counted_whatever_the_spelling_and_a_block_has_an_end,
    a_block_follows_what_was_typed_and_not_who_it_means,
    an_account_that_was_guessed_at_is_held_in_silence_and_not_for_long,
    successes_never_count,
    parallel_guesses_all_count_and_aborted_ones_lock_nobody_out_for_good,
    nobody_learns_who_exists,
    a_browser_is_known_until_the_password_is_another,
}
