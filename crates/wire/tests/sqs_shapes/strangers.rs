//! Bytes of strangers: every decoder of every input answers or refuses, and never panics.

use crate::api::operations as ops;
use crate::form_writer::{Spelling, encode};
use crate::values;
use proptest::prelude::{ProptestConfig, any, proptest};
use wire::query::Form;
use wire::{Operation, Read, cbor, json, query};

/// Decodes as the input of each operation; a value that is read must be readable again after being written.
fn decode_all(bytes: &[u8]) {
    decode::<<ops::SendMessageBatch as Operation>::Input>(bytes);
    decode::<<ops::SendMessage as Operation>::Input>(bytes);
    decode::<<ops::ReceiveMessage as Operation>::Input>(bytes);
    decode::<<ops::CreateQueue as Operation>::Input>(bytes);
    decode::<<ops::SetQueueAttributes as Operation>::Input>(bytes);
    decode::<<ops::AddPermission as Operation>::Input>(bytes);
    decode::<<ops::UntagQueue as Operation>::Input>(bytes);
    decode::<<ops::ListQueues as Operation>::Input>(bytes);
}

fn decode<T: Read + wire::Write + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(value) = json::decode::<T>(bytes) {
        assert_eq!(json::decode::<T>(&json::encode(&value)).unwrap(), value);
    }
    if let Ok(value) = cbor::decode::<T>(bytes) {
        assert_eq!(cbor::decode::<T>(&cbor::encode(&value)).unwrap(), value);
    }
    if let Ok(form) = Form::parse(b"", bytes) {
        let _ = query::decode::<T>(&form);
    }
}

fn mutate(mut bytes: Vec<u8>, changes: &[(usize, u8, u8)]) -> Vec<u8> {
    for &(at, byte, kind) in changes {
        let at = at % bytes.len().max(1);
        match kind % 4 {
            0 if !bytes.is_empty() => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        decode_all(&bytes);
    }

    #[test]
    fn almost_json_never_panics(text in "[{}\\[\\]:,\"\\\\u0-9a-fntEe.+ -]{0,200}") {
        decode_all(text.as_bytes());
        decode_all(format!("{{\"QueueUrl\":{text}").as_bytes());
    }

    #[test]
    fn almost_forms_never_panic(text in "(QueueUrl|Attribute|Tag|member|entry|Name|Value|Entries|[0-9.=&%+a-f]){0,60}") {
        decode_all(text.as_bytes());
    }

    #[test]
    fn damaged_requests_never_panic(
        batch in values::batch_request(),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..6),
    ) {
        decode_all(&mutate(json::encode(&batch), &changes));
        decode_all(&mutate(cbor::encode(&batch), &changes));
        decode_all(&mutate(encode(&batch, Spelling::Schema).into_bytes(), &changes));
    }

    #[test]
    fn a_truncated_document_is_refused(batch in values::batch_request(), cut in 1usize..1000) {
        for whole in [json::encode(&batch), cbor::encode(&batch)] {
            let kept = &whole[..whole.len() - cut.min(whole.len() - 1)];
            assert!(json::decode::<crate::api::SendMessageBatchRequest>(kept).is_err());
            assert!(cbor::decode::<crate::api::SendMessageBatchRequest>(kept).is_err());
        }
    }
}

/// A hostile document of 1 MiB is answered within this. A machine needs a few milliseconds without optimising, a hundred times
/// that under load; what grew with the square of the document would take hours.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

#[test]
fn hostile_megabytes_are_answered_in_bounded_time() {
    let list = |item: &str, times: usize| format!("{{\"QueueUrl\":\"q\",\"Entries\":[{}0]}}", item.repeat(times));
    let form = |field: &str, times: usize| field.repeat(times);
    let fields: String = (0..19_000).map(|at| format!("&SendMessageBatchRequestEntry.{}.Id=a", 19_000 - at)).collect();
    let deep = format!("{}{}", "a.".repeat(100_000), "=1");
    let keys: String = (0..60_000).map(|at| format!("\"{at}\":\"v\",")).collect();
    let documents = [
        list("{},", 300_000),
        list("[", 500_000),
        list("\"\\u0000\\ud83d\\ude00\",", 30_000),
        format!("{{\"x\":{}", "[".repeat(1_000_000)),
        format!("{{\"x\":{}", "{\"\":".repeat(250_000)),
        format!("{{\"Attributes\":{{{keys}\"a\":\"b\"}}}}"),
        form("Attribute.1.Name=a&", 50_000),
        form("a=b&", 200_000),
        form("%41%41%41%41%41=+&", 19_000),
        fields,
        deep,
        "\u{9f}".repeat(500_000),
    ];
    let cbor = [vec![0x9F; 1_000_000], vec![0xBF; 1_000_000], vec![0xC1; 1_000_000], vec![0x5F; 1_000_000]];
    for bytes in documents.into_iter().map(String::into_bytes).chain(cbor) {
        let start = std::time::Instant::now();
        decode_all(&bytes);
        let shown = String::from_utf8_lossy(&bytes[..40]).into_owned();
        assert!(start.elapsed() < PATIENCE, "{shown} took {:?}", start.elapsed());
    }
}
