//! The form of the checkout as it was typed. The number of a card is not part of it: it goes to payment and to no page.

use latchkey_contracts::Money;
use latchkey_contracts::events::order::BillingAddress;
use latchkey_http::{Form, is_uuid};

use crate::api::order::{Consents, Max, Plan, Submission, WalletPart};
use crate::api::payment::CardDraft;
use crate::format::amount;

/// What was typed and may be shown again.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Repeating the key repeats the order.
    pub key: String,
    /// Of the basket that was shown.
    pub version: i64,
    /// The total that was shown.
    pub total: i64,
    pub currency: String,
    pub name: String,
    pub street: String,
    pub postal_code: String,
    pub city: String,
    pub country: String,
    /// `max`, `some` or `none`.
    pub wallet: String,
    pub wallet_amount: String,
    /// The id of a card, `new` or `none`.
    pub card: String,
    /// Whether a new card is to be saved.
    pub save_card: bool,
    pub terms: bool,
}

/// A new card as it was typed. It has no `Debug`, so that no log can have it.
#[derive(Default)]
pub struct TypedCard {
    number: String,
    month: String,
    year: String,
    cvc: String,
}

/// A field of the page, and the message that says what is wrong with it.
pub type Fault = (&'static str, &'static str);

impl Draft {
    /// A blank form.
    pub fn blank(key: String) -> Self {
        Self {
            key,
            country: "DE".to_owned(),
            wallet: "max".to_owned(),
            ..Self::default()
        }
    }

    /// `None` if it is not a form that this page has made: those always have a key, a version and a total.
    pub fn read(form: &mut Form) -> Option<Self> {
        let number = |form: &mut Form, name| form.take(name)?.parse::<i64>().ok();
        let mut text = |name: &str| form.take(name).unwrap_or_default().trim().to_owned();
        let draft = Self {
            key: text("key"),
            currency: text("currency"),
            name: text("name"),
            street: text("street"),
            postal_code: text("postal_code"),
            city: text("city"),
            country: text("country"),
            wallet: text("wallet"),
            wallet_amount: text("wallet_amount"),
            card: text("card"),
            save_card: text("save_card") == "yes",
            terms: text("terms") == "yes",
            version: 0,
            total: 0,
        };
        let draft = Self {
            version: number(form, "version").filter(|version| *version > 0)?,
            total: number(form, "total").filter(|total| *total >= 0)?,
            ..draft
        };
        (is_uuid(&draft.key) && draft.currency.len() == 3).then_some(draft)
    }

    /// What cannot be sent like this.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = Vec::new();
        let lines = [
            ("name", &self.name, 120),
            ("street", &self.street, 120),
            ("postal_code", &self.postal_code, 20),
            ("city", &self.city, 80),
        ];
        for (field, text, longest) in lines {
            if text.is_empty() {
                faults.push((field, "checkout.fault_missing"));
            } else if text.chars().count() > longest || text.chars().any(char::is_control) {
                faults.push((field, "checkout.fault_text"));
            }
        }
        if !COUNTRIES.iter().any(|(code, _)| *code == self.country) {
            faults.push(("country", "checkout.fault_missing"));
        }
        if self.total > 0 {
            if self.wallet == "some" && !matches!(amount(&self.wallet_amount), Ok(Some(_))) {
                faults.push(("wallet_amount", "checkout.fault_amount"));
            }
            let no_card = self.card.is_empty() || self.card == "none";
            if no_card && !["max", "some"].contains(&self.wallet.as_str()) {
                faults.push(("card", "checkout.fault_no_payment"));
            }
        }
        if !self.terms {
            faults.push(("terms", "checkout.fault_terms"));
        }
        faults
    }

    /// Whether a new card was typed for it.
    pub fn has_new_card(&self) -> bool {
        self.total > 0 && self.card == "new"
    }

    pub fn address(&self) -> BillingAddress {
        BillingAddress {
            name: self.name.clone(),
            street: self.street.clone(),
            postal_code: self.postal_code.clone(),
            city: self.city.clone(),
            country: self.country.clone(),
        }
    }

    pub fn expected(&self) -> Money {
        Money::new(self.total, self.currency.as_str())
    }

    /// The order.
    pub fn submission<'a>(&'a self, expected: &'a Money, address: &'a BillingAddress) -> Submission<'a> {
        let wallet = match self.wallet.as_str() {
            "max" => WalletPart::Max(Max::Max),
            "some" => WalletPart::AtMost(amount(&self.wallet_amount).ok().flatten().unwrap_or_default()),
            _ => WalletPart::AtMost(0),
        };
        let card = Some(self.card.as_str()).filter(|card| !["", "new", "none"].contains(card));
        Submission {
            basket_version: self.version,
            expected_total: expected,
            billing_address: address,
            payment: Plan {
                wallet,
                card_token: card,
            },
            consents: Consents { terms: self.terms },
        }
    }
}

impl TypedCard {
    /// Takes the card out of the form.
    pub fn read(form: &mut Form) -> Self {
        let mut text = |name: &str| form.take(name).unwrap_or_default();
        Self {
            number: text("card_number"),
            month: text("card_month"),
            year: text("card_year"),
            cvc: text("card_cvc"),
        }
    }

    /// The card for payment, or what is missing.
    pub fn check(&self, save: bool) -> Result<CardDraft<'_>, Vec<Fault>> {
        let number = |text: &str| text.trim().parse::<i64>().ok();
        let mut faults = Vec::new();
        if self.number.trim().is_empty() {
            faults.push(("card_number", "checkout.fault_card_number"));
        }
        if self.cvc.trim().is_empty() {
            faults.push(("card_cvc", "checkout.fault_card_cvc"));
        }
        // People copy both forms of the year from a card.
        let year = number(&self.year).map(|year| {
            if (0..100).contains(&year) {
                2000 + year
            } else {
                year
            }
        });
        match (number(&self.month), year) {
            (Some(exp_month), Some(exp_year)) if faults.is_empty() => Ok(CardDraft {
                number: self.number.trim(),
                exp_month,
                exp_year,
                cvc: self.cvc.trim(),
                save,
            }),
            (month, year) => {
                if month.is_none() || year.is_none() {
                    faults.push(("card_month", "checkout.fault_card_expiry"));
                }
                Err(faults)
            }
        }
    }
}

/// Where invoices go, and the names of their messages.
pub const COUNTRIES: [(&str, &str); 14] = [
    ("AT", "country.at"),
    ("BE", "country.be"),
    ("CH", "country.ch"),
    ("DE", "country.de"),
    ("ES", "country.es"),
    ("FR", "country.fr"),
    ("GB", "country.gb"),
    ("IE", "country.ie"),
    ("IT", "country.it"),
    ("NL", "country.nl"),
    ("PL", "country.pl"),
    ("PT", "country.pt"),
    ("TR", "country.tr"),
    ("US", "country.us"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(change: fn(&mut Draft)) -> Draft {
        let mut draft = Draft {
            key: "01936b2e-0000-7000-8000-00000000000a".into(),
            version: 3,
            total: 4_500,
            currency: "EUR".into(),
            name: "Bo".into(),
            street: "Main 1".into(),
            postal_code: "10115".into(),
            city: "Berlin".into(),
            country: "DE".into(),
            wallet: "max".into(),
            wallet_amount: String::new(),
            card: "card-1-id".into(),
            save_card: false,
            terms: true,
        };
        change(&mut draft);
        draft
    }

    #[test]
    fn each_field_that_cannot_be_sent_is_named() {
        type Case = (fn(&mut Draft), &'static [&'static str]);
        let table: [Case; 9] = [
            (|_| (), &[]),
            (|draft| draft.name.clear(), &["name"]),
            (|draft| draft.city = "é".repeat(81), &["city"]),
            (|draft| draft.street = "a\nb".into(), &["street"]),
            (|draft| draft.country = "XX".into(), &["country"]),
            (|draft| draft.terms = false, &["terms"]),
            (
                |draft| {
                    draft.wallet = "some".into();
                    draft.wallet_amount = "-1".into();
                },
                &["wallet_amount"],
            ),
            (
                |draft| {
                    draft.wallet = "none".into();
                    draft.card = "none".into();
                },
                &["card"],
            ),
            (
                |draft| {
                    draft.total = 0;
                    draft.wallet = "none".into();
                    draft.card.clear();
                },
                &[],
            ),
        ];
        for (change, fields) in table {
            let faults = draft(change).faults();
            let named: Vec<&str> = faults.iter().map(|(field, _)| *field).collect();
            assert_eq!(named, fields);
        }
    }

    #[test]
    fn a_form_without_a_key_a_version_or_a_total_is_not_ours() {
        let good = "key=01936b2e-0000-7000-8000-00000000000a&version=3&total=0&currency=EUR";
        let read = |text: &str| Draft::read(&mut Form::parse(text.as_bytes(), &[]).unwrap());
        assert!(read(good).is_some());
        for (part, other) in [
            ("key=01936b2e-0000-7000-8000-00000000000a", "key=1"),
            ("version=3", "version=0"),
            ("version=3", "x=3"),
            ("total=0", "total=-1"),
            ("total=0", "total=1e3"),
            ("currency=EUR", "currency=E"),
        ] {
            assert!(read(&good.replace(part, other)).is_none(), "{other}");
        }
    }

    #[test]
    fn a_card_is_read_with_either_form_of_its_year() {
        for (year, read) in [("2030", 2030), ("30", 2030)] {
            let text = format!("card_number=4242+4242+4242+4242&card_month=1&card_year={year}&card_cvc=123");
            let card = TypedCard::read(&mut Form::parse(text.as_bytes(), &[]).unwrap());
            let card = card.check(false).map_err(|faults| faults.len());
            assert_eq!(card.map(|card| card.exp_year), Ok(read));
        }
        let faults = TypedCard::default().check(false).err().unwrap();
        let named: Vec<&str> = faults.iter().map(|(field, _)| *field).collect();
        assert_eq!(named, ["card_number", "card_cvc", "card_month"]);
    }
}
