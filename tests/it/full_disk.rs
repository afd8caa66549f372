//! A disk that is full for a while. `PRAGMA max_page_count` stands in for it: SQLite answers both with SQLITE_FULL.

use latchkey_db::{Db, DbError, sql};

use crate::harness::{Browser, TestServer, Tokens, call, until};

/// Lets the file grow to so many pages, never below its size. The writer is the only connection that asks.
async fn limit(db: &Db, pages: &'static str) {
    let limited = db.write(async move |tx| sql(pages).fetch_all(&tx).await);
    let limited: Result<_, DbError> = limited.await;
    limited.expect("the limit is set");
}

#[tokio::test]
async fn an_issuer_with_a_full_disk_answers_503_and_recovers_by_itself() {
    let server = TestServer::new().await;
    let identity = server.running().identity.clone().expect("the issuer is here");
    let db = identity.store().db().clone();
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (machine, resource_server) = (
        server.machine("demo-machine"),
        server.machine("demo-resource-server"),
    );
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    let mut held = app.sign_in(&Browser::new(), alice, &[]).await;

    limit(&db, "PRAGMA max_page_count = 1").await;
    // The pages of the file have some room left, and each request needs other ones: from the first 503 on, what it
    // would write has no room.
    let (browser, fields) = (Browser::new(), [("username", alice.0), ("password", alice.1)]);
    let page = app.begin(&browser, &[]).await;
    let mut token = machine.token().await;
    while machine.revoke(&token).await.status != 503 {
        token = machine.token().await;
    }
    let mut page = page;
    while browser.press(&page, "#sign-in", &fields).await.answer.status != 503 {
        page = app.begin(&browser, &[("prompt", "login")]).await;
    }
    for _ in 0..3 {
        assert_eq!(machine.revoke(&token).await.status, 503);
        // A rotation writes over a row: it may find room, and what it answers is true either way.
        let refreshed = app.refresh(held.refresh()).await;
        match refreshed.status {
            503 => {}
            _ => held = Tokens::of(&refreshed),
        }
        assert_eq!(browser.press(&page, "#sign-in", &fields).await.answer.status, 503);
    }
    // What writes nothing goes on, and nothing was written by halves.
    assert_eq!(machine.ask(&[]).await.status, 200);
    let seen = resource_server.introspect(&token).await;
    assert_eq!(seen.json()["active"], true, "{seen:?}");
    assert_eq!(call(&token, &whoami).await.status, 200);

    limit(&db, "PRAGMA max_page_count = 1073741823").await;
    assert_eq!(machine.revoke(&token).await.status, 200);
    until("the guard hears of it", async || {
        call(&token, &whoami).await.status == 401
    })
    .await;
    let next = app.refresh(held.refresh()).await;
    assert_eq!(next.status, 200, "it was not spent: {next:?}");
    let entered = browser.press(&page, "#sign-in", &fields).await;
    assert_eq!(entered.answer.status, 303, "{entered:?}");
    server.stop().await;
}
