//! TK-06 for what a person's sign-in gives out: codes, families, requests, cookies and forms' tokens, each shown wherever
//! another belongs.

use reqwest::header::COOKIE;

use crate::harness::{Answer, App, Browser, Matrix, Seen, TestServer, Tokens, call, http, on_both_engines};

/// Where something can be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Code,
    Verifier,
    Refresh,
    ClientSecret,
    Bearer,
    BearerAtGuard,
    Introspect,
    RequestAtContinue,
    RequestAtLogin,
    RequestAtConsent,
    RequestAtLogout,
    SessionCookie,
    BrowserCookie,
    FormToken,
    LogoutHint,
    LoginHintToken,
}

const SLOTS: [Slot; 16] = [
    Slot::Code,
    Slot::Verifier,
    Slot::Refresh,
    Slot::ClientSecret,
    Slot::Bearer,
    Slot::BearerAtGuard,
    Slot::Introspect,
    Slot::RequestAtContinue,
    Slot::RequestAtLogin,
    Slot::RequestAtConsent,
    Slot::RequestAtLogout,
    Slot::SessionCookie,
    Slot::BrowserCookie,
    Slot::FormToken,
    Slot::LogoutHint,
    Slot::LoginHintToken,
];

/// A person with everything that a sign-in gives, fresh for one place.
struct Held {
    browser: Browser,
    /// A consent page under way.
    page: Seen,
    code: String,
    tokens: Tokens,
}

fn field(page: &Seen, button: &str, name: &str) -> String {
    let pairs = page.form(button).pairs;
    pairs
        .into_iter()
        .find(|(known, _)| known == name)
        .expect("a field")
        .1
}

impl Held {
    async fn new(server: &TestServer, app: &App) -> Self {
        let browser = Browser::new();
        let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
        let code = app.walk(&browser, ("", ""), &[]).await.code.expect("a code");
        let page = app.begin(&browser, &[("prompt", "consent")]).await;
        Self {
            browser,
            page,
            code,
            tokens,
        }
    }

    /// Everything by name, with the places where it belongs.
    fn artefacts(&self) -> Vec<(&'static str, String, &'static [Slot])> {
        let cookie = |prefix: &str| {
            self.browser
                .cookie(prefix)
                .unwrap_or_else(|| panic!("no {prefix}"))
        };
        vec![
            ("code", self.code.clone(), &[Slot::Code]),
            (
                "refresh token",
                self.tokens.refresh().to_owned(),
                &[Slot::Refresh, Slot::Introspect],
            ),
            ("access token", self.tokens.access.clone(), &[Slot::Bearer]),
            (
                "ID token",
                self.tokens.id.clone().expect("an ID token"),
                &[Slot::LogoutHint, Slot::LoginHintToken],
            ),
            (
                "request",
                field(&self.page, "#allow", "request"),
                &[Slot::RequestAtContinue, Slot::RequestAtConsent],
            ),
            (
                "form token",
                field(&self.page, "#allow", "token"),
                &[Slot::FormToken],
            ),
            (
                "session cookie",
                cookie("latchkey-session"),
                &[Slot::SessionCookie],
            ),
            (
                "browser cookie",
                cookie("latchkey-browser"),
                &[Slot::BrowserCookie],
            ),
            ("device cookie", cookie("latchkey-device"), &[]),
        ]
    }

    /// Whether the issuer takes it there.
    async fn taken(&self, server: &TestServer, app: &App, slot: Slot, artefact: &str) -> bool {
        let at = |path: &str| format!("{}{path}", server.issuer());
        let encoded: String = url::form_urlencoded::byte_serialize(artefact.as_bytes()).collect();
        // A cookie of another kind in place of this one, the others as they are.
        let with_cookie = async |kind: &str, path: &str| {
            let all = self.browser.cookie_header("localhost").expect("cookies");
            let changed: Vec<String> = all
                .split("; ")
                .map(|pair| match pair.split_once('=') {
                    Some((name, _)) if name.starts_with(kind) => format!("{name}={artefact}"),
                    _ => pair.to_owned(),
                })
                .collect();
            Answer::of(http().get(at(path)).header(COOKIE, changed.join("; "))).await
        };
        match slot {
            Slot::Code => app.redeem(artefact).await.status == 200,
            Slot::Verifier => {
                let more = [("code_verifier", artefact)];
                app.redeem_with(&self.code, &more).await.status == 200
            }
            Slot::Refresh => app.refresh(artefact).await.status == 200,
            Slot::ClientSecret => {
                let request = http()
                    .post(at("/token"))
                    .basic_auth("demo-machine", Some(artefact));
                Answer::of(request.form(&[("grant_type", "client_credentials")]))
                    .await
                    .status
                    == 200
            }
            Slot::Bearer => app.userinfo(artefact).await.status == 200,
            Slot::BearerAtGuard => {
                let whoami = format!("{}/catalog/v1/whoami", server.api());
                call(artefact, &whoami).await.status == 200
            }
            Slot::Introspect => {
                // A refresh token is its own client's to look at; nothing of a person is anybody else's.
                let own = app.post("/introspect", &[("token", artefact)]).await;
                own.status == 200 && own.json()["active"] == true
            }
            Slot::RequestAtContinue => {
                let seen = self
                    .browser
                    .get(&at(&format!("/continue?request={encoded}")))
                    .await;
                seen.answer.status == 303
            }
            Slot::RequestAtLogin => {
                let seen = self.browser.get(&at(&format!("/login?request={encoded}"))).await;
                seen.answer.status == 200 && seen.has("#sign-in")
            }
            Slot::RequestAtConsent => {
                let seen = self
                    .browser
                    .get(&at(&format!("/consent?request={encoded}")))
                    .await;
                seen.answer.status == 200 && seen.has("#allow")
            }
            Slot::RequestAtLogout => {
                let seen = self.browser.get(&at(&format!("/logout?request={encoded}"))).await;
                // Anybody may ask to sign out; only a sign-out under way is gone on with.
                let page = seen
                    .has("#sign-out")
                    .then(|| field(&seen, "#sign-out", "request"));
                page.is_some_and(|request| request == artefact)
            }
            Slot::SessionCookie => {
                let answer = with_cookie("latchkey-session", "/account").await;
                answer.status == 200 && answer.text.contains("id=\"checkup\"")
            }
            Slot::BrowserCookie => {
                let request = field(&self.page, "#allow", "request");
                let answer = with_cookie("latchkey-browser", &format!("/consent?request={request}")).await;
                answer.status == 200 && answer.text.contains("id=\"allow\"")
            }
            Slot::FormToken => {
                let seen = self
                    .browser
                    .press(&self.page, "#allow", &[("token", artefact)])
                    .await;
                seen.answer.status == 303
            }
            Slot::LogoutHint => {
                let url = at(&format!(
                    "/logout?client_id={}&id_token_hint={encoded}",
                    app.client_id
                ));
                self.browser.get(&url).await.answer.status == 303
            }
            Slot::LoginHintToken => {
                let more = [("prompt", "none"), ("id_token_hint", artefact)];
                let seen = app.begin(&self.browser, &more).await;
                seen.location()
                    .is_some_and(|to| to.query().unwrap_or_default().contains("code="))
            }
        }
    }
}

/// CVE-2026-4282, CVE-2026-4325, TK-06.
async fn nothing_issued_by_a_sign_in_passes_for_another_kind(server: TestServer) {
    let secret = Some("a-secret-of-this-test");
    let app = server.plant_app("held", secret, "openid").await;
    let mut matrix = Matrix::new("TK-06 what a sign-in gives × place");
    for slot in SLOTS {
        // One life holds for a place where nothing is taken; what is taken is spent, so it comes last.
        let held = Held::new(&server, &app).await;
        let (own, others): (Vec<_>, Vec<_>) = held
            .artefacts()
            .into_iter()
            .partition(|(_, _, places)| places.contains(&slot));
        for (name, artefact, places) in others.into_iter().chain(own) {
            let got = held.taken(&server, &app, slot, &artefact).await;
            matrix.cell(format!("{name} × {slot:?}"), got, places.contains(&slot));
        }
        // Guesses at the machine's secret are throttled.
        server.clock.advance(1_000);
    }
    matrix.end();
    server.stop().await;
}

/// RT-11, RT-12.
/// TK-18: whatever makes a code or refresh token give nothing, the answer is one, byte for byte.
async fn every_dead_grant_is_one_answer_and_no_artefact_passes_for_another(server: TestServer) {
    let (app, browser) = (server.app("demo-web", "openid catalog.read"), Browser::new());
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let whole = |answer: &Answer| {
        (
            answer.status,
            answer.text.clone(),
            answer.header("cache-control").to_owned(),
        )
    };
    let unknown = app.redeem("nobody-has-this-code").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (400, "invalid_grant"));
    let mut matrix = Matrix::new("TK-18 artefact × grant");
    let mut text = tokens.refresh().to_owned();
    let last = if text.pop() == Some('A') { 'B' } else { 'A' };
    text.push(last);
    let id = tokens.id.clone().unwrap();
    let session = browser.cookie("latchkey-session").unwrap();
    for (what, artefact) in [
        ("refresh token", tokens.refresh()),
        ("access token", &tokens.access),
        ("ID token", &id),
        ("session", &session),
        ("nonsense", "x"),
    ] {
        matrix.cell(
            format!("{what} as a code"),
            whole(&app.redeem(artefact).await),
            whole(&unknown),
        );
    }
    matrix.cell(
        "a refresh token with a false tag",
        whole(&app.refresh(&text).await),
        whole(&unknown),
    );
    for (what, artefact) in [
        ("access token", tokens.access.as_str()),
        ("ID token", &id),
        ("session", &session),
        ("nothing", ""),
    ] {
        matrix.cell(
            format!("{what} as a refresh token"),
            app.refresh(artefact).await.code(),
            "invalid_request".to_owned(),
        );
    }
    for (what, artefact) in [
        ("refresh token", tokens.refresh()),
        ("ID token", id.as_str()),
        ("session", &session),
    ] {
        matrix.cell(
            format!("{what} as a bearer token"),
            app.userinfo(artefact).await.status,
            401,
        );
        let guarded = call(artefact, &format!("{}/catalog/v1/whoami", server.api())).await;
        matrix.cell(format!("{what} at a guard"), guarded.status, 401);
    }
    let other = server.app("demo-native", "openid");
    let stolen = Answer::of(http().post(format!("{}/token", server.issuer())).form(&[
        ("grant_type", "refresh_token"),
        ("client_id", &other.client_id),
        ("refresh_token", tokens.refresh()),
    ]))
    .await;
    matrix.cell("another client's refresh token", whole(&stolen), whole(&unknown));
    matrix.cell("it lives on", app.refresh(tokens.refresh()).await.status, 200);
    matrix.cell(
        "more scope than granted",
        app.refresh_with(tokens.refresh(), &[("scope", "catalog.write")])
            .await
            .code(),
        "invalid_scope".to_owned(),
    );
    let less = app.refresh_with(tokens.refresh(), &[("scope", "openid")]).await;
    matrix.cell(
        "less scope",
        less.json()["scope"].as_str().map(str::to_owned),
        Some("openid".to_owned()),
    );
    matrix.cell(
        "and all of it again",
        app.refresh(tokens.refresh()).await.json()["scope"]
            .as_str()
            .map(str::to_owned),
        Some("catalog.read".to_owned()),
    );
    // Only its own client is told of a refresh token; nobody of another's.
    let own = app.post("/introspect", &[("token", tokens.refresh())]).await;
    matrix.cell("its own client asks", own.json()["active"].as_bool(), Some(true));
    let resource_server = server.machine("demo-resource-server");
    matrix.cell(
        "a resource server asks",
        resource_server.introspect(tokens.refresh()).await.text,
        r#"{"active":false}"#.to_owned(),
    );
    matrix.end();
    let revoked = app.revoke(tokens.refresh()).await;
    assert_eq!((revoked.status, revoked.text.as_str()), (200, ""));
    assert_eq!(whole(&app.refresh(tokens.refresh()).await), whole(&unknown));
    assert_eq!(
        resource_server.introspect(&tokens.access).await.text,
        r#"{"active":false}"#
    );
    server.stop().await;
}

on_both_engines! {
    nothing_issued_by_a_sign_in_passes_for_another_kind,
    every_dead_grant_is_one_answer_and_no_artefact_passes_for_another,
}
