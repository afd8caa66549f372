//! What both sites tell browsers: reports of broken policies, and cookies.

use crate::harness::{Answer, Browser, Matrix, Seen, TestServer, anonymous, http};

/// BF-09.
#[tokio::test]
async fn browsers_tell_both_sites_of_pages_that_broke_their_policy() {
    let server = TestServer::new().await;
    let shop = server.running().urls.shop.clone().unwrap();
    for site in [server.issuer().to_owned(), shop] {
        let page = anonymous(&format!("{site}/")).await;
        assert!(
            page.header("content-security-policy")
                .contains("; report-uri /csp-report;"),
            "{page:?}"
        );
        let report = |body: String| {
            let request = http().post(format!("{site}/csp-report"));
            Answer::of(
                request
                    .header("content-type", "application/csp-report")
                    .body(body),
            )
        };
        let good = r#"{"csp-report":{"document-uri":"https://x.test/login?a=b","violated-directive":"script-src",
            "blocked-uri":"inline"}}"#;
        assert_eq!(report(good.to_owned()).await.status, 204, "{site}");
        for bad in ["", "{}", "[1]", &format!("{good}{}", " ".repeat(9_000))] {
            assert_eq!(report(bad.to_owned()).await.status, 400, "{site} {bad}");
        }
    }
    server.stop().await;
}

/// BF-02: every cookie of every answer, read whole.
#[tokio::test]
async fn every_cookie_is_kept_from_scripts_other_sites_and_other_hosts() {
    let server = TestServer::new().await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let mut cookies = Vec::new();
    let mut look = |seen: &Seen| {
        let all = seen.answer.headers.get_all("set-cookie");
        cookies.extend(all.iter().map(|line| line.to_str().expect("text").to_owned()));
    };
    let kept = browser.get(&app.request(&[])).await;
    look(&kept);
    let page = browser.follow(kept, &app.redirect_uri).await;
    look(&page);
    let (name, password) = server.person("alice");
    let next = browser
        .press(&page, "#sign-in", &[("username", name), ("password", password)])
        .await;
    look(&next);
    let asked = browser.open(&format!("{}/logout", server.issuer()), "").await;
    look(&browser.press(&asked, "#sign-out", &[]).await);
    let shop = server.running().urls.shop.clone().expect("the shop");
    for path in ["/", "/sign-in"] {
        look(&browser.get(&format!("{shop}{path}")).await);
    }
    let theme = [("theme", "dark"), ("back", "/")];
    look(
        &browser
            .post(&format!("{}/theme", server.issuer()), server.issuer(), &theme)
            .await,
    );
    let language = [("language", "tr"), ("back", "/")];
    for site in [server.issuer(), &shop] {
        let url = format!("{site}/language");
        look(&browser.post(&url, site, &language).await);
    }
    assert!(cookies.len() >= 8, "{cookies:?}");
    let mut matrix = Matrix::new("BF-02 cookie × attribute");
    for line in &cookies {
        let mut parts = line.split(';').map(str::trim);
        let name = parts
            .next()
            .and_then(|pair| pair.split_once('='))
            .expect("a pair")
            .0
            .to_owned();
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        let has = |attribute: &str| attributes.iter().any(|known| known == attribute);
        matrix.hold(format!("{name} HttpOnly"), has("httponly"), line);
        matrix.hold(format!("{name} SameSite"), has("samesite=lax"), line);
        matrix.hold(format!("{name} Path"), has("path=/"), line);
        matrix.hold(
            format!("{name} no Domain"),
            !attributes.iter().any(|known| known.starts_with("domain")),
            line,
        );
        let port = name
            .rsplit('-')
            .next()
            .is_some_and(|port| port.parse::<u16>().is_ok());
        matrix.hold(format!("{name} of this port"), port, line);
    }
    matrix.end();
    server.stop().await;
}
