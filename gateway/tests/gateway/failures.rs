//! Upstreams that are dead, slow or dying: the client learns it, and nothing is sent twice.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use latchkey_gateway::{Options, Origin, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Answer, Upstream, Wire, ask, exchange, gateway, options, raw, route, short};

const GET: &str = "GET /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\n\r\n";
const POST: &str = "POST /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\ncontent-length: 2\r\n\r\nhi";

fn quick() -> Options {
    Options {
        timeouts: short(),
        ..options()
    }
}

/// The requests that a script has read from one connection, one after the other.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut all = Vec::new();
    let mut piece = [0; 1024];
    loop {
        if all.ends_with(b"\r\n\r\nhi") || (all.starts_with(b"GET") && all.ends_with(b"\r\n\r\n")) {
            return true;
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return false,
            Ok(size) => all.extend_from_slice(&piece[..size]),
        }
    }
}

/// The gateway's answer when the upstream reads a request and then writes `said` before it closes, and whether it was
/// whole.
async fn answer_to(said: &'static str) -> (Answer, bool) {
    let upstream = Upstream::tcp(move |mut stream, _| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(said.as_bytes()).await;
    })
    .await;
    exchange(gateway(vec![route(upstream.origin())], quick()).await, GET).await
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_502() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let origin = Origin::parse(&format!("http://{nobody}")).unwrap();
    let edge = gateway(vec![route(origin)], options()).await;
    let answer = raw(edge, POST).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (502, "upstream_unreachable")
    );
    assert!(answer.headers.contains_key("x-request-id"));
    assert!(
        !answer.text.contains(&nobody.to_string()),
        "the client learns no inner address"
    );
}

#[tokio::test]
async fn an_upstream_that_does_not_finish_the_handshake_is_a_504() {
    let upstream = Upstream::tcp(|mut stream, _| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let origin = Origin::parse(&format!("https://{}", upstream.address)).unwrap();
    // Only the connect timeout can end this before the client gives up.
    let timeouts = Timeouts {
        connect: short().connect,
        ..Timeouts::default()
    };
    let options = Options {
        ca: Some(crate::tls::of_nobody()),
        timeouts,
        ..options()
    };
    let edge = gateway(vec![route(origin)], options).await;
    let answer = ask(edge, "GET", "/api/echo/x", &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "upstream_timeout"));
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_a_504() {
    let upstream = Upstream::tcp(|mut stream, _| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let edge = gateway(vec![route(upstream.origin())], quick()).await;
    for answer in [ask(edge, "GET", "/api/echo/x", &[]).await, raw(edge, POST).await] {
        assert_eq!((answer.status, answer.code().as_str()), (504, "upstream_timeout"));
    }
}

#[tokio::test]
async fn an_upstream_that_dies_before_its_answer_is_a_502() {
    for said in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "not http at all\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: y",
    ] {
        let (answer, _) = answer_to(said).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (502, "upstream_failed"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_broken_off_for_the_client_too() {
    for said in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
    ] {
        let (answer, whole) = answer_to(said).await;
        assert_eq!((answer.status, whole), (200, false), "{said}: {answer:?}");
        assert!("half".starts_with(answer.text.as_str()));
    }
}

#[tokio::test]
async fn an_answer_that_stalls_is_broken_off() {
    for framing in [
        "content-length: 100\r\n\r\nhalf",
        "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let upstream = Upstream::tcp(move |mut stream, _| async move {
            read_request(&mut stream).await;
            let _ = stream
                .write_all(format!("HTTP/1.1 200 OK\r\n{framing}").as_bytes())
                .await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let edge = gateway(vec![route(upstream.origin())], quick()).await;
        let (answer, whole) = exchange(edge, GET).await;
        assert_eq!(
            (answer.status, answer.text.as_str(), whole),
            (200, "half", false),
            "{framing}"
        );
    }
}

/// GW-14.
#[tokio::test]
async fn an_upstream_that_dies_during_a_post_has_seen_it_once() {
    for warm in [false, true] {
        let requests = Arc::new(AtomicUsize::new(0));
        let count = requests.clone();
        let upstream = Upstream::tcp(move |mut stream, _| {
            let count = count.clone();
            async move {
                if warm && count.load(Ordering::SeqCst) == 0 && read_request(&mut stream).await {
                    count.fetch_add(1, Ordering::SeqCst);
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                        .await;
                }
                // The next one is read completely, and then the process dies.
                if read_request(&mut stream).await {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        })
        .await;
        let edge = gateway(vec![route(upstream.origin())], options()).await;
        if warm {
            assert_eq!(raw(edge, POST).await.status, 200);
        }
        let answer = raw(edge, POST).await;
        assert_eq!((answer.status, answer.code().as_str()), (502, "upstream_failed"));
        assert_eq!(
            requests.load(Ordering::SeqCst),
            1 + usize::from(warm),
            "warm: {warm}"
        );
    }
}

/// GW-14.
#[tokio::test]
async fn a_pooled_connection_that_closes_meanwhile_never_doubles_a_post() {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    let upstream = Upstream::tcp(move |mut stream, _| {
        let count = count.clone();
        async move {
            if read_request(&mut stream).await {
                count.fetch_add(1, Ordering::SeqCst);
                // Promises to keep the connection open, and closes it.
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    .await;
            }
        }
    })
    .await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    let mut statuses = [0, 0];
    for _ in 0..100 {
        match raw(edge, POST).await.status {
            200 => statuses[0] += 1,
            502 => statuses[1] += 1,
            other => panic!("{other}"),
        }
    }
    println!(
        "GW-14: 100 posts against closing connections: {} answered, {} refused",
        statuses[0], statuses[1]
    );
    assert_eq!(
        requests.load(Ordering::SeqCst),
        statuses[0],
        "every post that arrived was answered, once"
    );
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_the_upstream() {
    let (gone, wait) = tokio::sync::oneshot::channel();
    let gone = Arc::new(std::sync::Mutex::new(Some(gone)));
    let upstream = Upstream::tcp(move |mut stream, _| {
        let gone = gone.clone();
        async move {
            read_request(&mut stream).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
            if let Some(gone) = gone.lock().unwrap().take() {
                let _ = gone.send(());
            }
        }
    })
    .await;
    let edge: SocketAddr = gateway(vec![route(upstream.origin())], options()).await;
    let mut wire = Wire::to(edge).await;
    wire.write("GET /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\n\r\n")
        .await;
    while upstream.connections() == 0 {
        tokio::task::yield_now().await;
    }
    drop(wire);
    tokio::time::timeout(std::time::Duration::from_secs(5), wait)
        .await
        .unwrap()
        .unwrap();
}
