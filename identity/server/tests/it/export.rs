//! The export of everything that is kept about a person, and the list that says what that is.

use std::collections::BTreeSet;

use latchkey_db::Engine;
use latchkey_identity_store::{Erased, Exported, PERSONAL};
use serde_json::Value;

use crate::deletion::signed_in;
use crate::harness::{Browser, IssuerServer, Seen, lines, lines_of, on_both_engines, run, until};
use crate::recovery::{ALICE, is, records};

const DAY_MS: i64 = 24 * 3_600_000;

async fn page(server: &IssuerServer, browser: &Browser) -> Seen {
    let address = format!("{}/account/export", server.issuer());
    browser.open(&address, "").await
}

async fn make(server: &IssuerServer, browser: &Browser) {
    let shown = page(server, browser).await;
    let asked = browser.press(&shown, "#make-export", &[]).await;
    assert_eq!(asked.answer.header("location"), "/account/export", "{asked:?}");
    until("the export is ready", async || {
        page(server, browser).await.has("[data-state='ready']")
    })
    .await;
}

/// The address of an export that is ready in this browser.
async fn address(server: &IssuerServer, browser: &Browser) -> String {
    let path = page(server, browser).await.answer.attributes("#download", "href");
    format!("{}{}", server.issuer(), path[0])
}

async fn an_export_has_everything_but_secrets_and_is_sealed(server: IssuerServer) {
    let second =
        "UPDATE users SET notice_email = 'second@example.test', notice_email_at = 1 WHERE username = 'alice'";
    run(server.db(), second.to_owned()).await;
    let browser = signed_in(&server).await;
    make(&server, &browser).await;
    let address = address(&server, &browser).await;
    let fetched = browser.get(&address).await.answer;
    assert_eq!(fetched.status, 200, "{fetched:?}");
    assert_eq!(fetched.header("content-type"), "application/json");
    assert_eq!(
        fetched.header("content-disposition"),
        "attachment; filename=\"latchkey-2026-11-20.json\""
    );
    assert_eq!(fetched.header("cache-control"), "no-store");
    let export: Value = serde_json::from_str(&fetched.text).expect("one document");
    let user = server.user_id("alice").await;
    assert_eq!(export["format"], "latchkey-export/1");
    assert_eq!(export["user_id"], user);
    let tables = export["tables"].as_object().expect("tables");
    assert_eq!(tables["users"][0]["username"], "alice");
    assert_eq!(tables["users"][0]["email"], ALICE);
    assert_eq!(tables["users"][0]["notice_email"], "second@example.test");
    for table in ["sessions", "session_proofs", "families", "sign_ins", "grants"] {
        assert!(!tables[table].as_array().unwrap().is_empty(), "{table}: {export}");
    }
    let listed: BTreeSet<&str> = PERSONAL
        .iter()
        .filter(|line| !matches!(line.exported, Exported::Nothing(_)))
        .map(|line| line.table)
        .collect();
    assert_eq!(tables.keys().map(String::as_str).collect::<BTreeSet<_>>(), listed);
    for secret in [
        "SELECT password_hash AS line FROM users WHERE password_hash IS NOT NULL",
        "SELECT secret_hash AS line FROM sessions",
        "SELECT handle AS line FROM families",
        "SELECT salt AS line FROM families",
        "SELECT wrapped_key AS line FROM person_keys",
    ] {
        for secret in lines(server.db(), secret).await {
            assert!(!fetched.text.contains(&secret), "{secret}");
        }
    }
    let parts = lines(server.db(), "SELECT sealed AS line FROM export_parts").await;
    assert!(!parts.is_empty() && parts.iter().all(|part| !part.contains("alice")));
    assert_eq!(
        records(&server, "export.").await,
        ["export.fetched", "export.made"]
    );
    let told = server.mails_to(ALICE).await;
    let told: Vec<_> = told
        .iter()
        .filter(|mail| mail.purpose == "export_ready")
        .collect();
    assert_eq!(told.len(), 1);
    // No link to the data: the one that each notice has, to the account.
    assert_eq!(told[0].link(), format!("{}/account", server.issuer()));
    assert!(!told[0].text.contains("/account/export"), "{told:?}");
    server.stop().await;
}

async fn an_export_is_of_its_session_and_its_person_alone(server: IssuerServer) {
    let browser = signed_in(&server).await;
    make(&server, &browser).await;
    let address = address(&server, &browser).await;
    let elsewhere = signed_in(&server).await;
    assert!(page(&server, &elsewhere).await.has("[data-state='elsewhere']"));
    let ines = Browser::new();
    let app = server.app("demo-web", "openid");
    app.sign_in(&ines, server.person("ines"), &[]).await;
    for other in [&elsewhere, &ines] {
        let refused = other.get(&address).await;
        assert_eq!(refused.answer.status, 404, "{refused:?}");
    }
    let nobody = Browser::new().get(&address).await;
    assert_eq!(nobody.answer.status, 303, "{nobody:?}");
    for changed in ["?export=", "", "?export=none&export=none"] {
        let address = format!("{}/account/export/data{changed}", server.issuer());
        assert_eq!(browser.get(&address).await.answer.status, 404, "{changed}");
    }
    assert_eq!(records(&server, "export.").await, ["export.made"]);
    assert_eq!(browser.get(&address).await.answer.status, 200);
    server.stop().await;
}

async fn there_is_one_export_a_day_and_none_after_a_week(server: IssuerServer) {
    let browser = signed_in(&server).await;
    make(&server, &browser).await;
    let shown = page(&server, &browser).await;
    let refused = browser.press(&shown, "#make-export", &[]).await;
    assert!(is(&refused, 429, "export_limit"), "{refused:?}");
    // A sign-in that is no longer fresh asks for nothing.
    server.clock.advance(45 * 60_000);
    let stale = browser.press(&shown, "#make-export", &[]).await;
    assert!(
        stale.answer.header("location").starts_with("/confirm?request="),
        "{stale:?}"
    );
    server.clock.advance(7 * DAY_MS);
    until("it is forgotten", async || {
        lines(server.db(), "SELECT id AS line FROM exports")
            .await
            .is_empty()
            && lines(server.db(), "SELECT sealed AS line FROM export_parts")
                .await
                .is_empty()
    })
    .await;
    server.stop().await;
}

/// More rows than a page has, and the last page is full.
async fn an_export_of_many_rows_is_whole(server: IssuerServer) {
    let alice = server.user_id("alice").await;
    let at = server.clock.now_ms() - DAY_MS;
    let many = format!(
        "INSERT INTO sign_ins (id, user_id, at, outcome) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2999) \
         SELECT 'many-' || i, '{alice}', {at}, 'signed_in' FROM n"
    );
    run(server.db(), many).await;
    let browser = signed_in(&server).await;
    make(&server, &browser).await;
    let fetched = browser.get(&address(&server, &browser).await).await;
    let export: Value = serde_json::from_str(&fetched.answer.text).expect("one document");
    let rows = export["tables"]["sign_ins"].as_array().unwrap();
    let ids: BTreeSet<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!((ids.len(), rows.len()), (3_000, 3_000));
    server.stop().await;
}

/// More of them than are made in one round; whose they are is gone.
async fn an_export_that_fails_keeps_no_other_from_being_made(server: IssuerServer) {
    let (before, after) = (server.clock.now_ms() - DAY_MS, server.clock.now_ms() + DAY_MS);
    let failing = format!(
        "INSERT INTO exports (id, user_id, session_id, state, locale, requested_at, expires_at) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12) \
         SELECT '0000' || i, 'nobody', 'gone', 'waiting', 'en', CAST({before} AS BIGINT), CAST({after} AS BIGINT) FROM n"
    );
    run(server.db(), failing).await;
    let browser = signed_in(&server).await;
    make(&server, &browser).await;
    let left = "SELECT id AS line FROM exports WHERE state = 'waiting'";
    assert_eq!(lines(server.db(), left).await.len(), 12);
    server.stop().await;
}

/// Columns that say of whom a row is.
const OF_WHOM: &str = "'user_id', 'person', 'subject', 'email', 'email_canonical', 'inviter', 'session_id', \
                       'export_id', 'identity_id'";

/// Whoever adds a table that names a person adds a line to the list, which says what becomes of it.
async fn every_table_that_names_a_person_is_in_the_list(server: IssuerServer) {
    let text = match server.db().engine() {
        Engine::Sqlite => format!(
            "SELECT DISTINCT m.name AS line FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND c.name IN ({OF_WHOM}) ORDER BY 1"
        ),
        Engine::Postgres => format!(
            "SELECT DISTINCT CAST(table_name AS TEXT) AS line FROM information_schema.columns \
             WHERE table_schema = current_schema() AND column_name IN ({OF_WHOM}) ORDER BY 1"
        ),
    };
    let found: BTreeSet<String> = lines_of(server.db(), text).await.into_iter().collect();
    // Events of the outbox carry ids alone, and go once they are published.
    let not_of_people = ["outbox", "inbox"];
    let listed: BTreeSet<String> = PERSONAL.iter().map(|line| line.table.to_owned()).collect();
    let missing: Vec<_> = found
        .iter()
        .filter(|table| !listed.contains(*table) && !not_of_people.contains(&table.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "{missing:?} name people: say in identity/store/src/erasure.rs what an export shows of them, and when they go"
    );
    let unknown: Vec<_> = listed.difference(&found).collect();
    let by_key = ["users"];
    assert!(
        unknown.iter().all(|table| by_key.contains(&table.as_str())),
        "{unknown:?} are listed and name nobody"
    );
    for line in PERSONAL {
        if let Exported::Nothing(why) = line.exported {
            assert!(why.contains(' '), "{line:?}");
        }
        if let Erased::Stays(why) = line.erased {
            assert!(why.contains(' '), "{line:?}");
        }
    }
    server.stop().await;
}

on_both_engines! {
    an_export_has_everything_but_secrets_and_is_sealed,
    an_export_is_of_its_session_and_its_person_alone,
    there_is_one_export_a_day_and_none_after_a_week,
    an_export_of_many_rows_is_whole,
    an_export_that_fails_keeps_no_other_from_being_made,
    every_table_that_names_a_person_is_in_the_list,
}
