//! Lists of courses: all of them, or those of one category, searched and filtered by a plain form.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_contracts::Money;
use latchkey_web::{Words, answer};

use super::{Card, Categories, Crumb, category_path};
use crate::Storefront;
use crate::api::catalog::{Category, Listing, Suggestion};
use crate::format::{LANGUAGES, language, money, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::search::{Level, Search, Sort};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/listing.html")]
struct ListingView<'a> {
    page: &'a ShopPage,
    crumbs: Vec<Crumb>,
    heading: String,
    /// The subcategories.
    below: Vec<Link>,
    action: String,
    search: &'a Search,
    selects: Vec<Select>,
    chips: Vec<Chip>,
    cards: Vec<Card>,
    /// Titles that begin as the words do.
    suggestions: Vec<Link>,
    empty: &'a str,
    first: Option<String>,
    next: Option<String>,
}

struct Link {
    href: String,
    name: String,
}

pub struct Select {
    pub name: &'static str,
    pub label: String,
    pub options: Vec<Choice>,
}

pub struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

/// An active filter, and the address of the list without it.
struct Chip {
    href: String,
    label: String,
}

/// `/courses`
pub async fn courses(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let search = Search::parse(query.as_deref())?;
    let catalog = &storefront.api.catalog;
    let (found, suggestions) = futures::future::join(
        futures::future::try_join(catalog.categories(), catalog.courses(&search, PAGE)),
        suggested(&storefront, &search),
    )
    .await;
    let (categories, listing) = found?;
    let categories = Categories(categories);
    Ok(show(&visit, &categories, None, &search, &listing, suggestions))
}

/// `/categories/{slug}`
pub async fn category(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let Path(slug) = path.map_err(|_| PageError::Missing)?;
    let mut search = Search::parse(query.as_deref())?;
    let categories = Categories(storefront.api.catalog.categories().await?);
    let category = categories.by_slug(&slug).ok_or(PageError::Missing)?;
    search.category = slug;
    let listing = storefront.api.catalog.courses(&search, PAGE).await?;
    let suggestions = suggested(&storefront, &search).await;
    Ok(show(
        &visit,
        &categories,
        Some(category),
        &search,
        &listing,
        suggestions,
    ))
}

/// What somebody may have meant, on the first page of what they typed. A list does without.
async fn suggested(storefront: &Storefront, search: &Search) -> Vec<Suggestion> {
    match search.q.is_empty() || !search.cursor.is_empty() {
        true => Vec::new(),
        false => storefront
            .api
            .catalog
            .suggestions(&search.q)
            .await
            .unwrap_or_default(),
    }
}

fn show(
    visit: &Visit,
    categories: &Categories,
    category: Option<&Category>,
    search: &Search,
    listing: &Listing,
    suggestions: Vec<Suggestion>,
) -> Response {
    let words = &visit.context.words;
    let action = category.map_or_else(|| "/courses".to_owned(), category_path);
    let heading = match category {
        Some(category) => category.name.clone(),
        None if !search.q.is_empty() => words.fill("listing.found", &[("q", &search.q)]),
        None => words.say("listing.title").to_owned(),
    };
    let mut page = visit.page(heading.as_str());
    words.say("listing.description").clone_into(&mut page.description);
    if *search
        == (Search {
            category: search.category.clone(),
            ..Search::default()
        })
        && (category.is_some() || search.category.is_empty())
    {
        page.canonical = visit.canonical(&action);
    }
    let chips = chips(words, categories, category, search, currency(listing), &action);
    let first = (!search.cursor.is_empty()).then(|| {
        let first = Search {
            cursor: String::new(),
            ..search.clone()
        };
        first.address(&action)
    });
    let next = listing.next_cursor.as_ref().map(|cursor| {
        let next = Search {
            cursor: cursor.clone(),
            ..search.clone()
        };
        next.address(&action)
    });
    let view = ListingView {
        crumbs: category.map_or_else(Vec::new, |category| crumbs(words, categories, category)),
        heading,
        below: category.map_or_else(Vec::new, |category| {
            let below = categories.below(category);
            below
                .map(|one| Link {
                    href: category_path(one),
                    name: one.name.clone(),
                })
                .collect()
        }),
        search,
        selects: selects(words, categories, category, search, currency(listing)),
        cards: listing
            .items
            .iter()
            .map(|course| Card::of(words, categories, course))
            .collect(),
        suggestions: suggestions
            .into_iter()
            .map(|course| Link {
                href: format!("/courses/{}", segment(&course.slug)),
                name: course.title,
            })
            .collect(),
        empty: words.say(if chips.is_empty() {
            "listing.empty_shelf"
        } else {
            "listing.empty"
        }),
        chips,
        action,
        first,
        next,
        page: &page,
    };
    answer(StatusCode::OK, &view)
}

fn crumbs(words: &Words, categories: &Categories, category: &Category) -> Vec<Crumb> {
    let mut crumbs = vec![Crumb {
        href: Some("/courses".to_owned()),
        label: words.say("nav.courses").to_owned(),
    }];
    crumbs.extend(categories.above(category).map(|above| Crumb {
        href: Some(category_path(above)),
        label: above.name.clone(),
    }));
    crumbs.push(Crumb {
        href: None,
        label: category.name.clone(),
    });
    crumbs
}

fn selects(
    words: &Words,
    categories: &Categories,
    category: Option<&Category>,
    search: &Search,
    currency: Option<&str>,
) -> Vec<Select> {
    let any = |name: &str| (String::new(), words.say(name).to_owned());
    let select = |name, label: &str, chosen: &str, choices: Vec<(String, String)>| Select {
        name,
        label: words.say(label).to_owned(),
        options: choices
            .into_iter()
            .map(|(value, label)| Choice {
                chosen: value == chosen,
                value,
                label,
            })
            .collect(),
    };
    let mut selects = Vec::new();
    if category.is_none() {
        let mut choices = vec![any("filter.any_category")];
        for top in categories.first_level() {
            choices.push((top.slug.clone(), top.name.clone()));
            let below = categories.below(top);
            choices.extend(below.map(|one| (one.slug.clone(), format!("\u{2003}{}", one.name))));
        }
        let chosen = categories
            .by_id(&search.category)
            .map_or(&search.category, |one| &one.slug);
        selects.push(select("category", "filter.category", chosen, choices));
    }
    let levels = Level::ALL.map(|level| (level.as_str().to_owned(), words.say(level.message()).to_owned()));
    let mut choices = vec![any("filter.any_level")];
    choices.extend(levels);
    selects.push(select(
        "level",
        "filter.level",
        search.level.map_or("", Level::as_str),
        choices,
    ));

    let mut choices = vec![any("filter.any_language")];
    choices.extend(LANGUAGES.map(|(tag, name)| (tag.to_owned(), words.say(name).to_owned())));
    with_asked(&mut choices, &search.language, |tag| language(words, tag));
    selects.push(select("language", "filter.language", &search.language, choices));

    let up_to = |amount: i64| price_filter(words, amount, currency);
    let mut choices = vec![any("filter.any_price")];
    choices.extend(PRICES.map(|amount| (amount.to_string(), up_to(amount))));
    let asked = search
        .price_max
        .map_or_else(String::new, |amount| amount.to_string());
    with_asked(&mut choices, &asked, |_| {
        up_to(search.price_max.unwrap_or_default())
    });
    selects.push(select("price_max", "filter.price", &asked, choices));

    let stars = |stars: i64| (stars.to_string(), words.fill("filter.stars_up", &[("n", &stars)]));
    let mut choices = vec![any("filter.any_rating"), stars(4), stars(3)];
    let asked = search
        .rating_min
        .map_or_else(String::new, |stars| stars.to_string());
    with_asked(&mut choices, &asked, |_| {
        stars(search.rating_min.unwrap_or_default()).1
    });
    selects.push(select("rating_min", "filter.rating", &asked, choices));

    // The order that a list has by itself is not named, so that it changes when words are added.
    let implied = search.implied_sort();
    let name = |sort: Sort| if sort == implied { "" } else { sort.as_str() };
    let offered = Sort::ALL
        .into_iter()
        .filter(|sort| *sort != Sort::Relevance || implied == *sort);
    let choices = offered.map(|sort| (name(sort).to_owned(), words.say(sort.message()).to_owned()));
    selects.push(select(
        "sort",
        "filter.sort",
        name(search.sort),
        choices.collect(),
    ));
    selects
}

/// A requested value stays selected, even if the form would not offer it.
fn with_asked(choices: &mut Vec<(String, String)>, asked: &str, label: impl Fn(&str) -> String) {
    if !choices.iter().any(|(value, _)| value == asked) {
        choices.push((asked.to_owned(), label(asked)));
    }
}

fn chips(
    words: &Words,
    categories: &Categories,
    category: Option<&Category>,
    search: &Search,
    currency: Option<&str>,
    action: &str,
) -> Vec<Chip> {
    let base = Search {
        cursor: String::new(),
        ..search.clone()
    };
    let mut chips = Vec::new();
    let mut chip = |label: String, without: Search| {
        chips.push(Chip {
            href: without.address(action),
            label,
        });
    };
    if !search.q.is_empty() {
        chip(
            format!("“{}”", search.q),
            Search {
                q: String::new(),
                ..base.clone()
            },
        );
    }
    if category.is_none() && !search.category.is_empty() {
        let known = categories
            .by_slug(&search.category)
            .or_else(|| categories.by_id(&search.category));
        let name = known.map_or(&search.category, |one| &one.name);
        chip(
            name.clone(),
            Search {
                category: String::new(),
                ..base.clone()
            },
        );
    }
    if let Some(level) = search.level {
        chip(
            words.say(level.message()).to_owned(),
            Search {
                level: None,
                ..base.clone()
            },
        );
    }
    if !search.language.is_empty() {
        chip(
            language(words, &search.language),
            Search {
                language: String::new(),
                ..base.clone()
            },
        );
    }
    if let Some(stars) = search.rating_min {
        chip(
            words.fill("filter.stars_up", &[("n", &stars)]),
            Search {
                rating_min: None,
                ..base.clone()
            },
        );
    }
    if let Some(amount) = search.price_max {
        chip(
            price_filter(words, amount, currency),
            Search {
                price_max: None,
                ..base.clone()
            },
        );
    }
    chips
}

fn price_filter(words: &Words, amount: i64, currency: Option<&str>) -> String {
    if amount == 0 {
        return words.say("price.free").to_owned();
    }
    let price = money(words, &Money::new(amount, currency.unwrap_or(CURRENCY)));
    words.fill("filter.up_to", &[("price", &price)])
}

/// The shop has one currency; the API returns it with each price.
fn currency(listing: &Listing) -> Option<&str> {
    let mut prices = listing.items.iter().filter_map(|course| course.price.as_ref());
    prices.next().map(|price| price.currency.as_str())
}

/// The number of courses on a page: whole rows of two, three and four.
const PAGE: u32 = 12;
/// Steps of the price filter, in minor units.
const PRICES: [i64; 4] = [0, 2500, 5000, 10_000];
/// For labels on a page without prices.
const CURRENCY: &str = "EUR";
