//! Mail: what a relay gets, and what becomes of a mail that it does not take.

use std::time::Duration;

use latchkey_identity::{Mailing, Relay};
use latchkey_protocol::sign_up::Mode;

use crate::harness::smtp::{Behavior, Smtp, Speaks};
use crate::harness::{Browser, IssuerServer, lines, until};
use crate::recovery::ask;

const MINUTE_MS: i64 = 60_000;

/// An issuer whose relay this is.
async fn issuer(relay: Relay) -> IssuerServer {
    IssuerServer::with(|options| {
        options.mailing = Mailing::Relay(Box::new(relay));
        options.settings.sign_up.mode = Mode::Open;
    })
    .await
}

fn relay(smtp: &Smtp, scheme: &str, query: &str) -> Relay {
    let url = format!("{scheme}://localhost:{}{query}", smtp.port);
    let authority = Some(smtp.authority.as_bytes());
    Relay::new(&url, "Shop <shop@example.test>", 100, authority).unwrap()
}

/// Causes a mail: somebody registers with this address.
async fn cause(server: &IssuerServer, email: &str) {
    let browser = Browser::new();
    let page = browser.get(&format!("{}/register", server.issuer())).await;
    server.clock.advance(3_000);
    let begun = browser.press(&page, "#register", &[("email", email)]).await;
    assert_eq!(begun.answer.status, 303, "{begun:?}");
}

/// State, tries and error of every mail.
async fn states(server: &IssuerServer) -> Vec<String> {
    let statement = "SELECT state || ' ' || attempts || ' ' || COALESCE(error, '-') AS line FROM mail ORDER BY created_at, id";
    lines(server.db(), statement).await
}

async fn becomes(server: &IssuerServer, expected: &str) {
    until(expected, async || {
        let states = states(server).await;
        println!("{states:?}");
        states == [expected]
    })
    .await;
}

#[tokio::test]
async fn a_mail_is_text_and_html_over_tls_and_asks_nobody_for_anything() {
    let smtp = Smtp::start(Speaks::Tls).await;
    let server = issuer(relay(&smtp, "smtps", "")).await;
    cause(&server, "Ada@example.test").await;
    becomes(&server, "sent 1 -").await;
    let taken = smtp.taken();
    let [mail] = &taken[..] else {
        panic!("one mail: {taken:?}");
    };
    assert!(mail.secured && mail.to.contains("<Ada@example.test>"), "{mail:?}");
    assert!(mail.from.contains("<shop@example.test>"), "{mail:?}");
    let id = lines(server.db(), "SELECT id AS line FROM mail").await.remove(0);
    assert_eq!(mail.header("message-id"), format!("<{id}@example.test>"));
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert_eq!(mail.header("content-language"), "en");
    assert!(
        mail.header("subject").starts_with("Your code for localhost:"),
        "{mail:?}"
    );
    // Quoted-printable, as lines of HTML are long.
    for part in ["text/plain", "text/html", "lang=3D\"en\""] {
        assert!(mail.text.contains(part), "{part}: {}", mail.text);
    }
    for foreign in ["<img", "<script", "<link", "url(", "@import"] {
        assert!(!mail.text.contains(foreign), "{foreign}");
    }
    assert!(mail.text.len() < 30 * 1024, "{}", mail.text.len());
    let kept = lines(
        server.db(),
        "SELECT COALESCE(sealed, 'nothing') AS line FROM mail",
    )
    .await;
    assert_eq!(kept, ["nothing"], "what was sent is not kept");
    server.stop().await;
}

#[tokio::test]
async fn a_relay_with_starttls_gets_mail_over_tls() {
    let smtp = Smtp::start(Speaks::StartTls).await;
    let server = issuer(relay(&smtp, "smtp", "")).await;
    cause(&server, "ada@example.test").await;
    becomes(&server, "sent 1 -").await;
    assert!(smtp.taken().iter().all(|mail| mail.secured));
    server.stop().await;
}

/// A network between can take the offer of TLS away; then no mail leaves.
#[tokio::test]
async fn a_relay_that_offers_no_tls_gets_nothing() {
    let smtp = Smtp::start(Speaks::Plain).await;
    let server = issuer(relay(&smtp, "smtp", "")).await;
    cause(&server, "ada@example.test").await;
    becomes(&server, "queued 1 tls").await;
    assert!(smtp.taken().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_relay_with_another_certificate_gets_nothing() {
    let (smtp, other) = (Smtp::start(Speaks::Tls).await, Smtp::start(Speaks::Tls).await);
    let url = format!("smtps://localhost:{}", smtp.port);
    let trusting = Relay::new(&url, "shop@example.test", 100, Some(other.authority.as_bytes())).unwrap();
    let server = issuer(trusting).await;
    cause(&server, "ada@example.test").await;
    becomes(&server, "queued 1 tls").await;
    assert!(smtp.taken().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_mail_that_the_relay_puts_off_is_tried_again_when_it_is_time() {
    let smtp = Smtp::start(Speaks::Plain).await;
    smtp.behaves(Behavior::Refuse(451));
    let server = issuer(relay(&smtp, "smtp", "?tls=none")).await;
    cause(&server, "ada@example.test").await;
    becomes(&server, "queued 1 later").await;
    // The pause is a minute, or up to a quarter longer.
    server.clock.advance(MINUTE_MS - 1);
    server.clock.advance(MINUTE_MS / 4 + 2);
    // While it is being tried it looks the same, but is due again sooner.
    let begun = server.clock.now_ms();
    until("it waits five minutes", async || {
        let second = "SELECT CAST(next_at AS TEXT) AS line FROM mail WHERE attempts = 2";
        let at = lines(server.db(), second).await;
        at.iter()
            .any(|at| at.parse::<i64>().expect("an instant") > begun + 90_000)
    })
    .await;
    becomes(&server, "queued 2 later").await;
    smtp.behaves(Behavior::Take);
    server.clock.advance(7 * MINUTE_MS);
    becomes(&server, "sent 3 -").await;
    assert_eq!(smtp.taken().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_code_that_expired_while_the_relay_was_down_is_not_sent() {
    let smtp = Smtp::start(Speaks::Plain).await;
    let relay = relay(&smtp, "smtp", "?tls=none");
    drop(smtp);
    let server = issuer(relay).await;
    cause(&server, "ada@example.test").await;
    becomes(&server, "queued 1 unreachable").await;
    server.clock.advance(31 * MINUTE_MS);
    becomes(&server, "expired 2 -").await;
    let kept = lines(
        server.db(),
        "SELECT COALESCE(sealed, 'nothing') AS line FROM mail",
    )
    .await;
    assert_eq!(kept, ["nothing"]);
    server.stop().await;
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_a_dead_letter_until_it_is_retried() {
    let smtp = Smtp::start(Speaks::Plain).await;
    smtp.behaves(Behavior::Refuse(550));
    let server = issuer(relay(&smtp, "smtp", "?tls=none")).await;
    cause(&server, "ada@example.test").await;
    becomes(&server, "dead 1 refused").await;
    let records = "SELECT kind AS line FROM audit WHERE kind LIKE 'mail.%' ORDER BY at, id";
    assert_eq!(lines(server.db(), records).await, ["mail.dead"]);
    smtp.behaves(Behavior::Take);
    let mails = server.identity().mails();
    let listed = mails.list(Some("dead"), None).await.unwrap().mails;
    assert_eq!(listed.len(), 1);
    mails.retry(&listed[0].id, "cli").await.unwrap();
    becomes(&server, "sent 1 -").await;
    assert!(mails.retry(&listed[0].id, "cli").await.is_err(), "it is not dead");
    server.stop().await;
}

/// Whoever no longer gets mail is told on the page, and until one is taken.
#[tokio::test]
async fn an_account_whose_mail_is_refused_says_so_until_one_is_taken() {
    let smtp = Smtp::start(Speaks::Plain).await;
    smtp.behaves(Behavior::Refuse(550));
    let server = issuer(relay(&smtp, "smtp", "?tls=none")).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let refused = "SELECT username AS line FROM users WHERE mail_refused_at IS NOT NULL";
    let page = format!("{}/account/email/notices", server.issuer());
    assert!(!browser.open(&page, "").await.has("#mail-refused"));
    ask(&server, &Browser::new(), "alice").await;
    until("the refusal is noted", async || {
        lines(server.db(), refused).await == ["alice"]
    })
    .await;
    assert!(browser.open(&page, "").await.has("#mail-refused"));
    smtp.behaves(Behavior::Take);
    server.clock.advance(2 * MINUTE_MS);
    ask(&server, &Browser::new(), "alice").await;
    until("a mail was taken", async || {
        lines(server.db(), refused).await.is_empty()
    })
    .await;
    assert!(!browser.open(&page, "").await.has("#mail-refused"));
    server.stop().await;
}

/// The page answers while the relay says nothing.
#[tokio::test]
async fn a_page_does_not_wait_for_a_relay_that_says_nothing() {
    let smtp = Smtp::start(Speaks::Plain).await;
    smtp.behaves(Behavior::Silent);
    let slow = relay(&smtp, "smtp", "?tls=none").with_patience(Duration::from_millis(200));
    let server = issuer(slow).await;
    cause(&server, "ada@example.test").await;
    becomes(&server, "queued 1 slow").await;
    server.stop().await;
}

/// The relay has the mail, and we do not know it: the mail goes out again, as the same one.
#[tokio::test]
async fn a_mail_that_is_sent_twice_has_one_message_id() {
    let smtp = Smtp::start(Speaks::Plain).await;
    smtp.behaves(Behavior::Forget);
    let server = issuer(relay(&smtp, "smtp", "?tls=none")).await;
    cause(&server, "ada@example.test").await;
    until("the relay has it", async || smtp.taken().len() == 1).await;
    until("the try has ended", async || {
        // Without an error it is still being tried.
        let state = states(&server).await.remove(0);
        state.starts_with("queued 1 ") && !state.ends_with(" -")
    })
    .await;
    smtp.behaves(Behavior::Take);
    server.clock.advance(2 * MINUTE_MS);
    until("it is sent", async || {
        states(&server).await[0].starts_with("sent 2")
    })
    .await;
    let ids: Vec<String> = smtp
        .taken()
        .iter()
        .map(|mail| mail.header("message-id"))
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    server.stop().await;
}

#[tokio::test]
async fn beyond_the_limit_of_an_hour_mails_wait() {
    let smtp = Smtp::start(Speaks::Plain).await;
    let url = format!("smtp://localhost:{}?tls=none", smtp.port);
    let server = issuer(Relay::new(&url, "shop@example.test", 2, None).unwrap()).await;
    for name in ["a", "b", "c"] {
        cause(&server, &format!("{name}@example.test")).await;
    }
    until("two are sent", async || smtp.taken().len() == 2).await;
    let waiting = ["sent 1 -", "sent 1 -", "queued 0 -"];
    until("one waits", async || states(&server).await == waiting).await;
    server.stop().await;
}

async fn nothing_of_a_queued_mail_can_be_read_in_the_database(server: IssuerServer) {
    cause(&server, "ada@example.test").await;
    let code = server.mail_to("ada@example.test").await.code().to_owned();
    for column in ["sealed", "COALESCE(mailbox, '')", "id", "purpose", "locale"] {
        let text = format!("SELECT {column} AS line FROM mail");
        for value in crate::harness::lines_of(server.db(), text).await {
            assert!(
                !value.contains("ada@") && !value.contains(&code),
                "{column}: {value}"
            );
        }
    }
    let hashes = lines(server.db(), "SELECT code_hash AS line FROM one_time_proofs").await;
    assert!(hashes.iter().all(|hash| !hash.contains(&code)), "{hashes:?}");
    server.stop().await;
}

/// Nobody fills the mailbox of another: beyond thirty a day nothing is sent, and nobody is told.
async fn a_mailbox_gets_thirty_mails_a_day_whoever_asks(server: IssuerServer) {
    for _ in 0..40 {
        cause(&server, "ada@example.test").await;
        server.clock.advance(13 * MINUTE_MS);
    }
    let day = "SELECT 'x' AS line FROM mail";
    assert_eq!(lines(server.db(), day).await.len(), 30);
    server.clock.advance(24 * 60 * MINUTE_MS);
    cause(&server, "ada@example.test").await;
    assert_eq!(lines(server.db(), day).await.len(), 31, "on the next day");
    server.stop().await;
}

/// The outbox is for whoever sits at the machine; codes are not shown until somebody asks for one.
#[tokio::test]
async fn the_outbox_masks_codes_and_is_not_there_where_mail_is_sent() {
    let server = kept().await;
    cause(&server, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    assert!(!mail.subject.contains(mail.code()), "{mail:?}");
    let page = Browser::new().get(server.outbox()).await;
    assert!(page.has("details:not([open])"), "{page:?}");
    assert_eq!(page.answer.header("cache-control"), "no-store");
    // Its listener has no form for the language: links say which.
    for (language, title) in [("en", "Outbox"), ("tr", "Giden"), ("fr", "Bo")] {
        let link = format!("#languages a[lang='{language}']");
        let to = page.answer.attributes(&link, "href").swap_remove(0);
        let page = Browser::new().get(page.url.join(&to).unwrap().as_str()).await;
        assert!(page.has(&format!("html[lang='{language}']")), "{page:?}");
        assert!(page.text("h1").starts_with(title), "{page:?}");
        assert!(page.has(&format!("{link}[aria-current]")), "{page:?}");
    }
    server.stop().await;
    let smtp = Smtp::start(Speaks::Plain).await;
    let server = issuer(relay(&smtp, "smtp", "?tls=none")).await;
    assert_eq!(Browser::new().get(server.outbox()).await.answer.status, 404);
    server.stop().await;
}

async fn kept() -> IssuerServer {
    IssuerServer::with(|options| options.settings.sign_up.mode = Mode::Open).await
}

mod sqlite {
    #[tokio::test]
    async fn nothing_of_a_queued_mail_can_be_read_in_the_database() {
        super::nothing_of_a_queued_mail_can_be_read_in_the_database(super::kept().await).await;
    }

    #[tokio::test]
    async fn a_mailbox_gets_thirty_mails_a_day_whoever_asks() {
        super::a_mailbox_gets_thirty_mails_a_day_whoever_asks(super::kept().await).await;
    }
}

mod postgresql {
    use super::{IssuerServer, Mode};

    async fn kept() -> IssuerServer {
        IssuerServer::on_postgres_with(|options| options.settings.sign_up.mode = Mode::Open).await
    }

    #[tokio::test]
    async fn nothing_of_a_queued_mail_can_be_read_in_the_database() {
        super::nothing_of_a_queued_mail_can_be_read_in_the_database(kept().await).await;
    }

    #[tokio::test]
    async fn a_mailbox_gets_thirty_mails_a_day_whoever_asks() {
        super::a_mailbox_gets_thirty_mails_a_day_whoever_asks(kept().await).await;
    }
}
