//! Lists of courses: filtered, sorted and paged by fixed statements. Input of the caller is bound, never spliced.

use latchkey_db::{DbError, On, Row, Sql, sql};
use latchkey_kit::is_id;
use serde::{Deserialize, Serialize};

use super::courses::{price, word};
use crate::domain::{Kind, Level, Price, Status, patterns};

/// The fields of a course in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub id: String,
    pub kind: Kind,
    pub slug: String,
    pub title: String,
    pub subtitle: String,
    pub category_id: Option<String>,
    pub instructor_id: String,
    pub instructor_name: String,
    pub language: String,
    pub level: Level,
    pub lesson_count: i64,
    pub minutes: i64,
    pub price: Option<Price>,
    pub limited: bool,
    pub status: Status,
    pub version: i64,
    pub updated_at: i64,
    pub published_at: Option<i64>,
    pub photo_id: Option<String>,
    title_key: String,
}

/// The filter of a visitor. Empty texts do not filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub q: String,
    /// The id or slug; subcategories are included.
    pub category: String,
    pub level: Option<Level>,
    pub language: String,
    /// In minor units.
    pub price_max: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    #[default]
    Newest,
    Title,
    PriceAsc,
    PriceDesc,
}

/// The position after a page: the sort key and the id of its last course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    sort: Sort,
    key: Key,
    id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Number(i64),
    Text(String),
}

/// The position after a page of one's own courses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mine {
    updated_at: i64,
    id: String,
}

macro_rules! select {
    ($($rest:literal),+) => {
        concat!(
            "SELECT c.id, c.kind, c.slug, c.title, c.subtitle, c.category_id, c.instructor_id, ",
            "COALESCE(i.display_name, '') AS instructor_name, c.language, c.level, c.lesson_count, ",
            "c.minutes, c.price, c.list_price, c.currency, c.limited, c.status, c.version, ",
            "c.updated_at, c.published_at, c.photo_id, c.title_key ",
            "FROM courses c LEFT JOIN instructors i ON i.user_id = c.instructor_id ",
            $($rest),+
        )
    };
}

macro_rules! list {
    ($after:literal, $order:literal) => {
        select!(
            "WHERE c.status = 'published' ",
            r"AND c.search LIKE $1 ESCAPE '\' AND c.search LIKE $2 ESCAPE '\' ",
            r"AND c.search LIKE $3 ESCAPE '\' AND c.search LIKE $4 ESCAPE '\' ",
            r"AND c.search LIKE $5 ESCAPE '\' AND c.search LIKE $6 ESCAPE '\' ",
            "AND ($7 = '' OR c.category_id IN (SELECT k.id FROM categories k ",
            "LEFT JOIN categories p ON p.id = k.parent_id ",
            "WHERE k.id = $7 OR k.slug = $7 OR p.id = $7 OR p.slug = $7)) ",
            "AND ($8 = '' OR c.level = $8) AND ($9 = '' OR c.language = $9) AND c.price <= $10 AND ",
            $after,
            " ORDER BY ",
            $order,
            " LIMIT $13"
        )
    };
}

/// At most `limit` published courses after a position.
pub async fn listed(
    on: impl Into<On<'_>>,
    filter: &Filter,
    sort: Sort,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<Summary>, DbError> {
    let statement = sql(match sort {
        Sort::Newest => list!(
            "(c.published_at, c.id) < ($11, $12)",
            "c.published_at DESC, c.id DESC"
        ),
        Sort::Title => list!("(c.title_key, c.id) > ($11, $12)", "c.title_key, c.id"),
        Sort::PriceAsc => list!("(c.price, c.id) > ($11, $12)", "c.price, c.id"),
        Sort::PriceDesc => list!("(c.price, c.id) < ($11, $12)", "c.price DESC, c.id DESC"),
    });
    let statement = patterns(&filter.q).into_iter().fold(statement, Sql::bind);
    let statement = statement
        .bind(&filter.category)
        .bind(filter.level.map_or("", Level::as_str))
        .bind(&filter.language)
        .bind(filter.price_max.unwrap_or(i64::MAX));
    let start = Position::start(sort);
    let after = after.unwrap_or(&start);
    let statement = match &after.key {
        Key::Number(number) => statement.bind(*number),
        Key::Text(text) => statement.bind(text),
    };
    statement
        .bind(&after.id)
        .bind(limit)
        .fetch_all(on)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// The courses of one instructor in every status, the last changed first.
pub async fn mine(
    on: impl Into<On<'_>>,
    instructor_id: &str,
    status: Option<Status>,
    after: Option<&Mine>,
    limit: i64,
) -> Result<Vec<Summary>, DbError> {
    let start = Mine {
        updated_at: i64::MAX,
        id: String::new(),
    };
    let after = after.unwrap_or(&start);
    sql(select!(
        "WHERE c.instructor_id = $1 AND ($2 = '' OR c.status = $2) AND (c.updated_at, c.id) < ($3, $4) ",
        "ORDER BY c.updated_at DESC, c.id DESC LIMIT $5"
    ))
    .bind(instructor_id)
    .bind(status.map_or("", Status::as_str))
    .bind(after.updated_at)
    .bind(&after.id)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

impl Position {
    /// Whether a cursor can come from a list with this sort order.
    pub fn fits(&self, sort: Sort) -> bool {
        let key_fits = match (&self.key, sort) {
            (Key::Number(_), Sort::Newest | Sort::PriceAsc | Sort::PriceDesc) => true,
            (Key::Text(text), Sort::Title) => text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            (Key::Number(_), Sort::Title)
            | (Key::Text(_), Sort::Newest | Sort::PriceAsc | Sort::PriceDesc) => false,
        };
        self.sort == sort && key_fits && is_id(&self.id)
    }

    /// The position of a listed course.
    pub fn of(course: &Summary, sort: Sort) -> Self {
        let price = || course.price.as_ref().map_or(0, |price| price.amount);
        let key = match sort {
            Sort::Newest => Key::Number(course.published_at.unwrap_or(0)),
            Sort::Title => Key::Text(course.title_key.clone()),
            Sort::PriceAsc | Sort::PriceDesc => Key::Number(price()),
        };
        Self {
            sort,
            key,
            id: course.id.clone(),
        }
    }

    /// The position before the first course.
    fn start(sort: Sort) -> Self {
        let key = match sort {
            Sort::Newest | Sort::PriceDesc => Key::Number(i64::MAX),
            Sort::Title => Key::Text(String::new()),
            Sort::PriceAsc => Key::Number(-1),
        };
        Self {
            sort,
            key,
            id: String::new(),
        }
    }
}

impl Mine {
    pub fn of(course: &Summary) -> Self {
        Self {
            updated_at: course.updated_at,
            id: course.id.clone(),
        }
    }

    pub fn fits(&self) -> bool {
        is_id(&self.id)
    }
}

fn read(row: &Row) -> Result<Summary, DbError> {
    Ok(Summary {
        id: row.text("id")?,
        kind: word(row, "kind", Kind::parse)?,
        slug: row.text("slug")?,
        title: row.text("title")?,
        subtitle: row.text("subtitle")?,
        category_id: row.opt_text("category_id")?,
        instructor_id: row.text("instructor_id")?,
        instructor_name: row.text("instructor_name")?,
        language: row.text("language")?,
        level: word(row, "level", Level::parse)?,
        lesson_count: row.int("lesson_count")?,
        minutes: row.int("minutes")?,
        price: price(row)?,
        limited: row.int("limited")? == 1,
        status: word(row, "status", Status::parse)?,
        version: row.int("version")?,
        updated_at: row.int("updated_at")?,
        published_at: row.opt_int("published_at")?,
        photo_id: row.opt_text("photo_id")?,
        title_key: row.text("title_key")?,
    })
}

impl From<&crate::domain::Course> for Summary {
    fn from(course: &crate::domain::Course) -> Self {
        let content = &course.content;
        Self {
            id: course.id.clone(),
            kind: course.kind,
            slug: course.slug.clone(),
            title: content.title.clone(),
            subtitle: content.subtitle.clone(),
            category_id: content.category_id.clone(),
            instructor_id: course.instructor_id.clone(),
            instructor_name: course.instructor_name.clone(),
            language: content.language.clone(),
            level: content.level,
            lesson_count: content.lesson_count(),
            minutes: content.minutes(),
            price: content.price.clone(),
            limited: content.limited,
            status: course.status,
            version: course.version,
            updated_at: course.updated_at,
            published_at: course.published_at,
            photo_id: content.photo_id.clone(),
            title_key: String::new(),
        }
    }
}
