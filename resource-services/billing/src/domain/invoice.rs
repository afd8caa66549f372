//! An invoice: what was sold to whom by whom, as it was then.

use latchkey_contracts::Money;
use latchkey_contracts::events::order::{BillingAddress, OrderLine, OrderSnapshot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::DomainError;

/// Who sells, and how a price is divided: what the operator of the shop has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Who sells. An invoice keeps a copy, so that an older one says who sold it then.
    pub seller: Seller,
    /// What instructors get of the price without tax, in basis points. An invoice keeps the amounts.
    pub share_bp: i64,
}

/// Those of the demo.
impl Default for Terms {
    fn default() -> Self {
        Self {
            seller: Seller {
                name: "Latchkey Marketplace".to_owned(),
                street: "Schlüsselgasse 1".to_owned(),
                postal_code: "10115".to_owned(),
                city: "Berlin".to_owned(),
                country: "DE".to_owned(),
                tax_id: "DE000000000".to_owned(),
            },
            share_bp: 7_000,
        }
    }
}

/// The seller's name and address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seller {
    pub name: String,
    pub street: String,
    pub postal_code: String,
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub tax_id: String,
}

/// The buyer's name and address, as they gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Buyer {
    pub name: String,
    pub street: String,
    pub postal_code: String,
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// An invoice. Nothing of it ever changes; whose it is stands beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    pub id: String,
    /// `INV-2026-000001`, without a gap in each year.
    pub number: String,
    pub order_id: String,
    pub order_number: String,
    /// Unix milliseconds.
    pub issued_at: i64,
    pub currency: String,
    pub seller: Seller,
    pub buyer: Option<Buyer>,
    pub lines: Vec<InvoiceLine>,
    pub tax_lines: Vec<TaxLine>,
    pub subtotal: i64,
    pub discount_total: i64,
    /// Contained in the total.
    pub tax_total: i64,
    pub total: i64,
    pub coupon_code: Option<String>,
    pub paid: Paid,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    pub line_id: String,
    pub course_id: String,
    pub instructor_id: String,
    pub title: String,
    pub unit_price: i64,
    pub quantity: i64,
    pub discount: i64,
    /// Contained in the total.
    pub tax: i64,
    pub total: i64,
    /// What the instructor gets.
    pub share: i64,
}

/// The tax of lines, and their price without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxLine {
    pub net: i64,
    pub tax: i64,
}

/// How it was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    pub wallet: i64,
    pub card: i64,
}

impl InvoiceLine {
    /// The price without tax.
    pub fn net(&self) -> i64 {
        self.total - self.tax
    }

    /// What the shop keeps.
    pub fn commission(&self) -> i64 {
        self.net() - self.share
    }
}

/// The instructor's part of a price without tax, rounded half up.
pub fn share(net: i64, share_bp: i64) -> Result<i64, DomainError> {
    let scaled = i128::from(net) * i128::from(share_bp) + 5_000;
    Ok(i64::try_from(scaled / 10_000)?)
}

/// The invoice of a paid order. An order whose sums are not what they should be gets none.
pub fn invoice(
    order: &OrderSnapshot,
    id: String,
    number: String,
    currency: &str,
    terms: &Terms,
    now: i64,
) -> Result<Invoice, DomainError> {
    let amount = |money: &Money| amount(money, currency);
    let lines = order
        .lines
        .iter()
        .map(|line| invoice_line(line, currency, terms.share_bp))
        .collect::<Result<Vec<_>, _>>()?;
    let (total, tax_total) = (amount(&order.total)?, amount(&order.tax_total)?);
    let (subtotal, discount_total) = (amount(&order.subtotal)?, amount(&order.discount_total)?);
    let sum = |of: fn(&InvoiceLine) -> i64| lines.iter().map(of).try_fold(0_i64, i64::checked_add);
    let adds_up = !lines.is_empty()
        && sum(|line| line.total) == Some(total)
        && sum(|line| line.tax) == Some(tax_total)
        && sum(|line| line.discount) == Some(discount_total)
        && total.checked_add(discount_total) == Some(subtotal);
    if !adds_up {
        return Err(DomainError::Malformed(
            "the order's lines do not add up to its totals",
        ));
    }
    let paid = match &order.paid {
        Some(paid) => Paid {
            wallet: amount(&paid.wallet)?,
            card: amount(&paid.card)?,
        },
        None => Paid { wallet: 0, card: 0 },
    };
    if paid.wallet.checked_add(paid.card) != Some(total) {
        return Err(DomainError::Malformed("what was paid is not the order's total"));
    }
    let tax_lines = match tax_total {
        0 => Vec::new(),
        tax => vec![TaxLine {
            net: total - tax,
            tax,
        }],
    };
    Ok(Invoice {
        id,
        number,
        order_id: order.order_id.clone(),
        order_number: order.number.clone(),
        issued_at: now,
        currency: currency.to_owned(),
        seller: terms.seller.clone(),
        buyer: order.billing_address.as_ref().map(Buyer::from),
        lines,
        tax_lines,
        subtotal,
        discount_total,
        tax_total,
        total,
        coupon_code: order.coupon_code.clone(),
        paid,
    })
}

fn invoice_line(line: &OrderLine, currency: &str, share_bp: i64) -> Result<InvoiceLine, DomainError> {
    let (unit_price, total) = (
        amount(&line.unit_price, currency)?,
        amount(&line.total, currency)?,
    );
    let (discount, tax) = (amount(&line.discount, currency)?, amount(&line.tax, currency)?);
    let price = unit_price
        .checked_mul(line.quantity)
        .ok_or(DomainError::Overflow)?;
    if line.quantity < 1 || price.checked_sub(discount) != Some(total) || tax > total {
        return Err(DomainError::Malformed("a line's total is not what its parts say"));
    }
    Ok(InvoiceLine {
        line_id: line.line_id.clone(),
        course_id: line.course_id.clone(),
        instructor_id: line.instructor_id.clone(),
        title: line.title.clone(),
        unit_price,
        quantity: line.quantity,
        discount,
        tax,
        total,
        share: share(total - tax, share_bp)?,
    })
}

/// An amount of the shop's currency that is not below zero.
pub(super) fn amount(money: &Money, currency: &str) -> Result<i64, DomainError> {
    match money.currency == currency && money.amount >= 0 {
        true => Ok(money.amount),
        false => Err(DomainError::Malformed(
            "an amount is negative or in another currency",
        )),
    }
}

impl From<&BillingAddress> for Buyer {
    fn from(address: &BillingAddress) -> Self {
        Self {
            name: address.name.clone(),
            street: address.street.clone(),
            postal_code: address.postal_code.clone(),
            city: address.city.clone(),
            country: address.country.clone(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use latchkey_contracts::events::course::CourseKind;
    use latchkey_contracts::events::order::PaidSplit;

    use super::*;

    /// A paid order with lines of (instructor, unit price, quantity, discount, tax), `wallet` of which came from there.
    pub fn order(lines: &[(&str, i64, i64, i64, i64)], wallet: i64) -> OrderSnapshot {
        let money = |amount: i64| Money::new(amount, "EUR");
        let line =
            |(n, (instructor, unit, quantity, discount, tax)): (usize, &(&str, i64, i64, i64, i64))| {
                OrderLine {
                    line_id: format!("l{n}"),
                    course_id: format!("c{n}"),
                    kind: CourseKind::Course,
                    title: format!("Course {n}"),
                    slug: format!("course-{n}"),
                    instructor_id: (*instructor).to_owned(),
                    unit_price: money(*unit),
                    quantity: *quantity,
                    discount: money(*discount),
                    tax: money(*tax),
                    total: money(unit * quantity - discount),
                }
            };
        let lines: Vec<OrderLine> = lines.iter().enumerate().map(line).collect();
        let sum = |of: fn(&OrderLine) -> i64| lines.iter().map(of).sum::<i64>();
        let total = sum(|line| line.total.amount);
        let discount = sum(|line| line.discount.amount);
        let tax = sum(|line| line.tax.amount);
        OrderSnapshot {
            order_id: "o1".to_owned(),
            number: "LK-2026-000001".to_owned(),
            buyer_id: "ada".to_owned(),
            lines,
            subtotal: money(total + discount),
            discount_total: money(discount),
            tax_total: money(tax),
            total: money(total),
            coupon_code: None,
            paid: Some(PaidSplit {
                wallet: money(wallet),
                card: money(total - wallet),
            }),
            basket_id: "b1".to_owned(),
            basket_version: 1,
            billing_address: None,
            version: 5,
        }
    }

    pub fn invoiced(order: &OrderSnapshot) -> Result<Invoice, DomainError> {
        invoice(
            order,
            "i1".to_owned(),
            "INV-2026-000001".to_owned(),
            "EUR",
            &Terms::default(),
            1_795_176_000_000,
        )
    }

    #[test]
    fn the_instructor_gets_seventy_percent_of_the_price_without_tax() {
        let invoice = invoiced(&order(&[("tess", 1_190, 1, 0, 190)], 0)).unwrap();
        let line = &invoice.lines[0];
        assert_eq!((line.net(), line.share, line.commission()), (1_000, 700, 300));
    }

    #[test]
    fn a_share_is_rounded_half_up() {
        let seventy = |net| share(net, 7_000).unwrap();
        assert_eq!((seventy(5), seventy(6), seventy(0)), (4, 4, 0));
        assert_eq!((share(999, 0).unwrap(), share(999, 10_000).unwrap()), (0, 999));
    }

    #[test]
    fn an_invoice_keeps_who_sold_and_how_the_price_was_divided() {
        let own = Terms {
            seller: Seller {
                name: "A School of Paper".to_owned(),
                ..Terms::default().seller
            },
            share_bp: 5_000,
        };
        let order = order(&[("tess", 1_190, 1, 0, 190)], 0);
        let id = "i1".to_owned();
        let invoice = invoice(&order, id.clone(), id, "EUR", &own, 0).unwrap();
        assert_eq!(invoice.seller, own.seller);
        assert_eq!(
            (invoice.lines[0].share, invoice.lines[0].commission()),
            (500, 500)
        );
    }

    #[test]
    fn an_order_whose_sums_are_wrong_gets_no_invoice() {
        let good = order(&[("tess", 1_000, 2, 100, 0)], 50);
        assert!(invoiced(&good).is_ok());
        let with = |change: fn(&mut OrderSnapshot)| {
            let mut changed = good.clone();
            change(&mut changed);
            changed
        };
        for wrong in [
            with(|order| order.total.amount += 1),
            with(|order| order.subtotal.amount += 1),
            with(|order| order.discount_total.amount += 1),
            with(|order| order.tax_total.amount += 1),
            with(|order| order.lines.clear()),
            with(|order| order.lines[0].quantity = 0),
            with(|order| order.lines[0].quantity = i64::MAX),
            with(|order| order.lines[0].discount.amount = -1),
            with(|order| order.lines[0].tax.amount = 5_000),
            with(|order| order.total.currency = "USD".to_owned()),
            with(|order| order.paid = None),
            with(|order| order.paid.as_mut().unwrap().card.amount += 1),
        ] {
            let refused = invoiced(&wrong).unwrap_err();
            assert!(refused.is_final(), "{refused}");
        }
    }
}
