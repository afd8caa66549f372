//! Sign-in: the ways that lead back to the client, and those that lead nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::get;
use http::StatusCode;

use crate::harness::{App, Browser, IssuerServer, Seen, Tokens};

const FULL: &str = "openid profile email offline_access catalog.read";

/// The page after a wrong password has no address of its own: what leads back from it must name the request.
#[tokio::test]
async fn a_theme_chosen_after_a_wrong_password_keeps_the_sign_in() {
    let server = IssuerServer::new().await;
    let (app, browser) = (server.app("demo-web", FULL), Browser::new());
    let page = app.begin(&browser, &[]).await;
    let fields = [("username", "alice"), ("password", "wrong")];
    let refused = browser.press(&page, "#sign-in", &fields).await;
    assert_eq!(refused.answer.status, 422, "{refused:?}");
    let chosen = browser.press(&refused, "button[value='dark']", &[]).await;
    let again = browser.follow(chosen, &app.redirect_uri).await;
    let (name, password) = server.person("alice");
    let entered = browser
        .press(&again, "#sign-in", &[("username", name), ("password", password)])
        .await;
    assert_eq!(entered.answer.status, 303, "{entered:?}");
    server.stop().await;
}

/// What the tests sign in with is no less patient than the page asks for.
#[tokio::test]
async fn a_sign_in_that_too_many_are_in_the_way_of_is_tried_again() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    let page =
        || Html("<form method=\"post\" action=\"/authorize\"><button id=\"sign-in\">Sign in</button></form>");
    let sign_in = async move || match counted.fetch_add(1, Ordering::SeqCst) {
        0..3 => (StatusCode::SERVICE_UNAVAILABLE, page()).into_response(),
        _ => Redirect::to("https://app.example/cb?code=c-1").into_response(),
    };
    let router = Router::new().route("/authorize", get(async move || page()).post(sign_in));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = App {
        issuer: format!("http://{}", listener.local_addr().unwrap()),
        client_id: "app".to_owned(),
        secret: None,
        redirect_uri: "https://app.example/cb".to_owned(),
        scope: "openid".to_owned(),
    };
    tokio::spawn(async move { axum::serve(listener, router).await });
    let callback = app.walk(&Browser::new(), ("ines", "a password"), &[]).await;
    assert_eq!(callback.code.as_deref(), Some("c-1"));
    assert_eq!(tries.load(Ordering::SeqCst), 4);
}

async fn offline_access_outlives_a_sign_out_and_ends_with_the_consent(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", FULL), Browser::new());
    let tokens = app
        .sign_in(&browser, server.person("alice"), &[("prompt", "consent")])
        .await;
    assert!(tokens.scope.contains("catalog.read"), "{tokens:?}");
    server.sign_out(&browser).await;
    let kept = app.refresh(tokens.refresh()).await;
    assert_eq!(kept.status, 200, "{kept:?}");

    let account = browser.open(&format!("{}/account", server.issuer()), "").await;
    let (name, password) = server.person("alice");
    let next = browser
        .press(
            &account,
            "#sign-in",
            &[("username", name), ("password", password)],
        )
        .await;
    let account = browser.follow(next, "").await;
    assert!(account.has("#checkup"), "{}", account.answer.text);
    let applications = format!("{}/account/applications", server.issuer());
    let account = browser.open(&applications, "").await;
    assert!(
        account.has("#applications [data-client='demo-web']"),
        "{}",
        account.answer.text
    );
    let done = browser.press(&account, "[data-client='demo-web']", &[]).await;
    let account = browser.follow(done, "").await;
    assert!(
        !account.has("#applications [data-client='demo-web']"),
        "{}",
        account.answer.text
    );
    let account = browser
        .open(&format!("{}/account/why", server.issuer()), "")
        .await;
    assert!(
        account
            .text("#families")
            .contains("You revoked the application’s access."),
        "{}",
        account.text("#families")
    );
    assert_eq!(
        app.refresh(Tokens::of(&kept).refresh()).await.code(),
        "invalid_grant"
    );
    server.stop().await;
}

async fn wrong_passwords_are_told_alike_and_cancel_and_deny_lead_back(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = app.begin(&browser, &[]).await;
    for (name, password) in [
        ("alice", "wrong"),
        ("nobody", "wrong"),
        ("ALICE@example.test", "wrong"),
    ] {
        let seen = browser
            .press(&page, "#sign-in", &[("username", name), ("password", password)])
            .await;
        assert_eq!(
            (seen.answer.status, seen.error().as_str()),
            (422, "wrong_credentials"),
            "{name}"
        );
    }
    let cancelled = browser.press(&page, "#cancel", &[]).await;
    let back = browser.follow(cancelled, &app.redirect_uri).await;
    let back = crate::harness::callback(&back.location().unwrap());
    assert_eq!(
        (back.error.as_deref(), back.state.as_deref()),
        (Some("access_denied"), Some("s-1"))
    );
    // A second press gets the same answer.
    let stale = browser.press(&page, "#cancel", &[]).await;
    let again = browser.follow(stale, &app.redirect_uri).await;
    let again = crate::harness::callback(&again.location().unwrap());
    assert_eq!(again.error.as_deref(), Some("access_denied"));

    let page = app.begin(&browser, &[]).await;
    let (name, password) = server.person("alice");
    let next = browser
        .press(&page, "#sign-in", &[("username", name), ("password", password)])
        .await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    let denied = browser.press(&consent, "#deny", &[]).await;
    let back = browser.follow(denied, &app.redirect_uri).await;
    let back = crate::harness::callback(&back.location().unwrap());
    assert_eq!(back.error.as_deref(), Some("access_denied"));
    server.stop().await;
}

async fn form_post_and_a_cross_site_post_arrive_too(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let request = url::Url::parse(&app.request(&[("response_mode", "form_post")])).unwrap();
    let pairs: Vec<(String, String)> = request.query_pairs().into_owned().collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let endpoint = format!("{}/authorize", server.issuer());
    let kept = browser.post(&endpoint, "https://client.test", &pairs).await;
    assert_eq!(kept.answer.status, 303, "{kept:?}");
    let page = browser.follow(kept, &app.redirect_uri).await;
    let (name, password) = server.person("alice");
    let next = browser
        .press(&page, "#sign-in", &[("username", name), ("password", password)])
        .await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    let next = browser.press(&consent, "#allow", &[]).await;
    let last = browser.follow(next, &app.redirect_uri).await;
    let form = last.form("#continue");
    assert_eq!(form.action, app.redirect_uri);
    let value = |name: &str| {
        form.pairs
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    assert_eq!(value("state").as_deref(), Some("s-1"));
    assert_eq!(value("iss").as_deref(), Some(server.issuer()));
    let csp = last.answer.header("content-security-policy").to_owned();
    assert!(csp.ends_with("form-action 'self' http://localhost:3000"), "{csp}");
    assert_eq!(app.redeem(&value("code").unwrap()).await.status, 200);
    server.stop().await;
}

/// More people at once than can be hashed: some are looked at, the others are told when to come again.
#[tokio::test]
async fn a_sign_in_that_is_turned_away_comes_back_to_its_form_by_itself() {
    let server = IssuerServer::new().await;
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

crate::harness::on_both_engines! {
    offline_access_outlives_a_sign_out_and_ends_with_the_consent,
    wrong_passwords_are_told_alike_and_cancel_and_deny_lead_back,
    form_post_and_a_cross_site_post_arrive_too,
}
