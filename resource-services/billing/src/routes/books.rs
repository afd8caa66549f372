//! The books, for administrators.

use axum::Json;
use axum::extract::State;
use latchkey_clock::rfc3339;
use latchkey_http::{Problem, StrictQuery};
use latchkey_kit::{Context, page};
use serde::Deserialize;
use utoipa::IntoParams;

use super::views::{AccountPage, AccountView, EntryView, JournalPage, ReconcileView, TrialBalanceView};
use crate::domain::Account;
use crate::{Error, reconciliation, store};

/// Lists the accounts with what was written to them.
#[utoipa::path(get, path = "/billing/v1/accounts", tag = "books",
    responses((status = 200, body = AccountPage)))]
pub async fn accounts(State(context): State<Context>) -> Result<Json<AccountPage>, Error> {
    let totals = store::totals(&context.db).await?;
    let view = |totals| AccountView::of(totals, &context.currency);
    Ok(Json(AccountPage {
        items: totals.into_iter().map(view).collect(),
    }))
}

/// The query of the journal.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Only entries that touch the account with this number.
    account: Option<i64>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// Lists the entries of the journal, the last first.
#[utoipa::path(get, path = "/billing/v1/journal", tag = "books", params(Asked),
    responses((status = 200, body = JournalPage)))]
pub async fn journal(
    State(context): State<Context>,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<JournalPage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::after(asked.cursor.as_deref(), |seq: &i64| *seq > 0)?;
    let account = match asked.account {
        None => None,
        Some(number) => match Account::of_number(number) {
            None => return Err(Error::Query("account", "is no number of the chart").into()),
            known => known,
        },
    };
    let found = store::records_before(&context.db, account, before.unwrap_or(i64::MAX), limit + 1)
        .await
        .map_err(Error::from)?;
    let (found, next_cursor) = page::cut(found, limit, |last| last.seq);
    Ok(Json(JournalPage {
        items: found.into_iter().map(EntryView::from).collect(),
        next_cursor,
    }))
}

/// Returns the trial balance: all debits beside all credits.
#[utoipa::path(get, path = "/billing/v1/trial-balance", tag = "books",
    responses((status = 200, body = TrialBalanceView)))]
pub async fn trial_balance(State(context): State<Context>) -> Result<Json<TrialBalanceView>, Error> {
    let totals = store::totals(&context.db).await?;
    let at = rfc3339(context.clock.now_ms());
    Ok(Json(TrialBalanceView::of(totals, &context.currency, at)))
}

/// Compares the books with what orders and payment say, now, and verifies the chain of the journal.
#[utoipa::path(get, path = "/billing/v1/reconcile", tag = "books",
    responses((status = 200, body = ReconcileView)))]
pub async fn reconcile(State(context): State<Context>) -> Result<Json<ReconcileView>, Error> {
    let report = reconciliation::report(&context).await?;
    let at = rfc3339(context.clock.now_ms());
    Ok(Json(ReconcileView::of(report, &context.currency, at)))
}
