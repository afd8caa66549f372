//! The running contract that outside tools rely on: `latchkey up`, `demo.json`, seeds, TLS, restart, Ctrl-C.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Answer, Browser, Machine, Process, anonymous, call, client, http, until};

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn machine(demo: &Value, id: &str) -> Machine {
    let clients = demo["clients"].as_array().expect("clients");
    let client = clients
        .iter()
        .find(|client| client["client_id"] == id)
        .expect("the client");
    Machine {
        issuer: text(&demo["issuer"]),
        client_id: id.to_owned(),
        secret: text(&client["client_secret"]),
    }
}

#[tokio::test]
async fn demo_json_is_complete_and_a_second_start_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = Process::up(folder.path(), &[]).await;
    let demo = first.demo();
    let mode = std::fs::metadata(first.data.join("demo.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    for url in ["issuer", "shop", "api", "admin"] {
        assert!(
            text(&demo[url]).starts_with("http://localhost:") && !text(&demo[url]).ends_with('/'),
            "{url}"
        );
    }
    assert_eq!(text(&demo["api"]), format!("{}/api", text(&demo["shop"])));
    assert!(text(&demo["services"]["catalog"]).starts_with("http://127.0.0.1:"));
    let users = demo["users"].as_array().unwrap();
    for role in ["instructor", "admin"] {
        assert!(
            users
                .iter()
                .any(|user| user["roles"].as_array().unwrap().iter().any(|r| r == role)),
            "{role}"
        );
    }
    assert!(users.iter().all(|user| text(&user["password"]).len() >= 16));
    assert!(
        users
            .iter()
            .any(|user| user["roles"].as_array().unwrap().is_empty()),
        "a student"
    );
    let clients = demo["clients"].as_array().unwrap();
    let kinds = |method: &str, grant: &str| {
        clients.iter().any(|client| {
            client["token_endpoint_auth_method"] == method
                && client["grant_types"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|g| g == grant)
        })
    };
    assert!(
        kinds("client_secret_basic", "authorization_code"),
        "a confidential web client"
    );
    let public: Vec<&serde_json::Value> = clients
        .iter()
        .filter(|client| client["token_endpoint_auth_method"] == "none")
        .collect();
    let redirects = |client: &serde_json::Value| text(&client["redirect_uris"][0]);
    assert!(
        public
            .iter()
            .any(|client| redirects(client).starts_with("http://127.0.0.1")),
        "a native client with a loopback redirect"
    );
    assert!(
        public
            .iter()
            .any(|client| !redirects(client).starts_with("http://127.0.0.1")),
        "a browser client with one of its own"
    );
    assert!(
        clients.iter().any(|client| {
            let resources = client["may_introspect"].as_array();
            resources.is_some_and(|all| !all.is_empty())
        }) || clients
            .iter()
            .any(|client| client["client_id"] == "demo-resource-server"),
        "a resource server"
    );
    assert!(kinds("client_secret_basic", "client_credentials"), "a machine");

    let token = machine(&demo, "demo-machine").token().await;
    let whoami = format!("{}/catalog/v1/whoami", text(&demo["api"]));
    assert_eq!(call(&token, &whoami).await.status, 200);
    let direct = format!("{}/catalog/v1/whoami", text(&demo["services"]["catalog"]));
    assert_eq!(call(&token, &direct).await.status, 200);
    let shelf = anonymous(&format!("{}/catalog/v1/courses?limit=100", text(&demo["api"])))
        .await
        .json();
    let courses = shelf["items"].as_array().unwrap().len();
    assert!(courses >= 24, "{courses} demo courses");
    let categories = anonymous(&format!("{}/catalog/v1/categories", text(&demo["api"])))
        .await
        .json();
    assert!(categories["items"].as_array().unwrap().len() >= 6, "{categories}");
    let home = anonymous(&text(&demo["shop"])).await;
    assert_eq!(
        (home.status, home.header("content-type")),
        (200, "text/html; charset=utf-8"),
        "{home:?}"
    );
    assert!(home.text.contains("/courses/"), "the shop shows courses");
    for unbuilt in ["/console", "/outbox"] {
        assert_eq!(
            anonymous(&format!("{}{unbuilt}", text(&demo["shop"])))
                .await
                .status,
            404,
            "{unbuilt}"
        );
    }
    for unbuilt in ["/", "/console"] {
        assert_eq!(
            anonymous(&format!("{}{unbuilt}", text(&demo["admin"])))
                .await
                .status,
            404,
            "{unbuilt}"
        );
    }
    let metrics = anonymous(&format!("{}/metrics", text(&demo["admin"]))).await.text;
    assert!(
        metrics.contains("http_server_request_duration_seconds_count"),
        "{metrics}"
    );
    let events = anonymous(&format!("{}/asyncapi.json", text(&demo["admin"])))
        .await
        .json();
    assert_eq!(events["asyncapi"], "3.0.0");
    assert!(
        events["channels"]["order.order.completed.v1"].is_object(),
        "{events}"
    );
    for service in demo["services"].as_object().unwrap().values() {
        assert_eq!(anonymous(&format!("{}/readyz", text(service))).await.status, 200);
        assert_eq!(
            anonymous(&format!("{}/metrics", text(service))).await.status,
            404,
            "metrics are for admins"
        );
    }

    let health = anonymous(&format!("{}/health", text(&demo["admin"])))
        .await
        .json();
    assert_eq!(health["catalog"]["feed"]["state"], "live", "{health}");
    // Whatever `localhost` means to a caller.
    for url in ["issuer", "shop", "admin"] {
        let six = text(&demo[url]).replace("localhost", "[::1]");
        let status = anonymous(&format!("{six}/")).await.status;
        assert!([200, 303, 404].contains(&status), "{six}: {status}");
    }

    let data = first.data.clone();
    let ended = first.interrupt().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        !data.join("demo.json").exists(),
        "demo.json is there only while the demo runs"
    );

    let second = Process::up(folder.path(), &[]).await;
    let again = second.demo();
    assert_eq!(again["users"], demo["users"]);
    assert_eq!(again["clients"], demo["clients"]);
    let shelf = anonymous(&format!("{}/catalog/v1/courses?limit=100", text(&again["api"])))
        .await
        .json();
    assert_eq!(shelf["items"].as_array().unwrap().len(), courses);
    // What a killed one left must not send anybody to where nobody is.
    second.kill().await;
    assert!(data.join("demo.json").exists());
    let broken = folder.path().join("broken.toml");
    let seed = "[[clients]]\nclient_id = \"x\"\ngrant_types = [\"client_credentials\"]\nresources = [\"urn:nothing\"]";
    std::fs::write(&broken, seed).unwrap();
    let (data_path, broken) = (data.display().to_string(), broken.display().to_string());
    let ports = ["--port", "0", "--identity-port", "0", "--admin-port", "0"];
    let arguments = [&["--data", &data_path, "--seed", &broken][..], &ports].concat();
    let (ended, _) = Process::run(folder.path(), &arguments).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(!data.join("demo.json").exists(), "a stale demo.json is gone");
}

#[tokio::test]
async fn up_takes_an_issuer_warns_of_an_open_seed_and_drains() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.toml");
    std::fs::write(
        &seed,
        "[[resources]]\nidentifier = \"https://api.example.test\"\nscopes = [\"api:read\"]\n",
    )
    .unwrap();
    std::fs::set_permissions(&seed, std::fs::Permissions::from_mode(0o644)).unwrap();
    let path = seed.display().to_string();
    let issuer = "https://id.example.test";
    let process = Process::up(folder.path(), &["--issuer", issuer, "--seed", &path]).await;
    let demo = process.demo();
    assert_eq!(text(&demo["issuer"]), issuer);
    let here = text(&demo["services"]["identity"]);
    let port = here.rsplit_once(':').unwrap().1;
    let document = anonymous(&format!("{here}/.well-known/openid-configuration"))
        .await
        .json();
    assert_eq!(text(&document["token_endpoint"]), format!("{issuer}/token"));

    // A request whose body is still on its way when Ctrl-C comes.
    let machine = machine(&demo, "demo-machine");
    let mut stream = tokio::net::TcpStream::connect(format!("127.0.0.1:{port}"))
        .await
        .unwrap();
    use base64::Engine;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("demo-machine:{}", machine.secret));
    let (head, tail) = ("grant_type=client", "_credentials");
    let request = format!(
        "POST /token HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Basic {basic}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        head.len() + tail.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    // The server reads the body: it says so.
    let mut said = vec![0; 25];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&said), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let ending = tokio::spawn(process.interrupt());
    until("nobody new is taken", async || {
        tokio::net::TcpStream::connect(format!("127.0.0.1:{port}"))
            .await
            .is_err()
    })
    .await;
    stream.write_all(tail.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains("access_token"),
        "{answer}"
    );
    let ended = ending.await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("seed.toml"),
        "a seed that others can read is told: {}",
        ended.stderr
    );
}

#[tokio::test]
async fn a_seed_adds_what_it_declares_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.toml");
    std::fs::write(
        &seed,
        r#"
        [[resources]]
        identifier = "https://api.example.test"
        scopes = ["api:read"]
        [[clients]]
        client_id = "m2m"
        client_secret = "a-secret-that-the-seed-declares"
        token_endpoint_auth_method = "client_secret_post"
        grant_types = ["client_credentials", "urn:example:later"]
        scope = "api:read"
        resources = ["https://api.example.test"]
        [[clients]]
        client_id = "made"
        grant_types = ["client_credentials"]
        scope = "api:read"
        resources = ["https://api.example.test"]
        [[users]]
        username = "carol"
        email = "carol@example.test"
        email_verified = true
        password = "short"
        given_name = "Carol"
        [users.address]
        locality = "Lyon"
        "#,
    )
    .unwrap();
    let path = seed.display().to_string();
    let process = Process::up(folder.path(), &["--seed", &path]).await;
    let demo = process.demo();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "m2m"),
        ("client_secret", "a-secret-that-the-seed-declares"),
    ];
    let answer = Answer::of(
        http()
            .post(format!("{}/token", text(&demo["issuer"])))
            .form(&form),
    )
    .await;
    assert_eq!(
        (answer.status, answer.json()["scope"].as_str()),
        (200, Some("api:read")),
        "{answer:?}"
    );
    assert!(
        !machine(&demo, "made").secret.is_empty(),
        "a secret is made and told"
    );
    assert_eq!(machine(&demo, "made").ask(&[]).await.status, 200);
    assert!(
        demo["users"]
            .as_array()
            .unwrap()
            .iter()
            .any(|user| user["username"] == "carol")
    );
    let ended = process.interrupt().await;
    assert!(
        ended.stderr.contains("urn:example:later"),
        "a grant that is not built is kept with a warning"
    );

    for broken in [
        "nonsense = 1",
        "[[clients]]\nclient_id = \"x\"\nredirect_urs = []",
        "[[clients]]\nclient_id = \"x\"\nredirect_uris = [\"javascript:alert(1)\"]",
        "[[clients]]\nclient_id = \"x\"\ngrant_types = [\"client_credentials\"]\nresources = [\"urn:nothing\"]",
        "[[resources]]\nidentifier = \"https://evil.test\"\naliases = [\"urn:latchkey:catalog\"]",
        "[[resources]]\nidentifier = \"https://x.test\"\n[[resources]]\nidentifier = \"https://y.test\"\naliases = [\"https://x.test\"]",
        "[[users]]\nusername = \"x\"\nemail = \"x@example.test\"\niss = \"evil\"",
    ] {
        std::fs::write(&seed, format!("[[clients]]\nclient_id = \"newcomer\"\n{broken}")).unwrap();
        let data = folder.path().join("data").display().to_string();
        let arguments = [
            "--data",
            &data,
            "--port",
            "0",
            "--identity-port",
            "0",
            "--admin-port",
            "0",
            "--seed",
            &path,
        ];
        let (ended, _) = Process::run(folder.path(), &arguments).await;
        assert_eq!(ended.code, Some(2), "{broken}: {ended:?}");
        let (_, listed) = Process::run(folder.path(), &["client", "list", "--json", "--data", &data]).await;
        assert!(
            !listed.contains("newcomer"),
            "{broken} left something behind: {listed}"
        );
    }
}

#[tokio::test]
async fn tls_serves_the_same_over_https_with_a_local_authority() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &["--tls"]).await;
    let demo = process.demo();
    assert!(text(&demo["issuer"]).starts_with("https://localhost:"));
    let authority = std::fs::read(text(&demo["ca_file"])).unwrap();
    let authority = reqwest::Certificate::from_pem(&authority).unwrap();
    let trusting = client(reqwest::Client::builder().tls_certs_only([authority]));
    let discovery = format!("{}/.well-known/openid-configuration", text(&demo["issuer"]));
    let document = Answer::of(trusting.get(&discovery)).await.json();
    assert_eq!(document["issuer"], demo["issuer"]);
    let machine = machine(&demo, "demo-machine");
    let asked = trusting
        .post(text(&document["token_endpoint"]))
        .basic_auth(&machine.client_id, Some(&machine.secret));
    let token = Answer::of(asked.form(&[("grant_type", "client_credentials")]))
        .await
        .json();
    let whoami = format!("{}/catalog/v1/whoami", text(&demo["api"]));
    let seen = Answer::of(trusting.get(whoami).bearer_auth(text(&token["access_token"]))).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let stranger = client(reqwest::Client::builder()).get(&discovery).send().await;
    assert!(stranger.is_err(), "nobody else trusts the local authority");
    process.kill().await;
}

/// BF-02, BF-11.
#[tokio::test]
async fn https_cookies_are_out_of_reach_of_other_hosts_and_plain_pages() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &["--tls"]).await;
    let demo = process.demo();
    let authority = std::fs::read(text(&demo["ca_file"])).unwrap();
    let authority = reqwest::Certificate::from_pem(&authority).unwrap();
    let trusting = client(reqwest::Client::builder().tls_certs_only([authority]));
    let browser = Browser::trusting(trusting);
    let shop = text(&demo["shop"]);
    let users = demo["users"].as_array().unwrap();
    let ines = users.iter().find(|user| user["username"] == "ines").unwrap();
    let password = text(&ines["password"]);

    let mut all: Vec<Answer> = Vec::new();
    let mut seen = browser.get(&format!("{shop}/signin?return=/teach")).await;
    for _ in 0..20 {
        all.push(seen.answer.clone());
        seen = if let Some(to) = seen.location() {
            browser.get(to.as_str()).await
        } else if seen.has("#sign-in") {
            let fields = [("username", "ines"), ("password", password.as_str())];
            browser.press(&seen, "#sign-in", &fields).await
        } else if seen.has("#allow") {
            browser.press(&seen, "#allow", &[]).await
        } else {
            break;
        };
    }
    assert_eq!((seen.answer.status, seen.url.path()), (200, "/teach"), "{seen:?}");
    assert!(seen.has(".menu"));

    let mut names = std::collections::BTreeSet::new();
    for answer in &all {
        let address = answer.header("location");
        assert!(
            address.is_empty() || address.starts_with('/') || address.starts_with("https://"),
            "{address}"
        );
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, _) = cookie.split_once('=').unwrap();
            let attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
            for must in ["Secure", "HttpOnly", "Path=/"] {
                assert!(attributes.contains(&must), "{name}: {attributes:?}");
            }
            assert!(
                attributes
                    .iter()
                    .any(|a| ["SameSite=Lax", "SameSite=Strict"].contains(a)),
                "{name}: {attributes:?}"
            );
            assert!(!attributes.iter().any(|a| a.starts_with("Domain")), "{name}");
            names.insert(name.to_owned());
        }
    }
    for kind in ["session", "browser", "device", "shop", "sign-in"] {
        assert!(
            names
                .iter()
                .any(|name| name.starts_with("__Host-") && name.contains(kind)),
            "no {kind} in {names:?}"
        );
    }
    assert!(names.iter().all(|name| name.starts_with("__Host-")), "{names:?}");
    process.kill().await;
}

#[tokio::test]
async fn two_instances_live_side_by_side_and_a_taken_port_is_told() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Process::up(one.path(), &[]).await;
    let second = Process::up(two.path(), &[]).await;
    let (a, b) = (first.demo(), second.demo());
    assert_ne!(
        machine(&a, "demo-machine").secret,
        machine(&b, "demo-machine").secret
    );
    let foreign = machine(&a, "demo-machine").token().await;
    let whoami = format!("{}/catalog/v1/whoami", text(&b["api"]));
    assert_eq!(
        call(&foreign, &whoami).await.status,
        401,
        "a token of another issuer"
    );
    let port = text(&a["shop"]).rsplit_once(':').unwrap().1.to_owned();
    let data = two.path().join("third").display().to_string();
    let (ended, _) = Process::run(two.path(), &["--data", &data, "--port", &port]).await;
    assert_eq!(ended.code, Some(1));
    let told = format!("gateway cannot listen at localhost:{port}: ");
    assert!(ended.stderr.contains(&told), "{ended:?}");
    first.kill().await;
    second.kill().await;
}

#[tokio::test]
async fn every_listener_answers_only_to_its_own_names() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let demo = process.demo();
    let urls = [
        text(&demo["issuer"]),
        text(&demo["shop"]),
        text(&demo["admin"]),
        text(&demo["services"]["catalog"]),
        text(&demo["services"]["storefront"]),
    ];
    for url in urls {
        for host in ["evil.test", "localhost", "localhost:1", "127.0.0.1.evil.test"] {
            let by_name = async |path: &str| {
                let answer = Answer::of(http().get(format!("{url}{path}")).header("host", host)).await;
                answer.status
            };
            for path in ["/", "/health", "/healthz/", "/jwks"] {
                assert_eq!(by_name(path).await, 421, "{url}{path} answered to {host}");
            }
            // A probe calls by the address of a pod.
            for path in ["/healthz", "/readyz"] {
                assert_eq!(by_name(path).await, 200, "{url}{path} by {host}");
            }
        }
        assert_eq!(anonymous(&format!("{url}/healthz")).await.status, 200, "{url}");
    }
    process.kill().await;
}

/// With few descriptors, which connections that say nothing would use up.
#[tokio::test]
async fn a_flood_of_one_listener_keeps_neither_it_nor_another_from_answering() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = tokio::process::Command::new("sh");
    command
        .args(["-c", r#"ulimit -n 300 && exec "$0" "$@""#])
        .args([
            env!("CARGO_BIN_EXE_latchkey"),
            "--data",
            &data.display().to_string(),
        ])
        .args(["--port", "0", "--identity-port", "0", "--admin-port", "0"])
        .current_dir(folder.path())
        .kill_on_drop(true)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let process = Process::start(command, data).await;
    let demo = process.demo();
    let edge = text(&demo["shop"]).replace("http://localhost", "127.0.0.1");
    let mut silent = Vec::new();
    for _ in 0..350 {
        silent.push(tokio::net::TcpStream::connect(&edge).await.expect("a connection"));
    }
    for url in [&demo["issuer"], &demo["shop"], &demo["admin"]] {
        let url = format!("{}/healthz", text(url));
        let answer = tokio::time::timeout(std::time::Duration::from_secs(8), anonymous(&url)).await;
        assert_eq!(answer.expect("an answer").status, 200, "{url}");
    }
    drop(silent);
    process.kill().await;
}

#[tokio::test]
async fn what_the_command_line_changes_is_seen_by_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let demo = process.demo();
    let data = process.data.display().to_string();
    let add = [
        "client",
        "add",
        "late",
        "--grant",
        "client_credentials",
        "--scope",
        "catalog.read",
        "--resource",
        "urn:latchkey:catalog",
        "--json",
        "--data",
        &data,
    ];
    let (ended, told) = Process::run(folder.path(), &add).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told: Value = serde_json::from_str(&told).unwrap();
    let late = Machine {
        issuer: text(&demo["issuer"]),
        client_id: "late".into(),
        secret: text(&told["client_secret"]),
    };
    crate::harness::until("the new client is known", async || {
        late.ask(&[]).await.status == 200
    })
    .await;
    let token = late.token().await;
    let whoami = format!("{}/catalog/v1/whoami", text(&demo["api"]));
    assert_eq!(call(&token, &whoami).await.status, 200);

    let (ended, _) = Process::run(folder.path(), &["client", "disable", "late", "--data", &data]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    crate::harness::until("the disabled client gets nothing", async || {
        late.ask(&[]).await.status == 401
    })
    .await;
    crate::harness::until("its tokens are refused", async || {
        call(&token, &whoami).await.status == 401
    })
    .await;

    let (_, keys) = Process::run(folder.path(), &["key", "list", "--json", "--data", &data]).await;
    let keys: Value = serde_json::from_str(&keys).unwrap();
    let kid = text(&keys[0]["kid"]);
    let fine = machine(&demo, "demo-machine").token().await;
    assert_eq!(call(&fine, &whoami).await.status, 200);
    let revoke = ["key", "revoke", &kid, "--data", &data];
    let jwks = format!("{}/jwks", text(&demo["issuer"]));
    let mut revoking = std::pin::pin!(Process::run(folder.path(), &revoke));
    let (ended, _) = loop {
        tokio::select! {
            done = &mut revoking => break done,
            published = anonymous(&jwks) => {
                // A guard that looks now and finds none would not come back for a while.
                assert_ne!(published.json()["keys"].as_array().map(Vec::len), Some(0), "{published:?}");
            }
        }
    };
    assert_eq!(ended.code, Some(0), "{ended:?}");
    crate::harness::until("tokens of the revoked key are refused", async || {
        call(&fine, &whoami).await.status == 401
    })
    .await;
    crate::harness::until("tokens of the next key are accepted", async || {
        let token = machine(&demo, "demo-machine").ask(&[]).await;
        token.status == 200 && call(&text(&token.json()["access_token"]), &whoami).await.status == 200
    })
    .await;
    process.kill().await;
}
