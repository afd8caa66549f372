//! The scaled shape: compose.yaml, the secrets of an installation, and `latchkey health`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use latchkey::config::{Config, Role};
use latchkey::services::SERVICES;
use latchkey_bus::{BusError, Cause, Draft, Outbox};
use latchkey_clock::{Clock, Random};
use latchkey_contracts::events::course;
use latchkey_db::{Db, Options};
use serde::Deserialize;

use crate::chromium_journeys::{Place, a_course_is_bought_learned_reviewed_and_given_back};
use crate::harness::{
    Answer, App, Browser, Process, Seen, Tokens, VERIFIER, client, free_port, times, until,
};

#[derive(Deserialize)]
struct Compose {
    services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    ports: Vec<String>,
}

impl Service {
    fn is_ours(&self) -> bool {
        self.image.contains("latchkey")
    }

    /// The roles that it plays.
    fn roles(&self) -> Vec<Role> {
        if self.command.first().is_none_or(|word| word != "serve") {
            return Vec::new();
        }
        let named = |word: &String| Role::all().into_iter().find(|role| role.name() == word);
        self.command.iter().skip(1).map_while(named).collect()
    }
}

fn compose() -> Compose {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose.yaml");
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The root of a container's files, as far as they are secrets of `secrets`.
fn root(folder: &Path, name: &str, service: &Service, secrets: &Path) -> std::path::PathBuf {
    let root = folder.join(name);
    fs::create_dir_all(root.join("run")).unwrap();
    for volume in &service.volumes {
        let mut parts = volume.split(':');
        let (source, target) = (parts.next().unwrap(), parts.next().unwrap());
        if let Some(source) = source.strip_prefix("./secrets/") {
            assert_eq!((target, parts.next()), ("/run/secrets", Some("ro")), "{name}");
            symlink(secrets.join(source), root.join("run/secrets")).unwrap();
        }
    }
    root
}

#[tokio::test]
async fn every_service_of_the_compose_file_has_a_valid_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, _) = Process::run(folder.path(), &["init", "secrets", "secrets"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let secrets = folder.path().join("secrets");
    let mut checked = 0;
    for (name, service) in compose().services {
        if !service.is_ours() {
            continue;
        }
        let root = root(folder.path(), &name, &service, &secrets);
        let environment: Vec<(String, String)> = service.environment.clone().into_iter().collect();
        let config = Config::serve_at(&root, service.roles(), None, &environment);
        let config = config.unwrap_or_else(|error| panic!("{name}: {error}"));
        config.check().unwrap_or_else(|error| panic!("{name}: {error}"));
        for key in service.environment.keys().filter(|key| key.ends_with("_FILE")) {
            let value = &service.environment[key];
            assert!(value.starts_with("/run/secrets/"), "{name}: {key}");
        }
        for path in [
            "LATCHKEY_TLS_CERTIFICATE",
            "LATCHKEY_TLS_KEY",
            "LATCHKEY_TLS_AUTHORITY",
        ] {
            if let Some(path) = service.environment.get(path) {
                let here = root.join(path.trim_start_matches('/'));
                assert!(here.exists(), "{name}: {path}");
            }
        }
        checked += 1;
    }
    assert!(checked > SERVICES.len() + 4, "{checked}");
}

#[test]
fn every_role_is_in_the_compose_file_and_identity_and_order_twice() {
    let compose = compose();
    let mut played: BTreeMap<Role, usize> = BTreeMap::new();
    for service in compose.services.values() {
        for role in service.roles() {
            *played.entry(role).or_default() += 1;
        }
    }
    for role in Role::all().into_iter().filter(|role| *role != Role::Admin) {
        let wanted = match role {
            Role::Identity | Role::Service("order") => 2,
            Role::Service(_) | Role::Storefront | Role::Gateway | Role::Admin => 1,
        };
        assert_eq!(played.get(&role), Some(&wanted), "{}", role.name());
    }
    let gateway = &compose.services["gateway"].environment;
    for spec in SERVICES {
        let key = format!("LATCHKEY_{}_URL", spec.name().to_uppercase());
        assert!(gateway.contains_key(&key), "the edge serves {}", spec.name());
    }
}

#[test]
fn only_the_edge_and_the_issuer_are_published_and_nothing_has_a_password() {
    let compose = compose();
    let published: BTreeSet<&str> = compose
        .services
        .iter()
        .filter(|(_, service)| !service.ports.is_empty())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(published, BTreeSet::from(["gateway", "identity-1", "identity-2"]));
    for (name, service) in &compose.services {
        for (key, value) in &service.environment {
            let secret = ["PASSWORD", "SECRET", "_KEY"]
                .iter()
                .any(|word| key.contains(word));
            let by_file = key.ends_with("_FILE") || key == "LATCHKEY_TLS_KEY";
            assert!(!secret || by_file, "{name}: {key}");
            let url = value.split_once("://").map_or("", |(_, rest)| rest);
            let user = url.split_once('@').map_or("", |(user, _)| user);
            assert!(!user.contains(':'), "{name}: {key} has a password");
        }
    }
}

/// Nothing of an answer, right or wrong, is a secret.
#[tokio::test]
async fn secrets_are_made_once_and_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, said) = Process::run(folder.path(), &["init", "secrets", "made"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(said.contains("made/order: bus ca.pem client database"), "{said}");
    let made = folder.path().join("made");
    let mut secrets = 0;
    for within in fs::read_dir(&made).unwrap() {
        let within = within.unwrap().path();
        if !within.is_dir() {
            continue;
        }
        for file in fs::read_dir(within).unwrap() {
            let file = file.unwrap().path();
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            let text = fs::read_to_string(&file).unwrap();
            assert!(!said.contains(text.trim()) && !ended.stderr.contains(text.trim()));
            secrets += 1;
        }
    }
    assert!(secrets > 50, "{secrets}");
    let before = fs::read_to_string(made.join("order/database")).unwrap();
    let (again, _) = Process::run(folder.path(), &["init", "secrets", "made"]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("is not empty"), "{again:?}");
    assert_eq!(fs::read_to_string(made.join("order/database")).unwrap(), before);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing half-done stays"
    );
}

/// The health of a process with this configuration.
async fn health(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (ended, said) = Process::run(
        folder,
        &[&["health", "--config", "serve.toml"], arguments].concat(),
    )
    .await;
    (ended.code, said + &ended.stderr)
}

#[tokio::test]
async fn health_says_of_each_role_whether_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let (identity, catalog, gateway) = (free_port(), free_port(), free_port());
    let text = format!(
        "issuer = \"http://localhost:{identity}\"\nlog = \"off\"\n[identity]\nlisten = \"localhost:{identity}\"\n\
         [catalog]\nlisten = \"127.0.0.1:{catalog}\"\n[gateway]\nlisten = \"localhost:{gateway}\"\n"
    );
    fs::write(folder.path().join("serve.toml"), text).unwrap();
    let (code, said) = health(folder.path(), &[]).await;
    assert_eq!(code, Some(1), "{said}");
    for role in ["identity", "catalog", "gateway"] {
        assert!(
            said.contains(&format!("{role} is not ready: it cannot be reached at")),
            "{said}"
        );
    }
    let serve = [
        "serve",
        "identity",
        "catalog",
        "gateway",
        "--config",
        "serve.toml",
    ];
    let process = Process::start(
        Process::command(folder.path(), &serve),
        folder.path().join("data"),
    )
    .await;
    let (code, said) = health(folder.path(), &[]).await;
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "identity is ready\ncatalog is ready\ngateway is ready\n")
    );
    let (code, said) = health(folder.path(), &["catalog", "--json"]).await;
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "[{\"role\":\"catalog\",\"ready\":true}]\n")
    );
    let (code, said) = health(folder.path(), &["catalog", "order"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("catalog is ready\norder is not ready: its port is not configured"),
        "{said}"
    );
    process.kill().await;
}

/// Whoever took the port accepts and says nothing.
#[tokio::test]
async fn health_does_not_wait_for_a_listener_that_never_answers() {
    let folder = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = format!("log = \"off\"\n[catalog]\nlisten = \"127.0.0.1:{port}\"\n");
    fs::write(folder.path().join("serve.toml"), text).unwrap();
    let (code, said) = health(folder.path(), &["--timeout", "1"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("catalog is not ready: no answer in 1 s"), "{said}");
}

/// A certificate of somebody else on the port is no health.
#[tokio::test]
async fn health_believes_the_configured_authority_alone() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        let (ended, _) = Process::run(folder.path(), &["init", "secrets", name]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let port = free_port();
    let config = |authority: &str| {
        format!(
            "issuer = \"https://id.localhost:{port}\"\nlog = \"off\"\ntls_certificate = \"one/identity/tls.pem\"\n\
             tls_key = \"one/identity/tls.key\"\ntls_authority = \"{authority}/ca.pem\"\n\
             [identity]\nlisten = \"0.0.0.0:{port}\"\nurl = \"https://identity:{port}\"\n"
        )
    };
    fs::write(folder.path().join("serve.toml"), config("one")).unwrap();
    let serve = ["serve", "identity", "--config", "serve.toml"];
    let process = Process::start(
        Process::command(folder.path(), &serve),
        folder.path().join("data"),
    )
    .await;
    assert_eq!(
        health(folder.path(), &[]).await,
        (Some(0), "identity is ready\n".to_owned())
    );
    fs::write(folder.path().join("serve.toml"), config("two")).unwrap();
    let (code, said) = health(folder.path(), &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("identity is not ready"), "{said}");
    process.kill().await;
    let (key, exposed) = (
        folder.path().join("one/identity/tls.key"),
        fs::Permissions::from_mode(0o644),
    );
    fs::set_permissions(&key, exposed).unwrap();
    let (ended, _) = Process::run(folder.path(), &serve).await;
    assert!(
        ended.code != Some(0) && ended.stderr.contains("other users can read it"),
        "{ended:?}"
    );
}

/// The topology, until it is stopped.
struct Topology {
    child: tokio::process::Child,
    said: String,
    later: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Topology {
    /// Starts every service of compose.yaml; the issuer knows what `seed` declares.
    async fn start(seed: &Path) -> Self {
        use tokio::io::{AsyncBufReadExt, BufReader};
        let mut command = tokio::process::Command::new(env!("CARGO"));
        command
            .args(["run", "--quiet", "--package", "xtask", "--", "topology"])
            .args(["--commands", "--binary", env!("CARGO_BIN_EXE_latchkey"), "--seed"])
            .arg(seed)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("xtask starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut said = String::new();
        let begun = std::time::Instant::now();
        while let Some(line) = lines.next_line().await.expect("its output") {
            said += &line;
            said += "\n";
            if line == "ready" {
                println!("{said}ready after {:.1} s", begun.elapsed().as_secs_f64());
                // A full pipe would stop it.
                let (sender, later) = tokio::sync::mpsc::unbounded_channel();
                tokio::spawn(async move {
                    while let Ok(Some(line)) = lines.next_line().await {
                        let _nobody_asks = sender.send(line);
                    }
                });
                return Self { child, said, later };
            }
        }
        panic!("the topology did not become healthy:\n{said}");
    }

    /// What it says of an address.
    fn address(&self, what: &str) -> &str {
        let lines = self.said.lines();
        let found = lines
            .filter_map(|line| line.split_once(' '))
            .find(|(word, _)| *word == what);
        found.unwrap_or_else(|| panic!("no {what}: {}", self.said)).1
    }

    /// Does something to one of its processes, and waits until that is done.
    async fn command(&mut self, line: &str, done: &str) {
        use tokio::io::AsyncWriteExt;
        let commands = self.child.stdin.as_mut().expect("its input");
        commands.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        loop {
            let said = self.later.recv().await;
            let said = said.unwrap_or_else(|| panic!("{line}: it has ended"));
            if said.starts_with(done) {
                return;
            }
        }
    }

    /// Interrupts it, as Ctrl-C does.
    async fn stop(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = tokio::process::Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .await;
        assert!(sent.unwrap().success());
        let status = self.child.wait().await.unwrap();
        assert!(status.success(), "{status}");
    }
}

/// Opens a page of the shop, signed in by this password.
async fn open(browser: &Browser, url: &str, who: &str, password: &str) -> Seen {
    let mut seen = browser.open(url, "").await;
    for _ in 0..4 {
        let pressed = if seen.has("#password") {
            let fields = [("username", who), ("password", password)];
            browser.press(&seen, "#sign-in", &fields).await
        } else if seen.has("#allow") {
            browser.press(&seen, "#allow", &[]).await
        } else {
            return seen;
        };
        seen = browser.follow(pressed, "").await;
    }
    seen
}

/// A category, made by an administrator with a token of the issuer: a new shop has none.
async fn make_category(topology: &Topology, trusting: &reqwest::Client) {
    let app = App {
        issuer: topology.address("issuer").to_owned(),
        client_id: "test".to_owned(),
        secret: Some(SECRET.to_owned()),
        redirect_uri: CALLBACK.to_owned(),
        scope: "openid catalog.admin".to_owned(),
    };
    let resource = ("resource", "urn:latchkey:catalog");
    let browser = Browser::trusting(trusting.clone());
    let back = app.walk(&browser, ("ada", PASSWORD), &[resource]).await;
    let code = back.code.as_deref().unwrap_or_else(|| panic!("{back:?}"));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        resource,
    ];
    let redeem = trusting.post(format!("{}/token", app.issuer)).form(&form);
    let redeemed = Answer::of(redeem.basic_auth("test", Some(SECRET))).await;
    assert_eq!(redeemed.status, 200, "{redeemed:?}");
    let make = trusting
        .post(format!(
            "{}/api/catalog/v1/categories",
            topology.address("origin")
        ))
        .bearer_auth(Tokens::of(&redeemed).access)
        .header("idempotency-key", "0190a0a0-0000-4000-8000-000000000001")
        .json(&serde_json::json!({ "name": "Crafts" }));
    let made = Answer::of(make).await;
    assert_eq!(made.status, 201, "{made:?}");
}

/// Declares everything at the broker again, as this user who trusts this authority; what is said of it.
async fn declare(topology: &Topology, user: &str, authority: &Path) -> (bool, String) {
    let secrets = Path::new(topology.address("ca")).parent().unwrap();
    let broker = topology
        .said
        .lines()
        .find_map(|line| line.split_once("rabbitmq:5671 is "));
    let url = format!(
        "amqps://{user}@{}/latchkey?cacertfile={}",
        broker.expect("the broker's address").1,
        authority.display()
    );
    let output = Process::command(secrets, &["bus", "declare", "--config", "/dev/null"])
        .env("LATCHKEY_BUS", url)
        .env("LATCHKEY_BUS_PASSWORD_FILE", secrets.join(user).join("bus"))
        .output()
        .await
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// The service of dead letters reads and redelivers them with the rights that it has, and no others.
async fn dead_letters_reach_nobody_but_their_service(ada: &Browser, topology: &Topology) {
    let shop = topology.address("origin");
    let page = format!("{shop}/admin/dead-letters");
    let none = open(ada, &page, "ada", PASSWORD).await;
    assert!(
        none.has(".empty") && !none.has("#letters"),
        "{}",
        none.answer.text
    );
    poison(topology).await;
    until("the event was put aside", async || {
        ada.open(&page, "").await.has("#letters")
    })
    .await;
    let list = ada.open(&page, "").await;
    let again = ada.press(&list, "#redrive-all", &[]).await;
    assert_eq!(again.answer.status, 303, "{}", again.answer.text);
    until("all were delivered again", async || {
        let record = ada.open(&format!("{page}/record"), "").await;
        record.text("#interventions .badge") == "Done"
    })
    .await;
    until("they are discarded, one after the other", async || {
        let list = ada.open(&page, "").await;
        let document = scraper::Html::parse_document(&list.answer.text);
        let letters = scraper::Selector::parse("#letters a").expect("a selector");
        let first = document.select(&letters).next();
        let Some(path) = first
            .and_then(|link| link.value().attr("href"))
            .map(str::to_owned)
        else {
            return list.has(".empty");
        };
        let letter = ada.open(&format!("{shop}{path}"), "").await;
        if letter.has("#discard") {
            ada.press(&letter, "#discard", &[("reason", "Nothing can read it")])
                .await;
        }
        false
    })
    .await;
}

/// An event of the catalog that nobody can read.
async fn poison(topology: &Topology) {
    let secrets = Path::new(topology.address("ca")).parent().expect("the secrets");
    let server = topology
        .said
        .lines()
        .find_map(|line| line.split_once("postgres:5432 is "))
        .expect("the server's address")
        .1;
    let password = fs::read_to_string(secrets.join("catalog/database")).expect("a password");
    let url = format!(
        "postgres://catalog:{}@{server}/catalog?sslmode=verify-full&sslrootcert={}",
        password.trim(),
        topology.address("ca")
    );
    let db = Db::open(&url, Options::new(&[])).await.expect("the database");
    let outbox = Outbox::new("catalog", Clock::system(), Random::system());
    let draft = Draft {
        r#type: course::PUBLISHED.to_owned(),
        subject: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        sequence: 1,
        data: serde_json::json!({ "course_id": 7 }),
        cause: Cause::default(),
    };
    let put = db.write(async move |tx| {
        let put = outbox.put(&tx, draft).await;
        tx.announce();
        put.map(drop)
    });
    put.await.unwrap_or_else(|error: BusError| panic!("{error}"));
    db.close().await;
}

/// Each service has a user of its own at the broker, which may do less than the one that declares.
async fn the_broker_keeps_users_apart(topology: &Topology, folder: &Path) {
    let authority = Path::new(topology.address("ca"));
    let (done, said) = declare(topology, "declare", authority).await;
    assert!(done, "{said}");
    let (done, said) = declare(topology, "order", authority).await;
    assert!(!done && said.contains("ACCESS_REFUSED"), "{said}");
    let (ended, _) = Process::run(folder, &["init", "secrets", "other"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (done, said) = declare(topology, "declare", &folder.join("other/ca.pem")).await;
    assert!(!done && said.contains("invalid peer certificate"), "{said}");
}

/// People and a client, beside those of the installation.
fn people() -> String {
    let person = |name: &str, roles: &str| {
        let mail = format!("{name}@example.test");
        format!(
            "[[users]]\nusername = \"{name}\"\nemail = \"{mail}\"\npassword = \"{PASSWORD}\"\nroles = [{roles}]\n"
        )
    };
    let client = format!(
        "[[clients]]\nclient_id = \"test\"\nclient_secret = \"{SECRET}\"\n\
         grant_types = [\"authorization_code\"]\nredirect_uris = [\"{CALLBACK}\"]\n\
         scope = \"openid catalog.admin\"\nresources = [\"urn:latchkey:catalog\"]\n"
    );
    let people = [
        person("ada", "\"admin\""),
        person("ines", "\"instructor\""),
        person("alice", ""),
        person("bo", ""),
    ];
    people.concat() + &client
}

const PASSWORD: &str = "a-password-of-this-test-alone";
const SECRET: &str = "a-secret-of-this-test-that-is-long-enough";
const CALLBACK: &str = "https://app.example.test/callback";

/// Every address between containers is in use here: databases, broker, feed, token exchange, pages and the saga.
#[tokio::test]
async fn the_services_of_the_compose_file_sell_a_course_as_processes() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("people.toml");
    fs::write(&seed, people()).unwrap();
    let mut topology = Topology::start(&seed).await;
    for what in [
        "order-2: healthy after",
        "declare: completed after",
        "gateway: order:8443 is 127.0.0.1:",
    ] {
        assert!(topology.said.contains(what), "{what}: {}", topology.said);
    }
    let authority = fs::read(topology.address("ca")).unwrap();
    let authority = reqwest::Certificate::from_pem(&authority).unwrap();
    let trusting = client(reqwest::Client::builder().tls_certs_only([authority]));
    let shop = topology.address("origin").to_owned();

    the_broker_keeps_users_apart(&topology, folder.path()).await;
    make_category(&topology, &trusting).await;

    let ines = Browser::trusting(trusting.clone());
    open(&ines, &format!("{shop}/signin?return=/teach"), "ines", PASSWORD).await;
    let blank = ines.open(&format!("{shop}/teach/new"), "").await;
    let options = scraper::Html::parse_document(&blank.answer.text);
    let select = scraper::Selector::parse("#category option:not([value=''])").unwrap();
    let category = options.select(&select).next().expect("a category");
    let fields = [
        ("title", "Bookbinding by Hand"),
        ("subtitle", "From folded sheets to a book"),
        ("category", category.value().attr("value").unwrap()),
        (
            "description",
            "A quiet craft: how sheets become sections, sections become a block, and a block becomes a book that opens flat.",
        ),
        ("price", "49,50"),
        ("s0", "First folds"),
        ("s0l0-title", "Paper and grain"),
        ("s0l0-minutes", "12"),
    ];
    let written = ines.press(&blank, "#save", &fields).await;
    let draft = ines.follow(written, "").await;
    let published = ines.press(&draft, "#publish", &[]).await;
    let published = ines.follow(published, "").await;
    assert_eq!(
        published.text("#status"),
        "Published",
        "{}",
        published.answer.text
    );

    let trusted = trusting.clone();
    let alice = Browser::trusting(trusting);
    until("the shop sells it", async || {
        let course = alice
            .open(&format!("{shop}/courses/bookbinding-by-hand"), "")
            .await;
        course.has("#add")
    })
    .await;
    let course = alice
        .open(&format!("{shop}/courses/bookbinding-by-hand"), "")
        .await;
    until("it is in the basket", async || {
        let added = alice.press(&course, "#add", &[]).await;
        alice.follow(added, "").await.has("#checkout")
    })
    .await;
    let checkout = open(&alice, &format!("{shop}/checkout"), "alice", PASSWORD).await;
    let card = [
        ("name", "Alice Example"),
        ("street", "1 Road"),
        ("postal_code", "1010"),
        ("city", "Vienna"),
        ("card", "new"),
        ("card_number", "4242424242424242"),
        ("card_month", "4"),
        ("card_year", "2029"),
        ("card_cvc", "123"),
        ("terms", "yes"),
    ];
    let bought = alice.press(&checkout, "#buy", &card).await;
    assert_eq!(bought.answer.status, 303, "{}", bought.answer.text);
    until("the course is hers", async || {
        let library = alice.open(&format!("{shop}/library"), "").await;
        library.answer.text.contains("Bookbinding by Hand")
    })
    .await;
    topology
        .command("kill billing", "billing: killed and started again")
        .await;
    topology.command("restart rabbitmq", "rabbitmq: back after").await;
    let order = bought.location().unwrap().path().replace("/status", "");
    until("her invoice is there all the same", async || {
        let invoice = alice.open(&format!("{shop}{order}/invoice"), "").await;
        invoice.answer.text.contains("INV-")
    })
    .await;
    let ada = Browser::trusting(trusted);
    dead_letters_reach_nobody_but_their_service(&ada, &topology).await;
    // In a real browser the same is a story of its own, which tells it all on one host already.
    if times(0, 1) > 0 {
        let blank = open(&ada, &format!("{shop}/admin/coupons/new"), "ada", PASSWORD).await;
        let terms = [
            ("code", "SCALED"),
            ("kind", "percent"),
            ("worth", "10"),
            ("scope", "all"),
        ];
        let made = ada.press(&blank, "#create-coupon", &terms).await;
        assert_eq!(made.answer.status, 303, "{}", made.answer.text);
        let person = |name: &str| (name.to_owned(), PASSWORD.to_owned());
        let place = Place {
            shop,
            buyer: person("bo"),
            administrator: person("ada"),
            private_authority: true,
            pictured: false,
        };
        a_course_is_bought_learned_reviewed_and_given_back(&place, "bookbinding-by-hand", "SCALED").await;
    }
    topology.stop().await;
}
