//! What the catalog hears: the names of those who teach.

use latchkey_bus::{BusError, Cause, Event, Failure, Group, Retries};
use latchkey_contracts::events::user::{User, UserEvent};
use latchkey_db::Tx;

use crate::authoring::Desk;
use crate::{Catalog, CatalogError, store};

/// The catalog's one subscription.
pub fn group() -> Group {
    Group {
        name: "catalog",
        types: UserEvent::TYPES,
        retries: Retries::default(),
    }
}

/// Applies one event in the transaction that holds its inbox row. Older news than we have change nothing.
pub async fn hear(catalog: &Catalog, tx: &Tx, event: &Event) -> Result<(), Failure> {
    let heard =
        UserEvent::parse(&event.r#type, &event.data).map_err(|error| Failure::Dead(error.to_string()))?;
    let (user_id, name, version) = match heard {
        UserEvent::Registered(user) | UserEvent::Updated(user) if teaches(&user) => {
            (user.user_id, user.display_name, user.version)
        }
        UserEvent::Registered(_) | UserEvent::Updated(_) => return Ok(()), // we keep no names that we do not need
        UserEvent::Deleted(user) => (user.user_id, String::new(), user.version),
    };
    let before = store::instructor_name(tx, &user_id).await?;
    if !store::remember_instructor(tx, &user_id, &name, version).await? || name == before {
        return Ok(());
    }
    let desk = catalog.desk(Cause::event(event));
    rename(&desk, tx, &user_id).await.map_err(failure)
}

/// Gives every course of an instructor a new version, so that caches and the others' copies follow the name.
async fn rename(desk: &Desk, tx: &Tx, user_id: &str) -> Result<(), CatalogError> {
    for course in store::taught_by(tx, user_id).await? {
        desk.obey(tx, &course.renamed(desk.now)?).await?;
    }
    Ok(())
}

fn teaches(user: &User) -> bool {
    user.roles
        .iter()
        .any(|role| role == "instructor" || role == "admin")
}

fn failure(error: CatalogError) -> Failure {
    match error {
        CatalogError::Db(error) | CatalogError::Bus(BusError::Db(error)) => Failure::Db(error),
        other => Failure::Retry(other.to_string()),
    }
}
