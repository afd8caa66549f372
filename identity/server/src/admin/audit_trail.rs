//! The audit trail as a whole: pages of it for an administrator, and the seal of an export.

use latchkey_identity_store::{AuditFilter, Store};

use super::audit::AuditView;
use super::changes::AdminError;
use crate::signer::Signer;

/// The audit trail.
pub struct AuditTrail {
    pub(crate) store: Store,
    pub(crate) signer: Signer,
}

/// What is asked of the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// From this instant on, in Unix milliseconds.
    pub since: Option<i64>,
    /// Before this instant.
    pub until: Option<i64>,
    /// A kind, or the beginning of kinds with its point, such as `user.`
    pub kind: Option<String>,
    /// The id, user name or e-mail address of who caused it or whom it is about.
    pub user: Option<String>,
    /// The id of a client, likewise.
    pub client: Option<String>,
    /// Only what was refused, or only what was not.
    pub refused: Option<bool>,
}

impl AuditTrail {
    /// Up to `limit` records, the newest first: a page before this id.
    pub async fn newest(
        &self,
        query: &AuditQuery,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AuditView>, AdminError> {
        let filter = self.filter(query).await?;
        let page = self
            .store
            .audit_newest(&filter, before.unwrap_or_default(), limit);
        Ok(page.await?.into_iter().map(AuditView::from).collect())
    }

    /// Up to `limit` records, the oldest first: a page after this id.
    pub async fn oldest(
        &self,
        query: &AuditQuery,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AuditView>, AdminError> {
        let filter = self.filter(query).await?;
        let page = self.store.audit_oldest(&filter, after.unwrap_or_default(), limit);
        Ok(page.await?.into_iter().map(AuditView::from).collect())
    }

    /// The end of a chain, sealed under the master key for the export with this name: who cannot open that key cannot
    /// make it for another chain.
    pub fn seal_export(&self, name: &str, chain: &[u8]) -> String {
        self.signer.wrap_for_row(EXPORTS, name, chain)
    }

    /// The end of a chain that [`AuditTrail::seal_export`] sealed for this name.
    pub fn open_export(&self, name: &str, sealed: &str) -> Result<Vec<u8>, AdminError> {
        let opened = self.signer.open_of_row(EXPORTS, name, sealed);
        let opened = opened.map_err(|_| {
            AdminError::Rejected("the seal of this export was not made by this installation".to_owned())
        })?;
        Ok(opened.to_vec())
    }

    async fn filter(&self, query: &AuditQuery) -> Result<AuditFilter, AdminError> {
        let user = match &query.user {
            None => String::new(),
            // Somebody who was deleted is found by the id alone.
            Some(name) => {
                let found = self.store.user(self.store.db(), name).await?;
                found.map_or_else(|| name.clone(), |row| row.id)
            }
        };
        Ok(AuditFilter {
            since: query.since,
            until: query.until,
            kind: query.kind.clone().unwrap_or_default(),
            user,
            client: query.client.clone().unwrap_or_default(),
            refused: query.refused,
        })
    }
}

const EXPORTS: &str = "audit_exports";
