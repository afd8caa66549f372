//! Lists of courses: filtered, sorted and paged by fixed statements. Input of the caller is bound, never spliced.
//! `search.rs` has those of a query.

use latchkey_db::{Db, DbError, On, Row, Sql, sql};
use latchkey_kit::is_id;
use serde::{Deserialize, Serialize};

use super::courses::{price, rating, seats, word};
use crate::domain::{Kind, Level, Price, Rating, Status, Terms};

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
    pub rating: Rating,
    /// `None` where seats are not counted, or not heard of yet.
    pub seats_left: Option<i64>,
    title_key: String,
    /// The number of a hit in the index.
    seq: i64,
    /// The rank of a hit.
    pub(super) tier: i64,
}

/// The filter of a visitor. Empty texts do not filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The words of a query.
    pub terms: Option<Terms>,
    /// The id or slug; subcategories are included.
    pub category: String,
    pub level: Option<Level>,
    pub language: String,
    /// In minor units.
    pub price_max: Option<i64>,
    /// Stars on average.
    pub rating_min: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// By where the words of a query occur, and then the newest first.
    Relevance,
    #[default]
    Newest,
    TopRated,
    Title,
    PriceAsc,
    PriceDesc,
}

/// The position after a page: the sort key and the id of its last course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    sort: Sort,
    pub(super) key: Key,
    id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Key {
    Number(i64),
    Text(String),
    Hit { tier: i64, seq: i64 },
}

/// The position after a page of one's own courses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mine {
    updated_at: i64,
    id: String,
}

/// The summaries of courses: the number in the index, where they come from, and the rest of the statement.
macro_rules! summaries {
    ($seq:literal, $from:literal, $($rest:expr),+) => {
        concat!(
            "SELECT c.id, c.kind, c.slug, c.title, c.subtitle, c.category_id, c.instructor_id, ",
            "COALESCE(i.display_name, '') AS instructor_name, c.language, c.level, c.lesson_count, ",
            "c.minutes, c.price, c.list_price, c.currency, c.limited, c.status, c.version, ",
            "c.updated_at, c.published_at, c.photo_id, c.title_key, c.rating_sum, c.rating_count, ",
            "p.capacity AS seats, p.taken AS seats_taken, p.version AS seats_version, ",
            $seq, " AS seq FROM ", $from, " LEFT JOIN instructors i ON i.user_id = c.instructor_id ",
            "LEFT JOIN seats p ON p.item_id = c.id ",
            $($rest),+
        )
    };
}
pub(super) use summaries;

macro_rules! list {
    ($after:literal, $order:literal) => {
        summaries!(
            "CAST(0 AS BIGINT)",
            "courses c",
            "WHERE c.status = 'published' ",
            "AND ($1 = '' OR c.category_id IN (SELECT k.id FROM categories k ",
            "LEFT JOIN categories a ON a.id = k.parent_id ",
            "WHERE k.id = $1 OR k.slug = $1 OR a.id = $1 OR a.slug = $1)) ",
            "AND ($2 = '' OR c.level = $2) AND ($3 = '' OR c.language = $3) AND c.price <= $4 ",
            "AND ($5 = 0 OR (c.rating_count > 0 AND c.rating_sum >= $5 * c.rating_count)) AND ",
            $after,
            " ORDER BY ",
            $order,
            " LIMIT $6"
        )
    };
}

/// At most `limit` published courses after a position, whatever words are asked for.
pub(super) async fn browsed(
    db: &Db,
    filter: &Filter,
    sort: Sort,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<Summary>, DbError> {
    let statement = sql(match sort {
        Sort::Newest | Sort::Relevance => list!(
            "(c.published_at, c.id) < ($7, $8)",
            "c.published_at DESC, c.id DESC"
        ),
        Sort::TopRated => list!(
            "(c.rating_score, c.id) < ($7, $8)",
            "c.rating_score DESC, c.id DESC"
        ),
        Sort::Title => list!("(c.title_key, c.id) > ($7, $8)", "c.title_key, c.id"),
        Sort::PriceAsc => list!("(c.price, c.id) > ($7, $8)", "c.price, c.id"),
        Sort::PriceDesc => list!("(c.price, c.id) < ($7, $8)", "c.price DESC, c.id DESC"),
    });
    let statement = statement
        .bind(&filter.category)
        .bind(filter.level.map_or("", Level::as_str))
        .bind(&filter.language)
        .bind(filter.price_max.unwrap_or(i64::MAX))
        .bind(filter.rating_min.unwrap_or(0))
        .bind(limit);
    let start = Position::start(sort);
    after
        .unwrap_or(&start)
        .bind(statement)
        .fetch_all(db)
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
    sql(summaries!(
        "CAST(0 AS BIGINT)",
        "courses c",
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
    /// Whether a cursor can come from a list with this sort order, of a query or without one.
    pub fn fits(&self, sort: Sort, searched: bool) -> bool {
        let key_fits = match (&self.key, sort) {
            (Key::Hit { tier, .. }, Sort::Relevance | Sort::Newest) => searched && (0..3).contains(tier),
            (Key::Number(_), Sort::Newest) => !searched,
            (Key::Number(_), Sort::TopRated | Sort::PriceAsc | Sort::PriceDesc) => true,
            (Key::Text(text), Sort::Title) => text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            (Key::Hit { .. }, Sort::TopRated | Sort::Title | Sort::PriceAsc | Sort::PriceDesc)
            | (Key::Number(_), Sort::Relevance | Sort::Title)
            | (
                Key::Text(_),
                Sort::Relevance | Sort::Newest | Sort::TopRated | Sort::PriceAsc | Sort::PriceDesc,
            ) => false,
        };
        self.sort == sort && key_fits && is_id(&self.id)
    }

    /// The position of a listed course.
    pub fn of(course: &Summary, sort: Sort) -> Self {
        let price = || course.price.as_ref().map_or(0, |price| price.amount);
        let key = match sort {
            Sort::Relevance | Sort::Newest if course.seq > 0 => Key::Hit {
                tier: course.tier,
                seq: course.seq,
            },
            Sort::Relevance | Sort::Newest => Key::Number(course.published_at.unwrap_or(0)),
            Sort::TopRated => Key::Number(course.rating.score()),
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
    pub(super) fn start(sort: Sort) -> Self {
        let key = match sort {
            Sort::Relevance | Sort::Newest | Sort::TopRated | Sort::PriceDesc => Key::Number(i64::MAX),
            Sort::Title => Key::Text(String::new()),
            Sort::PriceAsc => Key::Number(-1),
        };
        Self {
            sort,
            key,
            id: String::new(),
        }
    }

    /// Binds key and id.
    pub(super) fn bind(&self, statement: Sql) -> Sql {
        let statement = match &self.key {
            Key::Number(number) => statement.bind(*number),
            Key::Hit { seq, .. } => statement.bind(*seq),
            Key::Text(text) => statement.bind(text),
        };
        statement.bind(&self.id)
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

pub(super) fn read(row: &Row) -> Result<Summary, DbError> {
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
        rating: rating(row)?,
        seats_left: seats(row)?.and_then(|seats| seats.left()),
        title_key: row.text("title_key")?,
        seq: row.int("seq")?,
        tier: 0,
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
            rating: course.standing.rating,
            seats_left: course.standing.seats.and_then(|seats| seats.left()),
            title_key: String::new(),
            seq: 0,
            tier: 0,
        }
    }
}
