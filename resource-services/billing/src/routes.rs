//! HTTP to domain and back.

pub mod books;
pub mod credit_notes;
pub mod invoices;
pub mod statements;
mod views;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use latchkey_http::Problem;
use latchkey_kit::{Access, is_id, page};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Error;
use crate::domain::DomainError;
use crate::store::{Filter, NEWEST};

/// The query of a list of documents.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Only those of this order.
    order_id: Option<String>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

impl Asked {
    /// What is listed, before which id, and how many.
    fn read(self, who: &Access) -> Result<(Filter, String, i64), Problem> {
        if self.order_id.as_deref().is_some_and(|id| !is_id(id)) {
            return Err(Error::Query("order_id", "is no id").into());
        }
        let limit = page::limit(self.limit)?;
        let before = page::after(self.cursor.as_deref(), |id: &String| is_id(id))?;
        let filter = Filter {
            buyer_id: who.sub().to_owned(),
            order_id: self.order_id,
        };
        Ok((filter, before.unwrap_or_else(|| NEWEST.to_owned()), limit))
    }
}

/// A document to keep. Its number is its name; it never changes, and nobody but its owner may keep a copy on the way.
fn pdf(number: &str, bytes: Vec<u8>) -> Result<Response, Error> {
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{number}.pdf\""))
        .map_err(|error| DomainError::Unprintable(error.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/pdf")),
        (header::CONTENT_DISPOSITION, name),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    Ok((headers, bytes).into_response())
}

/// Prints where no request waits for the thread.
async fn printed(
    print: impl FnOnce() -> Result<Vec<u8>, DomainError> + Send + 'static,
) -> Result<Vec<u8>, DomainError> {
    tokio::task::spawn_blocking(print)
        .await
        .map_err(|error| DomainError::Unprintable(error.to_string()))?
}
