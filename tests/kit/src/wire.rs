//! Requests and answers byte by byte.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answer::Answer;

/// Writes bytes to a listener and reads all that comes back.
pub async fn raw(url: &str, request: &[u8]) -> Answer {
    let authority = url.strip_prefix("http://").expect("a plain address");
    let mut stream = TcpStream::connect(authority).await.expect("a connection");
    // The listener may refuse before it has read everything.
    let _cut = stream.write_all(request).await;
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    Answer::of_head(head)
        .unwrap_or_default()
        .with_text(body.to_owned())
}

/// An answer without what may differ between two equal ones.
pub fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    headers.sort();
    (answer.status, headers, answer.text.clone())
}
