//! Covers: geometric pictures that depend only on the id of a course and the colour of its category.

use std::f64::consts::PI;
use std::fmt::Write as _;

use crate::format::segment;

/// What a page shows of a course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    pub src: String,
    /// The other sizes of a photo; a drawing has every size.
    pub srcset: Option<String>,
}

impl Cover {
    /// The photo of a course, or the picture that is drawn for it.
    pub fn of(hue: u16, id: &str, photo_id: Option<&str>) -> Self {
        let Some(photo) = photo_id else {
            return Self {
                src: path(hue, id),
                srcset: None,
            };
        };
        let photo = segment(photo);
        let at = |size: u16| format!("/api/photo/v1/photos/{photo}/{size}");
        let sizes = [240, 480, 960].map(|size| format!("{} {size}w", at(size)));
        Self {
            src: at(480),
            srcset: Some(sizes.join(", ")),
        }
    }
}

/// The address of a course's cover. It contains everything that the picture depends on, so it never changes.
pub fn path(hue: u16, id: &str) -> String {
    // An id that cannot be part of an address is replaced by its digest.
    let name = if is_plain(id) {
        id.to_owned()
    } else {
        format!("{:016x}", digest(id))
    };
    format!("/covers/{DRAWING}/{hue}/{name}.svg")
}

/// The colour of the category at this position among its siblings.
pub fn hue(place: Option<usize>) -> u16 {
    place.map_or(NO_CATEGORY, |place| HUES[place % HUES.len()])
}

/// The picture at an address that [`path`] created, if there is one.
pub fn at(drawing: &str, hue: u16, file: &str) -> Option<String> {
    let id = file.strip_suffix(".svg").filter(|id| is_plain(id))?;
    (drawing == DRAWING && hue < 360).then(|| draw(hue, id))
}

/// The picture itself, 640 by 400.
fn draw(hue: u16, id: &str) -> String {
    let mut dice = Dice(digest(id));
    let motif = dice.below(MOTIFS.len());
    let ink = Palette::of(f64::from(hue) + dice.between(-10.0, 10.0), dice.below(5));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\">\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"{}\"/>",
        ink.ground
    );
    MOTIFS[motif](&mut svg, &ink, &mut dice);
    svg.push_str("</svg>");
    svg
}

type Motif = fn(&mut String, &Palette, &mut Dice);

const MOTIFS: [Motif; 7] = [tiles, rings, columns, hills, flags, waves, moons];

/// Quarter circles in a grid of squares.
fn tiles(svg: &mut String, ink: &Palette, dice: &mut Dice) {
    for row in 0..5 {
        for column in 0..8 {
            let (x, y) = (column * CELL, row * CELL);
            if dice.one_in(4) {
                rect(svg, (x, y), (CELL, CELL), ink.any(dice));
            }
            if dice.one_in(6) {
                circle(svg, (x + CELL / 2, y + CELL / 2), CELL / 4, ink.any(dice));
                continue;
            }
            let (right, down) = (x + CELL, y + CELL);
            let corner = match dice.below(4) {
                0 => format!("M{x} {y}h{CELL}A{CELL} {CELL} 0 0 1 {x} {down}z"),
                1 => format!("M{right} {y}v{CELL}A{CELL} {CELL} 0 0 1 {x} {y}z"),
                2 => format!("M{right} {down}h-{CELL}A{CELL} {CELL} 0 0 1 {right} {y}z"),
                _ => format!("M{x} {down}v-{CELL}A{CELL} {CELL} 0 0 1 {right} {down}z"),
            };
            filled(svg, &corner, ink.any(dice));
        }
    }
}

/// Rings around a point at the edge.
fn rings(svg: &mut String, ink: &Palette, dice: &mut Dice) {
    let at = [
        (0, HEIGHT),
        (WIDTH, HEIGHT),
        (WIDTH / 2, HEIGHT),
        (160, 240),
        (480, 160),
    ][dice.below(5)];
    let order = [
        &ink.soft,
        &ink.mid,
        &ink.ground,
        &ink.deep,
        &ink.soft,
        &ink.spark,
        &ink.mid,
    ];
    let turn = dice.below(order.len());
    for ring in 0..7 {
        circle(
            svg,
            at,
            400 - ring * 56,
            order[(turn + usize::from(ring.unsigned_abs() as u16)) % order.len()],
        );
    }
}

/// Columns of different heights, each rounded on one side, like books that lean.
fn columns(svg: &mut String, ink: &Palette, dice: &mut Dice) {
    let order = [&ink.mid, &ink.soft, &ink.deep, &ink.soft, &ink.mid, &ink.spark];
    let turn = dice.below(order.len());
    for column in 0..8_i32 {
        let (x, right) = (column * CELL, column * CELL + CELL);
        let steps = 2 + i32::try_from(dice.below(3)).unwrap_or(0);
        let top = HEIGHT - steps * CELL;
        let round = top + CELL;
        let outline = match dice.below(2) {
            0 => format!("M{x} {HEIGHT}V{round}A{CELL} {CELL} 0 0 1 {right} {top}V{HEIGHT}z"),
            _ => format!("M{x} {HEIGHT}V{top}A{CELL} {CELL} 0 0 1 {right} {round}V{HEIGHT}z"),
        };
        filled(
            svg,
            &outline,
            order[(turn + column.unsigned_abs() as usize) % order.len()],
        );
        if dice.one_in(3) {
            let foot = HEIGHT - CELL;
            filled(
                svg,
                &format!("M{x} {foot}H{right}V{HEIGHT}A{CELL} {CELL} 0 0 1 {x} {foot}z"),
                ink.any(dice),
            );
        }
    }
}

/// Hills behind hills, and something in the sky.
fn hills(svg: &mut String, ink: &Palette, dice: &mut Dice) {
    let sun = (
        120 + 80 * i32::try_from(dice.below(6)).unwrap_or(0),
        110 + 20 * i32::try_from(dice.below(3)).unwrap_or(0),
    );
    circle(svg, sun, 64, &ink.spark);
    for (level, colour) in [&ink.soft, &ink.mid, &ink.deep].into_iter().enumerate() {
        let base = 190.0 + 75.0 * level as f64;
        let (phase, length) = (dice.between(0.0, 2.0 * PI), dice.between(0.7, 1.5));
        let height = dice.between(34.0, 62.0);
        curve(svg, colour, |x| {
            base + height * (phase + x / 640.0 * 2.0 * PI * length).sin()
        });
    }
}

/// Triangles in a grid, leaning either way.
fn flags(svg: &mut String, ink: &Palette, dice: &mut Dice) {
    for row in 0..5 {
        for column in 0..8 {
            let (x, y) = (column * CELL, row * CELL);
            let (right, down) = (x + CELL, y + CELL);
            let (one, other) = match dice.below(3) {
                0 => (
                    format!("M{x} {y}H{right}L{x} {down}z"),
                    format!("M{right} {y}V{down}H{x}z"),
                ),
                1 => (
                    format!("M{x} {y}H{right}V{down}z"),
                    format!("M{x} {y}V{down}H{right}z"),
                ),
                _ => continue,
            };
            filled(svg, &one, ink.any(dice));
            if dice.one_in(2) {
                filled(svg, &other, ink.any(dice));
            }
        }
    }
}

/// Parallel waves.
fn waves(svg: &mut String, ink: &Palette, dice: &mut Dice) {
    let (swing, phase) = (dice.between(18.0, 34.0), dice.between(0.0, PI));
    let order = [
        &ink.soft,
        &ink.mid,
        &ink.deep,
        &ink.spark,
        &ink.mid,
        &ink.soft,
        &ink.deep,
        &ink.ground,
    ];
    let turn = dice.below(order.len());
    for line in 0..8_usize {
        let base = 44.0 + 50.0 * line as f64;
        let own = phase + line as f64 * 0.35;
        curve(svg, order[(turn + line) % order.len()], |x| {
            base + swing * (own + x / 640.0 * 4.0 * PI).sin()
        });
    }
}

/// Discs in a row, each with a shaded side.
fn moons(svg: &mut String, ink: &Palette, dice: &mut Dice) {
    for row in 0..2 {
        for column in 0..4 {
            let (x, y) = (column * 160 + 80, row * 200 + 100);
            rect(
                svg,
                (column * 160, row * 200),
                (160, 200),
                [&ink.ground, &ink.soft][dice.below(2)],
            );
            circle(svg, (x, y), 61, ink.any(dice)); // a little less, or it shows around the half
            let half = match dice.below(4) {
                0 => format!("M{x} {}A62 62 0 0 1 {x} {}z", y - 62, y + 62),
                1 => format!("M{x} {}A62 62 0 0 0 {x} {}z", y - 62, y + 62),
                2 => format!("M{} {y}A62 62 0 0 1 {} {y}z", x - 62, x + 62),
                _ => format!("M{} {y}A62 62 0 0 0 {} {y}z", x - 62, x + 62),
            };
            filled(svg, &half, ink.any(dice));
        }
    }
}

/// The stroke closes the hairlines that scaling opens between neighbours.
fn rect(svg: &mut String, at: (i32, i32), size: (i32, i32), fill: &str) {
    let _infallible = write!(
        svg,
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{fill}\" stroke=\"{fill}\"/>",
        at.0, at.1, size.0, size.1
    );
}

fn circle(svg: &mut String, at: (i32, i32), radius: i32, fill: &str) {
    let _infallible = write!(
        svg,
        "<circle cx=\"{}\" cy=\"{}\" r=\"{radius}\" fill=\"{fill}\"/>",
        at.0, at.1
    );
}

fn filled(svg: &mut String, outline: &str, fill: &str) {
    let _infallible = write!(svg, "<path d=\"{outline}\" fill=\"{fill}\" stroke=\"{fill}\"/>");
}

/// Everything below a line.
fn curve(svg: &mut String, fill: &str, y: impl Fn(f64) -> f64) {
    let mut outline = format!("M0 {HEIGHT}V{:.0}", y(0.0));
    for step in 1..=32_i32 {
        let x = f64::from(step) * 20.0;
        let _infallible = write!(outline, "L{x} {:.1}", y(x));
    }
    let _infallible = write!(outline, "V{HEIGHT}z");
    filled(svg, &outline, fill);
}

/// Five matching colours, as hexadecimal sRGB.
struct Palette {
    ground: String,
    soft: String,
    mid: String,
    deep: String,
    spark: String,
}

impl Palette {
    /// By day, at dusk or at night.
    fn of(hue: f64, hour: usize) -> Self {
        let (pale, soft) = (oklch(0.92, 0.035, hue), oklch(0.80, 0.075, hue));
        let (mid, deep) = (oklch(0.60, 0.105, hue), oklch(0.36, 0.07, hue));
        // One warm and one cool accent for all: amber over greens and blues, teal over reds and yellows.
        let cool = (100.0..330.0).contains(&hue);
        let spark = if cool {
            oklch(0.82, 0.125, 72.0)
        } else {
            oklch(0.72, 0.095, 188.0)
        };
        let (ground, soft, deep) = match hour {
            0 | 1 => (pale, soft, deep),
            2 | 3 => (soft, pale, deep),
            _ => (deep, soft, pale),
        };
        Self {
            ground,
            soft,
            mid,
            deep,
            spark,
        }
    }

    /// The accent is rare.
    fn any(&self, dice: &mut Dice) -> &str {
        match dice.below(10) {
            0..=2 => &self.soft,
            3..=5 => &self.mid,
            6..=7 => &self.deep,
            8 => &self.spark,
            _ => &self.ground,
        }
    }
}

/// Equal steps look equal in every hue. Björn Ottosson's OKLab; values outside of sRGB are clipped.
fn oklch(lightness: f64, chroma: f64, hue: f64) -> String {
    let (a, b) = (chroma * hue.to_radians().cos(), chroma * hue.to_radians().sin());
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    let channel = |linear: f64| {
        let linear = linear.clamp(0.0, 1.0);
        let curved = if linear <= 0.003_130_8 {
            12.92 * linear
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        };
        (curved * 255.0).round()
    };
    format!(
        "#{:02x}{:02x}{:02x}",
        channel(4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s) as u8,
        channel(-1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s) as u8,
        channel(-0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s) as u8,
    )
}

/// A random sequence derived from the id alone (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        let n = n.max(1) as u64;
        usize::try_from(self.next() % n).unwrap_or(0)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.below(10_001) as f64 / 10_000.0)
    }
}

/// FNV-1a: this is art, not security.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// To be incremented when the pictures change: addresses are cached forever.
const DRAWING: &str = "1";
const WIDTH: i32 = 640;
const HEIGHT: i32 = 400;
const CELL: i32 = 80;
/// Degrees in OKLCH, far enough apart to be distinguished on one page.
const HUES: [u16; 8] = [178, 48, 340, 255, 20, 125, 300, 90];
const NO_CATEGORY: u16 = 225;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a1ebec-4e2f-7550-bb6c-0dce373b7ffa";

    #[test]
    fn the_same_course_has_the_same_cover_and_another_one_has_another() {
        assert_eq!(draw(178, ID), draw(178, ID));
        assert_ne!(draw(178, ID), draw(178, "01a1ebec-4e2f-7550-bb6c-0dce373b7ffb"));
        assert_ne!(draw(178, ID), draw(48, ID));
    }

    #[test]
    fn every_motif_is_drawn_small_and_well_formed() {
        for n in 0..200 {
            let svg = draw(HUES[n % HUES.len()], &format!("course-{n}"));
            assert!(svg.len() < 9_000, "{} bytes", svg.len());
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
            assert!(!svg.contains("NaN") && !svg.contains("style"), "{svg}");
        }
    }

    #[test]
    fn a_hostile_identifier_is_not_in_the_address() {
        for id in ["../../x", "\"><script>", "", &"a".repeat(65)] {
            let path = path(178, id);
            let name = path
                .strip_prefix("/covers/1/178/")
                .unwrap()
                .strip_suffix(".svg")
                .unwrap();
            assert!(is_plain(name), "{path}");
        }
    }

    #[test]
    fn grey_stays_grey() {
        assert_eq!(
            (oklch(1.0, 0.0, 0.0).as_str(), oklch(0.0, 0.0, 99.0).as_str()),
            ("#ffffff", "#000000")
        );
    }
}
