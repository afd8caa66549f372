//! Payments, as their buyers see them.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use latchkey_db::DbError;
use latchkey_http::{StrictJson, etag};
use latchkey_kit::{Access, Context, Ownable, Owned};

use super::private;
use super::views::PaymentView;
use crate::domain::{ActionDraft, DomainError, Kind, Payment, State as PaymentState};
use crate::{Error, store};

impl Ownable for Payment {
    async fn find(context: &Context, id: &str) -> Result<Option<Self>, DbError> {
        store::payment(&context.db, id).await
    }

    fn owner(&self) -> &str {
        &self.buyer_id
    }
}

/// Returns a payment.
#[utoipa::path(get, path = "/payment/v1/payments/{id}", tag = "payments", params(("id" = String, Path)),
    responses((status = 200, body = PaymentView, headers(("ETag" = String, description = "The ETag of the version")))))]
pub async fn read(State(context): State<Context>, owned: Owned<Payment>) -> Response {
    answered(&owned.found, &context)
}

/// Confirms or denies a payment that waits for its buyer; nobody else can, whatever their role. The same answer again is
/// accepted again.
#[utoipa::path(post, path = "/payment/v1/payments/{id}/action", tag = "payments", request_body = ActionDraft,
    params(("id" = String, Path)), responses((status = 202, body = PaymentView)))]
pub async fn answer(
    State(context): State<Context>,
    who: Access,
    owned: Owned<Payment>,
    StrictJson { value, .. }: StrictJson<ActionDraft>,
) -> Result<Response, Error> {
    let ActionDraft { approve } = value;
    if owned.found.buyer_id != who.sub() {
        return Err(DomainError::Missing.into());
    }
    let payment = context
        .write(owned.cause, async move |t| {
            let payment = store::payment(&t.tx, &owned.id)
                .await?
                .ok_or(DomainError::Missing)?;
            let key = Kind::Action.key(&payment.id);
            let waits = payment.state == PaymentState::ActionRequired;
            if waits && store::answer_action(&t.tx, &key, approve, t.now).await? {
                return Ok(payment);
            }
            match store::operation(&t.tx, &key).await? {
                Some(known) if known.approve == Some(approve) => Ok(payment),
                Some(_) | None => Err(Error::from(DomainError::NotAwaitingAction)),
            }
        })
        .await?;
    let mut response = answered(&payment, &context);
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

fn answered(payment: &Payment, context: &Context) -> Response {
    let view = PaymentView::new(payment, &context.currency);
    private(([(header::ETAG, etag(payment.version))], Json(view)).into_response())
}
