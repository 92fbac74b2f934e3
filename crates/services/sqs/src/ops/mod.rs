//! One file per operation, or for two that are each other's opposite: input → command → output.

mod add_permission;
mod cancel_message_move_task;
mod change_message_visibility;
mod change_message_visibility_batch;
mod create_queue;
mod delete_message;
mod delete_message_batch;
mod delete_queue;
mod get_queue_attributes;
mod get_queue_url;
mod list_dead_letter_source_queues;
mod list_message_move_tasks;
mod list_queue_tags;
mod list_queues;
mod purge_queue;
pub(crate) mod receive_message;
mod remove_permission;
pub(crate) mod send_message;
mod send_message_batch;
mod set_queue_attributes;
mod start_message_move_task;
mod tag_queue;

use crate::service::{Prepare, prepare};

/// The operations that are carried out. The model's others are refused by name.
pub(crate) const TABLE: &[(&str, Prepare)] = &[
    ("SendMessage", prepare::<send_message::SendMessage>),
    ("ReceiveMessage", prepare::<receive_message::ReceiveMessage>),
    ("DeleteMessage", prepare::<delete_message::DeleteMessage>),
    ("SendMessageBatch", prepare::<send_message_batch::SendMessageBatch>),
    ("DeleteMessageBatch", prepare::<delete_message_batch::DeleteMessageBatch>),
    ("ChangeMessageVisibility", prepare::<change_message_visibility::ChangeMessageVisibility>),
    ("ChangeMessageVisibilityBatch", prepare::<change_message_visibility_batch::ChangeMessageVisibilityBatch>),
    ("CreateQueue", prepare::<create_queue::CreateQueue>),
    ("DeleteQueue", prepare::<delete_queue::DeleteQueue>),
    ("GetQueueAttributes", prepare::<get_queue_attributes::GetQueueAttributes>),
    ("GetQueueUrl", prepare::<get_queue_url::GetQueueUrl>),
    ("ListDeadLetterSourceQueues", prepare::<list_dead_letter_source_queues::ListDeadLetterSourceQueues>),
    ("ListQueueTags", prepare::<list_queue_tags::ListQueueTags>),
    ("ListQueues", prepare::<list_queues::ListQueues>),
    ("PurgeQueue", prepare::<purge_queue::PurgeQueue>),
    ("SetQueueAttributes", prepare::<set_queue_attributes::SetQueueAttributes>),
    ("AddPermission", prepare::<add_permission::AddPermission>),
    ("RemovePermission", prepare::<remove_permission::RemovePermission>),
    ("StartMessageMoveTask", prepare::<start_message_move_task::StartMessageMoveTask>),
    ("ListMessageMoveTasks", prepare::<list_message_move_tasks::ListMessageMoveTasks>),
    ("CancelMessageMoveTask", prepare::<cancel_message_move_task::CancelMessageMoveTask>),
    ("TagQueue", prepare::<tag_queue::TagQueue>),
    ("UntagQueue", prepare::<tag_queue::UntagQueue>),
];
