//! XML replies of the query protocol.
//!
//! ```text
//! <SendMessageResponse xmlns="…"><SendMessageResult>members</SendMessageResult>
//!   <ResponseMetadata><RequestId>…</RequestId></ResponseMetadata></SendMessageResponse>
//! <ErrorResponse xmlns="…"><Error><Type>Sender</Type><Code>…</Code><Message>…</Message><Detail/></Error>
//!   <RequestId>…</RequestId></ErrorResponse>
//! ```
//!
//! Written on one line. Nothing here reads XML: no request of the family carries it.

mod escape;
mod writer;

pub use writer::XmlWriter;

use crate::contract::Write;
use crate::schema::{ErrorShape, OperationShape};

/// The declaration that opens every reply.
const DECLARATION: &str = "<?xml version=\"1.0\"?>";

/// Writes the reply of an operation.
pub fn encode(operation: &OperationShape, namespace: &str, request_id: &str, output: &dyn Write) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    append(&mut bytes, &[DECLARATION, "<", operation.name, "Response xmlns=\"", namespace, "\">"]);
    if let Some(wrapper) = operation.result_wrapper {
        append(&mut bytes, &["<", wrapper, ">"]);
        let mut writer = XmlWriter::append_to(bytes);
        output.write(&mut writer);
        bytes = writer.into_bytes();
        append(&mut bytes, &["</", wrapper, ">"]);
    }
    append(&mut bytes, &["<ResponseMetadata><RequestId>"]);
    escape::append(&mut bytes, request_id);
    append(&mut bytes, &["</RequestId></ResponseMetadata></", operation.name, "Response>"]);
    bytes
}

/// Writes the reply of an error.
pub fn encode_error(error: &ErrorShape, message: &str, namespace: &str, request_id: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(384 + message.len());
    append(&mut bytes, &[DECLARATION, "<ErrorResponse xmlns=\"", namespace, "\"><Error><Type>"]);
    append(&mut bytes, &[error.fault.as_str(), "</Type><Code>", error.query_code, "</Code><Message>"]);
    escape::append(&mut bytes, message);
    append(&mut bytes, &["</Message><Detail/></Error><RequestId>"]);
    escape::append(&mut bytes, request_id);
    append(&mut bytes, &["</RequestId></ErrorResponse>"]);
    bytes
}

fn append(bytes: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
    }
}
