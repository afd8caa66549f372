//! The account's own pages in a real browser: providers, applications, data, and the end; by keyboard and without script.

use serde_json::Value;

use crate::chromium_people::{
    NEW_PASSWORD, app_code, code_in, mail_to, open_account, pictures_in_every_language, sign_out,
    type_password,
};
use crate::harness::{Browser, Chromium, ENTER, TAB, TestServer, call, until};
use crate::upstream_latchkey::two;

/// Presses a button that leads to the other installation, proves there that one is alice, as far as it asks, and comes back.
async fn through_sister(browser: &Chromium, button: &str, (there, here): (&TestServer, &TestServer)) {
    let from = browser.url().await;
    browser.click(button).await;
    until("the browser is back", async || {
        let url = browser.url().await;
        if url.starts_with(there.issuer()) {
            if browser.has("button#sign-in").await {
                type_password(browser, there.person("alice")).await;
            } else if browser.has("#allow").await {
                browser.click("#allow").await;
            }
        }
        // A press takes a moment to lead away.
        url.starts_with(here.issuer()) && url != from
    })
    .await;
}

#[tokio::test]
async fn somebody_comes_from_another_installation_and_is_known_the_next_time() {
    let (there, here) = two().await;
    let account = format!("{}/account", here.issuer());
    let browser = Chromium::start().await;
    browser.open(&account).await;
    browser.see("#with-sister").await;
    pictures_in_every_language(&browser, "sign-in-providers").await;
    through_sister(&browser, "#with-sister", (&there, &here)).await;
    browser.see("#finish").await;
    pictures_in_every_language(&browser, "provider-register").await;
    browser.write("#username", "alice-of-sister").await;
    browser.click("#finish").await;
    browser.arrive(&account).await;
    sign_out(&browser, &here).await;

    browser.open(&account).await;
    through_sister(&browser, "#with-sister", (&there, &here)).await;
    browser.arrive(&account).await;
    assert_eq!(browser.text(".facts-list dd").await, "alice-of-sister");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    there.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn somebody_links_an_account_elsewhere_and_signs_in_with_it() {
    let (there, here) = two().await;
    let (account, providers) = (
        format!("{}/account", here.issuer()),
        format!("{}/account/providers", here.issuer()),
    );
    let browser = Chromium::start().await;
    browser.open(&providers).await;
    type_password(&browser, here.person("ines")).await;
    browser.see("#connect-sister").await;
    pictures_in_every_language(&browser, "providers-none").await;
    through_sister(&browser, "#connect-sister", (&there, &here)).await;
    browser.see("#connect").await;
    pictures_in_every_language(&browser, "provider-confirm").await;
    browser.click("#connect").await;
    browser.see("[data-provider='sister']").await;
    pictures_in_every_language(&browser, "providers").await;
    sign_out(&browser, &here).await;

    browser.open(&account).await;
    through_sister(&browser, "#with-sister", (&there, &here)).await;
    browser.arrive(&account).await;
    assert_eq!(browser.text(".facts-list dd").await, "ines");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    there.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn an_application_is_revoked_and_its_next_call_is_refused() {
    let server = TestServer::new().await;
    let app = server.app("demo-web", "openid offline_access catalog.read");
    let tokens = app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    let whoami = format!("{}/catalog/v1/whoami", server.api());
    assert_eq!(call(&tokens.access, &whoami).await.status, 200);

    let browser = Chromium::start().await;
    browser
        .open(&format!("{}/account/applications", server.issuer()))
        .await;
    type_password(&browser, server.person("alice")).await;
    browser.see("[data-client='demo-web']").await;
    pictures_in_every_language(&browser, "applications").await;
    browser.click("[data-client='demo-web']").await;
    browser.see("[role='status']").await;
    assert!(!browser.has("[data-client='demo-web']").await);
    browser.pictures("people-applications-revoked").await;
    until("the call is refused", async || {
        call(&tokens.access, &whoami).await.status == 401
    })
    .await;
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn somebody_takes_their_data_deletes_the_account_and_keeps_it() {
    let server = TestServer::new().await;
    let alice = server.person("alice");
    let export = format!("{}/account/export", server.issuer());
    let browser = Chromium::start().await;
    browser.open(&export).await;
    type_password(&browser, alice).await;
    browser.see("#make-export").await;
    pictures_in_every_language(&browser, "export").await;
    browser.click("#make-export").await;
    browser.open_until(&export, "#download").await;
    pictures_in_every_language(&browser, "export-ready").await;
    browser.click("#download").await;
    let data: Value = serde_json::from_slice(&browser.downloaded().await).expect("one document");
    assert_eq!(data["tables"]["users"][0]["email"], "alice@example.test");

    browser.open(&format!("{}/account/delete", server.issuer())).await;
    browser.see("#delete").await;
    pictures_in_every_language(&browser, "delete").await;
    browser.write("#username", "somebody").await;
    browser.click("#delete").await;
    browser.see("#error[data-code='wrong_name']").await;
    browser.pictures("people-delete-wrong").await;
    browser.write("#username", "alice").await;
    browser.click("#delete").await;
    browser.see("#requested").await;
    pictures_in_every_language(&browser, "deleted").await;

    open_account(&browser, &server).await;
    type_password(&browser, alice).await;
    browser.see("#keep").await;
    pictures_in_every_language(&browser, "keep").await;
    browser.click("#keep").await;
    browser.arrive(&format!("{}/account", server.issuer())).await;
    browser.see("#checkup").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_sign_in_by_password_leads_to_a_passkey_where_the_device_can() {
    let server = TestServer::new().await;
    let account = format!("{}/account", server.issuer());
    let browser = Chromium::start().await;
    browser.add_authenticator().await;
    browser.open(&account).await;
    // The page has found out what the device can do.
    browser.see("#can[value='passkey']").await;
    type_password(&browser, server.person("alice")).await;
    browser.see("#create-passkey").await;
    pictures_in_every_language(&browser, "passkey-offer").await;
    browser.click("#create-passkey").await;
    browser.arrive(&account).await;
    browser.see("[data-check='passkeys'][data-state='good']").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    server.stop().await;
}

/// The pages that the stories pass by, and the confirmation that an older sign-in needs for some.
#[tokio::test]
async fn the_other_pages_of_an_account_can_be_seen() {
    let server = TestServer::new().await;
    let alice = server.person("alice");
    let at = |page: &str| format!("{}/account/{page}", server.issuer());
    let browser = Chromium::start().await;
    browser.open(&at("profile")).await;
    type_password(&browser, alice).await;
    browser.see("h1").await;
    browser.open(&at("profile")).await;
    browser.see("#save").await;
    pictures_in_every_language(&browser, "profile").await;
    let photo = server.folder().join("photo.png");
    std::fs::write(&photo, browser.screenshot().await).expect("a file");
    browser.attach("#picture", &photo).await;
    browser.click("#upload").await;
    browser.see("#picture-shown").await;
    browser.pictures("people-profile-picture").await;
    for (page, part) in [
        ("password", "#save"),
        ("email/notices", "#add"),
        ("sessions", "#sessions"),
        ("history", "#history"),
        ("why", "#families"),
    ] {
        browser.open(&at(page)).await;
        browser.see(part).await;
        pictures_in_every_language(&browser, &page.replace('/', "-")).await;
    }

    browser.open(&at("totp/new")).await;
    let secret = browser.text("#secret").await;
    browser.write("#code", &app_code(&server, &secret)).await;
    browser.click("#enable").await;
    browser.see("#codes").await;
    browser.open(&at("second")).await;
    browser.see("[data-app]").await;
    pictures_in_every_language(&browser, "second-list").await;
    browser.open(&at("recovery-codes")).await;
    browser.see("main form button").await;
    pictures_in_every_language(&browser, "codes-renew").await;

    server.clock.advance(30 * 60_000);
    browser.open(&at("export")).await;
    browser.see("#sign-in").await;
    pictures_in_every_language(&browser, "confirm").await;
    browser.write("#password", alice.1).await;
    browser.click("#sign-in").await;
    browser.see("#verify").await;
    browser.write("#code", &app_code(&server, &secret)).await;
    browser.click("#verify").await;
    browser.arrive(&at("export")).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    server.stop().await;
}

/// No key but those of a keyboard, on the pages that change an account.
#[tokio::test]
async fn a_second_step_an_address_and_the_end_are_a_matter_of_keys() {
    let server = TestServer::new().await;
    let (name, password) = server.person("alice");
    let browser = Chromium::start().await;
    browser.open(&format!("{}/account/email", server.issuer())).await;
    browser.see("#username").await;
    browser.tab_to("#username").await;
    browser.keys(name).await;
    browser.keys(TAB).await;
    browser.tab_to("#password").await;
    browser.keys(password).await;
    browser.keys(ENTER).await;
    browser.see("#change").await;
    browser.tab_to("#email").await;
    browser.keys("elsewhere@example.test").await;
    browser.keys(ENTER).await;
    browser.see("#code").await;
    let (text, _) = mail_to(&server, "elsewhere@example.test").await;
    browser.tab_to("#code").await;
    browser.keys(code_in(&text)).await;
    browser.keys(ENTER).await;
    browser.see("[role='status']").await;

    browser
        .open(&format!("{}/account/totp/new", server.issuer()))
        .await;
    let secret = browser.text("#secret").await;
    browser.tab_to("#code").await;
    browser.keys(&app_code(&server, &secret)).await;
    browser.keys(ENTER).await;
    browser.see("#codes").await;
    browser.tab_to("#saved").await;
    browser.keys(ENTER).await;
    browser.arrive(&format!("{}/account", server.issuer())).await;

    browser.see("#to-delete").await;
    browser.tab_to("#to-delete").await;
    browser.keys(ENTER).await;
    browser.see("#delete").await;
    browser.tab_to("#username").await;
    browser.keys(name).await;
    browser.keys(ENTER).await;
    browser.see("#requested").await;
    browser.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_password_an_address_and_the_end_need_no_script() {
    let server = TestServer::new().await;
    let browser = Chromium::start().await;
    browser.without_script().await;
    open_account(&browser, &server).await;
    browser.click("#lost-password").await;
    browser.see("#recover").await;
    browser.write("#identifier", "alice").await;
    browser.click("#recover").await;
    browser.arrive(&format!("{}/recover/sent", server.issuer())).await;
    let (_, link) = mail_to(&server, "alice@example.test").await;
    browser.open(&link.expect("a link")).await;
    browser.click("#go-on").await;
    browser.see("#save").await;
    assert!(browser.shows("#passkey-without").await && !browser.shows("#no-password").await);
    browser.pictures("people-recover-new-without-script").await;
    browser.write("#password", NEW_PASSWORD).await;
    browser.click("#save").await;
    browser.arrive(&format!("{}/recover/done", server.issuer())).await;

    browser.open(&format!("{}/account/email", server.issuer())).await;
    type_password(&browser, ("alice", NEW_PASSWORD)).await;
    browser.see("#change").await;
    browser.write("#email", "elsewhere@example.test").await;
    browser.click("#change").await;
    browser.see("#verify").await;
    let (text, _) = mail_to(&server, "elsewhere@example.test").await;
    browser.write("#code", code_in(&text)).await;
    browser.click("#verify").await;
    browser.see("[role='status']").await;

    browser.open(&format!("{}/account/delete", server.issuer())).await;
    browser.write("#username", "alice").await;
    browser.click("#delete").await;
    browser.see("#requested").await;
    open_account(&browser, &server).await;
    type_password(&browser, ("alice", NEW_PASSWORD)).await;
    browser.see("#keep").await;
    browser.click("#keep").await;
    browser.arrive(&format!("{}/account", server.issuer())).await;
    browser.stop().await;
    server.stop().await;
}
