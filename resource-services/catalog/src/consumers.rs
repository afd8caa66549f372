//! What the catalog consumes: the names of instructors, and which photos are gone.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::photo::{self, PhotoDeleted};
use latchkey_contracts::events::user::{User, UserEvent};
use latchkey_contracts::resource::{ADMIN, INSTRUCTOR};
use latchkey_kit::{Consumer, Transaction, parse, payload};

use crate::{Error, commands, store};

/// User events of identity.
pub const USERS: Consumer = Consumer {
    group: || Group {
        // It would be `catalog.users`, but installations remember under this name what they have handled.
        name: "catalog",
        types: UserEvent::TYPES,
        retries: Retries::default(),
    },
    handle: |t, event| async move { handle(&t, &event).await }.boxed(),
};

/// Photos that are deleted.
pub const PHOTOS: Consumer = Consumer {
    group: || Group {
        name: "catalog.photos",
        types: &[photo::DELETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { forget_photo(&t, &event).await }.boxed(),
};

/// A course that names the photo came too late to keep it, or shows somebody else's.
async fn forget_photo(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let PhotoDeleted { photo_id, .. } = payload(event)?;
    for course in store::showing(&t.tx, &photo_id).await? {
        commands::apply(t, &course.without_photo(t.now).map_err(Error::from)?).await?;
    }
    Ok(())
}

/// Applies one event in the transaction of its inbox row. An older event changes nothing.
pub async fn handle(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let (user_id, name, version) = match parse(event, UserEvent::parse)? {
        UserEvent::Registered(user) | UserEvent::Updated(user) if teaches(&user) => {
            (user.user_id, user.display_name, user.version)
        }
        UserEvent::Registered(_) | UserEvent::Updated(_) => return Ok(()), // names of others are not stored
        UserEvent::Deleted(user) => (user.user_id, String::new(), user.version),
    };
    let before = store::instructor_name(&t.tx, &user_id).await?;
    if !store::remember_instructor(&t.tx, &user_id, &name, version).await? || name == before {
        return Ok(());
    }
    Ok(rename(t, &user_id).await?)
}

/// Gives every course of an instructor a new version, so that caches and copies pick up the name.
async fn rename(t: &Transaction, user_id: &str) -> Result<(), Error> {
    for course in store::taught_by(&t.tx, user_id).await? {
        commands::apply(t, &course.renamed(t.now)?).await?;
    }
    Ok(())
}

fn teaches(user: &User) -> bool {
    user.roles.iter().any(|role| role == INSTRUCTOR || role == ADMIN)
}
