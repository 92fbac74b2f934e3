//! What one side writes the other side reads, in every protocol.

use crate::form_writer::{Spelling, encode};
use crate::values;
use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
use wire::query::Form;
use wire::{Read, Write, cbor, json, query};

fn json_and_cbor<T: Read + Write + PartialEq + std::fmt::Debug>(value: &T) {
    assert_eq!(json::decode::<T>(&json::encode(value)).unwrap(), *value);
    for times in [cbor::Times::Seconds, cbor::Times::Millis] {
        assert_eq!(cbor::decode_with::<T>(&cbor::encode_with(value, times), times).unwrap(), *value);
    }
}

/// What a second JSON implementation makes of our document.
fn as_serde_sees_it(value: &dyn Write) -> serde_json::Value {
    serde_json::from_slice(&json::encode(value)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn requests_survive_json_and_cbor(batch in values::batch_request(), attributes in values::attributes_request()) {
        json_and_cbor(&batch);
        json_and_cbor(&attributes);
    }

    #[test]
    fn replies_survive_json_and_cbor(received in values::receive_result(), sent in values::batch_result()) {
        json_and_cbor(&received);
        json_and_cbor(&sent);
    }

    #[test]
    fn another_json_library_reads_what_is_written_and_writes_what_is_read(batch in values::batch_request()) {
        let seen = as_serde_sees_it(&batch);
        for (entry, shown) in batch.entries.iter().zip(seen["Entries"].as_array().unwrap()) {
            prop_assert_eq!(shown["MessageBody"].as_str(), Some(entry.message_body.as_str()));
        }
        prop_assert_eq!(json::decode::<crate::api::SendMessageBatchRequest>(seen.to_string().as_bytes()).unwrap(), batch);
    }

    #[test]
    fn requests_survive_forms_of_either_spelling(batch in values::batch_request(), attributes in values::attributes_request()) {
        for spelling in [Spelling::Schema, Spelling::Wrapped] {
            let text = encode(&batch, spelling);
            let form = Form::parse(b"", text.as_bytes()).unwrap();
            prop_assert_eq!(&query::decode::<crate::api::SendMessageBatchRequest>(&form).unwrap(), &batch, "{}", text);
            let text = encode(&attributes, spelling);
            let form = Form::parse(b"", text.as_bytes()).unwrap();
            prop_assert_eq!(&query::decode::<crate::api::SetQueueAttributesRequest>(&form).unwrap(), &attributes, "{}", text);
        }
    }

    #[test]
    fn the_order_of_parameters_does_not_matter(batch in values::batch_request(), seed in 0u64..1000) {
        let text = encode(&batch, Spelling::Schema);
        let mut fields: Vec<&str> = text.split('&').collect();
        fields.sort_by_key(|field| field.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())));
        let form = fields.join("&");
        let form = Form::parse(b"", form.as_bytes()).unwrap();
        prop_assert_eq!(query::decode::<crate::api::SendMessageBatchRequest>(&form).unwrap(), batch);
    }
}
