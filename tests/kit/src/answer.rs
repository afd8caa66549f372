//! What a server answered, read to its end: one value whoever asked and however, so that assertions read alike.

use std::fmt;
use std::sync::OnceLock;

use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::BodyExt;
use serde_json::Value;

/// A whole answer, kept for assertions.
#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The text, where it is JSON.
    json: Option<Value>,
}

/// What is shown of an answer of 5xx beside itself.
static LOGGED: OnceLock<fn(&Answer) -> Vec<String>> = OnceLock::new();

/// From now on an answer of 5xx shows what was logged of it, too: for servers that run in the process of their tests.
pub fn show_logged(of: fn(&Answer) -> Vec<String>) {
    let _another_was_first = LOGGED.set(of);
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut answer = f.debug_struct("Answer");
        answer
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("text", &self.text);
        if self.status >= 500
            && let Some(of) = LOGGED.get()
        {
            answer.field("logged", &of(self));
        }
        answer.finish()
    }
}

impl Answer {
    pub fn new(status: u16, headers: HeaderMap, text: String) -> Self {
        let json = serde_json::from_str(&text).ok();
        Self {
            status,
            headers,
            text,
            json,
        }
    }

    /// What a router in this process answered.
    pub async fn of_response<B>(response: Response<B>) -> Self
    where
        B: BodyExt,
        B::Error: fmt::Debug,
    {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("a body of text");
        Self::new(parts.status.as_u16(), parts.headers, text)
    }

    /// Sends a request and reads the answer.
    #[cfg(feature = "reqwest")]
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        Self::received(response).await.expect("a body")
    }

    /// The same where the server may die before the end of its answer.
    #[cfg(feature = "reqwest")]
    pub async fn received(response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self::new(status, headers, response.text().await?))
    }

    /// An answer without a body from its head as it stood on the wire; `None` when that is none.
    pub fn of_head(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            headers.append(
                name,
                HeaderValue::from_bytes(value.as_bytes()).expect("a header's value"),
            );
        }
        Some(Self::new(status, headers, String::new()))
    }

    /// The same answer with this body.
    pub fn with_text(self, text: String) -> Self {
        Self::new(self.status, self.headers, text)
    }

    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        self.json.clone().unwrap_or_else(|| panic!("not JSON: {self:?}"))
    }

    /// The first header of this name; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// `error` of OAuth, or `code` of a problem document; empty where there is neither.
    pub fn code(&self) -> String {
        self.verdict().1.to_owned()
    }

    /// Status and code: what a table of refusals compares.
    pub fn verdict(&self) -> (u16, &str) {
        let error = self.member("error").and_then(Value::as_str);
        let code = self.member("code").and_then(Value::as_str);
        // RFC 9457 §3.1.2: a problem document repeats its status.
        let is_problem = self.header("content-type") == "application/problem+json"
            && self.member("status").and_then(Value::as_u64) == Some(u64::from(self.status));
        let code = error.or(code.filter(|_| is_problem)).unwrap_or_default();
        (self.status, code)
    }

    /// The `id` of a resource.
    pub fn id(&self) -> String {
        self.json()["id"].as_str().expect("an id").to_owned()
    }

    /// The `version` of a resource.
    pub fn version(&self) -> i64 {
        self.json()["version"].as_i64().expect("a version")
    }

    /// What is on a page of a list.
    pub fn items(&self) -> &[Value] {
        self.members("items")
    }

    /// The fields of which a problem document complains.
    pub fn fields(&self) -> Vec<&str> {
        self.members("errors")
            .iter()
            .map(|error| error["field"].as_str().expect("a field"))
            .collect()
    }

    /// The body without what differs from request to request.
    pub fn anonymous_body(&self) -> Value {
        let mut body = self.json.clone().unwrap_or_default();
        if let Some(members) = body.as_object_mut() {
            members.remove("trace_id");
        }
        body
    }

    fn member(&self, name: &str) -> Option<&Value> {
        self.json.as_ref()?.get(name)
    }

    fn members(&self, name: &str) -> &[Value] {
        self.member(name)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

#[test]
fn a_code_is_oauths_error_or_that_of_a_whole_problem_document() {
    let answer = |media: &str, text: &str| {
        let head = format!("HTTP/1.1 404 Not Found\r\ncontent-type: {media}\r\n\r\n");
        Answer::of_head(&head).expect("a head").with_text(text.to_owned())
    };
    let problem = r#"{"type":"about:blank","status":404,"code":"not_found"}"#;
    for (media, text, code) in [
        (
            "application/json",
            r#"{"error":"invalid_grant"}"#,
            "invalid_grant",
        ),
        ("application/problem+json", problem, "not_found"),
        ("application/json", problem, ""),
        (
            "application/problem+json",
            r#"{"status":400,"code":"not_found"}"#,
            "",
        ),
        ("text/html", "<p>not_found</p>", ""),
    ] {
        assert_eq!(answer(media, text).verdict(), (404, code), "{media} {text}");
    }
}

#[test]
fn a_head_is_read_as_it_stood_on_the_wire() {
    let answer = Answer::of_head("HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nvary: \r\n\r\n");
    let answer = answer.expect("a head");
    assert_eq!((answer.status, answer.header("Set-Cookie")), (200, "a=1"));
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    assert!(answer.headers.contains_key("vary"));
    assert_eq!(answer.header("location"), "");
    assert!(Answer::of_head("").is_none());
    assert!(Answer::of_head("not http at all").is_none());
}
