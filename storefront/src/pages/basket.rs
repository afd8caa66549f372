//! `/basket`: what somebody means to buy, signed in or not, and every form that changes it.

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use latchkey_contracts::events::course::CourseKind;
use latchkey_http::Form;
use latchkey_web::{FORM_TOKEN, Words, answer, is_form_token, see_other};

use super::{Categories, Notice, Said};
use crate::Storefront;
use crate::api::ApiError;
use crate::api::basket::{Basket, Discount, Line, LineState};
use crate::cover;
use crate::format::{self, segment};
use crate::guest::Guest;
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/basket.html")]
struct BasketPage<'a> {
    page: &'a ShopPage,
    token: &'a str,
    notice: Option<Notice<'a>>,
    lines: Vec<LineView<'a>>,
    saved: Vec<LineView<'a>>,
    coupon: Option<CouponView<'a>>,
    subtotal: String,
    total: String,
    /// Whether everything in the basket can be bought.
    ready: bool,
    signed_in: bool,
}

/// A course in the basket.
struct LineView<'a> {
    /// The end of the ids of its elements.
    at: String,
    action: String,
    href: Option<String>,
    cover: String,
    title: &'a str,
    note: Option<Note<'a>>,
    /// The price of one.
    price: Option<String>,
    /// Of all; absent for what cannot be bought.
    total: Option<String>,
    /// Of an item, which can be bought more than once.
    quantity: Option<i64>,
}

/// What has changed about a line.
struct Note<'a> {
    tone: &'static str,
    text: String,
    state: &'a str,
}

struct CouponView<'a> {
    code: &'a str,
    /// What it takes off.
    worth: Option<String>,
    /// Why it is worth nothing.
    reason: Option<&'a str>,
}

/// Shows the basket. A visitor's basket that could not be merged at the sign-in is merged now.
pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let logins = storefront.logins()?;
    let mut query = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let merged = match (visit.login(), visit.guest()) {
        (Some(login), Some(guest)) => guest.merge(&storefront, login).await,
        (Some(_) | None, _) => false,
    };
    let basket = match visit.holder() {
        Some(holder) => match storefront.api.basket.read(holder).await {
            Err(ApiError::SignedOut) => return Ok(visit.to_sign_in()),
            other => Some(other?),
        },
        None => None,
    };
    // The covers have the colours of their categories; without a catalog they are grey.
    let categories = storefront.api.catalog.categories().await.unwrap_or_default();
    let mut response = page(&visit, basket.as_ref(), &Categories(categories), &mut query);
    if merged {
        response
            .headers_mut()
            .append(header::SET_COOKIE, Guest::gone(logins));
    }
    let never = http::HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    Ok(response)
}

fn page(visit: &Visit, basket: Option<&Basket>, categories: &Categories, query: &mut Form) -> Response {
    let words = &visit.context.words;
    let visit = match basket {
        Some(basket) => visit.clone().with_basket(basket),
        None => visit.clone(),
    };
    let page = visit.page(words.say("basket.title"));
    let lines = basket.map(|basket| basket.lines.as_slice()).unwrap_or_default();
    let saved = basket.map(|basket| basket.saved.as_slice()).unwrap_or_default();
    let view = |line| line_view(words, categories, line);
    let view = BasketPage {
        page: &page,
        token: visit.form_token().unwrap_or_default(),
        notice: Notice::done(words, query, &DONE),
        lines: lines.iter().map(view).collect(),
        saved: saved.iter().map(view).collect(),
        coupon: basket
            .and_then(|basket| basket.discount.as_ref())
            .map(|discount| coupon(words, discount, visit.user().is_some())),
        subtotal: basket.map_or_else(String::new, |basket| format::money(words, &basket.subtotal)),
        total: basket.map_or_else(String::new, |basket| format::money(words, &basket.total)),
        ready: lines.iter().all(|line| line.state.is_for_sale()),
        signed_in: visit.user().is_some(),
    };
    answer(StatusCode::OK, &view)
}

/// Puts a course into the basket. A visitor gets a number with the first one.
pub async fn add(
    State(storefront): State<Storefront>,
    visit: Visit,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let logins = storefront.logins()?;
    let mut form = own_form(&storefront, &headers, body)?;
    let token = form.take(FORM_TOKEN);
    // A visitor's page may be older than their number, so that its form has no token: the origin decides.
    if let Some(user) = visit.user()
        && !is_form_token(&user.form_token, token.as_deref())
    {
        return Err(PageError::Foreign);
    }
    let course = form.take("course").ok_or(PageError::Bad)?;
    let quantity = match form.take("quantity") {
        Some(text) => text.trim().parse::<i64>().map_err(|_| PageError::Bad)?,
        None => 1,
    };
    let fresh = Guest::new(logins);
    let guest = visit.guest().unwrap_or(&fresh);
    let holder = visit.holder().unwrap_or_else(|| guest.holder());
    let done = match storefront.api.basket.put(holder, &course, quantity).await {
        Ok(_) => "added",
        Err(error) => refusal(error)?,
    };
    let mut response = see_other(&format!("/basket?done={done}"));
    if visit.user().is_none() {
        response
            .headers_mut()
            .append(header::SET_COOKIE, guest.cookie(logins));
    }
    Ok(response)
}

/// Changes a line.
pub async fn change(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let mut form = posted(&storefront, &visit, &headers, body)?;
    let Some(holder) = visit.holder() else {
        return Ok(see_other("/basket"));
    };
    let baskets = &storefront.api.basket;
    let step = form.take("do");
    let changed = match step.as_deref() {
        Some("remove") => baskets.remove(holder, &id).await,
        Some("save") => baskets.save(holder, &id).await,
        Some("move") => baskets.move_back(holder, &id).await,
        // Enter in the field of the quantity.
        Some("quantity") | None => match form.take("quantity").map(|text| text.trim().parse::<i64>()) {
            Some(Ok(quantity)) => baskets.put(holder, &id, quantity).await,
            Some(Err(_)) | None => return Ok(see_other("/basket?done=quantity")),
        },
        Some(_) => return Err(PageError::Bad),
    };
    done(&storefront, &visit, changed, "/basket")
}

/// Tries a coupon, or takes it away.
pub async fn set_coupon(
    State(storefront): State<Storefront>,
    visit: Visit,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let mut form = posted(&storefront, &visit, &headers, body)?;
    let Some(holder) = visit.holder() else {
        return Ok(see_other("/basket"));
    };
    let baskets = &storefront.api.basket;
    let changed = match (form.take("do").as_deref(), form.take("code")) {
        (Some("remove"), _) => baskets.remove_coupon(holder).await,
        (None, Some(code)) => match baskets.put_coupon(holder, code.trim()).await {
            Err(ApiError::Refused(_)) => return Ok(see_other("/basket?done=coupon")),
            other => other,
        },
        (None, None) => return Ok(see_other("/basket?done=coupon")),
        (Some(_), _) => return Err(PageError::Bad),
    };
    done(&storefront, &visit, changed, "/basket")
}

/// Back to the basket. A visitor's cookie lives on with their basket.
pub fn done(
    storefront: &Storefront,
    visit: &Visit,
    changed: Result<Basket, ApiError>,
    to: &str,
) -> Result<Response, PageError> {
    let logins = storefront.logins()?;
    let mut response = match changed {
        Ok(_) => see_other(to),
        // Another tab was faster.
        Err(ApiError::Missing) => see_other("/basket?done=gone"),
        Err(error) => see_other(&format!("/basket?done={}", refusal(error)?)),
    };
    if let (None, Some(guest)) = (visit.user(), visit.guest()) {
        response
            .headers_mut()
            .append(header::SET_COOKIE, guest.cookie(logins));
    }
    Ok(response)
}

/// The notice for a refusal of the basket.
pub fn refusal(error: ApiError) -> Result<&'static str, PageError> {
    Ok(match error.code() {
        Some("already_owned") => "owned",
        Some("not_for_sale") => "not_for_sale",
        Some("basket_full") => "full",
        Some("invalid_content") => "quantity",
        Some(_) | None => return Err(error.into()),
    })
}

/// A form of a page of ours about this visitor's basket.
pub fn posted(
    storefront: &Storefront,
    visit: &Visit,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Form, PageError> {
    let mut form = own_form(storefront, headers, body)?;
    let token = form.take(FORM_TOKEN);
    match visit.form_token() {
        Some(own) if !is_form_token(own, token.as_deref()) => Err(PageError::Foreign),
        Some(_) | None => Ok(form),
    }
}

/// A form that a page of ours sent.
pub fn own_form(
    storefront: &Storefront,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Form, PageError> {
    storefront.logins()?;
    let body = body.map_err(|_| PageError::Bad)?;
    if !storefront.origins.admits(headers) {
        return Err(PageError::Foreign);
    }
    Form::parse(&body, &[]).map_err(|_| PageError::Bad)
}

fn line_view<'a>(words: &'a Words, categories: &Categories, line: &'a Line) -> LineView<'a> {
    let slug = line.slug.as_deref();
    LineView {
        at: line.course_id.clone(),
        action: format!("/basket/lines/{}", segment(&line.course_id)),
        href: slug.map(|slug| format!("/courses/{}", segment(slug))),
        cover: cover::path(categories.hue(line.category_id.as_deref()), &line.course_id),
        title: line
            .title
            .as_deref()
            .unwrap_or_else(|| words.say("basket.unknown")),
        note: note(words, line),
        price: line.price_now.as_ref().map(|price| format::money(words, price)),
        total: line
            .state
            .is_for_sale()
            .then(|| format::money(words, &line.total)),
        quantity: (line.kind == Some(CourseKind::Item)).then_some(line.quantity),
    }
}

fn note<'a>(words: &'a Words, line: &Line) -> Option<Note<'a>> {
    let said = |state: &'a str, name: &'a str| {
        Some(Note {
            tone: "danger",
            text: words.say(name).to_owned(),
            state,
        })
    };
    match line.state {
        LineState::Ok => None,
        LineState::PriceChanged => {
            let before = format::money(words, &line.price_seen);
            Some(Note {
                tone: "warning",
                text: words.fill("basket.price_changed", &[("before", &before)]),
                state: "price_changed",
            })
        }
        LineState::Owned => said("owned", "basket.line_owned"),
        LineState::SoldOut => said("sold_out", "basket.line_sold_out"),
        LineState::Unavailable => said("unavailable", "basket.line_unavailable"),
    }
}

fn coupon<'a>(words: &'a Words, discount: &'a Discount, signed_in: bool) -> CouponView<'a> {
    let reason = match (&discount.refused_reason, discount.checked) {
        (Some(reason), _) => Some(words.say(refused(reason))),
        (None, false) if signed_in => Some(words.say("coupon.unchecked")),
        (None, false) => Some(words.say("coupon.after_sign_in")),
        (None, true) => None,
    };
    CouponView {
        code: &discount.code,
        worth: reason.is_none().then(|| format::money(words, &discount.amount)),
        reason,
    }
}

/// The message for why a coupon is worth nothing.
pub fn refused(reason: &str) -> &'static str {
    match reason.strip_prefix("coupon_").unwrap_or(reason) {
        "expired" => "coupon.expired",
        "limit" => "coupon.limit",
        "not_eligible" => "coupon.not_eligible",
        "min_subtotal" => "coupon.min_subtotal",
        "unknown" => "coupon.unknown",
        // Too many codes were tried, or something that this shop does not know.
        _ => "coupon.refused",
    }
}

/// What was just done, or why not.
const DONE: [(&str, Said); 8] = [
    ("added", ("success", "basket.added", "basket.added_next")),
    ("owned", ("info", "basket.owned", "basket.owned_next")),
    (
        "not_for_sale",
        ("warning", "basket.not_for_sale", "basket.not_for_sale_next"),
    ),
    ("full", ("warning", "basket.full", "basket.full_next")),
    (
        "quantity",
        ("warning", "basket.bad_quantity", "basket.bad_quantity_next"),
    ),
    ("gone", ("info", "basket.gone", "basket.gone_next")),
    ("coupon", ("warning", "coupon.bad", "coupon.bad_next")),
    (
        "unavailable",
        ("warning", "basket.not_ready", "basket.not_ready_next"),
    ),
];
