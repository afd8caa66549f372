//! The shop as a browser sees it: sign in and come back, write and publish a course, lose and leave the sign-in.

use crate::harness::{Browser, Seen, TestServer, until};

fn shop(server: &TestServer) -> String {
    server.running().urls.shop.clone().expect("the edge is up")
}

/// Signs in at the shop from one of its pages; the page again.
pub async fn sign_in(server: &TestServer, browser: &Browser, who: &str, from: &str) -> Seen {
    let page = browser.open(&format!("{}{from}", shop(server)), "").await;
    let mut seen = page.clone();
    if page.has("#sign-in") && !page.has("#password") {
        let back: String = url::form_urlencoded::byte_serialize(from.as_bytes()).collect();
        seen = browser
            .open(&format!("{}/signin?return={back}", shop(server)), "")
            .await;
    }
    if seen.has("#password") {
        let (name, password) = server.person(who);
        let next = browser
            .press(&seen, "#sign-in", &[("username", name), ("password", password)])
            .await;
        seen = browser.follow(next, "").await;
    }
    if seen.has("#allow") {
        let next = browser.press(&seen, "#allow", &[]).await;
        seen = browser.follow(next, "").await;
    }
    seen
}

async fn an_instructor_publishes_until_the_application_is_revoked(server: TestServer) {
    let browser = Browser::new();
    let back = sign_in(&server, &browser, "ines", "/courses?q=rust").await;
    assert_eq!(
        back.url.as_str(),
        format!("{}/courses?q=rust", shop(&server)),
        "{}",
        back.answer.text
    );
    assert!(
        back.has(".menu") && back.has("a[href='/teach']"),
        "{}",
        back.answer.text
    );

    let blank = browser.open(&format!("{}/teach/new", shop(&server)), "").await;
    let bad = browser
        .press(&blank, "#save", &[("title", "No"), ("price", "abc")])
        .await;
    assert_eq!(
        (bad.answer.status, bad.error().as_str()),
        (422, "faults"),
        "{}",
        bad.answer.text
    );
    let category = blank
        .form("#save")
        .pairs
        .iter()
        .find(|(name, _)| name == "category")
        .map(|(_, value)| value.clone());
    assert_eq!(category.as_deref(), Some(""));
    let options = scraper::Html::parse_document(&blank.answer.text);
    let select = scraper::Selector::parse("#category option:not([value=''])").unwrap();
    let category = options
        .select(&select)
        .next()
        .unwrap()
        .value()
        .attr("value")
        .unwrap()
        .to_owned();
    let fields = [
        ("title", "Bookbinding by Hand <b>"),
        ("subtitle", "From folded sheets to a book"),
        ("category", category.as_str()),
        (
            "description",
            "A *quiet* craft: how sheets become sections, sections become a block, and a block becomes a book that opens flat on a table.",
        ),
        ("price", "49,50"),
        ("s0", "First folds"),
        ("s0l0-title", "Paper and grain"),
        ("s0l0-minutes", "12"),
    ];
    let written = browser.press(&blank, "#save", &fields).await;
    let twice = browser.press(&blank, "#save", &fields).await;
    assert_eq!(written.answer.status, 303, "{}", written.answer.text);
    assert_eq!(written.location(), twice.location(), "one key is one course");
    let draft = browser.follow(written, "").await;
    assert_eq!(draft.text("#status"), "Draft");
    let published = browser.press(&draft, "#publish", &[]).await;
    let published = browser.follow(published, "").await;
    assert_eq!(
        published.text("#status"),
        "Published",
        "{}",
        published.answer.text
    );
    let stale = browser
        .press(&draft, "#save", &[("title", "Too late to save")])
        .await;
    assert_eq!(stale.answer.status, 422);
    let saved = browser
        .press(&published, "#save", &[("title", "Bookbinding by Hand")])
        .await;
    let saved = browser.follow(saved, "").await;
    assert_eq!(saved.text("h1"), "Bookbinding by Hand", "{}", saved.answer.text);
    let public = saved.url.join("/courses?q=bookbinding").unwrap();
    let stranger = Browser::new();
    until("the shop lists it", async || {
        stranger
            .open(public.as_str(), "")
            .await
            .answer
            .text
            .contains("Bookbinding by Hand")
    })
    .await;

    // At the issuer the person takes the shop's access back: the shop has nobody any more.
    let applications = format!("{}/account/applications", server.issuer());
    let account = browser.open(&applications, "").await;
    let done = browser.press(&account, "[data-client='storefront']", &[]).await;
    assert_eq!(done.answer.status, 303);
    until("the shop has signed them out", async || {
        !browser
            .open(&format!("{}/", shop(&server)), "")
            .await
            .has(".menu")
    })
    .await;
    // A page that needs somebody leads to the sign-in, which asks for consent anew, and back.
    let again = sign_in(&server, &browser, "ines", "/teach").await;
    assert_eq!(again.url.path(), "/teach", "{}", again.answer.text);
    let out = browser.press(&again, "#sign-out", &[]).await;
    let out = browser.follow(out, "").await;
    assert_eq!(out.url.as_str(), format!("{}/", shop(&server)));
    assert!(out.has("#sign-in") && !out.has(".menu"));
    let account = browser.open(&format!("{}/account", server.issuer()), "").await;
    assert!(account.has("#password"), "signed out at the issuer too");
    // The shop revokes its token before the browser reaches the issuer: that is told as what the user did.
    let (name, password) = server.person("ines");
    let fields = [("username", name), ("password", password)];
    let next = browser.press(&account, "#sign-in", &fields).await;
    browser.follow(next, "").await;
    let account = browser
        .open(&format!("{}/account/why", server.issuer()), "")
        .await;
    let told = account.text("#families");
    assert!(
        told.contains("You signed out.") && !told.contains("The application ended"),
        "{told}"
    );
    server.stop().await;
}

/// A sign-in may end while somebody writes: nothing that they typed is lost, and nothing is written unasked.
async fn what_was_typed_outlives_the_sign_in(server: TestServer) {
    const TITLE: &str = "A course of many hours <i>";
    let browser = Browser::new();
    sign_in(&server, &browser, "ines", "/teach").await;
    let address = |path: &str| format!("{}{path}", shop(&server));
    let blank = browser.open(&address("/teach/new"), "").await;
    let first = browser
        .press(&blank, "#save", &[("title", "An early draft")])
        .await;
    let early = browser.follow(first, "").await;
    let blank = browser.open(&address("/teach/new"), "").await;
    let applications = format!("{}/account/applications", server.issuer());
    let account = browser.open(&applications, "").await;
    browser.press(&account, "[data-client='storefront']", &[]).await;
    until("the shop has signed them out", async || {
        !browser.open(&address("/"), "").await.has(".menu")
    })
    .await;

    let fields = [
        ("title", TITLE),
        ("s0", "First"),
        ("s0l0-title", "Paper & grain"),
        ("s0l0-minutes", "12"),
    ];
    let holds_all = |seen: &Seen, code: &str| {
        assert_eq!(
            (seen.answer.status, seen.error().as_str()),
            (403, code),
            "{}",
            seen.answer.text
        );
        let pairs = seen.form("#save").pairs;
        for (name, text) in fields {
            let typed = pairs.iter().find(|(known, _)| known == name);
            assert_eq!(typed.map(|(_, typed)| typed.as_str()), Some(text), "{name}");
        }
    };
    let new = browser.press(&blank, "#save", &fields).await;
    holds_all(&new, "signed_out");
    assert!(new.has("#sign-in-again[target='_blank']"));
    let changed = browser.press(&early, "#save", &fields).await;
    holds_all(&changed, "signed_out");
    let published = browser.press(&early, "#publish", &fields).await;
    holds_all(&published, "signed_out");
    // Another site gets no page of ours that holds its words.
    let form = [("title", TITLE), ("key", "k")];
    let evil = browser
        .post(&address("/teach/new"), "https://evil.test", &form)
        .await;
    assert_eq!((evil.answer.status, evil.has("#save")), (403, false));

    // In another tab they sign in; here they save: once to see what is to be saved, once to save it.
    let teach = sign_in(&server, &browser, "ines", "/teach").await;
    assert!(!teach.answer.text.contains("many hours"), "{}", teach.answer.text);
    for (page, path) in [(new, "/teach/"), (changed, early.url.path())] {
        let again = browser.press(&page, "#save", &[]).await;
        holds_all(&again, "again");
        let saved = browser.press(&again, "#save", &[]).await;
        let saved = browser.follow(saved, "").await;
        assert!(saved.url.path().starts_with(path), "{}", saved.url);
        assert_eq!(
            (saved.text("h1").as_str(), saved.text("#status").as_str()),
            (TITLE, "Draft")
        );
    }
    server.stop().await;
}

/// Eight pages of the shop are opened by somebody who is not signed in, as a browser does that comes back up.
async fn eight_tabs_of_one_browser_all_come_back_signed_in(server: TestServer) {
    let browser = Browser::new();
    let address = |path: &str| format!("{}{path}", shop(&server));
    let stop = address("/callback");
    let mut tabs = Vec::new();
    for n in 0..8 {
        let back = format!("/courses?q={n}");
        let from: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
        let page = browser
            .open(&address(&format!("/signin?return={from}")), "")
            .await;
        tabs.push((page, back));
    }
    // The first one has the password, and the question whether the shop may; the others only lead on.
    let (name, password) = server.person("ines");
    let mut seen = Vec::new();
    for (page, back) in tabs {
        let fields = [("username", name), ("password", password)];
        let next = browser.press(&page, "#sign-in", &fields).await;
        let mut next = browser.follow(next, &stop).await;
        if next.has("#allow") {
            let allowed = browser.press(&next, "#allow", &[]).await;
            next = browser.follow(allowed, &stop).await;
        }
        seen.push((next.location().expect("a redirect to the shop"), back));
    }
    for _opened_again in [false, true] {
        for (callback, back) in &seen {
            let page = browser.open(callback.as_str(), "").await;
            assert_eq!(page.url.as_str(), address(back), "{}", page.answer.text);
            assert!(page.has(".menu"), "{}", page.answer.text);
        }
    }
    server.stop().await;
}

/// What comes to the shop's own address for back-channel logout reaches the shop, and proves itself.
async fn a_logout_request_reaches_the_shop_through_the_edge(server: TestServer) {
    let request = crate::harness::http()
        .post(format!("{}/backchannel-logout", shop(&server)))
        .form(&[("logout_token", "rubbish")]);
    let answer = crate::harness::Answer::of(request).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.text.contains("invalid_request"), "{}", answer.text);
    server.stop().await;
}

crate::harness::on_both_engines! {
    eight_tabs_of_one_browser_all_come_back_signed_in,
    a_logout_request_reaches_the_shop_through_the_edge,
    what_was_typed_outlives_the_sign_in,
    an_instructor_publishes_until_the_application_is_revoked,
}
