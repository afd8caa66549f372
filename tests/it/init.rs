//! The first configuration of an installation: what `latchkey init` writes, and that the real process starts with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::{Process, anonymous, free_port, postgres};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Writes a configuration with these answers and free ports; gives its file and the issuer.
pub async fn initialized(at: &Path, more: &[&str]) -> (String, String) {
    let port = free_port();
    let (listen, issuer) = (format!("localhost:{port}"), format!("http://localhost:{port}"));
    let own = ["init", "kept", "--listen", &listen, "--issuer", &issuer];
    let (ended, printed) = Process::run(at, &[&own[..], more].concat()).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let file = at.join("kept/latchkey.toml");
    let text = fs::read_to_string(&file).unwrap();
    // The port of metrics is no answer, and tests share a machine.
    let admin = format!("\"localhost:{}\"", free_port());
    fs::write(&file, text.replace("\"localhost:8082\"", &admin)).unwrap();
    let file = file.display().to_string();
    let next = ["serve identity admin", "user invite --role admin", "client add"];
    for command in next {
        assert!(printed.contains(&format!("latchkey {command}")), "{printed}");
    }
    assert!(printed.contains(&file), "{printed}");
    (file, issuer)
}

/// A server of this configuration.
pub async fn serving(at: &Path, file: &str) -> Process {
    let command = Process::command(at, &["serve", "identity", "admin", "--config", file]);
    Process::start(command, at.join("kept/data")).await
}

#[tokio::test]
async fn the_real_process_starts_with_what_init_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let (file, issuer) = initialized(folder.path(), &[]).await;
    let kept = folder.path().join("kept");
    for (name, expected) in [
        ("", 0o700),
        ("data", 0o700),
        ("keys", 0o700),
        ("keys/master.key", 0o600),
    ] {
        assert_eq!(mode(&kept.join(name)), expected, "{name}");
    }
    let key = fs::read_to_string(kept.join("keys/master.key")).unwrap();
    let process = serving(folder.path(), &file).await;
    let document = anonymous(&format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(document.json()["issuer"], issuer.as_str());
    let said = process.interrupt().await.stderr;
    assert!(said.contains("There is no administrator yet"), "{said}");
    assert_eq!(fs::read_to_string(kept.join("keys/master.key")).unwrap(), key);
}

#[tokio::test]
async fn init_on_postgresql_takes_the_address_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = postgres("first_configuration").await;
    let secret = folder.path().join("url");
    fs::write(&secret, format!("{url}\n")).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let named = format!("file:{}", secret.display());
    let (file, issuer) = initialized(folder.path(), &["--database", &named]).await;
    let process = serving(folder.path(), &file).await;
    let document = anonymous(&format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(document.json()["issuer"], issuer.as_str());
    let (ended, printed) = Process::run(folder.path(), &["doctor", "--config", &file]).await;
    assert_eq!(ended.code, Some(0), "{printed} {ended:?}");
    process.interrupt().await;
}

#[tokio::test]
async fn init_replaces_nothing_and_writes_nothing_that_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (file, _) = initialized(at, &[]).await;
    let before = fs::read_to_string(&file).unwrap();
    let key = fs::read_to_string(at.join("kept/keys/master.key")).unwrap();
    let (ended, _) = Process::run(at, &["init", "kept"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("is not empty"), "{ended:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert_eq!(fs::read_to_string(at.join("kept/keys/master.key")).unwrap(), key);

    let exposed = at.join("exposed");
    fs::write(&exposed, "postgres://id:hush@db.test/x").unwrap();
    fs::set_permissions(&exposed, fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = format!("file:{}", exposed.display());
    for (arguments, told) in [
        (["--issuer", "http://id.example.test"], "https"),
        (["--listen", "0.0.0.0:8443"], "TLS"),
        (["--behind-proxy", "0.0.0.0/0"], "trusted_proxies"),
        (["--database", "mysql://id:hush@db.test/x"], "postgres"),
        (["--database", &exposed], "other users"),
    ] {
        let (ended, _) = Process::run(at, &[&["init", "other"][..], &arguments].concat()).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains(told) && !ended.stderr.contains("hush"),
            "{ended:?}"
        );
        assert!(!at.join("other").exists());
    }
}
