//! The clients that are told of the end of a session, and one-time proofs, on both engines.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use std::collections::BTreeSet;

use latchkey_db::{Db, DbError, Options, sql, testing};
use latchkey_identity_store::{EndedSession, Logout, MIGRATIONS, Proof, Retention, Store, StoreError};
use latchkey_protocol::Timestamp;

const NOW: Timestamp = Timestamp(1_000_000);

async fn on_each_engine<F: AsyncFn(Store)>(name: &str, test: F) {
    for (engine, url) in testing::urls(name).await {
        println!("on {engine:?}");
        let db = Db::open(&url, Options::new(&[MIGRATIONS])).await.unwrap();
        test(Store::new(db.clone())).await;
        db.close().await;
    }
}

async fn run(store: &Store, statement: &'static str) {
    store.db().write_one(sql(statement)).await.unwrap();
}

/// A session of `u`, ended or not.
async fn session(store: &Store, id: &str, ended_at: Option<i64>) {
    let statement = sql(
        "INSERT INTO sessions (id, secret_hash, user_id, auth_time, created_at, last_seen_at, idle_expires_at, \
           expires_at, ended_at) VALUES ($1, $1, 'u', 0, 0, 0, 0, 0, $2)",
    )
    .bind(id)
    .bind(ended_at);
    store.db().write_one(statement).await.unwrap();
}

/// A family of `u` in a session.
async fn family(store: &Store, fam: &str, client: &str, session: &str, sid: Option<&str>, ended: bool) {
    let statement = sql(
        "INSERT INTO families (id, handle, fam, salt, client_id, user_id, session_id, sid, scope, resources, \
           generation, overlap_hits, overlap_streak, created_at, revoked_at) \
         VALUES ($1, $1, $1, '', $2, 'u', $3, $4, '', '[]', 1, 0, 0, 0, $5)",
    )
    .bind(fam)
    .bind(client)
    .bind(session)
    .bind(sid)
    .bind(ended.then_some(1_i64));
    store.db().write_one(statement).await.unwrap();
}

/// Records the clients of all ended sessions, as a node does.
async fn tell(store: &Store, ended: Vec<EndedSession>) {
    let mut sessions = Vec::new();
    for session in ended {
        let clients = store.clients_of_session(&session.id).await.unwrap();
        sessions.push((session, clients));
    }
    let inside = store.clone();
    let told: Result<(), StoreError> = store
        .db()
        .write(move |tx| async move { inside.queue_session_logouts(&tx, &sessions, NOW).await })
        .await;
    told.unwrap();
}

async fn due(store: &Store, now: i64) -> Vec<Logout> {
    store.due_logouts(Timestamp(now), 2).await.unwrap()
}

/// Starts an attempt and finishes the delivery.
async fn finish(store: &Store, logout: &Logout) {
    assert!(store.claim_logout(logout, NOW).await.unwrap());
    store.finish_logout(logout).await.unwrap();
}

fn names(logouts: &[Logout]) -> BTreeSet<(&str, &str)> {
    let names = logouts.iter();
    names
        .map(|logout| (logout.client.as_str(), logout.sid.as_str()))
        .collect()
}

#[tokio::test]
async fn the_end_of_a_session_is_told_once_to_each_of_its_clients() {
    on_each_engine("logouts_told", async |store| {
        session(&store, "s", Some(7)).await;
        session(&store, "living", None).await;
        for (fam, app, of, sid, ended) in [
            ("f1", "b", "s", Some("sid-b"), false),
            ("f2", "b", "s", Some("sid-b"), true),
            ("f3", "a", "s", Some("sid-a"), true),
            ("f4", "nameless", "s", None, false),
            ("f5", "b", "living", Some("sid-other"), false),
        ] {
            family(&store, fam, app, of, sid, ended).await;
        }
        let untold = store.untold_sessions(10).await.unwrap();
        let expected = EndedSession {
            id: "s".to_owned(),
            user: "u".to_owned(),
        };
        assert_eq!(untold, [expected]);
        tell(&store, untold.clone()).await;
        assert!(store.untold_sessions(10).await.unwrap().is_empty());
        let told = due(&store, NOW.0).await;
        assert_eq!(names(&told), BTreeSet::from([("a", "sid-a"), ("b", "sid-b")]));
        assert_eq!(told[0].begun_at, NOW);
        assert_eq!((told[0].user.as_str(), told[0].tries), ("u", 0));
        for logout in &told {
            // An unclaimed row is another one, recorded since.
            store.finish_logout(logout).await.unwrap();
            finish(&store, logout).await;
        }
        // A node that has found the session at the same time is too late.
        tell(&store, untold).await;
        assert!(due(&store, i64::MAX).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_clients_of_families_are_told_of_each_of_their_sessions() {
    on_each_engine("logouts_of_families", async |store| {
        session(&store, "s", None).await;
        for (fam, app, sid) in [
            ("f1", "a", Some("one")),
            ("f2", "a", Some("one")),
            ("f3", "a", Some("two")),
            ("f4", "a", None),
            ("f5", "a", Some("unnamed")),
        ] {
            family(&store, fam, app, "s", sid, true).await;
        }
        for _twice in 0..2 {
            let inside = store.clone();
            let fams = ["f1", "f2", "f3", "f4"].map(str::to_owned);
            let told: Result<(), StoreError> = store
                .db()
                .write(move |tx| async move { inside.queue_family_logouts(&tx, &fams, NOW).await })
                .await;
            told.unwrap();
            let told = due(&store, NOW.0).await;
            assert_eq!(names(&told), BTreeSet::from([("a", "one"), ("a", "two")]));
        }
    })
    .await;
}

#[tokio::test]
async fn an_end_while_another_is_told_is_told_too_unless_the_person_came_back() {
    on_each_engine("logouts_again", async |store| {
        session(&store, "s", None).await;
        family(&store, "f1", "a", "s", Some("one"), true).await;
        let tell_again = async || {
            let inside = store.clone();
            let fams = ["f1".to_owned()];
            let told: Result<(), StoreError> = store
                .db()
                .write(move |tx| async move { inside.queue_family_logouts(&tx, &fams, NOW).await })
                .await;
            told.unwrap();
        };
        tell_again().await;
        let first = due(&store, NOW.0).await;
        assert!(store.claim_logout(&first[0], Timestamp(i64::MAX)).await.unwrap());
        tell_again().await;
        store.finish_logout(&first[0]).await.unwrap();
        store
            .put_off_logout(&first[0], Timestamp(i64::MAX))
            .await
            .unwrap();
        let second = due(&store, NOW.0).await;
        assert_eq!((second.len(), second[0].tries), (1, 0));
        // The same count of tries does not make an older one this one's.
        assert!(!store.claim_logout(&first[0], NOW).await.unwrap());
        assert!(store.claim_logout(&second[0], NOW).await.unwrap());
        store.finish_logout(&first[0]).await.unwrap();
        assert_eq!(due(&store, NOW.0).await.len(), 1);

        family(&store, "before", "a", "s", Some("one"), false).await;
        assert!(!store.came_back(&second[0]).await.unwrap());
        run(
            &store,
            "UPDATE families SET created_at = 1000001 WHERE id = 'before'",
        )
        .await;
        assert!(store.came_back(&second[0]).await.unwrap());
        run(&store, "UPDATE sessions SET ended_at = 1000002 WHERE id = 's'").await;
        assert!(!store.came_back(&second[0]).await.unwrap(), "it has ended again");
    })
    .await;
}

#[tokio::test]
async fn each_try_is_one_nodes_and_a_client_that_is_away_keeps_no_other_waiting() {
    on_each_engine("logouts_tried", async |store| {
        run(
            &store,
            "INSERT INTO logouts (client_id, sid, user_id, begun_at, tries, due_at) VALUES \
               ('away', '1', 'u', 0, 0, 1), ('away', '2', 'u', 0, 0, 2), ('away', '3', 'u', 0, 0, 3), \
               ('here', '4', 'u', 0, 0, 4), ('later', '5', 'u', 0, 0, 100)",
        )
        .await;
        let first = due(&store, 50).await;
        assert_eq!(
            names(&first),
            BTreeSet::from([("away", "1"), ("away", "2"), ("here", "4")])
        );
        let claims = (0..8).map(|_| store.claim_logout(&first[0], Timestamp(80)));
        let claimed = futures::future::join_all(claims).await;
        assert_eq!(
            claimed
                .into_iter()
                .filter(|claimed| *claimed.as_ref().unwrap())
                .count(),
            1
        );
        // While in progress it is not due, and after a crash it is due again.
        assert_eq!(
            names(&due(&store, 50).await),
            BTreeSet::from([("away", "2"), ("away", "3"), ("here", "4")])
        );
        let again = due(&store, 80).await;
        assert!(names(&again).contains(&("here", "4")), "{again:?}");
        for other in &again {
            if other.sid != "1" {
                finish(&store, other).await;
            }
        }
        store.put_off_logout(&first[0], Timestamp(60)).await.unwrap();
        let left: Vec<_> = due(&store, 60)
            .await
            .into_iter()
            .map(|l| (l.sid, l.tries))
            .collect();
        assert_eq!(left, [("1".to_owned(), 1)]);
        // A node that lost the attempt postpones nothing.
        assert!(!store.claim_logout(&first[0], Timestamp(500)).await.unwrap());
        let second = due(&store, 60).await;
        assert!(store.claim_logout(&second[0], Timestamp(90)).await.unwrap());
        store.put_off_logout(&first[0], Timestamp(1)).await.unwrap();
        assert!(due(&store, 60).await.is_empty());
        assert_eq!(
            names(&due(&store, 100).await),
            BTreeSet::from([("away", "1"), ("later", "5")])
        );
    })
    .await;
}

#[tokio::test]
async fn first_tries_of_a_client_do_not_wait_behind_its_retries() {
    on_each_engine("logouts_first_tries", async |store| {
        run(
            &store,
            "INSERT INTO logouts (client_id, sid, user_id, begun_at, tries, due_at) VALUES \
               ('away', 'old-1', 'u', 0, 3, 1), ('away', 'old-2', 'u', 0, 2, 2), ('away', 'old-3', 'u', 0, 1, 3), \
               ('away', 'new-1', 'u', 0, 0, 40), ('away', 'new-2', 'u', 0, 0, 41), ('away', 'new-3', 'u', 0, 0, 42), \
               ('here', 'new-4', 'u', 0, 0, 43)",
        )
        .await;
        let order = async |store: &Store| -> Vec<String> {
            let due = due(store, 50).await;
            due.into_iter().map(|logout| logout.sid).collect()
        };
        assert_eq!(order(&store).await, ["new-1", "new-2", "new-4", "old-1", "old-2"]);
        // Retries are not forgotten for it: they have a part of their own.
        run(&store, "DELETE FROM logouts WHERE sid = 'new-1'").await;
        assert_eq!(order(&store).await, ["new-2", "new-3", "new-4", "old-1", "old-2"]);
    })
    .await;
}

#[tokio::test]
async fn a_proof_is_used_once_whoever_presents_it() {
    on_each_engine("replays", async |store| {
        let use_it = async |kind: &'static str, owner: &'static str, jti_hash: &'static str, until: i64| {
            let inside = store.clone();
            let used: Result<bool, StoreError> = store
                .db()
                .write(move |tx| async move {
                    let proof = Proof {
                        kind,
                        owner,
                        jti_hash,
                        until: Timestamp(until),
                    };
                    inside.use_proof(&tx, proof).await
                })
                .await;
            used.unwrap()
        };
        let all = (0..16).map(|_| use_it("assertion", "a", "h", 100));
        let used = futures::future::join_all(all).await;
        assert_eq!(used.into_iter().filter(|first| *first).count(), 1);
        assert!(use_it("assertion", "b", "h", 100).await, "of somebody else");
        assert!(use_it("dpop", "a", "h", 100).await, "of another kind");
        assert!(use_it("assertion", "a", "other", 2_000_000).await);

        // The decision in the same transaction fails: nothing was used.
        let inside = store.clone();
        let failed: Result<(), StoreError> = store
            .db()
            .write(move |tx| async move {
                let proof = Proof {
                    kind: "assertion",
                    owner: "a",
                    jti_hash: "undone",
                    until: Timestamp(100),
                };
                assert!(inside.use_proof(&tx, proof).await?);
                Err::<(), StoreError>(DbError::Stopped.into())
            })
            .await;
        assert!(failed.is_err());
        assert!(use_it("assertion", "a", "undone", 100).await);

        // Only proofs that could no longer be accepted, by the clock of any node, are deleted.
        store
            .purge_expired(&Retention::default(), Timestamp(0), Timestamp(600_100))
            .await
            .unwrap();
        assert!(!use_it("assertion", "a", "h", 100).await);
        store
            .purge_expired(&Retention::default(), Timestamp(0), Timestamp(600_101))
            .await
            .unwrap();
        assert!(use_it("assertion", "a", "h", 100).await);
        assert!(!use_it("assertion", "a", "other", 2_000_000).await);
    })
    .await;
}
