//! What a buyer sends to order: how they pay and where the invoice goes. Nothing of it is a price; the total is what the
//! buyer was shown, and only compared.

use latchkey_contracts::Money;
use latchkey_contracts::events::order::BillingAddress;
use latchkey_kit::{FieldErrors, MoneyDraft, is_id, objects};
use serde::Deserialize;
use utoipa::ToSchema;

use super::DomainError;
use super::order::{Coupon, Line, Plan, Terms};
use super::pricing::Quote;

/// An order as it is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Submission {
    /// The version of the basket that was shown.
    #[schema(minimum = 1)]
    pub basket_version: i64,
    /// The total that was shown.
    pub expected_total: MoneyDraft,
    pub billing_address: Address,
    pub payment: PaymentBody,
    pub consents: Consents,
}

/// Where the invoice goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Address {
    pub name: String,
    pub street: String,
    pub postal_code: String,
    pub city: String,
    /// ISO 3166-1 alpha-2, such as `DE`.
    pub country: String,
}

/// Who pays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct PaymentBody {
    /// `max`, or the amount in minor units that the wallet shall pay at most.
    pub wallet: WalletPart,
    /// The saved card that pays the rest.
    #[serde(default)]
    pub card_token: Option<String>,
}

/// The part of the wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum WalletPart {
    AtMost(i64),
    Word(String),
}

/// What the buyer agreed to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Consents {
    /// The terms of the shop; nothing is sold without.
    pub terms: bool,
}

objects!(Submission, Address, PaymentBody, Consents);

/// A checked submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub basket_version: i64,
    pub expected_total: i64,
    pub billing_address: BillingAddress,
    pub plan: Plan,
}

impl Submission {
    /// The submission, if all of it is valid.
    pub fn check(&self, currency: &str) -> Result<Wanted, DomainError> {
        let mut errors = FieldErrors::default();
        if self.basket_version < 1 {
            errors.add("basket_version", "must be at least 1");
        }
        if self.expected_total.amount < 0 {
            errors.add("expected_total.amount", "must not be negative");
        }
        if self.expected_total.currency != currency {
            errors.add("expected_total.currency", "is not the currency of the shop");
        }
        let wallet_at_most = match &self.payment.wallet {
            WalletPart::AtMost(amount) if *amount >= 0 => Some(*amount),
            WalletPart::Word(word) if word == "max" => None,
            WalletPart::AtMost(_) | WalletPart::Word(_) => {
                errors.add("payment.wallet", "is neither \"max\" nor an amount");
                None
            }
        };
        if self
            .payment
            .card_token
            .as_deref()
            .is_some_and(|token| !is_token(token))
        {
            errors.add("payment.card_token", "is not the token of a card");
        }
        if !self.consents.terms {
            errors.add("consents.terms", "must be given");
        }
        let address = &self.billing_address;
        let billing_address = BillingAddress {
            name: errors.line("billing_address.name", &address.name, 1, 120),
            street: errors.line("billing_address.street", &address.street, 1, 120),
            postal_code: errors.line("billing_address.postal_code", &address.postal_code, 1, 20),
            city: errors.line("billing_address.city", &address.city, 1, 80),
            country: address.country.clone(),
        };
        let country = billing_address.country.as_bytes();
        if country.len() != 2 || !country.iter().all(u8::is_ascii_uppercase) {
            errors.add("billing_address.country", "is not two capital letters");
        }
        let wanted = Wanted {
            basket_version: self.basket_version,
            expected_total: self.expected_total.amount,
            billing_address,
            plan: Plan {
                wallet_at_most,
                card_token: self.payment.card_token.clone(),
            },
        };
        errors.into_result(wanted).map_err(DomainError::Invalid)
    }
}

impl Wanted {
    /// Whether this is the price that the buyer was shown.
    pub fn compare(&self, quote: &Quote) -> Result<(), DomainError> {
        if quote.basket_version != self.basket_version {
            return Err(DomainError::BasketChanged);
        }
        match quote.total.amount == self.expected_total {
            true => Ok(()),
            false => Err(DomainError::PriceChanged(Box::new(quote.clone()))),
        }
    }

    /// The terms of an order at this price.
    pub fn at(self, quote: Quote, mut new_id: impl FnMut() -> String) -> Terms {
        let amount = |money: &Money| money.amount;
        let lines = quote.lines.into_iter().map(|line| Line {
            line_id: new_id(),
            course_id: line.course_id,
            course_version: line.course_version,
            kind: line.kind,
            category_id: line.category_id,
            title: line.title,
            slug: line.slug,
            instructor_id: line.instructor_id,
            lessons: line.lessons,
            unit_price: amount(&line.unit_price),
            quantity: line.quantity,
            discount: amount(&line.discount),
            tax: amount(&line.tax),
            total: amount(&line.total),
        });
        Terms {
            lines: lines.collect(),
            subtotal: amount(&quote.subtotal),
            discount_total: amount(&quote.discount_total),
            tax_total: amount(&quote.tax_total),
            total: amount(&quote.total),
            currency: quote.total.currency,
            coupon: quote.coupon_code.map(|code| Coupon { code }),
            plan: self.plan,
            billing_address: Some(self.billing_address),
            basket_id: quote.basket_id,
            basket_version: quote.basket_version,
        }
    }
}

/// A name that payment gave to a card. Digits alone are refused, because they may be the number of the card.
fn is_token(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let letters = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    (8..=64).contains(&text.len()) && text.bytes().all(plain) && (letters || is_id(text))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sent() -> Value {
        json!({
            "basket_version": 3,
            "expected_total": {"amount": 4_500, "currency": "EUR"},
            "billing_address": {"name": "Bo", "street": "Main 1", "postal_code": "10115", "city": "Berlin", "country": "DE"},
            "payment": {"wallet": "max", "card_token": "01936b2e-0000-7000-8000-00000000000a"},
            "consents": {"terms": true}
        })
    }

    fn fields(change: &[(&str, Value)]) -> Vec<String> {
        let mut body = sent();
        for (pointer, value) in change {
            *body.pointer_mut(pointer).unwrap() = value.clone();
        }
        match serde_json::from_value::<Submission>(body).unwrap().check("EUR") {
            Err(DomainError::Invalid(errors)) => errors.into_iter().map(|error| error.field).collect(),
            Err(other) => vec![other.to_string()],
            Ok(_) => Vec::new(),
        }
    }

    #[test]
    fn a_whole_submission_is_accepted() {
        assert!(fields(&[]).is_empty());
        assert!(fields(&[("/payment/wallet", json!(0))]).is_empty());
        assert!(fields(&[("/payment/card_token", json!(null))]).is_empty());
    }

    #[test]
    fn each_bad_value_is_named() {
        for (pointer, value, field) in [
            ("/basket_version", json!(0), "basket_version"),
            ("/basket_version", json!(i64::MIN), "basket_version"),
            ("/expected_total/amount", json!(-1), "expected_total.amount"),
            (
                "/expected_total/currency",
                json!("USD"),
                "expected_total.currency",
            ),
            ("/billing_address/name", json!(" "), "billing_address.name"),
            (
                "/billing_address/name",
                json!("x".repeat(121)),
                "billing_address.name",
            ),
            ("/billing_address/street", json!("a\nb"), "billing_address.street"),
            (
                "/billing_address/postal_code",
                json!(""),
                "billing_address.postal_code",
            ),
            (
                "/billing_address/city",
                json!("\u{202e}nilreB"),
                "billing_address.city",
            ),
            ("/billing_address/country", json!("de"), "billing_address.country"),
            ("/billing_address/country", json!("ÄÖ"), "billing_address.country"),
            ("/payment/wallet", json!(-1), "payment.wallet"),
            ("/payment/wallet", json!("all"), "payment.wallet"),
            (
                "/payment/card_token",
                json!("4242424242424242"),
                "payment.card_token",
            ),
            ("/consents/terms", json!(false), "consents.terms"),
        ] {
            assert_eq!(fields(&[(pointer, value.clone())]), [field], "{value}");
        }
    }

    /// What the references took from the caller: here there is no member for it.
    #[test]
    fn a_price_a_discount_or_a_buyer_cannot_be_sent() {
        for name in [
            "unit_price",
            "discount",
            "buyer_id",
            "lines",
            "total",
            "coupon_code",
        ] {
            let mut body = sent();
            body[name] = json!(1);
            assert!(serde_json::from_value::<Submission>(body).is_err(), "{name}");
        }
    }
}
