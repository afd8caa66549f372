//! `/library`: the courses and items that the user owns.

use std::collections::HashMap;

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use latchkey_contracts::events::course::CourseKind;
use latchkey_http::Form;
use latchkey_web::{Words, answer, see_other};

use super::{Categories, Notice, Said, next_page};
use crate::Storefront;
use crate::api::ApiError;
use crate::api::catalog::Summary;
use crate::api::inventory::LibraryItem;
use crate::cover::Cover;
use crate::format::segment;
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::posted::posted;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/library.html")]
struct LibraryPage<'a> {
    page: &'a ShopPage,
    notice: Option<Notice<'a>>,
    rows: Vec<Row>,
    first: Option<&'a str>,
    next: Option<String>,
}

struct Row {
    href: String,
    cover: Cover,
    title: String,
    progress: Option<Progress>,
    facts: String,
    /// The name of the message.
    next: Option<&'static str>,
    certificate: Option<String>,
    consume: Option<Consume>,
}

/// The form that uses up one of an item.
struct Consume {
    action: String,
    /// It makes a second press the same use.
    key: String,
}

struct Progress {
    done: i64,
    all: i64,
    label: String,
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let cursor = form.take("cursor");
    let found = storefront.api.inventory.library(login, cursor.as_deref()).await?;
    let ids: Vec<&str> = found.items.iter().map(|item| item.item_id.as_str()).collect();
    let catalog = &storefront.api.catalog;
    let (courses, categories) = futures::future::join(catalog.by_ids(&ids), catalog.categories()).await;
    // Without the catalog the library is shown without the number of lessons, and never with made-up ones.
    let courses: HashMap<String, Summary> = courses
        .unwrap_or_default()
        .into_iter()
        .map(|course| (course.id.clone(), course))
        .collect();
    let categories = Categories(categories.unwrap_or_default());
    let words = &visit.context.words;
    let rows = found.items.iter().map(|item| {
        let course = courses.get(&item.item_id);
        row(&storefront, words, &categories, item, course)
    });
    let page = visit.page(words.say("library.title"));
    let view = LibraryPage {
        page: &page,
        notice: Notice::done(words, &mut form, &DONE),
        rows: rows.collect(),
        first: cursor.as_ref().map(|_| "/library"),
        next: next_page("/library", found.next_cursor.clone()),
    };
    Ok(answer(StatusCode::OK, &view))
}

/// Uses up one of an item.
pub async fn consume(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let (login, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let key = form.take("key").ok_or(PageError::Bad)?;
    let done = match storefront.api.inventory.consume(login, &id, &key, 1).await {
        Ok(_) => "used",
        // The last one is no item of the library any more.
        Err(ApiError::Missing) => "none",
        Err(error) if error.code() == Some("too_few") => "none",
        Err(error) => return Err(error.into()),
    };
    Ok(see_other(&format!("/library?done={done}")))
}

fn row(
    storefront: &Storefront,
    words: &Words,
    categories: &Categories,
    item: &LibraryItem,
    course: Option<&Summary>,
) -> Row {
    let category = course.and_then(|course| course.category_id.as_deref());
    let row = Row {
        href: format!("/courses/{}", segment(&item.slug)),
        cover: Cover::of(
            categories.hue(category),
            &item.item_id,
            course.and_then(|course| course.photo_id.as_deref()),
        ),
        title: item.title.clone(),
        progress: None,
        facts: words.count("library.items", item.quantity),
        next: None,
        certificate: None,
        consume: None,
    };
    if item.kind == CourseKind::Item {
        let consume = Consume {
            action: format!("/library/{}/use", segment(&item.item_id)),
            key: storefront.key(),
        };
        return Row {
            consume: Some(consume),
            ..row
        };
    }
    let all = course.map_or(0, |course| course.lesson_count);
    // Lessons may have been taken out of the course since.
    let done = item.lessons_done_count.min(all);
    let next = match (done, all) {
        (_, 0) => None,
        (0, _) => Some("library.begin"),
        (done, all) if done < all => Some("library.resume"),
        _ => Some("library.again"),
    };
    Row {
        href: format!("/learn/{}", segment(&item.slug)),
        progress: (all > 0).then(|| Progress {
            done,
            all,
            label: words.fill("library.progress", &[("title", &item.title)]),
        }),
        facts: match (done, all) {
            (_, 0) => words.count("library.done_some", item.lessons_done_count),
            (done, all) if done == all => words.say("library.whole").to_owned(),
            _ => words.fill("library.done", &[("done", &done), ("all", &all)]),
        },
        certificate: (all > 0 && done == all).then(|| format!("/learn/{}/certificate", segment(&item.slug))),
        next,
        ..row
    }
}

const DONE: [(&str, Said); 3] = [
    ("bought", ("success", "library.bought", "library.bought_next")),
    ("used", ("success", "library.used", "library.used_next")),
    ("none", ("warning", "library.too_few", "library.too_few_next")),
];
