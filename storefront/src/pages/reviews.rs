//! What owners say about a course: the list of reviews, and the form of one's own.

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use latchkey_http::Form;
use latchkey_web::{Words, answer, see_other};
use serde_json::json;

use super::rating::RatingView;
use super::{Notice, Said, next_page, other_language};
use crate::Storefront;
use crate::api::ApiError;
use crate::api::catalog::{Course, Found, Review, Reviews};
use crate::format::{self, Day, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::posted::posted;
use crate::visit::Visit;

/// How many reviews have so many stars.
pub struct Bar {
    pub label: String,
    pub count: i64,
    pub all: i64,
}

/// A review in a list.
pub struct ReviewView {
    /// Which of five stars are filled.
    pub stars: [bool; 5],
    pub label: String,
    pub text: String,
    pub name: String,
    pub day: Option<Day>,
}

#[derive(Template)]
#[template(path = "storefront/reviews.html")]
struct ReviewsPage<'a> {
    page: &'a ShopPage,
    notice: Option<Notice<'a>>,
    title: &'a str,
    lang: Option<String>,
    /// The address of the course.
    course: String,
    rating: Option<RatingView>,
    bars: Vec<Bar>,
    reviews: Vec<ReviewView>,
    first: Option<String>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "storefront/review.html")]
struct FormPage<'a> {
    page: &'a ShopPage,
    title: &'a str,
    lang: Option<String>,
    course: String,
    action: String,
    /// Whether there is one already.
    written: bool,
    fault: Option<String>,
    choices: Vec<Choice>,
    text: String,
    name: String,
}

struct Choice {
    stars: i64,
    label: String,
    chosen: bool,
}

/// A review as typed.
struct Typed {
    stars: i64,
    text: String,
    name: String,
}

/// From five stars to one.
pub fn bars(words: &Words, reviews: &Reviews) -> Vec<Bar> {
    let all: i64 = reviews.histogram.iter().sum();
    let bar = |(stars, count): (i64, &i64)| Bar {
        label: words.count("rating.n_stars", stars),
        count: *count,
        all: all.max(1),
    };
    let mut bars: Vec<Bar> = (1..=5).zip(&reviews.histogram).map(bar).collect();
    bars.reverse();
    bars
}

pub fn review_view(words: &Words, review: &Review) -> ReviewView {
    let mut place = 0;
    ReviewView {
        stars: [(); 5].map(|()| {
            place += 1;
            place <= review.stars
        }),
        label: words.count("rating.n_stars", review.stars),
        text: review.text.clone(),
        name: review.name.clone(),
        day: format::day(words, &review.created_at),
    }
}

/// `/courses/{slug}/reviews`
pub async fn list(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let Path(slug) = path.map_err(|_| PageError::Missing)?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let cursor = form.take("cursor");
    let course = match storefront.api.catalog.course(&slug).await? {
        Found::Moved(to) => return Ok(see_other(&format!("/courses/{}/reviews", segment(&to)))),
        Found::Here(course) => course,
    };
    let catalog = &storefront.api.catalog;
    let reviews = catalog
        .reviews(&course.summary.id, PAGE, cursor.as_deref())
        .await?;
    let words = &visit.context.words;
    let title = words.fill("reviews.of", &[("title", &course.summary.title)]);
    let page = visit.page(title.as_str());
    let here = format!("/courses/{}/reviews", segment(&course.summary.slug));
    let view = ReviewsPage {
        page: &page,
        notice: Notice::done(words, &mut form, &DONE),
        title: &course.summary.title,
        lang: other_language(words, &course.summary.language),
        course: format!("/courses/{}", segment(&course.summary.slug)),
        rating: reviews.rating.map(|rating| RatingView::of(words, rating)),
        bars: bars(words, &reviews),
        reviews: reviews
            .items
            .iter()
            .map(|review| review_view(words, review))
            .collect(),
        first: cursor.map(|_| here.clone()),
        next: next_page(&here, reviews.next_cursor.clone()),
    };
    Ok(answer(StatusCode::OK, &view))
}

/// `/courses/{slug}/review`: the form, for who owns the course.
pub async fn edit(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let Path(slug) = path.map_err(|_| PageError::Missing)?;
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let course = match storefront.api.catalog.course(&slug).await? {
        Found::Moved(to) => return Ok(see_other(&format!("/courses/{}/review", segment(&to)))),
        Found::Here(course) => course,
    };
    let written = storefront
        .api
        .catalog
        .my_review(login, &course.summary.id)
        .await?;
    let typed = match &written {
        Some(review) => Typed {
            stars: review.stars,
            text: review.text.clone(),
            name: review.name.clone(),
        },
        None => Typed {
            stars: 0,
            text: String::new(),
            name: visit.user().map(|user| user.name.clone()).unwrap_or_default(),
        },
    };
    Ok(show(&visit, &course, typed, written.is_some(), None))
}

/// Writes or replaces it.
pub async fn send(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(slug) = path.map_err(|_| PageError::Missing)?;
    let (login, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let typed = Typed {
        stars: form
            .take("stars")
            .and_then(|stars| stars.parse().ok())
            .unwrap_or(0),
        text: form.take("text").unwrap_or_default().replace("\r\n", "\n"),
        name: form.take("name").unwrap_or_default(),
    };
    let course = match storefront.api.catalog.course(&slug).await? {
        Found::Moved(to) => return Ok(see_other(&format!("/courses/{}/review", segment(&to)))),
        Found::Here(course) => course,
    };
    let id = &course.summary.id;
    let draft = json!({"stars": typed.stars, "text": typed.text, "name": typed.name});
    let words = &visit.context.words;
    let fault = match storefront.api.catalog.put_review(login, id, &draft).await {
        Ok(()) => {
            let reviews = format!("/courses/{}/reviews?done=written", segment(&course.summary.slug));
            return Ok(see_other(&reviews));
        }
        Err(error) => match error.code() {
            Some("not_owner_yet") => words.say("review.not_owner_yet").to_owned(),
            Some("invalid_content" | "invalid_body") if typed.stars == 0 => {
                words.say("review.no_stars").to_owned()
            }
            Some("invalid_content" | "invalid_body") => words.say("review.invalid").to_owned(),
            Some(_) | None => return Err(error.into()),
        },
    };
    let written = storefront.api.catalog.my_review(login, id).await?.is_some();
    Ok(show(&visit, &course, typed, written, Some(fault)))
}

/// Takes it back.
pub async fn withdraw(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(slug) = path.map_err(|_| PageError::Missing)?;
    let (login, _) = posted(&storefront, &visit, &headers, body, &[])?;
    let course = match storefront.api.catalog.course(&slug).await? {
        Found::Moved(to) => return Ok(see_other(&format!("/courses/{}/review", segment(&to)))),
        Found::Here(course) => course,
    };
    let catalog = &storefront.api.catalog;
    catalog.delete_review(login, &course.summary.id).await?;
    let reviews = format!(
        "/courses/{}/reviews?done=withdrawn",
        segment(&course.summary.slug)
    );
    Ok(see_other(&reviews))
}

/// The best few for the page of the course, which is shown without them when they cannot be had.
pub async fn glance(storefront: &Storefront, course: &Course) -> Result<Option<Reviews>, ApiError> {
    match course.summary.rating {
        None => Ok(None),
        Some(_) => storefront
            .api
            .catalog
            .reviews(&course.summary.id, FEW, None)
            .await
            .map(Some),
    }
}

fn show(visit: &Visit, course: &Course, typed: Typed, written: bool, fault: Option<String>) -> Response {
    let words = &visit.context.words;
    let status = match fault {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = visit.page(words.say("review.write"));
    let address = format!("/courses/{}", segment(&course.summary.slug));
    let view = FormPage {
        page: &page,
        title: &course.summary.title,
        lang: other_language(words, &course.summary.language),
        action: format!("{address}/review"),
        course: address,
        written,
        fault,
        choices: (1..=5)
            .rev()
            .map(|stars| Choice {
                stars,
                label: words.count("rating.n_stars", stars),
                chosen: stars == typed.stars,
            })
            .collect(),
        text: typed.text,
        name: typed.name,
    };
    answer(status, &view)
}

const DONE: [(&str, Said); 2] = [
    (
        "written",
        ("success", "review.done_written", "review.done_written_next"),
    ),
    (
        "withdrawn",
        ("success", "review.done_withdrawn", "review.done_withdrawn_next"),
    ),
];

const PAGE: u32 = 10;
const FEW: u32 = 3;
