//! Arbitrary values of the shapes with the most in them.

use crate::api::{
    BatchResultErrorEntry, Message, MessageAttributeValue, ReceiveMessageResult, SendMessageBatchRequest,
    SendMessageBatchRequestEntry, SendMessageBatchResult, SendMessageBatchResultEntry, SetQueueAttributesRequest,
};
use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

/// Text with everything in it that some protocol has to escape.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[ -~]{0,40}",
        2 => "[a\"\\\\\r\n\t/<>&%+=.;\u{1}\u{7f}\u{85}é𝄞]{0,40}",
        1 => any::<String>(),
        1 => "[a-z\"]{60,200}",
    ]
}

fn blob() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..60).prop_map(Bytes::from)
}

fn map<T: std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<(String, T)>> {
    btree_map(text(), value, 0..6).prop_map(|entries| entries.into_iter().collect())
}

fn attribute() -> impl Strategy<Value = MessageAttributeValue> {
    let lists = (of(vec(text(), 0..3)), of(vec(blob(), 0..3)));
    (of(text()), of(blob()), lists, text()).prop_map(|(string_value, binary_value, lists, data_type)| {
        let (string_list_values, binary_list_values) = lists;
        MessageAttributeValue { string_value, binary_value, string_list_values, binary_list_values, data_type }
    })
}

fn entry() -> impl Strategy<Value = SendMessageBatchRequestEntry> {
    (text(), text(), of(any::<i32>()), of(map(attribute())), of(text())).prop_map(
        |(id, message_body, delay_seconds, message_attributes, message_group_id)| SendMessageBatchRequestEntry {
            id,
            message_body,
            delay_seconds,
            message_attributes,
            message_group_id,
            ..Default::default()
        },
    )
}

pub(crate) fn batch_request() -> impl Strategy<Value = SendMessageBatchRequest> {
    (text(), vec(entry(), 0..11)).prop_map(|(queue_url, entries)| SendMessageBatchRequest { queue_url, entries })
}

pub(crate) fn attributes_request() -> impl Strategy<Value = SetQueueAttributesRequest> {
    (text(), map(text())).prop_map(|(queue_url, attributes)| SetQueueAttributesRequest { queue_url, attributes })
}

pub(crate) fn batch_result() -> impl Strategy<Value = SendMessageBatchResult> {
    let successful =
        (text(), text(), text(), of(text())).prop_map(|(id, message_id, md5_of_message_body, sequence)| {
            SendMessageBatchResultEntry {
                id,
                message_id,
                md5_of_message_body,
                sequence_number: sequence,
                ..Default::default()
            }
        });
    let failed = (text(), any::<bool>(), text(), of(text()))
        .prop_map(|(id, sender_fault, code, message)| BatchResultErrorEntry { id, sender_fault, code, message });
    (vec(successful, 0..4), vec(failed, 0..4))
        .prop_map(|(successful, failed)| SendMessageBatchResult { successful, failed })
}

pub(crate) fn receive_result() -> impl Strategy<Value = ReceiveMessageResult> {
    let message =
        (of(text()), of(map(text())), of(map(attribute()))).prop_map(|(body, attributes, message_attributes)| {
            Message { body, attributes, message_attributes, ..Default::default() }
        });
    prop_oneof![Just(None), vec(message, 1..5).prop_map(Some)].prop_map(|messages| ReceiveMessageResult { messages })
}
