//! One line per request, whatever the request contains.

use std::io;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{Answer, Upstream, ask, edge, gateway, options, raw, route};

/// The log of the whole test process. One subscriber for all threads: one that is set for a single thread misses what
/// another thread has met first.
#[derive(Debug, Default)]
struct Lines(Mutex<Vec<u8>>);

impl io::Write for &Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for &'static Lines {
    type Writer = &'static Lines;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

fn lines() -> &'static Lines {
    static LINES: OnceLock<&'static Lines> = OnceLock::new();
    LINES.get_or_init(|| {
        let lines: &'static Lines = Box::leak(Box::default());
        tracing_subscriber::fmt().json().with_writer(lines).init();
        lines
    })
}

impl Lines {
    /// The text of the access line of a request. The gateway writes it when it drops the exchange, which may be after
    /// the client has its last byte.
    async fn text_of(&self, answer: &Answer) -> String {
        let id = answer.header("x-request-id").to_owned();
        assert!(!id.is_empty(), "{answer:?}");
        let search = async {
            loop {
                let all = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
                let mut found = all.lines().filter(|line| line.contains(&id));
                if let Some(line) = found.next() {
                    assert_eq!(found.next(), None, "one line per request");
                    return line.to_owned();
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), search)
            .await
            .expect("a line for every request")
    }

    async fn of(&self, answer: &Answer) -> Value {
        let line: Value = serde_json::from_str(&self.text_of(answer).await).unwrap();
        assert_eq!(line["target"], "latchkey::access");
        line["fields"].clone()
    }
}

#[tokio::test]
async fn an_exchange_leaves_one_line_with_its_numbers() {
    let lines = lines();
    let (edge, _upstream) = edge().await;
    let request = "POST /api/echo/x?code=secret HTTP/1.1\r\nhost: localhost:8080\r\nuser-agent: curl/8\r\n\
                   authorization: Bearer secret\r\ncookie: session=secret\r\ncontent-length: 2\r\n\r\nhi";
    let answer = raw(edge, request).await;
    let line = lines.of(&answer).await;
    for (field, value) in [
        ("route", "echo"),
        ("method", "POST"),
        ("path", "/api/echo/x"),
        ("ended", "whole"),
        ("client", "127.0.0.1"),
        ("agent", "curl/8"),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    assert_eq!(
        (&line["status"], &line["received"], &line["sent"]),
        (&200.into(), &2.into(), &5.into())
    );
    assert!(line["upstream_ms"].as_f64().unwrap() <= line["total_ms"].as_f64().unwrap());
    assert!(
        !lines.text_of(&answer).await.contains("secret"),
        "neither query nor token nor cookie is logged"
    );
}

#[tokio::test]
async fn a_secret_in_a_path_is_not_logged() {
    let lines = lines();
    let upstream = Upstream::echo().await;
    let secret = latchkey_gateway::Route {
        path: "/api/echo/guests/*".to_owned(),
        secret: true,
        ..route(upstream.origin())
    };
    let edge = gateway(vec![route(upstream.origin()), secret], options()).await;
    let request = "GET /api/echo/guests/0123456789abcdef/lines HTTP/1.1\r\nhost: localhost:8080\r\n\r\n";
    let answer = raw(edge, request).await;
    assert_eq!(lines.of(&answer).await["path"], "/api/echo/guests/*");
    assert!(!lines.text_of(&answer).await.contains("0123456789abcdef"));
}

/// CVE-2024-45808, GW-16.
#[tokio::test]
async fn control_characters_make_no_second_line() {
    let lines = lines();
    let (edge, upstream) = edge().await;
    let forged = "{\"target\":\"latchkey::access\",\"fields\":{\"client\":\"6.6.6.6\"}}";
    let targets: &[&[u8]] = &[
        b"/api/echo/x",
        b"/api/echo/%0d%0aforged",
        b"/api/echo/%1b[31mred",
        b"/api/echo/\xe2\x80\xaex",
        b"/api/\xc2\x9b31m",
    ];
    let agents: &[&[u8]] = &[
        b"plain",
        b"tab\there",
        b"caf\xc3\xa9",
        b"\xc2\x9b31mred",
        b"\xe2\x80\xa8line",
        b"\"quote\\n",
        b"\xff\xfe",
        forged.as_bytes(),
    ];
    for target in targets {
        for agent in agents {
            let head = [
                b"GET ",
                *target,
                b" HTTP/1.1\r\nhost: localhost:8080\r\nuser-agent: ",
                *agent,
                b"\r\n\r\n",
            ];
            let line = lines.of(&raw(edge, head.concat()).await).await;
            for field in ["path", "agent"] {
                let text = line[field].as_str().unwrap();
                assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text:?}");
            }
            assert_eq!(line["client"], "127.0.0.1");
        }
    }
    // These do not even parse as a request, so there is nothing to log.
    let unparsed = [b"a\rb".as_slice(), b"a\nb", b"a\x1b[31mb", b"a\0b"];
    for agent in unparsed {
        let head = [
            b"GET /api/echo/x HTTP/1.1\r\nhost: localhost:8080\r\nuser-agent: ",
            agent,
            b"\r\n\r\n",
        ]
        .concat();
        assert_eq!(raw(edge, head).await.status, 400, "{}", agent.escape_ascii());
    }
    println!("GW-16: {} cells", targets.len() * agents.len() + unparsed.len());
    assert!(upstream.seen().iter().all(|seen| seen.target == "/echo/x"));
}

#[tokio::test]
async fn a_refusal_is_logged_with_its_reason() {
    let lines = lines();
    let upstream = Upstream::canary().await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    let line = lines.of(&ask(edge, "GET", "/api/echo/../x", &[]).await).await;
    assert_eq!(
        (&line["status"], line["ended"].as_str()),
        (&400.into(), Some("refused"))
    );
    assert_eq!(line["refused"], "the path contains a dot segment");
    assert_eq!(line["route"], "-");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_logged_as_broken() {
    let lines = lines();
    let upstream = Upstream::tcp(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            .await;
    })
    .await;
    let edge = gateway(vec![route(upstream.origin())], options()).await;
    let line = lines.of(&ask(edge, "GET", "/api/echo/x", &[]).await).await;
    assert_eq!(
        (line["ended"].as_str(), &line["sent"]),
        (Some("upstream_broke_off"), &4.into())
    );
}
