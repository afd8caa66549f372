//! A relay of the tests' own, on loopback: as much of RFC 5321 as a submission needs, and every way to fail.

use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// How it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    Plain,
    Tls,
    StartTls,
}

/// What it does with mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    /// Takes them.
    Take,
    /// Answers the recipient with this code.
    Refuse(u16),
    /// Says nothing at all.
    Silent,
    /// Takes the mail, and the connection breaks before the relay has said so.
    Forget,
}

/// A mail that it took.
#[derive(Clone, Debug)]
pub struct Taken {
    pub from: String,
    pub to: String,
    pub text: String,
    /// Whether it came over TLS.
    pub secured: bool,
}

impl Taken {
    /// A header on one line.
    pub fn header(&self, name: &str) -> String {
        let start = format!("{}:", name.to_ascii_lowercase());
        let unfolded = self.text.replace("\r\n ", " ").replace("\r\n\t", " ");
        let line = unfolded
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with(&start));
        line.map(|line| line[start.len()..].trim().to_owned())
            .unwrap_or_default()
    }
}

struct Shared {
    speaks: Speaks,
    acceptor: TlsAcceptor,
    behavior: Mutex<Behavior>,
    taken: Mutex<Vec<Taken>>,
}

/// A running relay.
pub struct Smtp {
    pub port: u16,
    /// The authority of its certificate, in PEM.
    pub authority: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Smtp {
    pub async fn start(speaks: Speaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .expect("a key of its certificate");
        let shared = Arc::new(Shared {
            speaks,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            behavior: Mutex::new(Behavior::Take),
            taken: Mutex::default(),
        });
        let port = listener.local_addr().expect("an address").port();
        let serving = shared.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, serving.clone()));
            }
        });
        Self {
            port,
            authority: own.cert.pem(),
            shared,
            task,
        }
    }

    pub fn behaves(&self, behavior: Behavior) {
        *self.shared.behavior.lock().unwrap() = behavior;
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.shared.taken.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    match shared.speaks {
        Speaks::Plain => {
            talk(stream, &shared, true, false).await;
        }
        Speaks::Tls => {
            if let Ok(stream) = shared.acceptor.accept(stream).await {
                talk(stream, &shared, true, true).await;
            }
        }
        Speaks::StartTls => {
            if let Some(stream) = talk(stream, &shared, true, false).await
                && let Ok(stream) = shared.acceptor.accept(stream).await
            {
                talk(stream, &shared, false, true).await;
            }
        }
    }
}

/// One conversation; the stream, if the client wants TLS now.
async fn talk<S>(stream: S, shared: &Shared, greets: bool, secured: bool) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut lines = BufReader::new(stream);
    if *shared.behavior.lock().unwrap() == Behavior::Silent {
        std::future::pending::<()>().await;
    }
    if greets {
        say(&mut lines, "220 relay.test").await?;
    }
    let (mut from, mut to) = (String::new(), String::new());
    loop {
        let line = line(&mut lines).await?;
        let behavior = *shared.behavior.lock().unwrap();
        match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" if shared.speaks == Speaks::StartTls && !secured => {
                say(&mut lines, "250-relay.test\r\n250-STARTTLS\r\n250 8BITMIME").await?;
            }
            "EHLO" => say(&mut lines, "250-relay.test\r\n250 8BITMIME").await?,
            "STAR" if shared.speaks == Speaks::StartTls => {
                say(&mut lines, "220 go on").await?;
                return Some(lines.into_inner());
            }
            "MAIL" => {
                from = line;
                say(&mut lines, "250 fine").await?;
            }
            "RCPT" => {
                to = line;
                match behavior {
                    Behavior::Refuse(code) => say(&mut lines, &format!("{code} no")).await?,
                    Behavior::Take | Behavior::Silent | Behavior::Forget => {
                        say(&mut lines, "250 fine").await?;
                    }
                }
            }
            "DATA" => {
                say(&mut lines, "354 go on").await?;
                let mut text = String::new();
                loop {
                    let line = self::line(&mut lines).await?;
                    if line == "." {
                        break;
                    }
                    text.push_str(&line);
                    text.push_str("\r\n");
                }
                let (from, to) = (from.clone(), to.clone());
                let taken = Taken {
                    from,
                    to,
                    text,
                    secured,
                };
                shared.taken.lock().unwrap().push(taken);
                if behavior == Behavior::Forget {
                    return None;
                }
                say(&mut lines, "250 taken").await?;
            }
            "QUIT" => {
                say(&mut lines, "221 bye").await?;
                return None;
            }
            "RSET" | "NOOP" => say(&mut lines, "250 fine").await?,
            _ => say(&mut lines, "502 no").await?,
        }
    }
}

async fn line<S: AsyncRead + Unpin>(lines: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    match lines.read_line(&mut line).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(lines: &mut BufReader<S>, text: &str) -> Option<()> {
    let bytes = format!("{text}\r\n");
    lines.get_mut().write_all(bytes.as_bytes()).await.ok()?;
    lines.get_mut().flush().await.ok()
}
