//! Who is signed in, and calls on behalf of users: one token per audience, one refresh at a time per sign-in. And the
//! client's own tokens, for what it does on behalf of nobody.

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
use crate::oidc::Oidc;
use crate::own_tokens::OwnTokens;
use crate::session::{self, SessionData, SessionUser};
use crate::store::{Login, SessionRef, Store, StoreError, Token};

/// The signed-in users of a client. Cloning is cheap.
#[derive(Clone)]
pub struct Logins {
    pub oidc: Oidc,
    pub store: Store,
    /// One refresh at a time per sign-in.
    turns: Cache<String, Arc<Mutex<()>>>,
    own: OwnTokens,
}

/// Without tokens.
impl std::fmt::Debug for Logins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Logins({})", self.oidc.issuer())
    }
}

/// The signed-in user, as pages see it: nothing in it grants access at the issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentUser {
    pub user: SessionUser,
    /// The id of the user at the issuer.
    pub sub: String,
    /// The scopes of the token that came with the sign-in.
    pub scope: String,
}

/// How long before its expiry a token is renewed, in milliseconds.
const MARGIN_MS: i64 = 20_000;
/// How often a refresh is retried after that of another node was faster.
const TRIES: usize = 3;

impl Logins {
    pub fn new(oidc: Oidc, store: Store) -> Self {
        let turns = Cache::builder()
            .max_capacity(100_000)
            .time_to_idle(Duration::from_secs(120))
            .build();
        Self {
            oidc,
            store,
            turns,
            own: OwnTokens::default(),
        }
    }

    /// A key for a form that must act only once.
    pub fn key(&self) -> String {
        self.oidc.uuid()
    }

    /// Adds the session of a browser's cookie to every request of this router.
    pub fn sessions(&self, router: Router) -> Router {
        let (registration, cookie) = (self.registration(), self.session_cookie());
        let https = registration.origins.first().starts_with("https://");
        router
            .layer(session::layer(self.store.clone(), cookie, https))
            // The session library would use one of two cookies, and reads names that browsers do not.
            .layer(middleware::map_request(async |mut request: Request| {
                drop_ambiguous_cookies(request.headers_mut());
                request
            }))
    }

    /// True if the request has a session cookie.
    pub fn has_session(&self, headers: &HeaderMap) -> bool {
        cookie(headers, &self.session_cookie()).is_some()
    }

    /// The content of the session; whether it is still true is decided by the row of its sign-in.
    pub(crate) async fn session_data(&self, session: &Session) -> Result<SessionData, SignInError> {
        let data = session.get_value(self.registration().client.name).await;
        let data = data.map_err(|error| SignInError::broken(&error))?;
        Ok(data.map(SessionData::of).unwrap_or_default())
    }

    /// The signed-in user, if the row of the sign-in still exists.
    pub async fn signed_in(&self, session: &Session) -> Result<Option<CurrentUser>, SignInError> {
        let Some(user) = self.session_data(session).await?.login else {
            return Ok(None);
        };
        let login = self.login(&user.login).await;
        let login = login.map_err(|error| SignInError::broken(&error))?;
        Ok(login.map(|login| CurrentUser {
            user,
            sub: login.sub,
            scope: login.scope,
        }))
    }

    /// The user who looks at a page. With each new token the issuer is asked whether the sign-in still holds, which
    /// reveals ends that were not reported. If the user cannot be determined, nobody is signed in: pages that need a
    /// user report it themselves.
    pub async fn visitor(&self, session: &Session) -> Option<CurrentUser> {
        let current = self.signed_in(session).await.ok().flatten()?;
        let audience = self.registration().client.audience;
        match self.token(&current.user.login, audience).await {
            Err(NoToken::SignedOut) => None,
            // An unreachable issuer does not sign anybody out.
            Ok(_) | Err(NoToken::NotAsked | NoToken::Oidc(_) | NoToken::Store(_)) => Some(current),
        }
    }

    /// A token of the client itself, which stays valid for a while.
    pub async fn machine_token(&self, audience: &str, scope: &str) -> Result<String, NoToken> {
        self.own.token(&self.oidc, audience, scope).await
    }

    /// A token of the client itself was rejected: the next call fetches another.
    pub async fn machine_refused(&self, audience: &str, scope: &str) {
        self.own.refused(audience, scope).await;
    }

    fn registration(&self) -> &Registration {
        self.oidc.registration()
    }

    fn session_cookie(&self) -> String {
        let registration = self.registration();
        registration.origins.cookie(registration.client.session_cookie)
    }

    /// The sign-in with this id, if it still exists.
    pub async fn login(&self, id: &str) -> Result<Option<Login>, StoreError> {
        self.store.login(id).await
    }

    /// Whether a sign-in of today would ask for more than this one did, such as after an upgrade: only another can be
    /// granted it.
    pub fn asks_for_more(&self, login: &Login) -> bool {
        !login.asked.covers(&self.registration().asked())
    }

    /// A token for this audience that stays valid for a while.
    pub async fn token(&self, login: &str, audience: &str) -> Result<String, NoToken> {
        if let Some(token) = self.fresh(login, audience).await? {
            return Ok(token);
        }
        let turn = self.turns.get_with(login.to_owned(), Arc::default);
        let _mine = turn.lock().await;
        for _ in 0..TRIES {
            // Whoever had the turn before may have fetched it.
            if let Some(token) = self.fresh(login, audience).await? {
                return Ok(token);
            }
            let Some(known) = self.store.login(login).await? else {
                return Err(NoToken::SignedOut);
            };
            let refreshed = match self.oidc.refresh(&known.refresh_token, audience).await {
                Ok(refreshed) => refreshed,
                Err(OidcError::InvalidGrant) => {
                    // The refresh of another node may have been faster, and its token is the valid one.
                    let now = self.store.login(login).await?;
                    if now.is_some_and(|now| now.version != known.version) {
                        continue;
                    }
                    self.store.end_logins(SessionRef::Login(login.to_owned())).await?;
                    tracing::info!(sub = known.sub, "the issuer has ended a sign-in");
                    return Err(NoToken::SignedOut);
                }
                // The same refusal of a sign-in that asked for everything would follow the next, round in a circle.
                Err(OidcError::NotGranted(_)) if self.asks_for_more(&known) => return Err(NoToken::NotAsked),
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

    /// Ends a sign-in that another one replaces, here and at the issuer. Failures are detected later.
    pub(crate) async fn end(&self, login: &str) {
        if let Ok(Some(known)) = self.store.login(login).await {
            let ended = self.store.end_logins(SessionRef::Login(login.to_owned())).await;
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

    /// A token was rejected: the next call fetches another, or finds that the sign-in has ended.
    pub async fn refused(&self, login: &str, audience: &str) -> Result<(), StoreError> {
        self.store.drop_token(login, audience).await
    }
}

impl CurrentUser {
    /// Whether the user may do this at the client's resource, according to the first token; the resource decides.
    pub fn may(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|name| name == scope)
    }
}
