//! What can be said about the style sheets without looking at them.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use std::collections::BTreeMap;

use latchkey_web::{SCRIPT, SHOP_STYLE, STYLE};

/// The sheet of all pages, and that of the shop's.
fn sheets() -> [&'static str; 2] {
    [&STYLE, &SHOP_STYLE].map(|sheet| std::str::from_utf8(sheet.bytes()).unwrap())
}

fn lines() -> impl Iterator<Item = &'static str> {
    sheets().into_iter().flat_map(str::lines)
}

/// The tokens: name, and its two values as linear luminance.
fn tokens() -> BTreeMap<String, [f64; 2]> {
    lines()
        .filter_map(|line| {
            let (name, rest) = line.trim().strip_prefix("--")?.split_once(": light-dark(")?;
            let (light, dark) = rest.strip_suffix(");")?.split_once(", ")?;
            Some((name.to_owned(), [luminance(light), luminance(dark)]))
        })
        .collect()
}

/// WCAG 2.2, relative luminance.
fn luminance(hex: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// What stands on what, somewhere in the style sheet.
const TEXT: [(&str, &[&str]); 7] = [
    (
        "ink",
        &[
            "paper",
            "surface",
            "sunken",
            "accent-wash",
            "warning-wash",
            "danger-wash",
        ],
    ),
    ("muted", &["paper", "surface", "sunken"]),
    ("accent", &["paper", "surface", "sunken", "accent-wash"]),
    ("accent-strong", &["paper", "surface", "sunken", "accent-wash"]),
    ("danger", &["paper", "surface", "danger-wash"]),
    ("warning", &["paper", "surface", "warning-wash"]),
    ("on-accent", &["accent", "accent-strong"]),
];
/// Borders of controls, icons and the focus ring.
const SHAPES: [(&str, &[&str]); 3] = [
    ("edge", &["paper", "surface"]),
    ("accent", &["paper", "surface", "sunken"]),
    ("muted", &["accent-wash"]),
];

#[test]
fn every_pair_that_carries_text_has_a_contrast_of_at_least_4_5() {
    at_least(&TEXT, 4.5);
}

#[test]
fn borders_icons_and_the_focus_ring_have_a_contrast_of_at_least_3() {
    at_least(&SHAPES, 3.0);
}

fn at_least(pairs: &[(&str, &[&str])], least: f64) {
    let tokens = tokens();
    for (front, backs) in pairs {
        for back in *backs {
            for (scheme, theme) in ["light", "dark"].into_iter().enumerate() {
                let found = contrast(tokens[*front][scheme], tokens[*back][scheme]);
                assert!(found >= least, "{front} on {back}, {theme}: {found:.2}");
            }
        }
    }
}

#[test]
fn every_colour_is_a_token() {
    for line in lines().filter(|line| !line.contains("light-dark(")) {
        let hex = line
            .split('#')
            .skip(1)
            .any(|rest| rest.bytes().take_while(u8::is_ascii_hexdigit).count() >= 3);
        assert!(!hex && !line.contains("rgb(") && !line.contains("hsl("), "{line}");
    }
}

#[test]
fn nothing_in_it_knows_left_from_right() {
    for line in lines() {
        for physical in [
            "margin-left",
            "margin-right",
            "padding-left",
            "padding-right",
            "border-left",
            "border-right",
            "left:",
            "right:",
            "text-align: left",
            "text-align: right",
            "float: left",
            "float: right",
        ] {
            assert!(!line.contains(physical), "{line}");
        }
    }
}

#[test]
fn no_file_asks_for_anything_else() {
    let [all, shop] = sheets();
    for text in [all, shop, std::str::from_utf8(SCRIPT.bytes()).unwrap()] {
        for outside in [
            "@import",
            "url(",
            "//cdn",
            "http:",
            "https:",
            "innerHTML",
            "eval(",
        ] {
            assert!(!text.contains(outside), "{outside}");
        }
    }
    assert!(SCRIPT.bytes().len() < 4 * 1024);
}

#[test]
fn an_issuer_page_carries_40_kib_of_style_and_a_page_of_the_shop_64() {
    let [all, shop] = sheets().map(str::len);
    assert!(all < 40 * 1024, "{all}");
    assert!(all + shop < 64 * 1024, "{all} and {shop}");
}

#[test]
fn the_shops_sheet_has_no_colour_of_its_own() {
    let [_, shop] = sheets();
    assert!(!shop.contains("light-dark(") && !shop.contains(":root {"));
}

#[test]
fn motion_stops_where_it_is_not_wanted() {
    let reduced = sheets()[0]
        .split("prefers-reduced-motion: reduce")
        .nth(1)
        .unwrap();
    assert!(
        reduced.contains("transition: none !important") && reduced.contains("animation: none !important")
    );
}
