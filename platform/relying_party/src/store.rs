//! The database of a client: sessions, sign-ins and their tokens. The only SQL of this crate.

use latchkey_clock::Clock;
use latchkey_db::{Db, DbError, Migration, Migrations, Tx, sql};
use tokio::sync::watch;

use crate::asked::Asked;
use crate::seal::{Purpose, Seal};

/// The tables, under the name of the client's migrations.
pub(crate) fn migrations(set: &'static str) -> Migrations {
    Migrations { set, steps: STEPS }
}

const STEPS: &[Migration] = &[
    Migration {
        version: 1,
        name: "sessions",
        sqlite: include_str!("../migrations/0001_sessions.sql"),
        postgres: include_str!("../migrations/0001_sessions.sql"),
    },
    Migration {
        version: 2,
        name: "logout_tokens",
        sqlite: include_str!("../migrations/0002_logout_tokens.sql"),
        postgres: include_str!("../migrations/0002_logout_tokens.sql"),
    },
    Migration {
        version: 3,
        name: "used_flows",
        sqlite: include_str!("../migrations/0003_used_flows.sql"),
        postgres: include_str!("../migrations/0003_used_flows.sql"),
    },
    Migration {
        version: 4,
        name: "asked",
        sqlite: include_str!("../migrations/0004_asked.sql"),
        postgres: include_str!("../migrations/0004_asked.sql"),
    },
];

/// The database with its sealing key. Cloning is cheap.
#[derive(Clone)]
pub struct Store {
    db: Db,
    seal: Seal,
    clock: Clock,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the session database failed")]
    Db(#[from] DbError),
}

/// A sign-in of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub id: String,
    pub sub: String,
    /// The `sid` of the session at the issuer.
    pub sid: Option<String>,
    pub refresh_token: String,
    /// The ID token, for the sign-out.
    pub id_token: String,
    /// The scope that the user allowed.
    pub scope: String,
    /// What was asked for; empty for a sign-in from before this was written down.
    pub asked: Asked,
    /// Incremented with each refresh token.
    pub version: i64,
}

/// An access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// When it expires, in Unix milliseconds.
    pub expires_at: i64,
}

/// How long a sign-in is kept at most, in milliseconds; the issuer decides whether it is still valid.
const LOGIN_LIFE_MS: i64 = 30 * 24 * 3_600_000;

impl Store {
    pub fn new(db: Db, seal: Seal, clock: Clock) -> Self {
        Self { db, seal, clock }
    }

    /// The seal, also for cookies with more than an id.
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    pub fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    /// A counter that increases after sign-ins have ended, here or at another node: a hint to look, which may also come
    /// without a reason.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.db.changes()
    }

    /// Creates a session; `false` if one with this hash exists.
    pub async fn add_session(&self, hash: &str, data: &str, expires_at: i64) -> Result<bool, StoreError> {
        let sealed = self.seal.close(Purpose::Session, hash, data);
        let hash = hash.to_owned();
        let rows = self
            .db
            .write(move |tx| async move {
                sql("INSERT INTO sessions (id_hash, sealed, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                    .bind(hash)
                    .bind(sealed)
                    .bind(expires_at)
                    .execute(&tx)
                    .await
            })
            .await?;
        Ok(rows == 1)
    }

    /// Updates an existing session; one that has ended in the meantime is not recreated.
    pub async fn save_session(&self, hash: &str, data: &str, expires_at: i64) -> Result<(), StoreError> {
        let sealed = self.seal.close(Purpose::Session, hash, data);
        let hash = hash.to_owned();
        self.db
            .write(move |tx| async move {
                sql("UPDATE sessions SET sealed = $2, expires_at = $3 WHERE id_hash = $1")
                    .bind(hash)
                    .bind(sealed)
                    .bind(expires_at)
                    .execute(&tx)
                    .await
            })
            .await?;
        Ok(())
    }

    /// The data and the end of a session that is not over. What an earlier key sealed is over.
    pub async fn session(&self, hash: &str) -> Result<Option<(String, i64)>, StoreError> {
        let row = sql("SELECT sealed, expires_at FROM sessions WHERE id_hash = $1 AND expires_at > $2")
            .bind(hash)
            .bind(self.now())
            .fetch_optional(&self.db)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let data = self.seal.open(Purpose::Session, hash, &row.text("sealed")?);
        let expires_at = row.int("expires_at")?;
        Ok(data.ok().map(|data| (data, expires_at)))
    }

    /// Deletes a session.
    pub async fn end_session(&self, hash: &str) -> Result<(), StoreError> {
        self.forget("DELETE FROM sessions WHERE id_hash = $1", &[hash])
            .await
    }

    /// Runs a statement that deletes the rows with these keys.
    async fn forget(&self, statement: &'static str, named: &[&str]) -> Result<(), StoreError> {
        let named: Vec<String> = named.iter().map(|text| (*text).to_owned()).collect();
        self.db
            .write(move |tx| async move {
                let bound = named.into_iter().fold(sql(statement), |sql, text| sql.bind(text));
                bound.execute(&tx).await
            })
            .await?;
        Ok(())
    }

    /// Takes the one use of a sign-in's code; `false` when it was taken before.
    pub async fn use_flow(&self, hash: String, until_ms: i64) -> Result<bool, StoreError> {
        let statement =
            sql("INSERT INTO used_flows (id_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(hash)
                .bind(until_ms);
        Ok(self.db.write_one(statement).await? == 1)
    }

    /// Somebody is signed in.
    pub async fn add_login(&self, login: &Login, first: Option<(&str, &Token)>) -> Result<(), StoreError> {
        let (login, now) = (login.clone(), self.now());
        let refresh = self
            .seal
            .close(Purpose::RefreshToken, &login.id, &login.refresh_token);
        let hint = self.seal.close(Purpose::IdToken, &login.id, &login.id_token);
        let token = first.map(|(audience, token)| {
            let sealed = self.seal.close(
                Purpose::AccessToken,
                &token_place(&login.id, audience),
                &token.text,
            );
            (audience.to_owned(), sealed, token.expires_at)
        });
        self.db
            .write(move |tx| async move {
                sql("INSERT INTO logins (id, sub, sid, sealed_refresh, sealed_hint, scope, version, created_at, expires_at, \
                     asked_resources, asked_scope) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10)")
                .bind(&login.id)
                .bind(&login.sub)
                .bind(login.sid.clone())
                .bind(refresh)
                .bind(hint)
                .bind(&login.scope)
                .bind(now)
                .bind(now + LOGIN_LIFE_MS)
                .bind(&login.asked.resources)
                .bind(&login.asked.scope)
                .execute(&tx)
                .await?;
                if let Some((audience, sealed, expires_at)) = token {
                    sql("INSERT INTO tokens (login_id, audience, sealed, expires_at) VALUES ($1, $2, $3, $4)")
                        .bind(&login.id)
                        .bind(audience)
                        .bind(sealed)
                        .bind(expires_at)
                        .execute(&tx)
                        .await?;
                }
                Ok::<_, DbError>(())
            })
            .await?;
        Ok(())
    }

    /// Who is signed in under this id, if they still are. What an earlier key sealed is nobody's.
    pub async fn login(&self, id: &str) -> Result<Option<Login>, StoreError> {
        let row = sql(
            "SELECT sub, sid, sealed_refresh, sealed_hint, scope, version, asked_resources, asked_scope FROM logins \
                       WHERE id = $1 AND expires_at > $2",
        )
        .bind(id)
        .bind(self.now())
        .fetch_optional(&self.db)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let refresh_token = self
            .seal
            .open(Purpose::RefreshToken, id, &row.text("sealed_refresh")?);
        let id_token = self.seal.open(Purpose::IdToken, id, &row.text("sealed_hint")?);
        let (Ok(refresh_token), Ok(id_token)) = (refresh_token, id_token) else {
            return Ok(None);
        };
        Ok(Some(Login {
            sub: row.text("sub")?,
            sid: row.opt_text("sid")?,
            refresh_token,
            id_token,
            scope: row.text("scope")?,
            asked: Asked {
                resources: row.text("asked_resources")?,
                scope: row.text("asked_scope")?,
            },
            version: row.int("version")?,
            id: id.to_owned(),
        }))
    }

    /// The access token for an audience.
    pub async fn token(&self, login: &str, audience: &str) -> Result<Option<Token>, StoreError> {
        let row = sql(
            "SELECT t.sealed, t.expires_at FROM tokens t JOIN logins l ON l.id = t.login_id \
                       WHERE t.login_id = $1 AND t.audience = $2",
        )
        .bind(login)
        .bind(audience)
        .fetch_optional(&self.db)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let text = self.seal.open(
            Purpose::AccessToken,
            &token_place(login, audience),
            &row.text("sealed")?,
        );
        let expires_at = row.int("expires_at")?;
        Ok(text.ok().map(|text| Token { text, expires_at }))
    }

    /// Stores the result of a refresh; `false` if a concurrent refresh or sign-out was faster: then nothing is written,
    /// so that a spent token never comes back.
    pub async fn refreshed(
        &self,
        login: &Login,
        refresh_token: &str,
        audience: &str,
        token: &Token,
    ) -> Result<bool, StoreError> {
        let (id, version) = (login.id.clone(), login.version);
        let refresh = self.seal.close(Purpose::RefreshToken, &id, refresh_token);
        let sealed = self
            .seal
            .close(Purpose::AccessToken, &token_place(&id, audience), &token.text);
        let (audience, expires_at) = (audience.to_owned(), token.expires_at);
        let written = self
            .db
            .write(move |tx| async move {
                let rows = sql("UPDATE logins SET sealed_refresh = $3, version = version + 1 WHERE id = $1 AND version = $2")
                    .bind(&id)
                    .bind(version)
                    .bind(refresh)
                    .execute(&tx)
                    .await?;
                if rows != 1 {
                    return Ok(false);
                }
                sql("INSERT INTO tokens (login_id, audience, sealed, expires_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (login_id, audience) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at")
                .bind(&id)
                .bind(audience)
                .bind(sealed)
                .bind(expires_at)
                .execute(&tx)
                .await?;
                Ok::<_, DbError>(true)
            })
            .await?;
        Ok(written)
    }

    /// Deletes an access token that was rejected.
    pub async fn drop_token(&self, login: &str, audience: &str) -> Result<(), StoreError> {
        let statement = "DELETE FROM tokens WHERE login_id = $1 AND audience = $2";
        self.forget(statement, &[login, audience]).await
    }

    /// Ends the selected sign-ins.
    pub async fn end_logins(&self, session_ref: SessionRef) -> Result<(), StoreError> {
        let now = self.now();
        self.db
            .write(move |tx| async move { end(&tx, &session_ref, now).await })
            .await?;
        Ok(())
    }

    /// Executes a logout token with this `jti`, and returns how many sign-ins ended; `None` if this `jti` was used
    /// before: then nothing happens.
    pub async fn end_logins_once(
        &self,
        jti: &str,
        until_ms: i64,
        session_ref: SessionRef,
    ) -> Result<Option<u64>, StoreError> {
        let (jti, now) = (jti.to_owned(), self.now());
        let ended = self
            .db
            .write(move |tx| async move {
                let first =
                    sql("INSERT INTO logout_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                        .bind(jti)
                        .bind(until_ms)
                        .execute(&tx)
                        .await?;
                if first != 1 {
                    return Ok(None);
                }
                end(&tx, &session_ref, now).await.map(Some)
            })
            .await?;
        Ok(ended)
    }
}

/// Ends sign-ins, and returns their number. They are deleted before their tokens: a refresh in progress then finds its
/// own gone.
async fn end(tx: &Tx, session_ref: &SessionRef, now: i64) -> Result<u64, DbError> {
    let ending = match session_ref {
        SessionRef::Login(id) => sql("DELETE FROM logins WHERE id = $1").bind(id),
        SessionRef::Session(sid) => sql("DELETE FROM logins WHERE sid = $1").bind(sid),
        SessionRef::Person { sub, before_ms } => {
            sql("DELETE FROM logins WHERE sub = $1 AND created_at <= $2")
                .bind(sub)
                .bind(*before_ms)
        }
        SessionRef::Expired => sql("DELETE FROM logins WHERE expires_at <= $1").bind(now),
    };
    let ended = ending.execute(tx).await?;
    if ended > 0 {
        // Streams that show something of these users end at once.
        tx.announce();
    }
    if ended > 0 || *session_ref == SessionRef::Expired {
        sql("DELETE FROM tokens WHERE NOT EXISTS (SELECT 1 FROM logins l WHERE l.id = tokens.login_id)")
            .execute(tx)
            .await?;
    }
    if *session_ref == SessionRef::Expired {
        for past in [
            "DELETE FROM sessions WHERE expires_at <= $1",
            "DELETE FROM logout_tokens WHERE expires_at <= $1",
            "DELETE FROM used_flows WHERE expires_at <= $1",
        ] {
            sql(past).bind(now).execute(tx).await?;
        }
    }
    Ok(ended)
}

/// The sign-ins to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionRef {
    /// One sign-in at this client.
    Login(String),
    /// All sign-ins of one session at the issuer.
    Session(String),
    /// The sign-ins of a user until an instant.
    Person {
        sub: String,
        /// Unix milliseconds.
        before_ms: i64,
    },
    /// Expired sign-ins.
    Expired,
}

fn token_place(login: &str, audience: &str) -> String {
    format!("{login}/{audience}")
}

#[cfg(test)]
mod tests {
    use latchkey_clock::Random;
    use latchkey_db::{Options, testing};

    use super::*;

    const AUDIENCE: &str = "urn:latchkey:catalog";

    async fn stores(name: &str) -> Vec<Store> {
        let mut stores = Vec::new();
        for (_, url) in testing::urls(name).await {
            let db = Db::open(&url, Options::new(&[migrations("storefront")]))
                .await
                .unwrap();
            let seal = Seal::new("shop", &[7; 32], Random::system());
            stores.push(Store::new(db, seal, Clock::manual(1_000)));
        }
        stores
    }

    fn login(id: &str) -> Login {
        Login {
            id: id.to_owned(),
            sub: "alice".to_owned(),
            sid: Some("sid".to_owned()),
            refresh_token: "refresh-1".to_owned(),
            id_token: "hint".to_owned(),
            scope: "catalog.read".to_owned(),
            asked: Asked::default(),
            version: 1,
        }
    }

    fn token(text: &str) -> Token {
        Token {
            text: text.to_owned(),
            expires_at: 300_000,
        }
    }

    /// BF-08.
    #[tokio::test]
    async fn of_concurrent_refreshes_one_is_written_and_the_others_leave_nothing() {
        for store in stores("shop_refreshed").await {
            let known = login("one");
            store.add_login(&known, None).await.unwrap();
            let refreshes = (0..16).map(async |n| {
                let (next, text) = (format!("refresh-2-{n}"), format!("access-2-{n}"));
                let written = store.refreshed(&known, &next, AUDIENCE, &token(&text)).await;
                written.unwrap().then_some((next, text))
            });
            let won: Vec<_> = futures::future::join_all(refreshes).await;
            let won: Vec<_> = won.into_iter().flatten().collect();
            assert_eq!(won.len(), 1, "{won:?}");
            let now = store.login("one").await.unwrap().unwrap();
            assert_eq!((now.version, &now.refresh_token), (2, &won[0].0));
            let access = store.token("one", AUDIENCE).await.unwrap().unwrap();
            assert_eq!(access.text, won[0].1);
        }
    }

    /// BF-07.
    #[tokio::test]
    async fn a_refresh_under_way_brings_nobody_back_who_signed_out() {
        for store in stores("shop_ended").await {
            let session_refs = [
                SessionRef::Login("one".to_owned()),
                SessionRef::Session("sid".to_owned()),
                SessionRef::Person {
                    sub: "alice".to_owned(),
                    before_ms: 1_000,
                },
            ];
            for session_ref in session_refs {
                let known = login("one");
                store
                    .add_login(&known, Some((AUDIENCE, &token("access-1"))))
                    .await
                    .unwrap();
                store.end_logins(session_ref.clone()).await.unwrap();
                let access = token("access-2");
                let written = store.refreshed(&known, "refresh-2", AUDIENCE, &access).await;
                assert!(!written.unwrap(), "{session_ref:?}");
                assert_eq!(store.login("one").await.unwrap(), None, "{session_ref:?}");
                assert_eq!(
                    store.token("one", AUDIENCE).await.unwrap(),
                    None,
                    "{session_ref:?}"
                );
            }
        }
    }

    #[tokio::test]
    async fn what_an_earlier_key_sealed_is_a_session_no_more_and_signs_nobody_in() {
        for store in stores("shop_other_key").await {
            let access = token("access-1");
            store
                .add_login(&login("one"), Some((AUDIENCE, &access)))
                .await
                .unwrap();
            assert!(store.add_session("hash", "data", 2_000).await.unwrap());
            let seal = Seal::new("shop", &[8; 32], Random::system());
            let later = Store::new(store.db.clone(), seal, Clock::manual(1_000));
            assert_eq!(later.session("hash").await.unwrap(), None);
            assert_eq!(later.login("one").await.unwrap(), None);
            assert_eq!(later.token("one", AUDIENCE).await.unwrap(), None);
            assert!(store.login("one").await.unwrap().is_some());
        }
    }

    /// Whoever can write to the database has one user's session read another user's token, or the sign-in under way
    /// read as a session, if a value opens in the place of another.
    #[tokio::test]
    async fn a_sealed_value_of_one_purpose_opens_in_no_place_of_another() {
        for store in stores("shop_swapped").await {
            let (place, seal) = (token_place("one", AUDIENCE), store.seal.clone());
            let values = Purpose::ALL.into_iter().flat_map(|purpose| {
                ["one", place.as_str()].map(|at| (purpose, seal.close(purpose, at, "{}")))
            });
            for (purpose, value) in values.collect::<Vec<_>>() {
                for (of, write) in [
                    (Purpose::Session, "UPDATE sessions SET sealed = $1"),
                    (Purpose::RefreshToken, "UPDATE logins SET sealed_refresh = $1"),
                    (Purpose::IdToken, "UPDATE logins SET sealed_hint = $1"),
                    (Purpose::AccessToken, "UPDATE tokens SET sealed = $1"),
                ] {
                    if of == purpose {
                        continue;
                    }
                    let first = token("access-1");
                    store
                        .add_login(&login("one"), Some((AUDIENCE, &first)))
                        .await
                        .unwrap();
                    store.add_session("one", "{}", 2_000).await.unwrap();
                    store.db.write_one(sql(write).bind(value.clone())).await.unwrap();
                    let opened = match of {
                        Purpose::Session => store.session("one").await.unwrap().is_some(),
                        Purpose::AccessToken => store.token("one", AUDIENCE).await.unwrap().is_some(),
                        _ => store.login("one").await.unwrap().is_some(),
                    };
                    assert!(!opened, "{purpose:?} as {of:?}");
                    store.end_session("one").await.unwrap();
                    store
                        .end_logins(SessionRef::Login("one".to_owned()))
                        .await
                        .unwrap();
                }
            }
        }
    }

    #[tokio::test]
    async fn of_logout_tokens_of_one_jti_one_is_obeyed() {
        for store in stores("shop_logout_tokens").await {
            store.add_login(&login("one"), None).await.unwrap();
            let session_ref = || SessionRef::Session("sid".to_owned());
            let all = (0..16).map(|_| store.end_logins_once("jti", 2_000, session_ref()));
            let ended = futures::future::join_all(all).await;
            let obeyed: Vec<u64> = ended.into_iter().filter_map(Result::unwrap).collect();
            assert_eq!(obeyed, [1]);
            // Sign-ins after that instant stay.
            store.add_login(&login("two"), None).await.unwrap();
            assert_eq!(
                store.end_logins_once("jti", 2_000, session_ref()).await.unwrap(),
                None
            );
            assert!(store.login("two").await.unwrap().is_some());
            // Expired `jti`s are deleted, and none before.
            store.clock.advance(999);
            store.end_logins(SessionRef::Expired).await.unwrap();
            assert_eq!(
                store.end_logins_once("jti", 2_000, session_ref()).await.unwrap(),
                None
            );
            store.clock.advance(1);
            store.end_logins(SessionRef::Expired).await.unwrap();
            assert_eq!(
                store.end_logins_once("jti", 2_001, session_ref()).await.unwrap(),
                Some(1)
            );
        }
    }
}
