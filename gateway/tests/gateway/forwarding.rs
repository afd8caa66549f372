//! Ordinary requests, and those that try to become something else.

use std::net::SocketAddr;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Upstream, Wire, ask, built, edge, gateway, options, raw, route};

#[tokio::test]
async fn an_ordinary_request_goes_through_with_its_body_and_headers() {
    let (edge, upstream) = edge().await;
    let lines = [
        "content-length: 5",
        "content-type: text/plain",
        "if-match: \"3\"",
        "idempotency-key: k",
    ];
    let mut wire = Wire::to(edge).await;
    wire.write(format!(
        "PUT /api/echo/x?a=b HTTP/1.1\r\nhost: localhost:8080\r\n{}\r\n\r\nhello",
        lines.join("\r\n")
    ))
    .await;
    let answer = wire.answer(false).await.unwrap();
    assert_eq!(
        (answer.status, answer.text.as_str(), wire.whole),
        (200, "hello", true)
    );
    let seen = upstream.take().remove(0);
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("PUT", "/echo/x?a=b")
    );
    assert_eq!(seen.body, b"hello");
    assert_eq!(seen.header("content-length"), ["5"]);
    assert_eq!(seen.header("if-match"), ["\"3\""]);
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let (edge, upstream) = edge().await;
    let mut wire = Wire::to(edge).await;
    for _ in 0..5 {
        wire.write("GET /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\n\r\n")
            .await;
        assert_eq!(wire.answer(false).await.unwrap().status, 200);
    }
    assert_eq!((upstream.seen().len(), upstream.connections()), (5, 1));
}

#[tokio::test]
async fn head_is_asked_as_head_and_keeps_the_length_that_get_would_have() {
    let upstream = Upstream::http(|request: Request<_>| async move {
        assert_eq!(request.method(), Method::HEAD);
        let response = Response::builder();
        let response = match request.uri().path() {
            "/echo/known" => response.header("content-length", "5"),
            _ => response,
        };
        response
            .body(Body::from_stream(futures::stream::pending::<
                Result<&[u8], std::io::Error>,
            >()))
            .unwrap()
    })
    .await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    assert_eq!(
        ask(edge, "HEAD", "/api/echo/known", &[])
            .await
            .header("content-length"),
        "5"
    );
    let unknown = ask(edge, "HEAD", "/api/echo/unknown", &[]).await;
    assert!(!unknown.headers.contains_key("content-length"), "{unknown:?}");
}

#[tokio::test]
async fn an_answer_without_content_stays_without() {
    for status in [204, 304] {
        let upstream = Upstream::http(move |_| async move {
            Response::builder()
                .status(status)
                .header("etag", "\"1\"")
                .body(Body::empty())
                .unwrap()
        })
        .await;
        let edge = gateway(vec![route(upstream.origin())], options()).await;
        let answer = ask(edge, "GET", "/api/echo/x", &[]).await;
        assert_eq!((answer.status, answer.header("etag")), (status, "\"1\""));
        assert!(!answer.headers.contains_key("content-length"), "{answer:?}");
    }
}

#[tokio::test]
async fn an_http_2_client_reaches_an_http_1_upstream() {
    let (edge, upstream) = edge().await;
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http::<Body>();
    let request = Request::post(format!("http://{edge}/api/echo/x?a=b"))
        .header("x-user-id", "1")
        .header("authorization", "Bearer a")
        .body(Body::from("hello"))
        .unwrap();
    let response = client.request(request).await.unwrap();
    assert_eq!(
        (response.version(), response.status()),
        (Version::HTTP_2, StatusCode::OK)
    );
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
    let seen = upstream.take().remove(0);
    assert_eq!(
        (seen.target.as_str(), seen.body.as_slice()),
        ("/echo/x?a=b", b"hello".as_slice())
    );
    assert_eq!(seen.header("x-user-id"), [""; 0]);
    assert_eq!(seen.header("host"), [upstream.address.to_string()]);
    assert_eq!(seen.header("authorization"), ["Bearer a"]);
}

/// GW-08.
#[tokio::test]
async fn an_upgrade_is_ignored_and_what_follows_it_is_not_read_as_a_request() {
    let (edge, upstream) = edge().await;
    for (upgrade, cells) in [
        ("websocket", 1),
        ("h2c", 2),
        ("x", 3),
        ("TLS/1.0", 4),
        ("x\r\nupgrade: y", 5),
    ] {
        let mut wire = Wire::to(edge).await;
        wire.write(format!(
            "GET /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\nconnection: upgrade, keep-alive\r\nupgrade: {upgrade}\r\n\
             sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n\
             GET /api/echo/smuggled HTTP/1.1\r\nhost: localhost:8080\r\n\r\n"
        ))
        .await;
        let answer = wire.answer(false).await.unwrap();
        assert_eq!(
            (answer.status, answer.header("connection")),
            (200, "close"),
            "{upgrade}"
        );
        assert!(wire.is_over().await, "{upgrade}");
        let seen = upstream.seen();
        assert_eq!(seen.len(), cells, "{upgrade}");
        assert!(
            seen.iter()
                .all(|seen| seen.target == "/echo/x" && seen.header("upgrade").is_empty())
        );
    }
    println!("GW-08: 5 cells");
}

/// GW-08.
#[tokio::test]
async fn an_upstream_that_switches_protocols_unasked_gets_no_tunnel() {
    let upstream = Upstream::tcp(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\ntunnel")
            .await;
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    let answer = raw(
        edge,
        "GET /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    )
    .await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_failed"));
}

#[tokio::test]
async fn a_gateway_that_does_not_know_who_is_connected_answers_nobody() {
    let upstream = Upstream::canary().await;
    let gateway = built(vec![route(upstream.origin())], options());
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let edge = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, latchkey_gateway::router(gateway)).await });
    assert_eq!(ask(edge, "GET", "/api/echo/x", &[]).await.status, 500);
    assert_eq!(upstream.connections(), 0);
}
