//! The protobuf wire format, as much as a reader of known messages needs.

/// Groups (an old form that may still come as unknown fields) may be nested this deep.
const GROUPS_MAX: usize = 64;

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum Malformed {
    /// A field says it is longer than what is there.
    #[error("cut off")]
    CutOff,
    /// A number of more than ten bytes or 64 bits.
    #[error("number too long")]
    NumberTooLong,
    /// A field number of 0, or above 2^29 - 1.
    #[error("invalid field number")]
    FieldNumber,
    /// A wire type that does not exist.
    #[error("invalid wire type")]
    WireType,
    /// A known field in another wire type than its own.
    #[error("wrong wire type for the field")]
    FieldType,
    /// A group that ends without a start, with another number, or never.
    #[error("unbalanced group")]
    Group,
    /// Groups within groups beyond any reason.
    #[error("groups nested too deep")]
    TooDeep,
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
}

/// Why a message could not be read, and where: an offset into the unpacked body.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[error("{what} at byte {offset}")]
pub struct DecodeError {
    /// What is wrong.
    pub what: Malformed,
    /// Where: bytes from the start of the unpacked body.
    pub offset: usize,
}

/// How a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WireType {
    Varint,
    Fixed64,
    Len,
    GroupStart,
    GroupEnd,
    Fixed32,
}

/// A field's number and wire type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag {
    pub(super) field: u32,
    pub(super) wire_type: WireType,
    /// Where the tag starts.
    pub(super) offset: usize,
}

impl Tag {
    /// Refuses a known field that does not come in its own wire type.
    #[inline]
    pub(super) fn expect(&self, wire_type: WireType) -> Result<(), DecodeError> {
        if self.wire_type == wire_type { Ok(()) } else { Err(self.error(Malformed::FieldType)) }
    }

    fn error(&self, what: Malformed) -> DecodeError {
        DecodeError { what, offset: self.offset }
    }
}

/// A stretch of the body. Always within it: `start <= end <= body.len()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Stretch {
    pub(super) const EMPTY: Self = Self { start: 0, end: 0 };

    #[inline]
    pub(super) fn of<'a>(&self, body: &'a [u8]) -> &'a [u8] {
        &body[self.start..self.end]
    }
}

/// Reads a stretch of the body; offsets stay those of the whole body, for errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) fn new(body: &'a [u8], stretch: Stretch) -> Self {
        Self { body: &body[..stretch.end], at: stretch.start }
    }

    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.body.len()
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.body[self.at..]
    }

    /// Passes over bytes that [`Cursor::rest`] has shown.
    #[inline]
    pub(super) fn advance(&mut self, len: usize) {
        debug_assert!(len <= self.body.len() - self.at);
        self.at += len;
    }

    /// Gives up on what is left, so that an iterator ends after its error.
    pub(super) fn abandon(&mut self) {
        self.at = self.body.len();
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, DecodeError> {
        let offset = self.at;
        match self.body.get(offset) {
            Some(&byte) if byte < 0x80 => {
                self.at = offset + 1;
                Ok(u64::from(byte))
            }
            _ => self.varint_long(),
        }
    }

    fn varint_long(&mut self) -> Result<u64, DecodeError> {
        let offset = self.at;
        let mut value = 0u64;
        for (n, &byte) in self.body[offset..].iter().take(10).enumerate() {
            if n == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * n);
            if byte < 0x80 {
                self.at = offset + n + 1;
                return Ok(value);
            }
        }
        let what = if self.body.len() - offset < 10 {
            Malformed::CutOff
        } else {
            Malformed::NumberTooLong
        };
        Err(DecodeError { what, offset })
    }

    #[inline]
    pub(super) fn fixed64(&mut self) -> Result<u64, DecodeError> {
        let offset = self.at;
        match self.rest().first_chunk::<8>() {
            Some(bytes) => {
                self.at += 8;
                Ok(u64::from_le_bytes(*bytes))
            }
            None => Err(DecodeError { what: Malformed::CutOff, offset }),
        }
    }

    /// Reads a length and passes over that many bytes.
    #[inline]
    pub(super) fn len_prefixed(&mut self) -> Result<Stretch, DecodeError> {
        let offset = self.at;
        let len = self.varint()?;
        let left = self.body.len() - self.at;
        match usize::try_from(len) {
            Ok(len) if len <= left => {
                let start = self.at;
                self.at += len;
                Ok(Stretch { start, end: self.at })
            }
            _ => Err(DecodeError { what: Malformed::CutOff, offset }),
        }
    }

    #[inline]
    pub(super) fn tag(&mut self) -> Result<Tag, DecodeError> {
        let offset = self.at;
        let tag = self.varint()?;
        let error = |what| DecodeError { what, offset };
        let wire_type = match tag & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Len,
            3 => WireType::GroupStart,
            4 => WireType::GroupEnd,
            5 => WireType::Fixed32,
            _ => return Err(error(Malformed::WireType)),
        };
        match u32::try_from(tag >> 3) {
            Ok(field) if field != 0 && field < 1 << 29 => Ok(Tag { field, wire_type, offset }),
            _ => Err(error(Malformed::FieldNumber)),
        }
    }

    /// Passes over fields that follow one another under the one-byte tag `tag` and are shorter than
    /// 128 bytes; stops before the first one that is not, also when it is malformed.
    ///
    /// A series is mostly labels: passing over them here instead of one by one through
    /// [`Cursor::tag`] halves the cost of the walk.
    #[inline]
    pub(super) fn pass_short(&mut self, tag: u8) {
        while let [first, len @ 0..0x80, rest @ ..] = self.rest() {
            let len = usize::from(*len);
            if *first != tag || len > rest.len() {
                return;
            }
            self.at += 2 + len;
        }
    }

    /// Passes over the value of a field that nobody knows.
    pub(super) fn skip(&mut self, tag: Tag) -> Result<(), DecodeError> {
        match tag.wire_type {
            WireType::Varint => self.varint().map(drop),
            WireType::Fixed64 => self.fixed64().map(drop),
            WireType::Len => self.len_prefixed().map(drop),
            WireType::Fixed32 => self.fixed32(),
            WireType::GroupStart => self.skip_group(tag),
            WireType::GroupEnd => Err(tag.error(Malformed::Group)),
        }
    }

    fn fixed32(&mut self) -> Result<(), DecodeError> {
        if self.body.len() - self.at < 4 {
            return Err(DecodeError { what: Malformed::CutOff, offset: self.at });
        }
        self.at += 4;
        Ok(())
    }

    /// A loop with a small stack of its own: a stranger's nesting must not become our recursion.
    fn skip_group(&mut self, start: Tag) -> Result<(), DecodeError> {
        let mut open = [0u32; GROUPS_MAX];
        open[0] = start.field;
        let mut depth = 1;
        while depth > 0 {
            if self.is_done() {
                return Err(start.error(Malformed::Group));
            }
            let tag = self.tag()?;
            match tag.wire_type {
                WireType::GroupStart if depth == GROUPS_MAX => {
                    return Err(tag.error(Malformed::TooDeep));
                }
                WireType::GroupStart => {
                    open[depth] = tag.field;
                    depth += 1;
                }
                WireType::GroupEnd if open[depth - 1] == tag.field => depth -= 1,
                WireType::GroupEnd => return Err(tag.error(Malformed::Group)),
                _ => self.skip(tag)?,
            }
        }
        Ok(())
    }
}

/// Reads a stretch as text.
pub(super) fn text(body: &[u8], stretch: Stretch) -> Result<&str, DecodeError> {
    std::str::from_utf8(stretch.of(body)).map_err(|e| DecodeError {
        what: Malformed::NotUtf8,
        offset: stretch.start + e.valid_up_to(),
    })
}
