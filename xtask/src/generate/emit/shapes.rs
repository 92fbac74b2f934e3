//! `shapes.rs`: one type per structure, with how it is read and written, and one per stream of events.

use super::super::model::{Field, Model, Occurrence, Presence};
use super::super::names::{screaming, snake};
use super::header;

/// The whole file.
pub(super) fn file(model: &Model) -> String {
    let structs = model.structs().map(|(name, fields)| definition(model, name, fields));
    let streams = model.streams().map(|(name, events, _)| stream(name, events));
    let types: String = structs.chain(streams).collect();
    let imports: Vec<&str> = ["Event", "Invalid", "Read", "Reader", "Timestamp", "Write", "Writer"]
        .into_iter()
        .chain(["put", "put_some", "put_unless_empty", "read_struct", "required"])
        .filter(|name| uses(&types, name))
        .collect();
    let bytes = if uses(&types, "Bytes") { "use bytes::Bytes;\n" } else { "" };
    let head = header(model, "The structures");
    format!("{head}use super::schema;\n{bytes}use wire::{{{}}};\n\n{types}", imports.join(","))
}

/// Whether the text has this word.
fn uses(text: &str, word: &str) -> bool {
    let part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    text.match_indices(word)
        .any(|(at, _)| !part(text[..at].chars().next_back()) && !part(text[at + word.len()..].chars().next()))
}

fn definition(model: &Model, name: &str, fields: &[Field]) -> String {
    let declared: String = fields.iter().map(|field| declaration(model, field)).collect();
    let opening = format!("#[derive(Clone, Debug, Default, PartialEq)]\npub struct {name} {{{declared}}}\n\n");
    opening + &read(name, fields) + &write(name, fields)
}

/// An enumeration of what a stream consists of.
fn stream(name: &str, events: &[Occurrence]) -> String {
    let each = |line: &dyn Fn(&Occurrence) -> String| events.iter().map(line).collect::<String>();
    let variants = each(&|event| format!("{}({}),", event.name, event.target));
    let names = each(&|event| format!("Self::{0}(_) => {0:?},", event.name));
    let writes = each(&|event| format!("Self::{}(event) => event.write(writer),", event.name));
    format!(
        "#[derive(Clone, Debug, PartialEq)]\npub enum {name} {{{variants}}}

        impl Event for {name} {{ fn name(&self) -> &'static str {{ match self {{ {names} }} }} }}

        impl Write for {name} {{ fn write(&self, writer: &mut dyn Writer) {{ match self {{ {writes} }} }} }}\n\n"
    )
}

fn declaration(model: &Model, field: &Field) -> String {
    let mut held = model.rust_type(&field.target);
    if field.boxed {
        held = format!("Box<{held}>");
    }
    if field.presence == Presence::Optional {
        held = format!("Option<{held}>");
    }
    format!("pub {}: {held},", snake(&field.name))
}

fn read(name: &str, fields: &[Field]) -> String {
    let shape = screaming(name);
    if fields.is_empty() {
        return format!(
            "impl Read for {name} {{ fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {{
                read_struct(reader, &schema::{shape}, |_, _| Ok(()))?; Ok(Self {{}}) }} }}\n\n"
        );
    }
    let slots: String = fields.iter().map(|field| format!("let mut {} = None;", snake(&field.name))).collect();
    let arms = fields.iter().enumerate();
    let arms: String =
        arms.map(|(at, field)| format!("{at} => {} = Some(Read::read(reader)?),", snake(&field.name))).collect();
    let taken: String = fields.iter().enumerate().map(|(at, field)| taken(at, field)).collect();
    format!(
        "impl Read for {name} {{
            fn read(reader: &mut dyn Reader) -> Result<Self, Invalid> {{
                let shape = &schema::{shape};
                {slots}
                read_struct(reader, shape, |member, reader| {{
                    match member {{ {arms} _ => unreachable!(\"{name} has no member {{member}}\"), }}
                    Ok(())
                }})?;
                Ok(Self {{ {taken} }})
            }}
        }}\n\n"
    )
}

fn taken(at: usize, field: &Field) -> String {
    let name = snake(&field.name);
    match field.presence {
        Presence::Optional => format!("{name},"),
        Presence::Required => format!("{name}: required({name}, &shape.members[{at}])?,"),
        Presence::Defaulted | Presence::OmittedWhenEmpty => format!("{name}: {name}.unwrap_or_default(),"),
    }
}

fn write(name: &str, fields: &[Field]) -> String {
    let puts = fields.iter().enumerate().map(|(at, field)| {
        let field_name = snake(&field.name);
        match field.presence {
            Presence::Optional => format!("put_some(writer, &shape.members[{at}], self.{field_name}.as_ref());"),
            Presence::OmittedWhenEmpty => {
                format!("put_unless_empty(writer, &shape.members[{at}], &self.{field_name});")
            }
            Presence::Required | Presence::Defaulted => {
                format!("put(writer, &shape.members[{at}], &self.{field_name});")
            }
        }
    });
    let puts: String = puts.collect();
    format!(
        "impl Write for {name} {{
            fn write(&self, writer: &mut dyn Writer) {{
                let shape = &schema::{};
                writer.begin_struct(shape);
                {puts}
                writer.end_struct();
            }}
        }}\n\n",
        screaming(name)
    )
}
