//! Why bytes are no value: facts for the service to word.
//!
//! AWS words the same mistake differently per service and protocol, so nothing here is a customer's text. The path is
//! built while the error travels outward and costs nothing on the good way.

use crate::schema::Member;
use std::fmt;

/// What was wrong with the bytes, and where.
#[derive(Clone, Debug)]
pub struct Invalid(Box<Detail>);

#[derive(Clone, Debug)]
struct Detail {
    problem: Problem,
    /// Innermost first, because that is the order in which it is learned.
    inward: Vec<Segment>,
}

impl Invalid {
    /// A problem at the place being read.
    pub fn new(problem: Problem) -> Self {
        Self(Box::new(Detail { problem, inward: Vec::new() }))
    }

    /// The same problem, seen from one level further out.
    #[must_use]
    pub fn inside(mut self, segment: Segment) -> Self {
        self.0.inward.push(segment);
        self
    }

    /// What was wrong.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// Where it was, from the outermost member inward; empty for the document itself. A missing member is the last
    /// segment of its own path.
    pub fn path(&self) -> Path<'_> {
        Path(&self.0.inward)
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.inward.is_empty() {
            return write!(f, "{}", self.0.problem);
        }
        write!(f, "{}: {}", self.path(), self.0.problem)
    }
}

impl std::error::Error for Invalid {}

impl From<Problem> for Invalid {
    fn from(problem: Problem) -> Self {
        Self::new(problem)
    }
}

/// A kind of mistake.
#[derive(Clone, Debug)]
pub enum Problem {
    /// The bytes break the protocol's grammar at this offset.
    Syntax {
        /// Bytes before the mistake.
        offset: usize,
    },
    /// Text is not UTF-8.
    NotUtf8,
    /// An escape names half of a surrogate pair.
    LoneSurrogate {
        /// The half.
        unit: u16,
    },
    /// A value of another kind than the member's.
    WrongType {
        /// What the model wants.
        expected: Expected,
        /// What stood there.
        found: Found,
    },
    /// A number that its type cannot hold.
    OutOfRange {
        /// What the model wants.
        expected: Expected,
    },
    /// A member that the model demands is absent or null.
    Missing {
        /// The member.
        member: &'static Member,
    },
    /// A form's map entry has a value but no key.
    MissingKey,
    /// Text where base64 was wanted is not base64.
    BadBase64,
    /// Text where a timestamp was wanted is none.
    BadTimestamp,
    /// More nesting than [`DEPTH_MAX`](crate::limits::DEPTH_MAX).
    TooDeep,
    /// More items than [`ENTRIES_MAX`](crate::limits::ENTRIES_MAX) or fields than
    /// [`FORM_FIELDS_MAX`](crate::limits::FORM_FIELDS_MAX).
    TooMany,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { offset } => write!(f, "broken syntax at byte {offset}"),
            Self::NotUtf8 => f.write_str("text is not UTF-8"),
            Self::LoneSurrogate { unit } => write!(f, "the escape of {unit:04X} names half of a surrogate pair"),
            Self::WrongType { expected, found } => write!(f, "expected {expected:?}, found {found:?}"),
            Self::OutOfRange { expected } => write!(f, "number does not fit {expected:?}"),
            Self::Missing { member } => write!(f, "missing required member {}", member.name),
            Self::MissingKey => f.write_str("map entry without a key"),
            Self::BadBase64 => f.write_str("text is not base64"),
            Self::BadTimestamp => f.write_str("value is no timestamp"),
            Self::TooDeep => f.write_str("nested too deep"),
            Self::TooMany => f.write_str("too many entries"),
        }
    }
}

/// What the model wants at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Text.
    String,
    /// A 32-bit integer.
    Integer,
    /// A 64-bit integer.
    Long,
    /// A float of either width.
    Double,
    /// True or false.
    Boolean,
    /// Base64 text, or bytes.
    Blob,
    /// A timestamp.
    Timestamp,
    /// A structure.
    Structure,
    /// A list.
    List,
    /// A map.
    Map,
}

/// What stood at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Text.
    String,
    /// Bytes; CBOR only.
    Bytes,
    /// A number without a fraction.
    Integer,
    /// A number with a fraction.
    Fraction,
    /// True or false.
    Boolean,
    /// Null.
    Null,
    /// A structure or a map.
    Object,
    /// A list.
    List,
    /// Something the protocol has and no shape does, such as an unknown tag.
    Other,
}

/// One step inward.
#[derive(Clone, Debug)]
pub enum Segment {
    /// Into a member.
    Member(&'static Member),
    /// Into a list's item, counted from 0.
    Index(usize),
    /// Into a map's value.
    Key(String),
}

/// The way from the document to a place. Displays JSON names: `Entries.1.MessageBody`.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a>(&'a [Segment]);

impl<'a> Path<'a> {
    /// The steps, outermost first.
    pub fn segments(self) -> impl DoubleEndedIterator<Item = &'a Segment> {
        self.0.iter().rev()
    }

    /// The innermost step.
    pub fn last(self) -> Option<&'a Segment> {
        self.0.first()
    }

    /// The way in a form's spelling, counted from 1: `SendMessageBatchRequestEntry.2.MessageBody`. A map's value is
    /// spelled by its key.
    pub fn query(self) -> String {
        let spelled = self.segments().map(|segment| match segment {
            Segment::Member(member) => member.location.to_owned(),
            Segment::Index(index) => (index + 1).to_string(),
            Segment::Key(key) => key.clone(),
        });
        spelled.collect::<Vec<_>>().join(".")
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.segments().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            match segment {
                Segment::Member(member) => f.write_str(member.name)?,
                Segment::Index(index) => write!(f, "{index}")?,
                Segment::Key(key) => f.write_str(key)?,
            }
        }
        Ok(())
    }
}
