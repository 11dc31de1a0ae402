//! A walk over a `WriteRequest` that copies nothing.

use super::exemplar::Exemplars;
use super::wire::{Cursor, DecodeError, Stretch, WireType, text};

/// Walks over an unpacked `prometheus.WriteRequest`.
///
/// The walk ends after its first error.
pub fn items(body: &[u8]) -> Items<'_> {
    Items { body, cursor: Cursor::new(body, Stretch { start: 0, end: body.len() }) }
}

/// What a request holds, in the order in which it came.
#[derive(Debug, Clone, Copy)]
pub enum Item<'a> {
    /// A time series with its samples.
    Series(SeriesView<'a>),
    /// What a sender tells about a metric family.
    Metadata(MetadataView<'a>),
}

/// The iterator of [`items`].
#[derive(Debug, Clone)]
pub struct Items<'a> {
    body: &'a [u8],
    cursor: Cursor<'a>,
}

impl<'a> Items<'a> {
    #[inline]
    fn step(&mut self) -> Result<Option<Item<'a>>, DecodeError> {
        while !self.cursor.is_done() {
            let tag = self.cursor.tag()?;
            match tag.field {
                1 => {
                    tag.expect(WireType::Len)?;
                    let message = self.cursor.len_prefixed()?;
                    return SeriesView::read(self.body, message).map(|s| Some(Item::Series(s)));
                }
                3 => {
                    tag.expect(WireType::Len)?;
                    let message = self.cursor.len_prefixed()?;
                    return MetadataView::read(self.body, message).map(|m| Some(Item::Metadata(m)));
                }
                _ => self.cursor.skip(tag)?,
            }
        }
        Ok(None)
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(_))) {
            self.cursor.abandon();
        }
        step
    }
}

/// One `TimeSeries` message, not yet looked into deeper than its fields.
#[derive(Debug, Clone, Copy)]
pub struct SeriesView<'a> {
    body: &'a [u8],
    labels: Stretch,
    labels_contiguous: bool,
    samples: Stretch,
    histograms: Stretch,
    exemplars: usize,
    exemplar_fields: Stretch,
}

/// The tags of the two fields that come in numbers: field number and wire type in one byte.
const LABEL_TAG: u8 = 1 << 3 | 2;
const SAMPLE_TAG: u8 = 2 << 3 | 2;

impl<'a> SeriesView<'a> {
    /// Notes where labels and samples lie. Both stretches may hold other fields in between when a
    /// sender mixes them; the iterators pass over those.
    fn read(body: &'a [u8], message: Stretch) -> Result<Self, DecodeError> {
        let mut view = Self {
            body,
            labels: Stretch::EMPTY,
            labels_contiguous: true,
            samples: Stretch::EMPTY,
            histograms: Stretch::EMPTY,
            exemplars: 0,
            exemplar_fields: Stretch::EMPTY,
        };
        let mut cursor = Cursor::new(body, message);
        while !cursor.is_done() {
            let tag = cursor.tag()?;
            if !matches!(tag.field, 1..=4) {
                cursor.skip(tag)?;
                continue;
            }
            tag.expect(WireType::Len)?;
            cursor.len_prefixed()?;
            if tag.field <= 2 {
                cursor.pass_short(if tag.field == 1 { LABEL_TAG } else { SAMPLE_TAG });
            }
            let field = Stretch { start: tag.offset, end: cursor.at() };
            match tag.field {
                1 if view.labels == Stretch::EMPTY => view.labels = field,
                1 => {
                    view.labels_contiguous &= view.labels.end == field.start;
                    view.labels.end = field.end;
                }
                2 if view.samples == Stretch::EMPTY => view.samples = field,
                2 => view.samples.end = field.end,
                3 => {
                    if view.exemplars == 0 {
                        view.exemplar_fields = field;
                    }
                    view.exemplars += 1;
                    view.exemplar_fields.end = field.end;
                }
                _ if view.histograms == Stretch::EMPTY => view.histograms = field,
                _ => view.histograms.end = field.end,
            }
        }
        Ok(view)
    }

    /// Returns the bytes of all label fields as they came, tags and lengths included, or `None`
    /// when the sender put other fields between them.
    ///
    /// Equal bytes are equal labels; different bytes may still be the same labels in another order.
    #[inline]
    pub fn labels_raw(&self) -> Option<&'a [u8]> {
        self.labels_contiguous.then(|| self.labels.of(self.body))
    }

    /// Reads the labels, in the order in which they came and unchecked but for UTF-8.
    pub fn labels(&self) -> Labels<'a> {
        Labels::new(self.body, self.labels)
    }

    /// Reads the samples, in the order in which they came.
    #[inline]
    pub fn samples(&self) -> Samples<'a> {
        Samples { body: self.body, cursor: Cursor::new(self.body, self.samples) }
    }

    /// Says whether there are samples.
    #[inline]
    pub fn has_samples(&self) -> bool {
        self.samples != Stretch::EMPTY
    }

    /// Says whether there are native histograms.
    #[inline]
    pub fn has_histograms(&self) -> bool {
        self.histograms != Stretch::EMPTY
    }

    /// Returns where native histograms lie, maybe with other fields in between.
    pub(super) fn histogram_stretch(&self) -> (&'a [u8], Stretch) {
        (self.body, self.histograms)
    }

    /// Returns how many exemplars came with the series.
    pub fn exemplar_count(&self) -> usize {
        self.exemplars
    }

    /// Reads the exemplars, in the order in which they came.
    pub fn exemplars(&self) -> Exemplars<'a> {
        Exemplars::new(self.body, self.exemplar_fields)
    }
}

/// The iterator of [`SeriesView::labels`]: name and value. Ends after its first error.
#[derive(Debug, Clone)]
pub struct Labels<'a> {
    body: &'a [u8],
    cursor: Cursor<'a>,
}

impl<'a> Labels<'a> {
    pub(super) fn new(body: &'a [u8], stretch: Stretch) -> Self {
        Self { body, cursor: Cursor::new(body, stretch) }
    }

    fn step(&mut self) -> Result<Option<(&'a str, &'a str)>, DecodeError> {
        while !self.cursor.is_done() {
            let tag = self.cursor.tag()?;
            if tag.field != 1 {
                self.cursor.skip(tag)?;
                continue;
            }
            let message = self.cursor.len_prefixed()?;
            let [mut name, mut value] = [Stretch::EMPTY; 2];
            let mut label = Cursor::new(self.body, message);
            while !label.is_done() {
                let tag = label.tag()?;
                match tag.field {
                    1 | 2 => {
                        tag.expect(WireType::Len)?;
                        let part = label.len_prefixed()?;
                        if tag.field == 1 { name = part } else { value = part }
                    }
                    _ => label.skip(tag)?,
                }
            }
            return Ok(Some((text(self.body, name)?, text(self.body, value)?)));
        }
        Ok(None)
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = Result<(&'a str, &'a str), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(_))) {
            self.cursor.abandon();
        }
        step
    }
}

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The value, bit for bit: the stale marker is a NaN among others.
    pub value: f64,
}

/// The iterator of [`SeriesView::samples`]. Ends after its first error.
#[derive(Debug, Clone)]
pub struct Samples<'a> {
    body: &'a [u8],
    cursor: Cursor<'a>,
}

impl Samples<'_> {
    #[inline]
    fn step(&mut self) -> Result<Option<Sample>, DecodeError> {
        while !self.cursor.is_done() {
            // Nearly every sample is written as: tag, length 16, value, then a time of six bytes.
            if let Some(sample) = usual_sample(self.cursor.rest()) {
                self.cursor.advance(USUAL_SAMPLE_LEN);
                return Ok(Some(sample));
            }
            let tag = self.cursor.tag()?;
            if tag.field != 2 {
                self.cursor.skip(tag)?;
                continue;
            }
            let message = self.cursor.len_prefixed()?;
            return self.any_sample(message).map(Some);
        }
        Ok(None)
    }

    fn any_sample(&self, message: Stretch) -> Result<Sample, DecodeError> {
        let mut sample = Sample { at_ms: 0, value: 0.0 };
        let mut cursor = Cursor::new(self.body, message);
        while !cursor.is_done() {
            let tag = cursor.tag()?;
            match tag.field {
                1 => {
                    tag.expect(WireType::Fixed64)?;
                    sample.value = f64::from_bits(cursor.fixed64()?);
                }
                2 => {
                    tag.expect(WireType::Varint)?;
                    sample.at_ms = cursor.varint()?.cast_signed();
                }
                _ => cursor.skip(tag)?,
            }
        }
        Ok(sample)
    }
}

impl Iterator for Samples<'_> {
    type Item = Result<Sample, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(_))) {
            self.cursor.abandon();
        }
        step
    }
}

const USUAL_SAMPLE_LEN: usize = 18;

/// Reads a sample of the usual form: value first, and a time between 2004 and 2109, whose varint
/// has six bytes.
#[inline]
fn usual_sample(bytes: &[u8]) -> Option<Sample> {
    let bytes: &[u8; USUAL_SAMPLE_LEN] = bytes.first_chunk()?;
    let [SAMPLE_TAG, 16, 0x09, v0, v1, v2, v3, v4, v5, v6, v7, 0x10, t0, t1, t2, t3, t4, t5] =
        *bytes
    else {
        return None;
    };
    if t0 & t1 & t2 & t3 & t4 & 0x80 == 0 || t5 & 0x80 != 0 {
        return None;
    }
    let part = |byte: u8, shift: u32| i64::from(byte & 0x7f) << shift;
    Some(Sample {
        at_ms: part(t0, 0)
            | part(t1, 7)
            | part(t2, 14)
            | part(t3, 21)
            | part(t4, 28)
            | part(t5, 35),
        value: f64::from_le_bytes([v0, v1, v2, v3, v4, v5, v6, v7]),
    })
}

/// What kind of metric a family is, by its sender's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricType {
    /// Not said, or said in a way that we do not know.
    #[default]
    Unknown = 0,
    /// Only grows.
    Counter = 1,
    /// Goes up and down.
    Gauge = 2,
    /// Counts by bucket.
    Histogram = 3,
    /// Counts by bucket that may also go down.
    GaugeHistogram = 4,
    /// Quantiles.
    Summary = 5,
    /// Says something in its labels.
    Info = 6,
    /// One of several states.
    StateSet = 7,
}

impl MetricType {
    /// Returns the name that the Prometheus HTTP API uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }

    fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Counter,
            2 => Self::Gauge,
            3 => Self::Histogram,
            4 => Self::GaugeHistogram,
            5 => Self::Summary,
            6 => Self::Info,
            7 => Self::StateSet,
            _ => Self::Unknown,
        }
    }
}

/// One `MetricMetadata` message; its texts are checked when asked for.
#[derive(Debug, Clone, Copy)]
pub struct MetadataView<'a> {
    body: &'a [u8],
    metric_type: MetricType,
    family: Stretch,
    help: Stretch,
    unit: Stretch,
}

impl<'a> MetadataView<'a> {
    fn read(body: &'a [u8], message: Stretch) -> Result<Self, DecodeError> {
        let mut view = Self {
            body,
            metric_type: MetricType::Unknown,
            family: Stretch::EMPTY,
            help: Stretch::EMPTY,
            unit: Stretch::EMPTY,
        };
        let mut cursor = Cursor::new(body, message);
        while !cursor.is_done() {
            let tag = cursor.tag()?;
            let text = match tag.field {
                1 => {
                    tag.expect(WireType::Varint)?;
                    view.metric_type = MetricType::from_number(cursor.varint()?);
                    continue;
                }
                2 => &mut view.family,
                4 => &mut view.help,
                5 => &mut view.unit,
                _ => {
                    cursor.skip(tag)?;
                    continue;
                }
            };
            tag.expect(WireType::Len)?;
            *text = cursor.len_prefixed()?;
        }
        Ok(view)
    }

    /// Returns the kind of metric.
    pub fn metric_type(&self) -> MetricType {
        self.metric_type
    }

    /// Returns the name of the metric family.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn family(&self) -> Result<&'a str, DecodeError> {
        text(self.body, self.family)
    }

    /// Returns the help text; may be empty.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn help(&self) -> Result<&'a str, DecodeError> {
        text(self.body, self.help)
    }

    /// Returns the unit as the sender spells it; may be empty.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn unit(&self) -> Result<&'a str, DecodeError> {
        text(self.body, self.unit)
    }
}
