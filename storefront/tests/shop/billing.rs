//! Invoices, an instructor's sales, and the books.

use serde_json::{Value, json};

use crate::backends::{Backends, everything, money, order};

fn note() -> Value {
    json!({
        "id": "n-1", "number": "CN-2026-000001", "invoice_id": "i-1", "invoice_number": "INV-2026-000001",
        "order_id": "o-1", "refund_id": "r-1", "issued_at": "2026-11-21T09:06:00.000Z", "to": "wallet",
        "total": money(5000),
    })
}

fn invoice() -> Value {
    json!({
        "id": "i-1", "number": "INV-2026-000001", "order_id": "o-1", "order_number": "LK-2026-000123",
        "issued_at": "2026-11-20T09:06:00.000Z",
        "seller": {"name": "The Shop", "street": "1 Key Lane", "postal_code": "10115", "city": "Berlin",
            "country": "DE", "tax_id": "DE1"},
        "buyer": {"name": "Alice", "street": "1 Road", "postal_code": "1010", "city": "Town", "country": "NL"},
        "lines": [{"line_id": "line-1", "course_id": "id-of-rust", "title": "Rust from the Ground Up", "quantity": 1,
            "unit_price": money(5900), "discount": money(900), "tax": money(800), "total": money(5000)}],
        "tax_lines": [{"net": money(4200), "tax": money(800)}],
        "subtotal": money(5900), "discount_total": money(900), "tax_total": money(800), "total": money(5000),
        "coupon_code": "AUTUMN", "paid": {"wallet": money(2000), "card": money(3000)}, "credit_notes": [note()],
    })
}

/// Alice's order `o-1` has this invoice.
fn invoiced(backends: &Backends, invoice: Value) {
    everything(backends);
    let list = json!({"items": [{"id": "i-1"}], "next_cursor": null});
    backends.give("alice", "GET /billing/v1/invoices?order_id=o-1", 200, list);
    backends.give("alice", "GET /billing/v1/invoices/i-1", 200, invoice);
    backends.give(
        "alice",
        "GET /billing/v1/invoices/i-1/pdf",
        200,
        json!("%PDF-1.7 invoice"),
    );
    backends.give(
        "alice",
        "GET /billing/v1/credit-notes/n-1/pdf",
        200,
        json!("%PDF-1.7 note"),
    );
}

#[tokio::test]
async fn an_order_leads_to_its_invoice_and_the_invoice_to_its_files() {
    let backends = Backends::start().await;
    invoiced(&backends, invoice());
    for site in backends.sites("invoice").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let from = alice.get("/orders/o-1").await;
        assert_eq!(from.attributes("#invoice", "href"), ["/orders/o-1/invoice"]);
        let page = alice.get("/orders/o-1/invoice").await;
        assert_eq!(
            (page.status, page.texts("h1")),
            (200, vec!["Invoice INV-2026-000001".to_owned()])
        );
        assert_eq!(
            page.texts("#invoice-lines td"),
            ["1", "€59.00", "−€9.00", "€50.00"]
        );
        assert_eq!(
            page.texts(".sums dd"),
            [
                "€59.00",
                "−€9.00",
                "€50.00",
                "€42.00",
                "€8.00",
                "€20.00",
                "€30.00"
            ]
        );
        assert_eq!(
            page.texts("#credit-notes .line-title"),
            ["Credit note CN-2026-000001"]
        );
        for (selector, name, text) in [
            ("#pdf", "INV-2026-000001", "%PDF-1.7 invoice"),
            ("#credit-notes a", "CN-2026-000001", "%PDF-1.7 note"),
        ] {
            let href = page.attributes(selector, "href").remove(0);
            let file = alice.get(&href).await;
            assert_eq!((file.status, file.text.as_str()), (200, text), "{href}");
            assert_eq!(file.header("content-type"), "application/pdf");
            let named = format!("attachment; filename=\"{name}.pdf\"");
            assert_eq!(file.header("content-disposition"), named);
        }
    }
}

#[tokio::test]
async fn an_order_that_is_not_paid_shows_no_way_to_an_invoice() {
    let backends = Backends::start().await;
    everything(&backends);
    let failed = order("o-1", "failed", Some("sold_out"));
    backends.give("alice", "GET /order/v1/orders/o-1", 200, failed);
    for site in backends.sites("no_invoice").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let page = alice.get("/orders/o-1").await;
        assert!(page.attributes("#invoice", "href").is_empty());
    }
}

#[tokio::test]
async fn an_invoice_that_is_not_there_yet_is_said_to_come() {
    let backends = Backends::start().await;
    everything(&backends);
    let none = json!({"items": [], "next_cursor": null});
    backends.public("GET /billing/v1/invoices?order_id=o-1", 200, none);
    for site in backends.sites("invoice_later").await {
        let (alice, bob) = (site.browser(), site.browser());
        alice.sign_in("alice").await;
        bob.sign_in("bob").await;
        let page = alice.get("/orders/o-1/invoice").await;
        assert_eq!(
            (page.status, page.attributes(".empty a", "href")),
            (200, vec!["/orders/o-1".to_owned()])
        );
        assert_eq!(alice.get("/orders/o-1/invoice/pdf").await.status, 404);
        assert_eq!(bob.get("/orders/o-1/invoice").await.status, 404);
    }
}

#[tokio::test]
async fn somebody_elses_invoice_does_not_exist_nor_does_a_foreign_credit_note() {
    let backends = Backends::start().await;
    invoiced(&backends, invoice());
    for site in backends.sites("invoice_foreign").await {
        let (alice, bob, nobody) = (site.browser(), site.browser(), site.browser());
        alice.sign_in("alice").await;
        bob.sign_in("bob").await;
        for path in [
            "/orders/o-1/invoice",
            "/orders/o-1/invoice/pdf",
            "/orders/o-1/credit-notes/n-1/pdf",
        ] {
            assert_eq!(bob.get(path).await.status, 404, "{path}");
            let led = nobody.get(path).await;
            assert!(led.header("location").starts_with("/signin?"), "{path}");
        }
        let other = alice.get("/orders/o-1/credit-notes/n-2/pdf").await;
        assert_eq!(other.status, 404, "it is no credit note of this order");
    }
}

/// BF-10.
#[tokio::test]
async fn what_others_write_is_text_on_an_invoice_and_in_no_header() {
    let backends = Backends::start().await;
    let text = "\"><script>alert(1)</script>";
    let mut hostile = invoice();
    for pointer in [
        "/number",
        "/order_number",
        "/coupon_code",
        "/lines/0/title",
        "/buyer/name",
        "/buyer/country",
        "/seller/name",
        "/total/currency",
        "/credit_notes/0/number",
    ] {
        *hostile.pointer_mut(pointer).unwrap() = Value::String(text.to_owned());
    }
    invoiced(&backends, hostile);
    for site in backends.sites("invoice_text").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let page = alice.get("/orders/o-1/invoice").await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(!page.text.contains("<script>alert"), "{}", page.text);
        assert!(page.texts("h1")[0].contains("<script>"), "it is there, as text");
        for path in ["/orders/o-1/invoice/pdf", "/orders/o-1/credit-notes/n-1/pdf"] {
            let file = alice.get(path).await;
            assert_eq!(
                (file.status, file.header("content-disposition")),
                (500, ""),
                "{path}"
            );
        }
    }
}

fn statement() -> Value {
    let month = |month: &str, quantity: i64, sold: i64, share: i64| json!({"month": month, "quantity": quantity, "sold": money(sold), "refunded": money(0), "share": money(share)});
    let sale = |kind: &str, number: &str| {
        json!({"at": "2026-11-20T09:06:00.000Z", "kind": kind, "number": number, "course_id": "c", "title": "Knots",
            "quantity": 1, "amount": money(1000), "share": money(700)})
    };
    json!({
        "from": "2026-10-01", "to": "2026-11-20", "sold": money(3000), "refunded": money(1000), "share": money(1400),
        "payable": money(9900),
        "months": [month("2026-10", 1, 1000, 700), month("2026-11", 2, 2000, 1400)],
        "courses": [{"course_id": "c", "title": "Knots", "quantity": 2, "sold": money(2000), "share": money(1400)}],
        "items": [sale("refund", "CN-2026-000001"), sale("sale", "INV-2026-000001")], "next_cursor": "older",
    })
}

#[tokio::test]
async fn an_instructor_sees_each_month_as_a_bar_and_as_a_row() {
    let backends = Backends::start().await;
    backends.give("ines", "GET /billing/v1/statements", 200, statement());
    for site in backends.sites("sales").await {
        let ines = site.browser();
        ines.sign_in("ines").await;
        let page = ines.get("/teach/sales").await;
        assert_eq!(
            (page.status, page.texts("#payable")),
            (200, vec!["€99.00".to_owned()])
        );
        assert_eq!(page.attributes("#chart rect", "height"), ["50", "100"]);
        assert_eq!(
            page.texts("#by-month tbody th"),
            ["October 2026", "November 2026"]
        );
        assert_eq!(
            page.texts("#sales .sum strong"),
            ["−€10.00", "€10.00"],
            "what went back is less"
        );
        assert_eq!(
            page.attributes("[rel=next]", "href"),
            ["/teach/sales?cursor=older"]
        );
    }
}

#[tokio::test]
async fn who_teaches_nothing_has_no_sales() {
    let backends = Backends::start().await;
    backends.give("alice", "GET /billing/v1/statements", 200, statement());
    for site in backends.sites("sales_no").await {
        let (alice, nobody) = (site.browser(), site.browser());
        alice.sign_in("alice").await;
        assert_eq!(alice.get("/teach/sales").await.status, 403);
        let led = nobody.get("/teach/sales").await;
        assert!(led.header("location").starts_with("/signin?"));
    }
}

fn balance(balanced: bool) -> Value {
    let account = |number: i64, name: &str| {
        json!({"number": number, "name": name, "kind": "asset", "debit": money(500), "credit": money(200),
            "balance": money(300)})
    };
    json!({"at": "2026-11-20T09:06:00.000Z", "balanced": balanced, "debit": money(700), "credit": money(700),
        "accounts": [account(1000, "Card clearing"), account(2000, "Wallet credits")]})
}

fn journal(memo: &str) -> Value {
    let line = |account: i64, debit: i64, credit: i64| json!({"account": account, "name": "An account", "party": null, "debit": money(debit), "credit": money(credit)});
    json!({"items": [{"seq": 7, "id": "e-7", "at": "2026-11-20T09:06:00.000Z", "kind": "sale", "memo": memo,
        "reference": "sale:o-1", "source_event_id": "s", "prev_hash": "0".repeat(64), "hash": "a".repeat(64),
        "lines": [line(1000, 500, 0), line(2000, 0, 500)]}], "next_cursor": "older"})
}

fn report(drift: i64, broken_at: Value) -> Value {
    let since = match drift {
        0 => Value::Null,
        _ => json!("2026-11-20T09:00:00.000Z"),
    };
    json!({"at": "2026-11-20T09:06:00.000Z", "clean": drift == 0,
        "checks": [{"name": "wallets", "expected": money(500), "found": money(500 + drift), "drift": money(drift),
            "since": since}],
        "chain": {"entries": 7, "intact": broken_at.is_null(), "broken_at": broken_at}})
}

fn books(backends: &Backends, balanced: bool, drift: i64, broken_at: Value, memo: &str) {
    let give = |what: &str, body: Value| backends.give("root", what, 200, body);
    give("GET /billing/v1/trial-balance", balance(balanced));
    give("GET /billing/v1/journal", journal(memo));
    give("GET /billing/v1/journal?account=2000", journal(memo));
    give("GET /billing/v1/reconcile", report(drift, broken_at));
}

#[tokio::test]
async fn an_administrator_sees_whether_the_books_are_in_order() {
    let backends = Backends::start().await;
    for site in backends.sites("ledger").await {
        let root = site.browser();
        root.sign_in("root").await;
        books(&backends, true, 0, Value::Null, "Sale");
        let page = root.get("/admin/ledger").await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert_eq!(page.texts("#balanced .notice-title"), ["Balanced"]);
        assert_eq!(page.texts("#clean"), ["Everything agrees"]);
        assert_eq!(
            page.texts("#trial-balance tbody th"),
            ["1000 Card clearing", "2000 Wallet credits"]
        );
        assert_eq!(
            page.attributes("[rel=next]", "href"),
            ["/admin/ledger?cursor=older"]
        );
        assert_eq!(page.texts("#entries > li").len(), 1);

        books(&backends, false, 5, json!(3), "Sale");
        let page = root.get("/admin/ledger").await;
        assert_eq!(page.texts("#unbalanced .notice-title"), ["Not balanced"]);
        assert_eq!(page.texts("#clean"), ["Something differs"]);
        assert_eq!(
            page.texts("#chain .notice-title"),
            ["Entry 3 is not what was once written"]
        );
        assert_eq!(page.texts("#checks .badge"), ["€0.05"]);
    }
}

#[tokio::test]
async fn the_journal_of_one_account_keeps_it_over_its_pages() {
    let backends = Backends::start().await;
    books(&backends, true, 0, Value::Null, "Sale");
    for site in backends.sites("ledger_account").await {
        let root = site.browser();
        root.sign_in("root").await;
        let page = root.get("/admin/ledger?account=2000").await;
        let next = page.attributes("[rel=next]", "href");
        assert_eq!(next, ["/admin/ledger?account=2000&cursor=older"]);
        assert_eq!(page.attributes(".chips a", "href"), ["/admin/ledger#journal"]);
        for hostile in ["account=x", "account=1&account=2", "account=99999999999999999999"] {
            let refused = root.get(&format!("/admin/ledger?{hostile}")).await;
            assert_eq!(refused.status, 400, "{hostile}");
        }
    }
}

#[tokio::test]
async fn to_everybody_else_there_are_no_books() {
    let backends = Backends::start().await;
    for route in ["trial-balance", "journal", "reconcile"] {
        backends.give("alice", &format!("GET /billing/v1/{route}"), 403, json!({}));
    }
    for site in backends.sites("ledger_no").await {
        let (alice, nobody) = (site.browser(), site.browser());
        alice.sign_in("alice").await;
        let page = alice.get("/admin/ledger").await;
        assert_eq!(
            (page.status, page.texts("h1")),
            (404, vec!["This page does not exist.".to_owned()])
        );
        let led = nobody.get("/admin/ledger").await;
        assert!(led.header("location").starts_with("/signin?"));
    }
}

/// BF-10.
#[tokio::test]
async fn what_stands_in_the_books_is_text() {
    let backends = Backends::start().await;
    books(&backends, true, 0, Value::Null, "<script>alert(1)</script>");
    for site in backends.sites("ledger_text").await {
        let root = site.browser();
        root.sign_in("root").await;
        let page = root.get("/admin/ledger").await;
        assert!(!page.text.contains("<script>alert"), "{}", page.text);
        assert!(page.texts("#entries .line-title")[0].contains("<script>"));
    }
}
