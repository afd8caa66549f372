//! Refresh families: one row each, however often it is refreshed, without any token.

use latchkey_db::{Row, Tx, sql};
use latchkey_protocol::consent::Consent;
use latchkey_protocol::family_limits::{AHEAD_MS, BIRTHS, MOST_ENDED, MOST_LIVING};
use latchkey_protocol::grant_validity::GrantValidity;
use latchkey_protocol::refresh::{Family, Reissue, Rotate, Use};
use latchkey_protocol::refresh_token::{Handle, KeyId, Salt};
use latchkey_protocol::revocation_policy::{EndReason, RevocationCause};
use latchkey_protocol::user::User;
use latchkey_protocol::{ClientId, Timestamp};

use crate::bulk_revocations::{FamilyName, bulk_ended_at, family_kind};
use crate::people::{GrantedText, consent_columns, granted, person_columns, read_consent};
use crate::sessions::{amr_text, sign_in};
use crate::{Place, Store, StoreError};

/// A family and everything that it depends on, in one query.
#[derive(Clone, Debug)]
pub struct FamilyFacts {
    /// The row.
    pub family: Family,
    /// The user.
    pub person: Option<User>,
    /// The user's consent for the client.
    pub consent: Option<Consent>,
    /// Whether somebody ended the session.
    pub session_ended: bool,
}

impl FamilyFacts {
    /// What decides over a refresh token of the family.
    pub fn validity(&self) -> GrantValidity<'_> {
        GrantValidity {
            person: self.person.as_ref(),
            consent: self.consent.as_ref(),
            session_ended: self.session_ended,
            ..GrantValidity::default()
        }
    }
}

/// A family as its person sees it.
#[derive(Clone, Debug)]
pub struct FamilyRow {
    /// The row.
    pub family: Family,
    /// The user agent of the browser or device.
    pub device: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Why somebody ended it.
    pub cause: Option<RevocationCause>,
    /// Whether it stands among those that somebody has ended.
    listed_as_ended: bool,
}

/// What exists beside a family that is being created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExistingFamilies {
    /// The creation time that limits the next family ([`latchkey_protocol::family_limits::next_birth`]).
    pub limiting: Option<Timestamp>,
    /// How many families with a refresh token are active, as far as it matters.
    pub living: i64,
    /// Families created up to this time have ended, and wait for their page.
    pub ended_until: Option<Timestamp>,
}

/// The position after a page of a user's families: whether it has reached the ended ones, and the position of the last
/// line.
pub type FamilyPlace = (bool, i64, String);

macro_rules! family_columns {
    () => {
        concat!("f.id AS f_id, f.handle AS f_handle, f.fam AS f_fam, f.salt AS f_salt, f.client_id AS f_client_id, \
         f.user_id AS f_user_id, f.session_id AS f_session_id, f.sid AS f_sid, f.scope AS f_scope, \
         f.resources AS f_resources, f.pairs AS f_pairs, f.confirmation AS f_confirmation, f.acr AS f_acr, \
         f.amr AS f_amr, f.auth_time AS f_auth_time, f.generation AS f_generation, f.mac_key_id AS f_mac_key_id, \
         f.previous_mac_key_id AS f_previous_mac_key_id, f.rotated_at AS f_rotated_at, \
         f.last_used_at AS f_last_used_at, f.overlap_hits AS f_overlap_hits, f.overlap_streak AS f_overlap_streak, \
         f.hit_generation AS f_hit_generation, f.late_answer_at AS f_late_answer_at, f.offline_at AS f_offline_at, \
         f.idle_expires_at AS f_idle_expires_at, f.expires_at AS f_expires_at, COALESCE(f.revoked_at, ",
            bulk_ended_at!("f"),
            ") AS f_revoked_at"
        )
    };
}

// SQLite prepares a statement again for each run if its LIMIT is a parameter, since the value may change the plan. That
// costs far more than the run, so these numbers are in the text of the statements.
const _: () = assert!(BIRTHS - 1 == 19 && MOST_LIVING + MOST_ENDED - 1 == 104);

/// The creation time that limits the next family of a user at a client: the columns that identify both, and the
/// parameter for the latest time that counts.
macro_rules! limiting_birth {
    ($user:literal, $client:literal, $until:literal) => {
        concat!(
            "(SELECT n.created_at FROM families n WHERE n.user_id = ",
            $user,
            " AND n.client_id = ",
            $client,
            " AND n.created_at <= ",
            $until,
            " ORDER BY n.created_at DESC LIMIT 1 OFFSET 19)"
        )
    };
}
pub(crate) use limiting_birth;

/// The latest creation time that counts.
pub(crate) fn latest_counted_birth(now: Timestamp) -> i64 {
    now.0.saturating_add(AHEAD_MS)
}

/// Families of these kinds that can be refreshed at `$3`.
macro_rules! refreshing {
    ($kinds:literal, $order:expr, $most:literal) => {
        concat!(
            "FROM families WHERE user_id = $1 AND client_id = $2 AND revoked_at IS NULL AND ",
            family_kind!(""),
            $kinds,
            " AND (idle_expires_at IS NULL OR idle_expires_at > $3) AND (expires_at IS NULL OR expires_at > $3) \
               ORDER BY ",
            // That of the index.
            $order,
            " LIMIT ",
            $most
        )
    };
}

impl Store {
    /// Stores a family created from the code with this hash.
    pub async fn add_family(
        &self,
        tx: &Tx,
        family: &Family,
        code_hash: &str,
        device: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let granted = GrantedText::from(&family.granted);
        sql("INSERT INTO families (id, handle, fam, salt, client_id, client_profile, user_id, session_id, sid, grant_id, \
               scope, resources, confirmation, acr, amr, acr_source, auth_time, generation, mac_key_id, overlap_hits, \
               overlap_streak, offline_at, device, created_at, idle_expires_at, expires_at, pairs) \
             SELECT $1, $2, $3, $4, $5, c.client_profile, $6, $7, $8, c.grant_id, $9, $10, $11, $12, $13, c.acr_source, \
               $14, $15, $16, 0, 0, $17, $18, $19, $20, $21, $23 FROM codes c WHERE c.code_hash = $22")
        .bind(&family.id)
        .bind(family.handle.text())
        .bind(&family.fam)
        .bind(family.salt.text())
        .bind(family.client.as_str())
        .bind(&family.user)
        .bind(family.session.clone())
        .bind(family.sid.clone())
        .bind(granted.scope)
        .bind(granted.resources)
        .bind(family.confirmation.clone())
        .bind(family.sign_in.acr.clone())
        .bind(amr_text(&family.sign_in))
        .bind(family.sign_in.auth_time.0)
        .bind(family.generation)
        .bind(family.mac_key_id.map(|id| id.to_string()))
        .bind(family.offline_at.map(|at| at.0))
        .bind(device)
        .bind(now.0)
        .bind(family.idle_expires_at.map(|at| at.0))
        .bind(family.expires_at.map(|at| at.0))
        .bind(code_hash)
        .bind(granted.pairs)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The family with this handle.
    pub async fn family(&self, handle: &Handle) -> Result<Option<FamilyFacts>, StoreError> {
        let row = sql(concat!(
            "SELECT ",
            family_columns!(),
            ", s.id AS s_id, s.ended_at AS s_ended_at, ",
            person_columns!(),
            ", ",
            consent_columns!(),
            " FROM families f LEFT JOIN users u ON u.id = f.user_id \
               LEFT JOIN sessions s ON s.id = f.session_id \
               LEFT JOIN grants g ON g.user_id = f.user_id AND g.client_id = f.client_id WHERE f.handle = $1"
        ))
        .bind(handle.text())
        .fetch_optional(&self.db)
        .await?;
        row.map(|row| {
            let family = read(&row)?;
            let gone = row.opt_text("s_id")?.is_none() || row.opt_int("s_ended_at")?.is_some();
            Ok(FamilyFacts {
                session_ended: family.session.is_some() && gone,
                family,
                person: self.read_person(&row)?,
                consent: read_consent(&row)?,
            })
        })
        .transpose()
    }

    /// Rule 2: the next generation, unless a concurrent request was faster.
    pub async fn rotate_family(&self, rotate: &Rotate) -> Result<bool, StoreError> {
        macro_rules! rotated {
            ($set:literal, $of:literal) => {
                concat!(
                    "UPDATE families SET generation = $3, ",
                    $set,
                    "previous_mac_key_id = $5, rotated_at = $6, last_used_at = $6, idle_expires_at = $7, \
                       late_answer_at = NULL \
                     WHERE id = $1 AND generation = $2 AND revoked_at IS NULL AND ",
                    $of,
                    bulk_ended_at!("families"),
                    " IS NULL"
                )
            };
        }
        // SQLite writes to each index over a column that a statement sets, even to the same value. The MAC key is in one,
        // and it seldom changes.
        let statement = sql(match rotate.mac_key_id == rotate.previous_mac_key_id {
            true => rotated!("", "mac_key_id = $4 AND "),
            false => rotated!("mac_key_id = $4, ", ""),
        })
        .bind(&rotate.family)
        .bind(rotate.expected_generation)
        .bind(rotate.generation)
        .bind(rotate.mac_key_id.to_string())
        .bind(rotate.previous_mac_key_id.to_string())
        .bind(rotate.rotated_at.0)
        .bind(rotate.idle_expires_at.map(|at| at.0));
        Ok(self.db.write_one(statement).await? == 1)
    }

    /// Rules 3 and 4: counts that the current generation was issued again, unless a concurrent request was faster.
    pub async fn count_retry(&self, tx: &Tx, same: &Reissue) -> Result<bool, StoreError> {
        let rows = sql(concat!(
            "UPDATE families SET overlap_hits = overlap_hits + 1, overlap_streak = $3, hit_generation = $2, \
               late_answer_at = COALESCE($4, late_answer_at) \
             WHERE id = $1 AND generation = $2 AND revoked_at IS NULL \
               AND ($4 IS NULL OR late_answer_at IS NULL) \
               AND ($5 = 0 OR hit_generation IS NULL OR hit_generation <> $2) AND ",
            bulk_ended_at!("families"),
            " IS NULL"
        ))
        .bind(&same.family)
        .bind(same.expected_generation)
        .bind(same.overlap_streak)
        .bind(same.late_answer_at.map(|at| at.0))
        // A streak is reported once: of two retries that complete it, the second decides again.
        .bind(i64::from(same.streak_event))
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Rule 7: a use without rotation, unless a concurrent request was faster.
    pub async fn use_family(&self, used: &Use) -> Result<bool, StoreError> {
        let statement = sql(concat!(
            "UPDATE families SET last_used_at = $3, idle_expires_at = $4 \
             WHERE id = $1 AND generation = $2 AND revoked_at IS NULL AND ",
            bulk_ended_at!("families"),
            " IS NULL"
        ))
        .bind(&used.family)
        .bind(used.expected_generation)
        .bind(used.last_used_at.0)
        .bind(used.idle_expires_at.map(|at| at.0));
        Ok(self.db.write_one(statement).await? == 1)
    }

    /// The existing families beside a new one of this user at this client. The caller holds the consent
    /// ([`Store::spend_code`]): until it has committed, no other is created there.
    pub async fn existing_families(
        &self,
        tx: &Tx,
        user: &str,
        client: &ClientId,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<ExistingFamilies, StoreError> {
        let row = sql(concat!(
            "SELECT ",
            limiting_birth!("$1", "$2", "$4"),
            " AS limiting, (SELECT COUNT(*) FROM (SELECT id ",
            refreshing!(" > 0", family_kind!(""), "104"),
            ") AS counted) AS living, (SELECT MAX(b.before) FROM bulk_revocations b \
               WHERE (b.kind = 'person' AND b.subject = $1) OR (b.kind = 'client' AND b.subject = $2) \
                 OR (b.kind = 'person_at_client' AND b.subject = $1 AND b.client_id = $2)) AS ended_until"
        ))
        .bind(user)
        .bind(client.as_str())
        .bind(latest.0)
        .bind(latest_counted_birth(now))
        .fetch_one(tx)
        .await?;
        Ok(ExistingFamilies {
            limiting: row.opt_int("limiting")?.map(Timestamp),
            living: row.int("living")?,
            ended_until: row.opt_int("ended_until")?.map(Timestamp),
        })
    }

    /// The oldest families of a user at a client that can be refreshed, with or without `offline_access`.
    pub async fn oldest_families(
        &self,
        tx: &Tx,
        user: &str,
        client: &ClientId,
        offline: bool,
        latest: Timestamp,
        most: i64,
    ) -> Result<Vec<FamilyName>, StoreError> {
        sql(match offline {
            false => concat!(
                "SELECT fam, client_id, sid ",
                refreshing!(" = 1", "created_at", "$4")
            ),
            true => concat!(
                "SELECT fam, client_id, sid ",
                refreshing!(" = 2", "created_at", "$4")
            ),
        })
        .bind(user)
        .bind(client.as_str())
        .bind(latest.0)
        .bind(most)
        .fetch_all(tx)
        .await?
        .iter()
        .map(FamilyName::read)
        .collect()
    }

    /// Ends a family, unless somebody has.
    pub async fn end_family(
        &self,
        tx: &Tx,
        fam: &str,
        cause: RevocationCause,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql("UPDATE families SET revoked_at = $2, cause = $3 WHERE fam = $1 AND revoked_at IS NULL")
            .bind(fam)
            .bind(now.0)
            .bind(cause.name())
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Records a sign-out at a client as the cause of what that client revoked of the session for it: since then, and by
    /// itself. Any other cause stays.
    pub async fn ended_by_sign_out(
        &self,
        tx: &Tx,
        session: &str,
        client: &ClientId,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        sql("UPDATE families SET cause = $4 \
             WHERE session_id = $1 AND client_id = $2 AND revoked_at >= $3 AND cause = $5")
        .bind(session)
        .bind(client.as_str())
        .bind(since.0)
        .bind(RevocationCause::SignedOut.name())
        .bind(RevocationCause::RevokedByClient.name())
        .execute(tx)
        .await?;
        Ok(())
    }

    /// A living family of this person.
    pub async fn family_of(&self, user: &str, fam: &str) -> Result<Option<FamilyName>, StoreError> {
        sql("SELECT fam, client_id, sid FROM families WHERE fam = $2 AND user_id = $1 AND revoked_at IS NULL")
            .bind(user)
            .bind(fam)
            .fetch_optional(&self.db)
            .await?
            .map(|row| FamilyName::read(&row))
            .transpose()
    }

    /// Whether this is or was a family of the user.
    pub async fn had_family(&self, user: &str, fam: &str) -> Result<bool, StoreError> {
        let row = sql("SELECT fam FROM families WHERE fam = $2 AND user_id = $1")
            .bind(user)
            .bind(fam)
            .fetch_optional(&self.db)
            .await?;
        Ok(row.is_some())
    }

    /// The same as [`Store::families_of`], but those that somebody has ended come first.
    pub async fn families_by_end(
        &self,
        user: &str,
        after: Option<&FamilyPlace>,
        limit: i64,
    ) -> Result<Vec<FamilyRow>, StoreError> {
        let (ended, at, id) = after.cloned().unwrap_or((true, i64::MAX, String::new()));
        if !ended {
            return self.families_listed(user, false, (at, id), limit).await;
        }
        let mut rows = self.families_listed(user, true, (at, id), limit).await?;
        let left = limit - i64::try_from(rows.len()).unwrap_or(limit);
        if left > 0 {
            let first = (i64::MAX, String::new());
            rows.extend(self.families_listed(user, false, first, left).await?);
        }
        Ok(rows)
    }

    /// Up to `limit` families of a user after a position: those that nobody has ended first, each kind the newest
    /// first.
    pub async fn families_of(
        &self,
        user: &str,
        after: Option<&FamilyPlace>,
        limit: i64,
    ) -> Result<Vec<FamilyRow>, StoreError> {
        let (ended, at, id) = after.cloned().unwrap_or((false, i64::MAX, String::new()));
        if ended {
            return self.families_listed(user, true, (at, id), limit).await;
        }
        let mut rows = self.families_listed(user, false, (at, id), limit).await?;
        let left = limit - i64::try_from(rows.len()).unwrap_or(limit);
        if left > 0 {
            let first = (i64::MAX, String::new());
            rows.extend(self.families_listed(user, true, first, left).await?);
        }
        Ok(rows)
    }

    async fn families_listed(
        &self,
        user: &str,
        ended: bool,
        after: Place,
        limit: i64,
    ) -> Result<Vec<FamilyRow>, StoreError> {
        macro_rules! listed {
            ($which:literal) => {
                concat!(
                    "SELECT ",
                    family_columns!(),
                    ", f.device AS f_device, f.created_at AS f_created_at, f.cause AS f_cause \
                       FROM families f WHERE f.user_id = $1 AND ",
                    $which,
                    " AND (f.created_at, f.id) < ($2, $3) ORDER BY f.created_at DESC, f.id DESC LIMIT $4"
                )
            };
        }
        sql(match ended {
            false => listed!("f.revoked_at IS NULL"),
            true => listed!("f.revoked_at IS NOT NULL"),
        })
        .bind(user)
        .bind(after.0)
        .bind(after.1)
        .bind(limit)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| {
            Ok(FamilyRow {
                family: read(row)?,
                device: row.opt_text("f_device")?,
                created_at: Timestamp(row.int("f_created_at")?),
                cause: row.opt_text("f_cause")?.map(|name| RevocationCause::parse(&name)),
                listed_as_ended: ended,
            })
        })
        .collect()
    }
}

impl FamilyRow {
    /// The position after which the next page continues.
    pub fn place(&self) -> FamilyPlace {
        (self.listed_as_ended, self.created_at.0, self.family.id.clone())
    }

    /// When it ended and why: by somebody, or by itself.
    pub fn end(&self, latest: Timestamp) -> Option<(Timestamp, EndReason)> {
        let over = |end: Option<Timestamp>| end.filter(|end| *end <= latest);
        let family = &self.family;
        match (
            family.revoked_at,
            over(family.idle_expires_at),
            over(family.expires_at),
        ) {
            (Some(at), _, _) => Some((
                at,
                EndReason::Revoked(self.cause.unwrap_or(RevocationCause::Other)),
            )),
            (None, _, Some(at)) => Some((at, EndReason::Expired)),
            (None, Some(at), None) => Some((at, EndReason::Idle)),
            (None, None, None) => None,
        }
    }
}

fn read(row: &Row) -> Result<Family, StoreError> {
    let id = row.text("f_id")?;
    let corrupt = |reason: &str| StoreError::corrupt("families", &id, reason);
    let time = |column| Ok::<_, StoreError>(row.opt_int(column)?.map(Timestamp));
    let key = |column| match row.opt_text(column)? {
        None => Ok(None),
        Some(text) => KeyId::parse(&text)
            .map(Some)
            .ok_or_else(|| corrupt("not a key id")),
    };
    Ok(Family {
        handle: Handle::parse(&row.text("f_handle")?).ok_or_else(|| corrupt("not a handle"))?,
        fam: row.text("f_fam")?,
        salt: Salt::parse(&row.text("f_salt")?).ok_or_else(|| corrupt("not a salt"))?,
        client: ClientId::parse(&row.text("f_client_id")?).ok_or_else(|| corrupt("not a client id"))?,
        user: row.text("f_user_id")?,
        session: row.opt_text("f_session_id")?,
        sid: row.opt_text("f_sid")?,
        granted: granted(row, "f_", "families", &id)?,
        sign_in: sign_in(
            "families",
            &id,
            row.opt_int("f_auth_time")?.unwrap_or_default(),
            row.opt_text("f_acr")?,
            row.opt_text("f_amr")?,
        )?,
        confirmation: row.opt_text("f_confirmation")?,
        generation: row.int("f_generation")?,
        mac_key_id: key("f_mac_key_id")?,
        previous_mac_key_id: key("f_previous_mac_key_id")?,
        rotated_at: time("f_rotated_at")?,
        last_used_at: time("f_last_used_at")?,
        overlap_hits: row.int("f_overlap_hits")?,
        overlap_streak: row.int("f_overlap_streak")?,
        hit_generation: row.opt_int("f_hit_generation")?,
        late_answer_at: time("f_late_answer_at")?,
        offline_at: time("f_offline_at")?,
        idle_expires_at: time("f_idle_expires_at")?,
        expires_at: time("f_expires_at")?,
        revoked_at: time("f_revoked_at")?,
        id: id.clone(),
    })
}
