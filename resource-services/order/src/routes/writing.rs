//! Ordering, and calling an order off.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use latchkey_http::Problem;
use latchkey_kit::{Answer, Context, Keyed, Owned, SubjectToken, objects};
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::Accepted;
use crate::domain::{DomainError, Order, Submission};
use crate::store::{self, Detail};
use crate::{Error, commands, quotes};

/// Orders what is in the caller's basket, at the prices of now.
#[utoipa::path(
    post, path = "/order/v1/orders", tag = "orders", request_body = Submission,
    params(("Idempotency-Key" = String, Header, description = "A UUID; repeating the key repeats the response")),
    responses(
        (status = 202, body = Accepted, description = "What becomes of it is told at its address",
            headers(("Location" = String, description = "Relative"))),
    )
)]
pub async fn submit(
    State(context): State<Context>,
    subject: SubjectToken,
    submission: Keyed<Submission>,
) -> Result<Response, Problem> {
    // The others' answers may have changed since the first request; its response has not.
    if let Some(answer) = submission.replayed::<DomainError>().await? {
        return Ok(answer);
    }
    let wanted = submission.value.check(&context.currency).map_err(problem)?;
    let quoted = quotes::quote(&context, &subject, wanted.basket_version).await;
    let quote = match quoted.and_then(|quote| wanted.compare(&quote).map(|()| quote)) {
        Ok(quote) => quote,
        // The same request may have ordered in the meantime, which is what changed the others' answers.
        Err(refused) => {
            let replayed = submission.replayed::<DomainError>().await?;
            return replayed.ok_or_else(|| problem(refused));
        }
    };
    let ordered = submission
        .once(async move |t, who, _| {
            let id = commands::submit(&t, who.access.sub(), wanted, quote).await?;
            let order = store::order(&t.tx, &id).await?.ok_or(DomainError::Missing)?;
            accepted(&order, format!("orders/{id}"))
        })
        .await;
    ordered.map_err(|error: Error| error.into())
}

/// The body of a cancellation: there is nothing to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Cancellation {}

objects!(Cancellation);

/// Calls an order off, which is possible until the money is taken. What was held is given back before the order is
/// `cancelled`.
#[utoipa::path(
    post, path = "/order/v1/orders/{id}/cancel", tag = "orders", request_body = Cancellation,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Accepted))
)]
pub async fn cancel(owned: Owned<Detail>, cancellation: Keyed<Cancellation>) -> Result<Response, Error> {
    let id = owned.id;
    cancellation
        .once(async move |t, _, _| {
            commands::cancel(&t, &id).await?;
            let order = store::order(&t.tx, &id).await?.ok_or(DomainError::Missing)?;
            accepted(&order, format!("../{id}"))
        })
        .await
}

fn accepted(order: &Order, location: String) -> Result<Answer, Error> {
    Ok(Answer {
        status: StatusCode::ACCEPTED.as_u16(),
        // Relative to the request's path, so that it is correct behind any prefix.
        location: Some(location),
        etag: None,
        body: serde_json::to_string(&Accepted::from(order)).map_err(Error::Payload)?,
    })
}

/// A problem document with the members that its code has besides the common ones.
fn problem(error: DomainError) -> Problem {
    let member = match &error {
        DomainError::PriceChanged(quote) => Some(("quote", serde_json::json!(quote))),
        DomainError::Unavailable(ids) => Some(("courses", serde_json::json!(ids))),
        _ => None,
    };
    let problem = Problem::from(Error::from(error));
    match member {
        Some((name, value)) => problem.with_member(name, value),
        None => problem,
    }
}
