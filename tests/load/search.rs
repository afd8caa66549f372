//! Catalog search with 100,000 courses: p50 and p99 of the API on one connection, beside the same query asked of the
//! database in this process, without HTTP.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use latchkey_catalog::SPEC;
use latchkey_catalog::domain::{
    Category, CategoryDraft, Content, Course, Kind, Lesson, Level, NewCourse, Place, Price, Section, Status,
    Terms,
};
use latchkey_catalog::store::{self, Filter, Sort};
use latchkey_db::{Class, Db, Options};

use crate::line::Line;
use crate::server::{Server, Setup};

const COURSES: usize = 100_000;
const QUERIES: usize = 1_500;
/// Words that courses are made of; the first are in most of them, as in a language.
const WORDS: usize = 20_000;
const CATEGORIES: usize = 24;
/// Courses to a transaction.
const CHUNK: usize = 1_000;
/// A page of the shop, and one row more.
const PAGE: i64 = 13;
/// Milliseconds.
const GOAL: f64 = 20.0;

pub fn search() {
    let setup = Setup::new("both");
    drop(Server::start(&setup)); // makes the tables
    let file = setup.folder.path().join("data/catalog.db");
    // A thread of its own: a runtime must not end inside of another one.
    let measured = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(measure(&setup, &file));
    });
    measured.join().expect("every answer is right");
}

async fn measure(setup: &Setup, file: &Path) {
    let url = format!("sqlite:{}", file.display());
    let db = Db::open(&url, Options::new(&SPEC.tables()))
        .await
        .expect("the catalog's database");
    let begun = Instant::now();
    fill(&db).await;
    println!(
        "{COURSES} courses written and indexed in {:.0} s, {:.1} MiB on disk",
        begun.elapsed().as_secs_f64(),
        std::fs::metadata(file).map_or(0.0, |file| file.len() as f64 / 1_048_576.0)
    );
    let asked = queries();
    let reading = db.reading(Class::Search);
    let mut raw = BTreeMap::<&str, Vec<f64>>::new();
    for query in &asked {
        let begun = Instant::now();
        let found = store::listed(&reading, &query.filter, query.sort, None, PAGE).await;
        raw.entry(query.kind)
            .or_default()
            .push(begun.elapsed().as_secs_f64() * 1e3);
        found.expect("a list");
    }
    db.close().await;
    let server = Server::start(setup);
    let mut line = Line::open(server.catalog(), None).await;
    let mut took = BTreeMap::<&str, Vec<f64>>::new();
    for query in &asked {
        let begun = Instant::now();
        let answer = line.get(&query.path).await;
        took.entry(query.kind)
            .or_default()
            .push(begun.elapsed().as_secs_f64() * 1e3);
        assert_eq!(answer.status, 200, "{}: {}", query.path, answer.body);
    }
    for (kind, took) in &mut took {
        let raw = raw.get_mut(kind).expect("the same queries");
        println!(
            "search, {kind}: {}; the query alone {}",
            shares(took),
            shares(raw)
        );
    }
    let mut all: Vec<f64> = took.into_values().flatten().collect();
    let mut raw: Vec<f64> = raw.into_values().flatten().collect();
    println!(
        "search, all kinds: {}; the queries alone {} (goal p99 {GOAL} ms)",
        shares(&mut all),
        shares(&mut raw)
    );
}

fn shares(took: &mut [f64]) -> String {
    took.sort_by(f64::total_cmp);
    let part = |share: f64| took[((took.len() as f64 * share) as usize).min(took.len() - 1)];
    format!(
        "p50 {:.2} ms, p99 {:.2} ms, slowest {:.2} ms",
        part(0.5),
        part(0.99),
        part(1.0)
    )
}

/// What somebody asks, as an address and as a filter.
struct Query {
    kind: &'static str,
    path: String,
    filter: Filter,
    sort: Sort,
}

fn queries() -> Vec<Query> {
    let mut dice = Dice(7);
    (0..QUERIES)
        .map(|n| {
            let one = dice.word();
            let two = format!("{one} {}", dice.word());
            let typed: String = one.chars().take(3).collect();
            let (kind, q, more, sort) = match n % 6 {
                0 => ("one word", one, "", Sort::Relevance),
                1 => ("two words", two, "", Sort::Relevance),
                2 => ("the beginning of a word", typed, "", Sort::Relevance),
                3 => (
                    "a word and two filters",
                    one,
                    "&level=beginner&language=tr",
                    Sort::Relevance,
                ),
                4 => (
                    "a word and a category",
                    one,
                    "&category=category-3",
                    Sort::Relevance,
                ),
                _ => ("a word, newest first", one, "&sort=newest", Sort::Newest),
            };
            let filter = Filter {
                terms: Some(Terms::parse(&q)),
                level: more.contains("level").then_some(Level::Beginner),
                language: if more.contains("language") {
                    "tr".to_owned()
                } else {
                    String::new()
                },
                category: if more.contains("category") {
                    "category-3".to_owned()
                } else {
                    String::new()
                },
                ..Filter::default()
            };
            let path = format!("/catalog/v1/courses?limit=12&q={}{more}", q.replace(' ', "+"));
            Query {
                kind,
                path,
                filter,
                sort,
            }
        })
        .collect()
}

async fn fill(db: &Db) {
    let categories: Vec<String> = (0..CATEGORIES).map(|n| id(0xc0_0000 + n)).collect();
    let ids = categories.clone();
    db.write(async move |tx| {
        for (n, id) in ids.into_iter().enumerate() {
            let draft = CategoryDraft {
                name: format!("Category {n}"),
                parent_id: None,
                position: i64::try_from(n).unwrap_or(0),
            };
            let category = Category::create(id, draft, &Place::default()).expect("a category");
            store::insert_category(&tx, &category).await?;
        }
        Ok::<_, latchkey_db::DbError>(())
    })
    .await
    .expect("categories");
    let mut dice = Dice(1);
    let mut at = 0;
    while at < COURSES {
        let courses: Vec<Course> = (at..COURSES.min(at + CHUNK))
            .map(|n| course(n, &categories, &mut dice))
            .collect();
        at += courses.len();
        db.write(async move |tx| {
            for course in &courses {
                store::insert(&tx, course).await?;
                store::index(&tx, course).await?;
            }
            Ok::<_, latchkey_db::DbError>(())
        })
        .await
        .expect("courses");
    }
}

fn course(n: usize, categories: &[String], dice: &mut Dice) -> Course {
    let mut text = |words: usize| (0..words).map(|_| dice.word()).collect::<Vec<_>>().join(" ");
    let (title, subtitle) = (text(5), text(8));
    let (outcome, description_md) = (text(8), text(80));
    let at = i64::try_from(n).unwrap_or(0);
    let content = Content {
        photo_id: None,
        title,
        subtitle,
        description_md,
        category_id: Some(categories[n % categories.len()].clone()),
        language: ["en", "en", "en", "de", "fr", "tr"][n % 6].to_owned(),
        level: Level::ALL[n % 4],
        outcomes: vec![outcome],
        requirements: Vec::new(),
        sections: vec![Section {
            title: "One".to_owned(),
            lessons: vec![Lesson {
                id: id(n),
                title: "Begin".to_owned(),
                minutes: 7,
                preview: true,
            }],
        }],
        price: Some(Price {
            amount: at % 10_000,
            list: None,
            currency: "EUR".to_owned(),
        }),
        limited: false,
    };
    let new = NewCourse {
        id: id(n),
        instructor_id: "somebody".to_owned(),
        instructor_name: String::new(),
        slug: format!("course-{n}"),
    };
    let created = 1_700_000_000_000 + at * 60_000;
    Course {
        status: Status::Published,
        published_at: Some(created),
        ..Course::create(new, Kind::Course, content, created)
    }
}

fn id(n: usize) -> String {
    format!("01a1ebbc-0000-7000-8000-{n:012x}")
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// A word: the n-th is about n times as rare as the first.
    fn word(&mut self) -> String {
        let share = self.roll() as f64 / f64::from(1_u32 << 31);
        let n = ((WORDS as f64).powf(share) as usize).min(WORDS) - 1;
        // Syllables, so that words share their beginnings.
        let syllable = |n: usize| {
            [
                "ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "ru", "sa", "te", "vi", "wo",
            ][n % 14]
        };
        let mut word = String::new();
        let mut rest = n + 14;
        while rest > 0 {
            word.push_str(syllable(rest));
            rest /= 14;
        }
        word
    }
}
