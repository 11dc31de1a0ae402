//! The one font: how wide a text is in it, and what of a stranger's text can be drawn.
//!
//! The font has neither kerning nor ligatures (see `fonts/make.py`), so a text is as wide as its
//! letters together, and what we measure is what resvg draws.

use resvg::usvg::fontdb::Database;
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// The family's name: resvg draws no text at all when it is not one that it was given.
pub(crate) const FAMILY: &str = "Sightline Sans";
/// Height of a capital letter over the size.
pub(crate) const CAPITAL: f64 = 0.727;
/// Stands for what the font does not have.
const UNKNOWN: char = '□';
const ELLIPSIS: &str = "…";
/// So many characters fit into the widest picture at the smallest size, whatever they are.
const CHARS_MAX: usize = 1_000;

static BYTES: &[u8] = include_bytes!("../fonts/SightlineSans.otf");

struct Widths {
    /// Each character's width over the size; ASCII first, since most text is.
    ascii: [f32; 128],
    others: HashMap<char, f32>,
}

fn widths() -> &'static Widths {
    static WIDTHS: OnceLock<Widths> = OnceLock::new();
    WIDTHS.get_or_init(|| {
        let mut widths = Widths { ascii: [0.0; 128], others: HashMap::new() };
        let Ok(font) = FontRef::new(BYTES) else { return widths };
        let glyphs = font.glyph_metrics(Size::new(1.0), LocationRef::default());
        for (code, glyph) in font.charmap().mappings() {
            let (Some(c), Some(width)) = (char::from_u32(code), glyphs.advance_width(glyph)) else {
                continue;
            };
            match widths.ascii.get_mut(code as usize) {
                Some(place) => *place = width,
                None => {
                    widths.others.insert(c, width);
                }
            }
        }
        widths
    })
}

fn width_of(c: char) -> Option<f32> {
    match widths().ascii.get(c as usize) {
        Some(width) => (*width > 0.0).then_some(*width),
        None => widths().others.get(&c).copied(),
    }
}

/// Returns the fonts for resvg: this one, read once.
pub(crate) fn database() -> Arc<Database> {
    static DATABASE: OnceLock<Arc<Database>> = OnceLock::new();
    let read = || {
        let mut database = Database::new();
        database.load_font_data(BYTES.to_vec());
        Arc::new(database)
    };
    Arc::clone(DATABASE.get_or_init(read))
}

/// Returns the width of a text in pixels.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().filter_map(width_of).map(f64::from).sum::<f64>() * size
}

/// Returns what can be drawn of a text, on one line: spaces for breaks and tabs, nothing for
/// characters that only steer others (controls, marks of direction), a box for those that the font
/// does not have.
pub(crate) fn clean(text: &str) -> String {
    let drawn = |c: char| match c {
        '\t'
        | '\n'
        | '\r'
        | '\u{85}'
        | '\u{a0}'
        | '\u{2000}'..='\u{200a}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202f}' => Some(' '),
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e0fff}' => None,
        c if c.is_control() => None,
        c if width_of(c).is_some() => Some(c),
        _ => Some(UNKNOWN),
    };
    let cleaned: String = text.chars().filter_map(drawn).take(CHARS_MAX).collect();
    cleaned.trim().to_owned()
}

/// Returns a clean text cut to a width, with an ellipsis where something is left out; empty if not
/// even that fits.
pub(crate) fn fitted(text: &str, size: f64, width_max: f64) -> String {
    if width(text, size) <= width_max {
        return text.to_owned();
    }
    let room = width_max - width(ELLIPSIS, size);
    let mut used = 0.0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        used += f64::from(width_of(c).unwrap_or_default()) * size;
        if used > room {
            break;
        }
        end = at + c.len_utf8();
    }
    match text[..end].trim_end() {
        "" => String::new(),
        kept => format!("{kept}{ELLIPSIS}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resvg::usvg::{Options, Tree};

    #[test]
    fn what_is_measured_is_what_is_drawn() {
        let options = Options { fontdb: database(), ..Options::default() };
        for text in ["Requests", "10:50", "AVATAR To. fi ffl 3x4 ->", "Größe Ωμ Ж ệ", "□□…"]
        {
            let text = clean(text);
            let svg = format!(
                "<svg xmlns='http://www.w3.org/2000/svg' width='500' height='50'>\
                 <text x='10' y='30' font-family='{FAMILY}' font-size='20'>{}</text></svg>",
                text.replace('>', "&gt;")
            );
            let tree = Tree::from_str(&svg, &options).unwrap();
            let drawn = f64::from(tree.root().abs_bounding_box().width());
            let measured = width(&text, 20.0);
            assert!((measured - drawn).abs() < 0.1, "{text}: drawn {drawn}, measured {measured}");
        }
    }

    #[test]
    fn digits_are_of_one_width() {
        let zero = width("0", 10.0);
        assert!(('1'..='9').all(|c| (width(&c.to_string(), 10.0) - zero).abs() < 1e-9));
    }

    #[test]
    fn hostile_text_is_one_line_of_what_the_font_has() {
        assert_eq!(clean("a\tb\r\nc\u{0}\u{7f}"), "a b  c");
        assert_eq!(clean("\u{202e}evil\u{202c} \u{200b}x\u{ad}y"), "evil xy");
        assert_eq!(clean("שלום عالم 日本 😀"), "□□□□ □□□□ □□ □");
        assert_eq!(clean("\u{fffe}\u{ffff}"), "□□");
        assert_eq!(clean(&"x".repeat(5_000)).len(), CHARS_MAX);
    }

    #[test]
    fn a_text_too_long_ends_in_an_ellipsis_within_its_room() {
        for room in 0..200 {
            let cut = fitted("a label that is rather long", 12.0, f64::from(room));
            assert!(width(&cut, 12.0) <= f64::from(room), "{cut}");
        }
        assert_eq!(fitted("short", 12.0, 100.0), "short");
        assert!(fitted("rather long", 12.0, 40.0).ends_with('…'));
        assert_eq!(fitted("rather long", 12.0, 5.0), "");
    }
}
