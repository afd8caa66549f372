//! A browser or client of the load program: one connection, its cookies, and what it does at the issuer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::server::PASSWORD;

/// A kept-alive connection with the cookies of one browser.
pub struct Line {
    address: SocketAddr,
    from: Option<Ipv4Addr>,
    used: Instant,
    stream: TcpStream,
    cookies: Vec<(String, String)>,
}

/// A connection that was idle for longer is made anew: the server keeps no idle one for long.
const IDLE: Duration = Duration::from_secs(2);

pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let line = lines.find(|(named, _)| *named == name);
        line.map(|(_, value)| value.trim()).unwrap_or_default()
    }

    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// In seconds.
    fn retry_after(&self) -> u64 {
        self.header("retry-after").parse().unwrap_or(1)
    }

    /// The form of a page that asks for consent, with its yes.
    fn allowing(&self) -> String {
        let value = |name: &str| self.between(&format!("name=\"{name}\" value=\""), "\"");
        let mut form = format!(
            "request={}&token={}&action=allow",
            value("request"),
            value("token")
        );
        // An older binary does not say what the page has shown.
        if self.body.contains("name=\"shown\"") {
            form += &format!("&shown={}", value("shown"));
        }
        form
    }

    /// The text between two marks of the body.
    pub fn between(&self, before: &str, after: &str) -> String {
        let rest = self.body.split(before).nth(1).unwrap_or_default();
        rest.split(after).next().unwrap_or_default().to_owned()
    }
}

impl Line {
    pub async fn open(address: SocketAddr, from: Option<Ipv4Addr>) -> Self {
        Self {
            address,
            from,
            used: Instant::now(),
            stream: Self::connect(address, from).await,
            cookies: Vec::new(),
        }
    }

    async fn connect(address: SocketAddr, from: Option<Ipv4Addr>) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(from) = from {
            socket
                .bind(SocketAddr::new(IpAddr::V4(from), 0))
                .expect("a loopback address");
        }
        let stream = socket.connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send("POST", path, Some(form)).await
    }

    /// By HTTP Basic.
    pub async fn post_as(&mut self, client: &str, secret: &str, path: &str, form: &str) -> Answer {
        let basic = STANDARD.encode(format!("{client}:{secret}"));
        self.send_with(
            "POST",
            path,
            Some(form),
            &format!("authorization: Basic {basic}\r\n"),
        )
        .await
    }

    /// Another browser on the same connection.
    pub fn forget(&mut self) {
        self.cookies.clear();
    }

    /// The page that a request leads to.
    pub async fn page(&mut self, asking: &str) -> Answer {
        let mut page = self.get(asking).await;
        while page.status == 303 {
            let path = page.location().to_owned();
            page = self.get(&path).await;
        }
        page
    }

    async fn send(&mut self, method: &str, path: &str, form: Option<&str>) -> Answer {
        self.send_with(method, path, form, "").await
    }

    async fn send_with(&mut self, method: &str, path: &str, form: Option<&str>, more: &str) -> Answer {
        let host = format!("localhost:{}", self.address.port());
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{more}");
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            text += &format!("cookie: {}\r\n", pairs.join("; "));
        }
        if let Some(form) = form {
            text += &format!(
                "origin: http://{host}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
                form.len()
            );
        }
        text += "\r\n";
        text += form.unwrap_or_default();
        if self.used.elapsed() > IDLE {
            self.stream = Self::connect(self.address, self.from).await;
        }
        self.stream
            .write_all(text.as_bytes())
            .await
            .expect("a request is sent");
        let mut read = Vec::with_capacity(8192);
        let mut buffer = [0_u8; 16 * 1024];
        let (head, length) = loop {
            let n = self.stream.read(&mut buffer).await.expect("an answer");
            assert!(n > 0, "the server hung up");
            read.extend_from_slice(&buffer[..n]);
            if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&read[..at]).into_owned();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .and_then(|length| length.trim().parse::<usize>().ok())
                    .unwrap_or(0);
                break (head, at + 4 + length);
            }
        };
        while read.len() < length {
            let n = self.stream.read(&mut buffer).await.expect("a body");
            assert!(n > 0, "the server hung up");
            read.extend_from_slice(&buffer[..n]);
        }
        self.used = Instant::now();
        let at = head.len() + 4;
        for line in head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            if let Some((name, value)) = line.split(';').next().and_then(|pair| pair.split_once('=')) {
                self.cookies.retain(|(known, _)| known != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Answer {
            status: head
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .unwrap_or(0),
            body: String::from_utf8_lossy(&read[at..]).into_owned(),
            head,
        }
    }
}

/// A public client's authorization request, with the challenge of RFC 7636 appendix B.
pub const AUTHORIZE: &str = "/authorize?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.test%2Fcb\
    &scope=catalog.read&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

/// The code in an address that a browser is sent back to.
pub fn code_of(location: &str) -> &str {
    let rest = location.split("code=").nth(1).unwrap_or_default();
    rest.split('&').next().unwrap_or_default()
}

/// The form that redeems a code.
pub fn exchange(code: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id=app&redirect_uri=https%3A%2F%2Fapp.test%2Fcb&code={code}\
         &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
}

/// The sign-in page's form, filled in; a few percent signs that the password does not need.
pub async fn login_form(line: &mut Line, asking: &str, who: &str, password: &str) -> (String, String) {
    let page = line.page(asking).await;
    let request = page.between("name=\"request\" value=\"", "\"");
    let token = page.between("name=\"token\" value=\"", "\"");
    assert!(!token.is_empty(), "{}", page.body);
    let form = format!("request={request}&token={token}&username={who}&password={password}&action=sign-in");
    (form, request)
}

/// Signs in by password and allows; a refresh token.
pub async fn sign_in(line: &mut Line, asking: &str, who: &str) -> String {
    let (form, _) = login_form(line, asking, who, PASSWORD).await;
    let mut answer = line.post("/login", &form).await;
    while answer.status == 503 {
        // So many at once are asked to wait.
        tokio::time::sleep(Duration::from_secs(answer.retry_after())).await;
        answer = line.post("/login", &form).await;
    }
    assert_eq!(answer.status, 303, "{}", answer.body);
    for _ in 0..4 {
        let to = answer.location().to_owned();
        if to.starts_with("https://app.test/") {
            let tokens = line.post("/token", &exchange(code_of(&to))).await;
            assert_eq!(tokens.status, 200, "{}", tokens.body);
            return tokens.between("\"refresh_token\":\"", "\"");
        }
        answer = line.get(&to).await;
        if answer.status == 200 {
            let form = answer.allowing();
            answer = line.post("/consent", &form).await;
        }
    }
    panic!("no code: {} {}", answer.status, answer.body);
}

/// Allows a client what it asks for, in a browser that is signed in.
pub async fn allow(line: &mut Line, asking: &str) {
    let mut answer = line.get(asking).await;
    for _ in 0..6 {
        let to = answer.location().to_owned();
        if to.starts_with("https://app.test/") {
            return;
        }
        answer = line.get(&to).await;
        if answer.status == 200 {
            let form = answer.allowing();
            answer = line.post("/consent", &form).await;
        }
    }
    panic!("no code: {} {}", answer.status, answer.body);
}

/// Rotates.
pub async fn refresh(line: &mut Line, token: &mut String) {
    let form = format!("grant_type=refresh_token&client_id=app&refresh_token={token}");
    let answer = line.post("/token", &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    *token = answer.between("\"refresh_token\":\"", "\"");
}
