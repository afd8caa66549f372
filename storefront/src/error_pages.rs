//! The error pages.

use std::any::Any;

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use latchkey_http::current_request_id;
use latchkey_relying_party::path;
use latchkey_relying_party::sign_in::begin_at;
use latchkey_web::answer;

use crate::Storefront;
use crate::guest::Guest;
use crate::page::ShopPage;
use crate::page_error::{Back, PageError};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/error.html")]
struct ErrorView<'a> {
    page: ShopPage,
    status: u16,
    title: &'a str,
    next: &'a str,
    way: Way<'a>,
    trace: String,
}

struct Way<'a> {
    href: &'a str,
    name: &'a str,
}

/// Renders the page of an error, in the visitor's language and theme.
pub async fn render(State(storefront): State<Storefront>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // The user is looked up only for an error page: every image request passes here, too.
    let mut asked = parts.clone();
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let error = match response.extensions().get::<PageError>() {
        Some(error) => *error,
        // The framework's own errors have no page yet.
        None if is_bare(&response, StatusCode::NOT_FOUND) => PageError::Missing,
        None if is_bare(&response, StatusCode::BAD_REQUEST) => PageError::Bad,
        None if is_bare(&response, StatusCode::INTERNAL_SERVER_ERROR) => PageError::Broken,
        None => {
            // A page with a user's name must not be shown again by the back button after they have left.
            let headers = response.headers_mut();
            let logins = storefront.logins.as_ref();
            let known = logins.is_some_and(|logins| {
                logins.has_session(&asked.headers) || Guest::of(logins, &asked.headers).is_some()
            });
            if known && !headers.contains_key(header::CACHE_CONTROL) {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            return response;
        }
    };
    let again = match response.extensions().get::<Back>() {
        Some(Back(back)) => begin_at(back),
        None => path::SIGN_IN.to_owned(),
    };
    let Ok(visit) = Visit::from_request_parts(&mut asked, &storefront).await;
    // Cookies of the response are kept, so that a spent code stays spent.
    let keep = |mut shown: Response| {
        for name in [header::ALLOW, header::SET_COOKIE] {
            for value in response.headers().get_all(&name) {
                shown.headers_mut().append(name.clone(), value.clone());
            }
        }
        shown
    };
    if error == PageError::SignedOut && asked.method == http::Method::GET {
        return keep(visit.to_sign_in());
    }
    keep(page(error, &visit, &again, &asked.method))
}

/// A handler that panicked is a defect of ours like any other.
pub fn panicked(_what: Box<dyn Any + Send>) -> Response {
    tracing::error!(request.id = %current_request_id(), "a page panicked");
    PageError::Broken.into_response()
}

/// The page that has a form, by the first part of the address that the form was sent to.
fn above(here: &str) -> &str {
    let end = here
        .match_indices(['/', '?'])
        .nth(1)
        .map_or(here.len(), |(at, _)| at);
    &here[..end]
}

/// `again` is where a new sign-in starts.
fn page(error: PageError, visit: &Visit, again: &str, method: &Method) -> Response {
    let (status, title, next) = error.table();
    // A form that was not answered may have been carried out, and most addresses of forms show nothing.
    let sent = !method.is_safe() && matches!(error, PageError::Away | PageError::PartAway);
    let next = if sent { "error.maybe_done" } else { next };
    let words = visit.context.words.clone();
    let page = visit.page(words.say(title));
    let way = match error {
        PageError::Bad => ("/courses", "error.to_courses"),
        // A code is never sent twice: it would look like theft.
        PageError::Away | PageError::Broken if visit.context.here.starts_with("/callback") => {
            (again, "error.again")
        }
        PageError::Away | PageError::PartAway | PageError::Broken if !method.is_safe() => {
            (above(&visit.context.here), "error.back")
        }
        PageError::Away | PageError::PartAway | PageError::Broken => {
            (visit.context.here.as_str(), "error.again")
        }
        PageError::Missing | PageError::Method | PageError::Foreign | PageError::Forbidden => {
            ("/", "error.to_home")
        }
        PageError::NotInstructor | PageError::NotSignedIn | PageError::SignedOut => {
            (again, "error.to_sign_in")
        }
    };
    let view = ErrorView {
        page,
        status: status.as_u16(),
        title: words.say(title),
        next: words.say(next),
        way: Way {
            href: way.0,
            name: words.say(way.1),
        },
        trace: current_request_id().to_string(),
    };
    let mut response = answer(status, &view);
    if matches!(error, PageError::Away | PageError::PartAway) {
        let soon = HeaderValue::from_static("5");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}

/// Pages have a body, and so have responses for programs.
fn is_bare(response: &Response, status: StatusCode) -> bool {
    let media = response.headers().get(header::CONTENT_TYPE);
    let said = media.is_some_and(|media| {
        ["text/html", "application/json"]
            .iter()
            .any(|known| media.as_bytes().starts_with(known.as_bytes()))
    });
    response.status() == status && !said
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use axum::{Router, middleware};
    use latchkey_web::Origins;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    #[tokio::test]
    async fn a_page_that_panics_becomes_a_page_that_says_so_and_nothing_more() {
        let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let storefront = Storefront::new(
            "http://127.0.0.1:9",
            client,
            Origins::new(["http://localhost"]),
            None,
        )
        .unwrap();
        let router: Router = Router::new()
            .route("/", get(async || -> StatusCode { panic!("a secret reason") }))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::from_fn_with_state(storefront, render));
        let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(answer.into_body(), 100_000).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("Something went wrong on our side.") && !text.contains("secret"));
    }
}
