//! `/.latchkey/…`: to the issuer and back, on the host of the application.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::Method;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use tokio::time::Instant;

use crate::PATHS;
use crate::access_log::{AccessLog, Ended};
use crate::authority;
use crate::caller::Caller;
use crate::error::GatewayError;
use crate::forward::{forward, refuse};
use crate::forwarded_headers::REQUEST_ID;
use crate::gateway::Gateway;
use crate::page::Reader;
use crate::request_body;
use crate::sign_in::{NoSession, SignInPage};

/// At another host than that of the application, this is a path like any other.
pub(crate) async fn answer(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let page = page_of(request.method(), request.uri().path());
    let (parts, body) = request.into_parts();
    let host = authority::of(&parts);
    let sign_in = gateway.sign_in.as_ref();
    let sign_in =
        sign_in.filter(|sign_in| host.is_some_and(|host| host.eq_ignore_ascii_case(sign_in.host())));
    let (Some(page), Some(sign_in)) = (page, sign_in) else {
        return forward(State(gateway), Request::from_parts(parts, body)).await;
    };
    let started = Instant::now();
    let Some(caller) = Caller::of(&parts, &gateway.random) else {
        return GatewayError::NoAddress.answer(None);
    };
    let reader = Reader::of(&parts, &gateway.site, &caller);
    let mut access_log = AccessLog::new(&parts, &caller, started);
    access_log.route = Some("sign_in".into());
    let patience = gateway.timeouts.total;
    let body = match gateway.may_sign_in(&parts, &caller, page) {
        Ok(()) => match request_body::form(body, LONGEST_FORM, patience).await {
            Err(GatewayError::BadForm) => Ok(None),
            read => read.map(Some),
        },
        Err(error) => Err(error),
    };
    let answered = match body {
        Ok(body) => {
            let answered = sign_in.sessions.page(page, &parts, body).await;
            answered.map_err(|error| match error {
                NoSession::SignedOut => GatewayError::SignedOut { to: None },
                NoSession::NotAllowed => GatewayError::NotAllowed,
                NoSession::Foreign => GatewayError::ForeignForm,
                NoSession::Away(reason) => GatewayError::SessionAway(reason),
            })
        }
        Err(error) => Err(error),
    };
    let mut response = match answered {
        Ok(response) => {
            access_log.status = Some(response.status());
            access_log.ended = Ended::Whole;
            response
        }
        Err(error) => refuse(error, reader.as_ref(), access_log),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REQUEST_ID, caller.request_id);
    response
}

impl Gateway {
    /// The same limit as on pages: beginning a sign-in costs more than reading one. Logout tokens come from the issuer,
    /// for everybody at once.
    fn may_sign_in(&self, parts: &Parts, caller: &Caller, page: SignInPage) -> Result<(), GatewayError> {
        authority::agrees(parts)?;
        match page {
            SignInPage::BackchannelLogout => Ok(()),
            SignInPage::Begin | SignInPage::Callback | SignInPage::SignOut => {
                self.meter
                    .count(parts, crate::Kind::Pages, caller.address, self.clock.now_ms())
            }
        }
    }
}

fn page_of(method: &Method, path: &str) -> Option<SignInPage> {
    let name = path.strip_prefix(PATHS)?;
    match (method.as_str(), name) {
        ("GET", "/signin") => Some(SignInPage::Begin),
        ("GET", "/callback") => Some(SignInPage::Callback),
        ("POST", "/signout") => Some(SignInPage::SignOut),
        ("POST", "/backchannel-logout") => Some(SignInPage::BackchannelLogout),
        _ => None,
    }
}

/// A logout token with its form around it.
const LONGEST_FORM: usize = 24 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_has_one_method() {
        for (method, path, page) in [
            (Method::GET, "/.latchkey/signin", Some(SignInPage::Begin)),
            (Method::GET, "/.latchkey/callback", Some(SignInPage::Callback)),
            (Method::POST, "/.latchkey/signout", Some(SignInPage::SignOut)),
            (
                Method::POST,
                "/.latchkey/backchannel-logout",
                Some(SignInPage::BackchannelLogout),
            ),
            (Method::GET, "/.latchkey/signout", None),
            (Method::HEAD, "/.latchkey/callback", None),
            (Method::POST, "/.latchkey/signin", None),
            (Method::GET, "/.latchkey/", None),
            (Method::GET, "/signin", None),
        ] {
            assert_eq!(page_of(&method, path), page, "{method} {path}");
        }
    }
}
