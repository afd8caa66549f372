//! The row of one family in a real database, written by hand where a history interferes, and by the store where it
//! commits.

use latchkey_db::{Db, DbError, Options, sql};
use latchkey_identity_store::{MIGRATIONS, NewUserRow, Store};
use latchkey_protocol::Timestamp;
use latchkey_protocol::refresh::{Decision, Family};
use latchkey_protocol::revocation::Revocation;
use serde_json::Map;
use tokio::runtime::Runtime;

pub struct Rows {
    runtime: Runtime,
    store: Store,
    _folder: Option<tempfile::TempDir>,
}

impl Rows {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("identity.db").display());
        let runtime = Runtime::new().unwrap();
        let store = runtime.block_on(open(&url));
        Self {
            runtime,
            store,
            _folder: Some(folder),
        }
    }

    pub fn postgres(name: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let store = runtime.block_on(async { open(&latchkey_db::testing::postgres_url(name).await).await });
        Self {
            runtime,
            store,
            _folder: None,
        }
    }

    /// Makes the row what it is in the world, whatever it was before.
    pub fn put(&self, family: &Family) {
        let family = family.clone();
        let store = self.store.clone();
        let done = self.store.db().write(move |tx| async move {
            for text in ["DELETE FROM families WHERE id = $1", "DELETE FROM codes WHERE code_hash = $1", "DELETE FROM revocations WHERE subject <> $1"] {
                sql(text).bind(&family.id).execute(&tx).await?;
            }
            sql("INSERT INTO codes (code_hash, client_id, user_id, grant_id, redirect_uri, scope, resources, auth_time, \
                   created_at, expires_at) VALUES ($1, 'app', 'u', 'g', '', '', '[]', 0, 0, 0)")
            .bind(&family.id)
            .execute(&tx)
            .await?;
            store.add_family(&tx, &family, &family.id, None, Timestamp(0)).await.unwrap();
            sql("UPDATE families SET generation = $2, previous_mac_key_id = $3, rotated_at = $4, last_used_at = $5, \
                   overlap_hits = $6, overlap_streak = $7, hit_generation = $8, late_answer_at = $9, revoked_at = $10 \
                 WHERE id = $1")
            .bind(&family.id)
            .bind(family.generation)
            .bind(family.previous_mac_key_id.map(|id| id.to_string()))
            .bind(family.rotated_at.map(|at| at.0))
            .bind(family.last_used_at.map(|at| at.0))
            .bind(family.overlap_hits)
            .bind(family.overlap_streak)
            .bind(family.hit_generation)
            .bind(family.late_answer_at.map(|at| at.0))
            .bind(family.revoked_at.map(|at| at.0))
            .execute(&tx)
            .await?;
            Ok::<_, DbError>(())
        });
        self.runtime.block_on(done).unwrap();
    }

    /// The row as the store reads it.
    pub fn get(&self) -> Family {
        let handle = latchkey_protocol::refresh_token::Handle([3; 16]);
        let facts = self.runtime.block_on(self.store.family(&handle)).unwrap();
        facts.expect("the family is there").family
    }

    /// Writes a decision as the shell does; returns whether it was written.
    pub fn apply(&self, decision: &Decision, now: i64) -> bool {
        let (store, decision) = (self.store.clone(), decision.clone());
        match &decision {
            Decision::Rotate(rotate) => {
                return self.runtime.block_on(store.rotate_family(rotate)).unwrap();
            }
            Decision::UsedWithoutRotation(used) => {
                return self.runtime.block_on(store.use_family(used)).unwrap();
            }
            _ => {}
        }
        let done = self.store.db().write(move |tx| async move {
            let written = match &decision {
                Decision::Reissue(same) | Decision::ReissueOnce(same) => store.count_retry(&tx, same).await,
                Decision::Replay(end) | Decision::StoreRewound(end) | Decision::StreakEnded(end) => {
                    let held = sql("SELECT id FROM families WHERE fam = $1 AND revoked_at IS NULL")
                        .bind(&end.fam)
                        .fetch_optional(&tx)
                        .await?;
                    let ended = Revocation::Family {
                        fam: end.fam.clone(),
                        sid: None,
                        client_id: "app".into(),
                    };
                    let told = store.add_revocation(&tx, &ended, end.cause, Timestamp(now)).await;
                    store
                        .end_family(&tx, &end.fam, end.cause, Timestamp(now))
                        .await
                        .unwrap();
                    told.map(|_| held.is_some())
                }
                Decision::Rotate(_) | Decision::UsedWithoutRotation(_) | Decision::Error(_) => Ok(true),
            };
            Ok::<_, DbError>(written.unwrap())
        });
        self.runtime.block_on(done).unwrap()
    }

    /// The defect of CVE-2026-1035: a decision about an old row overwrites whatever is there.
    pub fn apply_blindly(&self, decision: &Decision) {
        let decision = decision.clone();
        let done = self.store.db().write(move |tx| async move {
            if let Decision::Rotate(rotate) = &decision {
                sql("UPDATE families SET generation = $2, mac_key_id = $3, previous_mac_key_id = $4, rotated_at = $5, \
                       last_used_at = $5 WHERE id = $1")
                .bind(&rotate.family)
                .bind(rotate.generation)
                .bind(rotate.mac_key_id.to_string())
                .bind(rotate.previous_mac_key_id.to_string())
                .bind(rotate.rotated_at.0)
                .execute(&tx)
                .await?;
            }
            Ok::<_, DbError>(())
        });
        self.runtime.block_on(done).unwrap();
    }
}

async fn open(url: &str) -> Store {
    let db = Db::open(url, Options::new(&[MIGRATIONS])).await.unwrap();
    let store = Store::new(db);
    let adding = store.clone();
    let user = NewUserRow {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
        username: "carol".into(),
        email: "carol@example.test".into(),
        email_verified: false,
        password_hash: None,
        roles: Vec::new(),
        claims: Map::new(),
    };
    let done = store.db().write(move |tx| async move {
        Ok::<_, DbError>(adding.add_user(&tx, &user, Timestamp(0)).await.unwrap())
    });
    assert!(done.await.unwrap());
    store
}
