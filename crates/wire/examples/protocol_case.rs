//! The codecs as a program: one case of a protocol test per line in, one answer per line out.
//!
//! In: `{"protocol": "json|query|cbor", "way": "read|write", "shapes": the model's, "shape": name or null, "operation": name,
//! "body": base64}` or, to write, `"value"` in place of the body. Out: `{"value": …}`, `{"body": base64}` or `{"error": …}`.
//! The model's shapes become the static schemas that generated code would have, so that cases of any service can be run.
//! Used by `clients/protocols`, which has the cases and compares.

use base64_simd::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::io::BufRead;
use wire::cbor::CborReader;
use wire::json::JsonReader;
use wire::query::Form;
use wire::schema::{ListShape, MapShape, Member, OperationShape, Rules, Shape, StructShape};
use wire::{Invalid, Reader, Timestamp, Write, Writer, read_struct};

/// How deep a shape that contains itself is laid out; the cases go to five.
const DEPTH_MAX: usize = 7;

type Failure = Box<dyn std::error::Error>;

#[allow(clippy::print_stdout, reason = "standard output is where the answers go")]
fn main() -> Result<(), Failure> {
    for line in std::io::stdin().lock().lines() {
        let answer = answer(&serde_json::from_str(&line?)?);
        println!("{}", answer.unwrap_or_else(|failure| json!({"error": failure.to_string()})));
    }
    Ok(())
}

fn answer(case: &Value) -> Result<Value, Failure> {
    let shape = case["shape"].as_str().map_or(Ok(&NOTHING), |name| structure(&case["shapes"], name, 0))?;
    match case["way"].as_str() {
        Some("read") => {
            let body = STANDARD.decode_to_vec(text(&case["body"])?)?;
            Ok(json!({"value": read_body(text(&case["protocol"])?, shape, &body)?}))
        }
        _ => {
            let body = write_body(case, shape)?;
            Ok(json!({"body": STANDARD.encode_to_string(body)}))
        }
    }
}

fn text(value: &Value) -> Result<&str, Failure> {
    Ok(value.as_str().ok_or("text is wanted")?)
}

fn read_body(protocol: &str, shape: &'static StructShape, body: &[u8]) -> Result<Value, Failure> {
    let read_all = |reader: &mut dyn Reader| -> Result<Value, Invalid> {
        let value = read(Shape::Struct(shape), reader)?;
        reader.finish()?;
        Ok(value)
    };
    Ok(match protocol {
        "json" => read_all(&mut JsonReader::new(body)?)?,
        "cbor" => read_all(&mut CborReader::new(body))?,
        _ => read_all(&mut Form::parse(b"", body)?.reader())?,
    })
}

fn write_body(case: &Value, shape: &'static StructShape) -> Result<Vec<u8>, Failure> {
    let output = Dynamic { shape: Shape::Struct(shape), value: case["value"].clone() };
    Ok(match text(&case["protocol"])? {
        "json" => wire::json::encode(&output),
        "cbor" => wire::cbor::encode(&output),
        _ => {
            let name = leak(text(&case["operation"])?);
            let wrapper = (!shape.members.is_empty()).then(|| leak(&format!("{name}Result")));
            let operation = OperationShape {
                name,
                input: &NOTHING,
                output: shape,
                result_wrapper: wrapper,
                method: "POST",
                path: "/",
                errors: &[],
            };
            wire::xml::encode(&operation, "https://example.com/", "an-id", &output)
        }
    })
}

static NOTHING: StructShape = StructShape { name: "Nothing", members: &[] };

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// The schema of the shape called `name`, as `xtask gen` would write it.
fn schema(shapes: &Value, name: &str, depth: usize) -> Result<Shape, Failure> {
    let shape = &shapes[name];
    Ok(match text(&shape["type"])? {
        "string" | "character" => Shape::String,
        "integer" | "short" | "byte" => Shape::Integer,
        "long" => Shape::Long,
        "float" => Shape::Float,
        "double" => Shape::Double,
        "boolean" => Shape::Boolean,
        "blob" => Shape::Blob,
        "timestamp" => Shape::Timestamp,
        "structure" => Shape::Struct(structure(shapes, name, depth)?),
        "list" => Shape::List(Box::leak(Box::new(ListShape {
            name: leak(name),
            item_name: location(&shape["member"]).unwrap_or("member"),
            item: schema(shapes, text(&shape["member"]["shape"])?, depth + 1)?,
            item_rules: Rules::NONE,
        }))),
        "map" => Shape::Map(Box::leak(Box::new(MapShape {
            name: leak(name),
            key_name: location(&shape["key"]).unwrap_or("key"),
            value_name: location(&shape["value"]).unwrap_or("value"),
            value: schema(shapes, text(&shape["value"]["shape"])?, depth + 1)?,
            key_rules: Rules::NONE,
            value_rules: Rules::NONE,
        }))),
        other => return Err(format!("no schema for the type {other}").into()),
    })
}

fn location(reference: &Value) -> Option<&'static str> {
    reference["locationName"].as_str().map(leak)
}

fn structure(shapes: &Value, name: &str, depth: usize) -> Result<&'static StructShape, Failure> {
    if depth > DEPTH_MAX {
        return Ok(&NOTHING);
    }
    let mut members = Vec::new();
    for (name, reference) in shapes[name]["members"].as_object().ok_or("a structure has members")? {
        members.push(member(shapes, name, reference, depth)?);
    }
    Ok(Box::leak(Box::new(StructShape { name: leak(name), members: members.leak() })))
}

fn member(shapes: &Value, name: &str, reference: &Value, depth: usize) -> Result<Member, Failure> {
    let target = text(&reference["shape"])?;
    let inner = &shapes[target];
    let member = Member::new(leak(name), schema(shapes, target, depth + 1)?);
    let flattened = inner["flattened"] == true || reference["flattened"] == true;
    // Where the list itself is flattened, as in models of old, the name of its items stands in place of the member's.
    let items = location(&inner["member"]).filter(|_| inner["flattened"] == true);
    let member = match items.or_else(|| location(reference)) {
        Some(location) => member.at(location),
        None => member,
    };
    Ok(if flattened { member.flat() } else { member })
}

fn read(shape: Shape, reader: &mut dyn Reader) -> Result<Value, Invalid> {
    Ok(match shape {
        Shape::String => reader.string()?.into(),
        Shape::Integer => reader.integer()?.into(),
        Shape::Long => reader.long()?.into(),
        Shape::Float | Shape::Double => show_float(reader.double()?),
        Shape::Boolean => reader.boolean()?.into(),
        Shape::Blob => String::from_utf8_lossy(&reader.blob()?).into(),
        Shape::Timestamp => show_float(reader.timestamp()?.millis() as f64 / 1000.0),
        Shape::Struct(shape) => {
            let mut members = Map::new();
            read_struct(reader, shape, |index, reader| {
                let member = &shape.members[index];
                members.insert(member.name.to_owned(), read(member.shape, reader)?);
                Ok(())
            })?;
            members.into()
        }
        Shape::List(shape) => {
            let mut items = Vec::new();
            reader.begin_list()?;
            while reader.next_item()? {
                items.push(read(shape.item, reader)?);
            }
            items.into()
        }
        Shape::Map(shape) => {
            let mut entries = Map::new();
            reader.begin_map()?;
            while let Some(key) = reader.next_key()? {
                entries.insert(key, read(shape.value, reader)?);
            }
            entries.into()
        }
    })
}

/// JSON has no word for these, and the cases write them as texts.
fn show_float(value: f64) -> Value {
    match value {
        value if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        value => value.into(),
    }
}

/// Fractions arrive as text, so that no second JSON parser rounds them on their way to the codecs.
fn float(value: &Value) -> f64 {
    match value.as_str() {
        Some(text) => text.parse().expect("a case's number"),
        None => value.as_f64().expect("a case's number"),
    }
}

/// A value with the schema it is written by.
struct Dynamic {
    shape: Shape,
    value: Value,
}

impl Write for Dynamic {
    fn write(&self, writer: &mut dyn Writer) {
        write(self.shape, &self.value, writer);
    }
}

fn write(shape: Shape, value: &Value, writer: &mut dyn Writer) {
    let as_text = || value.as_str().expect("a case's text");
    match shape {
        Shape::String => writer.string(as_text()),
        Shape::Integer | Shape::Long => writer.long(value.as_i64().expect("a case's integer")),
        Shape::Float | Shape::Double => writer.double(float(value)),
        Shape::Boolean => writer.boolean(value.as_bool().expect("a case's boolean")),
        Shape::Blob => writer.blob(&Bytes::copy_from_slice(as_text().as_bytes())),
        Shape::Timestamp => {
            writer.timestamp(Timestamp::from_seconds(float(value)).expect("a moment of this age"));
        }
        Shape::Struct(shape) => {
            writer.begin_struct(shape);
            for member in shape.members.iter().filter(|member| !value[member.name].is_null()) {
                writer.member(member);
                write(member.shape, &value[member.name], writer);
            }
            writer.end_struct();
        }
        Shape::List(shape) => {
            let items = value.as_array().expect("a case's list");
            writer.begin_list(items.len());
            for item in items {
                writer.item();
                write(shape.item, item, writer);
            }
            writer.end_list();
        }
        Shape::Map(shape) => {
            let entries = value.as_object().expect("a case's map");
            writer.begin_map(entries.len());
            for (key, value) in entries {
                writer.key(key);
                write(shape.value, value, writer);
                writer.end_entry();
            }
            writer.end_map();
        }
    }
}
