//! What `latchkey doctor` says of an installation in good health, and of each sickness.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use latchkey_db::{Db, Options};
use serde_json::Value;

use crate::harness::{Process, free_port, run, until};
use crate::init::{initialized, serving};

/// What was found.
struct Report {
    code: Option<i32>,
    all: Vec<Value>,
}

impl Report {
    /// The level of a finding.
    fn level(&self, name: &str) -> Option<&str> {
        let one = self.all.iter().find(|finding| finding["finding"] == name);
        one.and_then(|finding| finding["level"].as_str())
    }
}

/// Runs the doctor, whose words have no secret of the installation.
async fn doctor(at: &Path, config: &str, more: &[&str]) -> Report {
    let arguments = [&["doctor", "--json", "--config", config][..], more].concat();
    let (ended, printed) = Process::run(at, &arguments).await;
    let key = fs::read_to_string(at.join("kept/keys/master.key")).unwrap();
    assert!(!printed.contains(key.trim()) && !ended.stderr.contains(key.trim()));
    let all = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed} {ended:?}"));
    Report {
        code: ended.code,
        all,
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A copy of the configuration with one text replaced.
fn changed(at: &Path, config: &str, from: &str, to: &str) -> String {
    let text = fs::read_to_string(config).unwrap();
    assert!(text.contains(from), "{from}");
    let path = at.join("changed.toml");
    fs::write(&path, text.replace(from, to)).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn the_doctor_of_a_healthy_installation_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (config, _) = initialized(at, &[]).await;
    let process = serving(at, &config).await;
    until("the issuer is alive in the log", async || {
        doctor(at, &config, &[]).await.code == Some(0)
    })
    .await;
    let report = doctor(at, &config, &[]).await;
    assert_eq!(report.all.len(), 11, "{:?}", report.all);
    assert!(report.all.iter().all(|finding| finding["level"] == "ok"));
    let (ended, printed) = Process::run(at, &["doctor", "--config", &config]).await;
    assert_eq!(ended.code, Some(0), "{printed}");
    assert_eq!(printed.lines().count(), 11, "{printed}");

    let data = at.join("kept/data");
    set_mode(&data, 0o755);
    let report = doctor(at, &config, &[]).await;
    assert_eq!(
        (report.code, report.level("permissions.exposed")),
        (Some(1), Some("warning")),
        "{:?}",
        report.all
    );
    set_mode(&data, 0o700);
    process.interrupt().await;
}

#[tokio::test]
async fn the_doctor_names_a_stopped_server_and_a_key_for_all_eyes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (config, _) = initialized(at, &[]).await;
    let fresh = doctor(at, &config, &[]).await;
    assert_eq!(fresh.level("schema.absent"), Some("warning"), "{:?}", fresh.all);
    assert!(
        !at.join("kept/data/identity.db").exists(),
        "the doctor makes no database"
    );
    let process = serving(at, &config).await;
    let log = format!("sqlite:{}", at.join("kept/data/revocations.db").display());
    let log = Db::open_read_only(&log).await.unwrap();
    until("the issuer has written a heartbeat", async || {
        matches!(
            latchkey_bus::diagnosis::heartbeat(&log, "identity").await,
            Ok(Some(_))
        )
    })
    .await;
    log.close().await;
    process.interrupt().await;

    let stopped = doctor(at, &config, &[]).await;
    assert_eq!(stopped.code, Some(2));
    assert_eq!(stopped.level("issuer.unreachable"), Some("error"));
    assert_eq!(stopped.level("feed.silent"), Some("error"), "{:?}", stopped.all);
    assert_eq!(stopped.level("keys"), Some("ok"));

    let key = at.join("kept/keys/master.key");
    set_mode(&key, 0o644);
    let exposed = doctor(at, &config, &[]).await;
    assert_eq!(
        exposed.level("permissions.key"),
        Some("error"),
        "{:?}",
        exposed.all
    );
    set_mode(&key, 0o600);

    let right = fs::read(&key).unwrap();
    fs::write(&key, "5e".repeat(32)).unwrap();
    let other = doctor(at, &config, &[]).await;
    assert_eq!(other.level("keys.wrong"), Some("error"), "{:?}", other.all);
    fs::write(&key, right).unwrap();

    let url = format!("sqlite:{}", at.join("kept/data/identity.db").display());
    let db = Db::open(&url, Options::new(&[])).await.unwrap();
    let later = "INSERT INTO migrations_identity (version, description, success, checksum, execution_time) \
                 VALUES (999999, 'later', TRUE, X'00', 0)";
    run(&db, later.to_owned()).await;
    db.close().await;
    let newer = doctor(at, &config, &[]).await;
    assert_eq!(newer.level("schema.newer"), Some("error"), "{:?}", newer.all);
}

#[tokio::test]
async fn the_doctor_names_another_issuer_and_a_refused_key() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (config, issuer) = initialized(at, &[]).await;
    let process = serving(at, &config).await;
    let issuer_line = format!("issuer = \"{issuer}\"");
    let elsewhere = changed(at, &config, &issuer_line, "issuer = \"https://id.example.test\"");
    let report = doctor(at, &elsewhere, &["--from-outside", &issuer]).await;
    assert_eq!(report.code, Some(2));
    assert_eq!(report.level("issuer.mismatch"), Some("error"), "{:?}", report.all);
    assert_eq!(report.level("proxy.undeclared"), Some("warning"));

    let wrong = changed(at, &config, "issuer = ", "isuer = ");
    let report = doctor(at, &wrong, &[]).await;
    assert_eq!(
        (report.code, report.level("configuration.refused")),
        (Some(2), Some("error"))
    );
    process.interrupt().await;
}

/// A chain for localhost whose leaf lives for so many days, and its key.
fn certificate(days: u64) -> (String, String) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let mut leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let now = u64::try_from(latchkey_clock::Clock::system().now_ms() / 1_000).unwrap();
    let end = now + days * 86_400 + 3_600;
    leaf.not_after = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(end);
    let key = rcgen::KeyPair::generate().unwrap();
    let signed = leaf.signed_by(&key, &issuer).unwrap();
    (signed.pem() + &root.pem(), key.serialize_pem())
}

#[tokio::test]
async fn the_doctor_names_a_certificate_that_ends_or_has_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (chain, key) = certificate(5);
    let (tls, secret) = (at.join("tls.pem"), at.join("tls.key"));
    fs::write(&tls, chain).unwrap();
    fs::write(&secret, key).unwrap();
    set_mode(&secret, 0o600);
    let port = free_port();
    let issuer = format!("https://localhost:{port}");
    let (tls_path, key_path) = (tls.display().to_string(), secret.display().to_string());
    let with_tls = [
        "--issuer",
        &issuer,
        "--listen",
        &format!("localhost:{port}"),
        "--tls-certificate",
        &tls_path,
        "--tls-key",
        &key_path,
    ];
    let (ended, _) = Process::run(at, &[&["init", "kept"][..], &with_tls].concat()).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let written = at.join("kept/latchkey.toml").display().to_string();
    let admin = format!("localhost:{}", free_port());
    let config = changed(at, &written, "localhost:8082", &admin);
    let process = serving(at, &config).await;
    until("the issuer is alive in the log", async || {
        doctor(at, &config, &[]).await.code == Some(1)
    })
    .await;
    let report = doctor(at, &config, &[]).await;
    for name in ["certificate.expiring", "issuer.certificate"] {
        assert_eq!(report.level(name), Some("warning"), "{:?}", report.all);
    }
    process.interrupt().await;

    let (_, other) = certificate(100);
    fs::write(&secret, &other).unwrap();
    let report = doctor(at, &config, &[]).await;
    assert_eq!(report.code, Some(2));
    assert_eq!(
        report.level("certificate.unusable"),
        Some("error"),
        "{:?}",
        report.all
    );
    set_mode(&secret, 0o644);
    let report = doctor(at, &config, &[]).await;
    assert_eq!(
        report.level("certificate.unusable"),
        Some("error"),
        "{:?}",
        report.all
    );
}
