//! How an operator shows themselves: on every page of the issuer, in its mails and in discovery.

use latchkey_identity::{Brand, BrandParts, Settings};

use crate::harness::{Browser, IssuerServer};
use crate::recovery::{ALICE, ask};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest";

fn harbour() -> Settings {
    let parts = BrandParts {
        name: Some("Harbour <School>".to_owned()),
        logo: Some(PNG.to_vec()),
        accent: Some("#1A4FD0".to_owned()),
        support: Some("mailto:help@harbour.test".to_owned()),
        policy: Some("https://harbour.test/privacy".to_owned()),
    };
    Settings {
        brand: Brand::new(parts).unwrap(),
        ..Settings::default()
    }
}

#[tokio::test]
async fn pages_mails_and_discovery_show_the_operators_brand() {
    let server = IssuerServer::with(|options| options.settings = harbour()).await;
    let browser = Browser::new();
    for path in ["/account", "/recover", "/nowhere"] {
        let page = browser.open(&format!("{}{path}", server.issuer()), "").await;
        assert_eq!(page.text(".mark span"), "Harbour <School>", "{page:?}");
        assert!(page.text("title").ends_with(" · Harbour <School>"), "{page:?}");
        assert!(page.has("#support[href='mailto:help@harbour.test']"), "{page:?}");
        assert!(!page.answer.text.contains("<School>"), "it is text: {page:?}");
        for (selector, name, media, content) in [
            (".mark img", "src", "image/png", "PNG"),
            (
                "link[href^='/brand/']",
                "href",
                "text/css; charset=utf-8",
                "--accent: light-dark(#1A4FD0, #",
            ),
        ] {
            let address = page.answer.attributes(selector, name).swap_remove(0);
            let file = browser.get(&format!("{}{address}", server.issuer())).await;
            assert_eq!(file.answer.status, 200, "{address}");
            assert_eq!(file.answer.header("content-type"), media);
            assert!(file.answer.header("cache-control").ends_with("immutable"));
            assert_eq!(file.answer.header("x-content-type-options"), "nosniff");
            assert!(file.answer.text.contains(content), "{address}");
        }
    }
    let old = format!("{}/brand/logo.0000000000000000.png", server.issuer());
    assert_eq!(browser.get(&old).await.answer.status, 404);
    ask(&server, &browser, "alice").await;
    let mail = server.mail_to(ALICE).await;
    assert!(mail.text.starts_with("Harbour <School>\n"), "{mail:?}");
    let discovery = format!("{}/.well-known/openid-configuration", server.issuer());
    let discovery = browser.get(&discovery).await.answer.json();
    assert_eq!(discovery["op_policy_uri"], "https://harbour.test/privacy");
    server.stop().await;
}

#[tokio::test]
async fn an_operator_who_configures_none_shows_nothing_foreign() {
    let server = IssuerServer::new().await;
    let page = Browser::new()
        .open(&format!("{}/account", server.issuer()), "")
        .await;
    assert_eq!(page.text(".mark span"), "Latchkey");
    assert!(page.has(".mark svg") && !page.has(".mark img"), "{page:?}");
    assert!(
        !page.has("#support") && !page.has("link[href^='/brand/']"),
        "{page:?}"
    );
    let discovery = format!("{}/.well-known/openid-configuration", server.issuer());
    let discovery = Browser::new().get(&discovery).await.answer.json();
    assert!(discovery.get("op_policy_uri").is_none() && discovery.get("op_tos_uri").is_none());
    server.stop().await;
}
