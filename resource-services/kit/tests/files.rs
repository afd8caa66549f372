//! Files in a bucket: an endpoint on loopback that speaks as much of S3 as is used, and refuses what is not signed.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use latchkey_kit::{Files, FilesError};
use tokio::net::TcpListener;

/// The objects by their paths.
type Bucket = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

async fn answer(State(bucket): State<Bucket>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let signed = parts.headers.get("authorization");
    let signed = signed.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !signed.starts_with("AWS4-HMAC-SHA256 Credential=key/") || !signed.contains("/eu-test-1/s3/") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let path = parts.uri.path().to_owned();
    let content = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    let mut bucket = bucket.lock().unwrap();
    let tag = [
        ("etag", "\"tag\""),
        ("last-modified", "Fri, 20 Nov 2026 12:00:00 GMT"),
    ];
    match parts.method {
        Method::PUT => {
            bucket.insert(path, content);
            tag.into_response()
        }
        Method::GET => match bucket.get(&path) {
            Some(content) => (tag, Body::from(content.clone())).into_response(),
            None => (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response(),
        },
        Method::DELETE => {
            bucket.remove(&path);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// The bucket, and the address of its endpoint as it stands in a query.
async fn endpoint() -> (Bucket, String) {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let bucket = Bucket::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().fallback(answer).with_state(bucket.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (bucket, format!("http%3A%2F%2F127.0.0.1%3A{port}"))
}

#[tokio::test]
async fn files_lie_in_a_bucket_below_their_prefix() {
    let (bucket, endpoint) = endpoint().await;
    let address = format!("s3://key:se%2Fcret@photos/shop/a?region=eu-test-1&endpoint={endpoint}");
    let files = Files::open(&address).unwrap();
    let name = files.put("abc").await.unwrap();
    let path = format!("/photos/shop/a/ba/{}", name.as_str());
    assert_eq!(bucket.lock().unwrap().get(&path).unwrap(), b"abc");
    assert_eq!(files.get(&name).await.unwrap().as_deref(), Some(&b"abc"[..]));
    bucket.lock().unwrap().insert(path.clone(), b"ab".to_vec());
    let damaged = files.get(&name).await.unwrap_err();
    assert!(matches!(damaged, FilesError::Damaged(_)), "{damaged:?}");
    files.delete(&name).await.unwrap();
    assert!(bucket.lock().unwrap().is_empty());
    assert_eq!(files.get(&name).await.unwrap(), None);
}

#[tokio::test]
async fn a_bucket_that_refuses_is_no_missing_file() {
    let (_bucket, endpoint) = endpoint().await;
    let address = format!("s3://other:canary@photos?region=eu-test-1&endpoint={endpoint}");
    let files = Files::open(&address).unwrap();
    let error = files.put("abc").await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(!format!("{error:?}").contains("canary"));
}
