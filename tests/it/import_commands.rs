//! What an operator does to bring people of another system: `docs/import.md`, step by step.

use std::path::Path;

use serde_json::Value;

use crate::commands::{done, operate};
use crate::harness::{App, Browser, Process, until};

/// A realm with one person, whose password hash Keycloak's own algorithm has made, and with one who has a namesake here.
const REALM: &str = r#"{"realm":"shop","users":[
 {"id":"k-1","username":"ayse","email":"ayse@people.example.test","emailVerified":true,"enabled":true,
  "firstName":"=HYPERLINK(\"http://x.test\")","lastName":"Kaya","realmRoles":["admin","teacher"],
  "credentials":[{"type":"password",
   "secretData":"{\"value\":\"0MebXH5i8XfATfD56DhbFZgN5RPP3oNYU5mA0ZiRrGk=\",\"salt\":\"AQIDBAUGBwgJCgsMDQ4PEA==\"}",
   "credentialData":"{\"hashIterations\":27500,\"algorithm\":\"pbkdf2-sha256\"}"}]},
 {"id":"=1+1","username":"=cmd","email":"Alice@example.test","emailVerified":true,"enabled":true}]}"#;
const PASSWORD: &str = "\u{c7}\u{131}nar a\u{11f}ac\u{131} 42 alt\u{131}nda";

async fn plain(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let data = folder.join("data").display().to_string();
    let all = [arguments, &["--data", &data]].concat();
    let (ended, printed) = Process::run(folder, &all).await;
    (ended.code, printed)
}

#[tokio::test]
async fn people_of_a_realm_are_imported_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let (demo, at) = (process.demo(), folder.path());
    std::fs::write(at.join("shop-realm.json"), REALM).unwrap();
    let command = [
        "import",
        "keycloak",
        "shop-realm.json",
        "--map-role",
        "teacher=instructor",
    ];

    let dry = done(at, &[&command[..], &["--dry-run"]].concat()).await;
    assert_eq!(
        (&dry["summary"]["create"], &dry["summary"]["exists"]),
        (&1.into(), &1.into()),
        "{dry}"
    );
    assert_eq!(dry["dry_run"], true);
    let (code, _) = operate(at, &["user", "show", "ayse"]).await;
    assert_eq!(code, Some(2), "nothing was written");

    let (code, csv) = plain(at, &[&command[..], &["--dry-run", "--report", "csv"]].concat()).await;
    assert_eq!(code, Some(0), "{csv}");
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(rows[0], "outcome,position,source_id,username,email,reason,notes");
    assert!(
        rows[1].starts_with("create,1,k-1,ayse,ayse@people.example.test,"),
        "{csv}"
    );
    assert!(rows[2].starts_with("exists,2,\"'=1+1\","), "{csv}");

    let (code, table) = plain(at, &command).await;
    assert_eq!(code, Some(0), "{table}");
    assert!(
        table.contains("create    1  ayse@people.example.test  ayse  dropped: role admin"),
        "{table}"
    );
    assert!(
        table.contains("1 created (0 with an unverified address"),
        "{table}"
    );
    let ayse = done(at, &["user", "show", "ayse"]).await;
    assert_eq!(
        (&ayse["email_verified"], &ayse["roles"][0]),
        (&true.into(), &"instructor".into()),
        "{ayse}"
    );
    let left = done(at, &["import", "status"]).await;
    assert_eq!(left[0]["hash"], "pbkdf2-sha256,i=27500,l=32", "{left}");

    let app = App::of_demo(&demo, "demo-web", "openid");
    app.sign_in(&Browser::new(), ("ayse@people.example.test", PASSWORD), &[])
        .await;
    until("nobody is left", async || {
        done(at, &["import", "status"]).await == Value::Array(Vec::new())
    })
    .await;
    let again = done(at, &command).await;
    assert_eq!(
        (&again["summary"]["create"], &again["summary"]["exists"]),
        (&0.into(), &2.into()),
        "{again}"
    );
}

#[tokio::test]
async fn what_cannot_be_imported_changes_nothing_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let _process = Process::up(folder.path(), &[]).await;
    let at = folder.path();
    for (name, text) in [
        ("realm.json", "{\"realm\":"),
        (
            "firebase.json",
            r#"{"users":[{"localId":"f","email":"f@b.test","passwordHash":"AAAA","salt":"AAAA"}]}"#,
        ),
        ("people.csv", "email,name\na@b.test\n"),
        ("config.txt", "hash_config { algorithm: BCRYPT }"),
        ("fine.csv", "email\na@b.test\n"),
    ] {
        std::fs::write(at.join(name), text).unwrap();
    }
    for arguments in [
        vec!["import", "keycloak", "realm.json"],
        vec!["import", "keycloak", "absent.json"],
        vec!["import", "firebase", "firebase.json"],
        vec![
            "import",
            "firebase",
            "firebase.json",
            "--hash-config",
            "config.txt",
        ],
        vec!["import", "csv", "people.csv"],
        vec![
            "import",
            "csv",
            "fine.csv",
            "--map-role",
            "admin=nobody-knows-this",
        ],
        vec!["import", "csv", "fine.csv", "--report", "csv", "--json"],
    ] {
        let (code, printed) = plain(at, &arguments).await;
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{arguments:?}");
    }
    let users = done(at, &["user", "list"]).await;
    assert!(!users.to_string().contains("b.test"), "{users}");
}
