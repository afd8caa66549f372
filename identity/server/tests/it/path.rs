//! An issuer with a path: all of it lies below, whatever else its host serves.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use latchkey_protocol::sign_up::Mode;
use serde_json::json;
use url::Url;

use crate::harness::{Browser, IssuerServer, Matrix, Seen, Tokens, anonymous, claims, raw, secret_of};
use crate::recovery::{ALICE, ask};

const PATH: &str = "/tenants/auth";

async fn below() -> IssuerServer {
    IssuerServer::with(|options| {
        options.path = PATH.to_owned();
        options.settings.sign_up.mode = Mode::Open;
    })
    .await
}

/// The address of a path of the issuer's host.
fn at_host(server: &IssuerServer, path: &str) -> String {
    let issuer = server.issuer();
    format!("{}{path}", issuer.strip_suffix(PATH).unwrap())
}

/// The account page of alice, who signs in.
async fn account(server: &IssuerServer, browser: &Browser) -> Seen {
    let page = browser.open(&format!("{}/account", server.issuer()), "").await;
    let (name, password) = server.person("alice");
    let fields = [("username", name), ("password", password)];
    let next = browser.press(&page, "#sign-in", &fields).await;
    browser.follow(next, "").await
}

#[tokio::test]
async fn discovery_of_an_issuer_with_a_path_is_where_both_standards_look() {
    let server = below().await;
    let mut matrix = Matrix::new("well-known × form → status, issuer");
    let issuer = server.issuer();
    for (path, found) in [
        (format!("{PATH}/.well-known/openid-configuration"), true),
        (format!("/.well-known/openid-configuration{PATH}"), true),
        (format!("/.well-known/oauth-authorization-server{PATH}"), true),
        (format!("{PATH}/.well-known/oauth-authorization-server"), true),
        ("/.well-known/openid-configuration".to_owned(), false),
        ("/.well-known/oauth-authorization-server".to_owned(), false),
        (
            "/.well-known/oauth-authorization-server/tenants".to_owned(),
            false,
        ),
        (format!("/.well-known/oauth-authorization-server{PATH}x"), false),
        (
            format!("/.well-known/oauth-authorization-server{PATH}/token"),
            false,
        ),
    ] {
        let answer = anonymous(&at_host(&server, &path)).await;
        let said = answer.json()["issuer"].as_str().unwrap_or_default().to_owned();
        let expected = if found {
            (200, issuer.to_owned())
        } else {
            (404, String::new())
        };
        matrix.cell(path, (answer.status, said), expected);
    }
    matrix.end();
    let document = anonymous(&format!("{issuer}/.well-known/openid-configuration"))
        .await
        .json();
    let addresses = document.as_object().unwrap().iter();
    let addresses = addresses.filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri");
    let mut seen = 0;
    for (name, address) in addresses {
        let address = address.as_str().unwrap();
        assert!(address.starts_with(&format!("{issuer}/")), "{name}: {address}");
        let status = anonymous(address).await.status;
        assert_ne!(status, 404, "{name}: {address}");
        seen += 1;
    }
    assert!(seen > 6, "{document}");
    server.stop().await;
}

#[tokio::test]
async fn a_hosts_own_well_known_addresses_lead_below_the_path() {
    let server = below().await;
    let led = anonymous(&at_host(&server, "/.well-known/change-password")).await;
    let page = format!("{PATH}/account/password");
    assert_eq!((led.status, led.header("location")), (303, page.as_str()));
    let told = anonymous(&at_host(&server, "/.well-known/passkey-endpoints")).await;
    let page = format!("{}/account/passkeys", server.issuer());
    assert_eq!(told.json(), json!({ "enroll": page, "manage": page }));
    assert_eq!(
        anonymous(&at_host(&server, "/.well-known/webauthn")).await.status,
        404
    );
    assert_eq!(
        anonymous(&at_host(&server, "/readyz")).await.status,
        200,
        "probes are the process's"
    );
    server.stop().await;
}

async fn a_client_works_with_an_issuer_below_a_path(server: IssuerServer) {
    let app = server
        .plant_app("web", Some(&secret_of("web")), "openid profile")
        .await;
    let browser = Browser::new();
    let page = app.begin(&browser, &[]).await;
    assert!(
        page.url
            .as_str()
            .starts_with(&format!("{}/login?", server.issuer())),
        "{page:?}"
    );
    let back = app.walk(&browser, server.person("alice"), &[]).await;
    assert_eq!(back.iss.as_deref(), Some(server.issuer()), "RFC 9207");
    let answer = app.redeem(back.code.as_deref().unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let tokens = Tokens::of(&answer);
    let told = claims(tokens.id.as_deref().unwrap());
    assert_eq!(told["iss"], server.issuer());
    let userinfo = app.userinfo(&tokens.access).await;
    assert_eq!(
        (userinfo.status, &userinfo.json()["name"]),
        (200, &json!("Alice Martin"))
    );
    let again = app.refresh(tokens.refresh()).await;
    assert_eq!(again.status, 200, "{again:?}");
    let machine = server.machine("m-basic");
    let token = machine.token().await;
    let known = server.machine("rs-all").introspect(&token).await.json();
    assert_eq!(known["active"], true);
    assert_eq!(machine.revoke(&token).await.status, 200);
    assert!(!server.is_active(&token).await);
    // The second time, consent is remembered and nothing is asked.
    let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert!(silent.code.is_some(), "{silent:?}");
    server.sign_out(&browser).await;
    let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(silent.error.as_deref(), Some("login_required"));
    server.stop().await;
}

#[tokio::test]
async fn a_client_works_below_a_path_on_sqlite() {
    a_client_works_with_an_issuer_below_a_path(below().await).await;
}

#[tokio::test]
async fn a_client_works_below_a_path_on_postgresql() {
    let server = IssuerServer::on_postgres_with(|options| options.path = PATH.to_owned()).await;
    a_client_works_with_an_issuer_below_a_path(server).await;
}

/// Pages that nothing leads to for these two browsers; the others are found by their links.
const BEGIN: &[&str] = &[
    "/",
    "/account",
    "/account/password",
    "/account/email",
    "/account/email/notices",
    "/account/delete",
    "/account/export",
    "/account/profile",
    "/account/passkeys",
    "/account/totp/new",
    "/account/recovery-codes",
    "/account/second",
    "/account/sessions",
    "/account/applications",
    "/account/history",
    "/account/why",
    "/account/providers",
    "/account?done=password",
    "/register",
    "/register/check",
    "/register/finish",
    "/register/link?token=x",
    "/register/invited?token=x",
    "/recover",
    "/recover/sent",
    "/recover/new",
    "/recover/done",
    "/recover/link?token=x",
    "/recover/stop?token=x",
    "/account/email/undo?token=x",
    "/required/terms",
    "/required/factor",
    "/required/deletion",
    "/second",
    "/consent",
    "/confirm",
    "/passkey",
    "/login",
    "/login/code",
    "/logout",
    "/signed-out",
    "/continue",
    "/upstream/confirm",
    "/upstream/register",
    "/authorize",
    "/nowhere",
    "//evil.test",
];

/// Opens every page that can be reached by links and redirects; what it found, and every address that leads out.
async fn walk(server: &IssuerServer, browser: &Browser) -> (usize, Vec<String>) {
    let mut waiting: Vec<String> = BEGIN
        .iter()
        .map(|path| format!("{}{path}", server.issuer()))
        .collect();
    let (mut known, mut astray) = (BTreeSet::new(), Vec::new());
    let mut pages = 0;
    while let Some(url) = waiting.pop() {
        // The same page in another request says nothing new.
        let page = url.split("request=").next().unwrap_or(&url).to_owned();
        if !known.insert(page) {
            continue;
        }
        let seen = browser.get(&url).await;
        pages += 1;
        let location = seen.answer.header("location").to_owned();
        let mut found: Vec<(String, bool)> = Vec::new();
        if !location.is_empty() {
            found.push((location, true));
        }
        for attribute in ["href", "src", "action", "formaction"] {
            let addresses = seen.answer.attributes(&format!("[{attribute}]"), attribute);
            found.extend(addresses.into_iter().map(|to| (to, attribute == "href")));
        }
        let policy = seen.answer.header("content-security-policy");
        if !policy.is_empty() && !policy.contains(&format!("report-uri {PATH}/csp-report")) {
            astray.push(format!("{url}: {policy}"));
        }
        for (to, opens) in found {
            if to.starts_with('#') || to.starts_with("otpauth:") {
                continue;
            }
            let absolute = seen.url.join(&to).unwrap();
            if !absolute.path().starts_with(&format!("{PATH}/")) || absolute.origin() != seen.url.origin() {
                astray.push(format!("{url}: {to}"));
            } else if opens && !absolute.path().contains("/static/") {
                waiting.push(absolute.to_string());
            } else {
                let file = browser.get(absolute.as_str()).await.answer;
                let is_file = absolute.path().contains("/static/");
                if is_file && file.status != 200 {
                    astray.push(format!("{url}: {to} is {}", file.status));
                }
            }
        }
    }
    (pages, astray)
}

#[tokio::test]
async fn no_page_leads_out_of_the_path() {
    let server = below().await;
    let (alice, stranger) = (Browser::new(), Browser::new());
    assert!(account(&server, &alice).await.has("#checkup"));
    for browser in [&stranger, &alice] {
        let (pages, astray) = walk(&server, browser).await;
        assert!(astray.is_empty(), "{astray:#?}");
        assert!(pages >= BEGIN.len(), "{pages}");
    }
    server.stop().await;
}

/// Addresses of others, which a template gets whole.
const OTHERS: &[&str] = &[
    "address",
    "canonical",
    "home",
    "link",
    "support",
    "to",
    "uri",
    "url",
];

/// The pages that no walk reaches have the same rule: an address of ours begins with the path.
#[test]
fn every_address_of_a_template_begins_with_the_path() {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates");
    let mut files: Vec<PathBuf> = ["base.html", "partials/language.html", "partials/theme.html"]
        .map(|name| templates.join(name))
        .into();
    let pages = fs::read_dir(templates.join("identity")).unwrap();
    files.extend(pages.map(|page| page.unwrap().path()));
    let mut found = 0;
    for file in files {
        // It is the administrator's, on a listener without the path.
        if file.ends_with("identity/outbox.html") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for name in ["href=\"", "src=\"", "action=\"", "formaction=\""] {
            for (at, _) in text
                .match_indices(name)
                .filter(|(at, _)| text[..*at].ends_with(' '))
            {
                let value = &text[at + name.len()..];
                let others = OTHERS
                    .iter()
                    .any(|other| value.starts_with(&format!("{{{{ {other} }}}}\"")));
                let ours = ["{{ page.base }}", "{{ page.to(", "#"]
                    .iter()
                    .any(|begin| value.starts_with(begin));
                let shown: String = value.chars().take(60).collect();
                assert!(ours || others, "{}: {name}{shown}", file.display());
                found += 1;
            }
        }
    }
    assert!(found > 120, "{found}");
}

#[tokio::test]
async fn a_return_address_cannot_leave_the_path() {
    let server = below().await;
    for (back, to) in [
        ("/account", format!("{PATH}/account")),
        ("/login?request=x", format!("{PATH}/login?request=x")),
        ("//evil.test", format!("{PATH}/")),
        ("/\\evil.test", format!("{PATH}/")),
        ("https://evil.test", format!("{PATH}/")),
        ("", format!("{PATH}/")),
    ] {
        let origin = at_host(&server, "");
        for (form, field) in [("theme", ("theme", "dark")), ("language", ("language", "fr"))] {
            let url = format!("{}/{form}", server.issuer());
            let seen = Browser::new().post(&url, &origin, &[field, ("back", back)]).await;
            assert_eq!(seen.answer.header("location"), to, "{form} {back:?}");
        }
    }
    // The origin has no path, and what has one is no origin.
    let url = format!("{}/theme", server.issuer());
    let seen = Browser::new()
        .post(&url, server.issuer(), &[("theme", "dark")])
        .await;
    assert_eq!(seen.answer.status, 403);
    server.stop().await;
}

#[tokio::test]
async fn what_looks_like_the_path_is_not_the_issuer() {
    let server = below().await;
    let host = at_host(&server, "");
    let authority = host.strip_prefix("http://").unwrap();
    let mut matrix = Matrix::new("path as sent → served");
    for (path, served) in [
        ("/tenants/auth/jwks", true),
        ("/", false),
        ("/jwks", false),
        ("/token", false),
        ("/login", false),
        ("/tenants", false),
        ("/tenants/", false),
        ("/tenants/authx", false),
        ("/tenants/authx/jwks", false),
        ("/tenants/auth.evil.test/jwks", false),
        ("/TENANTS/auth/jwks", false),
        ("//tenants/auth/jwks", false),
        ("/tenants//auth/jwks", false),
        ("/tenants/auth//jwks", false),
        ("/tenants/auth/../jwks", false),
        ("/tenants/x/../auth/jwks", false),
        ("/tenants/auth/%2e%2e/jwks", false),
        ("/tenants%2fauth/jwks", false),
        ("/tenants/%61uth/jwks", false),
        ("/tenants/auth/tenants/auth/jwks", false),
        ("/tenants/auth;x/jwks", false),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
        let answer = raw(&host.replace("localhost", "127.0.0.1"), request.as_bytes()).await;
        matrix.cell(path.to_owned(), answer.status == 200, served);
        assert!(
            answer.status == 200 || (400..500).contains(&answer.status),
            "{path}: {answer:?}"
        );
        assert!(!answer.text.contains("evil.test"), "{path}: {}", answer.text);
    }
    matrix.end();
    server.stop().await;
}

#[tokio::test]
async fn two_issuers_of_one_host_have_cookies_of_their_own() {
    let mut names = BTreeSet::new();
    for path in ["", "/one", "/one/two", "/one-two"] {
        let issuer = format!("https://id.test{path}");
        let server = IssuerServer::with(|options| options.issuer = Some(issuer)).await;
        let seen = Browser::new().get(&format!("{}/account", server.url())).await;
        let lines = seen.answer.headers.get_all("set-cookie");
        let lines: Vec<_> = lines.iter().map(|line| line.to_str().unwrap()).collect();
        assert!(!lines.is_empty(), "{seen:?}");
        for line in lines {
            assert!(line.starts_with("__Host-latchkey-"), "{line}");
            assert!(line.contains("Path=/;") && line.ends_with("Secure"), "{line}");
            assert!(
                names.insert(line.split('=').next().unwrap().to_owned()),
                "{line} {names:?}"
            );
        }
        server.stop().await;
    }
}

/// The session of one issuer says nothing to another of the same host, and ends by its own sign-out alone.
#[tokio::test]
async fn one_browser_is_signed_in_at_two_issuers_of_a_host() {
    let one = below().await;
    let two = IssuerServer::with(|options| options.path = "/two".to_owned()).await;
    let browser = Browser::new();
    assert!(account(&one, &browser).await.has("#checkup"));
    let there = browser.open(&format!("{}/account", two.issuer()), "").await;
    assert!(there.has("#sign-in"), "{there:?}");
    assert!(account(&two, &browser).await.has("#checkup"));
    one.sign_out(&browser).await;
    let there = browser.open(&format!("{}/account", two.issuer()), "").await;
    assert!(there.has("#checkup"), "{there:?}");
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_mailed_link_leads_below_the_path() {
    let server = below().await;
    let browser = Browser::new();
    ask(&server, &browser, "alice").await;
    let mail = server.mail_to(ALICE).await;
    let link = Url::parse(mail.link()).unwrap();
    assert!(
        link.as_str()
            .starts_with(&format!("{}/recover/link?token=", server.issuer()))
    );
    assert!(
        browser
            .open(link.as_str(), "")
            .await
            .has("form[action='/tenants/auth/recover/link']")
    );
    // The administrator's page of mails is on another listener, without the path.
    let page = Browser::new().get(server.outbox()).await;
    for file in page.answer.attributes("link[rel='stylesheet']", "href") {
        let url = page.url.join(&file).unwrap();
        assert_eq!(
            Browser::new().get(url.as_str()).await.answer.status,
            200,
            "{file}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_passkey_belongs_to_the_host_and_signs_in_below_the_path() {
    let server = below().await;
    let (_browser, mut authenticator) = crate::passkeys::with_passkey(&server).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let told = crate::passkeys::sign_in_by_passkey(&app, &browser, &mut authenticator, &[]).await;
    assert_eq!(
        (&told["acr"], &told["iss"]),
        (&json!("phr"), &json!(server.issuer()))
    );
    server.stop().await;
}
