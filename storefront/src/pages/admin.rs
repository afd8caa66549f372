//! `/admin`: what waits for an administrator. To everybody else none of these pages exists, and every service decides by
//! itself whether the caller is one.

pub mod dead_letters;
pub mod grants;
pub mod orders;
pub mod refunds;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use latchkey_web::answer;

use crate::Storefront;
use crate::api::ApiError;
use crate::api::order::administration::Filter;
use crate::api::payment::GrantState;
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/admin.html")]
struct OverviewPage<'a> {
    page: &'a ShopPage,
    figures: Vec<Figure>,
}

/// How much waits, and where.
struct Figure {
    href: &'static str,
    /// The name of the message.
    name: &'static str,
    /// Absent if the service could not be asked.
    count: Option<String>,
    waits: bool,
}

pub async fn show(State(storefront): State<Storefront>, visit: Visit) -> Result<Response, PageError> {
    let login = visit.administrator()?;
    let api = &storefront.api;
    let (alerted, refunds, grants, letters) = futures::future::join4(
        api.order.all(login, Filter::Alerted, None),
        api.order.open_refunds(login, None),
        api.payment.grants(login, None),
        api.events.list(login, None, None),
    )
    .await;
    let alerted = alerted.map(|page| (page.items.len(), page.next_cursor.is_some()));
    let refunds = refunds.map(|page| (page.items.len(), page.next_cursor.is_some()));
    let grants = grants.map(|page| {
        let pending = page
            .items
            .iter()
            .filter(|grant| grant.state == GrantState::Pending);
        (pending.count(), page.next_cursor.is_some())
    });
    let letters = letters.map(|page| (usize::try_from(page.total).unwrap_or_default(), false));
    let page = visit.page(visit.context.words.say("admin.title"));
    let view = OverviewPage {
        page: &page,
        figures: vec![
            figure("/admin/orders?show=alerted", "admin.stuck", alerted)?,
            figure("/admin/refunds", "admin.refunds_open", refunds)?,
            figure("/admin/grants", "admin.grants_open", grants)?,
            figure("/admin/dead-letters", "admin.letters_open", letters)?,
        ],
    };
    Ok(answer(StatusCode::OK, &view))
}

/// A figure of a first page, which says `20+` if there is more. The overview does without a service that is away.
fn figure(
    href: &'static str,
    name: &'static str,
    counted: Result<(usize, bool), ApiError>,
) -> Result<Figure, PageError> {
    let count = match counted {
        Ok((count, more)) => Some((count, more)),
        Err(error) if error.is_away() => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Figure {
        href,
        name,
        waits: count.is_some_and(|(count, _)| count > 0),
        count: count.map(|(count, more)| match more && count > 0 {
            true => format!("{count}+"),
            false => count.to_string(),
        }),
    })
}
