//! `latchkey audit` beside a running server: what it finds, and what shows that an export was changed.

use std::path::Path;

use serde_json::Value;

use crate::commands::done;
use crate::harness::Process;

async fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let all = [arguments, &["--data", "data"]].concat();
    let (ended, printed) = Process::run(folder, &all).await;
    (ended.code, printed, ended.stderr)
}

async fn listed(folder: &Path, more: &[&str]) -> Vec<Value> {
    let (code, printed, told) = run(folder, &[&["audit", "list", "--json"], more].concat()).await;
    assert_eq!(code, Some(0), "{told}");
    let lines = printed.lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn records_are_found_by_who_what_and_when_and_paged() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let at = folder.path();
    done(at, &["user", "add", "bea", "--email", "bea@example.test"]).await;
    done(at, &["user", "lock", "bea"]).await;
    done(at, &["user", "unlock", "bea"]).await;
    done(at, &["client", "disable", "demo-machine"]).await;
    let kinds = |records: &[Value]| -> Vec<String> {
        records
            .iter()
            .map(|one| one["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    let of_bea = listed(at, &["--user", "bea"]).await;
    // A lock ends what stands as well, in the same instant, and records of one instant have no order.
    let of_users = kinds(&of_bea)
        .into_iter()
        .filter(|kind| kind.starts_with("user."));
    let newest: Vec<String> = of_users.take(2).collect();
    assert_eq!(newest, ["user.unlocked", "user.locked"], "the newest first");
    assert_eq!(
        kinds(&listed(at, &["--event", "user.locked"]).await),
        ["user.locked"]
    );
    let users = listed(at, &["--event", "user.", "--limit", "1000"]).await;
    assert!(users.len() >= 3 && kinds(&users).iter().all(|kind| kind.starts_with("user.")));
    assert!(!listed(at, &["--client", "demo-machine"]).await.is_empty());
    assert!(listed(at, &["--user", "nobody-here"]).await.is_empty());
    assert!(listed(at, &["--until", "2020-01-01"]).await.is_empty());
    assert!(
        listed(at, &["--outcome", "refused", "--event", "user."])
            .await
            .is_empty()
    );

    let all = listed(at, &["--limit", "1000"]).await;
    let (mut paged, mut before) = (Vec::new(), None::<String>);
    loop {
        let more: Vec<&str> = before.iter().flat_map(|id| ["--before", id.as_str()]).collect();
        let page = listed(at, &[&["--limit", "3"], &more[..]].concat()).await;
        let Some(last) = page.last() else { break };
        before = Some(last["id"].as_str().unwrap().to_owned());
        paged.extend(page);
    }
    assert_eq!(paged, all, "nothing is twice, and nothing is missing");
    for bad in [
        &["--since", "yesterday"][..],
        &["--limit", "0"],
        &["--outcome", "odd"],
    ] {
        let (code, _, _) = run(at, &[&["audit", "list"], bad].concat()).await;
        assert_eq!(code, Some(2), "{bad:?}");
    }
    process.kill().await;
}

#[tokio::test]
async fn detail_is_opened_until_its_person_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let at = folder.path();
    let added = done(at, &["user", "add", "bea", "--email", "bea@example.test"]).await;
    let id = added["id"].as_str().unwrap().to_owned();
    done(at, &["user", "grant", "bea", "instructor"]).await;
    let granted = async || listed(at, &["--user", &id, "--event", "role.granted"]).await;
    assert_eq!(granted().await[0]["detail"]["role"], "instructor");
    done(at, &["user", "delete", "--now", "bea"]).await;
    let after = granted().await;
    assert_eq!(after.len(), 1, "the record stays: {after:?}");
    assert_eq!(after[0]["detail"], Value::Null);
    let (_, printed, _) = run(at, &["audit", "list", "--user", &id]).await;
    assert!(printed.contains("  erased\n"), "{printed}");
    process.kill().await;
}

#[tokio::test]
async fn an_export_that_was_changed_anywhere_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &[]).await;
    let at = folder.path();
    done(at, &["user", "lock", "alice"]).await;
    done(at, &["user", "unlock", "alice"]).await;
    let (code, export, told) = run(at, &["audit", "export"]).await;
    assert_eq!(code, Some(0), "{told}");
    let lines: Vec<&str> = export.lines().collect();
    assert!(lines.len() >= 5, "{export}");
    let verify = async |text: &str| {
        std::fs::write(at.join("export.jsonl"), text).unwrap();
        run(at, &["audit", "verify", "export.jsonl", "--json"]).await
    };
    let (code, printed, told) = verify(&export).await;
    assert_eq!(code, Some(0), "{told}");
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["records"].as_u64(), u64::try_from(lines.len() - 2).ok());

    let without = |number: usize| {
        let mut rest = lines.clone();
        rest.remove(number);
        rest.join("\n")
    };
    let mut swapped = lines.clone();
    swapped.swap(1, 2);
    let changed = export.replacen("user.locked", "user.looked", 1);
    assert_ne!(changed, export);
    for (what, text) in [
        ("a word", changed),
        ("the head", export.replacen("\"user\":null", "\"user\":\"x\"", 1)),
        ("the head is gone", without(0)),
        ("a record is gone", without(1)),
        ("the last record is gone", without(lines.len() - 2)),
        ("the seal is gone", without(lines.len() - 1)),
        ("two are swapped", swapped.join("\n")),
        ("something follows", format!("{export}{}\n", lines[1])),
        ("nothing", String::new()),
    ] {
        let (code, _, told) = verify(&text).await;
        assert!(code.is_some_and(|code| code != 0), "{what}: {told}");
    }
    process.kill().await;
}
