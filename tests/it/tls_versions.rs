//! TLS 1.2 and 1.3, and nothing older.

use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};

use crate::harness::{Authority, Process, free_port, said, served};

/// RFC 8446 §6: a fatal alert, in a record of its own.
const ALERT: u8 = 21;
const FATAL: u8 = 2;

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_what_is_older_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let authority = Authority::new();
    let leaf = authority.write(at, "localhost", 2090);
    let port = free_port();
    let config = format!(
        "issuer = \"https://localhost:{port}\"\nidentity_listen = \"127.0.0.1:{port}\"\nlog = \"off\"\n\
         tls_certificate = \"tls.pem\"\ntls_key = \"tls.key\"\n"
    );
    std::fs::write(at.join("latchkey.toml"), config).unwrap();
    let command = Process::command(at, &["serve", "identity", "--config", "latchkey.toml"]);
    let process = Process::start(command, at.join("data")).await;

    for (versions, spoken) in [
        (vec![&TLS12], ProtocolVersion::TLSv1_2),
        (vec![&TLS13], ProtocolVersion::TLSv1_3),
        (vec![&TLS12, &TLS13], ProtocolVersion::TLSv1_3),
    ] {
        let shown = served(port, "localhost", authority.roots(), versions)
            .await
            .unwrap();
        assert_eq!((shown.version, &shown.leaf), (spoken, &leaf));
    }
    for (name, minor) in [("TLS 1.1", 2), ("TLS 1.0", 1), ("SSL 3.0", 0)] {
        let answer = said(port, hello(minor)).await;
        assert!(answer.len() >= 7, "{name}: {answer:?}");
        assert_eq!((answer[0], answer[5]), (ALERT, FATAL), "{name}: {answer:?}");
    }
    assert_eq!(process.interrupt().await.code, Some(0));
}

/// A `ClientHello` of an old client (RFC 4346 §7.4.1.2): its version, suites that were usual then, no extension.
fn hello(minor: u8) -> Vec<u8> {
    let mut body = vec![3, minor];
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 8, 0xc0, 0x14, 0xc0, 0x13, 0x00, 0x35, 0x00, 0x2f]);
    body.extend([1, 0]);
    let length = |of: &[u8]| u16::try_from(of.len()).unwrap().to_be_bytes();
    let mut handshake = vec![1, 0];
    handshake.extend(length(&body));
    handshake.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend(length(&handshake));
    record.extend(handshake);
    record
}
