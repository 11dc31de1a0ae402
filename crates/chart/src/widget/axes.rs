//! The axes of values.

use super::fields::{Fields, Mistakes};

/// Both axes.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "each is the axis of its name")]
pub struct YAxis {
    pub left: Axis,
    pub right: Axis,
}

/// One axis of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Lowest value shown, unless the values decide.
    pub min: Option<f64>,
    /// Highest value shown, unless the values decide.
    pub max: Option<f64>,
    /// Stands above the axis, in the place of the unit.
    pub label: Option<String>,
    /// Whether the unit is shown.
    pub show_units: bool,
}

impl Default for Axis {
    fn default() -> Self {
        Self { min: None, max: None, label: None, show_units: true }
    }
}

impl Axis {
    pub(super) fn is_bounded(&self) -> bool {
        self.min.is_some() && self.max.is_some()
    }

    fn read(mut fields: Fields<'_>, wrong: &mut Mistakes) -> Self {
        let axis = Self {
            min: fields.number("min", wrong),
            max: fields.number("max", wrong),
            label: fields.text("label", wrong).map(str::to_owned),
            show_units: fields.flag("showUnits", wrong).unwrap_or(true),
        };
        if let (Some(min), Some(max)) = (axis.min, axis.max)
            && min >= max
        {
            wrong.add(fields.path(), format!("min ({min}) must be less than max ({max})"));
        }
        fields.close(wrong);
        axis
    }
}

impl YAxis {
    pub(super) fn read(fields: &mut Fields<'_>, wrong: &mut Mistakes) -> Self {
        let left = Axis::read(fields.object("left", wrong), wrong);
        let right = Axis::read(fields.object("right", wrong), wrong);
        std::mem::replace(fields, Fields::absent()).close(wrong);
        Self { left, right }
    }
}
