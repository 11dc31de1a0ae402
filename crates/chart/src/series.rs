//! What is drawn: labels and points, as whoever asked the store hands them over.

use crate::Color;
use crate::widget::Side;
use model::{TimeRange, Unit};

/// A series, ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What the legend says; dynamic labels are filled in already.
    pub label: String,
    /// The unit of its values.
    pub unit: Unit,
    /// The axis that its values stand at.
    pub axis: Side,
    /// Its colour, if it is not the next of the palette.
    pub color: Option<Color>,
    /// The distance of its points in milliseconds: where they are more than half of it farther apart,
    /// one is missing, and the line has a gap. Zero or less: no gaps.
    pub period_ms: i64,
    /// Its points, oldest first. What is not finite is not drawn.
    pub points: Vec<Point>,
    /// Whether these are all points that were asked for.
    pub complete: bool,
}

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The value.
    pub value: f64,
}

impl Series {
    /// A whole series on the left axis, without a unit.
    pub fn new(label: impl Into<String>, period_ms: i64, points: Vec<Point>) -> Self {
        Self {
            label: label.into(),
            unit: Unit::None,
            axis: Side::Left,
            color: None,
            period_ms,
            points,
            complete: true,
        }
    }

    /// Returns the points that are drawn, oldest first: finite, and in the range or at its end.
    pub(crate) fn drawn(&self, range: TimeRange) -> Vec<Point> {
        let is_drawn = |point: &Point| {
            point.value.is_finite() && (range.start_ms..=range.end_ms).contains(&point.at_ms)
        };
        let mut points: Vec<Point> = self.points.iter().copied().filter(is_drawn).collect();
        // Nearly always in order; a caller who got it wrong shall not get a scribble.
        points.sort_by_key(|point| point.at_ms);
        points
    }

    /// Returns the value that views of one value each show.
    pub(crate) fn latest(&self, range: TimeRange) -> Option<f64> {
        self.drawn(range).last().map(|point| point.value)
    }

    /// Says whether a point is missing between two times.
    pub(crate) fn has_gap(&self, from_ms: i64, to_ms: i64) -> bool {
        self.period_ms > 0
            && to_ms.saturating_sub(from_ms) > self.period_ms.saturating_add(self.period_ms / 2)
    }
}
