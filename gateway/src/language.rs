//! `POST /language`: the switch of the language. The edge answers it itself, so that it works while the shop does not.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use latchkey_web::{RefusedForm, same_page, switch_language};
use tokio::time::Instant;

use crate::access_log::{AccessLog, Ended};
use crate::authority;
use crate::caller::Caller;
use crate::error::GatewayError;
use crate::forward::{forward, refuse};
use crate::forwarded_headers::REQUEST_ID;
use crate::gateway::Gateway;
use crate::page::Reader;
use crate::request_body;

pub(crate) async fn switch(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    // A host of somebody's own has all its paths.
    if authority::of(&parts).is_some_and(|host| gateway.routes.load().declares(&host)) {
        return forward(State(gateway), Request::from_parts(parts, body)).await;
    }
    let Some(caller) = Caller::of(&parts, &gateway.random) else {
        tracing::error!("the listener of the gateway does not provide the address of its peer");
        return GatewayError::NoAddress.answer(None);
    };
    let reader = Reader::of(&parts, &gateway.site, &caller);
    let mut access_log = AccessLog::new(&parts, &caller, started);
    let mut response = match switched(&gateway, &parts, body).await {
        Ok(response) => {
            access_log.status = Some(response.status());
            access_log.ended = Ended::Whole;
            response
        }
        Err(error) => refuse(error, reader.as_ref(), access_log),
    };
    response.headers_mut().insert(REQUEST_ID, caller.request_id);
    response
}

async fn switched(gateway: &Gateway, parts: &Parts, body: Body) -> Result<Response, GatewayError> {
    authority::agrees(parts)?;
    if !latchkey_http::is_form(&parts.headers) {
        return Err(GatewayError::BadForm);
    }
    let body = request_body::form(body, LONGEST_FORM, gateway.timeouts.total).await?;
    let site = &gateway.site;
    let done = switch_language(&site.messages, &site.origins, &parts.headers, &body, same_page);
    done.map_err(|refused| match refused {
        RefusedForm::Foreign => GatewayError::ForeignForm,
        RefusedForm::Bad => GatewayError::BadForm,
    })
}

/// A language, and the address to return to with its escapes.
const LONGEST_FORM: usize = 24 * 1024;
