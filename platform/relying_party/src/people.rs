//! Who is signed in, and calling the API in their name: one token per audience, one refresh at a time per sign-in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use latchkey_contracts::events::revocation::Revocation;
use moka::sync::Cache;
use tokio::sync::Mutex;

use crate::oidc::{CATALOG, Oidc, OidcError, SignedIn};
use crate::store::{Login, Store, StoreError, Token, Whom};

/// The shop's people. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct People {
    pub oidc: Oidc,
    pub store: Store,
    /// One refresh at a time per sign-in.
    turns: Cache<String, Arc<Mutex<()>>>,
}

/// Why there is no token to call with.
#[derive(Debug, thiserror::Error)]
pub enum NoToken {
    /// The sign-in is over.
    #[error("nobody is signed in any more")]
    SignedOut,
    /// The issuer does not answer now.
    #[error(transparent)]
    Oidc(OidcError),
    /// The database does not answer now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A token is renewed this long before its end, milliseconds.
const MARGIN_MS: i64 = 20_000;
/// How often a refresh is tried again after another node's was faster.
const TRIES: usize = 3;

impl People {
    pub fn new(oidc: Oidc, store: Store) -> Self {
        let turns = Cache::builder()
            .max_capacity(100_000)
            .time_to_idle(Duration::from_secs(120))
            .build();
        Self { oidc, store, turns }
    }

    /// A key for a form that must act once.
    pub fn key(&self) -> String {
        self.oidc.uuid()
    }

    /// Takes in what a sign-in gave, and brings the first token for the catalog, which tells what the person may do.
    pub async fn arrive(&self, signed_in: SignedIn) -> Result<Login, NoToken> {
        let mut login = Login {
            id: self.oidc.secret(),
            sub: signed_in.sub,
            sid: signed_in.sid,
            refresh_token: signed_in.refresh_token,
            id_token: signed_in.id_token,
            scope: String::new(),
            version: 1,
        };
        let first = match self.oidc.refresh(&login.refresh_token, CATALOG).await {
            Ok(refreshed) => {
                login.refresh_token = refreshed.refresh_token.unwrap_or(login.refresh_token);
                login.scope = refreshed.scope.unwrap_or_default();
                Some(Token {
                    text: refreshed.access_token,
                    expires_at: self.store.now() + refreshed.expires_in_s * 1_000,
                })
            }
            Err(OidcError::InvalidGrant) => return Err(NoToken::SignedOut),
            // Without the catalog the person is signed in all the same; its pages ask again.
            Err(error) => {
                tracing::warn!(reason = %error, "there is no token for the catalog yet");
                None
            }
        };
        let first = first.as_ref().map(|token| (CATALOG, token));
        self.store.add_login(&login, first).await?;
        Ok(login)
    }

    /// Who is signed in under this id, if they still are.
    pub async fn login(&self, id: &str) -> Result<Option<Login>, StoreError> {
        self.store.login(id).await
    }

    /// A token for this audience that will be good for a moment longer.
    pub async fn token(&self, login: &str, audience: &str) -> Result<String, NoToken> {
        if let Some(token) = self.fresh(login, audience).await? {
            return Ok(token);
        }
        let turn = self.turns.get_with(login.to_owned(), Arc::default);
        let _mine = turn.lock().await;
        for _ in 0..TRIES {
            // Whoever had the turn before may have brought it.
            if let Some(token) = self.fresh(login, audience).await? {
                return Ok(token);
            }
            let Some(known) = self.store.login(login).await? else {
                return Err(NoToken::SignedOut);
            };
            let refreshed = match self.oidc.refresh(&known.refresh_token, audience).await {
                Ok(refreshed) => refreshed,
                Err(OidcError::InvalidGrant) => {
                    // Another node's refresh may have been faster, and its token is the good one.
                    let now = self.store.login(login).await?;
                    if now.is_some_and(|now| now.version != known.version) {
                        continue;
                    }
                    self.store.end_logins(Whom::Login(login.to_owned())).await?;
                    tracing::info!(sub = known.sub, "the issuer has ended a sign-in");
                    return Err(NoToken::SignedOut);
                }
                Err(error) => return Err(NoToken::Oidc(error)),
            };
            let token = Token {
                text: refreshed.access_token,
                expires_at: self.store.now() + refreshed.expires_in_s * 1_000,
            };
            let next = refreshed
                .refresh_token
                .unwrap_or_else(|| known.refresh_token.clone());
            if self.store.refreshed(&known, &next, audience, &token).await? {
                return Ok(token.text);
            }
        }
        Err(NoToken::SignedOut)
    }

    /// Ends a sign-in that another takes the place of, here and at the issuer. What fails is found out later.
    pub async fn end(&self, login: &str) {
        if let Ok(Some(known)) = self.store.login(login).await {
            let ended = self.store.end_logins(Whom::Login(login.to_owned())).await;
            if let Err(error) = ended {
                let reason = latchkey_http::reasons(&error);
                tracing::warn!(reason, "a replaced sign-in stays for now");
            }
            self.oidc.revoke(&known.refresh_token).await;
        }
    }

    async fn fresh(&self, login: &str, audience: &str) -> Result<Option<String>, StoreError> {
        let token = self.store.token(login, audience).await?;
        let now = self.store.now();
        Ok(token
            .filter(|token| token.expires_at - MARGIN_MS > now)
            .map(|token| token.text))
    }

    /// A token was refused: the next call brings another, or finds the sign-in over.
    pub async fn refused(&self, login: &str, audience: &str) -> Result<(), StoreError> {
        self.store.drop_token(login, audience).await
    }

    /// The issuer has taken something back: whoever it concerns is signed out here at once.
    pub async fn hear(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let ours = |client: &str| client == self.oidc.client_id();
        match revocation {
            // Several tabs are several families in one session, and which is whose only the issuer knows: the next page
            // asks it, and finds this sign-in over or living.
            Revocation::Family(family) if ours(&family.client_id) => {
                if let Some(sid) = &family.sid {
                    self.store.drop_tokens(sid).await?;
                }
            }
            Revocation::Session(session) => {
                let own = session.families.iter().filter(|family| ours(&family.client_id));
                // However many families: the session has one name here.
                let names: BTreeSet<&String> = own.filter_map(|family| family.sid.as_ref()).collect();
                for sid in names {
                    self.store.end_logins(Whom::Session(sid.clone())).await?;
                }
            }
            Revocation::Subject(subject) => {
                let whom = Whom::Person {
                    sub: subject.sub.clone(),
                    before_ms: subject.before.saturating_mul(1_000).saturating_add(999),
                };
                self.store.end_logins(whom).await?;
            }
            Revocation::Client(client) if ours(&client.client_id) => {
                let before_ms = client.before.saturating_mul(1_000).saturating_add(999);
                self.store.end_logins(Whom::Everybody { before_ms }).await?;
            }
            Revocation::Family(_) | Revocation::Client(_) | Revocation::Token(_) | Revocation::Key(_) => {}
        }
        Ok(())
    }
}
