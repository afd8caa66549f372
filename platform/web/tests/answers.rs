//! Headers and static files, through a router.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use latchkey_web::{Csp, SHOP_STYLE, STYLE, files, secure};
use tower::ServiceExt;

fn router() -> Router {
    let own = async || {
        (
            [(
                header::CONTENT_SECURITY_POLICY,
                Csp::new().with_form_target("app:").value(),
            )],
            "own",
        )
    };
    secure(
        Router::new()
            .route("/", get(async || "page"))
            .route("/own", get(own))
            .merge(files()),
    )
}

async fn ask(path: &str) -> http::Response<Body> {
    let request = Request::get(path).body(Body::empty()).unwrap();
    router().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn every_answer_has_the_headers_even_one_that_nobody_wrote() {
    for path in ["/", "/nowhere", STYLE.path()] {
        let answer = ask(path).await;
        let csp = answer.headers()["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(csp.contains(part), "{path}: {csp}");
        }
        assert!(!csp.contains("unsafe") && !csp.contains('*'), "{csp}");
        for (name, value) in [
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers()[name], value, "{path}");
        }
        assert!(answer.headers().contains_key("permissions-policy"));
    }
}

#[tokio::test]
async fn a_handlers_own_policy_stays() {
    let answer = ask("/own").await;
    assert!(
        answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .ends_with("'self' app:")
    );
}

#[tokio::test]
async fn a_file_is_kept_for_ever_under_the_name_of_its_content() {
    for sheet in [&STYLE, &SHOP_STYLE] {
        let answer = ask(sheet.path()).await;
        assert_eq!(
            answer.headers()["cache-control"],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(answer.headers()["content-type"], "text/css; charset=utf-8");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.as_ref(), sheet.bytes());
    }
}

#[tokio::test]
async fn a_file_of_another_build_is_not_there() {
    for path in [
        "/static/latchkey.0000000000000000.css",
        "/static/latchkey.css",
        "/static/..%2flatchkey.css",
    ] {
        assert_eq!(ask(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
