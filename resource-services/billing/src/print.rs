//! Invoices and credit notes as PDF: the same document, the same bytes, however often it is asked for.
//!
//! The font is part of the binary (`fonts/`): Latin with Turkish and French, Greek and Cyrillic. A letter that it lacks
//! is printed as an empty box.

mod sheet;
mod text;

use crate::domain::{Buyer, CreditNote, DomainError, Invoice, Seller};
use sheet::{Column, Sheet};
use text::{day, money};

/// An invoice as PDF.
pub fn invoice(invoice: &Invoice) -> Result<Vec<u8>, DomainError> {
    invoice_sheet(invoice)?.finish()
}

fn invoice_sheet(invoice: &Invoice) -> Result<Sheet, DomainError> {
    let mut sheet = Sheet::new("Invoice", &invoice.number, invoice.issued_at)?;
    let amount = |minor: i64| money(minor, &invoice.currency);
    head(&mut sheet, &invoice.seller, invoice.buyer.as_ref());
    sheet.facts(&[
        ("Invoice number", &invoice.number),
        ("Date", &day(invoice.issued_at)),
        ("Order", &invoice.order_number),
    ]);
    sheet.table_head(&INVOICE_COLUMNS);
    for line in &invoice.lines {
        let unit = amount(line.unit_price);
        let discount = match line.discount {
            0 => String::new(),
            minor => amount(-minor),
        };
        let cells = [
            line.title.as_str(),
            &line.quantity.to_string(),
            &unit,
            &discount,
            &amount(line.total),
        ];
        sheet.row(&INVOICE_COLUMNS, &cells);
    }
    sheet.rule();
    if invoice.discount_total != 0 {
        sheet.sum("Subtotal", &amount(invoice.subtotal), false);
        let label = match &invoice.coupon_code {
            Some(code) => format!("Discount ({code})"),
            None => "Discount".to_owned(),
        };
        sheet.sum(&label, &amount(-invoice.discount_total), false);
    }
    sheet.sum("Total", &amount(invoice.total), true);
    for line in &invoice.tax_lines {
        sheet.sum("Without tax", &amount(line.net), false);
        sheet.sum("Tax, contained in the total", &amount(line.tax), false);
    }
    if invoice.tax_lines.is_empty() {
        sheet.note("No tax is due on this invoice.");
    }
    if invoice.paid.card > 0 {
        sheet.sum("Paid by card", &amount(invoice.paid.card), false);
    }
    if invoice.paid.wallet > 0 {
        sheet.sum("Paid from your wallet", &amount(invoice.paid.wallet), false);
    }
    sheet.note("This invoice is paid. Thank you for learning with us.");
    Ok(sheet)
}

/// A credit note as PDF.
pub fn credit_note(note: &CreditNote) -> Result<Vec<u8>, DomainError> {
    use latchkey_contracts::events::payment::RefundTo;
    let mut sheet = Sheet::new("Credit note", &note.number, note.issued_at)?;
    let amount = |minor: i64| money(minor, &note.currency);
    head(&mut sheet, &note.seller, note.buyer.as_ref());
    sheet.facts(&[
        ("Credit note number", &note.number),
        ("Date", &day(note.issued_at)),
        ("For invoice", &note.invoice_number),
        ("Order", &note.order_number),
    ]);
    sheet.table_head(&CREDIT_COLUMNS);
    for line in &note.lines {
        let cells = [
            line.title.as_str(),
            &line.quantity.to_string(),
            &amount(line.total),
        ];
        sheet.row(&CREDIT_COLUMNS, &cells);
    }
    sheet.rule();
    sheet.sum("Total given back", &amount(note.total), true);
    if note.tax_total != 0 {
        sheet.sum("Tax, contained in the total", &amount(note.tax_total), false);
    }
    sheet.note(match note.to {
        RefundTo::Card => "The money went back to the card.",
        RefundTo::Wallet => "The money went back to the wallet.",
    });
    sheet.finish()
}

fn head(sheet: &mut Sheet, seller: &Seller, buyer: Option<&Buyer>) {
    let from = [
        seller.name.clone(),
        seller.street.clone(),
        format!("{} {}", seller.postal_code, seller.city),
        seller.country.clone(),
        format!("Tax number {}", seller.tax_id),
    ];
    let to = match buyer {
        Some(buyer) => vec![
            buyer.name.clone(),
            buyer.street.clone(),
            format!("{} {}", buyer.postal_code, buyer.city),
            buyer.country.clone(),
        ],
        None => vec!["No address was given".to_owned()],
    };
    sheet.addresses(("Sold by", &from), ("Sold to", &to));
}

const INVOICE_COLUMNS: [Column; 5] = [
    Column::left("Course", 215.0),
    Column::right("Quantity", 50.0),
    Column::right("Price", 80.0),
    Column::right("Discount", 70.0),
    Column::right("Total", 84.0),
];
const CREDIT_COLUMNS: [Column; 3] = [
    Column::left("Course", 335.0),
    Column::right("Quantity", 70.0),
    Column::right("Total", 94.0),
];

#[cfg(test)]
mod tests {
    use latchkey_contracts::events::payment::RefundTo;

    use super::*;
    use crate::domain::{CreditLine, InvoiceLine, Paid, Terms};

    fn sample(titles: &[&str]) -> Invoice {
        let line = |(n, title): (usize, &&str)| InvoiceLine {
            line_id: format!("l{n}"),
            course_id: "c".to_owned(),
            instructor_id: "t".to_owned(),
            title: (*title).to_owned(),
            unit_price: 4_900,
            quantity: 1,
            discount: 900,
            tax: 0,
            total: 4_000,
            share: 2_800,
        };
        let lines: Vec<InvoiceLine> = titles.iter().enumerate().map(line).collect();
        let count = i64::try_from(lines.len()).unwrap();
        Invoice {
            id: "i".to_owned(),
            number: "INV-2026-000001".to_owned(),
            order_id: "o".to_owned(),
            order_number: "LK-2026-000001".to_owned(),
            issued_at: 1_795_176_000_000,
            currency: "EUR".to_owned(),
            seller: Terms::default().seller,
            buyer: Some(Buyer {
                name: "Öykü Şahin Çağlayan Dvořák Œuvre".to_owned(),
                street: "İstiklâl Caddesi 1, ğüşıöç ÀÉÊÎÔÛŸ«»".to_owned(),
                postal_code: "34000".to_owned(),
                city: "İstanbul".to_owned(),
                country: "TR".to_owned(),
            }),
            lines,
            tax_lines: Vec::new(),
            subtotal: 4_900 * count,
            discount_total: 900 * count,
            tax_total: 0,
            total: 4_000 * count,
            coupon_code: Some("SPRING".to_owned()),
            paid: Paid {
                wallet: 1_000,
                card: 4_000 * count - 1_000,
            },
        }
    }

    #[test]
    fn the_same_invoice_is_printed_as_the_same_bytes() {
        let sample = sample(&["Öykü Yazma Atölyesi"]);
        let first = invoice(&sample).unwrap();
        assert!(first.starts_with(b"%PDF-"));
        assert_eq!(first, invoice(&sample).unwrap());
    }

    #[test]
    fn a_long_invoice_goes_on_over_the_page() {
        let pages = |titles: &[&str]| invoice_sheet(&sample(titles)).unwrap().page_count();
        let long = "A course with a title that is too long for one line of the table of an invoice";
        assert_eq!(pages(&["A course"]), 1);
        assert!(pages(&[long; 50]) > 2);
    }

    #[test]
    fn every_turkish_and_french_letter_is_in_the_font() {
        let letters = "çğıöşüÇĞİÖŞÜâîû àâæçéèêëîïôœùûüÿÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ«»’…€₺—ß";
        assert_eq!(text::missing(letters), "");
        assert_eq!(text::missing("書"), "書");
    }

    /// What a buyer or an instructor types is drawn as glyphs and can neither end the document nor make it fail.
    #[test]
    fn hostile_texts_are_printed_and_break_nothing() {
        for hostile in [
            "",
            "%%EOF\nendobj endstream",
            ") Tj ET (",
            "<script>alert(1)</script>",
            "\u{202e}desrever\u{200b}\u{0}\u{fffd}",
            "شكرا 書 🎓",
            &"W".repeat(5_000),
            &"word ".repeat(400),
        ] {
            let mut sample = sample(&[hostile]);
            if let Some(buyer) = &mut sample.buyer {
                buyer.name = hostile.to_owned();
            }
            let printed = invoice(&sample).unwrap();
            assert!(printed.trim_ascii_end().ends_with(b"%%EOF"), "{hostile:.20}");
            assert_eq!(String::from_utf8_lossy(&printed).matches("%%EOF").count(), 1);
        }
    }

    #[test]
    fn a_credit_note_is_printed() {
        let sample = sample(&["A course"]);
        let note = CreditNote {
            id: "n".to_owned(),
            number: "CN-2026-000001".to_owned(),
            invoice_id: sample.id,
            invoice_number: sample.number,
            order_id: sample.order_id,
            order_number: sample.order_number,
            refund_id: "r".to_owned(),
            issued_at: sample.issued_at,
            currency: sample.currency,
            to: RefundTo::Wallet,
            seller: sample.seller,
            buyer: None,
            lines: vec![CreditLine {
                line_id: "l0".to_owned(),
                course_id: "c".to_owned(),
                instructor_id: "t".to_owned(),
                title: "A course".to_owned(),
                quantity: 1,
                tax: 0,
                share: 2_800,
                total: 4_000,
            }],
            tax_total: 0,
            total: 4_000,
        };
        assert!(credit_note(&note).unwrap().starts_with(b"%PDF-"));
    }
}
