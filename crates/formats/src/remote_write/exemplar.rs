//! Exemplars of a series.

use super::view::Labels;
use super::wire::{Cursor, DecodeError, Stretch, WireType};

/// One `Exemplar` message.
#[derive(Debug, Clone)]
pub struct ExemplarView<'a> {
    /// When it was, in milliseconds since 1970; zero when its sender did not say.
    pub at_ms: i64,
    /// The value that was observed.
    pub value: f64,
    /// What it is known by, unchecked but for UTF-8.
    pub labels: Labels<'a>,
}

/// The iterator of [`super::SeriesView::exemplars`]. Ends after its first error.
#[derive(Debug, Clone)]
pub struct Exemplars<'a> {
    body: &'a [u8],
    cursor: Cursor<'a>,
}

impl<'a> Exemplars<'a> {
    pub(super) fn new(body: &'a [u8], fields: Stretch) -> Self {
        Self { body, cursor: Cursor::new(body, fields) }
    }

    fn step(&mut self) -> Result<Option<ExemplarView<'a>>, DecodeError> {
        while !self.cursor.is_done() {
            let tag = self.cursor.tag()?;
            if tag.field != 3 {
                self.cursor.skip(tag)?;
                continue;
            }
            let message = self.cursor.len_prefixed()?;
            return self.exemplar(message).map(Some);
        }
        Ok(None)
    }

    fn exemplar(&self, message: Stretch) -> Result<ExemplarView<'a>, DecodeError> {
        // A label is field 1 here as it is in a series.
        let labels = Labels::new(self.body, message);
        let mut exemplar = ExemplarView { at_ms: 0, value: 0.0, labels };
        let mut cursor = Cursor::new(self.body, message);
        while !cursor.is_done() {
            let tag = cursor.tag()?;
            match tag.field {
                1 => {
                    tag.expect(WireType::Len)?;
                    cursor.len_prefixed()?;
                }
                2 => {
                    tag.expect(WireType::Fixed64)?;
                    exemplar.value = f64::from_bits(cursor.fixed64()?);
                }
                3 => {
                    tag.expect(WireType::Varint)?;
                    exemplar.at_ms = cursor.varint()?.cast_signed();
                }
                _ => cursor.skip(tag)?,
            }
        }
        Ok(exemplar)
    }
}

impl<'a> Iterator for Exemplars<'a> {
    type Item = Result<ExemplarView<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(_))) {
            self.cursor.abandon();
        }
        step
    }
}
