//! Reading courses: public lists, single courses by id or slug, and one's own courses.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use latchkey_db::Class;
use latchkey_http::{Problem, StrictQuery, etag, etag_with, none_match};
use latchkey_kit::{Access, Caller, Context, has_control, is_id, page};
use serde::Deserialize;
use utoipa::IntoParams;

use super::views::{CoursePage, CourseSummary, CourseView, SuggestionList};
use crate::domain::{Course, DomainError, Level, Status, Terms, is_language, is_slug};
use crate::store::{Filter, Mine, Position, Sort, Summary};
use crate::{Error, store};

/// The query of the public list. `ids` cannot be combined with other parameters.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Words that must all occur, regardless of case and diacritics; the last one may be the beginning of a word. At most
    /// 200 characters and 8 words.
    q: Option<String>,
    /// The id or slug of a category; its subcategories are included.
    category: Option<String>,
    #[param(inline)]
    level: Option<Level>,
    /// A language tag such as `en`.
    language: Option<String>,
    /// In minor units.
    #[param(minimum = 0)]
    price_max: Option<i64>,
    /// Stars on average.
    #[param(minimum = 1, maximum = 5)]
    rating_min: Option<i64>,
    /// `relevance` (the default with `q`), `newest` (the default without), `top_rated`, `title`, `price_asc` or
    /// `price_desc`.
    #[param(value_type = Option<String>)]
    sort: Option<Sort>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// `next_cursor` of the previous page, with the same `sort`.
    cursor: Option<String>,
    /// At most 100 ids, separated by commas. Those that the caller may not see are omitted.
    ids: Option<String>,
}

/// Lists published courses, or those that `ids` names.
#[utoipa::path(get, path = "/catalog/v1/courses", tag = "courses", params(Asked), responses((status = 200, body = CoursePage)))]
pub async fn list(
    State(context): State<Context>,
    caller: Caller,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<CoursePage>, Problem> {
    if let Some(ids) = &asked.ids {
        let ids = parse_ids(ids, &asked)?;
        let found = store::courses(&context.db, &ids).await.map_err(Error::from)?;
        return Ok(Json(CoursePage {
            items: in_order(&ids, found, &caller),
            next_cursor: None,
        }));
    }
    let limit = page::limit(asked.limit)?;
    let searched = is_query(asked.q.as_deref());
    let sort = match (asked.sort, searched) {
        (None, true) => Sort::Relevance,
        (None | Some(Sort::Relevance), false) => Sort::Newest,
        (Some(sort), _) => sort,
    };
    let after = page::after(asked.cursor.as_deref(), |after: &Position| {
        after.fits(sort, searched)
    })?;
    let filter = filter(asked)?;
    // However many searches there are, lists and courses do not wait for them.
    let class = match searched {
        false => Class::Vital,
        true => Class::Search,
    };
    let db = context.db.reading(class);
    let found = store::listed(&db, &filter, sort, after.as_ref(), limit + 1)
        .await
        .map_err(Error::from)?;
    Ok(Json(CoursePage::from(page::cut(found, limit, |last| {
        Position::of(last, sort)
    }))))
}

/// Returns a course by id or slug. The slug of an earlier title redirects to the current one.
#[utoipa::path(
    get, path = "/catalog/v1/courses/{id}", tag = "courses",
    params(("id" = String, Path, description = "Identifier or slug"), ("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, body = CourseView, headers(("ETag" = String, description = "The ETag of the version"))),
        (status = 301, description = "The course has a new slug; Location is a relative URL"),
        (status = 304, description = "The version has not changed"),
    )
)]
pub async fn read(
    State(context): State<Context>,
    caller: Caller,
    headers: HeaderMap,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Response, Error> {
    let Ok(Path(key)) = path else {
        return Err(DomainError::Missing.into());
    };
    let found = match key.as_str() {
        id if is_id(id) => store::course(&context.db, id).await?,
        slug if is_slug(slug) => store::course_by_slug(&context.db, slug).await?,
        _ => None,
    };
    let course = found
        .filter(|course| course.seen_by(&caller))
        .ok_or(DomainError::Missing)?;
    if key != course.id && key != course.slug {
        return Ok(moved(&course));
    }
    let tag = tag(&course);
    let mut response = match none_match(&headers, &tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Json(CourseView::from(&course)).into_response(),
    };
    response.headers_mut().insert(header::ETAG, tag);
    revalidated(&mut response);
    Ok(response)
}

/// The query of suggestions.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Typed {
    /// What has been typed so far. At most 200 characters.
    q: Option<String>,
}

/// Suggests at most 8 published courses whose titles have these words, the last of which may be a beginning.
#[utoipa::path(get, path = "/catalog/v1/courses/suggestions", tag = "courses", params(Typed),
    responses((status = 200, body = SuggestionList)))]
pub async fn suggest(
    State(context): State<Context>,
    StrictQuery(typed): StrictQuery<Typed>,
) -> Result<Json<SuggestionList>, Error> {
    let q = typed.q.unwrap_or_default();
    check_query(&q)?;
    let db = context.db.reading(Class::Search);
    let found = store::suggestions(&db, &Terms::typed(&q), MOST_SUGGESTIONS).await?;
    Ok(Json(SuggestionList::from(found)))
}

/// The query of one's own list.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AskedMine {
    #[param(inline)]
    status: Option<Status>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    cursor: Option<String>,
}

/// Lists the caller's own courses in every status, the last changed first.
#[utoipa::path(get, path = "/catalog/v1/my/courses", tag = "courses", params(AskedMine), responses((status = 200, body = CoursePage)))]
pub async fn mine(
    State(context): State<Context>,
    who: Access,
    StrictQuery(asked): StrictQuery<AskedMine>,
) -> Result<Json<CoursePage>, Problem> {
    let limit = page::limit(asked.limit)?;
    let after = page::after(asked.cursor.as_deref(), Mine::fits)?;
    let found = store::mine(&context.db, who.sub(), asked.status, after.as_ref(), limit + 1)
        .await
        .map_err(Error::from)?;
    Ok(Json(CoursePage::from(page::cut(found, limit, Mine::of))))
}

/// Everything that reaches the database is short, free of control characters, and one of our values where possible.
fn filter(asked: Asked) -> Result<Filter, Error> {
    let (q, category, language) = (
        asked.q.unwrap_or_default(),
        asked.category.unwrap_or_default(),
        asked.language.unwrap_or_default(),
    );
    check_query(&q)?;
    if !(category.is_empty() || is_slug(&category)) {
        return Err(Error::Query("category", "is neither an id nor a slug"));
    }
    if !(language.is_empty() || is_language(&language)) {
        return Err(Error::Query("language", "is not a language tag"));
    }
    if asked.price_max.is_some_and(|price| price < 0) {
        return Err(Error::Query("price_max", "must not be negative"));
    }
    if asked.rating_min.is_some_and(|stars| !(1..=5).contains(&stars)) {
        return Err(Error::Query("rating_min", "must be 1 to 5"));
    }
    Ok(Filter {
        terms: is_query(Some(&q)).then(|| Terms::parse(&q)),
        rating_min: asked.rating_min,
        category,
        level: asked.level,
        language,
        price_max: asked.price_max,
    })
}

/// Blanks alone are no query: a plain form sends its empty field.
fn is_query(q: Option<&str>) -> bool {
    q.is_some_and(|q| !q.trim().is_empty())
}

fn check_query(q: &str) -> Result<(), Error> {
    if q.chars().count() > LONGEST_QUERY || has_control(q) {
        return Err(Error::Query(
            "q",
            "has more than 200 characters, or control characters",
        ));
    }
    Ok(())
}

/// Its version, and what changes without one.
fn tag(course: &Course) -> HeaderValue {
    let standing = &course.standing;
    match (standing.rating_version, standing.seats) {
        (0, None) => etag(course.version),
        (rating, seats) => etag_with(course.version, &[rating, seats.map_or(0, |seats| seats.version)]),
    }
}

fn parse_ids(ids: &str, asked: &Asked) -> Result<Vec<String>, Error> {
    let alone = asked.q.is_none()
        && asked.category.is_none()
        && asked.level.is_none()
        && asked.language.is_none()
        && asked.price_max.is_none()
        && asked.rating_min.is_none()
        && asked.sort.is_none()
        && asked.limit.is_none()
        && asked.cursor.is_none();
    if !alone {
        return Err(Error::Query("ids", "cannot be combined with other parameters"));
    }
    page::ids(ids).map_err(|reason| Error::Query("ids", reason))
}

/// In the requested order; another author's draft is omitted as if it did not exist.
fn in_order(ids: &[String], found: Vec<Course>, caller: &Caller) -> Vec<CourseSummary> {
    let mut by_id: HashMap<String, Course> = found
        .into_iter()
        .map(|course| (course.id.clone(), course))
        .collect();
    ids.iter()
        .filter_map(|id| by_id.remove(id))
        .filter(|course| course.seen_by(caller))
        .map(|course| CourseSummary::from(Summary::from(&course)))
        .collect()
}

/// A relative reference stays correct behind any prefix of a gateway.
fn moved(course: &Course) -> Response {
    let mut response = StatusCode::MOVED_PERMANENTLY.into_response();
    if let Ok(location) = HeaderValue::from_str(&course.slug) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    revalidated(&mut response); // the old title may be restored, and with it the old slug
    response
}

/// Caches may store the response but must revalidate it; it depends on the caller.
fn revalidated(response: &mut Response) {
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("authorization"));
}

const LONGEST_QUERY: usize = 200;
const MOST_SUGGESTIONS: i64 = 8;
