//! `/orders/{id}/status`: how far an order is, what failed and what was undone; as a page that asks for itself again,
//! and as a stream of events for the script that does it sooner.

use std::time::Duration;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use latchkey_http::{Form, Streaming};
use latchkey_relying_party::Logins;
use latchkey_web::{FOLLOW, Words, answer, see_other};
use tokio::sync::watch;

use super::{Failure, Notice, Said};
use crate::Storefront;
use crate::api::order::{Order, OrderState};
use crate::followers::Place;
use crate::format::segment;
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::posted::posted;
use crate::progress::{self, Facts};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/order_status.html")]
struct StatusPage<'a> {
    page: &'a ShopPage,
    script: &'a str,
    heading: String,
    told: String,
    notice: Option<Notice<'a>>,
    steps: Vec<StepView>,
    failure: Option<Failure>,
    released_title: &'a str,
    released: Vec<String>,
    /// Where the buyer confirms the payment.
    confirm: Option<String>,
    /// Where to go, and the name of its message.
    way: Option<(&'static str, &'static str)>,
    order: String,
    here: String,
    /// The stream of an order that goes on.
    follow: Option<String>,
    /// The last step that the page shows.
    version: i64,
    deadline: Option<String>,
    /// The idempotency key of the cancellation, while it is possible.
    cancel: Option<String>,
}

/// A step as the picture shows it.
pub(super) struct StepView {
    pub name: String,
    pub words: String,
    pub mark: &'static str,
    pub done: bool,
    pub failed: bool,
    pub current: bool,
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let order = storefront.api.order.order(login, &id).await?;
    let words = &visit.context.words;
    if order.state == OrderState::Completed && order.reason.is_none() {
        return Ok(see_other("/library?done=bought"));
    }
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let facts = facts(&order);
    let address = format!("/orders/{}", segment(&order.id));
    let page = visit.page(words.fill("status.title", &[("number", &order.number)]));
    let (lost, is_over) = (order.state.is_lost(), order.state.is_settled());
    let view = StatusPage {
        script: FOLLOW.path(),
        heading: words.fill("status.title", &[("number", &order.number)]),
        told: told(words, order.state),
        notice: Notice::done(words, &mut form, &DONE),
        steps: steps(words, facts),
        failure: failure(words, &order),
        released_title: words.say(match is_over {
            true => "status.undone",
            false => "status.undoing",
        }),
        released: progress::released(facts)
            .into_iter()
            .map(|what| match is_over {
                true => format!("released.{what}"),
                false => format!("releasing.{what}"),
            })
            .map(|name| words.say(&name).to_owned())
            .collect(),
        confirm: (order.state == OrderState::ActionRequired).then(|| format!("{address}/action")),
        way: match &order.reason {
            Some(reason) if lost => progress::advice(reason).way,
            _ => None,
        },
        follow: (!is_over).then(|| format!("{address}/events")),
        here: format!("{address}/status"),
        version: order.version,
        deadline: match (order.state, &order.deadline_at) {
            (OrderState::ActionRequired, Some(deadline)) => words.minute(deadline),
            _ => None,
        },
        cancel: order.cancellable.then(|| storefront.key()),
        order: address,
        page: &page,
    };
    Ok(answer(StatusCode::OK, &view))
}

/// Calls the order off, while that is possible.
pub async fn cancel(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let (login, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let key = form.take("key").ok_or(PageError::Bad)?;
    let status = format!("/orders/{}/status", segment(&id));
    match storefront.api.order.cancel(login, &id, &key).await {
        Ok(_) => Ok(see_other(&status)),
        Err(error) if error.code() == Some("too_late_to_cancel") => {
            Ok(see_other(&format!("{status}?done=too_late")))
        }
        Err(error) => Err(error.into()),
    }
}

/// The steps of an order as they happen, for the script of the page. The stream ends when the order is settled, when
/// its token is over, and when the user signs out; a browser then asks again, and is told whether it may.
pub async fn events(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    if storefront.origins.denies(&headers) || is_from_elsewhere(&headers) {
        return Err(PageError::Foreign);
    }
    // A stream cannot be sent to the sign-in; the page that follows it can.
    let (Some(login), Some(sub), Ok(logins)) = (visit.login(), visit.sub(), storefront.logins()) else {
        return Ok(StatusCode::FORBIDDEN.into_response());
    };
    let Some(place) = storefront.followers.place(sub) else {
        let later = [(header::RETRY_AFTER, "5")];
        return Ok((StatusCode::TOO_MANY_REQUESTS, later).into_response());
    };
    let upstream = match storefront.api.order.follow(login, &id, last_seen(&headers)).await {
        Err(crate::api::ApiError::SignedOut) => return Ok(StatusCode::FORBIDDEN.into_response()),
        other => other?,
    };
    if upstream.status() == StatusCode::NO_CONTENT {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let mut changes = logins.store.changes();
    // The user may have signed out since they were looked up.
    changes.mark_changed();
    let follower = Follower {
        upstream,
        changes,
        logins: logins.clone(),
        login: login.to_owned(),
        _place: place,
    };
    let pieces = futures::stream::unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), follower))
    });
    let mut response = Body::from_stream(pieces).into_response();
    response.extensions_mut().insert(Streaming);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        // Intermediaries must forward each event immediately.
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// A browser that follows an order.
struct Follower {
    upstream: reqwest::Response,
    changes: watch::Receiver<u64>,
    logins: Logins,
    login: String,
    _place: Place,
}

impl Follower {
    /// The next piece of the stream, or its end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                // Whoever has signed out gets nothing more, even if it has arrived already.
                biased;
                changed = self.changes.changed() => {
                    changed.ok()?;
                    self.logins.login(&self.login).await.ok()??;
                }
                piece = self.upstream.chunk() => return piece.ok()?,
                () = tokio::time::sleep(SILENCE) => return None,
            }
        }
    }
}

/// `Sec-Fetch-Site` of a browser (Fetch Metadata §2.3), which no page can set.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin")
}

/// The number of the last step that the browser has seen. What is no number is not passed on.
fn last_seen(headers: &HeaderMap) -> Option<u32> {
    let mut sent = headers.get_all("last-event-id").iter();
    match (sent.next(), sent.next()) {
        (Some(seen), None) => seen.to_str().ok()?.parse().ok(),
        _ => None,
    }
}

/// The facts about an order that decide what its pages say.
pub(super) fn facts(order: &Order) -> Facts<'_> {
    Facts {
        state: order.state,
        reason: order.reason.as_deref(),
        pays: order.payment_id.is_some(),
        coupon: order.coupon_code.is_some(),
        free: order.total.amount == 0,
    }
}

/// What a state means, in a sentence.
pub(super) fn told(words: &Words, state: OrderState) -> String {
    words.say(&format!("order_told.{}", state.as_str())).to_owned()
}

/// Why the order did not come about, or what failed since, and what to do.
pub(super) fn failure(words: &Words, order: &Order) -> Option<Failure> {
    let reason = order.reason.as_deref()?;
    let name = format!("reason.{}", progress::reason(reason));
    Some(Failure {
        title: words.say(&name).to_owned(),
        next: words.say(progress::advice(reason).message).to_owned(),
    })
}

pub(super) fn steps(words: &Words, facts: Facts<'_>) -> Vec<StepView> {
    let view = |step: progress::Step| StepView {
        name: words.say(step.title()).to_owned(),
        words: words.say(&step.message()).to_owned(),
        mark: step.mark.as_str(),
        done: step.is_done(),
        failed: step.is_failed(),
        current: step.is_current(),
    };
    progress::steps(facts).into_iter().map(view).collect()
}

const DONE: [(&str, Said); 1] = [("too_late", ("warning", "status.too_late", "status.too_late_next"))];

/// A stream without a sign of life for so long is over; the order service gives one every 15 seconds.
const SILENCE: Duration = Duration::from_secs(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(values: &[&str]) -> Option<u32> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("last-event-id", HeaderValue::from_str(value).unwrap());
        }
        last_seen(&headers)
    }

    #[test]
    fn only_one_number_is_the_last_step_that_was_seen() {
        assert_eq!(sent(&["7"]), Some(7));
        for garbage in ["", "-1", "7 8", "0x7", "99999999999999999999", "7\u{e9}"] {
            assert_eq!(sent(&[garbage]), None, "{garbage}");
        }
        assert_eq!((sent(&[]), sent(&["7", "7"])), (None, None));
    }

    #[test]
    fn a_stream_is_only_for_pages_of_ours() {
        let from = |site: &'static str| {
            let headers = HeaderMap::from_iter([(
                HeaderName::from_static("sec-fetch-site"),
                HeaderValue::from_static(site),
            )]);
            is_from_elsewhere(&headers)
        };
        assert!(!from("same-origin") && !is_from_elsewhere(&HeaderMap::new()));
        assert!(from("same-site") && from("cross-site") && from("none"));
    }
}
