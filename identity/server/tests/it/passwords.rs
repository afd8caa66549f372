//! Every place at which a password is set judges it alike: the rules, the first guesses, the operator's list. Weak ones may be
//! kept by whoever was told so.

use std::io::Write;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use latchkey_identity::{AdminError, Breached, NewUser, Seed, SeedError};
use latchkey_protocol::sign_up::Mode;

use crate::harness::{Browser, IssuerServer, Options, Seen};
use crate::sign_up::{begin, users, verify};

const BREACHED: &str = "nineteen owls in a lighthouse";
/// Long enough, and soon guessed.
const WEAK: &str = "septemberoctober";

/// A list with one password in it. Its file stays open.
fn listed(options: &mut Options) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, BREACHED.as_bytes());
    let line: String = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    writeln!(file, "{line}").unwrap();
    let list = Breached::open(file.path()).unwrap();
    options.settings.breached = Some(Arc::new(list));
    options.settings.sign_up.mode = Mode::Open;
}

/// The last page of a registration.
async fn last(server: &IssuerServer, browser: &Browser) -> Seen {
    let check = begin(server, browser, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let done = verify(browser, &check, mail.code()).await;
    browser.follow(done, "").await
}

async fn the_list_of_the_operator_counts_where_people_register(server: IssuerServer) {
    let browser = Browser::new();
    let page = last(&server, &browser).await;
    let before = users(&server).await;
    for (password, code) in [
        (BREACHED, "password_common"),
        ("passwordpassword", "password_common"),
        ("ada@example.test", "password_personal"),
        ("too short", "password_short"),
    ] {
        let fields = [("username", "ada"), ("password", password), ("weak", "yes")];
        let refused = browser.press(&page, "#finish", &fields).await;
        assert_eq!(
            (refused.answer.status, refused.error().as_str()),
            (422, code),
            "{password}"
        );
    }
    assert_eq!(users(&server).await, before);
    server.stop().await;
}

async fn the_list_of_the_operator_counts_for_administrators(server: IssuerServer) {
    let new = NewUser {
        username: "ada".to_owned(),
        email: "ada@example.test".to_owned(),
        claims: serde_json::Map::new(),
        roles: Vec::new(),
        password: Some(BREACHED.to_owned()),
    };
    let made = server.identity().users().add(new, "cli").await;
    assert!(matches!(made, Err(AdminError::Rejected(_))), "{made:?}");
    let set = server
        .identity()
        .users()
        .set_password("alice", Some(BREACHED.to_owned()), "cli")
        .await;
    assert!(matches!(set, Err(AdminError::Rejected(_))), "{set:?}");
    let text =
        format!("[[users]]\nusername = \"ada\"\nemail = \"ada@example.test\"\npassword = \"{BREACHED}\"\n");
    let seeded = server.identity().seed(Seed::parse(&text).unwrap(), "seed").await;
    assert!(matches!(seeded, Err(SeedError::Invalid(_))), "{seeded:?}");
    let app = server.app("demo-web", "openid");
    app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    assert!(!users(&server).await.contains(&"ada".to_owned()));
    server.stop().await;
}

async fn a_weak_password_is_named_once_and_may_be_kept(server: IssuerServer) {
    let browser = Browser::new();
    let page = last(&server, &browser).await;
    assert!(!page.has("#strength"), "{page:?}");
    let fields = [("username", "ada"), ("password", WEAK)];
    let told = browser.press(&page, "#finish", &fields).await;
    assert_eq!(
        (told.answer.status, told.error().as_str()),
        (422, "password_weak"),
        "{told:?}"
    );
    assert!(told.has("meter#strength"), "{told:?}");
    assert!(!told.answer.text.contains(WEAK), "never shown again");
    let kept = browser.press(&told, "#finish", &fields).await;
    assert_eq!(kept.answer.status, 303, "{kept:?}");
    server.stop().await;
}

async fn whoever_changes_a_password_is_told_the_same(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let url = format!("{}/account/password", server.issuer());
    let page = browser.open(&url, "").await;
    let told = browser.press(&page, "#save", &[("password", WEAK)]).await;
    assert!(
        told.error() == "password_weak" && told.has("#strength"),
        "{told:?}"
    );
    app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    let kept = browser.press(&told, "#save", &[("password", WEAK)]).await;
    assert_eq!(kept.answer.status, 303, "{kept:?}");
    app.sign_in(&Browser::new(), ("alice", WEAK), &[]).await;
    server.stop().await;
}

macro_rules! with_the_list {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::IssuerServer::with(super::listed).await).await;
            })*
        }

        mod postgresql {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::IssuerServer::on_postgres_with(super::listed).await).await;
            })*
        }
    };
}

with_the_list! {
    the_list_of_the_operator_counts_where_people_register,
    the_list_of_the_operator_counts_for_administrators,
    a_weak_password_is_named_once_and_may_be_kept,
    whoever_changes_a_password_is_told_the_same,
}
