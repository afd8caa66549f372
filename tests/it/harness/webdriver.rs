//! A real Chromium, driven over WebDriver (W3C WebDriver): as much of the protocol as the journeys need.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::{free_port, http};

/// A browser window.
pub struct Chromium {
    driver: Child,
    session: String,
    profile: tempfile::TempDir,
}

/// Where the browser writes down what it sends and receives, in its profile.
const NET_LOG: &str = "net-log.json";
/// Where what it downloads lies, in its profile.
const DOWNLOADS: &str = "downloads";
/// How long a page may take to show something.
const PATIENCE: Duration = Duration::from_secs(20);
/// Keys that are no letters.
pub const TAB: &str = "\u{E004}";
pub const ENTER: &str = "\u{E007}";
/// Names an element in answers (W3C WebDriver §12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Chromium {
    pub async fn start() -> Self {
        Self::start_with(false).await
    }

    /// A browser that believes any certificate: for servers whose authority is made for the test.
    pub async fn trusting() -> Self {
        Self::start_with(true).await
    }

    async fn start_with(trusting: bool) -> Self {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect(
                "chromedriver is needed: apt-get install chromium chromium-driver, or run `cargo xtask test`",
            );
        let base = format!("http://127.0.0.1:{port}");
        let begun = Instant::now();
        while http().get(format!("{base}/status")).send().await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "chromedriver does not answer");
            tokio::task::yield_now().await;
        }
        let profile = tempfile::tempdir().expect("a folder");
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-quic",
            "--net-log-capture-mode=Everything",
            &format!("--log-net-log={}", profile.path().join(NET_LOG).display()),
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let downloads = profile.path().join(DOWNLOADS);
        std::fs::create_dir(&downloads).expect("a folder");
        let preferences = json!({
            "download.default_directory": downloads,
            "download.prompt_for_download": false,
            "plugins.always_open_pdf_externally": true,
        });
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": trusting,
            "goog:chromeOptions": {"args": arguments, "prefs": preferences},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let answer = http()
            .post(format!("{base}/session"))
            .json(&wanted)
            .send()
            .await
            .expect("a session");
        let answer: Value = answer.json().await.expect("JSON");
        let id = answer["value"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"));
        Self {
            driver,
            session: format!("{base}/session/{id}"),
            profile,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Result<Value, String> {
        let request = http().request(method.clone(), format!("{}{path}", self.session));
        let request = if method == Method::POST {
            request.json(&body)
        } else {
            request
        };
        let answer = request.send().await.expect("the driver answers");
        let failed = !answer.status().is_success();
        let mut answer: Value = answer.json().await.expect("JSON");
        let value = answer["value"].take();
        if failed { Err(value.to_string()) } else { Ok(value) }
    }

    async fn must(&self, method: Method, path: &str, body: Value) -> Value {
        self.ask(method, path, body)
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub async fn open(&self, url: &str) {
        self.must(Method::POST, "/url", json!({"url": url})).await;
    }

    /// Presses the back button.
    pub async fn back(&self) {
        self.must(Method::POST, "/back", json!({})).await;
    }

    pub async fn url(&self) -> String {
        let url = self.must(Method::GET, "/url", Value::Null).await;
        url.as_str().unwrap_or_default().to_owned()
    }

    pub async fn source(&self) -> String {
        let text = self.must(Method::GET, "/source", Value::Null).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The element, once it is there.
    async fn find(&self, selector: &str) -> String {
        let wanted = json!({"using": "css selector", "value": selector});
        let begun = Instant::now();
        loop {
            if let Ok(found) = self.ask(Method::POST, "/element", wanted.clone()).await
                && let Some(id) = found[ELEMENT].as_str()
            {
                return id.to_owned();
            }
            if begun.elapsed() > PATIENCE {
                panic!("no {selector} on {}: {}", self.url().await, self.source().await);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits until something is there.
    pub async fn see(&self, selector: &str) {
        self.find(selector).await;
    }

    /// Waits until the address is this one.
    pub async fn arrive(&self, url: &str) {
        let begun = Instant::now();
        while self.url().await != url {
            let late = begun.elapsed() > PATIENCE;
            assert!(
                !late,
                "at {} instead of {url}: {}",
                self.url().await,
                self.source().await
            );
            tokio::task::yield_now().await;
        }
    }

    pub async fn has(&self, selector: &str) -> bool {
        let wanted = json!({"using": "css selector", "value": selector});
        self.ask(Method::POST, "/element", wanted).await.is_ok()
    }

    pub async fn text(&self, selector: &str) -> String {
        let id = self.find(selector).await;
        let text = self
            .must(Method::GET, &format!("/element/{id}/text"), Value::Null)
            .await;
        text.as_str().unwrap_or_default().to_owned()
    }

    pub async fn write(&self, selector: &str, text: &str) {
        let id = self.find(selector).await;
        let _read_only_ones_stay = self
            .ask(Method::POST, &format!("/element/{id}/clear"), json!({}))
            .await;
        self.must(
            Method::POST,
            &format!("/element/{id}/value"),
            json!({"text": text}),
        )
        .await;
    }

    /// Chooses a file in a field for one.
    pub async fn attach(&self, selector: &str, file: &Path) {
        let id = self.find(selector).await;
        let path = json!({"text": file.display().to_string()});
        self.must(Method::POST, &format!("/element/{id}/value"), path)
            .await;
    }

    /// Presses a key, or types a text, wherever the focus is (W3C WebDriver §17.4.2 names the keys).
    pub async fn keys(&self, text: &str) {
        let mut actions = Vec::new();
        for key in text.chars() {
            actions.push(json!({"type": "keyDown", "value": key.to_string()}));
            actions.push(json!({"type": "keyUp", "value": key.to_string()}));
        }
        let keyboard = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.must(Method::POST, "/actions", keyboard).await;
    }

    /// Presses Tab until this has the focus. Whatever has it on the way can be seen to have it.
    pub async fn tab_to(&self, selector: &str) {
        const MOST: usize = 120;
        let script = "const at = document.activeElement, style = getComputedStyle(at), after = getComputedStyle(at, '::after');
            const rings = (style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
            return [at.matches(arguments[0]), at === document.body || rings(style) || rings(after)
                || style.boxShadow !== 'none', at.outerHTML.slice(0, 120)];";
        let asking = json!({"script": script, "args": [selector]});
        for _ in 0..MOST {
            let at = self.must(Method::POST, "/execute/sync", asking.clone()).await;
            assert_eq!(at[1], true, "nobody sees that this has the focus: {}", at[2]);
            if at[0] == true {
                return;
            }
            self.keys(TAB).await;
        }
        panic!("no way by Tab to {selector} on {}", self.url().await);
    }

    pub async fn click(&self, selector: &str) {
        let id = self.find(selector).await;
        self.must(Method::POST, &format!("/element/{id}/click"), json!({}))
            .await;
    }

    pub async fn run(&self, script: &str) -> Value {
        self.must(
            Method::POST,
            "/execute/sync",
            json!({"script": script, "args": []}),
        )
        .await
    }

    /// Gives the browser an authenticator that keeps passkeys and always knows its owner (W3C Web Authentication §11).
    pub async fn add_authenticator(&self) {
        let built_in = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserConsenting": true,
            "isUserVerified": true,
        });
        self.must(Method::POST, "/webauthn/authenticator", built_in).await;
    }

    /// From now on no page runs a script.
    pub async fn without_script(&self) {
        let off = json!({"cmd": "Emulation.setScriptExecutionDisabled", "params": {"value": true}});
        self.must(Method::POST, "/goog/cdp/execute", off).await;
    }

    /// Whether something is there to be seen.
    pub async fn shows(&self, selector: &str) -> bool {
        let id = self.find(selector).await;
        let shown = self
            .must(Method::GET, &format!("/element/{id}/displayed"), Value::Null)
            .await;
        shown == true
    }

    /// Opens a page until something is there that takes a while behind it.
    pub async fn open_until(&self, url: &str, selector: &str) {
        let begun = Instant::now();
        loop {
            self.open(url).await;
            if self.has(selector).await {
                return;
            }
            if begun.elapsed() > PATIENCE {
                panic!("never {selector} on {url}: {}", self.source().await);
            }
        }
    }

    /// The content of the file that was downloaded, which is then taken away.
    pub async fn downloaded(&self) -> Vec<u8> {
        let folder = self.profile.path().join(DOWNLOADS);
        let begun = Instant::now();
        loop {
            let files = std::fs::read_dir(&folder).expect("a folder");
            let mut files = files.map(|file| file.expect("a file").path());
            // One that is under way has another name.
            let whole = files.find(|file| {
                file.extension()
                    .is_some_and(|kind| kind == "pdf" || kind == "json")
            });
            if let Some(file) = whole {
                let content = std::fs::read(&file).expect("a file");
                if !content.is_empty() {
                    std::fs::remove_file(&file).expect("a file");
                    return content;
                }
            }
            assert!(begun.elapsed() < PATIENCE, "nothing was downloaded");
            tokio::task::yield_now().await;
        }
    }

    /// A picture of what is shown, as a PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        let shot = self.must(Method::GET, "/screenshot", Value::Null).await;
        let shot = shot.as_str().expect("a picture");
        STANDARD.decode(shot).expect("base64")
    }

    /// What the browser complained of since the last look: refused scripts, forms that its policy stopped.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self
            .must(Method::POST, "/se/log", json!({"type": "browser"}))
            .await;
        let all = log.as_array().cloned().unwrap_or_default();
        all.iter()
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .filter(|message| message.contains("Content Security Policy") || message.contains("Refused"))
            .collect()
    }

    /// Pictures of the page at 360, 768 and 1280 px, light and dark, below the target folder. It fits into each width,
    /// and has no fault in any that `audit.js` knows.
    pub async fn pictures(&self, name: &str) {
        let mut all = Vec::new();
        let folder = pictures();
        std::fs::create_dir_all(&folder).expect("a folder");
        let bars = json!({"cmd": "Emulation.setScrollbarsHidden", "params": {"hidden": true}});
        self.must(Method::POST, "/goog/cdp/execute", bars).await;
        for scheme in ["light", "dark"] {
            let media = json!({"cmd": "Emulation.setEmulatedMedia",
            "params": {"features": [
                {"name": "prefers-color-scheme", "value": scheme},
                // No colour on its way from one scheme to the other.
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]}});
            self.must(Method::POST, "/goog/cdp/execute", media).await;
            for width in [360, 768, 1280] {
                let size = json!({"cmd": "Emulation.setDeviceMetricsOverride",
                    "params": {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false}});
                self.must(Method::POST, "/goog/cdp/execute", size).await;
                let wide = self.run("return document.documentElement.scrollWidth").await;
                assert!(
                    wide.as_i64().unwrap_or(i64::MAX) <= width,
                    "{name} is {wide} px wide in {width} px"
                );
                let faults = self.run(include_str!("audit.js")).await;
                if faults.as_array().is_none_or(|faults| !faults.is_empty()) {
                    all.push(format!("{name}, {width} px, {scheme}: {faults:#}"));
                }
                let shot =
                    json!({"cmd": "Page.captureScreenshot", "params": {"captureBeyondViewport": true}});
                let shot = self.must(Method::POST, "/goog/cdp/execute", shot).await;
                let png = STANDARD
                    .decode(shot["data"].as_str().unwrap_or_default())
                    .expect("base64");
                let path: &Path = &folder.join(format!("{name}-{width}-{scheme}.png"));
                std::fs::write(path, png).expect("a picture");
            }
        }
        let size = json!({"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}});
        self.must(Method::POST, "/goog/cdp/execute", size).await;
        assert!(all.is_empty(), "{}", all.join("\n"));
    }

    pub async fn stop(self) {
        self.close().await;
    }

    /// Everything that went over the browser's connections since it was started, what came compressed also as it was
    /// read. One direction of one connection is one entry.
    pub async fn stop_and_tell_all(self) -> Vec<Vec<u8>> {
        let log = self.profile.path().join(NET_LOG);
        let profile = self.close().await;
        let text = std::fs::read_to_string(log).expect("the browser's own log");
        drop(profile);
        let mut all: BTreeMap<(u64, u64), Vec<u8>> = BTreeMap::new();
        // An event a line; the log as a whole is JSON only if the browser had the time to end it.
        for line in text.lines() {
            let Ok(event) = serde_json::from_str::<Value>(line.trim_end_matches(',')) else {
                continue;
            };
            let Some(bytes) = event["params"]["bytes"].as_str() else {
                continue;
            };
            let number = |value: &Value| value.as_u64().expect("a number");
            let of = (number(&event["source"]["id"]), number(&event["type"]));
            all.entry(of)
                .or_default()
                .extend(STANDARD.decode(bytes).expect("base64"));
        }
        all.into_values().collect()
    }

    async fn close(mut self) -> tempfile::TempDir {
        let _closing = self.ask(Method::DELETE, "", Value::Null).await;
        let _gone = self.driver.kill().await;
        std::mem::replace(&mut self.profile, tempfile::tempdir().expect("a folder"))
    }
}

/// The browser goes with its session, also when a test falls over: the driver alone would leave it running.
impl Drop for Chromium {
    fn drop(&mut self) {
        use std::io::{Read, Write};
        let Some((host, path)) = self.session.trim_start_matches("http://").split_once('/') else {
            return;
        };
        let Ok(mut stream) = std::net::TcpStream::connect(host) else {
            return;
        };
        let _bounded = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let request = format!("DELETE /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let _gone = stream
            .write_all(request.as_bytes())
            .and_then(|()| stream.read(&mut [0; 64]));
    }
}

/// Where the pictures are.
fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures")
}
