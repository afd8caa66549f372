//! What an operator does beside a running server: clients, their secrets, and keys.

use std::time::Duration;

use latchkey_protocol::ClientId;
use serde_json::{Value, json};

use crate::commands::{done, operate, text};
use crate::harness::{Machine, Process, TestServer, anonymous, call, until};

#[tokio::test]
async fn commands_about_clients_and_keys_hold_at_once_in_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let (demo, at) = (process.demo(), folder.path());
    let whoami = format!("{}/catalog/v1/whoami", text(&demo["api"]));
    let add = [
        "client",
        "add",
        "reporter",
        "--grant",
        "client_credentials",
        "--scope",
        "catalog.read",
        "--resource",
        "urn:latchkey:catalog",
    ];
    let added = done(at, &add).await;
    let machine = |secret: &Value| Machine {
        issuer: text(&demo["issuer"]),
        client_id: "reporter".into(),
        secret: text(secret),
    };
    let first = machine(&added["client_secret"]);
    until("the server knows the new client", async || {
        first.ask(&[]).await.status == 200
    })
    .await;
    let shown = done(at, &["client", "show", "reporter"]).await;
    assert_eq!(shown["client_id"], "reporter");
    assert!(
        !shown.to_string().contains(&first.secret),
        "a secret is shown once"
    );

    let rotated = done(at, &["client", "rotate-secret", "reporter"]).await;
    let second = machine(&rotated["client_secret"]);
    until("the new secret is known and the old one dead", async || {
        second.ask(&[]).await.status == 200 && first.ask(&[]).await.status == 401
    })
    .await;

    let ends: [(&str, &[&str], u16); 3] = [
        ("revoke-tokens", &[], 200),
        ("disable", &["enable"], 401),
        ("remove", &[], 401),
    ];
    for (command, undo, asked_again) in ends {
        let token = second.token().await;
        assert_eq!(call(&token, &whoami).await.status, 200, "{command}");
        done(at, &["client", command, "reporter"]).await;
        until(command, async || {
            call(&token, &whoami).await.status == 401 && second.ask(&[]).await.status == asked_again
        })
        .await;
        for undo in undo {
            done(at, &["client", undo, "reporter"]).await;
            until(undo, async || {
                let asked = second.ask(&[]).await;
                asked.status == 200 && call(&text(&asked.json()["access_token"]), &whoami).await.status == 200
            })
            .await;
            assert_eq!(
                call(&token, &whoami).await.status,
                401,
                "{undo} brings nothing back"
            );
        }
    }
    for command in [
        "show",
        "rotate-secret",
        "revoke-tokens",
        "disable",
        "enable",
        "remove",
    ] {
        let (code, _) = operate(at, &["client", command, "reporter"]).await;
        assert_ne!(code, Some(0), "{command} of nobody");
    }

    let keys = |all: &Value, state: &str| -> Vec<String> {
        let all = all.as_array().expect("keys").iter();
        let of = all.filter(|key| key["state"] == state && key["alg"] == "ES256");
        of.map(|key| text(&key["kid"])).collect()
    };
    let before = done(at, &["key", "list"]).await;
    done(at, &["key", "rotate"]).await;
    let after = done(at, &["key", "list"]).await;
    assert_eq!(
        (keys(&before, "coming").len(), keys(&after, "coming").len()),
        (0, 1)
    );
    let coming = keys(&after, "coming")[0].clone();
    let jwks = format!("{}/jwks", text(&demo["issuer"]));
    until("the next key is published", async || {
        anonymous(&jwks).await.text.contains(&coming)
    })
    .await;
    let signing = keys(&after, "signing")[0].clone();
    done(at, &["key", "revoke", &signing]).await;
    until("the revoked key is gone", async || {
        !anonymous(&jwks).await.text.contains(&signing)
    })
    .await;
    // The command and the server both look for what is missing, and one of them makes it.
    let replaced = done(at, &["key", "list"]).await;
    let states = ["signing", "coming", "revoked"].map(|state| keys(&replaced, state).len());
    assert_eq!(states, [1, 1, 1], "{replaced}");
    let (code, _) = operate(at, &["key", "revoke", "nobody"]).await;
    assert_ne!(code, Some(0));
    process.kill().await;
}

#[tokio::test]
async fn a_registration_is_written_whole_and_changed_name_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let at = folder.path();
    let resource = [
        "resource",
        "add",
        "https://api.test",
        "--alias",
        "urn:api",
        "--scope",
        "api:read",
        "--scope",
        "api:write=instructor,editor",
    ];
    let added = done(at, &resource).await;
    assert_eq!(
        added["scopes"],
        json!([{ "name": "api:read", "roles": [] }, { "name": "api:write", "roles": ["instructor", "editor"] }])
    );
    let add = [
        "client",
        "add",
        "whole",
        "--name",
        "Whole",
        "--grant",
        "authorization_code",
        "--grant",
        "refresh_token",
        "--redirect-uri",
        "https://whole.test/cb",
        "--post-logout-redirect-uri",
        "https://whole.test/out",
        "--allowed-origin",
        "https://whole.test",
        "--scope",
        "openid api:read",
        "--resource",
        "urn:api",
        "--require-pkce",
        "false",
        "--id-token-alg",
        "ES256",
        "--backchannel-logout-uri",
        "https://whole.test/backchannel",
        "--initiate-login-uri",
        "https://whole.test/in",
        "--field",
        "contacts=[\"ops@whole.test\"]",
    ];
    let mut expected = done(at, &add).await;
    let secret = text(&expected["client_secret"]);
    for (name, value) in [
        ("post_logout_redirect_uris", json!(["https://whole.test/out"])),
        ("allowed_origins", json!(["https://whole.test"])),
        ("require_pkce", json!(false)),
        ("id_token_signed_response_alg", json!("ES256")),
        ("backchannel_logout_uri", json!("https://whole.test/backchannel")),
        ("initiate_login_uri", json!("https://whole.test/in")),
        ("contacts", json!(["ops@whole.test"])),
    ] {
        assert_eq!(expected[name], value, "{name}");
    }
    let changed = done(
        at,
        &["client", "set", "whole", "--name", "New", "--unset", "contacts"],
    )
    .await;
    let names = expected.as_object_mut().unwrap();
    names.insert("client_name".into(), json!("New"));
    names.remove("contacts");
    names.remove("client_secret");
    assert_eq!(changed, expected, "nothing else has changed, the secret neither");
    // Its secret opens what it opened before.
    let machine = Machine {
        issuer: text(&process.demo()["issuer"]),
        client_id: "whole".into(),
        secret,
    };
    until("the client is known", async || {
        machine.revoke("nothing").await.status == 200
    })
    .await;
    // A client that becomes public has none, and gets one when it is confidential again.
    for (method, has_one) in [("none", false), ("client_secret_post", true)] {
        let set = [
            "client",
            "set",
            "whole",
            "--auth-method",
            method,
            "--require-pkce",
            "true",
        ];
        assert_eq!(
            done(at, &set).await["client_secret"].is_string(),
            has_one,
            "{method}"
        );
    }

    let refusals: [(&[&str], &str); 16] = [
        (&["client", "add", "whole"], "already"),
        (
            &[
                "client",
                "add",
                "x",
                "--scope",
                "catalog.raed",
                "--resource",
                "urn:latchkey:catalog",
            ],
            "catalog.read",
        ),
        (&["client", "add", "x", "--scope", "api:read"], "https://api.test"),
        (
            &["client", "add", "x", "--resource", "https://api.tset"],
            "https://api.test",
        ),
        (
            &["client", "add", "x", "--field", "redirect_urs=[]"],
            "redirect_uris",
        ),
        (&["client", "set", "whole"], "at least one field"),
        (&["client", "set", "nobody", "--name", "x"], "no client"),
        (&["client", "set", "whole", "--scope", "api:delete"], "api:delete"),
        (
            &[
                "user",
                "add",
                "x",
                "--email",
                "x@example.test",
                "--role",
                "instuctor",
            ],
            "instructor",
        ),
        (&["user", "set-roles", "alice", "admn"], "admin"),
        (&["resource", "add", "https://api.test"], "already"),
        (&["resource", "add", "urn:latchkey:mine"], "is built in"),
        (
            &["resource", "set", "https://api.test", "--scope", "api:write"],
            "api:read",
        ),
        (
            &["resource", "set", "urn:latchkey:catalog", "--scope", "x"],
            "is built in",
        ),
        (&["resource", "remove", "https://api.test"], "whole"),
        (&["resource", "remove", "urn:latchkey:catalog"], "is built in"),
    ];
    for (refused, told) in refusals {
        let data = process.data.display().to_string();
        let (ended, printed) = Process::run(at, &[refused, &["--data", &data]].concat()).await;
        assert_eq!(
            (ended.code, printed.as_str()),
            (Some(2), ""),
            "{refused:?}: {ended:?}"
        );
        assert!(ended.stderr.contains(told), "{refused:?}: {ended:?}");
    }
    let set = [
        "resource",
        "set",
        "https://api.test",
        "--wants-roles",
        "true",
        "--scope",
        "api:read",
        "--scope",
        "api:more",
    ];
    let changed = done(at, &set).await;
    assert_eq!(
        (&changed["wants_roles"], &changed["aliases"]),
        (&json!(true), &json!(["urn:api"]))
    );
    done(at, &["client", "remove", "whole"]).await;
    done(at, &["resource", "remove", "https://api.test"]).await;
    process.kill().await;
}

#[tokio::test]
async fn the_secret_before_counts_as_long_as_the_operator_says_and_no_longer() {
    let server = TestServer::new().await;
    let identity = server.running().identity.clone().unwrap();
    let id = ClientId::parse("demo-machine").unwrap();
    let first = server.machine("demo-machine");
    let rotate = async |seconds: u64| {
        let overlap = Duration::from_secs(seconds);
        let rotated = identity.clients().rotate_secret_over(&id, overlap, "test").await;
        Machine {
            secret: rotated.unwrap().client_secret.unwrap(),
            ..first.clone()
        }
    };
    let answers = async |machines: [&Machine; 3]| {
        let mut all = Vec::new();
        for machine in machines {
            all.push(machine.ask(&[]).await.status);
        }
        all
    };
    let second = rotate(60).await;
    assert_eq!(answers([&first, &second, &second]).await, [200, 200, 200]);
    server.clock.advance(59_999);
    assert_eq!(first.ask(&[]).await.status, 200);
    server.clock.advance(1);
    assert_eq!(answers([&first, &second, &second]).await, [401, 200, 200]);
    // The one before the last is dead at once, and an emergency has no overlap.
    let third = rotate(60).await;
    assert_eq!(answers([&first, &second, &third]).await, [401, 200, 200]);
    let fourth = rotate(0).await;
    assert_eq!(answers([&second, &third, &fourth]).await, [401, 401, 200]);
    server.stop().await;
}
