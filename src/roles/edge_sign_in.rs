//! The sign-in of the edge: an ordinary client of the issuer, whose sessions lie in a database of their own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Bytes;
use http::request::Parts;
use http::{Extensions, header};
use latchkey_gateway::{
    NoSession, PATHS, PageFuture, SessionFuture, SessionToken, Sessions, SignIn, SignInPage,
};
use latchkey_relying_party::{
    Client, Logins, NoToken, Oidc, OidcError, Registration, Seal, Session, SignInError, Store,
    backchannel_logout, sign_in,
};
use latchkey_web::{FORM_TOKEN, Origins, see_other};

use super::Starting;
use super::storefront::end_expired_logins;
use crate::config::Role;
use crate::config::edge::SignInSettings;
use crate::embedded;
use crate::error::StartError;

/// The sessions of the edge.
struct EdgeSessions(Logins);

impl Starting {
    /// The sign-in that is configured, and the layer that finds its sessions.
    pub(super) async fn edge_sign_in(
        &mut self,
        settings: &SignInSettings,
    ) -> Result<(SignIn, Logins), StartError> {
        let client = client(settings);
        let tables = client.migrations();
        let url = settings.database_in(&self.config.data);
        let db = self.open(Role::Gateway, &url, &tables).await?;
        let key = embedded::key(&self.config.keys, "edge.key", &self.random)?;
        let store = Store::new(
            db,
            Seal::new(client.name, &key, self.random.clone()),
            self.clock.clone(),
        );
        let origins = Origins::new([settings.address.clone()]);
        let registration = Registration {
            client,
            issuer: self.urls.issuer.clone(),
            internal: self.identity_url(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            resources: vec![settings.audience.clone()],
            origins: origins.clone(),
        };
        let http = self.tls.client()?;
        let oidc = Oidc::new(registration, http, self.clock.clone(), self.random.clone());
        let logins = Logins::new(oidc, store.clone());
        self.background
            .keep("edge_expiry", move |stop| end_expired_logins(store.clone(), stop));
        let cookies = [client.session_cookie, client.sign_in_cookie].map(|name| origins.cookie(name));
        let sign_in = SignIn {
            origins,
            cookies: cookies.to_vec(),
            sessions: Arc::new(EdgeSessions(logins.clone())),
        };
        Ok((sign_in, logins))
    }
}

/// The names of a client are constants of its source; those of this one are read once in the life of a process.
fn client(settings: &SignInSettings) -> Client {
    let leak = |text: &str| -> &'static str { text.to_owned().leak() };
    let scopes: Vec<&'static str> = settings.scopes.iter().map(|scope| leak(scope)).collect();
    Client {
        name: "edge",
        base: PATHS,
        tables: "edge",
        session_cookie: "latchkey-edge",
        sign_in_cookie: "latchkey-edge-sign-in",
        scopes: scopes.leak(),
        own_scopes: &[],
        audience: leak(&settings.audience),
    }
}

impl Sessions for EdgeSessions {
    fn token<'a>(&'a self, request: &'a Extensions, audience: &'a str) -> SessionFuture<'a> {
        Box::pin(async move {
            let session = request.get::<Session>().cloned().ok_or(NoSession::SignedOut)?;
            let current = self.0.signed_in(&session).await.map_err(away)?;
            let user = current.ok_or(NoSession::SignedOut)?.user;
            let token = self.0.token(&user.login, audience).await.map_err(no_session)?;
            Ok(SessionToken {
                token,
                login: user.login,
                name: user.name,
            })
        })
    }

    fn token_of<'a>(&'a self, login: &'a str, audience: &'a str) -> SessionFuture<'a> {
        Box::pin(async move {
            // A token of a sign-in that has ended here must not keep anything open.
            let known = self.0.login(login).await;
            let known = known.map_err(|error| NoSession::Away(latchkey_http::reasons(&error)))?;
            known.ok_or(NoSession::SignedOut)?;
            let token = self.0.token(login, audience).await.map_err(no_session)?;
            Ok(SessionToken {
                token,
                login: login.to_owned(),
                name: String::new(),
            })
        })
    }

    fn page<'a>(&'a self, page: SignInPage, request: &'a Parts, body: Option<Bytes>) -> PageFuture<'a> {
        Box::pin(async move {
            let (headers, query) = (&request.headers, request.uri.query());
            if page == SignInPage::BackchannelLogout {
                return Ok(backchannel_logout::receive(&self.0, headers, body.as_deref()).await);
            }
            let session = request.extensions.get::<Session>().cloned();
            let session =
                session.ok_or_else(|| NoSession::Away("the session layer is missing".to_owned()))?;
            match page {
                SignInPage::Begin => sign_in::begin(&self.0, &session, headers, query)
                    .await
                    .map_err(away),
                SignInPage::Callback => {
                    let done = sign_in::callback(&self.0, &session, headers, query, "").await;
                    let done = done.map_err(away)?;
                    let mut response = see_other(&done.to.map_err(away)?);
                    if let Some(cookie) = done.cookie {
                        response.headers_mut().append(header::SET_COOKIE, cookie);
                    }
                    Ok(response)
                }
                SignInPage::SignOut => {
                    // The application's form has no token of ours: its page proves itself by its exact `Origin`.
                    if !self.0.oidc.registration().origins.admits(headers) {
                        return Err(NoSession::Foreign);
                    }
                    let current = self.0.signed_in(&session).await.map_err(away)?;
                    let token = current.map(|current| current.user.form_token).unwrap_or_default();
                    let form = format!("{FORM_TOKEN}={token}");
                    sign_in::sign_out(&self.0, &session, headers, form.as_bytes())
                        .await
                        .map_err(away)
                }
                SignInPage::BackchannelLogout => Err(NoSession::SignedOut),
            }
        })
    }

    fn refused<'a>(
        &'a self,
        login: &'a str,
        audience: &'a str,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            if let Err(error) = self.0.refused(login, audience).await {
                let reason = latchkey_http::reasons(&error);
                tracing::warn!(reason, "a refused token of a session cannot be dropped");
            }
        })
    }
}

/// What a failed sign-in is to a browser. The cause is in the log.
fn away(error: SignInError) -> NoSession {
    match error {
        SignInError::NotSignedIn | SignInError::Malformed => NoSession::SignedOut,
        SignInError::ForeignForm => NoSession::Foreign,
        SignInError::Away | SignInError::Broken => NoSession::Away(error.to_string()),
    }
}

fn no_session(error: NoToken) -> NoSession {
    match error {
        // One from before a change of the configuration: another may be granted what this one did not ask for.
        NoToken::SignedOut | NoToken::NotAsked => NoSession::SignedOut,
        NoToken::Oidc(OidcError::NotGranted(_)) => NoSession::NotAllowed,
        NoToken::Oidc(error) => NoSession::Away(error.to_string()),
        NoToken::Store(error) => NoSession::Away(latchkey_http::reasons(&error)),
    }
}
