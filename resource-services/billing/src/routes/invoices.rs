//! Invoices.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use latchkey_db::DbError;
use latchkey_http::{Problem, StrictQuery};
use latchkey_kit::{Access, Context, Ownable, Owned, page};

use super::views::{InvoicePage, InvoiceSummary, InvoiceView};
use super::{Asked, printed};
use crate::domain::{CreditNote, Invoice};
use crate::{Error, print, store};

/// An invoice with what was given back of it; it belongs to its buyer.
pub struct Found {
    pub invoice: Invoice,
    pub credit_notes: Vec<CreditNote>,
    buyer_id: String,
}

impl Ownable for Found {
    async fn find(context: &Context, id: &str) -> Result<Option<Self>, DbError> {
        let Some((buyer_id, credit_notes)) = store::invoice_owner(&context.db, id).await? else {
            return Ok(None);
        };
        let invoice = store::invoice(&context.db, id).await?;
        Ok(invoice.map(|invoice| Self {
            invoice,
            credit_notes,
            buyer_id,
        }))
    }

    fn owner(&self) -> &str {
        &self.buyer_id
    }
}

/// Lists the caller's own invoices, the newest first.
#[utoipa::path(get, path = "/billing/v1/invoices", tag = "invoices", params(Asked),
    responses((status = 200, body = InvoicePage)))]
pub async fn list(
    State(context): State<Context>,
    who: Access,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<InvoicePage>, Problem> {
    let (filter, before, limit) = asked.read(&who)?;
    let found = store::invoices(&context.db, &filter, &before, limit + 1)
        .await
        .map_err(Error::from)?;
    let (found, next_cursor) = page::cut(found, limit, |last| last.id.clone());
    Ok(Json(InvoicePage {
        items: found.iter().map(InvoiceSummary::from).collect(),
        next_cursor,
    }))
}

/// Returns an invoice.
#[utoipa::path(get, path = "/billing/v1/invoices/{id}", tag = "invoices",
    params(("id" = String, Path)), responses((status = 200, body = InvoiceView)))]
pub async fn read(owned: Owned<Found>) -> Json<InvoiceView> {
    Json(InvoiceView::of(owned.found.invoice, &owned.found.credit_notes))
}

/// Returns an invoice to print and to keep.
#[utoipa::path(get, path = "/billing/v1/invoices/{id}/pdf", tag = "invoices",
    params(("id" = String, Path)),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>)))]
pub async fn pdf(owned: Owned<Found>) -> Result<Response, Error> {
    let invoice = owned.found.invoice;
    let number = invoice.number.clone();
    let bytes = printed(move || print::invoice(&invoice)).await?;
    super::pdf(&number, bytes)
}
