//! The number of places of a limited course. It is on the form of the course, and inventory keeps it.

use std::time::Duration;

use super::draft::Draft;
use crate::Storefront;
use crate::api::ApiError;
use crate::api::catalog::MyCourse;

/// Why the places of a course that is saved are not what its form says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// Inventory has not heard of the course yet, or does not respond.
    Later,
    /// More are taken.
    Taken,
}

/// Sets the places, if the form names any for a limited course.
pub async fn set(storefront: &Storefront, login: &str, id: &str, draft: &Draft) -> Result<(), Unset> {
    let Some(capacity) = draft.places() else {
        return Ok(());
    };
    let inventory = &storefront.api.inventory;
    for pause in PAUSES {
        match inventory.my_stock(login, id).await {
            Ok(stock) if stock.capacity == Some(capacity) => return Ok(()),
            // Inventory has heard of the course: seats are counted.
            Ok(stock) if stock.capacity.is_some() => {
                match inventory.set_capacity(login, id, stock.version, capacity).await {
                    Ok(_) => return Ok(()),
                    Err(ApiError::Stale) => {}
                    Err(error) if error.code() == Some("seats_taken") => return Err(Unset::Taken),
                    Err(_) => return Err(Unset::Later),
                }
            }
            Ok(_) | Err(ApiError::Missing) => {}
            Err(_) => return Err(Unset::Later),
        }
        tokio::time::sleep(pause).await;
    }
    Err(Unset::Later)
}

/// The places of a course for its form; empty if there are none or inventory does not say.
pub async fn written(storefront: &Storefront, login: &str, course: &MyCourse) -> String {
    let summary = &course.course.summary;
    if !summary.limited {
        return String::new();
    }
    let stock = storefront.api.inventory.my_stock(login, &summary.id).await;
    let capacity = stock.ok().and_then(|stock| stock.capacity);
    capacity
        .filter(|capacity| *capacity > 0)
        .map_or_else(String::new, |capacity| capacity.to_string())
}

/// Publishes. Places that were just set reach the catalog by an event, so it is asked again while only they are missing.
pub async fn publish(
    storefront: &Storefront,
    login: &str,
    id: &str,
    version: i64,
    draft: &Draft,
) -> Result<MyCourse, ApiError> {
    let catalog = &storefront.api.catalog;
    let mut published = catalog.step(login, id, version, "publish").await;
    for pause in PAUSES {
        let waits = match &published {
            Err(ApiError::Invalid(errors)) => errors.iter().all(|error| error.field == "capacity"),
            Ok(_) | Err(_) => false,
        };
        if !waits || draft.places().is_none_or(|places| places == 0) {
            break;
        }
        tokio::time::sleep(pause).await;
        published = catalog.step(login, id, version, "publish").await;
    }
    published
}

impl Unset {
    /// The end of the word that the page is told.
    pub fn word(set: Result<(), Self>) -> &'static str {
        match set {
            Ok(()) => "",
            Err(Self::Later) => "_later",
            Err(Self::Taken) => "_taken",
        }
    }
}

/// Two seconds in all: an event usually needs a few milliseconds.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(600),
    Duration::from_millis(700),
];
