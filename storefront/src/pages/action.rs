//! `/orders/{id}/action`: where a card wants to hear from its holder before it pays.

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_web::{FORM_TOKEN, answer, is_form_token, see_other};

use super::basket::own_form;
use crate::Storefront;
use crate::api::ApiError;
use crate::api::order::OrderState;
use crate::api::payment::PaymentState;
use crate::format::{self, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/action.html")]
struct ActionPage<'a> {
    page: &'a ShopPage,
    token: &'a str,
    action: String,
    number: &'a str,
    amount: String,
    /// `Visa •••• 4242`
    card: Option<String>,
    until: Option<String>,
}

/// Asks. An order that does not wait for its buyer has a status and no question.
pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    storefront.logins()?;
    let Some(login) = visit.login() else {
        return Ok(visit.to_sign_in());
    };
    let order = match storefront.api.order.order(login, &id).await {
        Err(ApiError::SignedOut) => return Ok(visit.to_sign_in()),
        other => other?,
    };
    let status = format!("/orders/{}/status", segment(&order.id));
    let (OrderState::ActionRequired, Some(payment_id)) = (order.state, &order.payment_id) else {
        return Ok(see_other(&status));
    };
    let payment = storefront.api.payment.payment(login, payment_id).await?;
    if payment.state != PaymentState::ActionRequired {
        return Ok(see_other(&status));
    }
    let words = &visit.context.words;
    let page = visit.page(words.say("action.title"));
    let view = ActionPage {
        page: &page,
        token: visit.form_token().unwrap_or_default(),
        action: format!("/orders/{}/action", segment(&order.id)),
        number: &order.number,
        amount: format::money(words, &payment.card_amount),
        card: payment
            .card
            .as_ref()
            .map(|card| format::card(&card.brand, &card.last4)),
        until: payment.expires_at.as_deref().and_then(|at| words.minute(at)),
    };
    let mut response = answer(StatusCode::OK, &view);
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    Ok(response)
}

/// Tells payment. Which payment it is says the order, not the form.
pub async fn tell(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let mut form = own_form(&storefront, &headers, body)?;
    let user = visit.user().ok_or(PageError::SignedOut)?;
    let token = form.take(FORM_TOKEN);
    if !is_form_token(&user.form_token, token.as_deref()) {
        return Err(PageError::Foreign);
    }
    let approve = match form.take("approve").as_deref() {
        Some("yes") => true,
        Some("no") => false,
        Some(_) | None => return Err(PageError::Bad),
    };
    let order = storefront.api.order.order(&user.login, &id).await?;
    if let Some(payment_id) = &order.payment_id {
        let told = storefront
            .api
            .payment
            .answer(&user.login, payment_id, approve)
            .await;
        match told {
            // Too late, or said before: the status says what became of it.
            Err(error) if error.code() == Some("not_awaiting_action") => {}
            other => {
                other?;
            }
        }
    }
    Ok(see_other(&format!("/orders/{}/status", segment(&order.id))))
}
