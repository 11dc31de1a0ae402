//! Requests encoded ahead and kept in a file, so that the sender only reads and sends.
//!
//! A frame is one request's body. The file holds them by round, and in a round by lane: lane 3 has
//! the same series in every round. Beside it lies a description with the length of each frame.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::datums::{self, Protocol};
use crate::pods;
use crate::samples::{self, Template, Values, Walk};

/// What to encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recipe {
    /// See [`samples`].
    Hosts { values: Values, rounds: usize },
    /// See [`pods`].
    Pods { series: usize },
    /// See [`datums`].
    Datums { protocol: Protocol, rounds: usize },
}

/// The description of a file of frames.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// See [`EDITION`].
    edition: u32,
    /// Frames in a round.
    pub(crate) lanes: usize,
    pub(crate) rounds: usize,
    /// Samples or datums in a frame.
    pub(crate) items: usize,
    /// Time of the first round, milliseconds since 1970.
    pub(crate) start_ms: i64,
    pub(crate) step_ms: i64,
    /// Bytes of all frames before they were compressed.
    pub(crate) plain_bytes: u64,
    lengths: Vec<u32>,
}

/// A file of frames, open for reading from many threads.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) shape: Shape,
    offsets: Vec<u64>,
    file: File,
}

/// The newest sample is this old when the frames are made: some servers hold back or refuse what
/// is newer than their own clock.
const MARGIN_MS: i64 = 5 * 60 * 1_000;
/// Frames older than this are made again, so that the data stays "the last hours" for every server.
const AGE_MAX_MS: i64 = 6 * 3_600 * 1_000;

/// Counts changes of what the recipes make, so that frames of an older program are made again.
const EDITION: u32 = 1;

impl Recipe {
    fn file_stem(self) -> String {
        match self {
            Self::Hosts { values: Values::Integers, rounds } => format!("hosts-integers-{rounds}"),
            Self::Hosts { values: Values::Decimals, rounds } => format!("hosts-decimals-{rounds}"),
            Self::Pods { series } => format!("pods-{series}"),
            Self::Datums { protocol, rounds } => format!("datums-{}-{rounds}", protocol.id()),
        }
    }

    fn empty_shape(self, now_ms: i64) -> Shape {
        let (lanes, rounds, items, step_ms) = match self {
            Self::Hosts { rounds, .. } => {
                (samples::LANES, rounds, samples::PER_REQUEST, samples::STEP_MS)
            }
            Self::Pods { series } => {
                let lanes = series / samples::PER_REQUEST;
                (lanes, pods::ROUNDS, samples::PER_REQUEST, pods::STEP_MS)
            }
            Self::Datums { rounds, .. } => {
                (datums::LANES, rounds, datums::PER_CALL, datums::STEP_MS)
            }
        };
        let end_ms = (now_ms - MARGIN_MS) / step_ms * step_ms;
        let start_ms = end_ms - (rounds as i64 - 1) * step_ms;
        Shape {
            edition: EDITION,
            lanes,
            rounds,
            items,
            start_ms,
            step_ms,
            plain_bytes: 0,
            lengths: Vec::new(),
        }
    }
}

impl Shape {
    fn is_good(&self, now_ms: i64) -> bool {
        self.edition == EDITION && now_ms - self.end_ms() < AGE_MAX_MS
    }

    /// The shape of the load of hosts with so many rounds.
    #[cfg(test)]
    pub(crate) fn for_test(rounds: usize, now_ms: i64) -> Self {
        Recipe::Hosts { values: Values::Integers, rounds }.empty_shape(now_ms)
    }

    /// Time of the newest sample.
    pub(crate) fn end_ms(&self) -> i64 {
        self.time_ms(self.rounds - 1)
    }

    /// Time of a round's samples.
    pub(crate) fn time_ms(&self, round: usize) -> i64 {
        self.start_ms + round as i64 * self.step_ms
    }
}

impl Frames {
    /// Opens the frames of a recipe, made now if there are none or if they are too old.
    pub(crate) fn ready(dir: &Path, recipe: Recipe) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let stem = recipe.file_stem();
        let (path, shape_path) = (dir.join(&stem), dir.join(format!("{stem}.json")));
        let now_ms = now_ms();
        let kept: Option<Shape> =
            fs::read(&shape_path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let shape = match kept {
            Some(shape) if shape.is_good(now_ms) && path.exists() => shape,
            _ => {
                eprintln!("encode {stem}");
                // First, or a run that is broken off would leave it beside half of the new frames.
                let _ = fs::remove_file(&shape_path);
                let shape = make(&path, recipe, recipe.empty_shape(now_ms))
                    .with_context(|| format!("encode {}", path.display()))?;
                fs::write(&shape_path, serde_json::to_vec(&shape)?)?;
                shape
            }
        };
        let mut offset = 0;
        let mut offsets = vec![0];
        for len in &shape.lengths {
            offset += u64::from(*len);
            offsets.push(offset);
        }
        Ok(Self { shape, offsets, file: File::open(path)? })
    }

    /// Appends one frame to `out`.
    pub(crate) fn append(&self, round: usize, lane: usize, out: &mut Vec<u8>) -> Result<()> {
        let (start, len) = self.place(round, lane);
        let body_at = out.len();
        out.resize(body_at + len, 0);
        self.file.read_exact_at(&mut out[body_at..], start).context("read a frame")
    }

    /// Bytes of one frame as sent.
    pub(crate) fn len(&self, round: usize, lane: usize) -> usize {
        self.place(round, lane).1
    }

    fn place(&self, round: usize, lane: usize) -> (u64, usize) {
        let at = round * self.shape.lanes + lane;
        (self.offsets[at], (self.offsets[at + 1] - self.offsets[at]) as usize)
    }

    /// Reads the file once, so that no server pays for a disk that is busy with it.
    pub(crate) fn warm(&self) -> Result<()> {
        let mut file = self.file.try_clone()?;
        std::io::Seek::rewind(&mut file)?;
        let mut buffer = vec![0; 1 << 20];
        while file.read(&mut buffer)? > 0 {}
        Ok(())
    }
}

/// Returns the wall clock, milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

fn make(path: &Path, recipe: Recipe, mut shape: Shape) -> Result<Shape> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut add = |shape: &mut Shape, plain: usize, body: &[u8]| -> Result<()> {
        shape.plain_bytes += plain as u64;
        shape.lengths.push(u32::try_from(body.len())?);
        Ok(file.write_all(body)?)
    };
    match recipe {
        Recipe::Hosts { values, .. } => make_hosts(&mut shape, values, &mut add)?,
        Recipe::Pods { .. } => make_pods(&mut shape, &mut add)?,
        Recipe::Datums { protocol, .. } => make_datums(&mut shape, protocol, &mut add)?,
    }
    // Written out here, or the first server would be measured while the disk still writes.
    file.into_inner()?.sync_all()?;
    Ok(shape)
}

/// Takes the length before compression and the body.
type Add<'a> = dyn FnMut(&mut Shape, usize, &[u8]) -> Result<()> + 'a;

fn make_hosts(shape: &mut Shape, values: Values, add: &mut Add<'_>) -> Result<()> {
    let mut walk = Walk::new(values);
    let mut templates: Vec<Template> =
        (0..shape.lanes).map(|lane| Template::new(lane, shape.start_ms)).collect();
    let mut snappy = Snappy::new();
    for round in 0..shape.rounds {
        let time_ms = shape.time_ms(round);
        for (lane, template) in templates.iter_mut().enumerate() {
            let mut series = lane * samples::PER_REQUEST;
            let plain = template.fill(time_ms, || {
                series += 1;
                walk.step(series - 1)
            });
            add(shape, plain.len(), snappy.compress(plain)?)?;
        }
    }
    Ok(())
}

fn make_pods(shape: &mut Shape, add: &mut Add<'_>) -> Result<()> {
    let mut snappy = Snappy::new();
    let mut plain = Vec::new();
    for round in 0..shape.rounds {
        for lane in 0..shape.lanes {
            plain.clear();
            pods::put_request(&mut plain, lane, round, shape.time_ms(round));
            add(shape, plain.len(), snappy.compress(&plain)?)?;
        }
    }
    Ok(())
}

fn make_datums(shape: &mut Shape, protocol: Protocol, add: &mut Add<'_>) -> Result<()> {
    for round in 0..shape.rounds {
        for lane in 0..shape.lanes {
            let plain = datums::call(protocol, lane, round, shape.time_ms(round));
            let body = protocol.compress(&plain)?;
            add(shape, plain.len(), &body)?;
        }
    }
    Ok(())
}

/// Compresses again and again into one buffer.
struct Snappy {
    encoder: snap::raw::Encoder,
    out: Vec<u8>,
}

impl Snappy {
    fn new() -> Self {
        Self { encoder: snap::raw::Encoder::new(), out: Vec::new() }
    }

    fn compress(&mut self, plain: &[u8]) -> Result<&[u8]> {
        self.out.resize(snap::raw::max_compress_len(plain.len()), 0);
        let len = self.encoder.compress(plain, &mut self.out)?;
        Ok(&self.out[..len])
    }
}
