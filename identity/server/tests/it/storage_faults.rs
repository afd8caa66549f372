//! A statement that fails leaves the old state or the new one, and never a "yes" to what was not done.

use std::collections::HashSet;

use latchkey_db::Db;
use latchkey_identity::Seed;
use latchkey_protocol::ClientId;
use latchkey_protocol::client::Alg;
use latchkey_protocol::revocation::Revocation;
use latchkey_testkit::families;

use crate::harness::{CATALOG, IssuerServer, Matrix, lines, run_sql};

pub const STATEMENTS: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

/// A database in which one kind of statement on one table can be made to fail.
pub struct Saboteur {
    db: Db,
    postgres: bool,
}

impl Saboteur {
    pub async fn new(db: &Db) -> Self {
        let postgres = db.engine() == latchkey_db::Engine::Postgres;
        if postgres {
            let function = "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS \
                            $$ BEGIN RAISE EXCEPTION 'planted'; END $$";
            run_sql(db, function.to_owned()).await.expect("a function");
        }
        Self {
            db: db.clone(),
            postgres,
        }
    }

    /// Every table of ours.
    pub async fn tables(&self) -> Vec<String> {
        let statement = match self.postgres {
            true => "SELECT tablename AS line FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
            false => "SELECT name AS line FROM sqlite_master WHERE type = 'table' ORDER BY 1",
        };
        let all = lines(&self.db, statement).await;
        all.into_iter()
            .filter(|name| !name.starts_with("sqlite_") && !name.contains("migrations"))
            .collect()
    }

    pub async fn plant(&self, table: &str, statement: &str) {
        let text = match self.postgres {
            true => format!(
                "CREATE TRIGGER planted BEFORE {statement} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION planted()"
            ),
            false => format!(
                "CREATE TRIGGER planted BEFORE {statement} ON {table} BEGIN SELECT RAISE(ABORT, 'planted'); END"
            ),
        };
        run_sql(&self.db, text).await.expect("the fault is planted");
    }

    pub async fn repair(&self, table: &str) {
        let text = match self.postgres {
            true => format!("DROP TRIGGER planted ON {table}"),
            false => "DROP TRIGGER planted".to_owned(),
        };
        run_sql(&self.db, text).await.expect("the fault is repaired");
    }
}

/// Everything that a decision may change, but for what changes by itself (relays, counters of guesses, revisions).
async fn state(db: &Db) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for statement in [
        "SELECT kind || '|' || subject || '|' || COALESCE(CAST(before AS TEXT), '') || '|' || cause AS line FROM revocations ORDER BY 1",
        "SELECT id || '|' || type AS line FROM outbox ORDER BY 1",
        "SELECT id || '|' || kind AS line FROM audit ORDER BY 1",
        "SELECT id || '|' || metadata || COALESCE(secret_hash, '') || '|' || COALESCE(CAST(disabled_at AS TEXT), '') \
           || '|' || COALESCE(CAST(tokens_before AS TEXT), '') AS line FROM clients ORDER BY 1",
        "SELECT id || '|' || COALESCE(CAST(tokens_before AS TEXT), '') AS line FROM users ORDER BY 1",
        "SELECT fam || '|' || COALESCE(CAST(revoked_at AS TEXT), '') AS line FROM families ORDER BY 1",
        "SELECT id || '|' || COALESCE(CAST(ended_at AS TEXT), '') AS line FROM sessions ORDER BY 1",
        "SELECT kid || '|' || COALESCE(CAST(revoked_at AS TEXT), '') AS line FROM signing_keys ORDER BY 1",
        "SELECT identifier || metadata AS line FROM resources ORDER BY 1",
    ] {
        all.push(lines(db, statement).await);
    }
    all
}

/// How many lines of each table came or went. Entries that guards need no more go by themselves.
pub fn change(before: &[Vec<String>], after: &[Vec<String>]) -> Vec<usize> {
    let missing = |from: &Vec<String>, than: &Vec<String>| {
        let than: HashSet<&String> = than.iter().collect();
        from.iter().filter(|line| !than.contains(line)).count()
    };
    let of = |(index, (before, after)): (usize, (&Vec<String>, &Vec<String>))| {
        let gone = if index == 0 { 0 } else { missing(before, after) };
        missing(after, before) + gone
    };
    before.iter().zip(after).enumerate().map(of).collect()
}

/// What is decided and committed as one.
#[derive(Clone, Copy, Debug)]
enum Operation {
    EndToken,
    EndFamily,
    EndSession,
    EndSubject,
    EndClient,
    DisableClient,
    RemoveClient,
    ReplaceSecret,
    RegisterClient,
    CreatePerson,
    RotateKey,
}

const OPERATIONS: [Operation; 11] = [
    Operation::EndToken,
    Operation::EndFamily,
    Operation::EndSession,
    Operation::EndSubject,
    Operation::EndClient,
    Operation::DisableClient,
    Operation::RemoveClient,
    Operation::ReplaceSecret,
    Operation::RegisterClient,
    Operation::CreatePerson,
    Operation::RotateKey,
];

impl Operation {
    /// What must be there before, under names of this round: rows, and a client.
    fn needs(self, round: usize) -> (Vec<String>, Option<String>) {
        let name = format!("n{round}");
        match self {
            Self::EndFamily => (vec![families::insert(&name, "nobody", None)], None),
            Self::EndSession => {
                let session = format!(
                    "INSERT INTO sessions (id, secret_hash, user_id, auth_time, created_at, last_seen_at, \
                     idle_expires_at, expires_at) VALUES ('{name}', '{name}', 'nobody', 0, 0, 0, 9999999999999, 9999999999999)"
                );
                let families = [name.clone(), format!("{name}b")];
                let families = families.map(|fam| families::insert(&fam, "nobody", Some(&name)));
                ([vec![session], families.to_vec()].concat(), None)
            }
            Self::EndClient | Self::DisableClient | Self::RemoveClient | Self::ReplaceSecret => {
                let client = format!("[[clients]]\nclient_id = \"{name}\"\nclient_secret = \"{name}\"\n");
                (Vec::new(), Some(client))
            }
            Self::EndToken
            | Self::EndSubject
            | Self::RegisterClient
            | Self::CreatePerson
            | Self::RotateKey => (Vec::new(), None),
        }
    }

    async fn perform(self, server: &IssuerServer, round: usize) -> Result<(), String> {
        let (identity, name) = (server.identity(), format!("n{round}"));
        let client = ClientId::parse(&name).expect("an id");
        let end = async |revocation: Revocation| {
            let ended = server.end(revocation).await;
            ended
                .map(|ended| assert!(ended, "it had not ended before"))
                .map_err(|error| error.to_string())
        };
        match self {
            Self::EndToken => {
                let exp = server.now().seconds() + 300;
                end(Revocation::Token {
                    jti: name,
                    client_id: "m-basic".into(),
                    sub: None,
                    aud: CATALOG.into(),
                    exp,
                })
                .await
            }
            Self::EndFamily => {
                end(Revocation::Family {
                    fam: name,
                    sid: None,
                    client_id: "later".into(),
                })
                .await
            }
            Self::EndSession => end(Revocation::Session { session: name }).await,
            Self::EndSubject => end(Revocation::Subject { sub: name }).await,
            Self::EndClient => identity
                .clients()
                .revoke_tokens(&client, "test")
                .await
                .map_err(|e| e.to_string()),
            Self::DisableClient => identity
                .clients()
                .set_enabled(&client, false, "test")
                .await
                .map(drop)
                .map_err(|e| e.to_string()),
            Self::RemoveClient => identity
                .clients()
                .remove(&client, "test")
                .await
                .map_err(|e| e.to_string()),
            Self::ReplaceSecret => identity
                .clients()
                .rotate_secret(&client, "test")
                .await
                .map(drop)
                .map_err(|e| e.to_string()),
            Self::RegisterClient => seed(server, &format!("[[clients]]\nclient_id = \"{name}\"\n")).await,
            Self::CreatePerson => {
                seed(
                    server,
                    &format!("[[users]]\nusername = \"{name}\"\nemail = \"{name}@example.test\"\n"),
                )
                .await
            }
            Self::RotateKey => {
                let rotated = identity.keys().rotate(Alg::ES256, "test").await;
                rotated
                    .map(|key| assert!(key.is_some(), "a key was made"))
                    .map_err(|e| e.to_string())
            }
        }
    }
}

async fn seed(server: &IssuerServer, text: &str) -> Result<(), String> {
    let seed = Seed::parse(text).expect("a seed");
    server
        .identity()
        .seed(seed, "test")
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Prepares every operation; its names count from `first`.
async fn prepare(server: &IssuerServer, first: usize) {
    let needs = OPERATIONS.into_iter().enumerate();
    let (rows, clients): (Vec<_>, Vec<_>) = needs.map(|(n, operation)| operation.needs(first + n)).unzip();
    let clients: String = clients.into_iter().flatten().collect();
    seed(server, &clients).await.expect("clients");
    for statement in rows.concat() {
        run_sql(server.db(), statement).await.expect("a row");
    }
    // The next key of the last round has begun to sign.
    server.clock.advance(700_000);
}

async fn either_old_or_new(server: IssuerServer, name: &'static str) {
    let saboteur = Saboteur::new(server.db()).await;
    let tables = saboteur.tables().await;
    assert!(tables.len() >= 14, "{tables:?}");
    let mut matrix = Matrix::new(name);
    let mut whole = Vec::new();
    prepare(&server, 0).await;
    for (round, operation) in OPERATIONS.into_iter().enumerate() {
        let before = state(server.db()).await;
        let done = operation.perform(&server, round).await;
        done.expect("without a fault it succeeds");
        whole.push(change(&before, &state(server.db()).await));
        assert!(
            whole[round].iter().sum::<usize>() > 0,
            "{operation:?} changes something"
        );
    }
    let mut failures = [0; OPERATIONS.len()];
    let faults = tables
        .iter()
        .flat_map(|table| STATEMENTS.map(|statement| (table, statement)));
    for (round, (table, statement)) in faults.enumerate() {
        let first = (round + 1) * OPERATIONS.len();
        prepare(&server, first).await;
        saboteur.plant(table, statement).await;
        let mut old = Vec::new();
        let mut before = state(server.db()).await;
        for (n, operation) in OPERATIONS.into_iter().enumerate() {
            let done = operation.perform(&server, first + n).await;
            let after = state(server.db()).await;
            let changed = change(&before, &after);
            before = after;
            let nothing = changed.iter().all(|count| *count == 0);
            let holds = changed == whole[n] || (done.is_err() && nothing);
            let seen = format_args!("{done:?} changed {changed:?} of {:?}", whole[n]).to_string();
            matrix.hold(format!("{operation:?} × {statement} {table}"), holds, seen);
            if done.is_err() {
                failures[n] += 1;
                old.extend(nothing.then_some((n, operation)));
            }
        }
        saboteur.repair(table).await;
        for (n, operation) in old {
            let again = operation.perform(&server, first + n).await;
            matrix.hold(
                format!("{operation:?} × {statement} {table}, again"),
                again.is_ok(),
                &again,
            );
        }
    }
    matrix.end();
    // A table for the decision and one for its audit record, at least.
    assert!(
        failures.iter().all(|count| *count >= 2),
        "{failures:?} of {OPERATIONS:?}"
    );
}

/// CVE-2020-15223, TK-17.
#[tokio::test]
async fn a_failed_statement_leaves_the_old_or_the_new_state_on_sqlite() {
    either_old_or_new(
        IssuerServer::new().await,
        "TK-17 operation × failing statement, SQLite",
    )
    .await;
}

/// CVE-2020-15223, TK-17.
#[tokio::test]
async fn a_failed_statement_leaves_the_old_or_the_new_state_on_postgresql() {
    let server = IssuerServer::on_postgres().await;
    either_old_or_new(server, "TK-17 operation × failing statement, PostgreSQL").await;
}

/// The same over the wire, where a client believes what it is told.
/// CVE-2020-15223, TK-17, IN-05.
#[tokio::test]
async fn a_failed_revocation_is_not_answered_with_200() {
    let server = IssuerServer::new().await;
    let saboteur = Saboteur::new(server.db()).await;
    let machine = server.machine("m-basic");
    let mut matrix = Matrix::new("TK-17 failing statement × revocation over the wire");
    let mut failed = Vec::new();
    for table in saboteur.tables().await {
        for statement in STATEMENTS {
            let token = machine.token().await;
            saboteur.plant(&table, statement).await;
            let answer = machine.revoke(&token).await;
            saboteur.repair(&table).await;
            let what = format!("{statement} {table}");
            matrix.hold(&what, [200, 500, 503].contains(&answer.status), &answer);
            matrix.cell(
                format!("{what}: alive unless 200"),
                server.is_active(&token).await,
                answer.status != 200,
            );
            if answer.status != 200 {
                matrix.hold(
                    format!("{what}: says nothing of the reason"),
                    !answer.text.contains("planted"),
                    &answer,
                );
                matrix.cell(
                    format!("{what}: no-store"),
                    answer.header("cache-control").to_owned(),
                    "no-store".to_owned(),
                );
                matrix.cell(format!("{what}: again"), machine.revoke(&token).await.status, 200);
                matrix.cell(
                    format!("{what}: ended at last"),
                    server.is_active(&token).await,
                    false,
                );
                failed.push(what);
            }
        }
    }
    matrix.end();
    assert_eq!(failed, ["INSERT audit", "INSERT outbox", "INSERT revocations"]);
}

/// TK-17.
/// A guess that cannot be counted is not answered as one: else a broken table would open the throttle.
#[tokio::test]
async fn a_guess_that_cannot_be_counted_is_an_error() {
    let server = IssuerServer::new().await;
    let saboteur = Saboteur::new(server.db()).await;
    let wrong = crate::harness::Machine {
        secret: "x".into(),
        ..server.machine("m-basic")
    };
    assert_eq!(wrong.ask(&[]).await.status, 401);
    saboteur.plant("throttles", "INSERT").await;
    assert_eq!(wrong.ask(&[]).await.status, 500);
    saboteur.repair("throttles").await;
    assert_eq!(wrong.ask(&[]).await.status, 401);
}
