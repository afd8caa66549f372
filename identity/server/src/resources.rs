//! Resources, as an administrator manages them. What clients are registered for cannot be removed.

use std::sync::Arc;

use latchkey_contracts::resource::{ResourceContract, ScopeContract};
use latchkey_db::Tx;
use latchkey_identity_store::Store;
use latchkey_protocol::Resource;
use latchkey_protocol::resource::ResourceScope;
use serde_json::{Map, Value};

use crate::AdminError;
use crate::admin::Changes;
use crate::registration::{
    changed, check_exchanges, check_names, check_not_built_in, check_resource, check_scopes, check_targets,
};

/// A service as a resource, by its contract.
pub fn resource_of(contract: &ResourceContract) -> Resource {
    let scope = |scope: &&ScopeContract| ResourceScope {
        name: scope.name.to_owned(),
        description: Some(scope.description.to_owned()),
        roles: scope.roles.iter().map(|role| (*role).to_owned()).collect(),
    };
    Resource {
        identifier: contract.audience.to_owned(),
        title: Some(contract.title.to_owned()),
        aliases: Vec::new(),
        scopes: contract.scopes.iter().map(scope).collect(),
        wants_roles: true,
        wants_groups: false,
    }
}

/// The resources that tokens can be for.
pub struct Resources {
    pub(crate) changes: Changes,
    pub(crate) issuer: Arc<str>,
}

impl Resources {
    /// All resources.
    pub async fn list(&self) -> Result<Vec<Resource>, AdminError> {
        self.changes.resources().await
    }

    /// One resource, by its identifier or an alias.
    pub async fn show(&self, name: &str) -> Result<Resource, AdminError> {
        let all = self.list().await?;
        all.into_iter()
            .find(|resource| resource.answers_to(name))
            .ok_or_else(|| unknown(name))
    }

    /// Declares a resource under an unused name.
    pub async fn add(&self, new: Resource, actor: &str) -> Result<Resource, AdminError> {
        check_resource(&new).map_err(AdminError::Rejected)?;
        let identifier = new.identifier.clone();
        self.change(actor, "resource.declared", &identifier, move |all| {
            if all.iter().any(|known| known.identifier == new.identifier) {
                let taken = format!(
                    "resource {} already exists; use `resource set` to change it",
                    new.identifier
                );
                return Err(taken);
            }
            all.push(new);
            Ok(())
        })
        .await?;
        self.show(&identifier).await
    }

    /// Changes some fields of a resource and keeps the others; a field that becomes null is removed.
    pub async fn set(
        &self,
        identifier: &str,
        changes: Map<String, Value>,
        actor: &str,
    ) -> Result<Resource, AdminError> {
        let subject = identifier.to_owned();
        self.change(actor, "resource.changed", identifier, move |all| {
            let known = all.iter_mut().find(|known| known.identifier == subject);
            let known = known.ok_or_else(|| unknown(&subject).to_string())?;
            check_not_built_in(&subject)?;
            let new: Resource = changed(&*known, changes)?;
            check_resource(&new)?;
            *known = new;
            Ok(())
        })
        .await?;
        self.show(identifier).await
    }

    /// Removes a resource that no client is registered for.
    pub async fn remove(&self, identifier: &str, actor: &str) -> Result<(), AdminError> {
        let subject = identifier.to_owned();
        self.change(actor, "resource.removed", identifier, move |all| {
            check_not_built_in(&subject)?;
            let before = all.len();
            all.retain(|known| known.identifier != subject);
            match all.len() < before {
                true => Ok(()),
                false => Err(unknown(&subject).to_string()),
            }
        })
        .await
    }

    /// One decision about all declarations, with the condition afterwards, its rows and its audit record.
    async fn change(
        &self,
        actor: &str,
        kind: &'static str,
        identifier: &str,
        decide: impl FnOnce(&mut Vec<Resource>) -> Result<(), String> + Send + 'static,
    ) -> Result<(), AdminError> {
        let (changes, issuer) = (self.changes.clone(), self.issuer.clone());
        let (actor, identifier) = (actor.to_owned(), identifier.to_owned());
        self.changes
            .commit(move |tx, now| async move {
                let store = &changes.store;
                let before = store.resources(&tx).await?;
                let mut after = before.clone();
                decide(&mut after).map_err(AdminError::Rejected)?;
                check_names(&after, &issuer).map_err(AdminError::Rejected)?;
                clients_keep_what_they_have(store, &tx, &before, &after).await?;
                for resource in after.iter().filter(|resource| !before.contains(resource)) {
                    store.put_resource(&tx, resource, now).await?;
                }
                for gone in &before {
                    if !after.iter().any(|kept| kept.identifier == gone.identifier) {
                        store.remove_resource(&tx, &gone.identifier).await?;
                    }
                }
                changes.record(&tx, kind, &actor, &identifier, now).await
            })
            .await
    }
}

/// A client that is registered for a resource or a scope must not be left with an undeclared name: somebody else could
/// declare another resource under it.
async fn clients_keep_what_they_have(
    store: &Store,
    tx: &Tx,
    before: &[Resource],
    after: &[Resource],
) -> Result<(), AdminError> {
    for client in store.clients_on(tx).await? {
        let metadata = &client.metadata;
        for check in [check_targets, check_scopes, check_exchanges] {
            if check(metadata, before).is_ok() {
                check(metadata, after).map_err(AdminError::Rejected)?;
            }
        }
        let introspects = |resources: &[Resource], name: &String| {
            resources.iter().any(|resource| resource.answers_to(name))
        };
        let mut asked = metadata.may_introspect.iter();
        if let Some(name) = asked.find(|name| introspects(before, name) && !introspects(after, name)) {
            let id = &metadata.client_id;
            return Err(AdminError::Rejected(format!("client {id} may introspect {name}")));
        }
    }
    Ok(())
}

fn unknown(name: &str) -> AdminError {
    AdminError::Rejected(format!("there is no resource {name}"))
}
