//! The identity database: its migrations and the only SQL that touches it.
//!
//! Functions that write take the transaction of their caller's decision, so that a decision and everything that must
//! survive with it are one commit.

mod audit;
mod bulk_revocations;
mod clients;
mod codes;
mod consents;
mod deletions;
mod erasure;
mod exchanges;
mod exports;
mod factors;
mod families;
mod groups;
mod history;
mod imports;
mod installation;
mod keys;
mod leases;
mod logouts;
mod mail;
mod notice_addresses;
mod one_time_proofs;
mod passkeys;
mod people;
mod person_keys;
mod profiles;
mod purge;
mod recoveries;
mod registry;
mod replays;
mod requests;
mod resources;
mod revocations;
mod role_grants;
mod second_factors;
mod session_proofs;
mod sessions;
mod sign_ups;
mod throttles;
mod upstream_flows;
mod upstream_identities;
mod users;

use std::sync::Arc;

use latchkey_db::{Class, Db, DbError, Migration, Migrations};
use latchkey_protocol::Timestamp;

pub use audit::{AuditEntry, AuditFilter, AuditRow};
pub use bulk_revocations::{BulkRevocation, FamilyName, FamilySet};
pub use clients::NewSecret;
pub use codes::CodeFacts;
pub use consents::Connected;
pub use deletions::Deletion;
pub use erasure::{Erased, ExportQuery, Exported, PERSONAL, PersonalTable};
pub use exchanges::Exchange;
pub use exports::ExportRow;
pub use families::{ExistingFamilies, FamilyFacts, FamilyPlace, FamilyRow};
pub use groups::{GroupRow, MemberRow};
pub use history::AuditLine;
pub use imports::{ImportRow, ImportedRow};
pub use installation::Installation;
pub use keys::{KeyRow, SecretRow};
pub use logouts::{EndedSession, Logout};
pub use mail::{MailEnd, MailRow, MailState};
pub use notice_addresses::NoticeAddress;
pub use passkeys::{PasskeyRow, PasskeyUse};
pub use people::Candidate;
pub use person_keys::Sealing;
pub use profiles::{PictureRow, ProfileRow};
pub use purge::Retention;
pub use recoveries::{Owner, RecoveryRow};
pub use replays::Proof;
pub use requests::RequestRow;
pub use revocations::{Recorded, TokenFacts};
pub use role_grants::{Holder, NewRoleGrant, RoleGrantRow, RoleHolder};
pub use second_factors::{RememberedRow, SecondSteps, TotpRow};
pub use sessions::{PastSession, SessionRow, SignInRow};
pub use sign_ups::{InvitationRow, NewInvitation};
pub use throttles::{BlockChange, Guess, Window};
pub use upstream_flows::UpstreamFlowRow;
pub use upstream_identities::{ArrivalPurpose, ArrivalRow, UpstreamIdentityRow, UpstreamUse};
pub use users::{NewUserRow, UserChange, UserRow};

/// The tables of the identity database.
pub const MIGRATIONS: Migrations = Migrations {
    set: "identity",
    steps: &[
        Migration {
            version: 1,
            name: "identity",
            sqlite: include_str!("../migrations/0001_identity.sql"),
            postgres: include_str!("../migrations/0001_identity.sql"),
        },
        Migration {
            version: 2,
            name: "people",
            sqlite: include_str!("../migrations/0002_people.sql"),
            postgres: include_str!("../migrations/0002_people.sql"),
        },
        Migration {
            version: 3,
            name: "sessions",
            sqlite: include_str!("../migrations/0003_sessions.sql"),
            postgres: include_str!("../migrations/0003_sessions.sql"),
        },
        Migration {
            version: 4,
            name: "purging",
            sqlite: include_str!("../migrations/0004_purging.sql"),
            postgres: include_str!("../migrations/0004_purging.sql"),
        },
        Migration {
            version: 5,
            name: "pairs",
            sqlite: include_str!("../migrations/0005_pairs.sql"),
            postgres: include_str!("../migrations/0005_pairs.sql"),
        },
        Migration {
            version: 6,
            name: "families",
            sqlite: include_str!("../migrations/0006_families.sql"),
            postgres: include_str!("../migrations/0006_families.sql"),
        },
        Migration {
            version: 7,
            name: "repeated codes",
            sqlite: include_str!("../migrations/0007_repeated_codes.sql"),
            postgres: include_str!("../migrations/0007_repeated_codes.sql"),
        },
        Migration {
            version: 8,
            name: "generated secrets",
            sqlite: include_str!("../migrations/0008_generated_secrets.sql"),
            postgres: include_str!("../migrations/0008_generated_secrets.sql"),
        },
        Migration {
            version: 9,
            name: "overlapping secrets",
            sqlite: include_str!("../migrations/0009_overlapping_secrets.sql"),
            postgres: include_str!("../migrations/0009_overlapping_secrets.sql"),
        },
        Migration {
            version: 10,
            name: "revocation causes",
            sqlite: include_str!("../migrations/0010_revocation_causes.sql"),
            postgres: include_str!("../migrations/0010_revocation_causes.sql"),
        },
        Migration {
            version: 11,
            name: "logouts",
            sqlite: include_str!("../migrations/0011_logouts.sql"),
            postgres: include_str!("../migrations/0011_logouts.sql"),
        },
        Migration {
            version: 12,
            name: "logout tries",
            sqlite: include_str!("../migrations/0012_logout_tries.sql"),
            postgres: include_str!("../migrations/0012_logout_tries.sql"),
        },
        Migration {
            version: 13,
            name: "block changes",
            sqlite: include_str!("../migrations/0013_block_changes.sql"),
            postgres: include_str!("../migrations/0013_block_changes.sql"),
        },
        Migration {
            version: 14,
            name: "exchanges",
            sqlite: include_str!("../migrations/0014_exchanges.sql"),
            postgres: include_str!("../migrations/0014_exchanges.sql"),
        },
        Migration {
            version: 15,
            name: "living families",
            sqlite: include_str!("../migrations/0015_living_families.sql"),
            postgres: include_str!("../migrations/0015_living_families.sql"),
        },
        Migration {
            version: 16,
            name: "ladder",
            sqlite: include_str!("../migrations/0016_ladder.sql"),
            postgres: include_str!("../migrations/0016_ladder.sql"),
        },
        Migration {
            version: 17,
            name: "mail",
            sqlite: include_str!("../migrations/0017_mail.sql"),
            postgres: include_str!("../migrations/0017_mail.sql"),
        },
        Migration {
            version: 18,
            name: "sign-up",
            sqlite: include_str!("../migrations/0018_sign_up.sql"),
            postgres: include_str!("../migrations/0018_sign_up.sql"),
        },
        Migration {
            version: 19,
            name: "passkeys",
            sqlite: include_str!("../migrations/0019_passkeys.sql"),
            postgres: include_str!("../migrations/0019_passkeys.sql"),
        },
        Migration {
            version: 20,
            name: "second factors",
            sqlite: include_str!("../migrations/0020_second_factors.sql"),
            postgres: include_str!("../migrations/0020_second_factors.sql"),
        },
        Migration {
            version: 21,
            name: "imports",
            sqlite: include_str!("../migrations/0021_imports.sql"),
            postgres: include_str!("../migrations/0021_imports.sql"),
        },
        Migration {
            version: 22,
            name: "recoveries",
            sqlite: include_str!("../migrations/0022_recoveries.sql"),
            postgres: include_str!("../migrations/0022_recoveries.sql"),
        },
        Migration {
            version: 23,
            name: "made_passkeys",
            sqlite: include_str!("../migrations/0023_made_passkeys.sql"),
            postgres: include_str!("../migrations/0023_made_passkeys.sql"),
        },
        Migration {
            version: 24,
            name: "upstream flows",
            sqlite: include_str!("../migrations/0024_upstream_flows.sql"),
            postgres: include_str!("../migrations/0024_upstream_flows.sql"),
        },
        Migration {
            version: 25,
            name: "upstream identities",
            sqlite: include_str!("../migrations/0025_upstream_identities.sql"),
            postgres: include_str!("../migrations/0025_upstream_identities.sql"),
        },
        Migration {
            version: 26,
            name: "profiles",
            sqlite: include_str!("../migrations/0026_profiles.sql"),
            postgres: include_str!("../migrations/0026_profiles.sql"),
        },
        Migration {
            version: 27,
            name: "account",
            sqlite: include_str!("../migrations/0027_account.sql"),
            postgres: include_str!("../migrations/0027_account.sql"),
        },
        Migration {
            version: 28,
            name: "erasure",
            sqlite: include_str!("../migrations/0028_erasure.sql"),
            postgres: include_str!("../migrations/0028_erasure.sql"),
        },
        Migration {
            version: 29,
            name: "groups",
            sqlite: include_str!("../migrations/0029_groups.sql"),
            postgres: include_str!("../migrations/0029_groups.sql"),
        },
        Migration {
            version: 30,
            name: "enrolment",
            sqlite: include_str!("../migrations/0030_enrolment.sql"),
            postgres: include_str!("../migrations/0030_enrolment.sql"),
        },
        Migration {
            version: 31,
            name: "notice_addresses",
            sqlite: include_str!("../migrations/0031_notice_addresses.sql"),
            postgres: include_str!("../migrations/0031_notice_addresses.sql"),
        },
    ],
};

/// The position after a page of a user's list: the sort key, and the id of the last line.
pub type Place = (i64, String);

/// The identity database. Cloning is cheap.
#[derive(Clone)]
pub struct Store {
    db: Db,
    /// The latest instant that the installation has seen: roles that ended before it are not read.
    latest: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Absent where nothing about a person is written; what is written then is plain.
    sealing: Option<Arc<dyn Sealing>>,
}

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An error of the database.
    #[error("the identity database failed")]
    Db(#[from] DbError),
    /// A row that cannot be parsed: somebody has written into the database by hand.
    #[error("row {row:?} of {table} cannot be read: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The key of the row.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// True when the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_transient())
    }

    fn corrupt(table: &'static str, row: &str, reason: impl ToString) -> Self {
        Self::Corrupt {
            table,
            row: row.to_owned(),
            reason: reason.to_string(),
        }
    }
}

impl Store {
    /// The store in this database, whose schema is current.
    pub fn new(db: Db) -> Self {
        Self {
            db,
            latest: Arc::new(|| Timestamp(i64::MIN)),
            sealing: None,
        }
    }

    /// The same store, for whom roles end. Whoever grants anything must say which time it is.
    pub fn at(self, latest: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            latest: Arc::new(latest),
            ..self
        }
    }

    /// The latest instant that the installation has seen.
    fn latest(&self) -> Timestamp {
        (self.latest)()
    }

    /// The same store, which seals what it writes about people.
    pub fn sealed_by(self, sealing: Arc<dyn Sealing>) -> Self {
        Self {
            sealing: Some(sealing),
            ..self
        }
    }

    /// The same store, with reads of this class.
    pub fn reading(&self, class: Class) -> Self {
        Self {
            db: self.db.reading(class),
            latest: self.latest.clone(),
            sealing: self.sealing.clone(),
        }
    }

    /// The database, for writes and change notifications.
    pub fn db(&self) -> &Db {
        &self.db
    }
}
