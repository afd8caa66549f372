//! People from other systems: who is created, who is left as they are, and how they sign in the first time.

mod exports;

use std::collections::BTreeMap;

use latchkey_identity::{AdminError, Import, NewUser};
use latchkey_protocol::import::{Format, Line, Outcome, Summary};

use self::exports::{Export, PASSWORD, email};
use crate::harness::{Browser, IssuerServer, lines, lines_of, on_both_engines, times};

fn import(format: Format, text: &str) -> Import {
    Import {
        format,
        text: text.to_owned(),
        roles: BTreeMap::new(),
        dry_run: false,
        invite: false,
    }
}

async fn run(server: &IssuerServer, import: Import) -> (Summary, Vec<Line>) {
    let mut told = Vec::new();
    let imports = server.identity().imports();
    let summary = imports.run(import, "test", |line| {
        told.push(line.clone());
        Ok(())
    });
    let summary = summary.await.expect("an import");
    (summary, told)
}

/// The stored hash of who has this address.
async fn stored(server: &IssuerServer, email: &str) -> String {
    let query = format!("SELECT COALESCE(password_hash, '') AS line FROM users WHERE email = '{email}'");
    lines_of(server.db(), query).await.remove(0)
}

async fn epoch(server: &IssuerServer, email: &str) -> String {
    let query = format!("SELECT CAST(credential_epoch AS TEXT) AS line FROM users WHERE email = '{email}'");
    lines_of(server.db(), query).await.remove(0)
}

/// Imports an export twice, and signs one person in for each kind of hash.
async fn taken_over(server: IssuerServer, export: Export, people: usize) {
    let Export { format, text, kinds } = export;
    let (summary, told) = run(&server, import(format.clone(), &text)).await;
    let unverified = match format {
        // Neither says whether an address is verified.
        Format::Authentik | Format::Ldif => people,
        _ => people / 2,
    };
    assert_eq!(
        (summary.create, summary.unverified),
        (people, unverified),
        "{told:?}"
    );
    assert_eq!((summary.without_password, told.len()), (0, people));
    let verified = "SELECT email AS line FROM users WHERE email LIKE '%@people.example.test' \
                    AND email_verified_at IS NOT NULL";
    assert_eq!(lines(server.db(), verified).await.len(), people - unverified);
    let app = server.app("demo-web", "openid");
    for at in 0..kinds {
        let (address, browser) = (email(&format, at), Browser::new());
        let (before, first_epoch) = (stored(&server, &address).await, epoch(&server, &address).await);
        assert!(before.starts_with("$foreign$"), "{before}");
        let wrong = app.attempt(&browser, &address, "another password").await;
        assert_eq!(wrong.error(), "wrong_credentials", "{before}");
        assert_eq!(stored(&server, &address).await, before);
        app.sign_in(&browser, (&address, PASSWORD), &[]).await;
        let after = stored(&server, &address).await;
        assert!(
            after.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{before}: {after}"
        );
        assert_eq!(
            epoch(&server, &address).await,
            first_epoch,
            "no device is forgotten"
        );
        // From now on it is a password like any other.
        app.sign_in(&Browser::new(), (&address, PASSWORD), &[]).await;
        assert_eq!(stored(&server, &address).await, after);
    }
    let left: i64 = server
        .identity()
        .imports()
        .unmigrated()
        .await
        .unwrap()
        .iter()
        .map(|left| left.people)
        .sum();
    assert_eq!(usize::try_from(left), Ok(people - kinds));

    let everybody =
        "SELECT id || username || email || COALESCE(password_hash, '') AS line FROM users ORDER BY id";
    let before = lines(server.db(), everybody).await;
    let (again, told) = run(&server, import(format, &text)).await;
    assert_eq!((again.create, again.exists), (0, people), "{told:?}");
    assert!(told.iter().all(|line| line.reason == "imported before"));
    assert_eq!(lines(server.db(), everybody).await, before);
    server.stop().await;
}

/// How many people an export has.
fn many() -> usize {
    times(200, 10_000)
}

async fn keycloak_people_are_taken_over(server: IssuerServer) {
    taken_over(server, exports::keycloak(many()), many()).await;
}

async fn auth0_people_are_taken_over(server: IssuerServer) {
    taken_over(server, exports::auth0(many()), many()).await;
}

async fn authentik_people_are_taken_over(server: IssuerServer) {
    taken_over(server, exports::authentik(many()), many()).await;
}

async fn firebase_people_are_taken_over(server: IssuerServer) {
    taken_over(server, exports::firebase(many()), many()).await;
}

async fn people_of_a_table_are_taken_over(server: IssuerServer) {
    taken_over(server, exports::csv(many()), many()).await;
}

async fn people_of_a_directory_are_taken_over(server: IssuerServer) {
    taken_over(server, exports::ldif(many()), many()).await;
}

async fn nobody_who_exists_is_changed(server: IssuerServer) {
    let alice = "SELECT username || email || COALESCE(password_hash, '') || roles || claims || version AS line \
                 FROM users WHERE username IN ('alice', 'ines', 'admin') ORDER BY username";
    let before = lines(server.db(), alice).await;
    let text = "id,email,username,email_verified,name,password_hash,disabled\n\
        1,ALICE@example.TEST,mallory,true,Mallory,$2b$08$pLS0M5Y8uTktRi0WnBWHb.8M5zPWkPApvbWRcm4qDeJuGvKDMmWWm,true\n\
        2,new@example.test,Ines,true,Mallory,,\n\
        3,Dora@example.test,dora,true,Dora,,\n\
        4,dora@EXAMPLE.test,dora2,true,Dora,,\n\
        5,admin@elsewhere.test,,false,A namesake,,\n\
        6,,nobody,false,Nobody,,\n";
    let (summary, told) = run(&server, import(Format::Csv, text)).await;
    let outcomes: Vec<Outcome> = told.iter().map(|line| line.outcome).collect();
    use Outcome::{Conflict, Create, Exists, Invalid};
    assert_eq!(
        outcomes,
        [Exists, Conflict, Conflict, Conflict, Create, Invalid],
        "{told:?}"
    );
    assert_eq!((summary.create, summary.conflict), (1, 3));
    assert_eq!(lines(server.db(), alice).await, before);
    // A namesake gets a user name that nobody has.
    let name = &told[4].username;
    assert!(name.starts_with("admin-"), "{name}");
    // The hash that came with her address opens nothing.
    let seen = server.app("demo-web", "openid");
    let seen = seen.attempt(&Browser::new(), "alice", PASSWORD).await;
    assert_eq!(seen.error(), "wrong_credentials");
    server.stop().await;
}

async fn a_role_of_elsewhere_gives_nothing_unless_it_is_mapped(server: IssuerServer) {
    let export = exports::keycloak(1);
    let roles = "SELECT roles AS line FROM users WHERE username = 'keycloak0'";
    let unknown = Import {
        roles: BTreeMap::from([("admin".to_owned(), "root".to_owned())]),
        ..import(export.format.clone(), &export.text)
    };
    let refused = server.identity().imports().run(unknown, "test", |_| Ok(())).await;
    assert!(matches!(refused, Err(AdminError::Rejected(_))), "{refused:?}");
    assert_eq!(lines(server.db(), roles).await.len(), 0);
    let mapped = Import {
        roles: BTreeMap::from([("teacher".to_owned(), "instructor".to_owned())]),
        ..import(export.format, &export.text)
    };
    let (_, told) = run(&server, mapped).await;
    assert_eq!(lines(server.db(), roles).await, ["[\"instructor\"]"]);
    assert!(
        told[0].notes.contains(&"dropped: role admin".to_owned()),
        "{told:?}"
    );
    server.stop().await;
}

/// Who has a password, no proved address, or is disabled gets nothing.
async fn whoever_comes_without_a_password_is_invited_once(server: IssuerServer) {
    let table = "email,username,email_verified,disabled\n\
                 ada@example.test,ada,true,false\n\
                 eve@example.test,eve,false,false\n\
                 mallory@example.test,mallory,true,true\n";
    let invite = || Import {
        invite: true,
        ..import(Format::Csv, table)
    };
    let dry = Import {
        dry_run: true,
        ..invite()
    };
    run(&server, dry).await;
    assert!(server.mails_to("ada@example.test").await.is_empty());
    run(&server, invite()).await;
    run(&server, invite()).await;
    let mails = server.mails_to("ada@example.test").await;
    let purposes: Vec<&str> = mails.iter().map(|mail| mail.purpose.as_str()).collect();
    assert_eq!(purposes, ["welcome"], "once");
    for other in ["eve@example.test", "mallory@example.test"] {
        assert!(server.mails_to(other).await.is_empty(), "{other}");
    }
    server.clock.advance(6 * 24 * 3_600_000);
    let page = Browser::new().get(mails[0].link()).await;
    assert_eq!(page.answer.status, 200, "good for a week: {page:?}");
    server.clock.advance(24 * 3_600_000);
    let late = Browser::new().get(mails[0].link()).await;
    assert_eq!((late.answer.status, late.error().as_str()), (410, "link_used"));
    server.stop().await;
}

async fn a_dry_run_writes_nothing_and_says_the_same(server: IssuerServer) {
    let rows = "SELECT CAST((SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM imports) + \
                (SELECT COUNT(*) FROM imported_people) + (SELECT COUNT(*) FROM audit) AS TEXT) AS line";
    let before = lines(server.db(), rows).await;
    let all = exports::all(7);
    let mut dry = Vec::new();
    for export in &all {
        let only = Import {
            dry_run: true,
            ..import(export.format.clone(), &export.text)
        };
        dry.push(run(&server, only).await);
    }
    assert_eq!(lines(server.db(), rows).await, before);
    for (export, dry) in all.iter().zip(dry) {
        assert_eq!((dry.0.create, dry.1.len()), (7, 7), "{dry:?}");
        let wet = run(&server, import(export.format.clone(), &export.text)).await;
        assert_eq!(wet, dry, "{}", export.format.name());
    }
    assert_ne!(lines(server.db(), rows).await, before);
    server.stop().await;
}

async fn an_import_that_was_stopped_goes_on_where_it_ended(server: IssuerServer) {
    let rows: String = (0..1_100)
        .map(|at| format!("s{at},s{at}@stopped.example.test\n"))
        .collect();
    let text = format!("id,email\n{rows}");
    let mut told = 0;
    let imports = server.identity().imports();
    let stopped = imports.run(import(Format::Csv, &text), "test", |_| {
        told += 1;
        match told {
            501 => Err("the disk of the report is full".to_owned()),
            _ => Ok(()),
        }
    });
    assert!(stopped.await.is_err());
    let here = "SELECT id AS line FROM users WHERE email LIKE '%@stopped.example.test'";
    // Batches are whole.
    assert_eq!(lines(server.db(), here).await.len(), 1_000);
    let (summary, _) = run(&server, import(Format::Csv, &text)).await;
    assert_eq!((summary.create, summary.exists), (100, 1_000));
    assert_eq!(lines(server.db(), here).await.len(), 1_100);
    server.stop().await;
}

async fn two_imports_at_once_create_everybody_once(server: IssuerServer) {
    let export = exports::auth0(60);
    let one = run(&server, import(export.format.clone(), &export.text));
    let two = run(&server, import(export.format.clone(), &export.text));
    let ((one, _), (two, _)) = futures::join!(one, two);
    assert_eq!(one.create + two.create, 60, "{one:?} {two:?}");
    assert_eq!(one.conflict + two.conflict + one.invalid + two.invalid, 0);
    let here = "SELECT id AS line FROM users WHERE email LIKE '%@people.example.test'";
    assert_eq!(lines(server.db(), here).await.len(), 60);
    server.stop().await;
}

async fn a_deleted_person_is_not_imported_again(server: IssuerServer) {
    let export = exports::auth0(1);
    run(&server, import(export.format.clone(), &export.text)).await;
    let address = email(&export.format, 0);
    server.identity().users().delete(&address, "test").await.unwrap();
    let (summary, _) = run(&server, import(export.format, &export.text)).await;
    assert_eq!((summary.create, summary.exists), (0, 1));
    // What stays to know them by does not name them.
    let kept = "SELECT digest AS line FROM imported_people";
    let kept = lines(server.db(), kept).await;
    assert!(kept.iter().all(|digest| digest.len() == 32), "{kept:?}");
    server.stop().await;
}

async fn who_was_disabled_elsewhere_is_disabled_here(server: IssuerServer) {
    let text = "id,email,disabled,password_hash\n\
        1,off@example.test,true,$2b$08$pLS0M5Y8uTktRi0WnBWHb.8M5zPWkPApvbWRcm4qDeJuGvKDMmWWm\n";
    run(&server, import(Format::Csv, text)).await;
    let app = server.app("demo-web", "openid");
    let seen = app.attempt(&Browser::new(), "off@example.test", PASSWORD).await;
    assert_eq!(
        (seen.answer.status, seen.error().as_str()),
        (403, "account_disabled")
    );
    assert!(stored(&server, "off@example.test").await.starts_with("$foreign$"));
    server
        .identity()
        .users()
        .set_enabled("off@example.test", true, "test")
        .await
        .unwrap();
    app.sign_in(&Browser::new(), ("off@example.test", PASSWORD), &[])
        .await;
    server.stop().await;
}

async fn huge_parameters_and_plain_passwords_are_not_taken(server: IssuerServer) {
    let hashes = [
        "pbkdf2_sha256$2147483648$seasaltseasalt22$pMN+Cx62j2IEBsayIRMIgBG2dnrP26ZQkA81DAZf6Hc=",
        "$2b$31$pLS0M5Y8uTktRi0WnBWHb.8M5zPWkPApvbWRcm4qDeJuGvKDMmWWm",
        "scrypt$2147483648$seasaltseasalt22$8$5$7mpb/Q1AMT3PHdLPtuW1Gakam6nwK718p9M5ClGrUWpMJfDOk8tzKSRr/Efbeuo77fFAiXrjnNOe1HyVyNwkvw==",
        "\"$argon2id$v=19$m=2147483648,t=2,p=8$c2Vhc2FsdHNlYXNhbHQyMg$+vz/78dgT/sp1WGNOwUBLePmw+hrEfFVgmaje3xybGs\"",
        "hunter2hunter2hunter2",
        "5f4dcc3b5aa765d61d8327deb882cf99",
    ];
    let rows: String = hashes
        .iter()
        .enumerate()
        .map(|(at, hash)| format!("{at},h{at}@example.test,{hash}\n"))
        .collect();
    let text = format!("id,email,password_hash\n{rows}");
    let (summary, told) = run(&server, import(Format::Csv, &text)).await;
    assert_eq!(
        (summary.create, summary.without_password),
        (hashes.len(), hashes.len())
    );
    assert!(!format!("{told:?}").contains("hunter2"), "{told:?}");
    let kept =
        "SELECT email AS line FROM users WHERE email LIKE 'h%@example.test' AND password_hash IS NOT NULL";
    assert_eq!(lines(server.db(), kept).await.len(), 0);
    let app = server.app("demo-web", "openid");
    for (at, password) in [(0, PASSWORD), (4, "hunter2hunter2hunter2"), (5, "password")] {
        let seen = app
            .attempt(&Browser::new(), &format!("h{at}@example.test"), password)
            .await;
        assert_eq!(seen.error(), "wrong_credentials", "{at}");
    }
    // A row that somebody has changed by hand is no way to stop the machine, either.
    let forged = "UPDATE users SET password_hash = '$foreign$pbkdf2-sha256,i=2147483648,l=32$$AAAAAAAA$AAAA' \
                  WHERE email = 'h0@example.test'";
    crate::harness::run(server.db(), forged.to_owned()).await;
    let seen = app.attempt(&Browser::new(), "h0@example.test", PASSWORD).await;
    assert_eq!(seen.error(), "wrong_credentials");
    server.stop().await;
}

/// AC-01: what bcrypt has never seen counts from the first sign-in on.
async fn after_the_first_sign_in_every_byte_of_a_password_counts(server: IssuerServer) {
    let text = "id,email,password_hash\n\
        1,long@example.test,$2b$08$dZLkSb8MLVuMRmoXmm3lheDbioGY.g.ztsVCuh37G1CH4mIsgE3Xe\n";
    run(&server, import(Format::Csv, text)).await;
    let (app, long) = (server.app("demo-web", "openid"), "x".repeat(70));
    let whole = format!("{long}abcd");
    app.sign_in(&Browser::new(), ("long@example.test", &whole), &[])
        .await;
    let other = format!("{long}abxx");
    let seen = app.attempt(&Browser::new(), "long@example.test", &other).await;
    assert_eq!(seen.error(), "wrong_credentials");
    app.sign_in(&Browser::new(), ("long@example.test", &whole), &[])
        .await;
    server.stop().await;
}

async fn two_first_sign_ins_at_once_both_succeed(server: IssuerServer) {
    let export = exports::firebase(1);
    run(&server, import(export.format.clone(), &export.text)).await;
    let (app, address) = (server.app("demo-web", "openid"), email(&export.format, 0));
    let (one, two) = (Browser::new(), Browser::new());
    let who = (address.as_str(), PASSWORD);
    let both = futures::join!(app.sign_in(&one, who, &[]), app.sign_in(&two, who, &[]));
    assert!(both.0.access != both.1.access);
    let after = stored(&server, &address).await;
    assert!(after.starts_with("$argon2id$"), "{after}");
    app.sign_in(&Browser::new(), who, &[]).await;
    server.stop().await;
}

async fn a_new_password_ends_the_imported_one(server: IssuerServer) {
    let export = exports::keycloak(1);
    run(&server, import(export.format.clone(), &export.text)).await;
    let (app, address) = (server.app("demo-web", "openid"), email(&export.format, 0));
    let users = server.identity().users();
    let changed = users.set_password(&address, None, "test").await.unwrap();
    let seen = app.attempt(&Browser::new(), &address, PASSWORD).await;
    assert_eq!(seen.error(), "wrong_credentials");
    assert_eq!(server.identity().imports().unmigrated().await.unwrap(), []);
    let password = changed.password.unwrap();
    app.sign_in(&Browser::new(), (&address, &password), &[]).await;
    server.stop().await;
}

/// OP-01.
async fn the_signer_key_of_a_project_is_kept_wrapped_and_once(server: IssuerServer) {
    let export = exports::firebase(3);
    run(&server, import(export.format, &export.text)).await;
    let keys = "SELECT COALESCE(wrapped_signer_key, '') AS line FROM imports";
    let keys = lines(server.db(), keys).await;
    assert_eq!(keys.len(), 1);
    let (key, plain) = (&keys[0], exports::SIGNER_KEY.trim_end_matches('='));
    assert!(key.starts_with("1.") && !key.contains(&plain[..16]), "{key}");
    // Without it the hashes are worth nothing.
    crate::harness::run(
        server.db(),
        "UPDATE imports SET wrapped_signer_key = NULL".to_owned(),
    )
    .await;
    let app = server.app("demo-web", "openid");
    let address = email(&exports::firebase(1).format, 0);
    let seen = app.attempt(&Browser::new(), &address, PASSWORD).await;
    assert_eq!(seen.error(), "wrong_credentials");
    server.stop().await;
}

async fn an_import_is_told_and_audited(server: IssuerServer) {
    let export = exports::auth0(3);
    run(&server, import(export.format, &export.text)).await;
    let kinds = "SELECT kind AS line FROM audit WHERE actor = 'test' ORDER BY kind";
    let kinds = lines(server.db(), kinds).await;
    assert_eq!(
        kinds,
        [
            "import.finished",
            "user.imported",
            "user.imported",
            "user.imported"
        ]
    );
    let detail = "SELECT detail AS line FROM audit WHERE kind = 'import.finished'";
    let detail = lines(server.db(), detail).await.remove(0);
    assert!(
        detail.contains("\"create\":3") && !detail.contains("example.test"),
        "{detail}"
    );
    // An imported person is a user like any other.
    let new = NewUser {
        username: "later".into(),
        email: email(&Format::Auth0, 0),
        claims: serde_json::Map::new(),
        roles: Vec::new(),
        password: None,
    };
    let refused = server.identity().users().add(new, "test").await;
    assert!(matches!(refused, Err(AdminError::Rejected(_))), "{refused:?}");
    server.stop().await;
}

on_both_engines! {
    keycloak_people_are_taken_over,
    auth0_people_are_taken_over,
    authentik_people_are_taken_over,
    firebase_people_are_taken_over,
    people_of_a_table_are_taken_over,
    people_of_a_directory_are_taken_over,
    nobody_who_exists_is_changed,
    a_role_of_elsewhere_gives_nothing_unless_it_is_mapped,
    whoever_comes_without_a_password_is_invited_once,
    a_dry_run_writes_nothing_and_says_the_same,
    an_import_that_was_stopped_goes_on_where_it_ended,
    two_imports_at_once_create_everybody_once,
    a_deleted_person_is_not_imported_again,
    who_was_disabled_elsewhere_is_disabled_here,
    huge_parameters_and_plain_passwords_are_not_taken,
    after_the_first_sign_in_every_byte_of_a_password_counts,
    two_first_sign_ins_at_once_both_succeed,
    a_new_password_ends_the_imported_one,
    the_signer_key_of_a_project_is_kept_wrapped_and_once,
    an_import_is_told_and_audited,
}
