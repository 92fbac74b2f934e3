//! A service model and its overlay, joined and checked: what the emitters print.
//!
//! Only shapes that some operation's input or output reaches are kept. The order of members is the model's, because
//! XML replies and the choice of the first missing parameter depend on it. Whatever the model has and nothing here
//! understands is an error, never a silent gap.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::overlay::{Answer, Overlay};

/// One service.
pub(super) struct Model {
    pub(super) id: String,
    pub(super) api_version: String,
    pub(super) signing_name: String,
    pub(super) target_prefix: Option<String>,
    pub(super) json_version: Option<String>,
    pub(super) xml_namespace: Option<String>,
    pub(super) query_compatible: bool,
    /// Shapes that operations reach, by name.
    pub(super) shapes: BTreeMap<String, Shape>,
    pub(super) operations: Vec<Operation>,
    /// Operations that are only known by name.
    pub(super) others: Vec<String>,
    pub(super) errors: Vec<Error>,
}

/// A shape, whatever its kind.
pub(super) struct Shape {
    pub(super) body: Body,
    pub(super) rules: Rules,
}

/// What a shape is made of.
pub(super) enum Body {
    /// A variant of `wire::schema::Shape` and the Rust type that holds it.
    Scalar {
        variant: &'static str,
        rust: &'static str,
    },
    Struct(Vec<Field>),
    List {
        item: String,
        item_name: String,
    },
    Map {
        key: String,
        value: String,
        key_name: String,
        value_name: String,
    },
    /// What an output goes on with: a union whose members are events, or errors that end it.
    Events {
        events: Vec<Occurrence>,
        exceptions: Vec<String>,
    },
}

/// An event of a stream: its name in the union, and its structure.
pub(super) struct Occurrence {
    pub(super) name: String,
    pub(super) target: String,
}

/// What a shape demands of its values.
#[derive(Default, PartialEq)]
pub(super) struct Rules {
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) pattern: Option<String>,
    pub(super) values: Vec<String>,
    pub(super) sensitive: bool,
}

/// A member of a structure.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) location: String,
    pub(super) flattened: bool,
    pub(super) presence: Presence,
    pub(super) target: String,
    /// Whether the structure would contain itself without a box around this member.
    pub(super) boxed: bool,
}

/// When a member is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Optional,
    Required,
    /// Demanded by the model; absent, it is read as its default.
    Defaulted,
    /// Demanded by the model; not written when empty.
    OmittedWhenEmpty,
}

/// An operation.
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
    pub(super) result_wrapper: Option<String>,
    pub(super) errors: Vec<String>,
}

/// An error.
pub(super) struct Error {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) query_code: String,
    pub(super) status: u16,
    pub(super) receiver: bool,
}

/// The namespace of errors that AWS's own service framework answers with.
const FRAMEWORK: &str = "com.amazon.coral.service";

impl Model {
    /// Joins a model with its overlay.
    pub(super) fn parse(model: &Value, overlay: &Overlay) -> Result<Self, String> {
        check_names(model, overlay)?;
        let metadata = &model["metadata"];
        let has_query = metadata["protocol"] == "query" || !metadata["awsQueryCompatible"].is_null();
        let mut operations = operations(model, has_query)?;
        let others = others(&mut operations, overlay)?;
        let shapes = shapes(model, overlay, &operations)?;
        Ok(Self {
            id: text(&metadata["serviceId"], "serviceId")?,
            api_version: text(&metadata["apiVersion"], "apiVersion")?,
            signing_name: overlay.signing_name.clone(),
            target_prefix: optional(&metadata["targetPrefix"]).or_else(|| overlay.target_prefix.clone()),
            json_version: optional(&metadata["jsonVersion"]),
            xml_namespace: optional(&metadata["xmlNamespace"]).or_else(|| overlay.xml_namespace.clone()),
            query_compatible: !metadata["awsQueryCompatible"].is_null() || overlay.target_prefix.is_some(),
            errors: errors(model, overlay, &operations, &shapes)?,
            shapes,
            operations,
            others,
        })
    }

    /// The Rust type that holds a value of this shape.
    pub(super) fn rust_type(&self, name: &str) -> String {
        match &self.shapes[name].body {
            Body::Scalar { rust, .. } => (*rust).to_owned(),
            Body::Struct(_) | Body::Events { .. } => name.to_owned(),
            Body::List { item, .. } => format!("Vec<{}>", self.rust_type(item)),
            Body::Map { value, .. } => format!("Vec<(String, {})>", self.rust_type(value)),
        }
    }

    /// The structures by name.
    pub(super) fn structs(&self) -> impl Iterator<Item = (&String, &Vec<Field>)> {
        self.shapes.iter().filter_map(|(name, shape)| match &shape.body {
            Body::Struct(fields) => Some((name, fields)),
            _ => None,
        })
    }

    /// The unions of events by name.
    pub(super) fn streams(&self) -> impl Iterator<Item = (&String, &Vec<Occurrence>, &Vec<String>)> {
        self.shapes.iter().filter_map(|(name, shape)| match &shape.body {
            Body::Events { events, exceptions } => Some((name, events, exceptions)),
            _ => None,
        })
    }
}

fn text(value: &Value, what: &str) -> Result<String, String> {
    optional(value).ok_or_else(|| format!("the model has no {what}"))
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Every name of the overlay has to be one of the model, so that a renamed shape is noticed.
fn check_names(model: &Value, overlay: &Overlay) -> Result<(), String> {
    let shape = |name: &str| !model["shapes"][name].is_null();
    let member = |name: &str| {
        name.split_once('.').is_some_and(|(shape, member)| !model["shapes"][shape]["members"][member].is_null())
    };
    let shapes = overlay.items.keys().chain(overlay.entries.keys()).chain(overlay.errors.keys());
    let shapes = shapes.chain(&overlay.errors_with_members);
    let members = overlay.defaulted.iter().chain(&overlay.omitted_when_empty);
    let unknown = shapes.filter(|name| !shape(name)).chain(members.filter(|name| !member(name)));
    let unknown: Vec<&str> = unknown.map(String::as_str).collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(format!("the overlay names what no model has: {}", unknown.join(", ")))
    }
}

fn operations(model: &Value, has_query: bool) -> Result<Vec<Operation>, String> {
    let listed = model["operations"].as_object().ok_or("the model has no operations")?;
    let mut operations = listed
        .iter()
        .map(|(name, operation)| {
            let output = optional(&operation["output"]["shape"]);
            let input = optional(&operation["input"]["shape"]);
            if input.as_ref().is_some_and(|input| stream_of(model, input).is_some()) {
                return Err(format!("{name}: streams of events in requests are not understood"));
            }
            let wrapper = optional(&operation["output"]["resultWrapper"]);
            let result_wrapper = output.is_some() && has_query;
            let errors = operation["errors"].as_array().into_iter().flatten();
            Ok(Operation {
                name: name.clone(),
                method: text(&operation["http"]["method"], "method")?,
                path: text(&operation["http"]["requestUri"], "path")?,
                input,
                result_wrapper: result_wrapper.then(|| wrapper.unwrap_or_else(|| format!("{name}Result"))),
                output,
                errors: errors.filter_map(|error| optional(&error["shape"])).collect(),
            })
        })
        .collect::<Result<Vec<_>, String>>()?;
    operations.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(operations)
}

/// Takes out the operations that the overlay does not ask for, where it names some, and gives their names.
fn others(operations: &mut Vec<Operation>, overlay: &Overlay) -> Result<Vec<String>, String> {
    let wanted = &overlay.operations;
    let known = |name: &&String| operations.iter().any(|operation| operation.name == **name);
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        return Err(format!("the overlay names the operation {unknown}, which no model has"));
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let others = operations.extract_if(.., |operation| !wanted.contains(&operation.name));
    Ok(others.map(|operation| operation.name).collect())
}

/// Every shape that an operation reaches.
fn shapes(model: &Value, overlay: &Overlay, operations: &[Operation]) -> Result<BTreeMap<String, Shape>, String> {
    let mut shapes = BTreeMap::new();
    let tops = operations.iter().flat_map(|operation| operation.input.iter().chain(&operation.output));
    let tops = tops.chain(&overlay.errors_with_members);
    let mut wanted: Vec<String> = tops.cloned().collect();
    while let Some(name) = wanted.pop() {
        if shapes.contains_key(&name) {
            continue;
        }
        let shape = shape(model, overlay, &name).map_err(|problem| format!("{name}: {problem}"))?;
        match &shape.body {
            Body::Scalar { .. } => {}
            Body::Struct(fields) => {
                wanted.extend(fields.iter().map(|field| field.target.clone()));
                wanted.extend(stream_of(model, &name));
            }
            Body::Events { events, .. } => wanted.extend(events.iter().map(|event| event.target.clone())),
            Body::List { item, .. } => wanted.push(item.clone()),
            Body::Map { key, value, .. } => wanted.extend([key.clone(), value.clone()]),
        }
        shapes.insert(name, shape);
    }
    mark_boxes(&mut shapes);
    Ok(shapes)
}

/// The stream that a structure holds beside its other members.
fn stream_of(model: &Value, name: &str) -> Option<String> {
    let members = model["shapes"][name]["members"].as_object()?;
    members.values().filter_map(|member| optional(&member["shape"])).find(|target| is_stream(model, target))
}

fn is_stream(model: &Value, name: &str) -> bool {
    model["shapes"][name]["eventstream"] == true
}

/// A union of events and errors. What an event holds is its payload, and an error in it is told by its message alone.
fn stream(model: &Value, name: &str) -> Result<Body, String> {
    let (mut events, mut exceptions) = (Vec::new(), Vec::new());
    for (name, member) in model["shapes"][name]["members"].as_object().into_iter().flatten() {
        let target = text(&member["shape"], "shape")?;
        let shape = &model["shapes"][&target];
        let members: Vec<_> = shape["members"].as_object().into_iter().flatten().collect();
        let has_parts = members.iter().any(|(_, part)| part["eventpayload"] == true || part["eventheader"] == true);
        match shape["exception"] == true {
            true if *name != target => return Err(format!("the error {target} is called {name}")),
            true if members.iter().any(|(part, _)| *part != "message") => {
                return Err(format!("the error {name} has more than a message"));
            }
            true => exceptions.push(name.clone()),
            false if has_parts => return Err(format!("the event {name} has headers or a payload of its own")),
            false => events.push(Occurrence { name: name.clone(), target }),
        }
    }
    Ok(Body::Events { events, exceptions })
}

fn shape(model: &Value, overlay: &Overlay, name: &str) -> Result<Shape, String> {
    let value = &model["shapes"][name];
    let scalar = |variant, rust| Body::Scalar { variant, rust };
    let body = match value["type"].as_str().ok_or("the model does not have it")? {
        "string" => scalar("String", "String"),
        "integer" => scalar("Integer", "i32"),
        "long" => scalar("Long", "i64"),
        "float" => scalar("Float", "f64"),
        "double" => scalar("Double", "f64"),
        "boolean" => scalar("Boolean", "bool"),
        "blob" => scalar("Blob", "Bytes"),
        "timestamp" => scalar("Timestamp", "Timestamp"),
        "structure" if is_stream(model, name) => stream(model, name)?,
        "structure" if value["document"].is_null() => Body::Struct(fields(model, overlay, name)?),
        "list" => {
            Body::List { item: text(&value["member"]["shape"], "item")?, item_name: item_name(value, overlay, name) }
        }
        "map" => map(value, overlay, name)?,
        other => return Err(format!("shapes of type {other} are not understood")),
    };
    Ok(Shape { body, rules: rules(value) })
}

fn item_name(value: &Value, overlay: &Overlay, name: &str) -> String {
    let named = overlay.items.get(name).cloned().or_else(|| optional(&value["member"]["locationName"]));
    named.unwrap_or_else(|| "member".to_owned())
}

fn map(value: &Value, overlay: &Overlay, name: &str) -> Result<Body, String> {
    let entry = overlay.entries.get(name);
    let named = |part: &str, from_overlay: Option<&String>| {
        let named = from_overlay.cloned().or_else(|| optional(&value[part]["locationName"]));
        named.unwrap_or_else(|| part.to_owned())
    };
    Ok(Body::Map {
        key: text(&value["key"]["shape"], "key")?,
        value: text(&value["value"]["shape"], "value")?,
        key_name: named("key", entry.map(|entry| &entry.key)),
        value_name: named("value", entry.map(|entry| &entry.value)),
    })
}

fn fields(model: &Value, overlay: &Overlay, name: &str) -> Result<Vec<Field>, String> {
    let value = &model["shapes"][name];
    let required: BTreeSet<&str> =
        value["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let members = value["members"].as_object().into_iter().flatten();
    // A stream is no member like others: it follows the output.
    let plain =
        members.filter(|(_, reference)| !reference["shape"].as_str().is_some_and(|name| is_stream(model, name)));
    plain
        .map(|(member, reference)| {
            let path = format!("{name}.{member}");
            let presence = match required.contains(member.as_str()) {
                _ if overlay.defaulted.contains(&path) => Presence::Defaulted,
                _ if overlay.omitted_when_empty.contains(&path) => Presence::OmittedWhenEmpty,
                true => Presence::Required,
                false => Presence::Optional,
            };
            let target = text(&reference["shape"], "shape")?;
            let shape = &model["shapes"][&target];
            let flattened = reference["flattened"] == true || shape["flattened"] == true;
            let location = location(reference, shape, &target, flattened, overlay).unwrap_or_else(|| member.clone());
            Ok(Field { name: member.clone(), location, flattened, presence, target, boxed: false })
        })
        .collect()
}

/// The name of a member in forms and XML where it is another than its own. Items of a flattened list stand where the
/// member would, so it goes by their name.
fn location(reference: &Value, shape: &Value, target: &str, flattened: bool, overlay: &Overlay) -> Option<String> {
    let item = || overlay.items.get(target).cloned().or_else(|| optional(&shape["member"]["locationName"]));
    let entry = || overlay.entries.get(target).map(|entry| entry.name.clone());
    let flat = if flattened { item().or_else(entry) } else { None };
    flat.or_else(|| optional(&reference["locationName"]))
}

fn rules(value: &Value) -> Rules {
    let values = value["enum"].as_array().into_iter().flatten();
    Rules {
        min: value["min"].as_i64(),
        max: value["max"].as_i64(),
        pattern: optional(&value["pattern"]),
        values: values.filter_map(optional).collect(),
        sensitive: value["sensitive"] == true,
    }
}

/// Finds the members through which a structure contains itself without a list or map between.
fn mark_boxes(shapes: &mut BTreeMap<String, Shape>) {
    let direct: BTreeMap<String, Vec<String>> = shapes
        .iter()
        .filter_map(|(name, shape)| match &shape.body {
            Body::Struct(fields) => Some((name.clone(), fields.iter().map(|field| field.target.clone()).collect())),
            _ => None,
        })
        .collect();
    for (name, shape) in shapes.iter_mut() {
        if let Body::Struct(fields) = &mut shape.body {
            for field in fields {
                field.boxed = reaches(&direct, &field.target, name);
            }
        }
    }
}

fn reaches(direct: &BTreeMap<String, Vec<String>>, from: &str, to: &str) -> bool {
    let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
    while let Some(name) = left.pop() {
        if !direct.contains_key(name) || !seen.insert(name) {
            continue;
        }
        if name == to {
            return true;
        }
        left.extend(direct[name].iter().map(String::as_str));
    }
    false
}

/// The errors of the model, corrected, and those that only the overlay knows. Where operations are named, these are the
/// errors of theirs and of their streams alone.
fn errors(
    model: &Value,
    overlay: &Overlay,
    operations: &[Operation],
    shapes: &BTreeMap<String, Shape>,
) -> Result<Vec<Error>, String> {
    let of_streams: BTreeSet<&String> = shapes
        .values()
        .flat_map(|shape| match &shape.body {
            Body::Events { exceptions, .. } => exceptions.as_slice(),
            _ => &[],
        })
        .collect();
    let is_wanted = |name: &String| {
        let is_theirs = |operation: &Operation| operation.errors.contains(name);
        overlay.operations.is_empty() || of_streams.contains(name) || operations.iter().any(is_theirs)
    };
    let shapes = model["shapes"].as_object().ok_or("the model has no shapes")?;
    let nothing = Answer::default();
    let modelled = shapes.iter().filter(|(name, shape)| shape["exception"] == true && is_wanted(name));
    let modelled = modelled.map(|(name, shape)| {
        let answer = overlay.errors.get(name).unwrap_or(&nothing);
        let receiver = answer.receiver || shape["fault"] == true;
        let status = shape["error"]["httpStatusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
        Error {
            name: name.clone(),
            type_name: overlay.error_type(name),
            query_code: answer.query_code.clone().or_else(|| optional(&shape["error"]["code"])).unwrap_or(name.clone()),
            status: answer.status.or(status).unwrap_or(if receiver { 500 } else { 400 }),
            receiver,
        }
    });
    let common = overlay.common_errors.iter().map(|(name, answer)| Error {
        name: name.clone(),
        type_name: match &answer.namespace {
            Some(namespace) => format!("{namespace}#{name}"),
            None if overlay.has_bare_errors() => name.clone(),
            None => format!("{FRAMEWORK}#{name}"),
        },
        query_code: answer.query_code.clone().unwrap_or(name.clone()),
        status: answer.status.unwrap_or(if answer.receiver { 500 } else { 400 }),
        receiver: answer.receiver,
    });
    let mut errors: Vec<Error> = modelled.chain(common).collect();
    errors.sort_by(|left, right| left.name.cmp(&right.name));
    match errors.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => Err(format!("{} is both an error of the model and a common one", pair[0].name)),
        None => Ok(errors),
    }
}
