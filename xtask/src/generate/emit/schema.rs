//! `schema.rs`: one static per structure, list, map and stream of events, which the codecs and the gateway read.

use super::super::model::{Body, Field, Model, Presence, Rules};
use super::super::names::screaming;
use super::{header, rules};

/// The whole file.
pub(super) fn file(model: &Model) -> String {
    let statics: String =
        model.shapes.iter().filter_map(|(name, shape)| definition(model, name, &shape.body)).collect();
    let used = |word: &str| statics.contains(word);
    let imports = ["EventStreamShape", "ListShape", "MapShape", "Member", "Rules", "Shape", "StructShape"];
    let imports: Vec<&str> = imports.into_iter().filter(|name| used(name)).collect();
    let enums = if used("enums::") { "use super::enums;\n" } else { "" };
    let head = header(model, "The schemas of the shapes");
    format!("{head}{enums}use wire::schema::{{{}}};\n\n{statics}", imports.join(","))
}

fn definition(model: &Model, name: &str, body: &Body) -> Option<String> {
    let identifier = screaming(name);
    match body {
        Body::Scalar { .. } => None,
        Body::Struct(fields) => {
            let members: String = fields.iter().map(|field| member(model, field)).collect();
            Some(format!(
                "pub static {identifier}: StructShape = StructShape {{ name: {name:?}, members: &[{members}] }};\n\n"
            ))
        }
        Body::Events { events, exceptions } => {
            let events: Vec<&String> = events.iter().map(|event| &event.name).collect();
            Some(format!(
                "pub static {identifier}: EventStreamShape = EventStreamShape {{ name: {name:?}, events: &{events:?}, \
                 exceptions: &{exceptions:?} }};\n\n"
            ))
        }
        Body::List { item, item_name } => Some(format!(
            "pub static {identifier}: ListShape = ListShape {{ name: {name:?}, item_name: {item_name:?}, item: {}, \
             item_rules: {} }};\n\n",
            shape(model, item),
            rules(&model.shapes[item].rules, item),
        )),
        Body::Map { key, value, key_name, value_name } => Some(format!(
            "pub static {identifier}: MapShape = MapShape {{ name: {name:?}, key_name: {key_name:?}, \
             value_name: {value_name:?}, value: {}, key_rules: {}, value_rules: {} }};\n\n",
            shape(model, value),
            rules(&model.shapes[key].rules, key),
            rules(&model.shapes[value].rules, value),
        )),
    }
}

/// An expression of the type `Member`, with a comma.
fn member(model: &Model, field: &Field) -> String {
    let mut text = format!("Member::new({:?}, {})", field.name, shape(model, &field.target));
    if field.location != field.name {
        text += &format!(".at({:?})", field.location);
    }
    if field.flattened {
        text += ".flat()";
    }
    if field.presence != Presence::Optional {
        text += ".required()";
    }
    let target = &model.shapes[&field.target];
    if target.rules != Rules::default() {
        text += &format!(".rules({})", rules(&target.rules, &field.target));
    }
    text + ","
}

/// An expression of the type `Shape`.
fn shape(model: &Model, name: &str) -> String {
    match &model.shapes[name].body {
        Body::Scalar { variant, .. } => format!("Shape::{variant}"),
        Body::Struct(_) => format!("Shape::Struct(&{})", screaming(name)),
        Body::Events { .. } => unreachable!("a stream is no member"),
        Body::List { .. } => format!("Shape::List(&{})", screaming(name)),
        Body::Map { .. } => format!("Shape::Map(&{})", screaming(name)),
    }
}
