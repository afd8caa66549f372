//! Who sells, and how prices are divided.

use latchkey_billing::domain::{Seller, Terms};

use super::ConfigError;
use super::number::number;

/// What the operator of the shop says about its sales: all of the seller, or nothing.
pub(super) fn terms(mut setting: impl FnMut(&'static str) -> Option<String>) -> Result<Terms, ConfigError> {
    let mut terms = Terms::default();
    if let Some(percent) = setting("share_percent") {
        let percent: i64 = number("billing.share_percent", &percent, 0..=100)?;
        terms.share_bp = percent * 100;
    }
    let mut said = Vec::new();
    for name in SELLER {
        if let Some(text) = setting(name) {
            let length = text.chars().count();
            if !(1..=200).contains(&length) || text.chars().any(char::is_control) || text.trim() != text {
                return Err(ConfigError(format!(
                    "billing.{name} is one line of at most 200 characters, without spaces around it"
                )));
            }
            said.push(text);
        }
    }
    match <[String; 6]>::try_from(said) {
        Ok([name, street, postal_code, city, country, tax_id]) => {
            if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
                return Err(ConfigError(
                    "billing.seller_country is a country in two capital letters (ISO 3166-1 alpha-2)"
                        .to_owned(),
                ));
            }
            terms.seller = Seller {
                name,
                street,
                postal_code,
                city,
                country,
                tax_id,
            };
            Ok(terms)
        }
        Err(none) if none.is_empty() => Ok(terms),
        Err(_) => Err(ConfigError(
            "billing.seller_name, _street, _postal_code, _city, _country and _tax_id must be set together"
                .to_owned(),
        )),
    }
}

const SELLER: [&str; 6] = [
    "seller_name",
    "seller_street",
    "seller_postal_code",
    "seller_city",
    "seller_country",
    "seller_tax_id",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(said: &[(&'static str, &str)]) -> Result<Terms, ConfigError> {
        let mut said: BTreeMap<&str, &str> = said.iter().copied().collect();
        terms(|name| said.remove(name).map(str::to_owned))
    }

    const WHOLE: [(&str, &str); 6] = [
        ("seller_name", "A School of Paper"),
        ("seller_street", "1 Road"),
        ("seller_postal_code", "1010"),
        ("seller_city", "Wien"),
        ("seller_country", "AT"),
        ("seller_tax_id", "ATU00000000"),
    ];

    #[test]
    fn a_seller_is_said_whole_or_not_at_all() {
        assert_eq!(read(&[]).unwrap(), Terms::default());
        let whole = read(&WHOLE).unwrap();
        assert_eq!((whole.seller.city.as_str(), whole.share_bp), ("Wien", 7_000));
        assert!(read(&WHOLE[..5]).is_err());
        assert_eq!(read(&[("share_percent", "55")]).unwrap().share_bp, 5_500);
    }

    #[test]
    fn nothing_strange_gets_onto_invoices() {
        for (name, bad) in [
            ("seller_name", ""),
            ("seller_name", " A School"),
            ("seller_name", "A\u{7}School"),
            ("seller_street", "1 Road\n2 Road"),
            ("seller_country", "Austria"),
            ("seller_country", "at"),
            ("share_percent", "-1"),
            ("share_percent", "101"),
            ("share_percent", "70 %"),
        ] {
            let mut said = WHOLE.to_vec();
            said.retain(|(known, _)| *known != name);
            said.push((name, bad));
            assert!(read(&said).is_err(), "{name} = {bad:?}");
        }
    }
}
