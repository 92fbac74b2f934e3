//! `operations.rs` and `errors.rs`: one static each, a type per operation, and the tables that hold them all.

use super::super::model::{Error, Model, Operation};
use super::super::names::screaming;
use super::header;

/// The whole file of operations.
pub(super) fn operations(model: &Model) -> String {
    let others = model.others.iter().map(|name| {
        let identifier = screaming(name);
        format!("pub static {identifier}: OperationShape = OperationShape::named({name:?});\n")
    });
    let definitions: String = model.operations.iter().map(operation).chain(others).collect();
    let mut names: Vec<&String> =
        model.operations.iter().map(|operation| &operation.name).chain(&model.others).collect();
    names.sort();
    let names: Vec<String> = names.into_iter().map(|name| format!("&{}", screaming(name))).collect();
    let nothing = if definitions.contains("Nothing") { ", Nothing" } else { "" };
    let head = header(model, "The operations");
    format!(
        "{head}use super::schema;\nuse wire::{{Operation{nothing}}};\nuse wire::schema::OperationShape;\n\n\
         pub const ALL: &[&OperationShape] = &[{}];\n\n{definitions}",
        names.join(",")
    )
}

fn operation(operation: &Operation) -> String {
    let Operation { name, method, path, input, output, result_wrapper, errors } = operation;
    let held = |shape: &Option<String>| shape.as_ref().map_or("Nothing".into(), |shape| format!("super::{shape}"));
    let schema = |shape: &Option<String>| {
        shape.as_ref().map_or("Nothing::SHAPE".into(), |shape| format!("&schema::{}", screaming(shape)))
    };
    let identifier = screaming(name);
    format!(
        "pub static {identifier}: OperationShape = OperationShape {{
            name: {name:?}, input: {}, output: {}, result_wrapper: {result_wrapper:?}, method: {method:?},
            path: {path:?}, errors: &{errors:?},
        }};

        pub enum {name} {{}}

        impl Operation for {name} {{
            type Input = {};
            type Output = {};
            const SHAPE: &'static OperationShape = &{identifier};
        }}\n\n",
        schema(input),
        schema(output),
        held(input),
        held(output),
    )
}

/// The whole file of errors.
pub(super) fn errors(model: &Model) -> String {
    let definitions: String = model.errors.iter().map(error).collect();
    let names: Vec<String> = model.errors.iter().map(|error| format!("&{}", screaming(&error.name))).collect();
    let head = header(model, "The errors");
    format!(
        "{head}use wire::schema::{{ErrorShape, Fault}};\n\npub const ALL: &[&ErrorShape] = &[{}];\n\n{definitions}",
        names.join(",")
    )
}

fn error(error: &Error) -> String {
    let Error { name, type_name, query_code, status, receiver } = error;
    let fault = if *receiver { "Receiver" } else { "Sender" };
    format!(
        "pub static {}: ErrorShape = ErrorShape {{ name: {name:?}, type_name: {type_name:?}, \
         query_code: {query_code:?}, status: {status}, fault: Fault::{fault} }};\n\n",
        screaming(name)
    )
}
