//! What is kept about a person, table by table: what their export shows of it, and when it goes after they are deleted.
//! One list says both, and a test compares it with the tables of the database: whoever adds a table that names a person
//! adds a line.

use latchkey_db::{Class, Row, Tx, sql, sql_list};
use latchkey_protocol::Timestamp;
use serde_json::{Map, Value};

use crate::audit::NOTHING;
use crate::{Store, StoreError};

/// What is kept about a person in one table.
#[derive(Clone, Copy, Debug)]
pub struct PersonalTable {
    /// Its name in the database, and in exports.
    pub table: &'static str,
    /// What an export has of it.
    pub exported: Exported,
    /// What their deletion does to it.
    pub erased: Erased,
}

/// What an export has of a table.
#[derive(Clone, Copy, Debug)]
pub enum Exported {
    /// These columns of every row of the person.
    Rows(ExportQuery),
    /// Its rows, which take more than a query to read.
    Apart,
    /// Nothing, and why.
    Nothing(&'static str),
}

/// A query of an export: page by page in the order of a key.
#[derive(Clone, Copy, Debug)]
pub struct ExportQuery {
    /// `$1` the person, `$2` the key to begin after, `$3` how many.
    find: &'static str,
    columns: &'static [Column],
}

/// A column of an export.
#[derive(Clone, Copy, Debug)]
enum Column {
    /// A text.
    Text(&'static str),
    /// A number.
    Int(&'static str),
    /// An instant.
    Time(&'static str),
    /// JSON.
    Json(&'static str),
}

/// When rows of a deleted person go.
#[derive(Clone, Copy, Debug)]
pub enum Erased {
    /// In the transaction of the deletion, by this statement.
    AtOnce(&'static str),
    /// When everybody has been told of the deletion, in batches.
    Swept {
        /// A query for up to `$2` ids of the person `$1`.
        find: &'static str,
        /// The deletion of a list of ids.
        delete: &'static str,
    },
    /// They stay for a while, or stay without anything personal: how long and why.
    Stays(&'static str),
}

macro_rules! rows {
    ($table:literal of $of:literal by $key:literal: $($kind:ident $column:literal),+ $(,)?) => {
        Exported::Rows(query!($table of $of by $key: $($kind $column),+))
    };
}
macro_rules! query {
    ($table:literal of $of:literal by $key:literal: $($kind:ident $column:literal),+ $(,)?) => {
        ExportQuery {
            find: concat!(
                "SELECT ", $key, " AS row_key", $(", ", $column,)+
                " FROM ", $table, " WHERE (", $of, ") AND ", $key, " > $2 ORDER BY 1 LIMIT $3"
            ),
            columns: &[$(Column::$kind($column)),+],
        }
    };
}
macro_rules! at_once {
    ($table:literal of $of:literal) => {
        Erased::AtOnce(concat!("DELETE FROM ", $table, " WHERE ", $of))
    };
}
macro_rules! swept {
    ($table:literal of $of:literal by $id:literal) => {
        Erased::Swept {
            find: concat!(
                "SELECT ",
                $id,
                " AS row_key FROM ",
                $table,
                " WHERE ",
                $of,
                " LIMIT $2"
            ),
            delete: concat!("DELETE FROM ", $table, " WHERE ", $id, " IN ({list})"),
        }
    };
}

/// What the row of a deleted user loses besides their names: in their deletion, and once more when the rest is swept up,
/// for a node of the release before does not know every column.
macro_rules! cleared {
    () => {
        "email_verified_at = NULL, email_undone = NULL, email_undone_at = NULL, notice_email = NULL, \
         notice_email_at = NULL, mail_refused_at = NULL, locale = NULL, foreign_work = NULL, \
         password_hash = NULL, password_changed_at = NULL, user_handle = NULL, claims = '{}', roles = '[]', \
         granted_roles = NULL, ending_roles = NULL, in_groups = NULL, deletion_requested_at = NULL, \
         deletion_due_at = NULL"
    };
}
pub(crate) use cleared;

/// The account itself.
const ACCOUNT: ExportQuery = query!("users" of "id = $1" by "id":
    Text "id", Text "username", Text "email", Time "email_verified_at", Text "notice_email",
    Time "notice_email_at", Json "claims", Json "roles",
    Json "granted_roles", Json "ending_roles", Json "in_groups", Text "locale",
    Time "created_at", Time "updated_at", Time "password_changed_at", Time "approved_at", Time "disabled_at",
    Time "locked_at", Time "deletion_requested_at", Time "deletion_due_at");

/// Every table that names a person. What others depend on goes after what depends on it.
pub const PERSONAL: &[PersonalTable] = &[
    PersonalTable {
        table: "users",
        exported: Exported::Rows(ACCOUNT),
        erased: Erased::Stays("the id alone, so that no one else gets it; every name and secret is gone"),
    },
    PersonalTable {
        table: "person_keys",
        exported: Exported::Nothing("a secret"),
        erased: at_once!("person_keys" of "user_id = $1"),
    },
    PersonalTable {
        table: "passkeys",
        exported: rows!("passkeys" of "user_id = $1" by "credential_id":
            Text "name", Text "rp_id", Text "aaguid", Int "backup_state", Time "created_at", Time "last_used_at",
            Text "last_used_on", Time "suspended_at"),
        erased: at_once!("passkeys" of "user_id = $1"),
    },
    PersonalTable {
        table: "profile_pictures",
        exported: rows!("profile_pictures" of "user_id = $1" by "id":
            Text "id", Text "mime", Text "content", Time "created_at"),
        erased: at_once!("profile_pictures" of "user_id = $1"),
    },
    PersonalTable {
        table: "group_members",
        exported: rows!("group_members" of "user_id = $1" by "group_id":
            Text "group_id", Text "origin", Time "added_at"),
        erased: at_once!("group_members" of "user_id = $1"),
    },
    PersonalTable {
        table: "role_grants",
        exported: rows!("role_grants" of "user_id = $1" by "id":
            Text "role", Text "origin", Time "until", Time "granted_at"),
        erased: at_once!("role_grants" of "user_id = $1"),
    },
    PersonalTable {
        table: "upstream_sign_ins",
        exported: Exported::Nothing("the names of sessions elsewhere, which are nobody's but the provider's"),
        erased: at_once!("upstream_sign_ins" of
            "identity_id IN (SELECT i.id FROM upstream_identities i WHERE i.user_id = $1)"),
    },
    PersonalTable {
        table: "upstream_identities",
        exported: rows!("upstream_identities" of "user_id = $1" by "id":
            Text "provider", Text "issuer", Text "subject", Text "label", Time "linked_at", Time "last_used_at"),
        erased: at_once!("upstream_identities" of "user_id = $1"),
    },
    PersonalTable {
        table: "upstream_arrivals",
        exported: Exported::Nothing("kept for minutes, and confirmed or forgotten"),
        erased: at_once!("upstream_arrivals" of "user_id = $1"),
    },
    PersonalTable {
        table: "upstream_flows",
        exported: Exported::Nothing("kept for minutes, while a browser is away at a provider"),
        erased: at_once!("upstream_flows" of "user_id = $1"),
    },
    PersonalTable {
        table: "totp",
        exported: rows!("totp" of "user_id = $1" by "id":
            Text "id", Text "name", Time "confirmed_at", Time "last_used_at"),
        erased: at_once!("totp" of "user_id = $1"),
    },
    PersonalTable {
        table: "recovery_codes",
        exported: rows!("recovery_codes" of "user_id = $1" by "code_hash":
            Time "created_at", Time "used_at"),
        erased: at_once!("recovery_codes" of "user_id = $1"),
    },
    PersonalTable {
        table: "remembered_devices",
        exported: rows!("remembered_devices" of "user_id = $1" by "id":
            Text "id", Text "device", Time "created_at", Time "expires_at"),
        erased: at_once!("remembered_devices" of "user_id = $1"),
    },
    PersonalTable {
        table: "one_time_proofs",
        exported: Exported::Nothing("secrets that are valid for minutes or days"),
        erased: at_once!("one_time_proofs" of
            "subject = $1 OR subject IN (SELECT r.id FROM recoveries r WHERE r.user_id = $1)"),
    },
    PersonalTable {
        table: "recoveries",
        exported: rows!("recoveries" of "user_id = $1" by "id":
            Text "id", Text "begun", Time "started_at", Time "waits_since", Time "ready_at", Time "stopped_at",
            Time "finished_at"),
        erased: at_once!("recoveries" of "user_id = $1"),
    },
    PersonalTable {
        table: "export_parts",
        exported: Exported::Nothing("the export itself"),
        erased: at_once!("export_parts" of
            "export_id IN (SELECT e.id FROM exports e WHERE e.user_id = $1)"),
    },
    PersonalTable {
        table: "exports",
        exported: rows!("exports" of "user_id = $1" by "id":
            Text "id", Text "state", Time "requested_at", Time "ready_at", Time "expires_at"),
        erased: at_once!("exports" of "user_id = $1"),
    },
    PersonalTable {
        table: "session_proofs",
        exported: rows!("session_proofs" of "session_id IN (SELECT s.id FROM sessions s WHERE s.user_id = $1)"
            by "(session_id || '|' || method || '|' || credential)":
            Text "session_id", Text "method", Time "at"),
        erased: swept!("session_proofs" of "session_id IN (SELECT s.id FROM sessions s WHERE s.user_id = $1)"
            by "session_id"),
    },
    PersonalTable {
        table: "codes",
        exported: Exported::Nothing(
            "secrets that are valid for a minute; what they led to is among the families",
        ),
        erased: swept!("codes" of "user_id = $1" by "code_hash"),
    },
    PersonalTable {
        table: "families",
        exported: rows!("families" of "user_id = $1" by "id":
            Text "id", Text "client_id", Text "session_id", Text "scope", Json "resources", Text "device",
            Int "generation", Time "created_at", Time "last_used_at", Time "offline_at", Time "expires_at",
            Time "revoked_at", Text "cause"),
        erased: swept!("families" of "user_id = $1" by "id"),
    },
    PersonalTable {
        table: "sessions",
        exported: rows!("sessions" of "user_id = $1" by "id":
            Text "id", Text "device", Text "acr", Text "amr", Time "auth_time", Time "created_at",
            Time "last_seen_at", Time "expires_at", Time "ended_at", Text "cause"),
        erased: swept!("sessions" of "user_id = $1" by "id"),
    },
    PersonalTable {
        table: "sign_ins",
        exported: rows!("sign_ins" of "user_id = $1" by "id":
            Text "id", Time "at", Text "outcome", Text "device", Text "session_id"),
        erased: swept!("sign_ins" of "user_id = $1" by "id"),
    },
    PersonalTable {
        table: "mail",
        exported: rows!("mail" of "user_id = $1" by "id":
            Text "id", Text "purpose", Text "locale", Text "state", Time "created_at", Time "sent_at"),
        erased: swept!("mail" of "user_id = $1" by "id"),
    },
    PersonalTable {
        table: "grants",
        exported: rows!("grants" of "user_id = $1" by "id":
            Text "id", Text "client_id", Text "scope", Json "resources", Time "created_at", Time "updated_at",
            Time "withdrawn_at"),
        erased: Erased::Stays("a year: what was consented to, by an id that names nobody any more"),
    },
    PersonalTable {
        table: "terms_acceptances",
        exported: rows!("terms_acceptances" of "user_id = $1" by "version":
            Text "version", Text "locale", Time "accepted_at"),
        erased: Erased::Stays("a year: which terms were accepted, by an id that names nobody any more"),
    },
    PersonalTable {
        table: "audit",
        exported: Exported::Apart,
        erased: Erased::Stays(
            "400 days, administration 3 years; its detail is sealed under the key that is gone",
        ),
    },
    PersonalTable {
        table: "imported_people",
        exported: Exported::Nothing("a keyed hash of an id in another system"),
        erased: Erased::Stays("a keyed hash, so that an import does not bring the account back"),
    },
    PersonalTable {
        table: "revocations",
        exported: Exported::Nothing("ids of tokens that are refused"),
        erased: Erased::Stays("until the last token has expired that must be refused"),
    },
    PersonalTable {
        table: "bulk_revocations",
        exported: Exported::Nothing("work under way"),
        erased: Erased::Stays("until the last family has its end"),
    },
    PersonalTable {
        table: "exchanges",
        exported: Exported::Nothing("ids of tokens that are valid for minutes"),
        erased: Erased::Stays("until the token has expired that was exchanged"),
    },
    PersonalTable {
        table: "logouts",
        exported: Exported::Nothing("messages to applications under way"),
        erased: Erased::Stays("until the application was told, or has not answered for too long"),
    },
    PersonalTable {
        table: "registrations",
        exported: Exported::Nothing("a registration under way, of anybody who types the address"),
        erased: Erased::Stays("24 hours after it expired"),
    },
    PersonalTable {
        table: "invitations",
        exported: Exported::Nothing("of whoever invited"),
        erased: Erased::Stays("30 days after it expired"),
    },
    PersonalTable {
        table: "authorization_requests",
        exported: Exported::Nothing("a sign-in under way"),
        erased: Erased::Stays("until it expires, within hours"),
    },
];

/// How many rows go in one transaction.
const AT_ONCE: i64 = 500;

impl Store {
    /// Erases what goes with a person at once: whatever signs them in, and the key of what stays. The rest is swept up
    /// later.
    pub(crate) async fn erase(&self, tx: &Tx, user: &str) -> Result<(), StoreError> {
        for line in PERSONAL {
            if let Erased::AtOnce(statement) = line.erased {
                sql(statement).bind(user).execute(tx).await?;
            }
        }
        Ok(())
    }

    /// Up to `limit` people after this id who were deleted before then and of whom rows are left, by id. Whoever must still
    /// be told that their sessions have ended is told first.
    pub async fn unswept(
        &self,
        before: Timestamp,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        sql(
            "SELECT u.id AS id FROM users u WHERE u.deleted_at < $1 AND u.erased_at IS NULL AND u.id > $2 \
               AND NOT EXISTS (SELECT 1 FROM bulk_revocations b WHERE b.subject = u.id) \
               AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.ended_at IS NOT NULL \
                 AND s.told_at IS NULL) \
             ORDER BY u.id LIMIT $3",
        )
        .bind(before.0)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| Ok(row.text("id")?))
        .collect()
    }

    /// Sweeps up what is left of a deleted person, a batch at a time. Each table is scanned by a reader, and only its own
    /// rows are touched.
    pub async fn sweep(&self, user: &str, now: Timestamp) -> Result<(), StoreError> {
        // Whoever was deleted by a node of the release before has rows in tables that it does not know.
        let (store, whom) = (self.clone(), user.to_owned());
        let erased = self.db.write(move |tx| async move {
            let rows = sql(concat!(
                "UPDATE users SET ",
                cleared!(),
                " WHERE id = $1 AND deleted_at IS NOT NULL"
            ))
            .bind(&whom)
            .execute(&tx)
            .await?;
            if rows == 1 {
                store.erase(&tx, &whom).await?;
            }
            Ok::<_, StoreError>(())
        });
        erased.await?;
        let beside = self.db.reading(Class::Background);
        for line in PERSONAL {
            let Erased::Swept { find, delete } = line.erased else {
                continue;
            };
            loop {
                let found = sql(find).bind(user).bind(AT_ONCE).fetch_all(&beside).await?;
                let ids = found
                    .iter()
                    .map(|row| row.text("row_key"))
                    .collect::<Result<Vec<String>, _>>()?;
                if ids.is_empty() {
                    break;
                }
                self.db.write_one(sql_list(delete).bind_list(&ids)).await?;
            }
        }
        // Detail that an earlier release wrote is plain.
        let plain = sql("UPDATE audit SET detail = $2 \
                         WHERE (subject = $1 OR actor = $1) AND person IS NULL AND detail <> $2")
        .bind(user)
        .bind(NOTHING);
        self.db.write_one(plain).await?;
        let done = sql("UPDATE users SET erased_at = $2 WHERE id = $1 AND erased_at IS NULL")
            .bind(user)
            .bind(now.0);
        self.db.write_one(done).await?;
        Ok(())
    }

    /// A page of an export: the key of its last row, and the rows; `None` when there is no more. `time` writes instants.
    pub async fn export_page(
        &self,
        query: &ExportQuery,
        user: &str,
        after: &str,
        limit: i64,
        time: fn(i64) -> String,
    ) -> Result<Option<(String, Vec<Value>)>, StoreError> {
        let rows = sql(query.find)
            .bind(user)
            .bind(after)
            .bind(limit)
            .fetch_all(&self.db.reading(Class::Background))
            .await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let key = last.text("row_key")?;
        let rows = rows.iter().map(|row| value(row, query.columns, time));
        Ok(Some((key, rows.collect::<Result<_, _>>()?)))
    }
}

fn value(row: &Row, columns: &[Column], time: fn(i64) -> String) -> Result<Value, StoreError> {
    let mut object = Map::new();
    for column in columns {
        let (name, value) = match *column {
            Column::Text(name) => (name, Value::from(row.opt_text(name)?)),
            Column::Int(name) => (name, Value::from(row.opt_int(name)?)),
            Column::Time(name) => (name, Value::from(row.opt_int(name)?.map(time))),
            Column::Json(name) => {
                let text = row.opt_text(name)?;
                let parsed = text.map(|text| serde_json::from_str(&text).unwrap_or(Value::from(text)));
                (name, parsed.unwrap_or_default())
            }
        };
        object.insert(name.to_owned(), value);
    }
    Ok(Value::Object(object))
}
