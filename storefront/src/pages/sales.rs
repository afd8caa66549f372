//! `/teach/sales`: what an instructor sold, month by month, and what of it is theirs.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_contracts::Money;
use latchkey_http::Form;
use latchkey_web::{Words, answer};

use super::next_page;
use crate::Storefront;
use crate::api::billing::{Month, Sale, SaleKind};
use crate::format::{self, Day, money};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/sales.html")]
struct SalesPage<'a> {
    page: &'a ShopPage,
    lede: String,
    sold: String,
    refunded: String,
    share: String,
    payable: String,
    months: Vec<MonthView>,
    courses: Vec<CourseView>,
    sales: Vec<SaleView>,
    first: Option<&'a str>,
    next: Option<String>,
}

/// A month as a bar and as a row.
struct MonthView {
    name: String,
    /// The first letters of its name.
    short: String,
    quantity: i64,
    sold: String,
    refunded: String,
    share: String,
    /// The height of its bar and the room above it, of a hundred.
    height: i64,
    above: i64,
}

struct CourseView {
    title: String,
    quantity: i64,
    sold: String,
    share: String,
}

struct SaleView {
    title: String,
    number: String,
    at: String,
    minute: Option<String>,
    refund: bool,
    amount: String,
    share: String,
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = visit.login().ok_or(PageError::SignedOut)?;
    if !visit.teaches() {
        return Err(PageError::NotInstructor);
    }
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let cursor = form.take("cursor");
    let found = storefront.api.billing.statement(login, cursor.as_deref()).await?;
    let words = &visit.context.words;
    let (from, to) = (day(words, &found.from), day(words, &found.to));
    let page = visit.page(words.say("sales.title"));
    let view = SalesPage {
        page: &page,
        lede: words.fill("sales.lede", &[("from", &from), ("to", &to)]),
        sold: money(words, &found.sold),
        refunded: money(words, &found.refunded),
        share: money(words, &found.share),
        payable: money(words, &found.payable),
        months: months(words, &found.months),
        courses: found
            .courses
            .iter()
            .map(|course| CourseView {
                title: course.title.clone(),
                quantity: course.quantity,
                sold: money(words, &course.sold),
                share: money(words, &course.share),
            })
            .collect(),
        sales: found
            .items
            .into_iter()
            .map(|sale| sale_view(words, sale))
            .collect(),
        first: cursor.map(|_| "/teach/sales"),
        next: next_page("/teach/sales", found.next_cursor),
    };
    Ok(answer(StatusCode::OK, &view))
}

fn months(words: &Words, found: &[Month]) -> Vec<MonthView> {
    let highest = found.iter().map(|month| month.share.amount).max().unwrap_or(0);
    let view = |month: &Month| {
        let name = month_name(words, &month.month);
        let height = height(month.share.amount, highest);
        MonthView {
            short: short_month(words, &month.month).to_owned(),
            name,
            quantity: month.quantity,
            sold: money(words, &month.sold),
            refunded: money(words, &month.refunded),
            share: money(words, &month.share),
            height,
            above: 100 - height,
        }
    };
    found.iter().map(view).collect()
}

/// How high a bar is beside the highest one, of a hundred. Whatever is not nothing can be seen.
fn height(amount: i64, highest: i64) -> i64 {
    if amount <= 0 || highest <= 0 {
        return 0;
    }
    let scaled = i128::from(amount) * 100 / i128::from(highest);
    i64::try_from(scaled).unwrap_or(100).clamp(1, 100)
}

/// `November 2026`, of `2026-11`.
fn month_name(words: &Words, month: &str) -> String {
    let (year, number) = month.split_once('-').unwrap_or((month, ""));
    match number.parse::<u8>() {
        Ok(number @ 1..=12) => {
            let name = words.say(&format!("date.m{number:02}")).to_owned();
            words.fill("sales.month", &[("month", &name), ("year", &year)])
        }
        _ => month.to_owned(),
    }
}

/// `Nov`, of `2026-11`.
fn short_month<'a>(words: &'a Words, month: &'a str) -> &'a str {
    let number = month.split_once('-').and_then(|(_, number)| number.parse().ok());
    match number {
        Some(number @ 1..=12) => words.short_month(number),
        _ => month,
    }
}

fn day(words: &Words, date: &str) -> String {
    format::day(words, date).map_or_else(|| date.to_owned(), |Day { words, .. }| words)
}

fn sale_view(words: &Words, sale: Sale) -> SaleView {
    let refund = sale.kind == SaleKind::Refund;
    let signed = |amount: &Money| match refund {
        true => money(words, &Money::new(-amount.amount, amount.currency.as_str())),
        false => money(words, amount),
    };
    SaleView {
        amount: signed(&sale.amount),
        share: words.fill("sales.of_it", &[("share", &signed(&sale.share))]),
        refund,
        minute: words.minute(&sale.at),
        title: sale.title,
        number: sale.number,
        at: sale.at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_is_full_and_a_small_one_is_seen() {
        assert_eq!((height(50, 100), height(100, 100)), (50, 100));
        assert_eq!(height(1, i64::MAX), 1);
        assert_eq!((height(0, 5), height(-5, 5), height(0, 0)), (0, 0, 0));
    }
}
