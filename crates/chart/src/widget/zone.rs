//! The time zone of the axis.

use super::fields::{Fields, Mistakes, quoted};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// A time zone: an offset such as `+0130`, or a name such as `Europe/Berlin` (ours: the service
/// knows offsets only).
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// As it is written at the axis.
    pub name: String,
    pub(crate) zone: TimeZone,
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }
}

impl Zone {
    /// Reads an offset or a name; `None` for what is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(minutes) = lang::labels::parse_zone(text) {
            let zone = TimeZone::fixed(Offset::from_seconds(minutes * 60).ok()?);
            let name = match minutes {
                0 => "UTC".to_owned(),
                _ => format!("UTC{}:{}", &text[..3], &text[3..]),
            };
            return Some(Self { name, zone });
        }
        // A name, not a path: jiff would refuse these as well, after it looked.
        let is_name = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
        if text.len() > 64
            || !text.starts_with(|c: char| c.is_ascii_alphabetic())
            || !text.chars().all(is_name)
        {
            return None;
        }
        Some(Self { name: text.to_owned(), zone: TimeZone::get(text).ok()? })
    }

    /// Returns the minutes that it is ahead of UTC at a moment, milliseconds since 1970.
    pub fn minutes_at(&self, at_ms: i64) -> i32 {
        let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
        self.zone.to_offset(at).seconds() / 60
    }

    pub(super) fn read(
        fields: &mut Fields<'_>,
        name: &'static str,
        wrong: &mut Mistakes,
    ) -> Option<Self> {
        let text = fields.text(name, wrong)?;
        let zone = Self::parse(text);
        if zone.is_none() {
            let message = format!("must be an offset such as +0130, not {}", quoted(text));
            wrong.add(fields.path_of(name), message);
        }
        zone
    }
}
