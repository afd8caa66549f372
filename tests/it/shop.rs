//! The shop as a browser sees it: sign in and come back, write and publish a course, lose and leave the sign-in.

use crate::harness::{Browser, House, Seen, until};

fn shop(house: &House) -> String {
    house.running().urls.shop.clone().expect("the edge is up")
}

/// Signs in at the shop from one of its pages; the page again.
async fn sign_in(house: &House, browser: &Browser, who: &str, from: &str) -> Seen {
    let page = browser.open(&format!("{}{from}", shop(house)), "").await;
    let mut seen = page.clone();
    if page.has("#sign-in") && !page.has("#password") {
        let back: String = url::form_urlencoded::byte_serialize(from.as_bytes()).collect();
        seen = browser
            .open(&format!("{}/signin?return={back}", shop(house)), "")
            .await;
    }
    if seen.has("#password") {
        let (name, password) = house.person(who);
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

async fn an_instructor_signs_in_writes_publishes_and_is_out_when_the_application_is_revoked(house: House) {
    let browser = Browser::new();
    let back = sign_in(&house, &browser, "ines", "/courses?q=rust").await;
    assert_eq!(
        back.url.as_str(),
        format!("{}/courses?q=rust", shop(&house)),
        "{}",
        back.answer.text
    );
    assert!(
        back.has(".menu") && back.has("a[href='/teach']"),
        "{}",
        back.answer.text
    );

    let blank = browser.open(&format!("{}/teach/new", shop(&house)), "").await;
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
    let account = browser.open(&format!("{}/account", house.issuer()), "").await;
    let done = browser.press(&account, "[data-client='storefront']", &[]).await;
    assert_eq!(done.answer.status, 303);
    until("the shop has signed them out", async || {
        !browser.open(&format!("{}/", shop(&house)), "").await.has(".menu")
    })
    .await;
    // A page that needs somebody leads to the sign-in, which asks for consent anew, and back.
    let again = sign_in(&house, &browser, "ines", "/teach").await;
    assert_eq!(again.url.path(), "/teach", "{}", again.answer.text);
    let out = browser.press(&again, "#sign-out", &[]).await;
    let out = browser.follow(out, "").await;
    assert_eq!(out.url.as_str(), format!("{}/", shop(&house)));
    assert!(out.has("#sign-in") && !out.has(".menu"));
    let account = browser.open(&format!("{}/account", house.issuer()), "").await;
    assert!(account.has("#password"), "signed out at the issuer too");
    house.stop().await;
}

crate::harness::on_both_engines! {
    an_instructor_signs_in_writes_publishes_and_is_out_when_the_application_is_revoked,
}
