//! `/wallet`: credits, what moved, saved cards, and topping up. What is typed of a card goes to the payment service and
//! nowhere else: it is in no log, and no page shows it again.

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use latchkey_contracts::Money;
use latchkey_contracts::events::payment::WalletEntryKind;
use latchkey_http::{Form, reasons};
use latchkey_web::{FOLLOW, Words, answer, see_other};

use super::{Failure, Notice, Said, next_page};
use crate::Storefront;
use crate::api::payment::{Card, CardDraft, Entry, PaymentState};
use crate::api::{ApiError, Problem};
use crate::format::{self, money, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::posted::posted;
use crate::progress;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/wallet.html")]
struct WalletPage<'a> {
    page: &'a ShopPage,
    notice: Option<Notice<'a>>,
    available: String,
    balance: String,
    held: String,
    key: String,
    amount: String,
    amount_help: String,
    cards: Vec<CardView>,
    new_card: bool,
    wrong: Vec<Wrong>,
    entries: Vec<EntryView>,
    first: Option<&'a str>,
    next: Option<String>,
}

struct CardView {
    id: String,
    segment: String,
    name: String,
    until: String,
    delete: String,
    chosen: bool,
}

struct EntryView {
    /// The name of the message.
    kind: &'static str,
    amount: String,
    after: String,
    at: String,
    minute: Option<String>,
    order: Option<String>,
}

/// What is wrong, and with which field; an empty name stands for the whole form.
struct Wrong {
    field: &'static str,
    text: String,
}

impl WalletPage<'_> {
    fn wrong(&self, field: &str) -> Option<&str> {
        let mut wrong = self.wrong.iter().filter(|wrong| wrong.field == field);
        wrong.next().map(|wrong| wrong.text.as_str())
    }

    fn is_wrong(&self, field: &str) -> bool {
        self.wrong(field).is_some()
    }

    /// What concerns no field.
    fn wrong_everywhere(&self) -> impl Iterator<Item = &str> {
        let whole = self.wrong.iter().filter(|wrong| wrong.field.is_empty());
        whole.map(|wrong| wrong.text.as_str())
    }
}

#[derive(Template)]
#[template(path = "storefront/top_up.html")]
struct TopUpPage<'a> {
    page: &'a ShopPage,
    script: &'a str,
    heading: String,
    /// The name of the message.
    told: &'a str,
    pending: bool,
    /// Whether the bank waits for the user's answer.
    asks: bool,
    failure: Option<Failure>,
    here: String,
}

/// What is shown again of a form that was refused. Nothing of a card is.
#[derive(Default)]
struct Sheet<'a> {
    amount: String,
    key: Option<String>,
    /// The id of a saved card, or `new`.
    card: Option<String>,
    wrong: Vec<(&'static str, &'static str)>,
    notice: Option<Notice<'a>>,
    cursor: Option<String>,
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let sheet = Sheet {
        notice: Notice::done(&visit.context.words, &mut form, &DONE),
        cursor: form.take("cursor"),
        ..Sheet::default()
    };
    page_of(&storefront, &visit, login, sheet).await
}

/// Tops up from a saved card, or from a new one, which is saved first.
pub async fn top_up(
    State(storefront): State<Storefront>,
    visit: Visit,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let (login, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let key = form.take("key").ok_or(PageError::Bad)?;
    let typed = form.take("amount").unwrap_or_default();
    let amount = format::amount(&typed)
        .ok()
        .flatten()
        .filter(|amount| (LEAST..=MOST).contains(amount));
    let chosen = form.take("card");
    let mut sheet = Sheet {
        amount: typed,
        key: Some(key.clone()),
        card: chosen.clone(),
        ..Sheet::default()
    };
    if amount.is_none() {
        sheet.wrong.push(("amount", "wallet.wrong_amount"));
    }
    let card = match chosen.as_deref() {
        Some("new") => match save(&storefront, login, &mut form, amount.is_some()).await? {
            Ok(card) => card,
            Err(wrong) => {
                sheet.wrong.extend(wrong);
                None
            }
        },
        Some(id) => Some(id.to_owned()),
        None => {
            sheet.wrong.push(("card", "wallet.wrong_card"));
            None
        }
    };
    let (Some(amount), Some(card)) = (amount, card) else {
        return page_of(&storefront, &visit, login, sheet).await;
    };
    let wallet = storefront.api.payment.wallet(login).await?;
    let amount = Money::new(amount, wallet.balance.currency);
    match storefront.api.payment.top_up(login, &key, &amount, &card).await {
        Ok(payment) => Ok(see_other(&format!("/wallet/top-ups/{}", segment(&payment.id)))),
        Err(ApiError::Refused(problem)) => {
            let wrong = match problem.code.as_str() {
                "wallet_full" => ("", "wallet.full"),
                "wallet_closed" => ("", "wallet.closed"),
                "idempotency_key_reused" => ("", "wallet.sent_otherwise"),
                _ if names(&problem, "amount") => ("amount", "wallet.wrong_amount"),
                _ if names(&problem, "card_token") => ("card", "wallet.wrong_card"),
                _ => return Err(ApiError::Refused(problem).into()),
            };
            let sheet = Sheet {
                wrong: vec![wrong],
                card: Some(card),
                // The key stands for what was sent: something else is another top-up.
                key: None,
                ..sheet
            };
            page_of(&storefront, &visit, login, sheet).await
        }
        // It may have been done. The form keeps its key, so that sending it again finds what was begun.
        Err(error) if error.is_away() => {
            tracing::warn!(reason = reasons(&error), "a top-up was sent and not answered");
            let sheet = Sheet {
                wrong: vec![("", "wallet.unanswered")],
                card: Some(card),
                ..sheet
            };
            page_of(&storefront, &visit, login, sheet).await
        }
        Err(error) => Err(error.into()),
    }
}

/// How far a top-up is.
pub async fn followed(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let payment = storefront.api.payment.payment(login, &id).await?;
    if payment.order_id.is_some() {
        return Err(PageError::Missing);
    }
    let words = &visit.context.words;
    let told = told(payment.state);
    let failed = told == "top_up.failed";
    let heading = words.fill("top_up.title", &[("amount", &money(words, &payment.amount))]);
    let page = visit.page(heading.as_str());
    let view = TopUpPage {
        script: FOLLOW.path(),
        heading,
        told,
        pending: told == "top_up.pending",
        asks: payment.state == PaymentState::ActionRequired,
        failure: failed.then(|| {
            let reason = progress::declined(payment.reason.as_deref());
            Failure {
                title: words.say(&format!("reason.{reason}")).to_owned(),
                next: words.say("top_up.failed_next").to_owned(),
            }
        }),
        here: format!("/wallet/top-ups/{}", segment(&payment.id)),
        page: &page,
    };
    Ok(answer(StatusCode::OK, &view))
}

/// Confirms or denies a top-up that waits for its user.
pub async fn confirm(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let (login, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let approve = match form.take("approve").as_deref() {
        Some("yes") => true,
        Some("no") => false,
        _ => return Err(PageError::Bad),
    };
    match storefront.api.payment.answer(login, &id, approve).await {
        // What became of it meanwhile is on the page.
        Ok(_) => {}
        Err(error) if error.code() == Some("not_awaiting_action") => {}
        Err(error) => return Err(error.into()),
    }
    Ok(see_other(&format!("/wallet/top-ups/{}", segment(&id))))
}

/// Deletes a saved card.
pub async fn delete_card(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let (login, _) = posted(&storefront, &visit, &headers, body, &[])?;
    storefront.api.payment.delete_card(login, &id).await?;
    Ok(see_other("/wallet?done=deleted"))
}

/// The id of the new card, if everything else is right: only then it is saved. Or what is wrong with it.
type Saved = Result<Option<String>, Vec<(&'static str, &'static str)>>;

async fn save(
    storefront: &Storefront,
    login: &str,
    form: &mut Form,
    wanted: bool,
) -> Result<Saved, PageError> {
    let number = form.take("number").unwrap_or_default();
    let cvc = form.take("cvc").unwrap_or_default();
    let expiry = form.take("expiry").as_deref().and_then(month_and_year);
    let mut wrong = Vec::new();
    if number.is_empty() {
        wrong.push(("number", "card_form.wrong_number"));
    }
    if expiry.is_none() {
        wrong.push(("expiry", "card_form.wrong_expiry"));
    }
    if cvc.is_empty() {
        wrong.push(("cvc", "card_form.wrong_cvc"));
    }
    let Some((exp_month, exp_year)) = expiry.filter(|_| wrong.is_empty()) else {
        return Ok(Err(wrong));
    };
    if !wanted {
        return Ok(Ok(None));
    }
    let draft = CardDraft {
        number: &number,
        exp_month,
        exp_year,
        cvc: &cvc,
        save: true,
    };
    match storefront.api.payment.save_card(login, &draft).await {
        Ok(card) => Ok(Ok(Some(card.id))),
        Err(ApiError::Refused(problem)) => Ok(Err(refused(&problem))),
        Err(error) => Err(error.into()),
    }
}

/// What the payment service says about a card, in our own words: its own might repeat what was typed.
fn refused(problem: &Problem) -> Vec<(&'static str, &'static str)> {
    match problem.code.as_str() {
        "too_many_cards" => return vec![("", "wallet.too_many_cards")],
        "test_cards_only" => return vec![("number", "card_form.test_only")],
        _ => {}
    }
    let mut wrong = Vec::new();
    for (field, at, text) in [
        ("number", "number", "card_form.wrong_number"),
        ("exp_month", "expiry", "card_form.wrong_expiry"),
        ("exp_year", "expiry", "card_form.wrong_expiry"),
        ("cvc", "cvc", "card_form.wrong_cvc"),
    ] {
        if names(problem, field) {
            wrong.push((at, text));
        }
    }
    if wrong.is_empty() {
        wrong.push(("number", "card_form.wrong_number"));
    }
    wrong
}

fn names(problem: &Problem, field: &str) -> bool {
    let of = |error: &crate::api::FieldError| error.field.split(['.', '[']).next() == Some(field);
    problem.errors.iter().any(of)
}

async fn page_of(
    storefront: &Storefront,
    visit: &Visit,
    login: &str,
    sheet: Sheet<'_>,
) -> Result<Response, PageError> {
    let payment = &storefront.api.payment;
    let (wallet, entries, cards) = futures::future::try_join3(
        payment.wallet(login),
        payment.entries(login, sheet.cursor.as_deref()),
        payment.cards(login),
    )
    .await?;
    let words = &visit.context.words;
    let limit = |amount| money(words, &Money::new(amount, wallet.balance.currency.as_str()));
    let (least, most) = (limit(LEAST), limit(MOST));
    let wrong = sheet.wrong.iter().map(|&(field, name)| Wrong {
        field,
        text: match name {
            "wallet.wrong_amount" => words.fill("wallet.wrong_amount", &[("least", &least), ("most", &most)]),
            name => words.say(name).to_owned(),
        },
    });
    let wrong: Vec<Wrong> = wrong.collect();
    let known = |id: &String| cards.iter().any(|card| card.id == *id);
    // Without a choice the first card is proposed, and a new one where there is none.
    let chosen = match sheet.card {
        Some(id) if id == "new" || known(&id) => id,
        _ => cards.first().map_or("new", |card| card.id.as_str()).to_owned(),
    };
    let status = match wrong.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = visit.page(words.say("wallet.title"));
    let view = WalletPage {
        page: &page,
        notice: sheet.notice,
        available: money(words, &wallet.available),
        balance: money(words, &wallet.balance),
        held: money(words, &wallet.held),
        key: sheet.key.unwrap_or_else(|| storefront.key()),
        amount: sheet.amount,
        amount_help: words.fill("wallet.amount_help", &[("least", &least), ("most", &most)]),
        cards: cards.iter().map(|card| card_view(words, card, &chosen)).collect(),
        new_card: chosen == "new",
        wrong,
        entries: entries
            .items
            .into_iter()
            .map(|entry| entry_view(words, entry))
            .collect(),
        first: sheet.cursor.map(|_| "/wallet#entries"),
        next: next_page("/wallet", entries.next_cursor).map(|next| format!("{next}#entries")),
    };
    Ok(answer(status, &view))
}

fn card_view(words: &Words, card: &Card, chosen: &str) -> CardView {
    let (month, year) = (
        format!("{:02}", card.exp_month),
        format!("{:02}", card.exp_year % 100),
    );
    CardView {
        name: format::card(&card.brand, &card.last4),
        until: words.fill("wallet.card_until", &[("month", &month), ("year", &year)]),
        delete: words.fill("wallet.delete_named", &[("last4", &card.last4)]),
        chosen: card.id == chosen,
        segment: segment(&card.id),
        id: card.id.clone(),
    }
}

fn entry_view(words: &Words, entry: Entry) -> EntryView {
    let (kind, sign) = match entry.kind {
        WalletEntryKind::TopUp => ("wallet.kind_top_up", 1),
        WalletEntryKind::Grant => ("wallet.kind_grant", 1),
        WalletEntryKind::Hold => ("wallet.kind_hold", 1),
        WalletEntryKind::Release => ("wallet.kind_release", 1),
        WalletEntryKind::Capture => ("wallet.kind_capture", -1),
        WalletEntryKind::Refund => ("wallet.kind_refund", 1),
        WalletEntryKind::WriteOff => ("wallet.kind_write_off", -1),
    };
    let amount = Money::new(entry.amount.amount.saturating_mul(sign), entry.amount.currency);
    let balance = money(words, &entry.balance);
    EntryView {
        kind,
        amount: money(words, &amount),
        after: words.fill("wallet.after", &[("balance", &balance)]),
        minute: words.minute(&entry.created_at),
        order: entry.order_id.map(|id| format!("/orders/{}", segment(&id))),
        at: entry.created_at,
    }
}

/// The name of the message about a top-up's state.
fn told(state: PaymentState) -> &'static str {
    match state {
        PaymentState::Authorizing
        | PaymentState::Authorized
        | PaymentState::Voiding
        | PaymentState::Capturing => "top_up.pending",
        PaymentState::ActionRequired => "top_up.action",
        PaymentState::Captured => "top_up.done",
        PaymentState::Declined | PaymentState::Voided | PaymentState::CaptureFailed => "top_up.failed",
        PaymentState::PartiallyRefunded | PaymentState::Refunded => "top_up.undone",
    }
}

/// `04/29` and `4 / 2029` as month and year.
fn month_and_year(text: &str) -> Option<(i64, i64)> {
    let (month, year) = text.split_once('/')?;
    let number = |text: &str, most: usize| {
        let text = text.trim();
        let digits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i64>().ok())?
    };
    let (month, year) = (number(month, 2)?, number(year, 4)?);
    Some((month, if year < 100 { 2_000 + year } else { year }))
}

const DONE: [(&str, Said); 1] = [(
    "deleted",
    ("success", "wallet.done_deleted", "wallet.done_deleted_next"),
)];

/// What the payment service takes, in minor units.
const LEAST: i64 = 100;
const MOST: i64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_read_as_people_write_it() {
        for text in ["04/29", "4/29", "04/2029", " 4 / 29 "] {
            assert_eq!(month_and_year(text), Some((4, 2029)), "{text}");
        }
        for text in [
            "", "0429", "/", "4/", "a/29", "04/29/30", "-4/29", "004/29", "٤/٢٩",
        ] {
            assert_eq!(month_and_year(text), None, "{text}");
        }
    }

    #[test]
    fn what_payment_says_of_a_card_is_said_in_our_own_words() {
        let problem = |code: &str, fields: &[&str]| Problem {
            code: code.to_owned(),
            errors: fields
                .iter()
                .map(|field| crate::api::FieldError {
                    field: (*field).to_owned(),
                    message: "4242424242424241 is not".to_owned(),
                })
                .collect(),
            ..Problem::default()
        };
        let expiry = refused(&problem("invalid_content", &["exp_year", "cvc"]));
        assert_eq!(
            expiry,
            [
                ("expiry", "card_form.wrong_expiry"),
                ("cvc", "card_form.wrong_cvc")
            ]
        );
        assert_eq!(
            refused(&problem("test_cards_only", &[])),
            [("number", "card_form.test_only")]
        );
        assert_eq!(
            refused(&problem("of tomorrow", &["of tomorrow"])),
            [("number", "card_form.wrong_number")]
        );
    }
}
