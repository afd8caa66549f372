//! A person signs in: the request, the pages, the code, the tokens, and everything that ends.

use crate::harness::{Browser, TestServer, Tokens, call, claims, until};

async fn tokens_of_a_sign_in_refresh_until_the_user_signs_out(server: TestServer) {
    let (app, browser) = (
        server.app("demo-web", "openid profile email catalog.read"),
        Browser::new(),
    );
    let page = app.begin(&browser, &[]).await;
    assert_eq!(page.answer.status, 200, "{page:?}");
    assert!(
        page.text(".sheet-lede").contains("A web application"),
        "{}",
        page.answer.text
    );
    let (name, password) = server.person("alice");
    let next = browser
        .press(&page, "#sign-in", &[("username", name), ("password", password)])
        .await;
    assert_eq!(next.answer.status, 303);
    let consent = browser.follow(next, &app.redirect_uri).await;
    for scope in ["openid", "profile", "email", "catalog.read"] {
        assert!(
            consent.has(&format!("[data-scope='{scope}']")),
            "{scope}: {}",
            consent.answer.text
        );
    }
    let next = browser.press(&consent, "#allow", &[]).await;
    let back = browser.follow(next, &app.redirect_uri).await;
    let back = crate::harness::callback(&back.location().unwrap());
    assert_eq!(back.state.as_deref(), Some("s-1"));
    assert_eq!(back.iss.as_deref(), Some(server.issuer()));
    let answer = app.redeem(back.code.as_deref().unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = Tokens::of(&answer);
    let id = claims(tokens.id.as_deref().unwrap());
    assert_eq!(
        (id["aud"].as_str(), id["nonce"].as_str()),
        (Some("demo-web"), Some("n-1"))
    );
    assert_eq!(id["iss"], server.issuer());
    assert!(
        id["sid"].is_string() && id["at_hash"].is_string() && id["auth_time"].is_i64(),
        "{id}"
    );

    let whoami = format!("{}/catalog/v1/whoami", server.api());
    assert_eq!(call(&tokens.access, &whoami).await.json()["sub"], id["sub"]);
    // That token is for the catalog; userinfo wants one for the issuer.
    assert_eq!(app.userinfo(&tokens.access).await.status, 401);
    let for_issuer = app
        .refresh_with(tokens.refresh(), &[("resource", server.issuer())])
        .await;
    let for_issuer = Tokens::of(&for_issuer);
    let info = app.userinfo(&for_issuer.access).await.json();
    assert_eq!(info["sub"], id["sub"]);
    assert_eq!(info["email"], "alice@example.test");
    assert_eq!(info["name"], "Alice Martin");

    // Signed in already and allowed already: nothing is asked.
    let again = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert!(again.code.is_some(), "{again:?}");

    let logout = format!(
        "{}/logout?id_token_hint={}&post_logout_redirect_uri=http://localhost:3000/&state=bye",
        server.issuer(),
        tokens.id.as_deref().unwrap()
    );
    let out = browser.get(&logout).await;
    assert_eq!(
        out.location().unwrap().as_str(),
        "http://localhost:3000/?state=bye"
    );
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    until("the guard refuses the access token", async || {
        call(&tokens.access, &whoami).await.status == 401
    })
    .await;
    let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(silent.error.as_deref(), Some("login_required"));
    server.stop().await;
}

async fn a_public_client_rotates_and_a_replay_ends_its_family_alone(server: TestServer) {
    let (app, browser) = (server.app("demo-browser", "openid catalog.read"), Browser::new());
    let first = app.sign_in(&browser, server.person("alice"), &[]).await;
    let other = app.sign_in(&browser, server.person("alice"), &[]).await;
    let second = Tokens::of(&app.refresh(first.refresh()).await);
    assert_ne!(first.refresh, second.refresh);
    // The answer was lost: the same successor again.
    let again = Tokens::of(&app.refresh(first.refresh()).await);
    assert_eq!(again.refresh, second.refresh);
    let third = Tokens::of(&app.refresh(second.refresh()).await);
    server.clock.advance(31_000);
    assert_eq!(app.refresh(second.refresh()).await.code(), "invalid_grant");
    assert_eq!(app.refresh(third.refresh()).await.code(), "invalid_grant");
    assert_eq!(app.refresh(other.refresh()).await.status, 200);
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    until("the guard refuses", async || {
        call(&third.access, &whoami).await.status == 401
    })
    .await;
    server.stop().await;
}

crate::harness::on_both_engines! {
    tokens_of_a_sign_in_refresh_until_the_user_signs_out,
    a_public_client_rotates_and_a_replay_ends_its_family_alone,
}
