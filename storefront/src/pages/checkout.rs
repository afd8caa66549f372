//! `/checkout`: address, payment and review on one page, and the order that it becomes.

mod draft;

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_contracts::Money;
use latchkey_http::{current_request_id, reasons};
use latchkey_web::{FORM_TOKEN, Words, answer, is_form_token, see_other};

use super::Notice;
use super::basket::{own_form, refused};
use crate::Storefront;
use crate::api::basket::{Basket, Holder};
use crate::api::order::Quote;
use crate::api::payment::{Card, Wallet};
use crate::api::{ApiError, FieldError, Problem};
use crate::format::{self, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::visit::Visit;

use draft::{COUNTRIES, Draft, Fault, TypedCard};

#[derive(Template)]
#[template(path = "storefront/checkout.html")]
struct CheckoutPage<'a> {
    page: &'a ShopPage,
    token: &'a str,
    notice: Option<Notice<'a>>,
    draft: &'a Draft,
    faults: Vec<FaultLine>,
    countries: Vec<Choice<'a>>,
    lines: Vec<LineView<'a>>,
    subtotal: String,
    discount: Option<Less<'a>>,
    total: String,
    /// Whether there is anything to pay.
    costs: bool,
    pay: Option<Pay<'a>>,
}

struct Choice<'a> {
    value: &'a str,
    label: &'a str,
    chosen: bool,
}

struct LineView<'a> {
    title: &'a str,
    quantity: i64,
    total: String,
}

/// What the coupon takes off, or why nothing.
struct Less<'a> {
    code: &'a str,
    worth: Option<String>,
    reason: Option<&'a str>,
}

/// How the user can pay.
struct Pay<'a> {
    available: String,
    has_credits: bool,
    cards: Vec<CardView<'a>>,
    /// The card that was typed and is not saved, when the form comes back.
    typed: Option<&'a str>,
}

struct CardView<'a> {
    id: &'a str,
    /// `Visa •••• 4242`
    label: String,
    chosen: bool,
}

/// What is wrong, and in which field of the page.
struct FaultLine {
    /// The id of the field; empty if it concerns none.
    at: &'static str,
    text: String,
}

impl CheckoutPage<'_> {
    fn is_wrong(&self, id: &str) -> bool {
        self.faults.iter().any(|fault| fault.at == id)
    }

    fn faults_at<'b>(&'b self, id: &str) -> impl Iterator<Item = &'b str> {
        let id = id.to_owned();
        let here = self.faults.iter().filter(move |fault| fault.at == id);
        here.map(|fault| fault.text.as_str())
    }

    fn pays_by(&self, wallet: &str) -> bool {
        self.draft.wallet == wallet
    }

    fn has_card(&self, card: &str) -> bool {
        self.draft.card == card
    }
}

/// Shows the form.
pub async fn show(State(storefront): State<Storefront>, visit: Visit) -> Result<Response, PageError> {
    storefront.logins()?;
    if visit.login().is_none() {
        return Ok(visit.to_sign_in());
    }
    Sheet::of(Draft::blank(storefront.key()))
        .show(&storefront, &visit)
        .await
}

/// Orders. The card goes to payment first; the order has only its name there.
pub async fn submit(
    State(storefront): State<Storefront>,
    visit: Visit,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let mut form = own_form(&storefront, &headers, body)?;
    let user = visit.user().ok_or(PageError::SignedOut)?;
    let token = form.take(FORM_TOKEN);
    if !is_form_token(&user.form_token, token.as_deref()) {
        return Err(PageError::Foreign);
    }
    let typed = TypedCard::read(&mut form);
    let mut draft = Draft::read(&mut form).ok_or(PageError::Bad)?;
    let faults = draft.faults();
    if !faults.is_empty() {
        return Sheet::of(draft).wrong(faults).show(&storefront, &visit).await;
    }
    if draft.has_new_card() {
        let card = match typed.check(draft.save_card) {
            Ok(card) => storefront.api.payment.save_card(&user.login, &card).await,
            Err(faults) => return Sheet::of(draft).wrong(faults).show(&storefront, &visit).await,
        };
        drop(typed);
        match card {
            Ok(card) => draft.card = card.id,
            Err(ApiError::Refused(problem)) => {
                let faults = card_faults(&problem);
                return Sheet::of(draft).wrong(faults).show(&storefront, &visit).await;
            }
            // Nothing was ordered yet.
            Err(error) if error.is_away() => {
                tracing::warn!(reason = reasons(&error), request.id = %current_request_id(), "a card could not be saved");
                let said = ("danger", "checkout.payment_away", "checkout.payment_away_next");
                let sheet = Sheet::of(draft).said(StatusCode::SERVICE_UNAVAILABLE, said);
                return sheet.show(&storefront, &visit).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let (expected, address) = (draft.expected(), draft.address());
    let submission = draft.submission(&expected, &address);
    let ordered = storefront
        .api
        .order
        .submit(&user.login, &draft.key, &submission)
        .await;
    match ordered {
        Ok(order) => Ok(see_other(&format!("/orders/{}/status", segment(&order.id)))),
        Err(ApiError::Refused(problem)) => refusal(&storefront, &visit, draft, &problem).await,
        // It may have been ordered: the key of the form stays, so that pressing again finds that order.
        Err(error) if error.is_away() => {
            tracing::warn!(reason = reasons(&error), request.id = %current_request_id(), "an order may not have been placed");
            let said = ("danger", "checkout.away", "checkout.away_next");
            let sheet = Sheet::of(draft).said(StatusCode::SERVICE_UNAVAILABLE, said);
            sheet.unchanged().show(&storefront, &visit).await
        }
        Err(error) => Err(error.into()),
    }
}

/// What an order that was refused leads to: mostly the page again, with what has changed.
async fn refusal(
    storefront: &Storefront,
    visit: &Visit,
    draft: Draft,
    problem: &Problem,
) -> Result<Response, PageError> {
    // Nothing was ordered with the old key.
    let again = |said| {
        let draft = Draft {
            key: storefront.key(),
            ..draft.clone()
        };
        Sheet::of(draft).said(StatusCode::CONFLICT, said)
    };
    let sheet = match problem.code.as_str() {
        "basket_empty" | "items_unavailable" => return Ok(see_other("/basket?done=unavailable")),
        "basket_changed" => again((
            "warning",
            "checkout.basket_changed",
            "checkout.basket_changed_next",
        )),
        "price_changed" => {
            let quote = problem.members.get("quote").cloned().unwrap_or_default();
            let sheet = again(("warning", "checkout.price_changed", "checkout.price_changed_next"));
            Sheet {
                quote: serde_json::from_value(quote).ok(),
                ..sheet
            }
        }
        // The form was sent before, and changed since. Whether it became an order, the list of orders knows.
        "idempotency_key_reused" => again(("warning", "checkout.sent_before", "checkout.sent_before_next")),
        _ => {
            let faults = problem.errors.iter().map(order_fault);
            Sheet::of(draft).wrong(faults.collect())
        }
    };
    sheet.show(storefront, visit).await
}

/// What payment says about a card, in the words of the page: its own never repeat a number, and ours cannot.
fn card_faults(problem: &Problem) -> Vec<Fault> {
    match problem.code.as_str() {
        "test_cards_only" => return vec![("card_number", "checkout.fault_test_card")],
        "too_many_cards" => return vec![("card", "checkout.fault_many_cards")],
        _ => {}
    }
    let fault = |error: &FieldError| match error.field.as_str() {
        "cvc" => ("card_cvc", "checkout.fault_card_cvc"),
        "exp_month" | "exp_year" => ("card_month", "checkout.fault_card_expiry"),
        _ => ("card_number", "checkout.fault_card_number"),
    };
    match problem.errors.is_empty() {
        true => vec![("card_number", "checkout.fault_card_number")],
        false => problem.errors.iter().map(fault).collect(),
    }
}

fn order_fault(error: &FieldError) -> Fault {
    match error.field.as_str() {
        "billing_address.name" => ("name", "checkout.fault_text"),
        "billing_address.street" => ("street", "checkout.fault_text"),
        "billing_address.postal_code" => ("postal_code", "checkout.fault_text"),
        "billing_address.city" => ("city", "checkout.fault_text"),
        "billing_address.country" => ("country", "checkout.fault_missing"),
        "payment.wallet" => ("wallet_amount", "checkout.fault_amount"),
        "payment.card_token" => ("card", "checkout.fault_no_payment"),
        "consents.terms" => ("terms", "checkout.fault_terms"),
        _ => ("", "checkout.fault_other"),
    }
}

/// What stands for no card, or for one that is still to be typed.
const NO_CARDS: [&str; 3] = ["", "new", "none"];

/// Tone, title and next step of a notice.
type Said = (&'static str, &'static str, &'static str);

/// The form with its surroundings.
struct Sheet {
    draft: Draft,
    faults: Vec<Fault>,
    said: Option<Said>,
    status: StatusCode,
    /// What the order service would take now.
    quote: Option<Quote>,
    /// Whether version and total stay those that were sent.
    unchanged: bool,
}

impl Sheet {
    fn of(draft: Draft) -> Self {
        Self {
            draft,
            faults: Vec::new(),
            said: None,
            status: StatusCode::OK,
            quote: None,
            unchanged: false,
        }
    }

    fn wrong(self, mut faults: Vec<Fault>) -> Self {
        if faults.is_empty() {
            faults.push(("", "checkout.fault_other"));
        }
        Self {
            faults,
            status: StatusCode::UNPROCESSABLE_ENTITY,
            ..self
        }
    }

    fn said(self, status: StatusCode, said: Said) -> Self {
        Self {
            said: Some(said),
            status,
            ..self
        }
    }

    fn unchanged(self) -> Self {
        Self {
            unchanged: true,
            ..self
        }
    }

    async fn show(mut self, storefront: &Storefront, visit: &Visit) -> Result<Response, PageError> {
        let login = visit.login().ok_or(PageError::SignedOut)?;
        let (basket, wallet, cards) = futures::future::join3(
            storefront.api.basket.read(Holder::User(login)),
            storefront.api.payment.wallet(login),
            storefront.api.payment.cards(login),
        )
        .await;
        let basket = match basket {
            Err(ApiError::SignedOut) => return Ok(visit.to_sign_in()),
            other => other?,
        };
        let bought = basket.lines.iter();
        if !self.unchanged
            && (basket.lines.is_empty() || !bought.clone().all(|line| line.state.is_for_sale()))
        {
            return Ok(see_other(match basket.lines.is_empty() {
                true => "/basket",
                false => "/basket?done=unavailable",
            }));
        }
        if !self.unchanged {
            let quote = self.quote.as_ref();
            let total = quote.map_or(&basket.total, |quote| &quote.total);
            self.draft.version = quote.map_or(basket.version, |quote| quote.basket_version);
            self.draft.total = total.amount;
            self.draft.currency.clone_from(&total.currency);
        }
        let pay = match (wallet, cards) {
            (Ok(wallet), Ok(cards)) => Some((wallet, cards)),
            (Err(ApiError::SignedOut), _) | (_, Err(ApiError::SignedOut)) => return Ok(visit.to_sign_in()),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(reason = reasons(&error), request.id = %current_request_id(), "payment could not be asked");
                None
            }
        };
        if self.draft.card.is_empty() {
            let saved = pay.as_ref().and_then(|(_, cards)| cards.first());
            self.draft.card = saved.map_or_else(|| "new".to_owned(), |card| card.id.clone());
        }
        let visit = visit.clone().with_basket(&basket);
        let mut response = self.page(&visit, &basket, pay.as_ref());
        let never = HeaderValue::from_static("no-store");
        response.headers_mut().insert(header::CACHE_CONTROL, never);
        Ok(response)
    }

    fn page(&self, visit: &Visit, basket: &Basket, pay: Option<&(Wallet, Vec<Card>)>) -> Response {
        let words = &visit.context.words;
        let page = visit.page(words.say("checkout.title"));
        let draft = &self.draft;
        let money = |money: &Money| format::money(words, money);
        let subtotal = self
            .quote
            .as_ref()
            .map_or(&basket.subtotal, |quote| &quote.subtotal);
        let view = CheckoutPage {
            page: &page,
            token: visit.form_token().unwrap_or_default(),
            notice: self.notice(words, draft.total > 0 && pay.is_none()),
            draft,
            faults: self
                .faults
                .iter()
                .map(|fault| fault_line(words, *fault))
                .collect(),
            countries: COUNTRIES
                .iter()
                .map(|(code, name)| Choice {
                    value: code,
                    label: words.say(name),
                    chosen: draft.country == *code,
                })
                .collect(),
            lines: basket
                .lines
                .iter()
                .map(|line| LineView {
                    title: line
                        .title
                        .as_deref()
                        .unwrap_or_else(|| words.say("basket.unknown")),
                    quantity: line.quantity,
                    total: money(&line.total),
                })
                .collect(),
            subtotal: money(subtotal),
            discount: self.discount(words, basket),
            total: money(&draft.expected()),
            costs: draft.total > 0,
            pay: pay.map(|(wallet, cards)| Pay {
                available: money(&wallet.available),
                has_credits: wallet.available.amount > 0,
                typed: Some(draft.card.as_str())
                    .filter(|card| !NO_CARDS.contains(card) && !cards.iter().any(|known| known.id == **card)),
                cards: cards
                    .iter()
                    .map(|card| card_view(words, card, &draft.card))
                    .collect(),
            }),
        };
        answer(self.status, &view)
    }

    fn notice<'a>(&self, words: &'a Words, nobody_to_pay: bool) -> Option<Notice<'a>> {
        let away = ("danger", "checkout.payment_away", "checkout.payment_away_next");
        let (tone, title, next) = self.said.or(nobody_to_pay.then_some(away))?;
        Some(Notice {
            tone,
            title: words.say(title),
            next: words.say(next),
        })
    }

    fn discount<'a>(&'a self, words: &'a Words, basket: &'a Basket) -> Option<Less<'a>> {
        let discount = basket.discount.as_ref()?;
        let (worth, reason) = match &self.quote {
            Some(quote) => (&quote.discount_total, quote.coupon_refused.as_deref()),
            None => (&discount.amount, discount.refused_reason.as_deref()),
        };
        let unchecked = self.quote.is_none() && !discount.checked;
        Some(Less {
            code: &discount.code,
            worth: (worth.amount > 0).then(|| format::money(words, worth)),
            reason: match reason {
                Some(reason) => Some(words.say(refused(reason))),
                None => unchecked.then(|| words.say("coupon.unchecked")),
            },
        })
    }
}

fn card_view<'a>(words: &Words, card: &'a Card, chosen: &str) -> CardView<'a> {
    let until = format!("{:02}/{:02}", card.exp_month, card.exp_year.rem_euclid(100));
    CardView {
        id: &card.id,
        label: words.fill(
            "checkout.saved_card",
            &[
                ("card", &format::card(&card.brand, &card.last4)),
                ("until", &until),
            ],
        ),
        chosen: card.id == chosen,
    }
}

fn fault_line(words: &Words, (at, message): Fault) -> FaultLine {
    let label = match at {
        "name" => "checkout.name",
        "street" => "checkout.street",
        "postal_code" => "checkout.postal_code",
        "city" => "checkout.city",
        "country" => "checkout.country",
        "wallet_amount" => "checkout.wallet_amount",
        "card" => "checkout.card",
        "card_number" => "checkout.card_number",
        "card_month" => "checkout.card_expiry",
        "card_cvc" => "checkout.card_cvc",
        "terms" => "checkout.terms_short",
        _ => {
            return FaultLine {
                at,
                text: words.say(message).to_owned(),
            };
        }
    };
    FaultLine {
        at,
        text: words.fill(
            "checkout.fault",
            &[("field", &words.say(label)), ("message", &words.say(message))],
        ),
    }
}
