//! One Latchkey signs people in with another.

use std::collections::BTreeMap;

use latchkey::config::Role;
use latchkey_http::outgoing::{Destination, Purpose};
use latchkey_identity::{ProviderSecret, Seed};
use latchkey_protocol::sign_up::Mode as SignUps;
use latchkey_protocol::upstream::{ClaimMap, Kind, Mode, Provider};

use crate::harness::{Browser, Seen, TestServer, run};

const SECRET: &str = "0123456789012345678901234567890123456789";

/// The other installation, as this one is configured.
fn sister(there: &TestServer) -> Provider {
    Provider {
        id: "sister".to_owned(),
        name: "Sister".to_owned(),
        kind: Kind::Oidc,
        issuer: there.issuer().to_owned(),
        client_id: "sister".to_owned(),
        scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
        claim_map: ClaimMap::default(),
        mode: Mode::SignIn,
        registers: true,
        authoritative_for: vec!["sister.test".to_owned()],
        forced_domains: Vec::new(),
        stores_tokens: false,
        tenants: Vec::new(),
        roles: BTreeMap::new(),
        acr: None,
        acr_values: Vec::new(),
    }
}

/// Two installations, of which the second knows the first. Its alice is somebody else, so the addresses differ.
pub async fn two() -> (TestServer, TestServer) {
    let there = TestServer::with(|config| config.roles = vec![Role::Identity]).await;
    let other = "UPDATE users SET email = 'alice@sister.test', email_canonical = 'alice@sister.test' \
                 WHERE username = 'alice'";
    run(there.inside().db(), other.to_owned()).await;
    let provider = sister(&there);
    let address = Destination::of(Purpose::Upstream, there.issuer()).unwrap();
    let here = TestServer::with(|config| {
        config.roles = vec![Role::Identity];
        config.people.sign_up.mode = SignUps::Open;
        config.people.providers.push(provider);
        let secret = ProviderSecret::shared(SECRET.to_owned());
        config.people.provider_secrets.insert("sister".to_owned(), secret);
        config.allow_outgoing.push(address);
    })
    .await;
    let client = format!(
        "[[clients]]\nclient_id = \"sister\"\nclient_secret = \"{SECRET}\"\n\
         grant_types = [\"authorization_code\"]\nscope = \"openid profile email\"\n\
         redirect_uris = [\"{}/upstream/sister/callback\"]\n",
        here.issuer()
    );
    let seed = Seed::parse(&client).unwrap();
    let identity = there.inside().identity().clone();
    identity.seed(seed, "test").await.unwrap();
    (there, here)
}

/// Signs alice in there, as far as she is not, and comes back.
async fn by_sister(there: &TestServer, here: &TestServer, browser: &Browser) -> Seen {
    let page = browser.open(&format!("{}/account", here.issuer()), "").await;
    let gone = browser.press(&page, "#with-sister", &[]).await;
    let mut seen = browser.follow(gone, "").await;
    if seen.has("#sign-in") {
        let (name, password) = there.person("alice");
        let fields = [("username", name), ("password", password)];
        let next = browser.press(&seen, "#sign-in", &fields).await;
        seen = browser.follow(next, "").await;
    }
    if seen.has("#allow") {
        let next = browser.press(&seen, "#allow", &[]).await;
        seen = browser.follow(next, "").await;
    }
    seen
}

#[tokio::test]
async fn somebody_known_to_one_installation_signs_in_at_another() {
    let (there, here) = two().await;
    let browser = Browser::new();
    let page = by_sister(&there, &here, &browser).await;
    assert_eq!(page.url.path(), "/upstream/register", "{page:?}");
    assert!(page.url.as_str().starts_with(here.issuer()), "{page:?}");
    let name = [("username", "alice-of-sister")];
    let done = browser.press(&page, "#finish", &name).await;
    browser.follow(done, "").await;
    let account = browser.open(&format!("{}/account", here.issuer()), "").await;
    assert_eq!(account.url.path(), "/account", "{account:?}");

    // The next time she is known, in any browser.
    let other = Browser::new();
    let account = by_sister(&there, &here, &other).await;
    assert_eq!(account.url.path(), "/account", "{account:?}");
    there.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn an_installation_that_is_denied_or_gone_signs_nobody_in() {
    let (there, here) = two().await;
    let browser = Browser::new();
    let page = browser.open(&format!("{}/account", here.issuer()), "").await;
    let gone = browser.press(&page, "#with-sister", &[]).await;
    let login = browser.follow(gone, "").await;
    let next = browser.press(&login, "#cancel", &[]).await;
    let denied = browser.follow(next, "").await;
    assert_eq!(
        (denied.answer.status, denied.error().as_str()),
        (502, "provider_failed"),
        "{denied:?}"
    );
    let page = browser.open(&format!("{}/account", here.issuer()), "").await;
    let gone = browser.press(&page, "#with-sister", &[]).await;
    let login = browser.follow(gone, "").await;
    let (name, password) = there.person("alice");
    let fields = [("username", name), ("password", password)];
    let next = browser.press(&login, "#sign-in", &fields).await;
    let callback = format!("{}/upstream/", here.issuer());
    let mut seen = browser.follow(next, &callback).await;
    if seen.has("#allow") {
        let next = browser.press(&seen, "#allow", &[]).await;
        seen = browser.follow(next, &callback).await;
    }
    there.stop().await;
    let failed = browser.follow(seen, "").await;
    assert_eq!(failed.error(), "provider_failed", "{failed:?}");
    here.stop().await;
}
