//! The account page: its lists, and what may be ended there.

use std::collections::BTreeSet;

use latchkey_testkit::families::{fam, multiply};

use crate::harness::{Browser, IssuerServer, Seen, Tokens, claims, on_both_engines, run};

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

async fn the_account_page_shows_a_page_of_each_list_and_leads_to_the_older(server: IssuerServer) {
    let db = server.db().clone();
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
    let identity = server.identity().clone();
    let all = identity
        .users()
        .sign_ins("alice", None, None)
        .await
        .expect("a page");
    assert_eq!((all.families.len(), all.more_families), (121, None));
    server.stop().await;
}

async fn sessions_and_sign_ins_are_listed_by_pages_with_this_browser_first(server: IssuerServer) {
    let db = server.db().clone();
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

/// LO-06: the account page ends what it says, and nothing beside it.
#[tokio::test]
async fn ending_a_session_or_connection_on_the_account_page_ends_no_other() {
    let server = IssuerServer::new().await;
    let app = server.app("demo-browser", "openid");
    let (here, there) = (Browser::new(), Browser::new());
    let mine = app.sign_in(&here, server.person("alice"), &[]).await;
    let theirs = app.sign_in(&there, server.person("alice"), &[]).await;
    let other = app.sign_in(&here, ("", ""), &[]).await;
    let account = format!("{}/account", server.issuer());
    let alive = async |tokens: &Tokens| app.refresh(tokens.refresh()).await.status == 200;

    let page = here.open(&account, "").await;
    // What was allowed and what takes it back stand in one card; sign-ins are lines.
    assert!(page.has("#applications .grants > li > .scopes + form [data-client='demo-browser']"));
    assert!(page.has("#families .lines > li") && !page.has("#families .grants"));
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

on_both_engines! {
    the_account_page_shows_a_page_of_each_list_and_leads_to_the_older,
    sessions_and_sign_ins_are_listed_by_pages_with_this_browser_first,
}
