//! Who is signed in, and calling the API in their name: one token per audience, one refresh at a time per sign-in.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::{Router, middleware};
use http::HeaderMap;
use latchkey_web::{cookie, drop_ambiguous_cookies};
use moka::sync::Cache;
use tokio::sync::Mutex;
use tower_sessions::Session;

use crate::client::Registration;
use crate::error::{NoToken, OidcError, SignInError};
use crate::oidc::{Oidc, SignedIn};
use crate::session::{self, SessionData, SessionUser};
use crate::store::{Login, Store, StoreError, Token, Whom};

/// The people of a client. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct People {
    pub oidc: Oidc,
    pub store: Store,
    /// One refresh at a time per sign-in.
    turns: Cache<String, Arc<Mutex<()>>>,
}

/// Who is signed in, as pages know them: nothing in it opens anything at the issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentUser {
    pub user: SessionUser,
    /// The scopes of the token that came with the sign-in.
    pub scope: String,
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

    /// Puts a browser's session into every request of this router that has its cookie.
    pub fn sessions(&self, router: Router) -> Router {
        let (registration, cookie) = (self.registration(), self.session_cookie());
        let https = registration.origins.first().starts_with("https://");
        router
            .layer(session::layer(self.store.clone(), cookie, https))
            // The session's library would take one of two, and reads names that browsers do not.
            .layer(middleware::map_request(async |mut request: Request| {
                drop_ambiguous_cookies(request.headers_mut());
                request
            }))
    }

    /// Whether there is a session to look for.
    pub fn has_session(&self, headers: &HeaderMap) -> bool {
        cookie(headers, &self.session_cookie()).is_some()
    }

    /// What the session says; whether it is so, the row of its sign-in knows.
    pub(crate) async fn session_data(&self, session: &Session) -> Result<SessionData, SignInError> {
        let data = session.get::<SessionData>(self.registration().client.name).await;
        Ok(data
            .map_err(|error| SignInError::broken(&error))?
            .unwrap_or_default())
    }

    /// Who is signed in, if the row that says so is still there.
    pub async fn signed_in(&self, session: &Session) -> Result<Option<CurrentUser>, SignInError> {
        let Some(user) = self.session_data(session).await?.login else {
            return Ok(None);
        };
        let login = self.login(&user.login).await;
        let login = login.map_err(|error| SignInError::broken(&error))?;
        Ok(login.map(|login| CurrentUser {
            user,
            scope: login.scope,
        }))
    }

    /// Who looks at a page. With each new token the issuer is asked whether the sign-in still holds: what it did not tell
    /// is found out here. Who cannot be known is nobody: pages that need somebody say so themselves.
    pub async fn visitor(&self, session: &Session) -> Option<CurrentUser> {
        let current = self.signed_in(session).await.ok().flatten()?;
        let audience = self.registration().client.audience;
        match self.token(&current.user.login, audience).await {
            Err(NoToken::SignedOut) => None,
            // Who cannot be asked does not sign anybody out.
            Ok(_) | Err(NoToken::Oidc(_) | NoToken::Store(_)) => Some(current),
        }
    }

    fn registration(&self) -> &Registration {
        self.oidc.registration()
    }

    fn session_cookie(&self) -> String {
        let registration = self.registration();
        registration.origins.cookie(registration.client.session_cookie)
    }

    /// Takes in what a sign-in gave, and brings the first token for what the client calls, which tells what the person
    /// may do there.
    pub(crate) async fn arrive(&self, signed_in: SignedIn) -> Result<Login, NoToken> {
        let audience = self.registration().client.audience;
        let mut login = Login {
            id: self.oidc.secret(),
            sub: signed_in.sub,
            sid: signed_in.sid,
            refresh_token: signed_in.refresh_token,
            id_token: signed_in.id_token,
            scope: String::new(),
            version: 1,
        };
        let first = match self.oidc.refresh(&login.refresh_token, audience).await {
            Ok(refreshed) => {
                login.refresh_token = refreshed.refresh_token.unwrap_or(login.refresh_token);
                login.scope = refreshed.scope.unwrap_or_default();
                Some(Token {
                    text: refreshed.access_token,
                    expires_at: self.store.now() + refreshed.expires_in_s * 1_000,
                })
            }
            Err(OidcError::InvalidGrant) => return Err(NoToken::SignedOut),
            // Without it the person is signed in all the same; pages that need it ask again.
            Err(error) => {
                tracing::warn!(reason = %error, audience, "no access token could be obtained yet");
                None
            }
        };
        let first = first.as_ref().map(|token| (audience, token));
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
    pub(crate) async fn end(&self, login: &str) {
        if let Ok(Some(known)) = self.store.login(login).await {
            let ended = self.store.end_logins(Whom::Login(login.to_owned())).await;
            if let Err(error) = ended {
                let reason = latchkey_http::reasons(&error);
                tracing::warn!(reason, "ending a replaced sign-in failed");
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
}

impl CurrentUser {
    /// Whether they may do this at the client's resource, as far as their first token told; the resource decides.
    pub fn may(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|name| name == scope)
    }
}
