//! The operations: input → command → output.

mod publish;
mod subscriptions;
mod tags;
mod topics;

use crate::service::{Prepare, prepare};

/// The operations that are carried out. The model's others are refused by name.
pub(crate) const TABLE: &[(&str, Prepare)] = &[
    ("Publish", prepare::<publish::Publish>),
    ("PublishBatch", prepare::<publish::PublishBatch>),
    ("CreateTopic", prepare::<topics::CreateTopic>),
    ("DeleteTopic", prepare::<topics::DeleteTopic>),
    ("GetSubscriptionAttributes", prepare::<subscriptions::GetSubscriptionAttributes>),
    ("GetTopicAttributes", prepare::<topics::GetTopicAttributes>),
    ("ListSubscriptions", prepare::<subscriptions::ListSubscriptions>),
    ("ListSubscriptionsByTopic", prepare::<subscriptions::ListSubscriptionsByTopic>),
    ("ListTagsForResource", prepare::<tags::ListTagsForResource>),
    ("ListTopics", prepare::<topics::ListTopics>),
    ("SetSubscriptionAttributes", prepare::<subscriptions::SetSubscriptionAttributes>),
    ("SetTopicAttributes", prepare::<topics::SetTopicAttributes>),
    ("Subscribe", prepare::<subscriptions::Subscribe>),
    ("TagResource", prepare::<tags::TagResource>),
    ("Unsubscribe", prepare::<subscriptions::Unsubscribe>),
    ("UntagResource", prepare::<tags::UntagResource>),
];
