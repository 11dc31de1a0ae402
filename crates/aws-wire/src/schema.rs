//! The shapes of a service as constant tables.
//!
//! A table is written once by the generator and walked by every codec, so four protocols over the
//! same operations cost no generated code. Shapes point at each other directly; they may be
//! recursive.

use crate::pattern::Pattern;

/// One service as its public model describes it.
#[derive(Debug)]
pub struct Service {
    /// Short name, as the SDK's data folder has it (`cloudwatch`).
    pub name: &'static str,
    /// Name for people (`CloudWatch`).
    pub title: &'static str,
    /// Service part of a credential scope (`monitoring`).
    pub signing_name: &'static str,
    /// Version of the API, which awsQuery requests carry (`2010-08-01`).
    pub api_version: &'static str,
    /// Namespace of its shapes, shown in `__type` when `query_compatible`.
    pub namespace: &'static str,
    /// What precedes the operation in `X-Amz-Target`; empty for protocols without it. Also the
    /// service's name in the path of Smithy RPC v2.
    pub target_prefix: &'static str,
    /// Version in the content type of AWS JSON (`1.0`, `1.1`); empty for other protocols.
    pub json_version: &'static str,
    /// Namespace of XML answers; empty for other protocols.
    pub xml_namespace: &'static str,
    /// Protocols the model lists, preferred first.
    pub protocols: &'static [Wire],
    /// Whether JSON and CBOR answers keep the error codes that the query protocol had.
    pub query_compatible: bool,
    /// Name of the error for a violated constraint.
    pub validation_error: &'static str,
    /// Operations, sorted by name.
    pub operations: &'static [Operation],
}

impl Service {
    /// Returns the operation of this name, if the model has it.
    pub fn operation(&self, name: &str) -> Option<&'static Operation> {
        let at = self.operations.binary_search_by(|operation| operation.name.cmp(name)).ok()?;
        Some(&self.operations[at])
    }

    /// Says whether the model lists `wire`.
    pub fn speaks(&self, wire: Wire) -> bool {
        self.protocols.contains(&wire)
    }
}

/// A family of protocols, as models list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// Smithy RPC v2 over CBOR.
    Cbor,
    /// AWS JSON; the service's `json_version` says which.
    Json,
    /// AWS Query: forms in, XML out.
    Query,
    /// REST with JSON bodies.
    RestJson,
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// Name, such as `PutMetricData`.
    pub name: &'static str,
    /// HTTP method; only REST looks at it.
    pub method: &'static str,
    /// Path template such as `/schedules/{Name}`; may carry a fixed query after `?`.
    pub uri: &'static str,
    /// HTTP status of success; 0 where the model names none.
    pub status: u16,
    /// Structure of the input.
    pub input: Option<&'static Shape>,
    /// Structure of the output.
    pub output: Option<&'static Shape>,
    /// Element around the output in XML; empty where there is none.
    pub result_wrapper: &'static str,
    /// Structures of the modelled errors.
    pub errors: &'static [&'static Shape],
    /// Whether clients may compress the request.
    pub compressible: bool,
    /// What clients put before the host's name; empty for most.
    pub host_prefix: &'static str,
}

impl Operation {
    /// Starts an operation without input and output.
    pub const fn new(name: &'static str, method: &'static str, uri: &'static str) -> Self {
        Self {
            name,
            method,
            uri,
            status: 0,
            input: None,
            output: None,
            result_wrapper: "",
            errors: &[],
            compressible: false,
            host_prefix: "",
        }
    }

    /// Sets the structure of the input.
    pub const fn input(mut self, shape: &'static Shape) -> Self {
        self.input = Some(shape);
        self
    }

    /// Sets the structure of the output and its element in XML.
    pub const fn output(mut self, shape: &'static Shape, result_wrapper: &'static str) -> Self {
        self.output = Some(shape);
        self.result_wrapper = result_wrapper;
        self
    }

    /// Sets the modelled errors.
    pub const fn errors(mut self, errors: &'static [&'static Shape]) -> Self {
        self.errors = errors;
        self
    }

    /// Sets the HTTP status of success.
    pub const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Marks that clients may compress the request.
    pub const fn compressible(mut self) -> Self {
        self.compressible = true;
        self
    }

    /// Sets what clients put before the host's name.
    pub const fn host_prefix(mut self, prefix: &'static str) -> Self {
        self.host_prefix = prefix;
        self
    }
}

/// One named type.
#[derive(Debug)]
pub struct Shape {
    /// Name in the model.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Whether its value must not be shown, not even in an error.
    pub sensitive: bool,
}

impl Shape {
    /// Names a type.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, sensitive: false }
    }

    /// Marks the value as one that must not be shown.
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Returns the members; none unless this is a structure.
    pub fn members(&self) -> &'static [Member] {
        match &self.kind {
            Kind::Structure(structure) => structure.members,
            _ => &[],
        }
    }

    /// Returns position and member of this name.
    pub fn member(&self, name: &str) -> Option<(usize, &'static Member)> {
        self.members().iter().enumerate().find(|(_, member)| member.name == name)
    }
}

/// What a shape is, with its constraints.
#[derive(Debug)]
pub enum Kind {
    /// Named members.
    Structure(Structure),
    /// Values of one shape in order.
    List(List),
    /// Values of one shape under text keys.
    Map(Map),
    /// Text.
    String(Text),
    /// Whole number of 32 bits.
    Integer(Bounds),
    /// Whole number of 64 bits.
    Long(Bounds),
    /// Number of 32 bits.
    Float(Bounds),
    /// Number of 64 bits.
    Double(Bounds),
    /// True or false.
    Boolean,
    /// Moment, with the format where it is not the protocol's own.
    Timestamp(Option<TimestampFormat>),
    /// Bytes.
    Blob(Bounds),
}

/// Members of a structure and what else the model says of it.
#[derive(Debug)]
pub struct Structure {
    /// Members in the model's order; a value holds them at the same positions.
    pub members: &'static [Member],
    /// Set when it is an error.
    pub error: Option<ErrorTraits>,
    /// Whether exactly one member is set.
    pub union: bool,
    /// Whether it is a stream of events instead of a value.
    pub event_stream: bool,
}

impl Structure {
    /// Makes a plain structure.
    pub const fn new(members: &'static [Member]) -> Self {
        Self { members, error: None, union: false, event_stream: false }
    }

    /// Marks it as an error.
    pub const fn error(mut self, code: &'static str, status: u16, sender: bool) -> Self {
        self.error = Some(ErrorTraits { code, status, sender });
        self
    }

    /// Marks that exactly one member is set.
    pub const fn union(mut self) -> Self {
        self.union = true;
        self
    }

    /// Marks it as a stream of events.
    pub const fn event_stream(mut self) -> Self {
        self.event_stream = true;
        self
    }
}

/// How an error shows on the wire.
#[derive(Debug, Clone, Copy)]
pub struct ErrorTraits {
    /// Code in the query protocol.
    pub code: &'static str,
    /// HTTP status in the query protocol and in REST.
    pub status: u16,
    /// Whether the sender is to blame.
    pub sender: bool,
}

/// One member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Name in the model.
    pub name: &'static str,
    /// Its type.
    pub shape: &'static Shape,
    /// Whether it must be given.
    pub required: bool,
    /// Name on the wire; the model's name in most cases.
    pub wire_name: &'static str,
    /// Where REST puts it.
    pub location: Location,
    /// Format of a moment where it differs from the shape's.
    pub timestamp_format: Option<TimestampFormat>,
}

impl Member {
    /// Makes an optional member of the body.
    pub const fn new(name: &'static str, shape: &'static Shape) -> Self {
        Self {
            name,
            shape,
            required: false,
            wire_name: name,
            location: Location::Body,
            timestamp_format: None,
        }
    }

    /// Marks that it must be given.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Sets the name on the wire.
    pub const fn wire(mut self, name: &'static str) -> Self {
        self.wire_name = name;
        self
    }

    /// Sets where REST puts it.
    pub const fn at(mut self, location: Location) -> Self {
        self.location = location;
        self
    }

    /// Sets the format of the moment.
    pub const fn format(mut self, format: TimestampFormat) -> Self {
        self.timestamp_format = Some(format);
        self
    }
}

/// Where REST puts a member. Other protocols have everything in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// A member of the JSON object.
    Body,
    /// The whole body.
    Payload,
    /// A label in the path.
    Uri,
    /// A parameter of the query string; a map gives one parameter for each key.
    Query,
    /// A header.
    Header,
    /// All headers that start with the wire name.
    Headers,
    /// The answer's HTTP status.
    Status,
}

/// A list's parts.
#[derive(Debug)]
pub struct List {
    /// Type of every element.
    pub member: &'static Shape,
    /// How many elements.
    pub length: Bounds,
    /// Name of an element in forms and XML; `member` where the model says nothing.
    pub member_name: &'static str,
    /// Whether forms and XML leave the element's name out.
    pub flattened: bool,
}

/// A map's parts.
#[derive(Debug)]
pub struct Map {
    /// Type of the keys.
    pub key: &'static Shape,
    /// Type of the values.
    pub value: &'static Shape,
    /// How many entries.
    pub length: Bounds,
    /// Names of key and value in forms and XML.
    pub names: (&'static str, &'static str),
    /// Whether forms and XML leave `entry` out.
    pub flattened: bool,
}

/// Constraints of text.
#[derive(Debug)]
pub struct Text {
    /// Length in characters.
    pub length: Bounds,
    /// What all of it must match.
    pub pattern: Option<Pattern>,
    /// The only values allowed; empty means any. In the order in which AWS prints them, where known.
    pub values: &'static [&'static str],
}

impl Text {
    /// Text of any value.
    pub const ANY: Self = Self::new(Bounds::ANY, None, &[]);

    /// Text of a length, of a pattern and of one of some values, as far as these are given.
    pub const fn new(
        length: Bounds,
        pattern: Option<&'static str>,
        values: &'static [&'static str],
    ) -> Self {
        let pattern = match pattern {
            Some(text) => Some(Pattern::new(text)),
            None => None,
        };
        Self { length, pattern, values }
    }
}

/// Least and greatest length or value, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Least allowed.
    pub min: Option<i64>,
    /// Greatest allowed.
    pub max: Option<i64>,
}

impl Bounds {
    /// No bounds.
    pub const ANY: Self = Self { min: None, max: None };

    /// Both bounds.
    pub const fn between(min: i64, max: i64) -> Self {
        Self { min: Some(min), max: Some(max) }
    }

    /// A lower bound only.
    pub const fn at_least(min: i64) -> Self {
        Self { min: Some(min), max: None }
    }

    /// An upper bound only.
    pub const fn at_most(max: i64) -> Self {
        Self { min: None, max: Some(max) }
    }
}

/// How a moment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampFormat {
    /// Seconds since 1970 as a number.
    EpochSeconds,
    /// `2010-08-01T00:00:00Z`.
    Iso8601,
    /// `Sun, 01 Aug 2010 00:00:00 GMT`.
    HttpDate,
}

/// Position of a member in the values of its structure.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub(crate) owner: &'static Shape,
    pub(crate) index: u16,
}

impl Field {
    /// Names the member at `index` of `owner`. Meant for the generator.
    pub const fn new(owner: &'static Shape, index: u16) -> Self {
        Self { owner, index }
    }

    /// Returns the member.
    ///
    /// # Panics
    /// When the table was generated wrongly and `owner` has no such member.
    pub fn member(self) -> &'static Member {
        &self.owner.members()[usize::from(self.index)]
    }
}
