//! The account's pages: what they list, a page at a time, and what may be ended there.

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

/// Every page of a list, from its first.
async fn pages(browser: &Browser, first: &str, section: &str) -> Vec<Seen> {
    let mut all = vec![browser.open(first, "").await];
    while let Some(older) = link(&all[all.len() - 1], "older", section) {
        let at = all[all.len() - 1].url.join(&older).expect("an address");
        let page = browser.open(at.as_str(), "").await;
        assert_eq!(page.answer.status, 200, "{page:?}");
        let newest = link(&page, "newest", section);
        assert_eq!(newest, Some(format!("{}#{section}", page.url.path())));
        all.push(page);
    }
    assert_eq!(link(&all[0], "newest", section), None);
    all
}

async fn the_pages_of_why_tell_of_each_family_once_the_ended_first(server: IssuerServer) {
    let db = server.db().clone();
    let (app, browser) = (server.app("demo-browser", "openid catalog.read"), Browser::new());
    let living = app.sign_in(&browser, server.person("alice"), &[]).await;
    multiply(&db, &fam(&living), 120).await;
    run(
        &db,
        format!(
            "UPDATE families SET revoked_at = created_at, cause = 'logout' WHERE created_at > {}",
            server.clock.now_ms() + 60
        ),
    )
    .await;
    let why = format!("{}/account/why", server.issuer());
    let pages = pages(&browser, &why, "families").await;
    let shown = |page: &Seen| page.answer.attributes("[data-family]", "data-family");
    let seen: Vec<Vec<String>> = pages.iter().map(shown).collect();
    let sizes: Vec<usize> = seen.iter().map(Vec::len).collect();
    assert_eq!(sizes, [50, 50, 21]);
    let seen = seen.concat();
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 121, "each once");
    assert_eq!(seen[120], fam(&living), "the oldest that lives is the last");
    assert!(pages[0].text("#families li").contains("You signed out."));
    for bad in ["x", "W10", "WzEsIlx1MDAwMCJd", "WyJ4IiwxXQ"] {
        for parameter in ["families", "sessions"] {
            let refused = browser.open(&format!("{why}?{parameter}={bad}"), "").await;
            assert_eq!(
                (refused.answer.status, refused.error().as_str()),
                (400, "malformed"),
                "{parameter}={bad}"
            );
        }
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

async fn a_thousand_sessions_are_listed_by_pages_with_this_browser_first(server: IssuerServer) {
    let db = server.db().clone();
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    const COPIED: &str = "user_id, auth_time, amr, created_at, last_seen_at, idle_expires_at, expires_at";
    run(
        &db,
        format!(
            "INSERT INTO sessions (id, secret_hash, {COPIED}) WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL \
             SELECT n + 1 FROM counted WHERE n < 1000) SELECT id || '-' || n, secret_hash || n, {COPIED} \
             FROM sessions, counted"
        ),
    )
    .await;
    let sessions = format!("{}/account/sessions", server.issuer());
    let seen = pages(&browser, &sessions, "sessions").await;
    assert!(
        seen[0].text("#sessions li").contains("This browser"),
        "{:?}",
        seen[0]
    );
    assert!(
        seen[0].text("[data-proved]").contains("password"),
        "{:?}",
        seen[0]
    );
    assert!(!seen[1].text("#sessions").contains("This browser"));
    let ends: Vec<String> = seen
        .iter()
        .flat_map(|page| page.answer.attributes("#sessions li button", "id"))
        .collect();
    assert_eq!(ends.iter().collect::<BTreeSet<_>>().len(), 1_000);
    assert!(ends.iter().all(|id| id.starts_with("end-")));
    // The check-up counts no further than a page.
    let account = browser.open(&format!("{}/account", server.issuer()), "").await;
    assert!(account.has("[data-check='sessions'][data-state='advised']"));
    assert!(account.text("[data-check='sessions']").contains("More than 50"));
    // All of them at once, and not this one: 99 of them, since each is told to every guard.
    run(
        &db,
        "DELETE FROM sessions WHERE length(secret_hash) > (SELECT MIN(length(secret_hash)) + 2 FROM sessions)"
            .to_owned(),
    )
    .await;
    let done = browser.press(&seen[0], "#end-others", &[]).await;
    let after = browser.follow(done, "").await;
    assert!(
        after.has("[role='status']") && !after.has("#end-others"),
        "{after:?}"
    );
    let why = format!("{}/account/why", server.issuer());
    let ended = pages(&browser, &why, "ended").await;
    let told: usize = ended
        .iter()
        .map(|page| page.answer.attributes("[data-ended]", "data-ended").len())
        .sum();
    assert_eq!((ended.len(), told), (2, 99));
    server.stop().await;
}

async fn failures_of_an_hour_are_one_line_and_a_thousand_make_three_pages(server: IssuerServer) {
    let db = server.db().clone();
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    run(
        &db,
        "INSERT INTO sign_ins (id, user_id, at, outcome) WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL \
         SELECT n + 1 FROM counted WHERE n < 1000) SELECT id || '-' || n, user_id, at - 3600001 - n, 'refused' \
         FROM sign_ins, counted"
            .to_owned(),
    )
    .await;
    // One that is too old to be shown.
    run(
        &db,
        "INSERT INTO sign_ins (id, user_id, at, outcome) SELECT id || '-old', user_id, at - 7776000001, 'wrong_code' \
         FROM sign_ins WHERE outcome = 'signed_in'"
            .to_owned(),
    )
    .await;
    let history = format!("{}/account/history", server.issuer());
    let seen = pages(&browser, &history, "history").await;
    assert_eq!(seen.len(), 3);
    assert!(seen[0].text("#history").contains("Signed in"), "{:?}", seen[0]);
    let mut refused = 0;
    for page in &seen {
        let lines = page.answer.attributes("#history li", "data-times");
        let titles = page.answer.texts("#history .line-title");
        assert_eq!(lines.len(), titles.len());
        let of = lines.iter().zip(&titles);
        let of = of.filter(|(_, title)| title.starts_with("Refused"));
        refused += of.map(|(times, _)| times.parse::<i64>().unwrap()).sum::<i64>();
        assert!(lines.len() <= 50);
        assert!(!page.text("#history").contains("Wrong code"), "{page:?}");
    }
    assert_eq!(refused, 1_000);
    let bad = browser.open(&format!("{history}?after=W10"), "").await;
    assert_eq!((bad.answer.status, bad.error().as_str()), (400, "malformed"));
    server.stop().await;
}

async fn a_thousand_applications_are_listed_by_pages(server: IssuerServer) {
    let db = server.db().clone();
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    run(
        &db,
        "INSERT INTO grants (id, user_id, client_id, scope, resources, pairs, created_at, updated_at) \
         WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 999) \
         SELECT id || '-' || n, user_id, client_id || '-' || n, scope, resources, pairs, created_at, updated_at \
         FROM grants, counted"
            .to_owned(),
    )
    .await;
    let applications = format!("{}/account/applications", server.issuer());
    let seen = pages(&browser, &applications, "applications").await;
    let clients: Vec<String> = seen
        .iter()
        .flat_map(|page| page.answer.attributes("[data-client]", "data-client"))
        .collect();
    assert_eq!(clients.len(), 1_000);
    assert_eq!(clients.iter().collect::<BTreeSet<_>>().len(), 1_000);
    assert!(seen.iter().any(|page| page.has("#revoke-demo-web")));
    server.stop().await;
}

/// LO-06: the account's pages end what they say, and nothing beside it.
#[tokio::test]
async fn ending_a_session_or_connection_on_its_page_ends_no_other() {
    let server = IssuerServer::new().await;
    let app = server.app("demo-browser", "openid");
    let (here, there) = (Browser::new(), Browser::new());
    let mine = app.sign_in(&here, server.person("alice"), &[]).await;
    let theirs = app.sign_in(&there, server.person("alice"), &[]).await;
    let other = app.sign_in(&here, ("", ""), &[]).await;
    let at = |page: &str| format!("{}/account/{page}", server.issuer());
    let alive = async |tokens: &Tokens| app.refresh(tokens.refresh()).await.status == 200;

    // What was allowed and what takes it back stand in one card; sign-ins are lines.
    let page = here.open(&at("applications"), "").await;
    assert!(page.has("#applications .grants > li > .scopes + form [data-client='demo-browser']"));
    let page = here.open(&at("why"), "").await;
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
    let page = here.open(&at("why"), "").await;
    assert!(
        !page.has(&format!("[data-family='{fam}'] button"))
            && page.has(&format!("[data-family='{fam}'] .cause"))
    );

    let page = here.open(&at("sessions"), "").await;
    let done = here.press(&page, "#sessions button", &[]).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    assert!(!alive(&theirs).await && alive(&mine).await);
    // Pressed twice, it stays so.
    let again = here.press(&page, "#sessions button", &[]).await;
    assert_eq!(again.answer.status, 303, "{again:?}");
    let silent = app.walk(&there, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(silent.error.as_deref(), Some("login_required"));
    let silent = app.walk(&here, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(
        silent.error.as_deref(),
        Some("consent_required"),
        "signed in; nothing proves who this client is"
    );
    assert!(!here.open(&at("sessions"), "").await.has("#sessions button"));
    server.stop().await;
}

on_both_engines! {
    the_pages_of_why_tell_of_each_family_once_the_ended_first,
    a_thousand_sessions_are_listed_by_pages_with_this_browser_first,
    failures_of_an_hour_are_one_line_and_a_thousand_make_three_pages,
    a_thousand_applications_are_listed_by_pages,
}
