//! An `https` upstream is trusted only under the configured authority.

use std::sync::Arc;

use latchkey_clock::{Clock, Random};
use latchkey_gateway::{ConfigError, Gateway, Options, Origin, Routes};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::harness::{Upstream, ask, gateway, options, route};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn roots(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    roots
}

async fn upstream(authority: &Authority, name: &str) -> Upstream {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, authority)
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Upstream::tcp(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

fn verifier(roots: RootCertStore) -> Arc<dyn ServerCertVerifier> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap()
}

/// A verifier whose authority has signed nothing.
pub fn of_nobody() -> Arc<dyn ServerCertVerifier> {
    verifier(roots(&authority()))
}

async fn status(upstream: &Upstream, roots: RootCertStore) -> (u16, String) {
    let origin = Origin::parse(&format!("https://{}", upstream.address)).unwrap();
    let edge = gateway(
        vec![route(origin)],
        Options {
            ca: Some(verifier(roots)),
            ..options()
        },
    )
    .await;
    let answer = ask(edge, "GET", "/api/echo/x", &[]).await;
    (answer.status, answer.text)
}

#[tokio::test]
async fn an_https_upstream_of_the_configured_authority_is_asked() {
    let authority = authority();
    let upstream = upstream(&authority, "127.0.0.1").await;
    assert_eq!(status(&upstream, roots(&authority)).await, (200, "ok".to_owned()));
}

/// GW-17.
#[tokio::test]
async fn an_upstream_of_another_authority_or_name_gets_no_request() {
    let (ours, theirs) = (authority(), authority());
    for (upstream, roots) in [
        (upstream(&theirs, "127.0.0.1").await, roots(&ours)),
        (upstream(&ours, "other.test").await, roots(&ours)),
    ] {
        let (status, text) = status(&upstream, roots).await;
        assert_eq!(status, 502);
        assert!(text.contains("upstream_unreachable"), "{text}");
    }
}

#[tokio::test]
async fn an_https_upstream_without_an_authority_is_refused_when_loaded() {
    let origin = Origin::parse("https://catalog.test").unwrap();
    let routes = Routes::new(vec![route(origin)]).unwrap();
    let refused = Gateway::new(routes, options(), Clock::manual(0), Random::seeded(1)).unwrap_err();
    assert_eq!(refused, ConfigError::NoAuthority { route: "echo".into() });
}
