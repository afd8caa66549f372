//! Families of one user at one client, in large numbers, on both engines.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use latchkey_db::{Db, Options, sql, testing};
use latchkey_identity_store::{BulkRevocation, FamilySet, MIGRATIONS, Store, StoreError};
use latchkey_protocol::family_limits::{BIRTHS, MOST_ENDED, MOST_LIVING};
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::{ClientId, Timestamp};

const NOW: i64 = 1_000_000_000;

async fn on_each_engine<F: AsyncFn(Store)>(name: &str, test: F) {
    for (engine, url) in testing::urls(name).await {
        println!("on {engine:?}");
        let db = Db::open(&url, Options::new(&[MIGRATIONS])).await.unwrap();
        test(Store::new(db.clone())).await;
        db.close().await;
    }
}

fn app() -> ClientId {
    ClientId::parse("app").unwrap()
}

fn person_at_app() -> FamilySet {
    FamilySet::OfUserAtClient {
        user: "u".into(),
        client: app(),
    }
}

/// Families of `u` at `app`: the first is created at `born`, each of the others a millisecond later.
async fn add(store: &Store, name: &'static str, count: i64, born: i64, offline: bool) {
    let statement = sql(
        "INSERT INTO families (id, handle, fam, salt, client_id, user_id, session_id, scope, resources, generation, \
           mac_key_id, overlap_hits, overlap_streak, offline_at, created_at, idle_expires_at, expires_at) \
         WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < $2 - 1) \
         SELECT CAST($1 AS TEXT) || n, SUBSTR(CAST($1 AS TEXT) || 'AAAAAAAAAAAAAA', 1, 14) || CAST(1000000 + n AS TEXT) || 'A', \
           CAST($1 AS TEXT) || n, \
           'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'app', 'u', 's', 'openid', '[]', 1, 'AAAAAAAAAAAA', 0, 0, \
           CASE WHEN CAST($4 AS BIGINT) = 1 THEN CAST($3 AS BIGINT) + n END, CAST($3 AS BIGINT) + n, \
           CAST($3 AS BIGINT) + 1000000, CAST($3 AS BIGINT) + 1000000 FROM counted",
    )
    .bind(name)
    .bind(count)
    .bind(born)
    .bind(i64::from(offline));
    store.db().write_one(statement).await.unwrap();
}

async fn existing_families(store: &Store, now: i64) -> latchkey_identity_store::ExistingFamilies {
    let inside = store.clone();
    let done = store.db().write(move |tx| async move {
        let (now, client) = (Timestamp(now), app());
        inside.existing_families(&tx, "u", &client, now, now).await
    });
    let done: Result<_, StoreError> = done.await;
    done.unwrap()
}

/// Ends a page; returns how many families were in it.
async fn end(store: &Store, set: FamilySet, before: i64, most: i64) -> usize {
    let inside = store.clone();
    let done = store.db().write(move |tx| async move {
        let (before, now) = (Timestamp(before), Timestamp(NOW));
        let cause = RevocationCause::SignedOut;
        inside.end_families(&tx, &set, before, cause, now, most).await
    });
    let done: Result<Vec<_>, StoreError> = done.await;
    done.unwrap().len()
}

#[tokio::test]
async fn a_set_ends_by_pages_and_what_was_born_later_does_not() {
    on_each_engine("set_pages", async |store| {
        let sets = [
            FamilySet::OnlineOfSession("s".into()),
            FamilySet::OfUser("u".into()),
            person_at_app(),
            FamilySet::OfClient(app()),
        ];
        for (name, set) in ["aa", "bb", "cc", "dd"].into_iter().zip(sets) {
            add(&store, name, 25, NOW, false).await;
            for expected in [10, 10, 4, 0] {
                let ended = end(&store, set.clone(), NOW + 23, 10).await;
                assert_eq!(ended, expected, "{set:?}");
            }
            assert_eq!(end(&store, set, i64::MAX, 10).await, 1);
        }
        add(&store, "ee", 1, NOW, true).await;
        let session = FamilySet::OnlineOfSession("s".into());
        assert_eq!(end(&store, session, i64::MAX, 10).await, 0, "it is offline");
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_its_page_has_ended_and_what_is_born_later_has_not() {
    on_each_engine("bulk", async |store| {
        for (name, set) in [
            ("aa", FamilySet::OnlineOfSession("s".into())),
            ("bb", FamilySet::OfUser("u".into())),
            ("cc", person_at_app()),
            ("dd", FamilySet::OfClient(app())),
        ] {
            add(&store, name, 2, NOW, false).await;
            let bulk = BulkRevocation {
                id: name.into(),
                set: set.clone(),
                before: Timestamp(NOW),
                ended_at: Timestamp(NOW + 5),
                cause: RevocationCause::SignedOut,
                actor: "test".into(),
                request_id: String::new(),
                until: 0,
                pages: 0,
            };
            let (inside, row) = (store.clone(), bulk.clone());
            let added = store
                .db()
                .write(move |tx| async move { inside.add_bulk_revocation(&tx, &row).await });
            let added: Result<(), StoreError> = added.await;
            added.unwrap();

            let rows = store.families_of("u", None, 100).await.unwrap();
            let ended = |id: &str| {
                let row = rows.iter().find(|row| row.family.id == format!("{name}{id}"));
                row.unwrap().family.revoked_at
            };
            assert_eq!(ended("0"), Some(Timestamp(NOW + 5)), "{set:?}");
            assert_eq!(ended("1"), None, "{set:?}: born later");
            let handle = rows
                .iter()
                .find(|row| row.family.id == format!("{name}0"))
                .unwrap()
                .family
                .handle;
            let facts = store.family(&handle).await.unwrap().unwrap();
            assert!(facts.family.revoked_at.is_some(), "{set:?}");
            let expected = (!matches!(set, FamilySet::OnlineOfSession(_))).then_some(Timestamp(NOW));
            assert_eq!(
                existing_families(&store, NOW).await.ended_until,
                expected,
                "{set:?}"
            );

            assert_eq!(store.next_bulk_revocation().await.unwrap().as_deref(), Some(name));
            let (inside, of) = (store.clone(), name);
            let begun = store.db().write(move |tx| async move {
                let begun = inside.begin_page(&tx, of).await?;
                inside.finish_bulk_revocation(&tx, of).await?;
                Ok::<_, StoreError>((begun, inside.begin_page(&tx, of).await?))
            });
            let (begun, gone) = begun.await.unwrap();
            assert_eq!(begun, Some(BulkRevocation { pages: 1, ..bulk }), "{set:?}");
            assert_eq!(gone, None);
            end(&store, set, i64::MAX, 100).await;
        }
    })
    .await;
}

#[tokio::test]
async fn births_are_counted_by_the_minute_and_the_living_as_far_as_it_matters() {
    on_each_engine("births", async |store| {
        assert_eq!(existing_families(&store, NOW).await.limiting, None);
        add(&store, "aa", BIRTHS - 1, NOW, false).await;
        let seen = existing_families(&store, NOW + 1_000).await;
        assert_eq!((seen.limiting, seen.living), (None, BIRTHS - 1));
        add(&store, "bb", 1, NOW + 500, true).await;
        let seen = existing_families(&store, NOW + 1_000).await;
        assert_eq!((seen.limiting, seen.living), (Some(Timestamp(NOW)), BIRTHS));
        // Families from a clock that was far ahead are not counted.
        assert_eq!(existing_families(&store, NOW - 61_000).await.limiting, None);
        // An ended family was created all the same, and is no longer active; neither are expired ones.
        assert_eq!(end(&store, person_at_app(), NOW, 1).await, 1);
        let seen = existing_families(&store, NOW + 1_000).await;
        assert_eq!((seen.limiting, seen.living), (Some(Timestamp(NOW)), BIRTHS - 1));
        assert_eq!(existing_families(&store, NOW + 2_000_000).await.living, 0);
        add(&store, "cc", 300, NOW, false).await;
        assert_eq!(
            existing_families(&store, NOW).await.living,
            MOST_LIVING + MOST_ENDED - 1
        );

        let inside = store.clone();
        let oldest = store.db().write(move |tx| async move {
            let (client, now) = (app(), Timestamp(NOW));
            let online = inside.oldest_families(&tx, "u", &client, false, now, 2).await?;
            let offline = inside.oldest_families(&tx, "u", &client, true, now, 2).await?;
            Ok::<_, StoreError>((online, offline))
        });
        let (online, offline) = oldest.await.unwrap();
        let names = |all: Vec<latchkey_identity_store::FamilyName>| -> Vec<String> {
            all.into_iter().map(|family| family.fam).collect()
        };
        assert_eq!((names(online).len(), names(offline)), (2, vec!["bb0".to_owned()]));
    })
    .await;
}

#[tokio::test]
async fn a_persons_families_are_listed_by_pages_those_that_live_first() {
    on_each_engine("listed", async |store| {
        add(&store, "aa", 7, NOW, false).await;
        assert_eq!(end(&store, person_at_app(), i64::MAX, 100).await, 7);
        add(&store, "bb", 7, NOW - 1_000, false).await;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.families_of("u", after.as_ref(), 4).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.place());
            seen.extend(page.into_iter().map(|row| row.family.id));
        }
        let expected: Vec<String> = ["bb", "aa"]
            .iter()
            .flat_map(|name| (0..7).rev().map(move |n| format!("{name}{n}")))
            .collect();
        assert_eq!(seen, expected);
    })
    .await;
}

#[tokio::test]
async fn a_statement_for_one_person_looks_at_nobody_elses_rows() {
    // Without an index, a plan names only the table.
    let url = testing::sqlite_url("plans");
    let db = Db::open(&url, Options::new(&[MIGRATIONS])).await.unwrap();
    for (statement, index) in [
        (
            "SELECT id FROM families f WHERE f.user_id = $1 AND f.revoked_at IS NULL AND (f.created_at, f.id) < (1, '') \
             ORDER BY f.created_at DESC, f.id DESC LIMIT 50",
            "families_unended",
        ),
        (
            "SELECT id FROM families f WHERE f.user_id = $1 AND f.revoked_at IS NOT NULL \
             AND (f.created_at, f.id) < (1, '') ORDER BY f.created_at DESC, f.id DESC LIMIT 50",
            "families_ended",
        ),
        (
            "SELECT n.created_at FROM families n WHERE n.user_id = $1 AND n.client_id = $1 AND n.created_at <= 1 \
             ORDER BY n.created_at DESC LIMIT 1 OFFSET 19",
            "families_born",
        ),
        (
            "SELECT id FROM families WHERE user_id = $1 AND client_id = $1 AND revoked_at IS NULL \
             AND (CASE WHEN mac_key_id IS NULL THEN 0 WHEN offline_at IS NULL THEN 1 ELSE 2 END) > 0 \
             ORDER BY (CASE WHEN mac_key_id IS NULL THEN 0 WHEN offline_at IS NULL THEN 1 ELSE 2 END) LIMIT 104",
            "families_living (user_id=? AND client_id=? AND <expr>>?)",
        ),
        (
            "SELECT fam FROM families WHERE user_id = $1 AND client_id = $1 AND revoked_at IS NULL \
             AND (CASE WHEN mac_key_id IS NULL THEN 0 WHEN offline_at IS NULL THEN 1 ELSE 2 END) = 1 \
             ORDER BY created_at LIMIT 5",
            "families_living (user_id=? AND client_id=? AND <expr>=?)",
        ),
        (
            "SELECT id FROM families WHERE session_id = $1 AND offline_at IS NULL AND revoked_at IS NULL \
             ORDER BY session_id LIMIT 500",
            "families_session",
        ),
        (
            "SELECT f.id FROM families f WHERE f.user_id = $1 AND f.client_id = $1 AND f.revoked_at IS NULL \
             AND f.created_at <= 1 \
             AND (CASE WHEN f.mac_key_id IS NULL THEN 0 WHEN f.offline_at IS NULL THEN 1 ELSE 2 END) >= 0 \
             ORDER BY (CASE WHEN f.mac_key_id IS NULL THEN 0 WHEN f.offline_at IS NULL THEN 1 ELSE 2 END), f.created_at LIMIT 500",
            "families_living (user_id=? AND client_id=? AND <expr>>?)",
        ),
        (
            "SELECT MAX(created_at) AS born FROM families WHERE user_id = $1 AND client_id = $1",
            "families_born (user_id=? AND client_id=?)",
        ),
        (
            "SELECT MAX(created_at) AS born FROM families WHERE client_id = $1 AND revoked_at IS NULL",
            "families_client (client_id=?)",
        ),
        (
            "SELECT MAX(created_at) AS born FROM families WHERE user_id = $1 AND revoked_at IS NULL",
            "families_unended (user_id=?)",
        ),
        (
            "SELECT f.id FROM families f JOIN sessions s ON s.id = f.session_id WHERE f.user_id = $1 \
             AND f.client_id = $1 AND f.created_at > 1 AND f.sid = $1 AND f.revoked_at IS NULL \
             AND s.ended_at IS NULL LIMIT 1",
            "families_born (user_id=? AND client_id=? AND created_at>?)",
        ),
        (
            "SELECT id FROM families WHERE client_id = $1 AND revoked_at IS NULL AND created_at <= 1 \
             ORDER BY created_at LIMIT 500",
            "families_client",
        ),
        (
            "SELECT id FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.idle_expires_at > 1 \
             AND (s.idle_expires_at, s.id) < (1, '') ORDER BY s.idle_expires_at DESC, s.id DESC LIMIT 50",
            "sessions_unended",
        ),
        (
            "SELECT id FROM sign_ins WHERE user_id = $1 AND (at, id) < (1, '') ORDER BY at DESC, id DESC LIMIT 50",
            "sign_ins_user",
        ),
        (
            "SELECT subject FROM revocations WHERE kind = 'token' AND client_id = $1 AND until > 1 AND user_id = $1 \
             LIMIT 1000",
            "revocations_tokens",
        ),
        (
            "SELECT MIN(f.client_id) FROM families f WHERE f.session_id = $1 AND f.client_id > 'a'",
            "families_of_session",
        ),
        (
            "SELECT n.sid FROM logouts n WHERE n.client_id = $1 AND n.tries = 0 AND n.due_at <= 1 \
             ORDER BY n.due_at LIMIT 4",
            "logouts_first",
        ),
        (
            "SELECT n.sid FROM logouts n WHERE n.client_id = $1 AND n.tries > 0 AND n.due_at <= 1 \
             ORDER BY n.due_at LIMIT 4",
            "logouts_again",
        ),
        (
            "SELECT id FROM audit WHERE subject = $1 AND (at, id) < (9, 'x') ORDER BY at DESC, id DESC LIMIT 51",
            "audit_subject",
        ),
        (
            "SELECT id FROM audit WHERE kind IN ('consent.given', 'consent.withdrawn') AND actor = $1 \
               AND (at, id) < (9, 'x') ORDER BY at DESC, id DESC LIMIT 51",
            "audit_consents",
        ),
        (
            "SELECT s.id FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NOT NULL \
               AND (s.ended_at, s.id) < (9, 'x') ORDER BY s.ended_at DESC, s.id DESC LIMIT 51",
            "sessions_ended",
        ),
        (
            "SELECT s.id FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.idle_expires_at <= 5 \
               AND (s.idle_expires_at, s.id) < (9, 'x') ORDER BY s.idle_expires_at DESC, s.id DESC LIMIT 51",
            "sessions_unended",
        ),
    ] {
        let plan: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {statement}").into_boxed_str());
        let steps = sql(plan).bind("x").fetch_all(&db).await.unwrap();
        let steps: Vec<String> = steps.iter().map(|row| row.text("detail").unwrap()).collect();
        let plan = steps.join("; ");
        assert!(plan.contains(index), "{statement}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{statement} sorts: {plan}");
    }
    db.close().await;
}
