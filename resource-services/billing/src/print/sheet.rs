//! A document of A4 pages, written from the top to the bottom.

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::text::{Font, TextDirection};

use super::text::{Weight, day};
use crate::domain::DomainError;

/// A column of the table.
#[derive(Clone, Copy)]
pub struct Column {
    title: &'static str,
    width: f32,
    right: bool,
}

impl Column {
    pub const fn left(title: &'static str, width: f32) -> Self {
        Self {
            title,
            width,
            right: false,
        }
    }

    pub const fn right(title: &'static str, width: f32) -> Self {
        Self {
            title,
            width,
            right: true,
        }
    }
}

/// What will stand on the pages. Nothing is drawn before [`Sheet::finish`], when the number of pages is known.
pub struct Sheet {
    title: &'static str,
    number: String,
    at: i64,
    regular: Font,
    bold: Font,
    pages: Vec<Vec<Mark>>,
    /// Where the next line begins, from the top of the page.
    y: f32,
}

enum Mark {
    Text {
        x: f32,
        y: f32,
        size: f32,
        weight: Weight,
        shade: u8,
        text: String,
    },
    Rule {
        y: f32,
    },
}

impl Sheet {
    /// An empty document with its title.
    pub fn new(title: &'static str, number: &str, at: i64) -> Result<Self, DomainError> {
        let font = |weight: Weight| {
            let missing = || DomainError::Unprintable("the font cannot be read".to_owned());
            weight.font().ok_or_else(missing)
        };
        let mut sheet = Self {
            title,
            number: number.to_owned(),
            at,
            regular: font(Weight::Regular)?,
            bold: font(Weight::Bold)?,
            pages: vec![Vec::new()],
            y: TOP,
        };
        sheet.text(LEFT, 22.0, Weight::Bold, DARK, title);
        sheet.y += 40.0;
        Ok(sheet)
    }

    /// Two addresses side by side.
    pub fn addresses(&mut self, left: (&str, &[String]), right: (&str, &[String])) {
        let top = self.y;
        let mut lowest = top;
        for (x, (label, lines)) in [(LEFT, left), (LEFT + HALF, right)] {
            self.y = top;
            self.text(x, SMALL, Weight::Bold, GRAY, label);
            self.y += 15.0;
            for line in lines {
                for piece in Weight::Regular.wrap(line, BODY, HALF - 15.0, 3) {
                    self.text(x, BODY, Weight::Regular, DARK, &piece);
                    self.y += LINE;
                }
            }
            lowest = lowest.max(self.y);
        }
        self.y = lowest + 14.0;
    }

    /// Labels with their values.
    pub fn facts(&mut self, facts: &[(&str, &str)]) {
        for (label, value) in facts {
            self.text(LEFT, BODY, Weight::Regular, GRAY, label);
            self.text(LEFT + 130.0, BODY, Weight::Regular, DARK, value);
            self.y += LINE;
        }
        self.y += 18.0;
    }

    /// The titles of the columns.
    pub fn table_head(&mut self, columns: &[Column]) {
        let mut x = LEFT;
        for column in columns {
            self.cell(x, column, SMALL, Weight::Bold, GRAY, column.title);
            x += column.width;
        }
        self.y += 7.0;
        self.rule();
    }

    /// A row of the table, on the next page if it does not fit on this one.
    pub fn row(&mut self, columns: &[Column], cells: &[&str]) {
        let wrapped: Vec<Vec<String>> = columns
            .iter()
            .zip(cells)
            .map(|(column, cell)| match column.right {
                true => vec![(*cell).to_owned()],
                false => Weight::Regular.wrap(cell, BODY, column.width - 10.0, 4),
            })
            .collect();
        let height = LINE * wrapped.iter().map(Vec::len).max().unwrap_or(1) as f32 + 6.0;
        if self.y + height > BOTTOM {
            self.next_page();
            self.table_head(columns);
        }
        let top = self.y;
        let mut x = LEFT;
        for (column, lines) in columns.iter().zip(&wrapped) {
            self.y = top;
            for line in lines {
                self.cell(x, column, BODY, Weight::Regular, DARK, line);
                self.y += LINE;
            }
            x += column.width;
        }
        self.y = top + height;
    }

    /// A line across the page.
    pub fn rule(&mut self) {
        self.mark(Mark::Rule { y: self.y });
        self.y += 17.0;
    }

    /// An amount at the right, below the table.
    pub fn sum(&mut self, label: &str, amount: &str, strong: bool) {
        self.fit(LINE);
        let (size, weight) = match strong {
            true => (12.0, Weight::Bold),
            false => (BODY, Weight::Regular),
        };
        let label = Weight::wrap(weight, label, size, 230.0, 1);
        self.text(LEFT + 215.0, size, weight, DARK, &label.concat());
        self.text_until(LEFT + WIDTH, size, weight, DARK, amount);
        self.y += if strong { 20.0 } else { LINE };
    }

    /// A sentence.
    pub fn note(&mut self, text: &str) {
        self.fit(LINE + 12.0);
        self.y += 12.0;
        self.text(LEFT, BODY, Weight::Regular, GRAY, text);
        self.y += LINE;
    }

    /// The bytes of the document.
    pub fn finish(self) -> Result<Vec<u8>, DomainError> {
        let mut document = Document::new();
        document.set_metadata(self.metadata());
        let count = self.pages.len();
        for (position, marks) in self.pages.iter().enumerate() {
            let Some(a4) = PageSettings::from_wh(595.0, 842.0) else {
                return Err(DomainError::Unprintable("the page has no size".to_owned()));
            };
            let mut page = document.start_page_with(a4);
            let mut surface = page.surface();
            for mark in marks {
                match mark {
                    Mark::Text {
                        x,
                        y,
                        size,
                        weight,
                        shade,
                        text,
                    } => {
                        surface.set_fill(Some(gray(*shade)));
                        let font = self.font(*weight);
                        surface.draw_text(
                            Point::from_xy(*x, *y),
                            font,
                            *size,
                            text,
                            false,
                            TextDirection::Auto,
                        );
                    }
                    Mark::Rule { y } => {
                        let mut line = PathBuilder::new();
                        line.move_to(LEFT, *y);
                        line.line_to(LEFT + WIDTH, *y);
                        if let Some(line) = line.finish() {
                            surface.set_fill(None);
                            surface.set_stroke(Some(Stroke {
                                paint: rgb::Color::new(RULE, RULE, RULE).into(),
                                width: 0.7,
                                ..Stroke::default()
                            }));
                            surface.draw_path(&line);
                            surface.set_stroke(None);
                        }
                    }
                }
            }
            let foot = format!(
                "{} {} · page {} of {count}",
                self.title,
                self.number,
                position + 1
            );
            surface.set_fill(Some(gray(GRAY)));
            let font = self.font(Weight::Regular);
            surface.draw_text(
                Point::from_xy(LEFT, FOOT),
                font,
                SMALL,
                &foot,
                false,
                TextDirection::Auto,
            );
            surface.finish();
            page.finish();
        }
        let failed = |error: krilla::error::KrillaError| DomainError::Unprintable(error.to_string());
        document.finish().map_err(failed)
    }

    #[cfg(test)]
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    fn metadata(&self) -> Metadata {
        let day = day(self.at);
        let mut parts = day.split('-').map(|part| part.parse::<u16>().unwrap_or(1));
        let mut next = || parts.next().unwrap_or(1);
        let (year, month, day) = (next(), next(), next());
        let low = |number: u16| u8::try_from(number).unwrap_or(1);
        Metadata::new()
            .title(format!("{} {}", self.title, self.number))
            .language("en".to_owned())
            .document_id(self.number.clone())
            .creation_date(DateTime::new(year).month(low(month)).day(low(day)))
    }

    fn font(&self, weight: Weight) -> Font {
        match weight {
            Weight::Regular => self.regular.clone(),
            Weight::Bold => self.bold.clone(),
        }
    }

    fn fit(&mut self, height: f32) {
        if self.y + height > BOTTOM {
            self.next_page();
        }
    }

    fn next_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = TOP;
    }

    fn cell(&mut self, x: f32, column: &Column, size: f32, weight: Weight, shade: u8, text: &str) {
        match column.right {
            true => self.text_until(x + column.width, size, weight, shade, text),
            false => self.text(x, size, weight, shade, text),
        }
    }

    fn text_until(&mut self, right: f32, size: f32, weight: Weight, shade: u8, text: &str) {
        let x = right - weight.width(text, size);
        self.text(x, size, weight, shade, text);
    }

    fn text(&mut self, x: f32, size: f32, weight: Weight, shade: u8, text: &str) {
        // Neither breaks nor marks that turn the direction of what follows.
        let plain = |c: &char| {
            !c.is_control()
                && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        };
        let text: String = text.chars().filter(plain).collect();
        if !text.is_empty() {
            self.mark(Mark::Text {
                x,
                y: self.y,
                size,
                weight,
                shade,
                text,
            });
        }
    }

    fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }
}

fn gray(shade: u8) -> Fill {
    Fill {
        paint: rgb::Color::new(shade, shade, shade).into(),
        opacity: NormalizedF32::ONE,
        rule: Default::default(),
    }
}

// In points; A4 is 595 × 842.
const LEFT: f32 = 48.0;
const WIDTH: f32 = 499.0;
const HALF: f32 = 260.0;
const TOP: f32 = 70.0;
const BOTTOM: f32 = 780.0;
const FOOT: f32 = 812.0;
const LINE: f32 = 14.0;
const BODY: f32 = 9.5;
const SMALL: f32 = 8.0;
const DARK: u8 = 30;
const GRAY: u8 = 105;
const RULE: u8 = 205;
