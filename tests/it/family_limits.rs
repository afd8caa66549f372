//! What one person stores is nobody else's trouble: how many families they may have and how fast, ends and lists that are
//! done by pages, and floods that fall on whoever caused them.

use std::collections::BTreeSet;

use latchkey_db::{Db, DbError, Engine, sql};
use latchkey_protocol::ClientId;

use crate::harness::{App, Browser, Matrix, Seen, TestServer, Tokens, call, claims, on_both_engines, until};

fn db(server: &TestServer) -> Db {
    let identity = server.running().identity.clone().expect("the issuer is here");
    identity.store().db().clone()
}

/// Runs a statement that is put together here.
async fn run(db: &Db, text: String) {
    let text: &'static str = Box::leak(text.into_boxed_str());
    let done = db.write(move |tx| async move { sql(text).execute(&tx).await.map(drop) });
    let done: Result<(), DbError> = done.await;
    done.expect("the statement runs");
}

async fn lines(db: &Db, text: String) -> Vec<String> {
    let text: &'static str = Box::leak(text.into_boxed_str());
    let rows = sql(text).fetch_all(db).await.expect("the statement runs");
    rows.iter().map(|row| row.text("line").expect("a line")).collect()
}

fn fam(tokens: &Tokens) -> String {
    claims(&tokens.access)["fam"]
        .as_str()
        .expect("a family")
        .to_owned()
}

/// As many families more as this one, each with a name of its own and a millisecond younger than the one before.
async fn multiply(db: &Db, fam: &str, count: usize) {
    let columns = match db.engine() {
        Engine::Sqlite => "SELECT name AS line FROM pragma_table_info('families')",
        Engine::Postgres => {
            "SELECT CAST(column_name AS TEXT) AS line FROM information_schema.columns WHERE table_name = 'families'"
        }
    };
    let columns = lines(db, columns.to_owned()).await;
    let copied: Vec<String> = columns
        .iter()
        .map(|column| match column.as_str() {
            unique @ ("id" | "fam") => format!("{unique} || '-' || n"),
            // Sixteen bytes in base64url.
            "handle" => "SUBSTR(handle, 1, 14) || CAST(1000000 + n AS TEXT) || 'A'".to_owned(),
            "created_at" => "created_at + n".to_owned(),
            other => other.to_owned(),
        })
        .collect();
    run(
        db,
        format!(
            "INSERT INTO families ({}) WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted \
             WHERE n < {count}) SELECT {} FROM families, counted WHERE fam = '{fam}'",
            columns.join(", "),
            copied.join(", ")
        ),
    )
    .await;
}

async fn living(db: &Db, client: &str) -> usize {
    let text =
        format!("SELECT fam AS line FROM families WHERE client_id = '{client}' AND revoked_at IS NULL");
    lines(db, text).await.len()
}

async fn code(app: &App, browser: &Browser) -> String {
    app.walk(browser, ("", ""), &[]).await.code.expect("a code")
}

async fn the_next_family_waits_when_twenty_were_born_within_a_minute(server: TestServer) {
    let app = server.plant_app("limited", None, "openid").await;
    let beside = server.plant_app("beside", None, "openid").await;
    let (browser, alice) = (Browser::new(), server.person("alice"));
    app.sign_in(&browser, alice, &[]).await;
    server.clock.advance(30_000);
    for _ in 1..20 {
        assert_eq!(app.redeem(&code(&app, &browser).await).await.status, 200);
    }
    let waiting = code(&app, &browser).await;
    for _ in 0..2 {
        let refused = app.redeem(&waiting).await;
        let seen = (
            refused.status,
            refused.code(),
            refused.header("retry-after").to_owned(),
        );
        let expected = (429, "temporarily_unavailable".to_owned(), "30".to_owned());
        assert_eq!(seen, expected, "{refused:?}");
        assert_eq!(refused.header("cache-control"), "no-store");
    }
    // What is wrong with a code is told as ever, and nobody else waits.
    let wrong = app.redeem_with(&waiting, &[("code_verifier", "")]).await;
    assert_eq!(wrong.code(), "invalid_grant");
    beside.sign_in(&browser, ("", ""), &[]).await;
    app.sign_in(&Browser::new(), server.person("ines"), &[]).await;
    // The time that was told is enough, and the code is as good as it was.
    server.clock.advance(30_000);
    assert_eq!(app.redeem(&waiting).await.status, 200);
    assert_eq!(
        app.redeem(&code(&app, &browser).await).await.status,
        429,
        "one has become twenty again"
    );
    server.stop().await;
}

async fn of_thirty_redemptions_at_once_twenty_make_a_family(server: TestServer) {
    let app = server.plant_app("racing", None, "openid").await;
    let browser = Browser::new();
    // The consent comes first; its code is the first of thirty.
    let mut codes = vec![
        app.walk(&browser, server.person("alice"), &[])
            .await
            .code
            .expect("a code"),
    ];
    while codes.len() < 30 {
        codes.push(code(&app, &browser).await);
    }
    let answers = futures::future::join_all(codes.iter().map(|code| app.redeem(code))).await;
    let born = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(born, 20, "{answers:?}");
    // Whoever was overtaken three times is asked to come again, and nobody's code is called false.
    let others = answers.iter().filter(|answer| answer.status != 200);
    for other in others {
        assert_eq!(other.code(), "temporarily_unavailable", "{other:?}");
        assert!([429, 503].contains(&other.status), "{other:?}");
    }
    assert_eq!(living(&db(&server), "racing").await, 20);
    server.stop().await;
}

async fn the_oldest_online_family_makes_room_for_the_hundred_and_first(server: TestServer) {
    let db = db(&server);
    let scope = "openid offline_access";
    let app = server.plant_app("crowded", None, scope).await;
    let (browser, alice) = (Browser::new(), server.person("alice"));
    let offline = app.sign_in(&browser, alice, &[("prompt", "consent")]).await;
    server.clock.advance(1_000);
    let online = [("scope", "openid")];
    let oldest = app.sign_in(&browser, ("", ""), &online).await;
    server.clock.advance(1_000);
    let second = app.sign_in(&browser, ("", ""), &online).await;
    // Those of somebody else do not count, nor do those at another client.
    let ines = app.sign_in(&Browser::new(), server.person("ines"), &online).await;
    server.clock.advance(60_000);
    multiply(&db, &fam(&second), 97).await;
    assert_eq!(living(&db, "crowded").await, 101, "a hundred, and hers");
    server.clock.advance(60_000);

    app.sign_in(&browser, ("", ""), &online).await;
    assert_eq!(living(&db, "crowded").await, 101);
    assert_eq!(app.refresh(oldest.refresh()).await.code(), "invalid_grant");
    for (what, stays) in [("offline", &offline), ("younger", &second), ("of ines", &ines)] {
        assert_eq!(app.refresh(stays.refresh()).await.status, 200, "{what}");
    }
    let ended = fam(&oldest);
    let told =
        format!("SELECT id AS line FROM outbox WHERE type LIKE '%family%' AND partition_key = '{ended}'");
    assert_eq!(lines(&db, told).await.len(), 1, "guards are told");
    let audited =
        format!("SELECT detail AS line FROM audit WHERE kind = 'family.revoked' AND subject = '{ended}'");
    assert_eq!(lines(&db, audited).await, [r#"{"cause":"family_limit"}"#]);
    let why = format!("SELECT cause AS line FROM families WHERE fam = '{ended}'");
    assert_eq!(lines(&db, why).await, ["family_limit"]);
    server.stop().await;
}

async fn an_offline_family_makes_room_only_where_no_online_one_is_left(server: TestServer) {
    let db = db(&server);
    let app = server.plant_app("kept", None, "openid offline_access").await;
    let (browser, alice) = (Browser::new(), server.person("alice"));
    let oldest = app.sign_in(&browser, alice, &[("prompt", "consent")]).await;
    server.clock.advance(1_000);
    let second = app.sign_in(&browser, ("", ""), &[]).await;
    server.clock.advance(60_000);
    multiply(&db, &fam(&second), 98).await;
    server.clock.advance(60_000);
    let next = app.sign_in(&browser, ("", ""), &[]).await;
    assert_eq!(living(&db, "kept").await, 100);
    assert_eq!(app.refresh(oldest.refresh()).await.code(), "invalid_grant");
    for stays in [&second, &next] {
        assert_eq!(app.refresh(stays.refresh()).await.status, 200);
    }
    server.stop().await;
}

/// Who ends how many more families than one transaction does, at once for whoever asks and soon for every guard.
async fn a_large_end_takes_effect_at_once_and_is_finished_by_pages(server: TestServer) {
    const MANY: usize = 1_200;
    let (db, identity) = (
        db(&server),
        server.running().identity.clone().expect("the issuer"),
    );
    let resource_server = server.machine("demo-resource-server");
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    let mut matrix = Matrix::new("what ends 1,202 families × what is left of them");
    for end in ["sign-out", "withdrawal", "password", "client"] {
        let app = server.app("demo-browser", "openid catalog.read");
        let (name, password) = (format!("p-{end}"), "a password of a crowd");
        let new = latchkey_identity::NewUser {
            username: name.clone(),
            email: format!("{name}@example.test"),
            claims: serde_json::Map::new(),
            roles: Vec::new(),
            password: Some(password.to_owned()),
        };
        identity.users().add(new, "test").await.expect("a person");
        let browser = Browser::new();
        let first = app.sign_in(&browser, (&name, password), &[]).await;
        let last = app.sign_in(&browser, ("", ""), &[]).await;
        multiply(&db, &fam(&first), MANY).await;
        let page = match end {
            "withdrawal" => "account",
            _ => "logout",
        };
        let page = browser.open(&format!("{}/{page}", server.issuer()), "").await;
        let id = ClientId::parse(&app.client_id).expect("a client id");
        match end {
            "sign-out" => drop(browser.press(&page, "#sign-out", &[]).await),
            "withdrawal" => drop(browser.press(&page, "[data-client='demo-browser']", &[]).await),
            "password" => drop(
                identity
                    .users()
                    .set_password(&name, None, "test")
                    .await
                    .expect("it is new"),
            ),
            _ => identity
                .clients()
                .revoke_tokens(&id, "test")
                .await
                .expect("they end"),
        }
        for (what, tokens) in [("the first", &first), ("the last", &last)] {
            let refreshed = app.refresh(tokens.refresh()).await;
            matrix.cell(
                format!("{end} × {what}, refreshed"),
                refreshed.code(),
                "invalid_grant".to_owned(),
            );
            let told = resource_server.introspect(&tokens.access).await.text;
            let inactive = r#"{"active":false}"#.to_owned();
            matrix.cell(format!("{end} × {what}, introspected"), told, inactive);
        }
        until("every family has its own end", async || {
            living(&db, "demo-browser").await == 0
                && lines(&db, "SELECT id AS line FROM bulk_revocations".to_owned())
                    .await
                    .is_empty()
        })
        .await;
        for tokens in [&first, &last] {
            until("guards refuse", async || {
                call(&tokens.access, &whoami).await.status == 401
            })
            .await;
        }
        let each = match end {
            "sign-out" => Some("identity.revocation.session.v1"),
            "withdrawal" => Some("identity.revocation.family.v1"),
            // One entry ends them all.
            _ => None,
        };
        if let Some(kind) = each {
            let told = lines(
                &db,
                format!("SELECT envelope AS line FROM outbox WHERE type = '{kind}'"),
            )
            .await;
            let told: usize = told.iter().map(|event| event.matches("\"fam\":").count()).sum();
            matrix.cell(format!("{end} × told"), told, MANY + 2);
        }
    }
    matrix.end();
    server.stop().await;
}

/// As a process leaves it that was killed between two pages.
async fn what_a_crash_left_of_a_large_end_is_finished(server: TestServer) {
    let db = db(&server);
    let (app, browser) = (server.app("demo-browser", "openid catalog.read"), Browser::new());
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let another = app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    multiply(&db, &fam(&tokens), 700).await;
    let now = server.clock.now_ms();
    run(
        &db,
        format!(
            "INSERT INTO bulk_revocations (id, kind, subject, before, ended_at, cause, actor, request_id, until, pages) \
             SELECT 'left', 'session', session_id, {}, {now}, 'logout', user_id, '', {}, 1 FROM families \
             WHERE fam = '{}'",
            i64::MAX,
            now / 1_000 + 1_021,
            fam(&tokens)
        ),
    )
    .await;
    assert_eq!(
        app.refresh(tokens.refresh()).await.code(),
        "invalid_grant",
        "at once"
    );
    until("the rest is ended", async || {
        living(&db, "demo-browser").await == 1
            && lines(&db, "SELECT id AS line FROM bulk_revocations".to_owned())
                .await
                .is_empty()
    })
    .await;
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    until("guards refuse", async || {
        call(&tokens.access, &whoami).await.status == 401
    })
    .await;
    assert_eq!(call(&another.access, &whoami).await.status, 200);
    assert_eq!(app.refresh(another.refresh()).await.status, 200);
    server.stop().await;
}

/// The address of a link of this class in a section.
fn link(page: &Seen, class: &str, section: &str) -> Option<String> {
    let (before, after) = (format!("class=\"more {class}\" href=\""), format!("#{section}"));
    let links = page.answer.text.split(before.as_str()).skip(1);
    let mut links = links.filter_map(|rest| rest.split('"').next());
    let found = links.find(|href| href.ends_with(after.as_str()));
    found.map(str::to_owned)
}

/// The families that a page shows.
fn shown(page: &Seen) -> Vec<String> {
    let named = page.answer.text.split("data-family=\"").skip(1);
    named
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

async fn the_account_page_shows_a_page_of_each_list_and_leads_to_the_older(server: TestServer) {
    let db = db(&server);
    let (app, browser) = (server.app("demo-browser", "openid catalog.read"), Browser::new());
    let living = app.sign_in(&browser, server.person("alice"), &[]).await;
    multiply(&db, &fam(&living), 120).await;
    // The youngest have ended: they come after those that live.
    run(
        &db,
        format!(
            "UPDATE families SET revoked_at = created_at, cause = 'logout' WHERE created_at > {}",
            server.clock.now_ms() + 60
        ),
    )
    .await;
    let account = format!("{}/account", server.issuer());
    let mut page = browser.open(&account, "").await;
    assert_eq!(link(&page, "newest", "families"), None);
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let families = shown(&page);
        sizes.push(families.len());
        seen.extend(families);
        assert!(
            page.has("#sessions") && page.has("#history"),
            "{}",
            page.answer.text
        );
        let Some(older) = link(&page, "older", "families") else {
            break;
        };
        page = browser
            .open(page.url.join(&older).expect("an address").as_str(), "")
            .await;
        assert_eq!(page.answer.status, 200);
        assert_eq!(
            link(&page, "newest", "families").as_deref(),
            Some("/account#families")
        );
    }
    assert_eq!(sizes, [50, 50, 21]);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 121, "each once");
    assert_eq!(
        seen[60],
        fam(&living),
        "the oldest that lives is the last that does"
    );
    for bad in ["x", "W10", "WzEsIlx1MDAwMCJd", "WyJ4IiwxXQ"] {
        let refused = browser.open(&format!("{account}?history={bad}"), "").await;
        assert_eq!(
            (refused.answer.status, refused.error().as_str()),
            (400, "malformed"),
            "{bad}"
        );
    }
    // The command line has pages, too, and the same lines.
    let identity = server.running().identity.clone().expect("the issuer is here");
    let all = identity
        .users()
        .sign_ins("alice", None, None)
        .await
        .expect("a page");
    assert_eq!((all.families.len(), all.more_families), (121, None));
    server.stop().await;
}

async fn sessions_and_sign_ins_are_listed_by_pages_with_this_browser_first(server: TestServer) {
    let db = db(&server);
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    const COPIED: &str = "user_id, auth_time, amr, created_at, last_seen_at, idle_expires_at, expires_at";
    run(
        &db,
        format!(
            "INSERT INTO sessions (id, secret_hash, {COPIED}) WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL \
             SELECT n + 1 FROM counted WHERE n < 70) SELECT id || '-' || n, secret_hash || n, {COPIED} \
             FROM sessions, counted"
        ),
    )
    .await;
    run(
        &db,
        "INSERT INTO sign_ins (id, user_id, at, outcome) WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL \
         SELECT n + 1 FROM counted WHERE n < 70) SELECT id || '-' || n, user_id, at - n, 'refused' \
         FROM sign_ins, counted"
            .to_owned(),
    )
    .await;
    let page = browser.open(&format!("{}/account", server.issuer()), "").await;
    let ends = |page: &Seen| page.answer.text.matches("value=\"end-session\"").count();
    let tried = |page: &Seen| page.text("#history").matches("Refused").count();
    assert!(
        page.text("#sessions").contains("This browser"),
        "{}",
        page.answer.text
    );
    let sessions = link(&page, "older", "sessions").expect("more sessions");
    let history = link(&page, "older", "history").expect("more history");
    let more = browser
        .open(page.url.join(&sessions).expect("an address").as_str(), "")
        .await;
    assert!(
        !more.text("#sessions").contains("This browser"),
        "{}",
        more.answer.text
    );
    assert_eq!(ends(&page) + ends(&more), 70);
    let before = browser
        .open(page.url.join(&history).expect("an address").as_str(), "")
        .await;
    assert_eq!(tried(&page) + tried(&before), 70);
    server.stop().await;
}

async fn a_thousand_revoked_tokens_end_one_users_families_at_one_client(server: TestServer) {
    let db = db(&server);
    let (here, there) = (
        server.app("demo-browser", "openid catalog.read"),
        server.app("demo-web", "openid catalog.read"),
    );
    let (browser, alice) = (Browser::new(), server.person("alice"));
    let one = here.sign_in(&browser, alice, &[]).await;
    let two = here.sign_in(&browser, ("", ""), &[]).await;
    let living = here.sign_in(&browser, ("", ""), &[]).await;
    let elsewhere = there.sign_in(&browser, ("", ""), &[]).await;
    let ines = here.sign_in(&Browser::new(), server.person("ines"), &[]).await;
    let now_s = server.clock.now_ms() / 1_000;
    run(
        &db,
        format!(
            "INSERT INTO revocations (kind, subject, client_id, user_id, audience, until, cause, created_at) \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998) \
             SELECT 'token', 'j' || i, 'demo-browser', '{}', 'urn:latchkey:catalog', {}, 'test', 0 FROM n",
            claims(&one.access)["sub"].as_str().expect("a person"),
            now_s + 420
        ),
    )
    .await;
    assert_eq!(here.revoke(&one.access).await.status, 200);
    let living = Tokens::of(&here.refresh(living.refresh()).await);
    assert_eq!(here.revoke(&two.access).await.status, 200);

    let resource_server = server.machine("demo-resource-server");
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    for ended in [&one, &two, &living] {
        assert_eq!(here.refresh(ended.refresh()).await.code(), "invalid_grant");
        assert_eq!(
            resource_server.introspect(&ended.access).await.text,
            r#"{"active":false}"#
        );
        until("guards refuse", async || {
            call(&ended.access, &whoami).await.status == 401
        })
        .await;
    }
    for (what, app, stays) in [
        ("at another client", &there, &elsewhere),
        ("of ines", &here, &ines),
    ] {
        assert_eq!(
            resource_server.introspect(&stays.access).await.json()["active"],
            true,
            "{what}"
        );
        assert_eq!(call(&stays.access, &whoami).await.status, 200, "{what}");
        assert_eq!(app.refresh(stays.refresh()).await.status, 200, "{what}");
    }
    let of_client = "SELECT kind || ' ' || client_id AS line FROM revocations WHERE kind IN ('client', 'machine', 'subject')";
    assert_eq!(lines(&db, of_client.to_owned()).await, Vec::<String>::new());
    // What has ended with its family is nothing to tell guards of once more, however often it comes.
    let entries = "SELECT id AS line FROM outbox WHERE type = 'identity.revocation.token.v1'";
    let before = lines(&db, entries.to_owned()).await.len();
    assert_eq!(here.revoke(&living.access).await.status, 200);
    assert_eq!(lines(&db, entries.to_owned()).await.len(), before);
    // She signs in again, and what she has then is good.
    let again = here.sign_in(&browser, ("", ""), &[]).await;
    assert_eq!(here.refresh(again.refresh()).await.status, 200);
    server.stop().await;
}

on_both_engines! {
    the_next_family_waits_when_twenty_were_born_within_a_minute,
    of_thirty_redemptions_at_once_twenty_make_a_family,
    the_oldest_online_family_makes_room_for_the_hundred_and_first,
    an_offline_family_makes_room_only_where_no_online_one_is_left,
    a_large_end_takes_effect_at_once_and_is_finished_by_pages,
    what_a_crash_left_of_a_large_end_is_finished,
    the_account_page_shows_a_page_of_each_list_and_leads_to_the_older,
    sessions_and_sign_ins_are_listed_by_pages_with_this_browser_first,
    a_thousand_revoked_tokens_end_one_users_families_at_one_client,
}
