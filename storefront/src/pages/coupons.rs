//! `/teach/coupons` and `/admin/coupons`: the coupons of an instructor's own courses, and those of the whole shop. The
//! pages are the same; who sees which coupon, and who may write which, is decided by the service.

mod draft;

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use latchkey_http::Form;
use latchkey_web::{Words, answer, see_other};

use super::{Categories, Notice, Said, next_page};
use crate::Storefront;
use crate::api::ApiError;
use crate::api::discount::{Coupon, Redemption, RedemptionState, ScopeKind, Status};
use crate::format::{self, Day, decimal, money, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::posted::posted;
use crate::visit::Visit;

use draft::Draft;

/// Whose coupons a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Those of the user's own courses.
    Teaching,
    /// Those of the whole shop.
    Shop,
}

#[derive(Template)]
#[template(path = "storefront/coupons.html")]
struct CouponsPage<'a> {
    page: &'a ShopPage,
    area: Area,
    base: &'static str,
    notice: Option<Notice<'a>>,
    rows: Vec<Row>,
    first: Option<&'a str>,
    next: Option<String>,
}

struct Row {
    href: String,
    code: String,
    worth: String,
    status: String,
    tone: &'static str,
    validity: String,
    used: String,
}

#[derive(Template)]
#[template(path = "storefront/coupon_form.html")]
struct FormPage<'a> {
    page: &'a ShopPage,
    area: Area,
    base: &'static str,
    draft: Draft,
    categories: Vec<Choice>,
    wrong: Vec<(&'static str, &'static str)>,
}

struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "storefront/coupon.html")]
struct CouponPage<'a> {
    page: &'a ShopPage,
    area: Area,
    base: &'static str,
    here: String,
    notice: Option<Notice<'a>>,
    code: String,
    status: String,
    tone: &'static str,
    terms: Vec<Term>,
    active: bool,
    version: i64,
    rows: Vec<Used>,
    first: Option<String>,
    next: Option<String>,
}

struct Term {
    name: &'static str,
    words: String,
}

struct Used {
    /// The order, for those who may look at it.
    href: Option<String>,
    order: String,
    amount: String,
    state: &'static str,
    tone: &'static str,
    at: String,
    minute: Option<String>,
}

impl Area {
    fn base(self) -> &'static str {
        match self {
            Self::Teaching => "/teach/coupons",
            Self::Shop => "/admin/coupons",
        }
    }

    fn is_shop(self) -> bool {
        self == Self::Shop
    }

    fn title(self) -> &'static str {
        match self {
            Self::Teaching => "coupons.own_title",
            Self::Shop => "coupons.all_title",
        }
    }

    /// The sign-in of somebody who has such pages.
    fn admit(self, visit: &Visit) -> Result<&str, PageError> {
        match self {
            Self::Shop => visit.administrator(),
            Self::Teaching => {
                let login = visit.login().ok_or(PageError::SignedOut)?;
                match visit.teaches() {
                    true => Ok(login),
                    false => Err(PageError::NotInstructor),
                }
            }
        }
    }
}

impl FormPage<'_> {
    fn fault(&self, field: &str) -> Option<&'static str> {
        let mut here = self.wrong.iter().filter(|(at, _)| *at == field);
        here.next().map(|(_, name)| *name)
    }

    /// The texts that describe a field: its help, if it has one, and its fault.
    fn described(&self, field: &str, help: &str) -> String {
        match self.fault(field) {
            Some(_) => format!("{help} fault-{field}").trim_start().to_owned(),
            None => help.to_owned(),
        }
    }
}

pub async fn list(
    State(storefront): State<Storefront>,
    area: Area,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = area.admit(&visit)?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let cursor = form.take("cursor");
    let found = storefront.api.discount.coupons(login, cursor.as_deref()).await?;
    let words = &visit.context.words;
    let base = area.base();
    let page = visit.page(words.say(area.title()));
    let view = CouponsPage {
        page: &page,
        area,
        base,
        notice: Notice::done(words, &mut form, &DONE),
        rows: found
            .items
            .iter()
            .map(|coupon| row(words, base, coupon))
            .collect(),
        first: cursor.map(|_| base),
        next: next_page(base, found.next_cursor),
    };
    Ok(answer(StatusCode::OK, &view))
}

pub async fn blank(
    State(storefront): State<Storefront>,
    area: Area,
    visit: Visit,
) -> Result<Response, PageError> {
    area.admit(&visit)?;
    let draft = Draft::blank(storefront.key());
    form_of(&storefront, &visit, area, draft, Vec::new()).await
}

/// Creates a coupon. The key of the form makes a second press the same coupon.
pub async fn create(
    State(storefront): State<Storefront>,
    area: Area,
    visit: Visit,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let (_, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let login = area.admit(&visit)?;
    let mut draft = Draft::read(&mut form).ok_or(PageError::Bad)?;
    let terms = match draft.terms(area.is_shop()) {
        Ok(terms) => terms,
        Err(wrong) => return form_of(&storefront, &visit, area, draft, wrong).await,
    };
    match storefront.api.discount.create(login, &draft.key, &terms).await {
        Ok(coupon) => Ok(see_other(&format!(
            "{}/{}?done=created",
            area.base(),
            segment(&coupon.id)
        ))),
        Err(ApiError::Refused(problem)) => {
            let wrong = draft::refused(&problem);
            // The key stands for what was sent: something else is another coupon.
            draft.key = storefront.key();
            form_of(&storefront, &visit, area, draft, wrong).await
        }
        // It may have been created: the form keeps its key.
        Err(error) if error.is_away() => {
            form_of(&storefront, &visit, area, draft, vec![("", "coupons.unanswered")]).await
        }
        Err(error) => Err(error.into()),
    }
}

pub async fn show(
    State(storefront): State<Storefront>,
    area: Area,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = area.admit(&visit)?;
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let cursor = form.take("cursor");
    let discount = &storefront.api.discount;
    let (coupon, used) = futures::future::try_join(
        discount.coupon(login, &id),
        discount.redemptions(login, &id, cursor.as_deref()),
    )
    .await?;
    let words = &visit.context.words;
    let here = format!("{}/{}", area.base(), segment(&coupon.id));
    let page = visit.page(words.fill("coupons.one", &[("code", &coupon.code)]));
    let (status, tone) = status(words, coupon.status);
    let view = CouponPage {
        page: &page,
        area,
        base: area.base(),
        notice: Notice::done(words, &mut form, &DONE),
        terms: terms(words, &coupon),
        active: coupon.status == Status::Active,
        version: coupon.version,
        rows: used
            .items
            .into_iter()
            .map(|one| redemption(words, area, one))
            .collect(),
        next: next_page(&here, used.next_cursor),
        first: cursor.map(|_| here.clone()),
        code: coupon.code,
        status,
        tone,
        here,
    };
    Ok(answer(StatusCode::OK, &view))
}

/// Pauses a coupon, or makes it valid again. Nothing else of it changes.
pub async fn step(
    State(storefront): State<Storefront>,
    area: Area,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let (_, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let login = area.admit(&visit)?;
    let (status, done) = match form.take("do").as_deref() {
        Some("pause") => (Status::Paused, "paused"),
        Some("resume") => (Status::Active, "resumed"),
        Some(_) | None => return Err(PageError::Bad),
    };
    let version: i64 = form
        .take("version")
        .and_then(|text| text.parse().ok())
        .ok_or(PageError::Bad)?;
    let discount = &storefront.api.discount;
    let coupon = discount.coupon(login, &id).await?;
    let done = match coupon.status == status {
        // A second press.
        true => done,
        false => {
            let draft = coupon.with_status(status);
            match discount.replace(login, &id, version, &draft).await {
                Ok(_) => done,
                Err(ApiError::Stale) => "stale",
                Err(error) => return Err(error.into()),
            }
        }
    };
    Ok(see_other(&format!(
        "{}/{}?done={done}",
        area.base(),
        segment(&id)
    )))
}

async fn form_of(
    storefront: &Storefront,
    visit: &Visit,
    area: Area,
    draft: Draft,
    wrong: Vec<(&'static str, &'static str)>,
) -> Result<Response, PageError> {
    let categories = match area {
        Area::Shop => Categories(storefront.api.catalog.categories().await?),
        Area::Teaching => Categories::default(),
    };
    let choice = |category: &crate::api::catalog::Category| Choice {
        chosen: category.id == draft.category,
        label: category.name.clone(),
        value: category.id.clone(),
    };
    let categories = categories.0.iter().map(choice).collect();
    let status = match wrong.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = visit.page(visit.context.words.say("coupons.new"));
    let view = FormPage {
        page: &page,
        area,
        base: area.base(),
        draft,
        categories,
        wrong,
    };
    Ok(answer(status, &view))
}

fn row(words: &Words, base: &str, coupon: &Coupon) -> Row {
    let (status, tone) = status(words, coupon.status);
    Row {
        href: format!("{base}/{}", segment(&coupon.id)),
        code: coupon.code.clone(),
        worth: worth(words, coupon),
        status,
        tone,
        validity: validity(words, coupon),
        used: used(words, coupon),
    }
}

fn status(words: &Words, status: Status) -> (String, &'static str) {
    let (name, tone) = match status {
        Status::Active => ("coupons.active", ""),
        Status::Paused => ("coupons.paused", "badge-warning"),
        Status::Archived => ("coupons.archived", "badge-quiet"),
    };
    (words.say(name).to_owned(), tone)
}

/// `12.5% off` or `€5.00 off`.
fn worth(words: &Words, coupon: &Coupon) -> String {
    let off = match (coupon.percent_bp, &coupon.amount) {
        (Some(bp), _) => {
            let percent = decimal(words, &draft::percent(bp));
            words.fill("price.percent", &[("percent", &percent)])
        }
        (None, Some(amount)) => money(words, amount),
        (None, None) => String::new(),
    };
    words.fill("coupons.off", &[("off", &off)])
}

fn validity(words: &Words, coupon: &Coupon) -> String {
    let day = |at: &Option<String>| at.as_deref().and_then(|at| format::day(words, at));
    let words_of = |day: Day| day.words;
    match (
        day(&coupon.starts_at).map(words_of),
        day(&coupon.ends_at).map(words_of),
    ) {
        (None, None) => words.say("coupons.always").to_owned(),
        (Some(from), None) => words.fill("coupons.from", &[("from", &from)]),
        (None, Some(to)) => words.fill("coupons.to", &[("to", &to)]),
        (Some(from), Some(to)) => words.fill("coupons.from_to", &[("from", &from), ("to", &to)]),
    }
}

fn used(words: &Words, coupon: &Coupon) -> String {
    match coupon.max_total {
        Some(most) => words.fill("coupons.used_of", &[("n", &coupon.redeemed), ("most", &most)]),
        None => words.fill("coupons.used", &[("n", &coupon.redeemed)]),
    }
}

fn terms(words: &Words, coupon: &Coupon) -> Vec<Term> {
    let term = |name, words| Term { name, words };
    let mut all = vec![
        term("coupons.t_worth", worth(words, coupon)),
        term("coupons.t_scope", scope(words, coupon)),
        term("coupons.t_valid", validity(words, coupon)),
        term("coupons.t_used", used(words, coupon)),
        term("coupons.t_reserved", coupon.reserved.to_string()),
        term("coupons.t_per_user", coupon.per_user.to_string()),
    ];
    if let Some(least) = &coupon.min_subtotal {
        all.push(term("coupons.t_min", money(words, least)));
    }
    if coupon.first_order_only {
        all.push(term("coupons.t_first", words.say("coupons.yes").to_owned()));
    }
    if let Some(user) = &coupon.user_id {
        all.push(term("coupons.t_user", user.clone()));
    }
    all
}

fn scope(words: &Words, coupon: &Coupon) -> String {
    let count = coupon.scope.ids.as_ref().map_or(0, Vec::len);
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    match coupon.scope.kind {
        ScopeKind::All => words.say("coupons.scope_all").to_owned(),
        ScopeKind::Instructor => words.say("coupons.scope_instructor").to_owned(),
        ScopeKind::Courses => words.count("coupons.scope_courses", count),
        ScopeKind::Categories => words.count("coupons.scope_categories", count),
    }
}

fn redemption(words: &Words, area: Area, one: Redemption) -> Used {
    let (state, tone) = match one.state {
        RedemptionState::Reserved => ("coupons.reserved", "badge-warning"),
        RedemptionState::Committed => ("coupons.committed", ""),
        RedemptionState::Released => ("coupons.released", "badge-quiet"),
    };
    Used {
        href: area
            .is_shop()
            .then(|| format!("/admin/orders/{}", segment(&one.order_id))),
        amount: money(words, &one.amount),
        state,
        tone,
        minute: words.minute(&one.created_at),
        at: one.created_at,
        order: one.order_id,
    }
}

const DONE: [(&str, Said); 4] = [
    (
        "created",
        ("success", "coupons.done_created", "coupons.done_created_next"),
    ),
    (
        "paused",
        ("success", "coupons.done_paused", "coupons.done_paused_next"),
    ),
    (
        "resumed",
        ("success", "coupons.done_resumed", "coupons.done_resumed_next"),
    ),
    (
        "stale",
        ("warning", "coupons.done_stale", "coupons.done_stale_next"),
    ),
];

/// The area by the address of the request: one page is both.
impl<S: Sync> axum::extract::FromRequestParts<S> for Area {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(match parts.uri.path().starts_with("/admin/") {
            true => Self::Shop,
            false => Self::Teaching,
        })
    }
}
