//! `/wishlist`: courses for later, of whoever has a basket, signed in or not. They are what the basket keeps saved.

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_http::Form;
use latchkey_web::{FORM_TOKEN, Words, answer, is_form_token, see_other};

use super::basket::{done, own_form, posted, refusal};
use super::{Categories, Notice, Said};
use crate::Storefront;
use crate::api::basket::{Line, LineState};
use crate::cover;
use crate::format::{self, segment};
use crate::guest::Guest;
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/wishlist.html")]
struct WishlistPage<'a> {
    page: &'a ShopPage,
    token: &'a str,
    notice: Option<Notice<'a>>,
    rows: Vec<Row<'a>>,
    signed_in: bool,
}

struct Row<'a> {
    action: String,
    href: Option<String>,
    cover: String,
    title: &'a str,
    /// What speaks against buying it now.
    note: Option<String>,
    price: Option<String>,
    for_sale: bool,
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    storefront.logins()?;
    let mut query = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let basket = match visit.holder() {
        Some(holder) => Some(storefront.api.basket.read(holder).await?),
        None => None,
    };
    // The covers have the colours of their categories; without a catalog they are grey.
    let categories = Categories(storefront.api.catalog.categories().await.unwrap_or_default());
    let visit = match &basket {
        Some(basket) => visit.with_basket(basket),
        None => visit,
    };
    let words = &visit.context.words;
    let saved = basket.iter().flat_map(|basket| &basket.saved);
    let page = visit.page(words.say("wishlist.title"));
    let view = WishlistPage {
        page: &page,
        token: visit.form_token().unwrap_or_default(),
        notice: Notice::done(words, &mut query, &DONE),
        rows: saved.map(|line| row(words, &categories, line)).collect(),
        signed_in: visit.user().is_some(),
    };
    let mut response = answer(StatusCode::OK, &view);
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    Ok(response)
}

/// Keeps a course for later: the basket takes it, and puts it aside. A visitor gets a number with the first one.
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
    let fresh = Guest::new(logins);
    let guest = visit.guest().unwrap_or(&fresh);
    let holder = visit.holder().unwrap_or_else(|| guest.holder());
    let baskets = &storefront.api.basket;
    let kept = match baskets.put(holder, &course, 1).await {
        Ok(_) => baskets.save(holder, &course).await,
        Err(error) => Err(error),
    };
    let mut response = match kept {
        Ok(_) => see_other("/wishlist?done=kept"),
        Err(error) => see_other(&format!("/wishlist?done={}", refusal(error)?)),
    };
    if visit.user().is_none() {
        let cookie = guest.cookie(logins);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Moves a course into the basket, or takes it off the list.
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
        return Ok(see_other("/wishlist"));
    };
    let baskets = &storefront.api.basket;
    match form.take("do").as_deref() {
        Some("move") => {
            let moved = baskets.move_back(holder, &id).await;
            done(&storefront, &visit, moved, "/basket?done=added")
        }
        Some("remove") => {
            let removed = baskets.remove(holder, &id).await;
            done(&storefront, &visit, removed, "/wishlist?done=removed")
        }
        Some(_) | None => Err(PageError::Bad),
    }
}

fn row<'a>(words: &'a Words, categories: &Categories, line: &'a Line) -> Row<'a> {
    let slug = line.slug.as_deref();
    let price = |price| format::money(words, price);
    Row {
        action: format!("/wishlist/{}", segment(&line.course_id)),
        href: slug.map(|slug| format!("/courses/{}", segment(slug))),
        cover: cover::path(categories.hue(line.category_id.as_deref()), &line.course_id),
        title: line
            .title
            .as_deref()
            .unwrap_or_else(|| words.say("basket.unknown")),
        note: match line.state {
            LineState::Ok => None,
            LineState::PriceChanged => {
                let before = price(&line.price_seen);
                Some(words.fill("wishlist.price_changed", &[("before", &before)]))
            }
            LineState::Owned => Some(words.say("wishlist.line_owned").to_owned()),
            LineState::SoldOut => Some(words.say("wishlist.line_sold_out").to_owned()),
            LineState::Unavailable => Some(words.say("wishlist.line_unavailable").to_owned()),
        },
        price: line.price_now.as_ref().map(price),
        for_sale: line.state.is_for_sale(),
    }
}

/// What was just done, or why not.
const DONE: [(&str, Said); 5] = [
    (
        "kept",
        ("success", "wishlist.done_kept", "wishlist.done_kept_next"),
    ),
    (
        "removed",
        ("success", "wishlist.done_removed", "wishlist.done_removed_next"),
    ),
    ("owned", ("info", "basket.owned", "basket.owned_next")),
    (
        "not_for_sale",
        ("warning", "basket.not_for_sale", "basket.not_for_sale_next"),
    ),
    ("full", ("warning", "wishlist.full", "wishlist.full_next")),
];
