//! Which codec of `wire` reads an input and writes an answer.
//!
//! The only place that knows all protocols by their codecs; everything above hands on a [`Protocol`].

use wire::cbor::{self, CborReader, CborWriter, Times};
use wire::json::{self, JsonReader, JsonWriter};
use wire::query::Form;
use wire::schema::{OperationShape, ServiceShape};
use wire::{Reader, Write, xml};

use crate::protocol::Protocol;
use crate::request_id::RequestId;
use crate::service::{Refused, Unprepared};

/// The namespace of errors that are no service's, as AWS's own front end writes it.
const NO_SERVICE_NAMESPACE: &str = "http://webservices.amazon.com/AWSFault/2005-15-09";

/// An input, not yet read.
pub(crate) enum Input<'a> {
    /// The body is a JSON document.
    Json(&'a [u8]),
    /// The body is a CBOR document.
    Cbor(&'a [u8], Times),
    /// Query string and body were a form.
    Form(Form<'a>),
}

/// Has `read` read the input, all of it.
pub(crate) fn read<T>(
    input: &Input<'_>,
    read: impl FnOnce(&mut dyn Reader) -> Result<T, Unprepared>,
) -> Result<T, Unprepared> {
    let whole = |reader: &mut dyn Reader| {
        let value = read(reader)?;
        reader.finish()?;
        Ok(value)
    };
    match input {
        Input::Json(bytes) => whole(&mut JsonReader::new(bytes)?),
        Input::Cbor(bytes, times) => whole(&mut CborReader::with(bytes, *times)),
        Input::Form(form) => whole(&mut form.reader()),
    }
}

/// The body of a good answer.
pub(crate) fn write_output(
    service: &ServiceShape,
    operation: &OperationShape,
    protocol: Protocol,
    id: RequestId,
    output: &dyn Write,
) -> Vec<u8> {
    match protocol {
        Protocol::Json => json::encode(output),
        Protocol::Cbor => cbor::encode(output),
        Protocol::AwsCbor => cbor::encode_with(output, Times::Millis),
        Protocol::Query => xml::encode(operation, namespace(Some(service)), id.as_str(), output),
    }
}

/// Appends an event's payload to its message. A form is refused before it could have events.
pub(crate) fn write_payload(protocol: Protocol, payload: &dyn Write, message: Vec<u8>) -> Vec<u8> {
    let cbor = |mut writer: CborWriter| {
        payload.write(&mut writer);
        writer.into_bytes()
    };
    match protocol {
        Protocol::Json | Protocol::Query => {
            let mut writer = JsonWriter::append_to(message);
            payload.write(&mut writer);
            writer.into_bytes()
        }
        Protocol::Cbor => cbor(CborWriter::append_to(message, Times::Seconds)),
        Protocol::AwsCbor => cbor(CborWriter::append_to(message, Times::Millis)),
    }
}

/// The body of a refusal.
pub(crate) fn write_error(
    service: Option<&ServiceShape>,
    protocol: Protocol,
    id: RequestId,
    refused: &Refused,
) -> Vec<u8> {
    let (type_name, message) = (refused.error.type_name, &*refused.message);
    match (protocol, &refused.members) {
        (Protocol::Json, None) => json::encode_error(type_name, message),
        (Protocol::Json, Some(members)) => json::encode_error_with(type_name, message, &*members.0),
        (Protocol::Cbor | Protocol::AwsCbor, None) => cbor::encode_error(type_name, message),
        (Protocol::Cbor, Some(members)) => cbor::encode_error_with(type_name, message, &*members.0, Times::Seconds),
        (Protocol::AwsCbor, Some(members)) => cbor::encode_error_with(type_name, message, &*members.0, Times::Millis),
        (Protocol::Query, _) => {
            let message = refused.query_message.unwrap_or(message);
            xml::encode_error(refused.error, message, namespace(service), id.as_str())
        }
    }
}

fn namespace(service: Option<&ServiceShape>) -> &str {
    service.and_then(|known| known.xml_namespace).unwrap_or(NO_SERVICE_NAMESPACE)
}
