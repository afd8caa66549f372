//! Bodies pass piece by piece in both directions, and never more of them than allowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::Response;
use latchkey_gateway::Route;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Upstream, Wire, gateway, options, raw, route, short};

#[tokio::test]
async fn pieces_pass_as_they_come_in_both_directions() {
    let upstream = Upstream::http(|request| async { Response::new(Body::new(request.into_body())) }).await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    let mut wire = Wire::to(edge).await;
    wire.write("POST /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    wire.write("3\r\none\r\n").await;
    assert_eq!(wire.head().await.unwrap().header("transfer-encoding"), "chunked");
    assert!(wire.until("3\r\none\r\n").await.is_some());
    // Nothing of the second piece was sent before the first one was returned: no body is collected anywhere.
    wire.write("3\r\ntwo\r\n").await;
    assert!(wire.until("3\r\ntwo\r\n").await.is_some());
    wire.write("0\r\nx-trailer: 1\r\n\r\n").await;
    assert_eq!(
        wire.until("0\r\n\r\n").await.unwrap(),
        b"0\r\n\r\n",
        "trailers are dropped"
    );
}

#[tokio::test]
async fn trailers_of_an_answer_are_dropped() {
    let upstream = Upstream::tcp(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream
            .write_all(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-user\r\n\r\n2\r\nok\r\n0\r\nx-user: 1\r\n\r\n",
            )
            .await;
    })
    .await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    let mut wire = Wire::to(edge).await;
    wire.write("GET /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\nte: trailers\r\n\r\n")
        .await;
    let head = wire.head().await.unwrap();
    assert!(!head.headers.contains_key("trailer"), "{head:?}");
    assert_eq!(wire.until("0\r\n\r\n").await.unwrap(), b"2\r\nok\r\n0\r\n\r\n");
}

#[tokio::test]
async fn an_answer_that_nobody_reads_stays_with_the_upstream() {
    const WHOLE: usize = 256 * 1024 * 1024;
    let written = Arc::new(AtomicUsize::new(0));
    let count = written.clone();
    let (stalled, stall) = tokio::sync::oneshot::channel();
    let stalled = Arc::new(std::sync::Mutex::new(Some(stalled)));
    let upstream = Upstream::tcp(move |mut stream, _| {
        let (count, stalled) = (count.clone(), stalled.clone());
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream
                .write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {WHOLE}\r\n\r\n").as_bytes())
                .await;
            let piece = vec![b'a'; 64 * 1024];
            while count.load(Ordering::SeqCst) < WHOLE {
                match tokio::time::timeout(Duration::from_millis(500), stream.write(&piece)).await {
                    Ok(Ok(size)) => count.fetch_add(size, Ordering::SeqCst),
                    Ok(Err(_)) | Err(_) => break,
                };
            }
            if let Some(stalled) = stalled.lock().unwrap().take() {
                let _ = stalled.send(());
            }
        }
    })
    .await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    let mut wire = Wire::to(edge).await;
    wire.write("GET /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\n\r\n")
        .await;
    assert_eq!(wire.head().await.unwrap().status, 200);
    stall.await.unwrap();
    let written = written.load(Ordering::SeqCst);
    println!("an unread answer: {written} bytes left the upstream, sockets' buffers included");
    assert!(written < WHOLE / 4);
}

/// GW-12.
#[tokio::test]
async fn a_declared_length_beyond_the_limit_is_refused_before_connecting() {
    let upstream = Upstream::canary().await;
    let small = Route {
        body_cap: Some(10),
        path: "/api/echo/small".into(),
        ..route(upstream.origin())
    };
    let edge = gateway(vec![route(upstream.origin()), small], options()).await;
    for (path, length) in [
        ("/api/echo/x", 65_537_u64),
        ("/api/echo/x", u64::MAX),
        ("/api/echo/x", 1 << 40),
        ("/api/echo/small", 11),
    ] {
        let answer = raw(
            edge,
            format!("POST {path} HTTP/1.1\r\nhost: localhost:8080\r\ncontent-length: {length}\r\n\r\n"),
        )
        .await;
        // hyper itself does not accept the largest number as a length.
        assert!(
            length == u64::MAX || answer.code() == "body_too_large",
            "{path} {length}: {answer:?}"
        );
        assert!(matches!(answer.status, 413 | 431), "{path} {length}: {answer:?}");
    }
    assert_eq!(upstream.connections(), 0);
}

/// GW-12.
#[tokio::test]
async fn a_body_that_grows_beyond_the_limit_is_cut() {
    let ended = Arc::new(std::sync::Mutex::new(Vec::new()));
    let memory = ended.clone();
    let upstream = Upstream::tcp(move |mut stream, _| {
        let memory = memory.clone();
        async move {
            let mut all = Vec::new();
            let _ = stream.read_to_end(&mut all).await;
            memory.lock().unwrap().push(all);
        }
    })
    .await;
    let edge = gateway(
        vec![Route {
            body_cap: Some(1_000),
            ..route(upstream.origin())
        }],
        options(),
    )
    .await;
    let mut wire = Wire::to(edge).await;
    wire.write("POST /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    for _ in 0..3 {
        wire.write(format!("190\r\n{}\r\n", "a".repeat(400))).await;
    }
    let answer = wire
        .answer(false)
        .await
        .expect("an answer although the body is not at its end");
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    assert!(wire.is_over().await);
    for all in ended.lock().unwrap().iter() {
        assert!(
            !all.ends_with(b"0\r\n\r\n"),
            "the upstream took a part for the whole"
        );
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_passes() {
    let upstream = Upstream::echo().await;
    let edge = gateway(
        vec![Route {
            body_cap: Some(400),
            ..route(upstream.origin())
        }],
        options(),
    )
    .await;
    let body = "a".repeat(400);
    let declared =
        format!("POST /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\ncontent-length: 400\r\n\r\n{body}");
    assert_eq!(raw(edge, declared).await.status, 200);
    let chunked = format!(
        "POST /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\ntransfer-encoding: chunked\r\n\r\n190\r\n{body}\r\n0\r\n\r\n"
    );
    assert_eq!(raw(edge, chunked).await.status, 200);
    assert!(upstream.seen().iter().all(|seen| seen.body == body.as_bytes()));
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_body_is_told_so() {
    let upstream = Upstream::echo().await;
    let edge = gateway(
        vec![route(upstream.origin())],
        latchkey_gateway::Options {
            timeouts: short(),
            ..options()
        },
    )
    .await;
    let mut wire = Wire::to(edge).await;
    wire.write("POST /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\ncontent-length: 10\r\n\r\nhalf")
        .await;
    let answer = wire.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (408, "request_timeout"));
    assert_eq!(upstream.seen().len(), 0, "the upstream saw no whole request");
}

/// The listener waits for the slowest route; a form that the edge reads itself has the time of any other.
#[tokio::test]
async fn a_form_for_the_edge_itself_is_not_waited_for_longer() {
    let upstream = Upstream::canary().await;
    let edge = gateway(
        vec![route(upstream.origin())],
        latchkey_gateway::Options {
            timeouts: short(),
            ..options()
        },
    )
    .await;
    let mut wire = Wire::to(edge).await;
    wire.write(
        "POST /language HTTP/1.1\r\nhost: localhost:8080\r\norigin: http://localhost:8080\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 10\r\n\r\nhalf",
    )
    .await;
    let answer = wire.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (408, "request_timeout"));
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it_before_it_sends() {
    let upstream = Upstream::echo().await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    let mut wire = Wire::to(edge).await;
    wire.write("POST /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        .await;
    assert_eq!(wire.head().await.unwrap().status, 100);
    wire.write("hello").await;
    assert_eq!(wire.answer(false).await.unwrap().status, 200);
    assert_eq!(upstream.seen()[0].header("expect"), [""; 0]);
}
