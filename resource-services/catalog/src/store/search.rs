//! Lists of published courses: by the index (`index.rs`) where words are asked for, and without it where none are.

use latchkey_db::{Db, DbError, On, Sql, Value, sql, sql_for_each};

use super::listing::{Filter, Key, Position, Sort, Summary, browsed, read, summaries};
use crate::domain::{Reach, Terms, category_facet, language_facet, level_facet};

/// A title that begins as somebody types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    pub id: String,
    pub slug: String,
    pub title: String,
}

/// At most `limit` courses with words in their title that begin as typed, the newest first.
pub async fn suggestions(
    on: impl Into<On<'_>>,
    typed: &Terms,
    limit: i64,
) -> Result<Vec<Suggestion>, DbError> {
    if typed.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sql_for_each(
        "SELECT c.id, c.slug, c.title FROM course_index x CROSS JOIN courses c ON c.seq = x.rowid \
         WHERE x.course_index MATCH $1 AND c.status = 'published' ORDER BY x.rowid DESC LIMIT $2",
        "SELECT c.id, c.slug, c.title FROM course_index x JOIN courses c ON c.seq = x.rowid \
         WHERE x.words @@ $1::tsquery AND c.status = 'published' ORDER BY x.rowid DESC LIMIT $2",
    )
    .bind(all_at(typed, Reach::Title))
    .bind(limit)
    .fetch_all(on)
    .await?;
    let read = |row: &latchkey_db::Row| {
        Ok(Suggestion {
            id: row.text("id")?,
            slug: row.text("slug")?,
            title: row.text("title")?,
        })
    };
    rows.iter().map(read).collect()
}

/// At most `limit` published courses after a position.
pub async fn listed(
    db: &Db,
    filter: &Filter,
    sort: Sort,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<Summary>, DbError> {
    match &filter.terms {
        Some(terms) => found(db, terms, filter, sort, after, limit).await,
        None => browsed(db, filter, sort, after, limit).await,
    }
}

/// At most `limit` hits after a position.
async fn found(
    db: &Db,
    terms: &Terms,
    filter: &Filter,
    sort: Sort,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<Summary>, DbError> {
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    let Some(facets) = facets(db, filter).await? else {
        return Ok(Vec::new()); // no such category
    };
    let anywhere = || all_at(terms, Reach::Anywhere).and(&facets);
    match sort {
        Sort::Relevance => {
            let (first, mut before) = place(after);
            let mut hits: Vec<Summary> = Vec::new();
            for (tier, reach) in (0..).zip(Reach::ALL).skip_while(|(tier, _)| *tier < first) {
                let left = limit.saturating_sub(i64::try_from(hits.len()).unwrap_or(limit));
                if left <= 0 {
                    break;
                }
                let here = match reach.better() {
                    None => all_at(terms, reach),
                    Some(better) => all_at(terms, reach).without(all_at(terms, better)),
                };
                let mut more = newest(db, here.and(&facets), filter, before, left).await?;
                more.iter_mut().for_each(|hit| hit.tier = tier);
                hits.append(&mut more);
                before = i64::MAX;
            }
            Ok(hits)
        }
        Sort::Newest => newest(db, anywhere(), filter, place(after).1, limit).await,
        Sort::Title | Sort::PriceAsc | Sort::PriceDesc | Sort::TopRated => {
            sorted(db, anywhere(), filter, sort, after, limit).await
        }
    }
}

macro_rules! hits {
    ($after:literal, $order:literal) => {
        sql_for_each(
            summaries!(
                "x.rowid",
                "course_index x CROSS JOIN courses c ON c.seq = x.rowid",
                "WHERE x.course_index MATCH $1 AND c.status = 'published' AND c.price <= $2 ",
                "AND ($3 = 0 OR (c.rating_count > 0 AND c.rating_sum >= $3 * c.rating_count)) AND ",
                $after,
                " ORDER BY ",
                $order,
                " LIMIT $4"
            ),
            summaries!(
                "x.rowid",
                "course_index x JOIN courses c ON c.seq = x.rowid",
                "WHERE x.words @@ $1::tsquery AND c.status = 'published' AND c.price <= $2 ",
                "AND ($3 = 0 OR (c.rating_count > 0 AND c.rating_sum >= $3 * c.rating_count)) AND ",
                $after,
                " ORDER BY ",
                $order,
                " LIMIT $4"
            ),
        )
    };
}

/// Hits in the order of the index, which both engines read from its end: a page costs what is on it, however many hits
/// there are.
async fn newest(
    db: &Db,
    asked: Match,
    filter: &Filter,
    before: i64,
    limit: i64,
) -> Result<Vec<Summary>, DbError> {
    let statement = hits!("x.rowid < $5", "x.rowid DESC");
    bound(statement, asked, filter, limit)
        .bind(before)
        .fetch_all(db)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Hits in another order: all of them are read and sorted.
async fn sorted(
    db: &Db,
    asked: Match,
    filter: &Filter,
    sort: Sort,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<Summary>, DbError> {
    let statement = match sort {
        Sort::Title => hits!("(c.title_key, c.id) > ($5, $6)", "c.title_key, c.id"),
        Sort::PriceAsc => hits!("(c.price, c.id) > ($5, $6)", "c.price, c.id"),
        Sort::PriceDesc => hits!("(c.price, c.id) < ($5, $6)", "c.price DESC, c.id DESC"),
        Sort::TopRated | Sort::Relevance | Sort::Newest => {
            hits!(
                "(c.rating_score, c.id) < ($5, $6)",
                "c.rating_score DESC, c.id DESC"
            )
        }
    };
    let start = Position::start(sort);
    after
        .unwrap_or(&start)
        .bind(bound(statement, asked, filter, limit))
        .fetch_all(db)
        .await?
        .iter()
        .map(read)
        .collect()
}

fn bound(statement: Sql, asked: Match, filter: &Filter, limit: i64) -> Sql {
    statement
        .bind(asked)
        .bind(filter.price_max.unwrap_or(i64::MAX))
        .bind(filter.rating_min.unwrap_or(0))
        .bind(limit)
}

/// Rank and number of the last hit of the page before.
fn place(after: Option<&Position>) -> (i64, i64) {
    match after.map(|after| &after.key) {
        Some(Key::Hit { tier, seq }) => (*tier, *seq),
        Some(Key::Number(_) | Key::Text(_)) | None => (0, i64::MAX),
    }
}

/// What is asked of an index, in the language of each engine. It consists of words of our own making alone, so none of
/// it can be anything but a word.
struct Match {
    sqlite: String,
    postgres: String,
}

impl Match {
    fn and(self, other: &Self) -> Self {
        if other.sqlite.is_empty() {
            return self;
        }
        Self {
            sqlite: format!("({}) AND {}", self.sqlite, other.sqlite),
            postgres: format!("({}) & {}", self.postgres, other.postgres),
        }
    }

    fn without(self, other: Self) -> Self {
        Self {
            sqlite: format!("({}) NOT ({})", self.sqlite, other.sqlite),
            postgres: format!("({}) & !({})", self.postgres, other.postgres),
        }
    }

    fn any(words: &[String]) -> Self {
        let list = |quote: char, between: &str| {
            let words: Vec<_> = words.iter().map(|word| format!("{quote}{word}{quote}")).collect();
            format!("({})", words.join(between))
        };
        Self {
            sqlite: list('"', " OR "),
            postgres: list('\'', " | "),
        }
    }
}

impl From<Match> for Value {
    fn from(asked: Match) -> Self {
        let Match { sqlite, postgres } = asked;
        Self::Each { sqlite, postgres }
    }
}

/// Every word of a query, where `reach` says.
fn all_at(terms: &Terms, reach: Reach) -> Match {
    let letter = reach.letter();
    let list = |quote: char, prefix: &str, between: &str| {
        let words: Vec<_> = terms
            .iter()
            .map(|term| {
                let prefix = if term.prefix { prefix } else { "" };
                format!("{quote}{letter}{}{quote}{prefix}", term.word)
            })
            .collect();
        words.join(between)
    };
    Match {
        sqlite: list('"', " *", " AND "),
        postgres: list('\'', ":*", " & "),
    }
}

/// The facets of a filter: empty if there are none, `None` if nothing can have them.
async fn facets(db: &Db, filter: &Filter) -> Result<Option<Match>, DbError> {
    let mut facets = Match {
        sqlite: String::new(),
        postgres: String::new(),
    };
    let mut add = |words: &[String]| {
        let one = Match::any(words);
        facets = match facets.sqlite.is_empty() {
            true => one,
            false => Match {
                sqlite: format!("{} AND {}", facets.sqlite, one.sqlite),
                postgres: format!("{} & {}", facets.postgres, one.postgres),
            },
        };
    };
    if let Some(level) = filter.level {
        add(&[level_facet(level)]);
    }
    if !filter.language.is_empty() {
        add(&[language_facet(&filter.language)]);
    }
    if !filter.category.is_empty() {
        let rows = sql(
            "SELECT k.id FROM categories k LEFT JOIN categories p ON p.id = k.parent_id \
             WHERE k.id = $1 OR k.slug = $1 OR p.id = $1 OR p.slug = $1",
        )
        .bind(&filter.category)
        .fetch_all(db)
        .await?;
        let ids = rows.iter().map(|row| Ok(category_facet(&row.text("id")?)));
        let ids = ids.collect::<Result<Vec<_>, DbError>>()?;
        if ids.is_empty() {
            return Ok(None);
        }
        add(&ids);
    }
    Ok(Some(facets))
}
