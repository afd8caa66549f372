//! What the processor reports. A report is a hint: the worker asks the processor what is true.

use axum::body::Bytes;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use latchkey_bus::Cause;
use latchkey_http::{Problem, codes, current_request_id};
use latchkey_kit::Context;

use crate::domain::{DomainError, webhook};
use crate::processor::{CardProcessor, ProcessorEvent, TestProcessor};
use crate::{Error, store};

/// Receives an event of the processor, signed in the header `Processor-Signature`.
#[utoipa::path(post, path = "/payment/v1/processor/events", tag = "processor", request_body = String,
    params(("Processor-Signature" = String, Header, description = "`t=<Unix seconds>,v1=<hex HMAC-SHA-256 of t.body>`")),
    responses((status = 200, description = "Received, now or before")))]
pub async fn receive(
    State(context): State<Context>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<StatusCode, Problem> {
    let body = body.map_err(|_| Problem::from(codes::BODY_TOO_LARGE))?;
    let mut signatures = headers.get_all(webhook::HEADER).iter();
    let signature = match (signatures.next(), signatures.next()) {
        (Some(one), None) => one.to_str().unwrap_or_default(),
        _ => "",
    };
    let secret = TestProcessor::of(&context)
        .webhook_secret()
        .await
        .map_err(|_silence| Error::from(DomainError::ProcessorSilent))?;
    webhook::verify(&secret, signature, &body, context.clock.now_ms()).map_err(Error::from)?;
    let event: ProcessorEvent =
        serde_json::from_slice(&body).map_err(|_| Problem::from(codes::INVALID_BODY))?;
    if event.id.len() > LONGEST_NAME || event.key.len() > LONGEST_NAME {
        return Err(codes::INVALID_BODY.into());
    }
    let cause = Cause::request(current_request_id().to_string(), "processor");
    context
        .write(cause, async move |t| {
            if store::remember_event(&t.tx, &event.id, t.now).await? {
                store::nudge(&t.tx, &event.key, t.now).await?;
            }
            Ok::<_, Error>(StatusCode::OK)
        })
        .await
        .map_err(Problem::from)
}

const LONGEST_NAME: usize = 200;
