//! The handle of a message move task: base64 of `{"taskId": …, "sourceArn": …}`, as AWS's handles were seen to be.
//!
//! Which task is meant is an id in the form of message ids. One in another form names a task that does not exist.

use crate::catalog::QueueKey;
use crate::message::show_id;
use crate::move_tasks::TaskId;
use crate::redrive::key_of_arn;
use base64_simd::STANDARD;
use queue::MessageId;
use serde_json::{Value, json};

/// The handle of a task of a queue.
pub(crate) fn encode(id: TaskId, source: &QueueKey) -> String {
    STANDARD.encode_to_string(json!({"taskId": show_id(MessageId(id)), "sourceArn": source.arn()}).to_string())
}

/// The queue and the task that a handle names, if it is one; the task is `None` if its id is in no form of ours.
pub(crate) fn decode(handle: &str) -> Option<(QueueKey, Option<TaskId>)> {
    let told: Value = serde_json::from_slice(&STANDARD.decode_to_vec(handle).ok()?).ok()?;
    let source = key_of_arn(told.get("sourceArn")?.as_str()?)?;
    Some((source, read_id(told.get("taskId")?.as_str()?)))
}

fn read_id(text: &str) -> Option<TaskId> {
    let digits = text.bytes().filter(|byte| *byte != b'-').collect::<Vec<_>>();
    let number = u128::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?;
    let id = number.to_be_bytes();
    (show_id(MessageId(id)) == text).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:dead";

    #[test]
    fn a_handle_names_its_task_and_queue() {
        let (key, id) = (key_of_arn(ARN).unwrap(), *b"0123456789abcdef");
        let handle = encode(id, &key);
        assert_eq!(decode(&handle), Some((key, Some(id))));
        let told: Value = serde_json::from_slice(&STANDARD.decode_to_vec(&handle).unwrap()).unwrap();
        assert_eq!(told["sourceArn"], ARN);
        assert_eq!(told["taskId"].as_str().unwrap().len(), 36);
    }

    #[test]
    fn what_is_no_handle_is_none_and_a_strange_task_is_not_found() {
        for wrong in ["", "foobared", "e30=", &STANDARD.encode_to_string("[]")] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
        let strange = json!({"taskId": "one", "sourceArn": ARN}).to_string();
        assert_eq!(decode(&STANDARD.encode_to_string(strange)).unwrap().1, None);
        let nowhere = json!({"taskId": "one", "sourceArn": "here"}).to_string();
        assert_eq!(decode(&STANDARD.encode_to_string(nowhere)), None);
    }
}
