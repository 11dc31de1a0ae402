//! Moments: `2018-04-25T12:00:00.000Z`, or `-PT3H` from now.

use super::fields::{Fields, Mistakes, quoted};
use super::{Widget, Zone};
use jiff::fmt::temporal::SpanParser;
use jiff::{Span, Timestamp};
use model::TimeRange;

/// A moment of the text: fixed, or relative to when the picture is drawn.
#[derive(Debug, Clone)]
pub enum Moment {
    /// Milliseconds since 1970.
    At(i64),
    /// So much before now; months and years as the calendar of the widget's zone has them.
    Ago(Span),
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::At(a), Self::At(b)) => a == b,
            // Field by field: `P1D` and `PT24H` are not the same where clocks change.
            (Self::Ago(a), Self::Ago(b)) => a.fieldwise() == b.fieldwise(),
            _ => false,
        }
    }
}

/// Why a widget's range cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// A relative moment falls out of the calendar.
    #[error("{0} is out of the calendar")]
    OutOfCalendar(&'static str),
    /// Nothing would be shown.
    #[error("start must be before end")]
    Empty,
}

impl Moment {
    pub(super) fn ago_h(hours: i64) -> Self {
        Self::Ago(Span::new().hours(hours))
    }

    /// Reads a moment; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        if let Some(span) = text.strip_prefix('-') {
            let span = SpanParser::new().parse_span(span).ok()?;
            return (!span.is_negative()).then_some(Self::Ago(span));
        }
        let at: Timestamp = text.parse().ok()?;
        Some(Self::At(at.as_millisecond()))
    }

    pub(super) fn read(
        fields: &mut Fields<'_>,
        name: &'static str,
        wrong: &mut Mistakes,
    ) -> Option<Self> {
        let text = fields.text(name, wrong)?;
        let moment = Self::parse(text);
        if moment.is_none() {
            let message = format!(
                "must be a time such as 2018-04-25T12:00:00.000Z or -PT3H, not {}",
                quoted(text)
            );
            wrong.add(fields.path_of(name), message);
        }
        moment
    }

    /// Returns the milliseconds since 1970 that it stands for at `now_ms`.
    fn resolve(&self, now_ms: i64, zone: &Zone) -> Option<i64> {
        match self {
            Self::At(at_ms) => Some(*at_ms),
            Self::Ago(span) => {
                let now = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(zone.zone.clone());
                Some(now.checked_sub(*span).ok()?.timestamp().as_millisecond())
            }
        }
    }
}

impl Widget {
    /// Returns the range that the picture shows when it is drawn at `now_ms`.
    ///
    /// # Errors
    /// When the range is empty, or out of the calendar.
    pub fn range(&self, now_ms: i64) -> Result<TimeRange, RangeError> {
        let start = self.start.resolve(now_ms, &self.zone);
        let end = self.end.resolve(now_ms, &self.zone);
        let start_ms = start.ok_or(RangeError::OutOfCalendar("start"))?;
        let end_ms = end.ok_or(RangeError::OutOfCalendar("end"))?;
        if start_ms >= end_ms {
            return Err(RangeError::Empty);
        }
        Ok(TimeRange { start_ms, end_ms })
    }
}
