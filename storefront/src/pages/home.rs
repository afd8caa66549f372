//! The home page: a headline, a search, the subjects, and rows of courses.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use latchkey_http::current_request_id;
use latchkey_web::answer;

use super::{Card, Categories, Notice, category_path};
use crate::Storefront;
use crate::api::ApiError;
use crate::api::catalog::{Catalog, Listing};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::search::{Level, Search};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/home.html")]
struct HomeView<'a> {
    page: &'a ShopPage,
    notice: Option<Notice<'a>>,
    /// The id to quote after an error.
    trace: Option<String>,
    lead: Option<Card>,
    subjects: Vec<Subject>,
    rows: Vec<Row>,
}

struct Subject {
    href: String,
    name: String,
}

struct Row {
    title: String,
    href: String,
    cards: Vec<Card>,
}

/// The data of the page, fetched concurrently.
struct Shown {
    categories: Categories,
    newest: Listing,
    beginner: Listing,
    /// The newest courses of the first subjects.
    by_subject: Vec<Listing>,
}

pub async fn show(State(storefront): State<Storefront>, visit: Visit) -> Response {
    let mut page = visit.page("");
    visit
        .context
        .words
        .say("home.promise")
        .clone_into(&mut page.description);
    page.canonical = visit.canonical("/");
    match load(&storefront.api.catalog).await {
        Ok(shown) => answer(StatusCode::OK, &view(&page, &visit, shown)),
        Err(error) => without_courses(&page, error.into()),
    }
}

async fn load(catalog: &Catalog) -> Result<Shown, ApiError> {
    let (newest, beginner) = (Search::default(), beginner());
    let (categories, newest, beginner) = futures::future::try_join3(
        catalog.categories(),
        catalog.courses(&newest, CARDS + 1),
        catalog.courses(&beginner, ASKED),
    )
    .await?;
    let categories = Categories(categories);
    let searches: Vec<Search> = categories
        .first_level()
        .take(SUBJECTS_ASKED)
        .map(|category| Search {
            category: category.slug.clone(),
            ..Search::default()
        })
        .collect();
    let by_subject =
        futures::future::try_join_all(searches.iter().map(|search| catalog.courses(search, ASKED))).await?;
    Ok(Shown {
        categories,
        newest,
        beginner,
        by_subject,
    })
}

fn view<'a>(page: &'a ShopPage, visit: &Visit, shown: Shown) -> HomeView<'a> {
    let words = &visit.context.words;
    // No course appears twice on the page: each row omits those of the rows above.
    let mut shown_already: Vec<String> = Vec::new();
    let mut cards = |listing: &Listing, most: u32| -> Vec<Card> {
        let mut cards = Vec::new();
        for course in &listing.items {
            if cards.len() < most as usize && !shown_already.contains(&course.id) {
                shown_already.push(course.id.clone());
                cards.push(Card::of(words, &shown.categories, course));
            }
        }
        cards
    };
    let mut newest = cards(&shown.newest, CARDS + 1);
    let lead = (!newest.is_empty()).then(|| newest.remove(0));
    let row = |title: &str, href: String, cards| Row {
        title: words.say(title).to_owned(),
        href,
        cards,
    };
    let mut rows = vec![row("home.new", "/courses".to_owned(), newest)];
    let beginners = cards(&shown.beginner, CARDS);
    if beginners.len() >= WORTH_A_ROW {
        rows.push(row("home.beginner", beginner().address("/courses"), beginners));
    }
    for (category, listing) in shown.categories.first_level().zip(&shown.by_subject) {
        if rows.len() == MOST_ROWS {
            break;
        }
        let cards = cards(listing, CARDS);
        if cards.len() < WORTH_A_ROW {
            continue;
        }
        rows.push(Row {
            title: category.name.clone(),
            href: category_path(category),
            cards,
        });
    }
    rows.retain(|row| !row.cards.is_empty());
    HomeView {
        page,
        notice: None,
        trace: None,
        lead,
        subjects: shown
            .categories
            .first_level()
            .map(|category| Subject {
                href: category_path(category),
                name: category.name.clone(),
            })
            .collect(),
        rows,
    }
}

/// The page works even if the catalog cannot be reached: it shows a notice, and no courses.
fn without_courses(page: &ShopPage, error: PageError) -> Response {
    let (status, title, next) = match error {
        PageError::Away => (
            StatusCode::SERVICE_UNAVAILABLE,
            "error.away_title",
            "error.away_next",
        ),
        PageError::Bad
        | PageError::Foreign
        | PageError::Missing
        | PageError::Method
        | PageError::PartAway
        | PageError::NotSignedIn
        | PageError::Forbidden
        | PageError::NotInstructor
        | PageError::SignedOut
        | PageError::Broken => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "error.broken_title",
            "error.broken_next",
        ),
    };
    let view = HomeView {
        page,
        notice: Some(Notice {
            tone: "danger",
            title: page.t(title),
            next: page.t(next),
        }),
        trace: Some(current_request_id().to_string()),
        lead: None,
        subjects: Vec::new(),
        rows: Vec::new(),
    };
    let mut response = answer(status, &view);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

fn beginner() -> Search {
    Search {
        level: Some(Level::Beginner),
        ..Search::default()
    }
}

/// The number of courses in a row.
const CARDS: u32 = 4;
/// Enough for a row, whatever the rows above contain.
const ASKED: u32 = 12;
const SUBJECTS_ASKED: usize = 6;
/// A row with fewer courses looks like a mistake.
const WORTH_A_ROW: usize = 4;
const MOST_ROWS: usize = 5;
