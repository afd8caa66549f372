//! The stories of an account in a real browser: how it begins, how its owner proves themselves, and how they get back.

use latchkey_protocol::Timestamp;
use latchkey_protocol::totp::{self, SECRET_LEN};
use scraper::{Html, Selector};

use crate::harness::{Browser, Chromium, ENTER, TAB, TestServer};

/// A password that nobody has had before.
const PASSWORD: &str = "blue ladders sing at noon";
pub const NEW_PASSWORD: &str = "seven kites above the quarry";

/// The newest mail to an address, as the administrator's page shows it: its text, and its link.
pub async fn mail_to(server: &TestServer, to: &str) -> (String, Option<String>) {
    let admin = server.running().urls.admin.as_deref().expect("an admin listener");
    let page = Browser::new().get(&format!("{admin}/outbox")).await;
    let document = Html::parse_document(&page.answer.text);
    let select = |text: &str| Selector::parse(text).expect("a selector");
    let mails = select("li[data-mail]");
    let mail = document
        .select(&mails)
        .find(|mail| {
            let address = mail.select(&select("bdi")).next();
            address.is_some_and(|address| address.text().collect::<String>() == to)
        })
        .unwrap_or_else(|| panic!("no mail to {to}: {}", page.answer.text));
    let text = mail.select(&select("pre")).flat_map(|text| text.text()).collect();
    let link = mail.select(&select("details a")).next();
    let link = link.and_then(|link| link.attr("href")).map(str::to_owned);
    // Mails of one instant have no order: the next one is of a later one.
    server.clock.advance(1);
    (text, link)
}

/// The code of six digits in a mail.
pub fn code_in(text: &str) -> &str {
    let words = text.split_whitespace();
    let mut codes = words.filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()));
    codes.next().unwrap_or_else(|| panic!("no code: {text}"))
}

/// What an app shows now whose secret a page has told.
pub fn app_code(server: &TestServer, secret: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in secret.chars().filter(|letter| !letter.is_whitespace()) {
        let value = ALPHABET.find(letter).expect("base32");
        bits = (bits << 5) | u32::try_from(value).expect("five bits");
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).expect("a byte"));
        }
    }
    let secret: [u8; SECRET_LEN] = bytes.try_into().expect("160 bits");
    totp::code(&secret, Timestamp(server.clock.now_ms()))
}

/// Pictures of a page in each language, and back to English. Whoever changes the language stays where they are.
pub async fn pictures_in_every_language(browser: &Chromium, name: &str) {
    let place = |url: String| url.split('?').next().unwrap_or_default().to_owned();
    let here = place(browser.url().await);
    for language in ["tr", "fr", "en"] {
        browser
            .click(&format!("button[name='language'][value='{language}']"))
            .await;
        browser.see(&format!("html[lang='{language}']")).await;
        assert_eq!(place(browser.url().await), here, "in {language}");
        browser.pictures(&format!("people-{name}-{language}")).await;
    }
}

pub async fn type_password(browser: &Chromium, (name, password): (&str, &str)) {
    browser.write("#username", name).await;
    browser.write("#password", password).await;
    browser.click("button#sign-in").await;
}

pub async fn sign_out(browser: &Chromium, server: &TestServer) {
    browser.open(&format!("{}/logout", server.issuer())).await;
    browser.click("#sign-out").await;
    browser.see("#signed-out").await;
}

pub async fn open_account(browser: &Chromium, server: &TestServer) {
    browser.open(&format!("{}/account", server.issuer())).await;
}

/// From nobody to a passkey, out, and in again by the browser's own offer.
#[tokio::test]
async fn somebody_registers_makes_a_passkey_and_comes_back_by_it() {
    let server = TestServer::new().await;
    let shop = server.running().urls.shop.clone().expect("the edge is up");
    let browser = Chromium::start().await;
    browser.add_authenticator().await;
    browser.open(&format!("{shop}/")).await;
    browser.click("a#sign-in").await;
    browser.click("#to-register").await;
    browser.see("#register").await;
    pictures_in_every_language(&browser, "register").await;
    browser.write("#email", "nadia@example.test").await;
    // Faster than that no hand is.
    server.clock.advance(3_000);
    browser.click("#register").await;
    browser.see("#verify").await;
    pictures_in_every_language(&browser, "check").await;
    let (text, _) = mail_to(&server, "nadia@example.test").await;
    browser.write("#code", code_in(&text)).await;
    browser.click("#verify").await;
    browser.see("#finish").await;
    pictures_in_every_language(&browser, "finish").await;
    browser.write("#name", "Nadia Haddad").await;
    browser.write("#username", "nadia").await;
    browser.write("#password", PASSWORD).await;
    browser.click("#finish").await;
    // A device that can make a passkey is asked once.
    browser.see("#create-passkey, #allow").await;
    if browser.has("#create-passkey").await {
        browser.pictures("people-passkey-offer").await;
        browser.click("#create-passkey").await;
        browser.see("#allow").await;
    }
    browser.click("#allow").await;
    browser.arrive(&format!("{shop}/")).await;

    browser
        .open(&format!("{}/account/passkeys", server.issuer()))
        .await;
    browser.see("#passkeys").await;
    if !browser.has("[data-passkey-id]").await {
        browser.click("#add-passkey").await;
        browser.see("[data-passkey-id]").await;
    }
    pictures_in_every_language(&browser, "passkeys").await;
    sign_out(&browser, &server).await;

    // The browser answers the page's quiet question by itself: nothing is typed and nothing is pressed.
    open_account(&browser, &server).await;
    browser.arrive(&format!("{}/account", server.issuer())).await;
    browser.see("h1").await;
    pictures_in_every_language(&browser, "account").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn an_app_and_a_recovery_code_are_the_second_step() {
    let server = TestServer::new().await;
    let alice = server.person("alice");
    let browser = Chromium::start().await;
    open_account(&browser, &server).await;
    type_password(&browser, alice).await;
    browser.see("h1").await;
    browser
        .open(&format!("{}/account/totp/new", server.issuer()))
        .await;
    browser.see("#secret").await;
    pictures_in_every_language(&browser, "app").await;
    // Another language is the same page, with a new secret: the page was loaded again.
    let secret = browser.text("#secret").await;
    browser.write("#code", &app_code(&server, &secret)).await;
    browser.write("#name", "Phone").await;
    browser.click("#enable").await;
    browser.see("#codes").await;
    browser.pictures("people-codes").await;
    let recovery = browser.text("#codes li").await;
    server.clock.advance(30_000);
    sign_out(&browser, &server).await;

    open_account(&browser, &server).await;
    type_password(&browser, alice).await;
    browser.see("#verify").await;
    pictures_in_every_language(&browser, "second").await;
    browser.write("#code", "000000").await;
    browser.click("#verify").await;
    browser.see("#error[data-code='code_wrong']").await;
    browser.pictures("people-second-wrong").await;
    browser.write("#code", &app_code(&server, &secret)).await;
    browser.click("#verify").await;
    browser.arrive(&format!("{}/account", server.issuer())).await;
    server.clock.advance(30_000);
    sign_out(&browser, &server).await;

    open_account(&browser, &server).await;
    type_password(&browser, alice).await;
    browser.click("#other-ways").await;
    browser.see("input[name='way'][value='recovery']").await;
    browser.pictures("people-recovery-code").await;
    browser.write("#code", recovery.trim()).await;
    browser.click("#verify").await;
    browser.arrive(&format!("{}/account", server.issuer())).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_lost_password_is_replaced_by_a_mailed_link() {
    let server = TestServer::new().await;
    let browser = Chromium::start().await;
    open_account(&browser, &server).await;
    browser.click("#lost-password").await;
    browser.see("#recover").await;
    pictures_in_every_language(&browser, "recover").await;
    browser.write("#identifier", "alice").await;
    browser.click("#recover").await;
    browser.see("main h1").await;
    pictures_in_every_language(&browser, "recover-sent").await;
    let (_, link) = mail_to(&server, "alice@example.test").await;
    browser.open(&link.expect("a link")).await;
    browser.see("#go-on").await;
    browser.pictures("people-recover-link").await;
    browser.click("#go-on").await;
    browser.see("#save").await;
    pictures_in_every_language(&browser, "recover-new").await;
    browser.write("#password", "short").await;
    browser.click("#save").await;
    browser.see("#error[data-code='password_short']").await;
    browser.pictures("people-recover-short").await;
    browser.write("#password", NEW_PASSWORD).await;
    browser.click("#save").await;
    browser.arrive(&format!("{}/recover/done", server.issuer())).await;
    browser.pictures("people-recover-done").await;
    open_account(&browser, &server).await;
    type_password(&browser, ("alice", NEW_PASSWORD)).await;
    browser.arrive(&format!("{}/account", server.issuer())).await;
    browser.see("h1").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_change_of_address_is_undone_from_the_old_one() {
    let server = TestServer::new().await;
    let browser = Chromium::start().await;
    let email = format!("{}/account/email", server.issuer());
    browser.open(&email).await;
    type_password(&browser, server.person("alice")).await;
    browser.see("#email").await;
    pictures_in_every_language(&browser, "email").await;
    browser.write("#email", "elsewhere@example.test").await;
    browser.click("#change").await;
    browser.see("#verify").await;
    pictures_in_every_language(&browser, "email-check").await;
    let (text, _) = mail_to(&server, "elsewhere@example.test").await;
    browser.write("#code", code_in(&text)).await;
    browser.click("#verify").await;
    browser.see("[role='status']").await;
    let (_, undo) = mail_to(&server, "alice@example.test").await;

    // Whoever reads the old mailbox undoes it on another device.
    let other = Chromium::start().await;
    other.open(&undo.expect("a link")).await;
    other.see("main form button").await;
    other.pictures("people-email-undo").await;
    other.click("main form button").await;
    other.see("main h1").await;
    other.pictures("people-email-undone").await;
    let signed_in = browser.open(&email);
    signed_in.await;
    browser.see("#password").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    other.stop().await;
    server.stop().await;
}

/// No key but those of a keyboard, from the sign-in page to an account.
#[tokio::test]
async fn somebody_registers_and_gets_back_in_by_keyboard_alone() {
    let server = TestServer::new().await;
    let browser = Chromium::start().await;
    open_account(&browser, &server).await;
    browser.see("#to-register").await;
    browser.tab_to("#to-register").await;
    browser.keys(ENTER).await;
    browser.see("#email").await;
    browser.tab_to("#email").await;
    browser.keys("kim@example.test").await;
    server.clock.advance(3_000);
    browser.keys(ENTER).await;
    browser.see("#code").await;
    let (text, _) = mail_to(&server, "kim@example.test").await;
    browser.tab_to("#code").await;
    browser.keys(code_in(&text)).await;
    browser.keys(ENTER).await;
    browser.see("#username").await;
    browser.tab_to("#username").await;
    browser.keys("kim").await;
    browser.keys(TAB).await;
    browser.tab_to("#password").await;
    browser.keys(PASSWORD).await;
    browser.keys(ENTER).await;
    browser.arrive(&format!("{}/account", server.issuer())).await;

    sign_out(&browser, &server).await;
    open_account(&browser, &server).await;
    browser.tab_to("#lost-password").await;
    browser.keys(ENTER).await;
    browser.see("#identifier").await;
    browser.tab_to("#identifier").await;
    browser.keys("kim").await;
    browser.keys(ENTER).await;
    browser.arrive(&format!("{}/recover/sent", server.issuer())).await;
    let (_, link) = mail_to(&server, "kim@example.test").await;
    browser.open(&link.expect("a link")).await;
    browser.tab_to("#go-on").await;
    browser.keys(ENTER).await;
    browser.see("#password").await;
    browser.tab_to("#password").await;
    browser.keys(NEW_PASSWORD).await;
    browser.keys(ENTER).await;
    browser.arrive(&format!("{}/recover/done", server.issuer())).await;
    browser.stop().await;
    server.stop().await;
}

/// Without script the same, and passkeys say what they need.
#[tokio::test]
async fn everything_but_passkeys_works_without_script() {
    let server = TestServer::new().await;
    let browser = Chromium::start().await;
    browser.without_script().await;
    open_account(&browser, &server).await;
    browser.see("#passkey-without").await;
    assert!(!browser.shows("#passkey-sign-in").await);
    assert!(browser.shows("#passkey-without").await);
    browser.click("#to-register").await;
    browser.write("#email", "noor@example.test").await;
    server.clock.advance(3_000);
    browser.click("#register").await;
    browser.see("#verify").await;
    let (text, _) = mail_to(&server, "noor@example.test").await;
    browser.write("#code", code_in(&text)).await;
    browser.click("#verify").await;
    browser.see("#finish").await;
    browser.write("#username", "noor").await;
    browser.write("#password", PASSWORD).await;
    browser.click("#finish").await;
    browser.arrive(&format!("{}/account", server.issuer())).await;

    browser
        .open(&format!("{}/account/totp/new", server.issuer()))
        .await;
    let secret = browser.text("#secret").await;
    browser.write("#code", &app_code(&server, &secret)).await;
    browser.click("#enable").await;
    browser.see("#codes").await;
    server.clock.advance(30_000);
    sign_out(&browser, &server).await;
    open_account(&browser, &server).await;
    type_password(&browser, ("noor", PASSWORD)).await;
    browser.write("#code", &app_code(&server, &secret)).await;
    browser.click("#verify").await;
    browser.arrive(&format!("{}/account", server.issuer())).await;
    browser
        .open(&format!("{}/account/passkeys", server.issuer()))
        .await;
    assert!(browser.shows("#passkey-without").await);
    assert!(!browser.has("#add-passkey").await || !browser.shows("#add-passkey").await);
    browser.stop().await;
    server.stop().await;
}
