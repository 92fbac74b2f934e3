//! What a service model says, as statics: shapes, operations, errors.
//!
//! Generated code (`cargo xtask gen`) is the only producer, codecs and the gateway are the readers. A member has one
//! name in JSON and CBOR and a second one, its location, in forms and XML; everything else is shared by the protocols.

use std::fmt;

/// The kind of a value, with the schema of what is inside.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// UTF-8 text; enumerations too.
    String,
    /// A 32-bit integer.
    Integer,
    /// A 64-bit integer.
    Long,
    /// A 32-bit float.
    Float,
    /// A 64-bit float.
    Double,
    /// True or false.
    Boolean,
    /// Bytes.
    Blob,
    /// A point in time.
    Timestamp,
    /// Named members.
    Struct(&'static StructShape),
    /// Items of one shape.
    List(&'static ListShape),
    /// Text keys with values of one shape.
    Map(&'static MapShape),
}

impl Shape {
    /// Whether a value of this shape is one piece of text in a form.
    pub const fn is_scalar(self) -> bool {
        !matches!(self, Self::Struct(_) | Self::List(_) | Self::Map(_))
    }
}

/// A structure: its name in the model and its members in the model's order.
pub struct StructShape {
    /// The name in the model, `SendMessageRequest`.
    pub name: &'static str,
    /// The members; codecs name one by its index here.
    pub members: &'static [Member],
}

impl StructShape {
    /// The index of the member with this JSON name. Names are compared by case, as AWS does.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| member.name == name)
    }
}

// A shape may contain itself, so only its name is shown.
impl fmt::Debug for StructShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// The name in JSON and CBOR, `MessageAttributes`.
    pub name: &'static str,
    /// The name in forms and XML, `MessageAttribute`.
    pub location: &'static str,
    /// Lists and maps only: items stand directly under the location, without `member` or `entry` between.
    pub flattened: bool,
    /// Whether the model demands it.
    pub required: bool,
    /// What it holds.
    pub shape: Shape,
    /// What the model demands of the value.
    pub rules: Rules,
}

impl Member {
    /// An optional member whose name is the same in every protocol.
    pub const fn new(name: &'static str, shape: Shape) -> Self {
        Self { name, location: name, flattened: false, required: false, shape, rules: Rules::NONE }
    }

    /// The same member with another name in forms and XML.
    pub const fn at(mut self, location: &'static str) -> Self {
        self.location = location;
        self
    }

    /// The same member, flattened.
    pub const fn flat(mut self) -> Self {
        self.flattened = true;
        self
    }

    /// The same member, demanded by the model.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same member with rules for its value.
    pub const fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }
}

/// A list: its items and how they are named when they are not flattened.
#[derive(Debug)]
pub struct ListShape {
    /// The name in the model.
    pub name: &'static str,
    /// The name of an item in forms and XML, `member` unless the model says otherwise.
    pub item_name: &'static str,
    /// What an item holds.
    pub item: Shape,
    /// What the model demands of an item.
    pub item_rules: Rules,
}

/// A map with text keys.
#[derive(Debug)]
pub struct MapShape {
    /// The name in the model.
    pub name: &'static str,
    /// The name of the key in forms and XML, `key` unless the model says otherwise.
    pub key_name: &'static str,
    /// The name of the value in forms and XML, `value` unless the model says otherwise.
    pub value_name: &'static str,
    /// What a value holds.
    pub value: Shape,
    /// What the model demands of a key.
    pub key_rules: Rules,
    /// What the model demands of a value.
    pub value_rules: Rules,
}

/// What an answer may go on with: the union that the model calls an event stream.
#[derive(Debug)]
pub struct EventStreamShape {
    /// The name in the model, `SubscribeToShardEventStream`.
    pub name: &'static str,
    /// The events, by their names in the union.
    pub events: &'static [&'static str],
    /// The errors that may end it, by their names in the union.
    pub exceptions: &'static [&'static str],
}

/// What the model demands of a value. Lengths count characters of text, bytes of blobs, items of lists; numbers are
/// bounded themselves.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The least length or number.
    pub min: Option<i64>,
    /// The greatest length or number.
    pub max: Option<i64>,
    /// A regular expression, in the model's dialect (Java's).
    pub pattern: Option<&'static str>,
    /// The values of an enumeration; empty if there is none.
    pub values: &'static [&'static str],
    /// Whether error texts and logs must leave the value out.
    pub sensitive: bool,
}

impl Rules {
    /// No demand.
    pub const NONE: Self = Self { min: None, max: None, pattern: None, values: &[], sensitive: false };
}

/// An operation of a service.
#[derive(Debug)]
pub struct OperationShape {
    /// The name, as in `X-Amz-Target` and `Action`.
    pub name: &'static str,
    /// The input structure; empty if the model has none.
    pub input: &'static StructShape,
    /// The output structure; empty if the model has none.
    pub output: &'static StructShape,
    /// The element around the output in XML replies; none where the operation has no output.
    pub result_wrapper: Option<&'static str>,
    /// The HTTP method that the model declares.
    pub method: &'static str,
    /// The path that the model declares.
    pub path: &'static str,
    /// The names of the errors that the model declares, found in the service's table.
    pub errors: &'static [&'static str],
}

impl OperationShape {
    /// An operation that the model has and that gets no types, because the service does not carry it out.
    pub const fn named(name: &'static str) -> Self {
        let (input, output) = (crate::values::Nothing::SHAPE, crate::values::Nothing::SHAPE);
        Self { name, input, output, result_wrapper: None, method: "POST", path: "/", errors: &[] }
    }
}

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller's.
    Sender,
    /// The service's.
    Receiver,
}

impl Fault {
    /// The word in XML error documents and in `x-amzn-query-error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "Sender",
            Self::Receiver => "Receiver",
        }
    }
}

/// An error that a service answers with.
#[derive(Debug)]
pub struct ErrorShape {
    /// The short name in the JSON protocols, `QueueDoesNotExist`.
    pub name: &'static str,
    /// The full name of `__type`, `com.amazonaws.sqs#QueueDoesNotExist`.
    pub type_name: &'static str,
    /// The code in XML and in `x-amzn-query-error`, `AWS.SimpleQueueService.NonExistentQueue`.
    pub query_code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Whose fault it is.
    pub fault: Fault,
}

/// A service: how requests name it, and its tables.
#[derive(Debug)]
pub struct ServiceShape {
    /// The service id of the model, `SQS`.
    pub id: &'static str,
    /// The name in credential scopes, `sqs`.
    pub signing_name: &'static str,
    /// The API version, `2012-11-05`.
    pub api_version: &'static str,
    /// What stands before the dot in `X-Amz-Target`; none for services without a JSON protocol.
    pub target_prefix: Option<&'static str>,
    /// The version in the JSON protocol's content type, `1.0`.
    pub json_version: Option<&'static str>,
    /// The namespace of XML replies; none for services that never spoke XML.
    pub xml_namespace: Option<&'static str>,
    /// Whether JSON errors carry `x-amzn-query-error`.
    pub query_compatible: bool,
    /// Every operation of the model, by name in ascending order.
    pub operations: &'static [&'static OperationShape],
    /// Every error, by name in ascending order.
    pub errors: &'static [&'static ErrorShape],
}

impl ServiceShape {
    /// The operation of this name.
    pub fn operation(&self, name: &str) -> Option<&'static OperationShape> {
        let found = self.operations.binary_search_by(|operation| operation.name.cmp(name)).ok()?;
        Some(self.operations[found])
    }

    /// The error of this name.
    pub fn error(&self, name: &str) -> Option<&'static ErrorShape> {
        let found = self.errors.binary_search_by(|error| error.name.cmp(name)).ok()?;
        Some(self.errors[found])
    }
}
