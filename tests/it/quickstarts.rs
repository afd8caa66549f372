//! The pages of `docs/quickstart/`, followed word by word: their files written, their commands run, their answers read.
//! Only the ports are others.
//!
//! How a page is read: the line before a block says what it is. "Write `file`:" is a file, "… it is up when it prints
//! `word`:" a program that stays, and any other block of `sh` a command that ends; "… it answers `word`:" is looked for
//! in what it prints.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Browser, Chromium, Seen, free_port, http, times, until};

#[derive(Debug, PartialEq)]
enum Step {
    File(String, String),
    Run { script: String, answers: Vec<String> },
    Stay { script: String, up: String },
}

/// What stands between backticks.
fn quoted(line: &str) -> Vec<String> {
    line.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The steps of a page.
fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut before = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            before = if line.is_empty() { before } else { line };
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = block.join("\n") + "\n";
        let told = |after: &str| before.split_once(after).map(|(_, rest)| quoted(rest));
        steps.push(match (language, told("prints"), told("answers")) {
            ("sh", Some(mut words), _) => Step::Stay {
                script: text,
                up: words.remove(0),
            },
            ("sh", None, answers) => Step::Run {
                script: text,
                answers: answers.unwrap_or_default(),
            },
            (_, _, _) => {
                let (_, rest) = before
                    .split_once("Write ")
                    .expect("a file's name before its block");
                Step::File(quoted(rest).remove(0), text)
            }
        });
        before = "";
    }
    steps
}

fn page(name: &str) -> String {
    let path = root().join("docs/quickstart").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder in which a page is followed, and the programs that it started.
struct Follower {
    folder: TempDir,
    ports: Vec<(&'static str, String)>,
    running: Vec<(std::process::Child, PathBuf)>,
}

impl Follower {
    fn new() -> Self {
        let ports = ["8080", "8081", "8082", "3000"].map(|port| (port, free_port().to_string()));
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            ports: ports.to_vec(),
            running: Vec::new(),
        }
    }

    fn port(&self, named: &str) -> &str {
        let found = self.ports.iter().find(|(port, _)| *port == named);
        &found.expect("a port of the pages").1
    }

    fn demo(&self) -> Value {
        let text = fs::read(self.folder.path().join("data/demo.json")).expect("demo.json");
        serde_json::from_slice(&text).expect("JSON")
    }

    async fn follow(&mut self, page: &str) {
        for step in steps(page) {
            match step {
                Step::File(name, text) => {
                    let path = self.folder.path().join(name);
                    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                    let text = self
                        .adapted(&text)
                        .replace("$LATCHKEY", &root().display().to_string());
                    fs::write(path, text).expect("written");
                }
                Step::Run { script, answers } => {
                    let mut command = self.command(&script);
                    let output = tokio::task::spawn_blocking(move || command.output()).await;
                    let output = output.expect("it ends").expect("bash runs");
                    let said = String::from_utf8_lossy(&output.stdout).into_owned();
                    let errors = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{script}{said}{errors}{}", self.logs());
                    let mut rest = said.as_str();
                    for answer in answers {
                        let found = rest.split_once(answer.as_str());
                        rest = found
                            .unwrap_or_else(|| panic!("no {answer}: {script}{said}{}", self.logs()))
                            .1;
                    }
                }
                Step::Stay { script, up } => self.stay(&script, &up).await,
            }
        }
    }

    async fn stay(&mut self, script: &str, up: &str) {
        use std::os::unix::process::CommandExt as _;
        let log = self.folder.path().join(format!("log-{}", self.running.len()));
        let file = fs::File::create(&log).expect("a log");
        let mut command = self.command(script);
        // A group of its own, so that what bash started ends with it.
        command
            .process_group(0)
            .stdout(file.try_clone().expect("a log"))
            .stderr(file);
        self.running
            .push((command.spawn().expect("bash runs"), log.clone()));
        // What a page compiles takes minutes.
        let deadline = Instant::now() + Duration::from_secs(600);
        while !fs::read_to_string(&log).unwrap_or_default().contains(up) {
            let (child, _) = self.running.last_mut().expect("it was started");
            let ended = child.try_wait().expect("its state").is_some();
            assert!(!ended && Instant::now() < deadline, "{script}{}", self.logs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Shells of one reader: what one block sets, the next one has.
    fn command(&self, script: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_latchkey"));
        let folder = binary.parent().expect("its folder").display();
        let script = self.adapted(script);
        let mut command = Command::new("bash");
        command
            .arg("-c")
            .arg(format!(
                "set -eao pipefail\nexport PATH=\"{folder}:$PATH\"\n[ ! -f .session ] || . ./.session\n{script}\n\
                 {{ declare -px; declare -f; }} > .session\n"
            ))
            .current_dir(self.folder.path())
            .env("LATCHKEY", root())
            .env("npm_config_prefer_offline", "true")
            .stdin(Stdio::null());
        command
    }

    /// The same with ports of this run. One of those may look like a port of the pages: all are taken out before any is
    /// put in.
    fn adapted(&self, text: &str) -> String {
        let marks = ["\u{1}a", "\u{1}b", "\u{1}c", "\u{1}d"];
        let pairs = || self.ports.iter().zip(marks);
        let marked = pairs().fold(text.to_owned(), |text, ((named, _), mark)| {
            text.replace(named, mark)
        });
        pairs().fold(marked, |text, ((_, port), mark)| text.replace(mark, port))
    }

    fn logs(&self) -> String {
        let read = |(_, log): &(_, PathBuf)| fs::read_to_string(log).unwrap_or_default();
        self.running.iter().map(read).collect()
    }

    /// How long after the answer to a revocation the API still takes the token.
    async fn revocation_arrives(&self) -> Duration {
        let demo = self.demo();
        let clients = demo["clients"].as_array().expect("a list");
        let robot = clients.iter().find(|client| client["client_id"] == "tasks-robot");
        let secret = robot.expect("the robot")["client_secret"]
            .as_str()
            .expect("its secret");
        let issuer = format!("http://localhost:{}", self.port("8081"));
        let me = format!("http://127.0.0.1:{}/me", self.port("3000"));
        let ask = |path: &str, form: &[(&str, &str)]| {
            let request = http().post(format!("{issuer}{path}"));
            request.basic_auth("tasks-robot", Some(secret)).form(form).send()
        };
        let answer = ask("/token", &[("grant_type", "client_credentials")])
            .await
            .expect("a token");
        let answer: Value = answer.json().await.expect("JSON");
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        let status = async || {
            let answer = http()
                .get(&me)
                .bearer_auth(&token)
                .send()
                .await
                .expect("an answer");
            answer.status().as_u16()
        };
        assert_eq!(status().await, 200);
        let revoked = ask("/revoke", &[("token", token.as_str())])
            .await
            .expect("revoked");
        assert_eq!(revoked.status(), 200);
        let since = Instant::now();
        until("the API refuses it", async || status().await == 401).await;
        since.elapsed()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        for (child, _) in &mut self.running {
            let group = format!("-{}", child.id());
            let _ended = Command::new("kill").args(["-KILL", "--", &group]).status();
            let _reaped = child.wait();
        }
    }
}

/// The best of three: a machine that runs every test at once may be late, a receiver must be able not to be.
async fn within_a_second(follower: &Follower) {
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        fastest = fastest.min(follower.revocation_arrives().await);
    }
    println!("a revocation arrived after {} ms", fastest.as_millis());
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
}

#[tokio::test]
async fn a_reader_protects_an_api_of_node_and_revocations_arrive() {
    let mut follower = Follower::new();
    follower.follow(&page("node-api.md")).await;
    within_a_second(&follower).await;
}

#[tokio::test]
async fn a_reader_protects_an_api_of_python_and_revocations_arrive() {
    let mut follower = Follower::new();
    follower.follow(&page("python-api.md")).await;
    within_a_second(&follower).await;
}

/// The code of the page is that of the guard's example, which is compiled with every test. Building it a second time as
/// a stranger does takes minutes: with TEST_THOROUGH.
#[tokio::test]
async fn a_reader_protects_an_api_of_axum() {
    let page = page("axum-api.md");
    let example = root().join("resource-services/guard/examples/axum.rs");
    let example = fs::read_to_string(example).expect("the example");
    let (_, code) = example.split_once("#![expect").expect("the lint of an example");
    let (_, code) = code.split_once(")]\n\n").expect("its end");
    let main = Step::File("src/main.rs".to_owned(), code.to_owned());
    assert!(
        steps(&page).contains(&main),
        "the page has the code of the example"
    );
    if times(0, 1) == 1 {
        let mut follower = Follower::new();
        follower.follow(&page).await;
        within_a_second(&follower).await;
    }
}

#[tokio::test]
async fn a_reader_signs_in_from_a_command_line_tool() {
    let mut follower = Follower::new();
    follower.follow(&page("command-line.md")).await;
    let demo = follower.demo();
    let alice = password_of(&demo, "alice");
    let log = follower.running.last().expect("the tool").1.clone();
    let said = || fs::read_to_string(&log).expect("its log");
    let opened = said();
    let url = opened
        .lines()
        .find_map(|line| line.strip_prefix("Open "))
        .expect("an address");

    let browser = Browser::new();
    let back = "http://127.0.0.1:";
    let seen = walk(&browser, browser.open(url, back).await, alice, back).await;
    let to = seen.location().expect("the way back to the tool");
    let told = browser.get(to.as_str()).await;
    assert!(
        told.answer.text.contains("You are signed in"),
        "{}",
        told.answer.text
    );
    until("the tool says who it is", async || {
        said().contains("Signed in as ")
    })
    .await;
    assert!(said().contains("catalog.read"), "{}", said());
}

#[tokio::test]
async fn a_reader_signs_in_from_a_web_app_and_out_again() {
    let mut follower = Follower::new();
    follower.follow(&page("web-app.md")).await;
    let demo = follower.demo();
    let origin = format!("http://localhost:{}", follower.port("3000"));
    let browser = Browser::new();
    let home = async || browser.get(&format!("{origin}/")).await;
    assert!(home().await.answer.text.contains("Sign in"));
    let begun = browser.open(&format!("{origin}/login"), "").await;
    let seen = walk(&browser, begun, password_of(&demo, "alice"), "").await;
    assert!(
        seen.answer.text.contains("Hello, Alice Martin"),
        "{}",
        seen.answer.text
    );

    let forged = browser
        .post(&format!("{origin}/logout"), "http://localhost:1", &[])
        .await;
    assert_eq!(
        forged.answer.status, 403,
        "a form of another site signs nobody out"
    );
    assert!(home().await.answer.text.contains("Hello"));
    let left = browser.press(&seen, "#sign-out", &[]).await;
    assert_eq!(left.answer.status, 303);
    let issuer = left.location().expect("the issuer is told");
    assert!(issuer.path().ends_with("/logout"), "{issuer}");
    assert!(home().await.answer.text.contains("Sign in"));
    // A code that nobody here asked for signs nobody in.
    let stray = browser.get(&format!("{origin}/callback?code=x&state=y")).await;
    assert_eq!(
        stray.location().map(|to| to.path().to_owned()),
        Some("/login".to_owned())
    );
}

#[tokio::test]
async fn a_reader_signs_in_from_a_single_page_app() {
    let mut follower = Follower::new();
    follower.follow(&page("single-page-app.md")).await;
    let origin = format!("http://localhost:{}", follower.port("3000"));
    let browser = Chromium::start().await;
    browser.open(&origin).await;
    // The page fetches its modules and the issuer's metadata before the button does anything.
    let ready = "return document.querySelector('#begin')?.onclick !== null";
    until("the app has begun", async || browser.run(ready).await == true).await;
    browser.click("#begin").await;
    browser.see("#password").await;
    browser.write("#username", "alice").await;
    browser
        .write("#password", password_of(&follower.demo(), "alice"))
        .await;
    browser.click("button#sign-in").await;
    browser.click("#allow").await;
    until("the page greets her", async || {
        let text = "return document.querySelector('#who')?.textContent ?? ''";
        browser.run(text).await == "Hello, Alice Martin"
    })
    .await;
    assert_eq!(
        browser.url().await,
        format!("{origin}/"),
        "no code stays in the address"
    );
    let stored = browser
        .run("return JSON.stringify([{...localStorage}, {...sessionStorage}])")
        .await;
    assert_eq!(stored.as_str(), Some("[{},{}]"), "no token is stored");
    browser.stop().await;
}

fn password_of<'a>(demo: &'a Value, username: &str) -> &'a str {
    let people = demo["users"].as_array().expect("a list");
    let user = people.iter().find(|user| user["username"] == username);
    user.expect("a person of the demo")["password"]
        .as_str()
        .expect("a password")
}

/// Signs alice in and allows, wherever the issuer asks, until a page is none of the issuer's or a redirect leads to
/// `back`.
async fn walk(browser: &Browser, begun: Seen, password: &str, back: &str) -> Seen {
    let mut seen = begun;
    for (button, fields) in [
        ("#sign-in", vec![("username", "alice"), ("password", password)]),
        ("#allow", Vec::new()),
    ] {
        assert!(seen.has(button), "{button}: {}", seen.answer.text);
        let pressed = browser.press(&seen, button, &fields).await;
        seen = browser.follow(pressed, back).await;
    }
    seen
}

#[test]
fn every_quick_start_is_followed_or_says_that_it_is_not() {
    let this = include_str!("quickstarts.rs");
    for entry in fs::read_dir(root().join("docs/quickstart")).expect("the folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("text");
        let followed = this.contains(&format!("page(\"{name}\")"));
        assert!(followed || page(&name).contains("untested"), "{name}");
    }
}

#[test]
fn a_page_is_read_by_the_lines_before_its_blocks() {
    let text = "Write `a.txt`:\n\n```toml\nx = 1\n```\n\nStart; it is up when it prints `ready`:\n\n```sh\nrun\n```\n\n\
                Call; it answers `200` and then `401`:\n\n```sh\ncurl\ncurl\n```\n\n```sh\nls\n```\n";
    let run = |script: &str, answers: &[&str]| Step::Run {
        script: script.to_owned(),
        answers: answers.iter().map(|answer| (*answer).to_owned()).collect(),
    };
    assert_eq!(
        steps(text),
        [
            Step::File("a.txt".to_owned(), "x = 1\n".to_owned()),
            Step::Stay {
                script: "run\n".to_owned(),
                up: "ready".to_owned(),
            },
            run("curl\ncurl\n", &["200", "401"]),
            run("ls\n", &[]),
        ]
    );
}
