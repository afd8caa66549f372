//! A recovery that ends with a passkey, beside a password or instead of one.

use crate::harness::authenticator::Authenticator;
use crate::harness::{App, Browser, IssuerServer, Seen, lines, on_both_engines};
use crate::passkeys::sign_in_by_passkey;
use crate::recovery::{NEW, is, is_password, opened, records};

/// Makes a passkey on the page of the new ways in, as its script does, and sends its form with these fields.
async fn create(browser: &Browser, page: &Seen, with: &mut Authenticator, more: &[(&str, &str)]) -> Seen {
    let made = with.create(page).to_string();
    let mut fields = vec![("passkey", made.as_str())];
    fields.extend(more);
    browser.press(page, "#create-passkey", &fields).await
}

async fn signs_in(app: &App, with: &mut Authenticator) -> bool {
    let token = sign_in_by_passkey(app, &Browser::new(), with, &[]).await;
    token["acr"] == "phr"
}

async fn a_passkey_takes_the_place_of_the_password_if_its_owner_says_so(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (browser, page) = opened(&server).await;
    assert!(page.has("#create-passkey[hidden]") && page.has("#no-password:not([checked])"));
    let mut phone = Authenticator::new();
    let done = create(&browser, &page, &mut phone, &[("no-password", "yes")]).await;
    assert_eq!(done.answer.header("location"), "/recover/done", "{done:?}");
    assert!(!is_password(&server, alice.1).await && !is_password(&server, NEW).await);
    let kept = "SELECT username AS line FROM users WHERE username = 'alice' AND password_hash IS NULL";
    assert_eq!(lines(server.db(), kept).await, ["alice"]);
    assert!(signs_in(&app, &mut phone).await);
    assert_eq!(records(&server, "password.").await, ["password.removed"]);
    assert_eq!(records(&server, "passkey.added").await, ["passkey.added"]);
    server.stop().await;
}

async fn a_passkey_stands_beside_a_new_password_otherwise(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let (browser, page) = opened(&server).await;
    // Whoever types no password and does not give it up has not finished, and no passkey is left behind.
    let refused = create(&browser, &page, &mut Authenticator::new(), &[]).await;
    assert!(is(&refused, 422, "password_short"), "{refused:?}");
    assert!(
        lines(server.db(), "SELECT user_id AS line FROM passkeys")
            .await
            .is_empty()
    );
    let mut phone = Authenticator::new();
    let done = create(&browser, &refused, &mut phone, &[("password", NEW)]).await;
    assert_eq!(done.answer.header("location"), "/recover/done", "{done:?}");
    assert!(is_password(&server, NEW).await);
    assert!(signs_in(&app, &mut phone).await);
    server.stop().await;
}

/// Nobody recovers into an account that nothing opens, or with the passkey of another page.
async fn without_a_passkey_of_this_recovery_the_password_stays(server: IssuerServer) {
    let (browser, page) = opened(&server).await;
    let refused = browser.press(&page, "#save", &[("no-password", "yes")]).await;
    assert!(is(&refused, 409, "last_way"), "{refused:?}");
    let (_, other) = opened(&server).await;
    let page = browser.get(&format!("{}/recover/new", server.issuer())).await;
    let foreign = Authenticator::new().create(&other).to_string();
    let fields = [("passkey", foreign.as_str()), ("no-password", "yes")];
    let refused = browser.press(&page, "#save", &fields).await;
    assert!(is(&refused, 422, "passkey_failed"), "{refused:?}");
    assert!(
        lines(server.db(), "SELECT user_id AS line FROM passkeys")
            .await
            .is_empty()
    );
    let has = "SELECT username AS line FROM users WHERE username = 'alice' AND password_hash IS NOT NULL";
    assert_eq!(lines(server.db(), has).await, ["alice"]);
    server.stop().await;
}

on_both_engines! {
    a_passkey_takes_the_place_of_the_password_if_its_owner_says_so,
    a_passkey_stands_beside_a_new_password_otherwise,
    without_a_passkey_of_this_recovery_the_password_stays,
}
