//! Remote write 1.0: samples and native histograms. To the store the two are series of their own under
//! one identity, so that their order within a request is of no consequence.
//!
//! The hot path: labels are hashed as they came and looked up; a known series costs nothing more.
//! New ones wait until the whole body has been walked, so that a broken one leaves no trace.

use super::answer::Failure;
use super::caller::Caller;
use super::refused::Refused;
use super::{PrometheusDoor, PrometheusOptions, exemplar_write};
use bytes::Bytes;
use formats::remote_write::{
    self, DecodeError, DecompressError, HistogramSample, Item, MetadataView, Sample, SeriesView,
};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{Response, StatusCode};
use model::{Histogram, Kind, ResetHint, SeriesKey, TenantId, TimeRange};
use parking_lot::Mutex;
use platform::{
    DescribeError, Ingest, IngestError, MetricMetadata, OverBudget, RawHash, ScopeError, Sent,
    SentUse, SeriesNumber, TimeLimits, WriteError,
};
use std::cell::RefCell;
use std::sync::Arc;

/// Labels of a series at most, its name not counted; empty ones count, as they must be read.
pub const LABELS_MAX: usize = 256;
/// Bytes of a metric's or label's name at most.
pub const NAME_BYTES_MAX: usize = 1_024;
/// Bytes of a label's value, and of a metric's help and unit, at most.
pub const VALUE_BYTES_MAX: usize = 65_535;

/// Native histograms of a request at most: they make a hundred megabytes, where a sender's usual
/// request has two thousand. A few bytes of a body become some hundred in memory.
const HISTOGRAMS_MAX: usize = 1 << 18;
/// Buckets of all of them at most.
const REQUEST_BUCKETS_MAX: usize = 4 << 20;

/// The first bytes of this door's raw keys: they set them apart from other doors', and kinds from each
/// other.
const FLOATS_MARK: u8 = b'P';
const HISTOGRAMS_MARK: u8 = b'H';

/// A buffer that grew beyond this is not kept for the next request.
const BUFFER_KEPT_BYTES_MAX: usize = 8 << 20;

/// The registry is renewed once in hours; a batch that meets this many renewals is not meant to be.
const ATTEMPTS_MAX: usize = 8;

thread_local! {
    /// What a thread unpacks bodies into, one after the other.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Stores what a body holds and answers when it is kept.
pub(super) fn write(
    door: &PrometheusDoor,
    parts: &Parts,
    body: Bytes,
    done: impl FnOnce(Response<Bytes>) + Send + 'static,
) {
    // Taken, not borrowed: `done` may run here and lead to the next request on this thread.
    let mut buffer = BUFFER.take();
    let prepared = Caller::of(&door.platform, parts).and_then(|caller| {
        let unpacked = unpack(&door.options, parts, &body, &mut buffer)?;
        Ok((caller, unpacked))
    });
    let body_bytes = body.len();
    drop(body);
    let done = Arc::new(Mutex::new(Some(done)));
    let bytes = body_bytes as u64;
    let sent = prepared.and_then(|(caller, unpacked)| send(door, &caller, unpacked, bytes, &done));
    if buffer.capacity() <= BUFFER_KEPT_BYTES_MAX {
        BUFFER.set(buffer);
    }
    if let Err(failure) = sent {
        finish(&done, failure.as_text());
    }
}

type Slot<F> = Arc<Mutex<Option<F>>>;

fn finish<F: FnOnce(Response<Bytes>)>(slot: &Slot<F>, response: Response<Bytes>) {
    let done = slot.lock().take();
    if let Some(done) = done {
        done(response);
    }
}

/// Sends the samples on their way; what is refused at once comes back.
fn send(
    door: &PrometheusDoor,
    caller: &Caller,
    unpacked: &[u8],
    bytes: u64,
    done: &Slot<impl FnOnce(Response<Bytes>) + Send + 'static>,
) -> Result<(), Failure> {
    for _ in 0..ATTEMPTS_MAX {
        let ingest = door.platform.begin_ingest(&caller.who, &caller.scope, TimeLimits::Retention);
        let mut filling = Filling::new(ingest.map_err(ingest_failure)?);
        filling.walk(unpacked).map_err(|error| match error {
            WalkError::Decode(error) => {
                Failure::BadData(format!("body is no remote write request: {error}"))
            }
            WalkError::TooLarge => Failure::TooLarge(format!(
                "body has more than {HISTOGRAMS_MAX} native histograms, or more than \
                 {REQUEST_BUCKETS_MAX} buckets of them; send fewer at a time"
            )),
        })?;
        let Filling { ingest, mut refused, metadata, .. } = filling;
        // Before the samples, so that a failure leaves a request that can be sent again whole.
        if !metadata.is_empty() {
            match door.platform.put_metadata(ingest.tenant, metadata) {
                Ok(()) => {}
                Err(error @ DescribeError::Full { .. }) => refused.metadata(error.to_string()),
                Err(error) => return Err(Failure::Unavailable(format!("metadata: {error}"))),
            }
        }
        let (tenant, points) = (ingest.tenant, ingest.batch.len() as u64);
        let samples_refused = refused.samples();
        let (metadata_refused, exemplars_refused) = refused.beside();
        let refused = refused.told(ingest.batch.len(), ingest.times);
        let slot = done.clone();
        let submitted = door.platform.submit(ingest.batch, move |kept| {
            finish(&slot, answer(kept, refused));
        });
        match submitted {
            Err(WriteError::Stale) => {}
            other => {
                door.platform.note_refused_beside(metadata_refused, exemplars_refused);
                let (points, refused) = match &other {
                    Ok(()) => (points, samples_refused),
                    Err(_) => (0, points + samples_refused),
                };
                door.platform.note_sent(&Sent {
                    who: &caller.who,
                    tenant,
                    door: "prometheus",
                    namespace: "",
                    sent: SentUse { requests: 1, points, refused, bytes },
                });
                return other.map_err(|error| write_failure(&error));
            }
        }
    }
    Err(write_failure(&WriteError::Stale))
}

fn answer(kept: Result<(), WriteError>, refused: Option<String>) -> Response<Bytes> {
    match (kept, refused) {
        (Ok(()), None) => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        (Ok(()), Some(text)) => Failure::BadData(text).as_text(),
        // First what can be sent again: the refused part is told then.
        (Err(error), _) => write_failure(&error).as_text(),
    }
}

fn write_failure(error: &WriteError) -> Failure {
    match error {
        // Not 429: Prometheus gives up what it gets that for, unless it was told otherwise.
        WriteError::Busy { .. } | WriteError::OverMemory { .. } => {
            Failure::Overloaded(error.to_string())
        }
        WriteError::Stale | WriteError::NotKept(_) | WriteError::Broken => {
            Failure::Unavailable(error.to_string())
        }
    }
}

fn ingest_failure(error: IngestError) -> Failure {
    match error {
        IngestError::Access(error) => Failure::Forbidden(error.to_string()),
        IngestError::Scope(ScopeError::Catalog(error)) => Failure::Unavailable(error.to_string()),
        IngestError::Scope(error) => Failure::BadData(error.to_string()),
        IngestError::Write(error) => write_failure(&error),
    }
}

/// Checks what the headers say of the body and unpacks it.
fn unpack<'b>(
    options: &PrometheusOptions,
    parts: &Parts,
    body: &[u8],
    buffer: &'b mut Vec<u8>,
) -> Result<&'b [u8], Failure> {
    check_media(header(parts, &CONTENT_TYPE)?)?;
    // As Prometheus: whoever says nothing means what everybody means.
    match header(parts, &CONTENT_ENCODING)? {
        encoding if encoding.is_empty() || encoding.eq_ignore_ascii_case("snappy") => {}
        encoding => {
            return Err(Failure::Media(format!(
                "content encoding {encoding:?} is not taken; snappy is"
            )));
        }
    }
    if body.len() > options.body_bytes_max {
        return Err(Failure::TooLarge(format!(
            "body has {} bytes, more than the limit of {}",
            body.len(),
            options.body_bytes_max
        )));
    }
    remote_write::decompress(body, options.unpacked_bytes_max, buffer).map_err(
        |error| match error {
            DecompressError::TooLarge { .. } => Failure::TooLarge(error.to_string()),
            DecompressError::Malformed(_) => Failure::BadData(error.to_string()),
        },
    )
}

fn header<'a>(parts: &'a Parts, name: &HeaderName) -> Result<&'a str, Failure> {
    let Some(value) = parts.headers.get(name) else { return Ok("") };
    value.to_str().map(str::trim).map_err(|_| Failure::Media(format!("{name} is no plain text")))
}

/// Takes remote write 1.0 and nothing else. The content type alone decides, never the version
/// header.
fn check_media(content_type: &str) -> Result<(), Failure> {
    let mut pieces = content_type.split(';').map(str::trim);
    let media = pieces.next().unwrap_or_default();
    if !media.is_empty() && !media.eq_ignore_ascii_case("application/x-protobuf") {
        return Err(Failure::Media(format!(
            "content type {content_type:?} is not taken; application/x-protobuf is"
        )));
    }
    for piece in pieces {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        if !name.trim().eq_ignore_ascii_case("proto") {
            continue;
        }
        match value.trim().trim_matches('"') {
            "prometheus.WriteRequest" => {}
            "io.prometheus.write.v2.Request" => {
                return Err(Failure::Media(
                    "remote write 2.0 (io.prometheus.write.v2.Request) is not served yet; \
                     1.0 (prometheus.WriteRequest) is"
                        .into(),
                ));
            }
            other => {
                return Err(Failure::Media(format!(
                    "message {other:?} is not taken; prometheus.WriteRequest is"
                )));
            }
        }
    }
    Ok(())
}

/// A request on its way into a batch.
struct Filling<'a> {
    ingest: Ingest,
    refused: Refused,
    metadata: Vec<(String, MetricMetadata)>,
    /// Series that were not seen before in this form.
    new: Vec<(SeriesView<'a>, Option<RawHash>, Kind)>,
    histograms: usize,
    buckets: usize,
}

/// Why nothing of a body is stored.
enum WalkError {
    Decode(DecodeError),
    TooLarge,
}

impl From<DecodeError> for WalkError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl<'a> Filling<'a> {
    fn new(ingest: Ingest) -> Self {
        Self {
            ingest,
            refused: Refused::default(),
            metadata: Vec::new(),
            new: Vec::new(),
            histograms: 0,
            buckets: 0,
        }
    }

    /// Adds everything that a body holds. After an error nothing of it may be used.
    fn walk(&mut self, unpacked: &'a [u8]) -> Result<(), WalkError> {
        let tenant = self.ingest.tenant;
        let prefix = raw_key_prefix(FLOATS_MARK, tenant);
        for item in remote_write::items(unpacked) {
            let series = match item? {
                Item::Series(series) => series,
                Item::Metadata(metadata) => {
                    self.add_metadata(&metadata);
                    continue;
                }
            };
            if series.exemplar_count() > 0 {
                self.add_exemplars(&series)?;
            }
            if series.has_histograms() {
                self.walk_histograms(&series, tenant)?;
                if !series.has_samples() {
                    continue;
                }
            }
            let batch = &mut self.ingest.batch;
            let raw = series.labels_raw().map(|raw| batch.raw_hash_prefixed(prefix, raw));
            match raw.and_then(|raw| batch.find(raw)) {
                Some(number) => {
                    let times = self.ingest.times;
                    add_samples(&series, times, &mut self.refused, |sample| {
                        batch.float(number, sample.at_ms, sample.value);
                    })?;
                }
                None => {
                    for sample in series.samples() {
                        sample?;
                    }
                    self.new.push((series, raw, Kind::Float));
                }
            }
        }
        for (series, raw, kind) in std::mem::take(&mut self.new) {
            self.add_new(&series, raw, kind, tenant)?;
        }
        Ok(())
    }

    /// Adds the histograms of a series that is known, or remembers it.
    fn walk_histograms(
        &mut self,
        series: &SeriesView<'a>,
        tenant: TenantId,
    ) -> Result<(), WalkError> {
        let prefix = raw_key_prefix(HISTOGRAMS_MARK, tenant);
        let batch = &self.ingest.batch;
        let raw = series.labels_raw().map(|raw| batch.raw_hash_prefixed(prefix, raw));
        if let Some(number) = raw.and_then(|raw| batch.find(raw)) {
            return self.add_histograms(series, |ingest, sample| {
                ingest.batch.histogram(number, sample.at_ms, sample.histogram);
            });
        }
        for histogram in series.histograms() {
            let _ = histogram?;
        }
        self.new.push((*series, raw, Kind::Histogram));
        Ok(())
    }

    fn add_histograms(
        &mut self,
        series: &SeriesView<'_>,
        mut add: impl FnMut(&mut Ingest, HistogramSample),
    ) -> Result<(), WalkError> {
        let times = self.ingest.times;
        for read in series.histograms() {
            match read? {
                Ok(sample) if !times.contains(sample.at_ms) => {
                    self.refused.sample(series, sample.at_ms);
                }
                Ok(mut sample) => {
                    let Histogram { positive, negative, hint, .. } = &mut sample.histogram;
                    self.histograms += 1;
                    self.buckets += positive.len() + negative.len();
                    if self.histograms > HISTOGRAMS_MAX || self.buckets > REQUEST_BUCKETS_MAX {
                        return Err(WalkError::TooLarge);
                    }
                    // It speaks of the one before, which may not be the one before here: something
                    // may come late, or have been deleted. Whoever reads compares.
                    if *hint == ResetHint::NotReset {
                        *hint = ResetHint::Unknown;
                    }
                    add(&mut self.ingest, sample);
                }
                Err((at_ms, why)) => self.refused.histogram(series, at_ms, &why),
            }
        }
        Ok(())
    }

    fn add_new(
        &mut self,
        series: &SeriesView<'_>,
        raw: Option<RawHash>,
        kind: Kind,
        tenant: TenantId,
    ) -> Result<(), WalkError> {
        if kind == Kind::Float && series.samples().next().is_none() {
            return Ok(());
        }
        let key = match key_of(series, tenant) {
            Ok(key) => key,
            Err(why) => {
                self.refused.series(series, &why);
                return Ok(());
            }
        };
        // Born with its first sample that is taken: one that has none must not show in any list.
        let mut birth = Birth { raw, key, kind, number: None, full: None, without_room: 0 };
        if kind == Kind::Histogram {
            self.add_histograms(series, |ingest, sample| {
                if let Some(number) = birth.number(ingest) {
                    ingest.batch.histogram(number, sample.at_ms, sample.histogram);
                }
            })?;
        } else {
            let (times, ingest) = (self.ingest.times, &mut self.ingest);
            add_samples(series, times, &mut self.refused, |sample| {
                if let Some(number) = birth.number(ingest) {
                    ingest.batch.float(number, sample.at_ms, sample.value);
                }
            })?;
        }
        if let Some(full) = birth.full {
            self.refused.full(series, birth.without_room, &full);
        }
        Ok(())
    }

    /// Exemplars are looked up by their series' labels, which are read for them each time: they are few.
    fn add_exemplars(&mut self, series: &SeriesView<'_>) -> Result<(), DecodeError> {
        let Self { ingest, refused, .. } = self;
        let exemplars = exemplar_write::taken(series, ingest.times, |why| {
            refused.exemplars(series, 1, &why);
        })?;
        if exemplars.is_empty() {
            return Ok(());
        }
        match key_of(series, ingest.tenant) {
            _ if !ingest.keeps_exemplars => {
                refused.exemplars(series, exemplars.len(), "and --exemplars-max is 0");
            }
            Ok(key) => ingest.batch.exemplars(&key, &exemplars),
            Err(why) => refused.exemplars(series, exemplars.len(), &why),
        }
        Ok(())
    }

    fn add_metadata(&mut self, told: &MetadataView<'_>) {
        match metadata_of(told) {
            Ok(metadata) => self.metadata.push(metadata),
            Err(why) => self.refused.metadata(why),
        }
    }
}

/// A series that may be born.
struct Birth {
    raw: Option<RawHash>,
    key: SeriesKey,
    kind: Kind,
    number: Option<SeriesNumber>,
    full: Option<OverBudget>,
    /// Samples that came in vain.
    without_room: usize,
}

impl Birth {
    /// Returns the number of the series for a sample that is taken; none if there is no room.
    fn number(&mut self, ingest: &Ingest) -> Option<SeriesNumber> {
        if self.number.is_none() && self.full.is_none() {
            match ingest.batch.register(self.raw, &self.key, self.kind) {
                Ok(registered) => self.number = Some(registered),
                Err(error) => self.full = Some(error),
            }
        }
        self.without_room += usize::from(self.number.is_none());
        self.number
    }
}

/// Mark and tenant: the same labels of two tenants are two series.
fn raw_key_prefix(mark: u8, tenant: TenantId) -> u64 {
    u64::from(mark) | u64::from(tenant.0) << 8
}

#[inline]
fn add_samples(
    series: &SeriesView<'_>,
    times: TimeRange,
    refused: &mut Refused,
    mut add: impl FnMut(Sample),
) -> Result<(), DecodeError> {
    for sample in series.samples() {
        let sample = sample?;
        if times.contains(sample.at_ms) {
            add(sample);
        } else {
            refused.sample(series, sample.at_ms);
        }
    }
    Ok(())
}

/// Returns the series that labels name, or why they name none.
fn key_of(series: &SeriesView<'_>, tenant: TenantId) -> Result<SeriesKey, String> {
    let mut count = 0;
    // Before anything is copied: a stranger's labels may be as large as a body.
    for label in series.labels() {
        let (name, value) =
            label.map_err(|error| format!("has labels that cannot be read: {error}"))?;
        let is_name = name == "__name__";
        let value_max = if is_name { NAME_BYTES_MAX } else { VALUE_BYTES_MAX };
        count += usize::from(!is_name);
        if count > LABELS_MAX {
            return Err(format!("has more than {LABELS_MAX} labels"));
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(format!("has a label name of more than {NAME_BYTES_MAX} bytes"));
        }
        if value.len() > value_max {
            return Err(format!("has a value of more than {value_max} bytes for {name}"));
        }
    }
    let key = series.series_key(tenant).map_err(|error| format!("has bad labels: {error}"))?;
    if key.name.is_empty() {
        return Err("has no name".into());
    }
    Ok(key)
}

fn metadata_of(told: &MetadataView<'_>) -> Result<(String, MetricMetadata), String> {
    let unreadable = |error: DecodeError| error.to_string();
    let family = told.family().map_err(unreadable)?;
    let (help, unit) = (told.help().map_err(unreadable)?, told.unit().map_err(unreadable)?);
    if family.is_empty() {
        return Err("family has no name".into());
    }
    if family.len() > NAME_BYTES_MAX {
        return Err(format!("name of a family has more than {NAME_BYTES_MAX} bytes"));
    }
    if help.len() > VALUE_BYTES_MAX || unit.len() > VALUE_BYTES_MAX {
        return Err(format!("help or unit of {family} has more than {VALUE_BYTES_MAX} bytes"));
    }
    let metadata = MetricMetadata {
        metric_type: told.metric_type().name().to_owned(),
        help: help.to_owned(),
        unit: unit.to_owned(),
    };
    Ok((family.to_owned(), metadata))
}
