//! Domains whose people sign in with one provider alone: every other way to a session or an account, tried in vain.

use latchkey_identity::NewInvite;
use latchkey_protocol::upstream::Provider;

use crate::harness::second::finish;
use crate::harness::{Browser, IssuerServer, Options, lines, run};
use crate::linking::{StandIn, by_provider, connect, issuer, on_both, person, signed_in};
use crate::mail_code::asked;
use crate::recovery::{ALICE, is, records};
use crate::sign_up::{begin, finished, verify};

/// Beside the stand-in a provider that alone names the people of `work.test`.
fn beside_work(provider: &mut Provider, options: &mut Options) {
    options.settings.providers.push(Provider {
        id: "work".to_owned(),
        name: "Work".to_owned(),
        forced_domains: vec!["work.test".to_owned()],
        ..provider.clone()
    });
}

async fn lives_at(server: &IssuerServer, address: &str) {
    let moved = format!(
        "UPDATE users SET email = '{address}', email_canonical = '{address}' WHERE username = 'alice'"
    );
    run(server.db(), moved).await;
}

async fn a_mailed_code_is_no_way_past_the_provider(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |provider, options| {
        provider.forced_domains = vec!["example.test".to_owned()];
        options.settings.mail_code = true;
    })
    .await;
    let app = server.app("demo-web", "openid");
    // By what is typed, whoever has the address.
    let mut pages = Vec::new();
    for address in [ALICE, "nobody@example.test"] {
        let seen = asked(&app, &Browser::new(), address).await;
        assert!(is(&seen, 422, "provider_domain"), "{seen:?}");
        pages.push(seen.text("#error"));
    }
    assert_eq!(pages[0], pages[1]);
    // The user name is answered as any other, and gets no code.
    let browser = Browser::new();
    let page = asked(&app, &browser, "alice").await;
    assert!(page.has("#code"), "{page:?}");
    let wrong = browser.press(&page, "#verify", &[("code", "000000")]).await;
    assert!(is(&wrong, 422, "code_wrong"), "{wrong:?}");
    assert!(server.mails_to(ALICE).await.is_empty());
    server.stop().await;
}

/// A code that was mailed before the operator said so.
async fn a_code_from_before_the_domain_was_forced_counts_no_more(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |provider, options| {
        beside_work(provider, options);
        options.settings.mail_code = true;
    })
    .await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = asked(&app, &browser, "alice").await;
    let mail = server.mail_to(ALICE).await;
    lives_at(&server, "alice@work.test").await;
    let refused = browser.press(&page, "#verify", &[("code", mail.code())]).await;
    assert!(is(&refused, 422, "code_wrong"), "{refused:?}");
    assert_eq!(browser.cookie("latchkey-session"), None);
    server.stop().await;
}

async fn another_provider_is_no_way_past_the_one_of_the_domain(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, beside_work).await;
    op.say(person("s1", "ada@op.test"));
    connect(&server, &op, &signed_in(&server, "alice").await).await;
    lives_at(&server, "alice@work.test").await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let refused = by_provider(&server, &op, &app, &browser).await;
    assert!(is(&refused, 422, "provider_domain"), "{refused:?}");
    assert!(refused.text("#error").contains("Work"), "{refused:?}");
    assert_eq!(browser.cookie("latchkey-session"), None);
    let by_it = "SELECT method AS line FROM session_proofs WHERE method = 'upstream'";
    assert!(lines(server.db(), by_it).await.is_empty());
    assert_eq!(
        records(&server, "upstream.").await,
        ["upstream.linked", "upstream.refused"]
    );
    // Of a domain that nobody claims, the same account elsewhere is a way in.
    lives_at(&server, "alice@elsewhere.test").await;
    let other = Browser::new();
    let back = by_provider(&server, &op, &app, &other).await;
    let back = finish(&app, &other, back).await;
    assert!(back.code.is_some(), "{back:?}");
    server.stop().await;
}

async fn the_provider_of_the_domain_signs_its_people_in(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |provider, options| {
        beside_work(provider, options);
        provider.forced_domains = vec!["op.test".to_owned()];
    })
    .await;
    op.say(person("s1", "ada@op.test"));
    connect(&server, &op, &signed_in(&server, "alice").await).await;
    lives_at(&server, "alice@op.test").await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let back = by_provider(&server, &op, &app, &browser).await;
    let back = finish(&app, &browser, back).await;
    assert!(back.code.is_some(), "{back:?}");
    server.stop().await;
}

async fn another_provider_registers_nobody_of_the_domain(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, beside_work).await;
    op.say(person("s1", "eve@work.test"));
    let app = server.app("demo-web", "openid");
    let refused = by_provider(&server, &op, &app, &Browser::new()).await;
    assert!(is(&refused, 422, "domain"), "{refused:?}");
    assert!(server.mails_to("eve@work.test").await.is_empty());
    server.stop().await;
}

async fn an_invitation_to_the_domain_leads_to_its_provider(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, beside_work).await;
    let new = NewInvite {
        email: Some("ada@work.test".to_owned()),
        mail: true,
        roles: vec![],
        groups: Vec::new(),
        client: None,
        locale: "en".to_owned(),
        max_uses: 1,
    };
    server.identity().invitations().invite(new, "cli").await.unwrap();
    let mail = server.mail_to("ada@work.test").await;
    let page = Browser::new().get(mail.link()).await;
    assert!(is(&page, 422, "provider_domain"), "{page:?}");
    assert!(!page.has("#accept"), "{page:?}");
    server.stop().await;
}

/// Whatever led to the last page: what it makes would have a password.
async fn no_password_is_made_for_an_address_of_the_domain(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, beside_work).await;
    let browser = Browser::new();
    let check = begin(&server, &browser, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let proved = verify(&browser, &check, mail.code()).await;
    let last = browser.follow(proved, "").await;
    let moved = "UPDATE registrations SET email = 'ada@work.test', email_canonical = 'ada@work.test'";
    run(server.db(), moved.to_owned()).await;
    let refused = browser.press(&last, "#finish", &finished("ada")).await;
    assert!(is(&refused, 422, "domain"), "{refused:?}");
    let made = "SELECT username AS line FROM users WHERE username = 'ada'";
    assert!(lines(server.db(), made).await.is_empty());
    server.stop().await;
}

on_both! {
    a_mailed_code_is_no_way_past_the_provider,
    a_code_from_before_the_domain_was_forced_counts_no_more,
    another_provider_is_no_way_past_the_one_of_the_domain,
    the_provider_of_the_domain_signs_its_people_in,
    another_provider_registers_nobody_of_the_domain,
    an_invitation_to_the_domain_leads_to_its_provider,
    no_password_is_made_for_an_address_of_the_domain,
}
