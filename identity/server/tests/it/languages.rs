//! The language of the issuer's pages: who decides, in which order, and what rubbish does to it.

use crate::authorize::{server, web};
use crate::harness::{Browser, IssuerServer, Matrix, Seen, anonymous, http};

/// A GET that prefers a language, followed to a page.
async fn read(browser: &Browser, url: &str, accept: &str) -> Seen {
    let mut url = url.to_owned();
    for _ in 0..5 {
        let request = http().get(&url).header("accept-language", accept);
        let seen = browser.send(request, &url).await;
        match seen.location() {
            Some(to) => url = to.into(),
            None => return seen,
        }
    }
    panic!("{url} leads nowhere");
}

/// The language that a page says it has.
fn lang(seen: &Seen) -> String {
    let text = &seen.answer.text;
    let tag = text.split_once("<html lang=\"").map(|(_, rest)| rest);
    let (tag, rest) = tag.and_then(|rest| rest.split_once('"')).expect("a language");
    assert!(rest.starts_with(" dir=\""), "{text}");
    tag.to_owned()
}

async fn switch(browser: &Browser, page: &Seen, language: &str) -> Seen {
    let button = format!("button[name='language'][value='{language}']");
    let switched = browser.press(page, &button, &[]).await;
    assert_eq!(switched.answer.status, 303, "{switched:?}");
    browser.follow(switched, "").await
}

#[tokio::test]
async fn a_page_speaks_the_language_that_the_browser_prefers() {
    let server = server().await;
    let account = format!("{}/account", server.issuer());
    for (accept, tag, title) in [
        ("tr-TR,tr;q=0.9,en;q=0.8", "tr", "Oturum açın"),
        ("de, fr;q=0.5, en;q=0.1", "fr", "Connexion"),
        ("de", "en", "Sign in"),
    ] {
        let page = read(&Browser::new(), &account, accept).await;
        assert_eq!((lang(&page).as_str(), page.text("h1").as_str()), (tag, title));
        assert!(page.has(&format!("button[value='{tag}'][aria-pressed='true']")));
    }
    server.stop().await;
}

/// One language from the sign-in over a wrong password to the consent, whatever the browser prefers.
#[tokio::test]
async fn a_flow_speaks_what_the_application_asks_for_on_each_page() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    let login = read(&browser, &app.request(&[("ui_locales", "de tr fr")]), "fr").await;
    assert_eq!(lang(&login), "tr");
    let (name, password) = server.person("alice");
    let wrong = [("username", name), ("password", "wrong")];
    let refused = browser.press(&login, "#sign-in", &wrong).await;
    assert_eq!(lang(&refused), "tr");
    assert_eq!(
        refused.text("#error .notice-title"),
        "Kullanıcı adı veya parola yanlış. İkisini de kontrol edip yeniden deneyin."
    );
    let right = [("username", name), ("password", password)];
    let next = browser.press(&refused, "#sign-in", &right).await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    assert_eq!(
        (lang(&consent).as_str(), consent.text("h1").as_str()),
        ("tr", "Erişime izin verin")
    );
    server.stop().await;
}

#[tokio::test]
async fn the_switch_decides_in_its_flow_and_is_remembered_after_it() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    let asked = app.request(&[("ui_locales", "tr")]);
    let login = read(&browser, &asked, "en").await;
    let login = switch(&browser, &login, "fr").await;
    assert_eq!(lang(&login), "fr");
    let (name, password) = server.person("alice");
    let next = browser
        .press(&login, "#sign-in", &[("username", name), ("password", password)])
        .await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    assert_eq!(
        (lang(&consent).as_str(), consent.text("h1").as_str()),
        ("fr", "Autoriser l’accès")
    );
    // Another flow: the application knows its user, and without its word the browser remembers.
    let other = read(
        &browser,
        &app.request(&[("ui_locales", "tr"), ("state", "s-2")]),
        "en",
    )
    .await;
    assert_eq!(lang(&other), "tr");
    let account = read(&browser, &format!("{}/account", server.issuer()), "en").await;
    assert_eq!(lang(&account), "fr");
    server.stop().await;
}

/// Error pages have the switch, too, and it leads back to them.
#[tokio::test]
async fn the_switch_works_on_error_pages_and_stays_there() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    let nobody = app.request(&[("client_id", "nobody"), ("ui_locales", "fr")]);
    let page = read(&browser, &nobody, "en").await;
    assert_eq!(
        (page.error().as_str(), lang(&page).as_str()),
        ("unknown_client", "fr")
    );
    let page = switch(&browser, &page, "tr").await;
    assert_eq!(
        (page.error().as_str(), lang(&page).as_str()),
        ("unknown_client", "tr")
    );
    assert_eq!(page.url.as_str(), nobody);

    let nowhere = format!("{}/nothing?a=%22%3E%3Cb%3E", server.issuer());
    let page = read(&browser, &nowhere, "en").await;
    assert_eq!(page.error(), "not_found");
    // Of an address that is none of ours nothing is repeated: the switch leads on to a page that is.
    assert!(!page.answer.text.contains("/nothing"), "{page:?}");
    let page = switch(&browser, &page, "fr").await;
    assert_eq!(lang(&page), "fr");
    assert_ne!(page.url.path(), "/nothing");
    server.stop().await;
}

/// A form that is refused leads back to the step that it was sent from.
#[tokio::test]
async fn the_switch_after_a_refused_form_leads_back_to_its_step() {
    let server = server().await;
    let (app, browser) = (web(&server), Browser::new());
    let login = app.begin(&browser, &[("ui_locales", "fr")]).await;
    let refused = browser.press(&login, "#sign-in", &[("token", "x")]).await;
    assert_eq!(refused.error(), "foreign_form", "{refused:?}");
    let again = switch(&browser, &refused, "tr").await;
    assert_eq!(
        (again.url.as_str(), again.text("h1").as_str()),
        (login.url.as_str(), "Oturum açın")
    );
    server.stop().await;
}

#[tokio::test]
async fn a_language_from_elsewhere_or_off_the_list_is_not_remembered() {
    let server = server().await;
    let url = format!("{}/language", server.issuer());
    let mut matrix = Matrix::new("languages: forms");
    for origin in ["https://evil.test", "null", "", "http://localhost"] {
        let form = [("language", "tr"), ("back", "/account")];
        let seen = Browser::new().post(&url, origin, &form).await;
        let found = (
            seen.answer.status,
            seen.error(),
            seen.answer.header("set-cookie").to_owned(),
        );
        matrix.cell(
            format!("origin {origin}"),
            found,
            (403, "foreign_form".to_owned(), String::new()),
        );
    }
    for language in ["", "de", "TR", "tr ", "../tr", "<b>", "tr.0"] {
        let form = [("language", language), ("back", "/account")];
        let seen = Browser::new().post(&url, server.issuer(), &form).await;
        let found = (
            seen.answer.status,
            seen.error(),
            seen.answer.header("set-cookie").to_owned(),
        );
        matrix.cell(
            format!("language {language}"),
            found,
            (400, "malformed".to_owned(), String::new()),
        );
    }
    for back in ["https://evil.test", "//evil.test", "/\\evil.test", "/a\r\nb", ""] {
        let form = [("language", "tr"), ("back", back)];
        let seen = Browser::new().post(&url, server.issuer(), &form).await;
        let found = (seen.answer.status, seen.answer.header("location").to_owned());
        matrix.cell(format!("back {back:?}"), found, (303, "/".to_owned()));
    }
    matrix.end();
    server.stop().await;
}

/// Whatever `Accept-Language`, `ui_locales` and the cookie hold, a page comes and speaks a language of ours.
#[tokio::test]
async fn rubbish_where_a_language_belongs_gets_the_default() {
    let server = server().await;
    let app = web(&server);
    let account = format!("{}/account", server.issuer());
    let many = "x-y;q=0.001,".repeat(300);
    let mut matrix = Matrix::new("languages: rubbish");
    for rubbish in [
        "",
        "*",
        ",;,;q=",
        "tr;q=0",
        "tr;q=2",
        "tr;q=NaN",
        "tr;q=0.9999",
        "tr\"><script>",
        "../../tr",
        "%74%72",
        many.as_str(),
    ] {
        let page = read(&Browser::new(), &account, rubbish).await;
        let found = (page.answer.status, lang(&page));
        matrix.cell(format!("accept {rubbish:.20}"), found, (200, "en".to_owned()));
    }
    for rubbish in ["x-none", "tr;q=1", "<tr>", "../tr", "t\u{131}r", ",", "  "] {
        let page = read(&Browser::new(), &app.request(&[("ui_locales", rubbish)]), "xx").await;
        let found = (page.answer.status, lang(&page));
        matrix.cell(format!("ui_locales {rubbish}"), found, (200, "en".to_owned()));
    }
    for rubbish in ["tr", "tr.", "tr.<b>", "..", ".tr", "tr\"", "xx.0"] {
        let browser = Browser::new();
        let port = server.issuer().rsplit(':').next().expect("a port");
        browser.plant("localhost", &format!("latchkey-language-{port}"), rubbish);
        let page = read(&browser, &account, "fr").await;
        // A language that is well written is remembered, whatever flow the browser says it is from.
        let expected = if ["tr.", "tr.<b>"].contains(&rubbish) {
            "tr"
        } else {
            "fr"
        };
        let found = (page.answer.status, lang(&page));
        matrix.cell(format!("cookie {rubbish}"), found, (200, expected.to_owned()));
    }
    matrix.end();
    server.stop().await;
}

#[tokio::test]
async fn a_language_from_right_to_left_turns_the_page_around() {
    let server = server().await;
    let page = read(
        &Browser::new(),
        &web(&server).request(&[]),
        latchkey_testkit::translations::MIRRORED,
    )
    .await;
    assert!(page.has("html[lang='ar-XB'][dir='rtl']"), "{}", page.answer.text);
    // Values stand apart from the sentence around them.
    assert!(
        page.text(".sheet-lede").contains('\u{2068}'),
        "{}",
        page.text(".sheet-lede")
    );
    assert!(!page.text("title").contains('\u{2068}'));
    server.stop().await;
}

#[tokio::test]
async fn discovery_names_exactly_the_languages_that_there_are() {
    let server = IssuerServer::new().await;
    let url = format!("{}/.well-known/openid-configuration", server.issuer());
    let document = anonymous(&url).await.json();
    let tags: Vec<&str> = latchkey_identity::messages(None).unwrap().tags().collect();
    assert_eq!(document["ui_locales_supported"], serde_json::json!(tags));
    server.stop().await;
}
