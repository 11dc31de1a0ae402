//! Colours: those a widget names, and those that series take in turn.

use crate::widget::Theme;
use std::fmt;

/// A colour, opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the share of its name, 0 to 255")]
pub struct Color {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
}

/// The colours that series take in turn: eight, then the same with dashes.
///
/// No two of a theme are nearer than 0.075 in Oklab to somebody who sees no red, no green or no blue,
/// and each has a contrast of at least 3 to its ground; a test says so.
const LIGHT: [Color; 8] = [
    Color::rgb(0x2a_6f_c9),
    Color::rgb(0xd1_7f_0f),
    Color::rgb(0xb0_41_6b),
    Color::rgb(0x11_a1_b4),
    Color::rgb(0x46_22_81),
    Color::rgb(0x4f_68_15),
    Color::rgb(0x72_13_0b),
    Color::rgb(0x28_2f_c2),
];
const DARK: [Color; 8] = [
    Color::rgb(0x6e_a8_fe),
    Color::rgb(0xf5_c5_42),
    Color::rgb(0xe5_43_2f),
    Color::rgb(0x35_df_e0),
    Color::rgb(0xe7_a1_84),
    Color::rgb(0x7f_55_f0),
    Color::rgb(0xbf_7f_b9),
    Color::rgb(0xa6_57_78),
];

impl Color {
    /// That of an alarm's threshold.
    pub const ALARM: Self = Self::rgb(0xd1_32_12);
    /// That of the mark of incomplete data.
    pub const WARNING: Self = Self::rgb(0xf0_8c_00);

    pub(crate) const fn rgb(code: u32) -> Self {
        let [_, red, green, blue] = code.to_be_bytes();
        Self { red, green, blue }
    }

    fn halfway_to(self, other: Self) -> Self {
        Self {
            red: self.red.midpoint(other.red),
            green: self.green.midpoint(other.green),
            blue: self.blue.midpoint(other.blue),
        }
    }

    /// How light it looks, 0 to 255.
    pub(crate) fn luma(self) -> u32 {
        (u32::from(self.red) * 54 + u32::from(self.green) * 183 + u32::from(self.blue) * 19) / 256
    }

    /// Reads `#1f77b4`, or `#17b`, in which each digit stands for two; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let code = u32::from_str_radix(digits, 16).ok()?;
        match digits.len() {
            6 => Some(Self::rgb(code)),
            3 => {
                let twice = |shift: u32| ((code >> shift) & 0xf) * 0x11;
                Some(Self::rgb(twice(8) << 16 | twice(4) << 8 | twice(0)))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

/// What is drawn in which colour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    pub(crate) ground: Color,
    pub(crate) text: Color,
    /// Text that matters less: ticks, units, times.
    pub(crate) dim: Color,
    pub(crate) grid: Color,
    /// The line of an axis, the empty part of a dial.
    pub(crate) edge: Color,
    series: &'static [Color; 8],
}

impl Palette {
    pub(crate) fn of(theme: Theme) -> Self {
        match theme {
            Theme::Light => Self {
                ground: Color::rgb(0xff_ff_ff),
                text: Color::rgb(0x17_20_2b),
                dim: Color::rgb(0x5a_65_72),
                grid: Color::rgb(0xe9_ec_f0),
                edge: Color::rgb(0xb6_bf_c9),
                series: &LIGHT,
            },
            Theme::Dark => Self {
                ground: Color::rgb(0x16_1b_21),
                text: Color::rgb(0xe3_e8_ee),
                dim: Color::rgb(0x98_a4_b3),
                grid: Color::rgb(0x28_30_3a),
                edge: Color::rgb(0x45_50_5d),
                series: &DARK,
            },
        }
    }

    /// Returns a colour for text that is like another one, and can be read on the ground.
    pub(crate) fn readable(&self, color: Color) -> Color {
        let is_dark = self.ground.luma() < 128;
        let is_readable = |c: Color| if is_dark { c.luma() >= 120 } else { c.luma() <= 125 };
        // Half of the way to the text's colour, again and again, ends at it.
        let tries = std::iter::successors(Some(color), |c| Some(c.halfway_to(self.text)));
        tries.take(4).find(|c| is_readable(*c)).unwrap_or(self.text)
    }

    /// Returns the colour of text that stands on another colour than the ground.
    pub(crate) fn upon(&self, color: Color) -> Color {
        Color::rgb(if color.luma() > 140 { 0x10_16_1d } else { 0xff_ff_ff })
    }

    /// The colour of the `n`th series.
    pub(crate) fn series(&self, n: usize) -> Color {
        self.series[n % self.series.len()]
    }

    /// The dashes of the `n`th series: none for the first eight, so that no two of the first
    /// twenty-four look the same.
    pub(crate) fn dashes(&self, n: usize) -> &'static str {
        match n / self.series.len() % 3 {
            0 => "",
            1 => "6 3",
            _ => "2 3",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen without one kind of cones, over linear light.
    ///
    /// Source: Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of
    /// color vision deficiency" (2009), severity 1.
    const SEEN_BY: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ];

    fn linear(color: Color) -> [f64; 3] {
        [color.red, color.green, color.blue].map(|share| {
            let share = f64::from(share) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn times(matrix: [[f64; 3]; 3], by: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(by).map(|(a, b)| a * b).sum())
    }

    /// Source: Ottosson, "A perceptual color space for image processing" (2020).
    fn oklab(light: [f64; 3]) -> [f64; 3] {
        const CONES: [[f64; 3]; 3] = [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ];
        const LAB: [[f64; 3]; 3] = [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ];
        times(LAB, times(CONES, light).map(f64::cbrt))
    }

    fn contrast(a: Color, b: Color) -> f64 {
        let luminance = |c| times([[0.2126, 0.7152, 0.0722]; 3], linear(c))[0];
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn colours_of_series_are_told_apart_by_everybody() {
        for theme in [Theme::Light, Theme::Dark] {
            let palette = Palette::of(theme);
            for (n, a) in palette.series.iter().enumerate() {
                assert!(contrast(*a, palette.ground) >= 3.0, "{a} on {theme:?}");
                for b in &palette.series[..n] {
                    for (eyes, matrix) in SEEN_BY.iter().enumerate() {
                        let see = |color| oklab(times(*matrix, linear(color)).map(|l| l.max(0.0)));
                        let apart: f64 =
                            see(*a).iter().zip(see(*b)).map(|(a, b)| (a - b).powi(2)).sum();
                        assert!(
                            apart.sqrt() >= 0.075,
                            "{a} and {b}, eyes {eyes}: {}",
                            apart.sqrt()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn text_is_readable_on_its_ground() {
        for palette in [Palette::of(Theme::Light), Palette::of(Theme::Dark)] {
            assert!(contrast(palette.text, palette.ground) >= 7.0);
            assert!(contrast(palette.dim, palette.ground) >= 4.5);
        }
    }

    #[test]
    fn colours_have_six_digits_or_three() {
        assert_eq!(Color::parse("#1F77b4").map(|c| c.to_string()).as_deref(), Some("#1f77b4"));
        assert_eq!(Color::parse("#17b").map(|c| c.to_string()).as_deref(), Some("#1177bb"));
        for bad in ["", "#", "1f77b4", "#1f77b", "#1f77b4ff", "#+f77b4", "red", "#é12"] {
            assert_eq!(Color::parse(bad), None, "{bad}");
        }
    }
}
