//! `/admin/ledger`: the books. To everybody but administrators there is no such page; the billing service decides.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_contracts::Money;
use latchkey_http::Form;
use latchkey_web::{Words, answer};

use crate::Storefront;
use crate::api::ApiError;
use crate::api::billing::{Check, Entry, Reconciliation, TrialBalance};
use crate::format::{money, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/ledger.html")]
struct LedgerPage<'a> {
    page: &'a ShopPage,
    balanced: bool,
    accounts: Vec<AccountView>,
    debit: String,
    credit: String,
    clean: bool,
    compared: Option<String>,
    checks: Vec<CheckView<'a>>,
    chain: String,
    broken: bool,
    entries: Vec<EntryView>,
    /// The account whose entries are shown, if not all are.
    filter: Option<String>,
    first: Option<String>,
    next: Option<String>,
}

struct AccountView {
    href: String,
    number: i64,
    name: String,
    debit: String,
    credit: String,
    balance: String,
}

struct CheckView<'a> {
    name: &'a str,
    expected: String,
    found: String,
    drift: Option<String>,
    since: Option<String>,
}

struct EntryView {
    seq: i64,
    memo: String,
    reference: String,
    at: String,
    minute: Option<String>,
    /// The beginning of the hash.
    hash: String,
    lines: Vec<LineView>,
}

struct LineView {
    account: String,
    party: Option<String>,
    debit: Option<String>,
    credit: Option<String>,
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let cursor = form.take("cursor");
    let account = match form.take("account") {
        Some(number) => Some(number.parse::<i64>().map_err(|_| PageError::Bad)?),
        None => None,
    };
    let billing = &storefront.api.billing;
    let (balance, journal, report) = futures::future::join3(
        billing.trial_balance(login),
        billing.journal(login, account, cursor.as_deref()),
        billing.reconcile(login),
    )
    .await;
    let balance = balance.map_err(unseen)?;
    let journal = journal.map_err(unseen)?;
    let report = report.map_err(unseen)?;
    let words = &visit.context.words;
    let page = visit.page(words.say("ledger.title"));
    let filter = account.and_then(|number| {
        let account = balance.accounts.iter().find(|account| account.number == number)?;
        Some(numbered(words, account.number, &account.name))
    });
    let here = match account {
        Some(number) => format!("/admin/ledger?account={number}"),
        None => "/admin/ledger".to_owned(),
    };
    let view = LedgerPage {
        page: &page,
        balanced: balance.balanced,
        debit: money(words, &balance.debit),
        credit: money(words, &balance.credit),
        accounts: accounts(words, balance),
        clean: report.clean,
        compared: words.minute(&report.at),
        chain: chain(words, &report),
        broken: report.chain.broken_at.is_some(),
        checks: report
            .checks
            .iter()
            .map(|check| check_view(words, check))
            .collect(),
        entries: journal
            .items
            .into_iter()
            .map(|entry| entry_view(words, entry))
            .collect(),
        next: journal.next_cursor.map(|cursor| {
            let join = if account.is_some() { '&' } else { '?' };
            format!("{here}{join}cursor={}", segment(&cursor))
        }),
        first: cursor.map(|_| here),
        filter,
    };
    Ok(answer(StatusCode::OK, &view))
}

/// Whoever may not see the books is not told that there are any.
fn unseen(error: ApiError) -> PageError {
    match error {
        ApiError::Forbidden => PageError::Missing,
        other => other.into(),
    }
}

fn accounts(words: &Words, balance: TrialBalance) -> Vec<AccountView> {
    let view = |account: crate::api::billing::Account| AccountView {
        href: format!("/admin/ledger?account={}#journal", account.number),
        number: account.number,
        debit: money(words, &account.debit),
        credit: money(words, &account.credit),
        balance: money(words, &account.balance),
        name: account_name(words, account.number, &account.name),
    };
    balance.accounts.into_iter().map(view).collect()
}

/// The name of an account of the books, in the language of the page.
fn account_name(words: &Words, number: i64, name: &str) -> String {
    let translated = words.translated(&format!("ledger_account.{number}"), name);
    translated.unwrap_or_else(|| name.to_owned())
}

fn numbered(words: &Words, number: i64, name: &str) -> String {
    format!("{number} {}", account_name(words, number, name))
}

fn check_view<'a>(words: &'a Words, check: &Check) -> CheckView<'a> {
    CheckView {
        name: words.say(match check.name.as_str() {
            "wallets" => "ledger.check_wallets",
            "sales" => "ledger.check_sales",
            "captures" => "ledger.check_captures",
            "refunds" => "ledger.check_refunds",
            "trial_balance" => "ledger.check_trial_balance",
            _ => "ledger.check_other",
        }),
        expected: money(words, &check.expected),
        found: money(words, &check.found),
        drift: (check.drift.amount != 0).then(|| money(words, &check.drift)),
        since: check.since.as_deref().and_then(|since| words.minute(since)),
    }
}

fn chain(words: &Words, report: &Reconciliation) -> String {
    match report.chain.broken_at {
        Some(seq) => words.fill("ledger.chain_broken", &[("n", &seq)]),
        None => words.count("ledger.chain_whole", report.chain.entries),
    }
}

fn entry_view(words: &Words, entry: Entry) -> EntryView {
    let side = |amount: &Money| (amount.amount != 0).then(|| money(words, amount));
    let lines = entry.lines.iter().map(|line| LineView {
        account: numbered(words, line.account, &line.name),
        party: line.party.clone(),
        debit: side(&line.debit),
        credit: side(&line.credit),
    });
    EntryView {
        seq: entry.seq,
        lines: lines.collect(),
        minute: words.minute(&entry.at),
        hash: entry.hash.chars().take(12).collect(),
        memo: entry.memo,
        reference: entry.reference,
        at: entry.at,
    }
}
