//! Whoever ends something waits for what is being born on it, and ends that too; what has just ended bears nothing. Both
//! with the loser held in the middle of its transaction.

use latchkey_db::testing::somebody_waits;
use latchkey_db::{DbError, sql};
use latchkey_identity::{Identity, NewUser};
use latchkey_identity_store::StoreError;
use latchkey_protocol::{ClientId, Timestamp};
use serde_json::Map;
use tokio::sync::oneshot;

use crate::harness::{App, Browser, IssuerServer, Matrix, Seen, digest, on_both_engines};

const PASSWORD: &str = "a password of a birth";

/// A person in a browser with a code that nobody has redeemed.
struct Expecting {
    who: String,
    app: App,
    browser: Browser,
    code: String,
}

impl Expecting {
    async fn new(server: &IssuerServer, name: &str) -> Self {
        let identity = server.identity().clone();
        let who = format!("p-{name}");
        let person = NewUser {
            username: who.clone(),
            email: format!("{who}@example.test"),
            claims: Map::new(),
            roles: Vec::new(),
            password: Some(PASSWORD.to_owned()),
        };
        identity.users().add(person, "test").await.unwrap();
        let app = server.plant_app(&format!("app-{name}"), None, "openid").await;
        let browser = Browser::new();
        let back = app.walk(&browser, (&who, PASSWORD), &[]).await;
        let code = back.code.expect("a code");
        Self {
            who,
            app,
            browser,
            code,
        }
    }

    fn hash(&self) -> String {
        digest(&self.code)
    }
}

const ENDS: [&str; 8] = [
    "sign-out",
    "withdrawal",
    "client-tokens",
    "client-disabled",
    "client-removed",
    "person-disabled",
    "new-password",
    "person-deleted",
];

/// Ends what the code stands on, as whoever may. A page was opened before.
async fn end(name: &str, identity: &Identity, one: &Expecting, page: &Seen) {
    let client = ClientId::parse(&one.app.client_id).expect("a client id");
    match name {
        "sign-out" => {
            let out = one.browser.press(page, "#sign-out", &[]).await;
            assert_eq!(out.answer.status, 303, "{out:?}");
        }
        "withdrawal" => {
            let button = format!("[data-client='{}']", one.app.client_id);
            let back = one.browser.press(page, &button, &[]).await;
            assert_eq!(back.answer.status, 303, "{back:?}");
        }
        "client-tokens" => identity.clients().revoke_tokens(&client, "test").await.unwrap(),
        "client-disabled" => drop(
            identity
                .clients()
                .set_enabled(&client, false, "test")
                .await
                .unwrap(),
        ),
        "client-removed" => identity.clients().remove(&client, "test").await.unwrap(),
        "person-disabled" => drop(
            identity
                .users()
                .set_enabled(&one.who, false, "test")
                .await
                .unwrap(),
        ),
        "new-password" => drop(
            identity
                .users()
                .set_password(&one.who, None, "test")
                .await
                .unwrap(),
        ),
        "person-deleted" => identity.users().delete(&one.who, "test").await.unwrap(),
        other => panic!("nothing ends by {other}"),
    }
}

async fn a_family_that_is_being_born_ends_with_what_it_stands_on(server: IssuerServer) {
    let identity = server.identity().clone();
    let db = identity.store().db().clone();
    let mut matrix = Matrix::new("a redemption under way × what ends it");
    for name in ENDS {
        let one = Expecting::new(&server, name).await;
        let page = match name {
            "withdrawal" => "account/applications",
            _ => "logout",
        };
        let page = one.browser.open(&format!("{}/{page}", server.issuer()), "").await;
        let (spent, arrived) = oneshot::channel();
        let (open, opened) = oneshot::channel::<()>();
        let (hash, family, store) = (one.hash(), format!("f-{name}"), identity.store().clone());
        let birth = db.write(move |tx| async move {
            let now = Timestamp(0);
            assert!(store.spend_code(&tx, &hash, &family, now).await?);
            let _waited_for = spent.send(());
            let _opened = opened.await;
            sql(
                "INSERT INTO families (id, handle, fam, salt, client_id, user_id, session_id, grant_id, scope, \
                   resources, generation, overlap_hits, overlap_streak, created_at) \
                 SELECT $1, $1, $1, '', client_id, user_id, session_id, grant_id, scope, resources, 1, 0, 0, 0 \
                 FROM codes WHERE code_hash = $2",
            )
            .bind(&family)
            .bind(&hash)
            .execute(&tx)
            .await?;
            Ok::<_, StoreError>(())
        });
        let (born, ()) = tokio::join!(birth, async {
            arrived.await.expect("the code is spent");
            tokio::join!(end(name, &identity, &one, &page), async {
                somebody_waits(&db).await;
                let _goes_on = open.send(());
            });
        });
        born.unwrap();
        let row = sql("SELECT COUNT(*) AS n FROM families WHERE id = $1 AND revoked_at IS NOT NULL")
            .bind(format!("f-{name}"))
            .fetch_one(&db)
            .await
            .unwrap();
        matrix.cell(name, row.int("n").unwrap(), 1);
        if ["sign-out", "withdrawal"].contains(&name) {
            // Guards are told of the family by its name.
            let row = sql("SELECT COUNT(*) AS n FROM outbox WHERE envelope LIKE $1")
                .bind(format!("%\"f-{name}\"%"))
                .fetch_one(&db)
                .await
                .unwrap();
            matrix.cell(format_args!("{name}, told"), row.int("n").unwrap(), 1);
        }
    }
    matrix.end();
    server.stop().await;
}

async fn nothing_is_born_on_what_is_being_ended(server: IssuerServer) {
    let identity = server.identity().clone();
    let db = identity.store().db().clone();
    let mut matrix = Matrix::new("what is being ended × a redemption");
    for (name, ends) in [
        (
            "session",
            "UPDATE sessions SET ended_at = 1 WHERE id = (SELECT session_id FROM codes WHERE code_hash = $1)",
        ),
        (
            "consent",
            "UPDATE grants SET withdrawn_at = 1 WHERE id = (SELECT grant_id FROM codes WHERE code_hash = $1)",
        ),
    ] {
        let one = Expecting::new(&server, name).await;
        let (told, arrived) = oneshot::channel();
        let (open, opened) = oneshot::channel::<()>();
        let hash = one.hash();
        let ending = db.write(move |tx| async move {
            let rows = sql(ends).bind(&hash).execute(&tx).await?;
            let _waited_for = told.send(());
            let _opened = opened.await;
            Ok::<_, DbError>(rows)
        });
        let (ended, redeemed) = tokio::join!(ending, async {
            arrived.await.expect("it is ended");
            let (redeemed, ()) = tokio::join!(one.app.redeem(&one.code), async {
                somebody_waits(&db).await;
                let _goes_on = open.send(());
            });
            redeemed
        });
        assert_eq!(ended.unwrap(), 1);
        matrix.hold(name.to_owned(), redeemed.code() == "invalid_grant", redeemed);
    }
    matrix.end();
    server.stop().await;
}

on_both_engines! {
    a_family_that_is_being_born_ends_with_what_it_stands_on,
    nothing_is_born_on_what_is_being_ended,
}
