//! The page of a course.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use latchkey_contracts::events::course::CourseKind;
use latchkey_web::{Html, Words, answer, markdown};

use super::rating::RatingView;
use super::reviews::{self, Bar, ReviewView, bars, review_view};
use super::{Categories, Crumb, category_path, cover_of, other_language};
use crate::Storefront;
use crate::api::catalog::{Course, Found};
use crate::api::inventory::Available;
use crate::cover::Cover;
use crate::format::{self, Day, Price, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/course.html")]
struct CoursePage<'a> {
    page: &'a ShopPage,
    offer: Offer<'a>,
    wish: Wish<'a>,
    /// How many seats are left, if they are counted and inventory could be asked.
    seats: Option<i64>,
    crumbs: Vec<Crumb>,
    course: CourseView<'a>,
    rating: Option<RatingView>,
    bars: Vec<Bar>,
    /// The first few.
    reviews: Vec<ReviewView>,
    /// The address of the form, for owners.
    review: Option<String>,
}

/// What a visitor can do about the course.
enum Offer<'a> {
    /// A shop without an issuer sells nothing.
    Closed,
    /// It is theirs; the address at which they learn.
    Owned(String),
    InBasket,
    SoldOut,
    Add {
        token: Option<&'a str>,
        course_id: &'a str,
        /// Whether it can be bought more than once.
        item: bool,
    },
}

/// What a visitor can do about it later.
enum Wish<'a> {
    /// It is theirs, or about to be.
    Needless,
    Kept,
    Keep {
        token: Option<&'a str>,
        course_id: &'a str,
    },
}

struct CourseView<'a> {
    /// As a part of addresses.
    slug: String,
    title: &'a str,
    subtitle: &'a str,
    lang: Option<String>,
    instructor: &'a str,
    initials: String,
    cover: Cover,
    price: Option<Price>,
    limited: bool,
    lesson_count: i64,
    duration: String,
    previews: i64,
    level: &'a str,
    language: String,
    updated: Option<Day>,
    outcomes: &'a [String],
    requirements: &'a [String],
    description: Html,
    /// `3 sections · 11 lessons · 2 h 58 min`
    extent: String,
    sections: Vec<SectionView<'a>>,
}

struct SectionView<'a> {
    title: &'a str,
    facts: String,
    lessons: Vec<LessonView<'a>>,
}

struct LessonView<'a> {
    title: &'a str,
    time: String,
    preview: bool,
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let Path(slug) = path.map_err(|_| PageError::Missing)?;
    let (found, categories) = futures::future::join(
        storefront.api.catalog.course(&slug),
        storefront.api.catalog.categories(),
    )
    .await;
    let course = match found? {
        Found::Moved(to) => return moved(&to),
        // An id is accepted here too, and redirects to the canonical address.
        Found::Here(course) if course.summary.slug != slug => return moved(&course.summary.slug),
        Found::Here(course) => course,
    };
    let categories = Categories(categories?);
    let mut page = visit.page(course.summary.title.as_str());
    page.description.clone_from(&course.subtitle);
    page.canonical = visit.canonical(&format!("/courses/{}", segment(&slug)));
    let (seats, owned, reviews) = futures::future::join3(
        seats(&storefront, &course),
        owned(&storefront, &visit, &course),
        reviews::glance(&storefront, &course),
    )
    .await;
    let reviews = reviews.ok().flatten();
    let words = &visit.context.words;
    let id = course.summary.id.as_str();
    let offer = match (seats, owned) {
        _ if storefront.logins.is_none() => Offer::Closed,
        (_, true) => Offer::Owned(format!("/learn/{}", segment(&slug))),
        _ if visit.has_in_basket(id) => Offer::InBasket,
        (Some(0), false) => Offer::SoldOut,
        (Some(_) | None, false) => Offer::Add {
            token: visit.form_token(),
            course_id: id,
            item: course.summary.kind == CourseKind::Item,
        },
    };
    let wish = match &offer {
        Offer::Closed | Offer::Owned(_) | Offer::InBasket => Wish::Needless,
        Offer::SoldOut | Offer::Add { .. } if visit.wishes(id) => Wish::Kept,
        Offer::SoldOut | Offer::Add { .. } => Wish::Keep {
            token: visit.form_token(),
            course_id: id,
        },
    };
    let view = CoursePage {
        page: &page,
        offer,
        wish,
        seats: seats.filter(|left| *left > 0),
        rating: course.summary.rating.map(|rating| RatingView::of(words, rating)),
        bars: reviews
            .as_ref()
            .map_or_else(Vec::new, |reviews| bars(words, reviews)),
        reviews: reviews.as_ref().map_or_else(Vec::new, |reviews| {
            let items = reviews.items.iter();
            items.map(|review| review_view(words, review)).collect()
        }),
        review: (owned && visit.reviews()).then(|| format!("/courses/{}/review", segment(&slug))),
        crumbs: crumbs(&visit.context.words, &categories, &course),
        course: view(&visit.context.words, &categories, &course),
    };
    Ok(answer(StatusCode::OK, &view))
}

/// How many seats are left, for a course that counts them. Without an answer the page says only that they are limited.
async fn seats(storefront: &Storefront, course: &Course) -> Option<i64> {
    let summary = &course.summary;
    if !summary.limited || storefront.logins.is_none() {
        return None;
    }
    if let Some(left) = summary.seats_left {
        return Some(left.max(0));
    }
    // The catalog may not have heard of them yet.
    let stock = storefront.api.inventory.stock(&[&summary.id]).await.ok()?;
    let here = stock.into_iter().find(|stock| stock.item_id == summary.id)?;
    match here.available {
        Available::Seats(left) => Some(left.max(0)),
        Available::Uncounted(_) => None,
    }
}

/// Whether the user owns the course. An item may be bought again.
async fn owned(storefront: &Storefront, visit: &Visit, course: &Course) -> bool {
    let summary = &course.summary;
    let Some(login) = visit.login().filter(|_| summary.kind == CourseKind::Course) else {
        return false;
    };
    let owned = storefront.api.inventory.owned(login, &[&summary.id]).await;
    owned.is_ok_and(|owned| {
        let mut here = owned.iter();
        here.any(|owned| owned.item_id == summary.id && owned.quantity > 0)
    })
}

fn view<'a>(words: &'a Words, categories: &Categories, course: &'a Course) -> CourseView<'a> {
    let summary = &course.summary;
    let sections = i64::try_from(course.sections.len()).unwrap_or(i64::MAX);
    let previews = course.sections.iter().flat_map(|section| &section.lessons);
    let duration = format::duration(words, summary.minutes);
    CourseView {
        slug: segment(&summary.slug),
        title: &summary.title,
        subtitle: &course.subtitle,
        lang: other_language(words, &summary.language),
        instructor: &summary.instructor_name,
        initials: format::initials(&summary.instructor_name),
        cover: cover_of(categories, summary),
        price: summary
            .price
            .as_ref()
            .map(|price| format::price(words, price, summary.list_price.as_ref())),
        limited: summary.limited,
        lesson_count: summary.lesson_count,
        previews: i64::try_from(previews.filter(|lesson| lesson.preview).count()).unwrap_or(i64::MAX),
        level: words.say(summary.level.message()),
        language: format::language(words, &summary.language),
        updated: format::day(words, &course.updated_at),
        outcomes: &course.outcomes,
        requirements: &course.requirements,
        description: markdown(&course.description_md),
        extent: [
            words.count("unit.sections", sections),
            words.count("unit.lessons", summary.lesson_count),
            duration.clone(),
        ]
        .join(" · "),
        duration,
        sections: course
            .sections
            .iter()
            .map(|section| section_view(words, section))
            .collect(),
    }
}

fn section_view<'a>(words: &Words, section: &'a crate::api::catalog::Section) -> SectionView<'a> {
    let lessons = i64::try_from(section.lessons.len()).unwrap_or(i64::MAX);
    let minutes = section
        .lessons
        .iter()
        .fold(0_i64, |sum, lesson| sum.saturating_add(lesson.minutes));
    SectionView {
        title: &section.title,
        facts: format!(
            "{} · {}",
            words.count("unit.lessons", lessons),
            format::duration(words, minutes)
        ),
        lessons: section
            .lessons
            .iter()
            .map(|lesson| LessonView {
                title: &lesson.title,
                time: format::duration(words, lesson.minutes),
                preview: lesson.preview,
            })
            .collect(),
    }
}

/// The breadcrumb of the course, which itself is the heading of the page and not repeated.
fn crumbs(words: &Words, categories: &Categories, course: &Course) -> Vec<Crumb> {
    let mut crumbs = vec![Crumb {
        href: Some("/courses".to_owned()),
        label: words.say("nav.courses").to_owned(),
    }];
    let category = course
        .summary
        .category_id
        .as_deref()
        .and_then(|id| categories.by_id(id));
    let above = category.and_then(|category| categories.above(category));
    crumbs.extend(above.into_iter().chain(category).map(|one| Crumb {
        href: Some(category_path(one)),
        label: one.name.clone(),
    }));
    crumbs
}

/// Not cacheable: an old title may be restored, and with it the old address.
fn moved(slug: &str) -> Result<Response, PageError> {
    let to = HeaderValue::from_str(&format!("/courses/{}", segment(slug))).map_err(|_| PageError::Broken)?;
    let mut response = StatusCode::MOVED_PERMANENTLY.into_response();
    response.headers_mut().insert(header::LOCATION, to);
    Ok(response)
}
