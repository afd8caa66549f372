//! `/_design`: every component in every state that a page uses so far.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use latchkey_contracts::Money;
use latchkey_web::{Words, answer};

use super::order_status::{StepView, steps};
use super::rating::RatingView;
use super::reviews::{Bar, ReviewView, bars, review_view};
use super::{Card, Crumb, Notice};
use crate::Storefront;
use crate::api::catalog::{Rating, Review, Reviews};
use crate::api::order::OrderState;
use crate::cover::{self, Cover};
use crate::format;
use crate::page::ShopPage;
use crate::progress::Facts;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/design.html")]
struct DesignView<'a> {
    page: &'a ShopPage,
    colours: [&'static str; 15],
    notices: [Notice<'a>; 4],
    prices: Vec<format::Price>,
    cards: Vec<Card>,
    covers: Vec<String>,
    bars: Vec<Bar>,
    reviews: Vec<ReviewView>,
    crumbs: Vec<Crumb>,
    /// Of an order that goes on, one that is undone, and one that is done.
    orders: [Vec<StepView>; 3],
}

pub async fn show(State(_): State<Storefront>, visit: Visit) -> Response {
    let words = &visit.context.words;
    let page = visit.page(words.say("design.title"));
    let notice = |tone, title| Notice {
        tone,
        title: words.say(title),
        next: words.say("design.notice_next"),
    };
    let crumb = |href: Option<&str>, name| Crumb {
        href: href.map(str::to_owned),
        label: words.say(name).to_owned(),
    };
    let reviews = reviews(words);
    let view = DesignView {
        page: &page,
        colours: COLOURS,
        notices: [
            notice("info", "design.notice_info"),
            notice("success", "design.notice_success"),
            notice("warning", "design.notice_warning"),
            notice("danger", "design.notice_danger"),
        ],
        prices: [(5900, None), (5900, Some(7900)), (0, None)]
            .map(|(now, was)| price(words, now, was))
            .into(),
        cards: cards(words),
        covers: (0..8)
            .map(|n| cover::path(cover::hue(Some(n)), &format!("design-{n}")))
            .collect(),
        bars: bars(words, &reviews),
        reviews: reviews
            .items
            .iter()
            .map(|review| review_view(words, review))
            .collect(),
        orders: [
            steps(words, facts(OrderState::ActionRequired, None)),
            steps(words, facts(OrderState::Compensating, Some("card_declined"))),
            steps(words, facts(OrderState::Completed, None)),
        ],
        crumbs: vec![
            crumb(Some("/"), "nav.home"),
            crumb(Some("/courses"), "nav.courses"),
            crumb(None, "design.title"),
        ],
    };
    answer(StatusCode::OK, &view)
}

fn facts(state: OrderState, reason: Option<&'static str>) -> Facts<'static> {
    Facts {
        state,
        reason,
        pays: true,
        coupon: false,
        free: false,
    }
}

fn reviews(words: &Words) -> Reviews {
    let review = |stars, text: &str, name: &str| Review {
        stars,
        text: words.say(text).to_owned(),
        name: words.say(name).to_owned(),
        created_at: "2026-11-17T23:51:34.703Z".to_owned(),
    };
    Reviews {
        rating: None,
        histogram: vec![1, 0, 2, 5, 12],
        items: vec![
            review(5, "design.card_long", "shop.name"),
            review(1, "design.small", "design.headline"),
        ],
        next_cursor: None,
    }
}

fn cards(words: &Words) -> Vec<Card> {
    let card = |n: usize, title: &str, price, limited| Card {
        href: "/_design".to_owned(),
        cover: Cover::of(cover::hue(Some(n)), &format!("card-{n}"), None),
        title: words.say(title).to_owned(),
        lang: None,
        instructor: words.say("shop.name").to_owned(),
        facts: vec![
            words.say("level.all").to_owned(),
            words.count("unit.lessons", 11),
            format::duration(words, 178),
        ],
        price,
        rating: n.is_multiple_of(2).then(|| {
            let rating = Rating {
                average: 4.5,
                count: 12,
            };
            RatingView::of(words, rating)
        }),
        limited,
    };
    vec![
        card(0, "design.headline", Some(price(words, 5900, Some(7900))), false),
        card(1, "design.card_long", Some(price(words, 129_900, None)), true),
        card(2, "design.headline", Some(price(words, 0, None)), false),
        card(3, "design.headline", None, false),
    ]
}

fn price(words: &Words, now: i64, was: Option<i64>) -> format::Price {
    let was = was.map(|was| Money::new(was, "EUR"));
    format::price(words, &Money::new(now, "EUR"), was.as_ref())
}

/// The names of the design tokens, as in the style sheet.
const COLOURS: [&str; 15] = [
    "paper",
    "surface",
    "sunken",
    "ink",
    "muted",
    "line",
    "edge",
    "accent",
    "accent-strong",
    "accent-wash",
    "danger",
    "danger-wash",
    "warning",
    "warning-wash",
    "on-accent",
];
