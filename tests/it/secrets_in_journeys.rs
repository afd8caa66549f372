//! Every secret that people use, on the way that they use it, looked for in all that is logged, exported and measured.

use std::path::Path;
use std::time::{Duration, Instant};

use latchkey_clock::Clock;
use latchkey_protocol::Timestamp;
use latchkey_protocol::totp::{self, SECRET_LEN};
use scraper::{ElementRef, Html, Selector};

use crate::collector::CollectorStandIn;
use crate::harness::{App, Browser, Matrix, Process, Seen, anonymous, until};
use crate::logs::Loud;
use crate::secrets_at_rest::found;

/// The secrets of a journey, each kept as it is made.
#[derive(Default)]
struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    fn keep(&mut self, name: &str, secret: &str) {
        assert!(
            secret.len() >= 8,
            "{name} is too short to be looked for: {secret}"
        );
        self.0.push((name.to_owned(), secret.as_bytes().to_vec()));
    }

    /// Everything that a browser holds.
    fn keep_cookies(&mut self, whose: &str, browser: &Browser) {
        for name in [
            "latchkey-session",
            "latchkey-browser",
            "latchkey-device",
            "latchkey-shop",
        ] {
            if let Some(value) = browser.cookie(name) {
                self.keep(&format!("{name} of {whose}"), &value);
            }
        }
    }

    /// The tokens of the links in a mail.
    fn keep_links(&mut self, whose: &str, text: &str) {
        for word in text.split_whitespace().filter(|word| word.starts_with("http")) {
            let tail = word.rsplit(['=', '/', '#']).next().unwrap_or_default();
            if tail.len() >= 20 {
                self.keep(&format!("a link to {whose}"), tail);
            }
        }
    }

    /// None of them is in any of these.
    fn end(&self, title: &'static str, places: &[(&str, &[u8])]) {
        let mut matrix = Matrix::new(title);
        for (place, bytes) in places {
            let hits = found(bytes, &self.0);
            for (name, _) in &self.0 {
                matrix.hold(format!("{name} in {place}"), !hits.contains(name), String::new());
            }
        }
        matrix.end();
    }
}

/// All that matches on a page, as text.
fn all(page: &Seen, selector: &str) -> Vec<String> {
    let document = Html::parse_document(&page.answer.text);
    let selector = Selector::parse(selector).expect("a selector");
    let text = |element: ElementRef<'_>| element.text().collect::<String>().trim().to_owned();
    document.select(&selector).map(text).collect()
}

async fn follow_link(browser: &Browser, page: &Seen, selector: &str) -> Seen {
    let address = {
        let document = Html::parse_document(&page.answer.text);
        let link = document
            .select(&Selector::parse(selector).expect("a selector"))
            .next();
        let link = link.unwrap_or_else(|| panic!("no {selector}: {}", page.answer.text));
        page.url
            .join(link.attr("href").expect("an address"))
            .expect("an address")
    };
    browser.open(address.as_str(), "").await
}

/// The newest mail to an address, as the administrator's page shows it.
async fn mail_to(loud: &Loud, to: &str) -> String {
    let outbox = format!("{}/outbox", loud.text("admin"));
    let read = async || {
        let page = Browser::new().get(&outbox).await;
        let mails = all(&page, "li[data-mail]");
        mails.into_iter().find(|mail| mail.contains(to))
    };
    until("the mail is there", async || read().await.is_some()).await;
    read().await.expect("a mail")
}

fn code_in(text: &str) -> &str {
    let mut words = text.split_whitespace();
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    words.find(is_code).unwrap_or_else(|| panic!("no code: {text}"))
}

/// Base 32 (RFC 4648 §6), as pages tell the secret of an app.
fn decoded(secret: &str) -> [u8; SECRET_LEN] {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in secret.chars().filter(|letter| !letter.is_whitespace()) {
        let value = ALPHABET.find(letter).expect("base32");
        bits = (bits << 5) | u32::try_from(value).expect("five bits");
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).expect("a byte"));
        }
    }
    bytes.try_into().expect("160 bits")
}

/// Somebody new: a mailed code, a name and a password.
async fn registration(loud: &Loud, secrets: &mut Secrets) {
    const PASSWORD: &str = "blue ladders sing at noon";
    let app = App::of_demo(&loud.demo, "demo-web", "openid profile email");
    let browser = Browser::new();
    let page = app.begin(&browser, &[("prompt", "create")]).await;
    // Faster than that no hand is.
    let begun = Instant::now();
    until("a hand could have typed it", async || {
        begun.elapsed() > Duration::from_millis(3_200)
    })
    .await;
    let email = [("email", "nadia.haddad@example.test")];
    let asked = browser.press(&page, "#register", &email).await;
    let check = browser.follow(asked, "").await;
    let mail = mail_to(loud, "nadia.haddad@example.test").await;
    secrets.keep_links("nadia", &mail);
    let checked = browser
        .press(&check, "#verify", &[("code", code_in(&mail))])
        .await;
    let finish = browser.follow(checked, "").await;
    let fields = [
        ("name", "Nadia Haddad"),
        ("username", "nadia"),
        ("password", PASSWORD),
    ];
    let finished = browser.press(&finish, "#finish", &fields).await;
    assert_eq!(finished.answer.status, 303, "{}", finished.answer.text);
    browser.follow(finished, &app.redirect_uri).await;
    secrets.keep("the password of somebody new", PASSWORD);
    secrets.keep("the address of somebody new", "nadia.haddad@example.test");
    secrets.keep_cookies("nadia", &browser);
}

/// An authenticator app and recovery codes, one of which is used.
async fn second_step(loud: &Loud, secrets: &mut Secrets) {
    let users = loud.demo["users"].as_array().expect("users");
    let ines = users
        .iter()
        .find(|user| user["username"] == "ines")
        .expect("ines");
    let password = ines["password"].as_str().expect("a password");
    let (issuer, browser) = (loud.text("issuer"), Browser::new());
    let sign_in = async |at: &str| {
        let page = browser.open(&format!("{issuer}{at}"), "").await;
        let fields = [("username", "ines"), ("password", password)];
        let done = browser.press(&page, "#sign-in", &fields).await;
        browser.follow(done, "").await
    };
    let page = sign_in("/account/totp/new").await;
    let secret = page.text("#secret");
    let now = Timestamp(Clock::system().now_ms());
    let code = totp::code(&decoded(&secret), now);
    let enabled = browser
        .press(&page, "#enable", &[("code", &code), ("name", "Phone")])
        .await;
    let codes = browser.follow(enabled, "").await;
    let recovery = all(&codes, "#codes li");
    assert!(!recovery.is_empty(), "{}", codes.answer.text);
    secrets.keep("the secret of an app", secret.trim());
    let joined: String = secret.split_whitespace().collect();
    secrets.keep("the secret of an app without spaces", &joined);
    for code in &recovery {
        secrets.keep("a recovery code", code);
        let joined: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        secrets.keep("a recovery code without its dashes", &joined);
    }
    secrets.keep_cookies("ines", &browser);
    browser.sign_out(&issuer).await;

    let second = sign_in("/account").await;
    let wrong = browser
        .press(&second, "#verify", &[("code", "a-wrong-code-of-an-app")])
        .await;
    secrets.keep("a wrong code", "a-wrong-code-of-an-app");
    let again = browser.follow(wrong, "").await;
    let way = follow_link(&browser, &again, "#other-ways").await;
    let used = browser.press(&way, "#verify", &[("code", &recovery[0])]).await;
    let account = browser.follow(used, "").await;
    assert_eq!(account.url.path(), "/account", "{}", account.answer.text);
    secrets.keep_cookies("ines after that", &browser);
}

/// A checkout with a card, and the invoice.
async fn checkout(loud: &Loud, secrets: &mut Secrets) {
    let users = loud.demo["users"].as_array().expect("users");
    let alice = users
        .iter()
        .find(|user| user["username"] == "alice")
        .expect("alice");
    let password = alice["password"].as_str().expect("a password");
    let (shop, browser) = (loud.text("shop"), Browser::new());
    let mut seen = browser.open(&format!("{shop}/signin?return=/"), "").await;
    for button in ["#sign-in", "#allow"] {
        if seen.has(button) && !seen.has(".menu") {
            let fields = [("username", "alice"), ("password", password)];
            let fields = if button == "#allow" {
                &fields[..0]
            } else {
                &fields[..]
            };
            let done = browser.press(&seen, button, fields).await;
            seen = browser.follow(done, "").await;
        }
    }
    let listed = anonymous(&format!("{}/catalog/v1/courses?limit=100", loud.text("api"))).await;
    let listed = listed.json();
    let owned = ["git-beyond-commit-and-push", "statistics-without-tears"];
    let course = listed["items"]
        .as_array()
        .expect("courses")
        .iter()
        .find(|course| {
            course["price"]["amount"].as_i64() > Some(0)
                && course["limited"] == false
                && !owned.contains(&course["slug"].as_str().expect("a slug"))
        });
    let slug = course.expect("a course for sale")["slug"]
        .as_str()
        .expect("a slug");
    let page = browser.open(&format!("{shop}/courses/{slug}"), "").await;
    let added = browser.press(&page, "#add", &[]).await;
    browser.follow(added, "").await;
    let checkout = browser.open(&format!("{shop}/checkout"), "").await;
    let fields = [
        ("name", "Alice Unmistakable"),
        ("street", "1 Unmistakable Road"),
        ("postal_code", "1010"),
        ("city", "Vienna"),
        ("card", "new"),
        ("card_number", "4242424242424242"),
        ("card_month", "4"),
        ("card_year", "2029"),
        ("card_cvc", "123"),
        ("terms", "yes"),
    ];
    let bought = browser.press(&checkout, "#buy", &fields).await;
    assert_eq!(bought.answer.status, 303, "{}", bought.answer.text);
    let order = bought.location().expect("an order").path().replace("/status", "");
    until("the invoice is there", async || {
        let invoice = browser.open(&format!("{shop}{order}/invoice"), "").await;
        invoice.answer.text.contains("INV-")
    })
    .await;
    secrets.keep("the number of a card", "4242424242424242");
    secrets.keep("the name on an invoice", "Alice Unmistakable");
    secrets.keep("the street on an invoice", "1 Unmistakable Road");
    secrets.keep("a password", password);
    secrets.keep_cookies("alice", &browser);
}

/// OP-03.
#[tokio::test]
async fn no_secret_of_a_journey_is_logged_exported_or_measured() {
    let collector = CollectorStandIn::start().await;
    let mut loud = Loud::start_with(&["--otlp-endpoint", &collector.url, "--log-format", "json"]).await;
    let mut secrets = Secrets::default();
    registration(&loud, &mut secrets).await;
    second_step(&loud, &mut secrets).await;
    checkout(&loud, &mut secrets).await;
    let metrics = anonymous(&format!("{}/metrics", loud.text("admin"))).await.text;
    loud.interrupt().await;
    let written = Loud::written(loud.folder.path());
    let kept = std::fs::read(loud.folder.path().join("data/latchkey.log")).unwrap_or_default();
    let exported = collector.bytes();
    assert!(collector.spans().len() > 100, "{}", collector.spans().len());
    assert!(
        metrics.contains("http_server_request_duration_seconds"),
        "{metrics}"
    );
    let traced = written
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter(|line| line["trace_id"].is_string() && line["request_id"].is_string());
    assert!(traced.count() > 10, "lines of requests name their trace");
    secrets.end(
        "OP-03 secret of a journey × place",
        &[
            ("the log", &written),
            ("the kept log", &kept),
            ("what is exported", &exported),
            ("metrics", metrics.as_bytes()),
        ],
    );
}

/// OP-03.
#[tokio::test]
async fn no_secret_of_the_configuration_is_logged_exported_or_measured() {
    let collector = CollectorStandIn::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut secrets = Secrets::default();
    let mut command = Process::command(folder.path(), &["serve"]);
    command.stderr(std::fs::File::create(folder.path().join("log")).expect("a file"));
    let admin = crate::harness::free_port();
    command
        .env("LATCHKEY_LOG", "trace")
        .env("LATCHKEY_TELEMETRY_OTLP_ENDPOINT", &collector.url)
        .env("LATCHKEY_ADMIN_LISTEN", format!("127.0.0.1:{admin}"))
        .env("LATCHKEY_MAIL_SENDER", "shop@example.test");
    for role in ["IDENTITY", "GATEWAY"] {
        let port = crate::harness::free_port();
        command.env(format!("LATCHKEY_{role}_LISTEN"), format!("127.0.0.1:{port}"));
    }
    for (name, before, secret, after) in [
        (
            "LATCHKEY_TELEMETRY_OTLP_HEADERS",
            "authorization=Bearer ",
            "key-of-a-collector",
            "",
        ),
        (
            "LATCHKEY_PHOTO_STORE",
            "s3://photos-key:",
            "secret-of-a-bucket",
            "@photos?region=eu-west-1",
        ),
        (
            "LATCHKEY_MAIL_URL",
            "smtps://mailer:",
            "password-of-a-relay",
            "@127.0.0.1:1",
        ),
        (
            "LATCHKEY_UPSTREAM_GOOGLE_CLIENT_SECRET",
            "",
            "secret-at-a-provider",
            "",
        ),
        (
            "LATCHKEY_MASTER_KEY",
            "",
            "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed",
            "",
        ),
    ] {
        command.env(name, format!("{before}{secret}{after}"));
        secrets.keep(name, secret);
    }
    command
        .env("LATCHKEY_UPSTREAM_GOOGLE_KIND", "google")
        .env("LATCHKEY_UPSTREAM_GOOGLE_CLIENT_ID", "the-shop");
    let process = Process::start(command, folder.path().join("data")).await;
    let metrics = anonymous(&format!("http://127.0.0.1:{admin}/metrics")).await.text;
    process.interrupt().await;
    let written = read(&folder.path().join("log"));
    assert!(
        written.windows(7).any(|w| w == b"\"TRACE\""),
        "everything is logged"
    );
    secrets.end(
        "OP-03 secret of the configuration × place",
        &[
            ("the log", &written),
            ("what is exported", &collector.bytes()),
            ("metrics", metrics.as_bytes()),
        ],
    );
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a file")
}
