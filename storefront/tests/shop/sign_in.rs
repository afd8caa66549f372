//! Signing in, in as many tabs as a user opens, and what strangers can do to it.

use axum::body::Body;
use latchkey_clock::Random;
use latchkey_db::sql;
use latchkey_relying_party::{Purpose, Seal};
use latchkey_storefront::CLIENT;
use latchkey_testkit::Answer;
use url::Url;

use crate::issuer::{Browser, Site, begin_at, callback};

/// One parameter of an address.
fn parameter(address: &str, name: &str) -> String {
    let url = Url::parse("http://shop.test").unwrap().join(address).unwrap();
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(known, _)| known == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {address}"))
        .1
        .into_owned()
}

/// The path with this parameter changed, or left out.
fn with(path: &str, name: &str, value: Option<&str>) -> String {
    let mut url = Url::parse("http://shop.test").unwrap().join(path).unwrap();
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .filter(|(known, _)| known != name)
        .collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    if let Some(value) = value {
        url.query_pairs_mut().append_pair(name, value);
    }
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

/// Where an answer leads, with its status.
fn to(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.header("location"))
}

/// Eight tabs, each begun before any of them is finished.
async fn tabs(browser: &Browser<'_>, site: &Site) -> Vec<(String, String)> {
    let mut tabs = Vec::new();
    for n in 0..8 {
        let back = format!("/courses?q={n}");
        let request = browser.begin(&back).await;
        tabs.push((site.issuer.authorize(&request, "alice"), back));
        site.clock.advance(1);
    }
    tabs
}

#[tokio::test]
async fn sign_ins_of_eight_tabs_all_end_where_they_began() {
    for site in Site::all("eight_tabs").await {
        for reversed in [false, true] {
            let browser = site.browser();
            let mut tabs = tabs(&browser, &site).await;
            if reversed {
                tabs.reverse();
            }
            for (callback, back) in &tabs {
                assert_eq!(to(&browser.get(callback).await), (303, back.as_str()));
                assert_eq!(browser.who().await.as_deref(), Some("Name of alice"));
            }
            assert_eq!(browser.cookies(), ["latchkey-shop-8080", "latchkey-sign-in-8080"]);
            // And each once more, in the history of the browser.
            let redeemed = site.issuer.redeemed();
            for (callback, back) in &tabs {
                assert_eq!(to(&browser.get(callback).await), (303, back.as_str()));
            }
            assert_eq!(site.issuer.redeemed(), redeemed, "no code went out twice");
            assert_eq!(browser.who().await.as_deref(), Some("Name of alice"));
        }
    }
}

/// A browser with eight tabs to open that was never here: none of the requests has a cookie yet.
#[tokio::test]
async fn first_tabs_that_begin_at_the_same_moment_all_end_where_they_began() {
    for site in Site::all("first_tabs").await {
        let browser = site.browser();
        let backs: Vec<String> = (0..8).map(|n| format!("/courses?q={n}")).collect();
        let begun: Vec<String> = backs.iter().map(|back| begin_at(back)).collect();
        let begun = browser.get_all(&begun).await;
        let callbacks: Vec<String> = begun
            .iter()
            .map(|answer| site.issuer.authorize(answer.header("location"), "alice"))
            .collect();
        for (callback, back) in callbacks.iter().zip(&backs) {
            let (path, answer) = browser.follow(callback, "alice").await;
            assert_eq!((answer.status, &path), (200, back));
            assert_eq!(browser.who().await.as_deref(), Some("Name of alice"));
        }
    }
}

#[tokio::test]
async fn sign_ins_that_end_at_the_same_moment_all_end_where_they_began() {
    for site in Site::all("last_tabs").await {
        let browser = site.browser();
        let (callbacks, backs): (Vec<_>, Vec<_>) = tabs(&browser, &site).await.into_iter().unzip();
        let answers = browser.get_all(&callbacks).await;
        for (answer, back) in answers.iter().zip(&backs) {
            assert_eq!(to(answer), (303, back.as_str()));
        }
        assert_eq!(browser.who().await.as_deref(), Some("Name of alice"));
    }
}

/// Another tab's sign-in of the same user leaves the session, and the forms that it made, as they are.
#[tokio::test]
async fn a_second_sign_in_of_the_same_person_keeps_the_session() {
    for site in Site::all("same_person").await {
        let browser = site.browser();
        let tabs = tabs(&browser, &site).await;
        browser.get(&tabs[0].0).await;
        let session = browser.cookie("latchkey-shop");
        assert_eq!(to(&browser.get(&tabs[1].0).await), (303, "/courses?q=1"));
        assert_eq!(browser.cookie("latchkey-shop"), session);
    }
}

#[tokio::test]
async fn a_tab_whose_code_fails_leads_on_who_is_signed_in() {
    for site in Site::all("failing_tab").await {
        let browser = site.browser();
        let tabs = tabs(&browser, &site).await;
        browser.get(&tabs[0].0).await;
        site.issuer.set_away(true);
        assert_eq!(to(&browser.get(&tabs[1].0).await), (303, "/courses?q=1"));
        assert_eq!(site.issuer.redeemed().len(), 2);
        assert_eq!(browser.who().await.as_deref(), Some("Name of alice"));
    }
}

#[tokio::test]
async fn a_later_sign_in_of_another_person_takes_the_place_of_the_first() {
    for site in Site::all("another_person").await {
        let browser = site.browser();
        let first = browser.begin("/").await;
        site.clock.advance(1);
        let second = browser.begin("/courses").await;
        browser.get(&site.issuer.authorize(&first, "alice")).await;
        assert_eq!(browser.who().await.as_deref(), Some("Name of alice"));
        let session = browser.cookie("latchkey-shop").unwrap();
        let answer = browser.get(&site.issuer.authorize(&second, "bob")).await;
        assert_eq!(to(&answer), (303, "/courses"));
        assert_eq!(browser.who().await.as_deref(), Some("Name of bob"));
        assert_ne!(browser.cookie("latchkey-shop").unwrap(), session);
        // And so does one after signing out.
        browser.sign_out().await;
        assert_eq!(browser.who().await, None);
        browser.sign_in("alice").await;
    }
}

#[tokio::test]
async fn a_callback_opened_again_after_signing_out_begins_anew() {
    for site in Site::all("opened_again").await {
        let browser = site.browser();
        let earlier = site.issuer.authorize(&browser.begin("/teach").await, "alice");
        let callback = site.issuer.authorize(&browser.begin("/courses").await, "alice");
        browser.get(&callback).await;
        browser.sign_out().await;
        assert_eq!(
            to(&browser.get(&callback).await),
            (303, "/signin?return=%2Fcourses")
        );
        // Nor does one of before, which nobody has opened yet.
        assert_eq!(to(&browser.get(&earlier).await), (303, "/signin?return=%2Fteach"));
        assert_eq!(site.issuer.redeemed().len(), 1);
        assert_eq!(browser.who().await, None);
    }
}

/// RFC 6749 §4.1.2: a client uses a code once. A second time would look like a theft.
#[tokio::test]
async fn a_code_whose_answer_was_lost_is_not_sent_again() {
    for site in Site::all("lost_answer").await {
        let browser = site.browser();
        let callback = site.issuer.authorize(&browser.begin("/courses").await, "alice");
        site.issuer.set_away(true);
        let lost = browser.get(&callback).await;
        assert_eq!(lost.status, 503);
        let way = lost.attributes(".error-actions a", "href");
        assert_eq!(way, ["/signin?return=%2Fcourses"]);
        site.issuer.set_away(false);
        assert_eq!(to(&browser.get(&callback).await), (303, way[0].as_str()));
        assert_eq!(site.issuer.redeemed().len(), 1);
        let (path, _) = browser.follow(&way[0], "alice").await;
        assert_eq!(path, "/courses");
        assert_eq!(browser.who().await.as_deref(), Some("Name of alice"));
    }
}

/// Such as a reload while the first answer is still on its way.
#[tokio::test]
async fn an_answer_that_comes_twice_at_once_sends_its_code_once() {
    for site in Site::all("reload").await {
        let browser = site.browser();
        let callback = site.issuer.authorize(&browser.begin("/courses").await, "alice");
        let answers = browser.get_all(&[callback.clone(), callback]).await;
        let mut ways: Vec<_> = answers.iter().map(to).collect();
        ways.sort_unstable();
        assert_eq!(ways, [(303, "/courses"), (303, "/signin?return=%2Fcourses")]);
        assert_eq!(site.issuer.redeemed().len(), 1);
    }
}

#[tokio::test]
async fn the_cookie_for_signing_in_is_one_and_does_not_grow() {
    for site in Site::all("one_cookie").await {
        let browser = site.browser();
        let first = browser.get(&begin_at("/")).await;
        let cookie = first.header("set-cookie").to_owned();
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(attributes, "Max-Age=34560000; Path=/; HttpOnly; SameSite=Lax");
        let value = pair.strip_prefix("latchkey-sign-in-8080=").unwrap();
        for _ in 0..20 {
            assert_eq!(browser.get(&begin_at("/")).await.header("set-cookie"), "");
        }
        let request = browser.begin("/").await;
        browser.get(&site.issuer.authorize(&request, "alice")).await;
        let after = browser.cookie("latchkey-sign-in").unwrap();
        assert!(after.len() <= value.len() + 20, "{value} {after}");
        // What travels shows nothing of it.
        for name in ["state", "nonce", "code_challenge"] {
            let one = parameter(&request, name);
            assert!(!after.contains(&one) && !one.contains(value), "{name}");
        }
    }
}

/// Login CSRF: a stranger's answer, brought into somebody else's browser, signs nobody in and uses no code.
#[tokio::test]
async fn an_answer_to_another_browsers_sign_in_signs_nobody_in() {
    for site in Site::all("login_csrf").await {
        let (attacker, victim) = (site.browser(), site.browser());
        let first = site.issuer.authorize(&attacker.begin("/").await, "mallory");
        let second = site.issuer.authorize(&attacker.begin("/").await, "mallory");
        for callback in [&first, &second] {
            assert_eq!(victim.get(callback).await.status, 400);
        }
        // With a sign-in of their own under way: of the first, the worst is that they sign in as themselves.
        victim.begin("/").await;
        assert_eq!(
            to(&victim.get(&first).await),
            (303, "/signin?return=%2F"),
            "may be another tab's"
        );
        assert_eq!(victim.get(&second).await.status, 400);
        assert_eq!(victim.who().await, None);
        // Signed in, they stay who they are.
        victim.sign_in("alice").await;
        let redeemed = site.issuer.redeemed();
        for callback in [&first, &second] {
            assert_eq!(to(&victim.get(callback).await), (303, "/"));
        }
        assert_eq!(victim.who().await.as_deref(), Some("Name of alice"));
        assert_eq!(site.issuer.redeemed(), redeemed);
        // Nor does the attacker's code in a sign-in of the victim's own: the issuer refuses its verifier.
        victim.sign_out().await;
        let own = site.issuer.authorize(&victim.begin("/").await, "alice");
        let injected = with(&own, "code", Some(&parameter(&second, "code")));
        assert_eq!(victim.get(&injected).await.status, 400);
        assert_eq!(victim.who().await, None);
    }
}

/// Each change of an answer, for a visitor who is not signed in and for one who is.
#[tokio::test]
async fn a_changed_answer_is_refused_or_leads_on_whoever_is_signed_in() {
    for site in Site::all("changed_answer").await {
        let foreign = Seal::new(CLIENT.name, &[8; 32], Random::system()).close(Purpose::State, "", "{}");
        let changes: [(&str, &str, Option<&str>); 8] = [
            ("no iss", "iss", None),
            ("another iss", "iss", Some("https://evil.test")),
            ("no state", "state", None),
            ("a forged state", "state", Some("AAAAAAAAAAAAAAAAAAAAAAAA")),
            ("a state of another key", "state", Some(foreign.as_str())),
            ("no code", "code", None),
            ("an error beside the code", "error", Some("login_required")),
            ("a parameter twice", "x", Some("1&x=2")),
        ];
        for (what, name, value) in changes {
            let browser = site.browser();
            let good = site.issuer.authorize(&browser.begin("/courses").await, "alice");
            let changed = with(&good, name, value).replace("1%26x%3D2", "1&x=2");
            let redeemed = site.issuer.redeemed();
            let refused = browser.get(&changed).await;
            assert_eq!(refused.status, 400, "{what}");
            assert_eq!(refused.texts("h1"), ["You are not signed in."], "{what}");
            let opened = name != "state" && name != "x";
            let way = if opened {
                "/signin?return=%2Fcourses"
            } else {
                "/signin"
            };
            assert_eq!(refused.attributes(".error-actions a", "href"), [way], "{what}");
            assert_eq!(browser.who().await, None, "{what}");

            browser.sign_in("bob").await;
            let session = browser.cookie("latchkey-shop");
            let led = if opened { "/courses" } else { "/" };
            assert_eq!(to(&browser.get(&changed).await), (303, led), "{what}, signed in");
            assert_eq!(browser.cookie("latchkey-shop"), session, "{what}");
            assert_eq!(site.issuer.redeemed().len(), redeemed.len() + 1, "{what}");
        }
    }
}

#[tokio::test]
async fn a_sign_in_that_took_too_long_is_refused_with_a_way_back() {
    for site in Site::all("too_long").await {
        let browser = site.browser();
        let late = site.issuer.authorize(&browser.begin("/courses").await, "alice");
        let in_time = site.issuer.authorize(&browser.begin("/courses").await, "alice");
        site.clock.advance(15 * 60_000 - 1);
        assert_eq!(to(&browser.get(&in_time).await), (303, "/courses"));
        browser.sign_out().await;
        site.clock.advance(1);
        let refused = browser.get(&late).await;
        assert_eq!(refused.status, 400);
        let way = refused.attributes(".error-actions a", "href");
        let (path, _) = browser.follow(&way[0], "alice").await;
        assert_eq!(path, "/courses");
        assert_eq!(site.issuer.redeemed().len(), 2);
    }
}

#[tokio::test]
async fn whoever_says_no_is_back_where_they_were_and_nobody_is_signed_in() {
    for site in Site::all("denied").await {
        let browser = site.browser();
        let request = browser.begin("/courses").await;
        let state = parameter(&request, "state");
        let answer = |error: &str| {
            callback(&[
                ("error", error),
                ("state", state.as_str()),
                ("iss", site.issuer.url.as_str()),
            ])
        };
        assert_eq!(
            to(&browser.get(&answer("access_denied")).await),
            (303, "/courses")
        );
        let busy = browser.get(&answer("temporarily_unavailable")).await;
        assert_eq!(busy.status, 503);
        assert_eq!(browser.who().await, None);
        // They change their mind in the same tab.
        let good = site.issuer.authorize(&request, "alice");
        assert_eq!(to(&browser.get(&good).await), (303, "/courses"));
        // Nor does a stranger's no take anybody anywhere.
        let other = site.browser();
        let foreign = other.get(&answer("access_denied")).await;
        assert_eq!(foreign.status, 400);
    }
}

/// Of two cookies with one name one was planted, perhaps by a neighbouring host. The session's library would take one of
/// them, and reads a name that no browser takes for ours.
#[tokio::test]
async fn a_session_cookie_that_is_there_twice_or_in_disguise_is_none() {
    for site in Site::all("planted_cookies").await {
        let browser = site.browser();
        browser.sign_in("alice").await;
        let own = browser.cookie("latchkey-shop").unwrap();
        let ask = async |path: &str, cookies: &str| {
            let request = http::Request::get(path).header("cookie", cookies);
            site.shop.send(request.body(Body::empty()).unwrap()).await
        };
        let good = format!("latchkey-shop-8080={own}");
        assert_eq!(
            to(&ask("/signin?return=/courses", &good).await),
            (303, "/courses")
        );
        for planted in [
            format!("{good}; {good}"),
            format!("{good}; latchkey-shop-8080=AAAA"),
            format!("latchkey-shop-8080=AAAA; {good}"),
            format!("latchkey-shop-8080 =AAAA; {good}"),
            format!("%6catchkey-shop-8080={own}"),
        ] {
            let begun = ask("/signin?return=/courses", &planted).await;
            assert!(to(&begun).1.starts_with(&site.issuer.url), "{planted}");
            let page = ask("/", &planted).await;
            assert!(page.texts(".menu-name").is_empty(), "{planted}");
        }
        assert_eq!(browser.who().await.as_deref(), Some("Name of alice"));
    }
}

/// What a version before had sealed with one key for everything, and what nobody has sealed.
#[tokio::test]
async fn who_has_an_unreadable_session_is_signed_out_and_can_sign_in() {
    for site in Site::all("unreadable").await {
        for text in ["AgICAgICAgICAgICdLOqOy8j2B3QN2RilcuaTo4lSCkpGQ", "~"] {
            for statement in [
                "UPDATE sessions SET sealed = $1",
                "UPDATE logins SET sealed_refresh = $1",
                "UPDATE logins SET sealed_hint = $1",
            ] {
                let browser = site.browser();
                browser.sign_in("alice").await;
                site.db.write_one(sql(statement).bind(text)).await.unwrap();
                assert_eq!(browser.who().await, None, "{statement} {text}");
                browser.plant("latchkey-sign-in", text);
                browser.sign_in("alice").await;
            }
        }
    }
}
