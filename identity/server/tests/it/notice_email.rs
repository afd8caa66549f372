//! A second address for notices: proved like the first, told like the first, and never a way in.

use crate::harness::second::Authenticator;
use crate::harness::{Browser, IssuerServer, Seen, lines, on_both_engines};
use crate::recovery::{ALICE, ask, is, records};

const SECOND: &str = "Alice@second.example.test";

async fn page(server: &IssuerServer, browser: &Browser) -> Seen {
    let url = format!("{}/account/email/notices", server.issuer());
    browser.open(&url, "").await
}

async fn signed_in(server: &IssuerServer) -> Browser {
    let browser = Browser::new();
    let app = server.app("demo-web", "openid");
    app.sign_in(&browser, server.person("alice"), &[]).await;
    browser
}

async fn code(server: &IssuerServer) -> String {
    let mail = server.mail_to(SECOND).await;
    assert_eq!(mail.purpose, "email_code");
    mail.code().to_owned()
}

/// Somebody with a second address.
async fn with_second(server: &IssuerServer) -> Browser {
    let browser = signed_in(server).await;
    let shown = page(server, &browser).await;
    let asked = browser.press(&shown, "#add", &[("email", SECOND)]).await;
    assert_eq!(asked.answer.status, 303, "{asked:?}");
    let shown = page(server, &browser).await;
    assert!(!shown.has("#second"), "not before its code: {shown:?}");
    let done = browser
        .press(&shown, "#verify", &[("code", &code(server).await)])
        .await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    browser
}

async fn purposes(server: &IssuerServer, to: &str) -> Vec<String> {
    let mails = server.mails_to(to).await.into_iter();
    let mut purposes: Vec<String> = mails.map(|mail| mail.purpose).collect();
    // Several are of one instant.
    purposes.sort();
    purposes
}

async fn notices_go_to_both_addresses_once_the_second_is_proved(server: IssuerServer) {
    let browser = with_second(&server).await;
    assert_eq!(page(&server, &browser).await.text("#second"), SECOND);
    Authenticator::set_up(&server, &browser).await;
    assert_eq!(
        purposes(&server, ALICE).await,
        ["factor_added", "notice_address_changed"]
    );
    assert_eq!(
        purposes(&server, SECOND).await,
        ["email_code", "factor_added", "notice_address_changed"]
    );
    let shown = page(&server, &browser).await;
    let removed = browser.press(&shown, "#remove", &[]).await;
    assert_eq!(removed.answer.status, 303, "{removed:?}");
    assert!(!page(&server, &browser).await.has("#second"));
    let told = server.mail_to(SECOND).await.purpose;
    assert_eq!(told, "notice_address_changed", "it is told of its end");
    assert_eq!(
        records(&server, "notice_email.").await,
        [
            "notice_email.added",
            "notice_email.removed",
            "notice_email.started"
        ]
    );
    server.stop().await;
}

/// What leads into the account goes to the first address alone.
async fn nobody_gets_in_by_the_second_address(server: IssuerServer) {
    with_second(&server).await;
    let before = purposes(&server, SECOND).await;
    let app = server.app("demo-web", "openid");
    let refused = app
        .attempt(&Browser::new(), SECOND, server.person("alice").1)
        .await;
    assert!(is(&refused, 422, "wrong_credentials"), "{refused:?}");
    ask(&server, &Browser::new(), SECOND).await;
    ask(&server, &Browser::new(), "alice").await;
    assert_eq!(purposes(&server, SECOND).await, before);
    let hers = purposes(&server, ALICE).await;
    assert_eq!(hers, ["notice_address_changed", "password_reset"]);
    server.stop().await;
}

async fn a_second_address_is_proved_in_its_own_browser_and_session(server: IssuerServer) {
    let browser = signed_in(&server).await;
    let shown = page(&server, &browser).await;
    for bad in [
        "",
        "x",
        "a@example.test\r\nBcc: b@example.test",
        ALICE,
        "ALICE@EXAMPLE.TEST",
    ] {
        let refused = browser.press(&shown, "#add", &[("email", bad)]).await;
        assert!(is(&refused, 422, "address"), "{bad:?}: {refused:?}");
    }
    browser.press(&shown, "#add", &[("email", SECOND)]).await;
    let asked = page(&server, &browser).await;
    let code = code(&server).await;
    let other = signed_in(&server).await;
    let foreign = other.press(&asked, "#verify", &[("code", &code)]).await;
    assert!(is(&foreign, 403, "foreign_form"), "{foreign:?}");
    assert!(
        !page(&server, &other).await.has("#verify"),
        "it waits in one browser"
    );
    let wrong = if code == "111111" { "222222" } else { "111111" };
    for _ in 0..5 {
        let refused = browser.press(&asked, "#verify", &[("code", wrong)]).await;
        assert!(is(&refused, 422, "code_wrong"), "{refused:?}");
    }
    let late = browser.press(&asked, "#verify", &[("code", &code)]).await;
    assert!(is(&late, 422, "code_expired"), "{late:?}");
    let none = "SELECT username AS line FROM users WHERE notice_email IS NOT NULL";
    assert!(lines(server.db(), none).await.is_empty());
    server.stop().await;
}

on_both_engines! {
    notices_go_to_both_addresses_once_the_second_is_proved,
    nobody_gets_in_by_the_second_address,
    a_second_address_is_proved_in_its_own_browser_and_session,
}
