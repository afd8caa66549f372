//! Latchkey behind the proxies of docs/proxies.md, with the guide's own configuration.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::harness::{Answer, App, Browser, Process, Program, Proxy, Site, until};

const SECRET: &str = "a-secret-of-this-test";
const PASSWORD: &str = "a password of this test";
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Two people, each at an address of their own.
const ONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 10);

/// An issuer, a proxy before it, and people.
struct Installation {
    folder: tempfile::TempDir,
    program: Program,
    site: Site,
}

impl Installation {
    fn new(program: Program) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (path, site) = (folder.path(), Site::new(folder.path()));
        let listener = match program {
            Program::Nginx | Program::Haproxy | Program::Caddy => format!(
                "trusted_proxies = [\"127.0.0.1\"]\nbehind_proxy = true\nidentity_listen = \"0.0.0.0:{}\"\n",
                site.issuer
            ),
            Program::Wire => format!(
                "trusted_proxies = [\"127.0.0.2\"]\nidentity_listen = \"127.0.0.1:{}\"\nidentity_proxy_protocol = true\n\
                 tls_certificate = \"{1}/cert.pem\"\ntls_key = \"{1}/key.pem\"\n",
                site.issuer,
                path.display()
            ),
        };
        let config = format!(
            "data = \"{0}/data\"\nkeys = \"{0}/keys\"\nissuer = \"{1}\"\nlog = \"info\"\n{listener}",
            path.display(),
            site.url()
        );
        std::fs::write(path.join("latchkey.toml"), config).unwrap();
        let seed = format!(
            "[[users]]\nusername = \"ada\"\nemail = \"ada@example.test\"\npassword = \"{PASSWORD}\"\n\
             [[clients]]\nclient_id = \"app\"\ntoken_endpoint_auth_method = \"none\"\n\
             grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"https://app.test/cb\"]\n\
             scope = \"catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\n\
             [[clients]]\nclient_id = \"guard\"\nclient_secret = \"{SECRET}\"\n\
             may_introspect = [\"urn:latchkey:catalog\"]\n"
        );
        std::fs::write(path.join("seed.toml"), seed).unwrap();
        Self {
            folder,
            program,
            site,
        }
    }

    async fn latchkey(&self) -> Process {
        let folder = self.folder.path();
        let files = ["--config", "latchkey.toml", "--seed", "seed.toml"];
        let arguments = [&["serve", "identity"][..], &files].concat();
        Process::start(Process::command(folder, &arguments), folder.join("data")).await
    }

    async fn proxy(&self) -> Proxy {
        Proxy::start(self.program, &self.site).await
    }

    fn app(&self) -> App {
        App {
            issuer: self.site.url(),
            client_id: "app".into(),
            secret: None,
            redirect_uri: "https://app.test/cb".into(),
            scope: "catalog.read".into(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.site.url())
    }

    async fn discovery(&self) -> Option<u16> {
        let asked = self.site.client(ONE);
        let answer = asked.get(self.url("/.well-known/openid-configuration")).send();
        answer.await.ok().map(|answer| answer.status().as_u16())
    }

    /// Ada signs in, and the application has its tokens.
    async fn sign_in(&self) -> Browser {
        let (app, client) = (self.app(), self.site.client(ONE));
        let browser = Browser::trusting(client.clone());
        let page = app.begin(&browser, &[]).await;
        let fields = [("username", "ada"), ("password", PASSWORD)];
        let signed_in = browser.press(&page, "#sign-in", &fields).await;
        assert_eq!(signed_in.answer.status, 303, "{signed_in:?}");
        let cookies: Vec<&str> = signed_in
            .answer
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|cookie| cookie.to_str().unwrap())
            .collect();
        assert!(!cookies.is_empty(), "{signed_in:?}");
        for cookie in cookies {
            assert!(
                cookie.starts_with("__Host-") && cookie.contains("; Secure"),
                "{cookie}"
            );
        }
        let back = app.walk(&browser, ("ada", PASSWORD), &[]).await;
        let code = back.code.unwrap_or_else(|| panic!("no code: {:?}", back.error));
        let redeemed = client.post(self.url("/token")).form(&[
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", &code),
            ("redirect_uri", "https://app.test/cb"),
            ("code_verifier", crate::harness::VERIFIER),
        ]);
        assert_eq!(Answer::of(redeemed).await.status, 200);
        browser
    }

    /// A wrong secret from this address, by somebody who claims another.
    async fn guess(&self, client: &reqwest::Client) -> u16 {
        let request = client
            .post(self.url("/token"))
            .basic_auth("guard", Some("wrong"))
            .header("x-forwarded-for", OTHER.to_string())
            .header("forwarded", format!("for={OTHER};proto=https"))
            .form(&[("grant_type", "client_credentials")]);
        Answer::of(request).await.status
    }
}

/// The journey that every proxy of the guide takes.
async fn journey(program: Program) {
    let installation = Installation::new(program);
    let latchkey = installation.latchkey().await;
    let proxy = installation.proxy().await;
    until("the proxy reaches the issuer", async || {
        installation.discovery().await == Some(200)
    })
    .await;
    let browser = installation.sign_in().await;

    the_feed_arrives_as_it_is_said(&installation).await;
    heads_pass_or_are_refused(&installation).await;
    nobody_gets_past_the_proxy(&installation).await;

    // Whoever guesses is counted by their own address, whatever they claim, and others are not.
    let (one, other) = (installation.site.client(ONE), installation.site.client(OTHER));
    for _ in 0..30 {
        assert_eq!(installation.guess(&one).await, 401);
    }
    assert_eq!(installation.guess(&one).await, 429);
    assert_eq!(installation.guess(&other).await, 401);

    // Restarts of either side need nobody's help.
    let (app, who) = (installation.app(), ("ada", PASSWORD));
    proxy.kill().await;
    let proxy = installation.proxy().await;
    until("the new proxy reaches the issuer", async || {
        installation.discovery().await == Some(200)
    })
    .await;
    assert!(app.walk(&browser, who, &[]).await.code.is_some());
    let ended = latchkey.interrupt().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let latchkey = installation.latchkey().await;
    until("the proxy reaches the issuer again", async || {
        installation.discovery().await == Some(200)
    })
    .await;
    assert!(app.walk(&browser, who, &[]).await.code.is_some());

    let of_guesses = |line: &&str| line.contains("too many wrong secrets");
    let line = ended.stderr.lines().find(of_guesses);
    let line = line.unwrap_or_else(|| panic!("{}", ended.stderr));
    assert!(
        line.contains(&ONE.to_string()) && !line.contains(&OTHER.to_string()),
        "{line}"
    );
    let strangers = ended.stderr.lines();
    let strangers = strangers.filter(|line| line.contains("not in trusted_proxies"));
    assert_eq!(strangers.count(), 1, "once a minute: {}", ended.stderr);
    latchkey.kill().await;
    proxy.kill().await;
}

/// The first message of the feed is there while the answer goes on.
async fn the_feed_arrives_as_it_is_said(installation: &Installation) {
    let request = installation
        .site
        .client(ONE)
        .get(installation.url("/revocations"));
    let mut answer = request.basic_auth("guard", Some(SECRET)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut text = String::new();
    let reading = async {
        while !text.contains("\n\n") {
            let piece = answer.chunk().await.unwrap().expect("the feed goes on");
            text.push_str(&String::from_utf8_lossy(&piece));
        }
    };
    let read = tokio::time::timeout(Duration::from_secs(10), reading).await;
    assert!(read.is_ok() && text.contains("event:"), "buffered: {text}");
}

async fn heads_pass_or_are_refused(installation: &Installation) {
    let client = installation.site.client(ONE);
    let ask = async |bytes: usize| {
        let request = client.get(installation.url("/.well-known/openid-configuration"));
        let answer = request.header("x-large", "a".repeat(bytes)).send().await;
        answer.map(|answer| answer.status().as_u16())
    };
    assert_eq!(ask(16 * 1024).await.unwrap(), 200);
    // Refused with a status, or by a hang-up while the head is still on its way.
    for bytes in [64 * 1024, 256 * 1024] {
        let refused = ask(bytes).await;
        let is_clear = match &refused {
            Ok(status) => [400, 431].contains(status),
            Err(_hung_up) => true,
        };
        assert!(is_clear, "{bytes}: {refused:?}");
    }
    assert_eq!(ask(0).await.unwrap(), 200);
}

/// The issuer's own port is for the proxy, and for probes of this host.
async fn nobody_gets_past_the_proxy(installation: &Installation) {
    let plain = installation.program != Program::Wire;
    let ask = async |from: Ipv4Addr| {
        let scheme = if plain { "http" } else { "https" };
        let url = format!(
            "{scheme}://{}:{}/readyz",
            crate::harness::ISSUER_NAME,
            installation.site.issuer
        );
        let answer = installation.site.client(from).get(url).send().await;
        answer.map(|answer| answer.status().as_u16())
    };
    assert_eq!(ask(HERE).await.unwrap(), 200);
    for _ in 0..3 {
        let refused = ask(ONE).await;
        assert!(refused.is_err(), "{refused:?}");
    }
}

#[tokio::test]
async fn nginx_of_the_guide_stands_before_the_issuer() {
    journey(Program::Nginx).await;
}

#[tokio::test]
async fn haproxy_of_the_guide_stands_before_the_issuer() {
    journey(Program::Haproxy).await;
}

/// The PROXY protocol tells addresses, and TLS ends at the issuer.
#[tokio::test]
async fn haproxy_as_a_wire_stands_before_the_issuer() {
    journey(Program::Wire).await;
}

#[tokio::test]
async fn caddy_of_the_guide_stands_before_the_issuer() {
    journey(Program::Caddy).await;
}
