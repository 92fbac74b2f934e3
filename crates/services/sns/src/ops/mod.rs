//! The operations: input → command → output.

mod confirm;
mod data_protection;
mod permissions;
mod publish;
mod sms;
mod sms_sandbox;
mod subscriptions;
mod tags;
mod topics;
mod unsubscribe;

use crate::push::ops as push;
use crate::service::{Prepare, prepare};

/// The operations that are carried out. The model's others are refused by name.
pub(crate) const TABLE: &[(&str, Prepare)] = &[
    ("Publish", prepare::<publish::Publish>),
    ("PublishBatch", prepare::<publish::PublishBatch>),
    ("AddPermission", prepare::<permissions::AddPermission>),
    ("CreatePlatformApplication", prepare::<push::CreatePlatformApplication>),
    ("CreatePlatformEndpoint", prepare::<push::CreatePlatformEndpoint>),
    ("DeleteEndpoint", prepare::<push::DeleteEndpoint>),
    ("DeletePlatformApplication", prepare::<push::DeletePlatformApplication>),
    ("GetEndpointAttributes", prepare::<push::GetEndpointAttributes>),
    ("GetPlatformApplicationAttributes", prepare::<push::GetPlatformApplicationAttributes>),
    ("ListEndpointsByPlatformApplication", prepare::<push::ListEndpointsByPlatformApplication>),
    ("ListPlatformApplications", prepare::<push::ListPlatformApplications>),
    ("SetEndpointAttributes", prepare::<push::SetEndpointAttributes>),
    ("SetPlatformApplicationAttributes", prepare::<push::SetPlatformApplicationAttributes>),
    ("ConfirmSubscription", prepare::<confirm::ConfirmSubscription>),
    ("CreateTopic", prepare::<topics::CreateTopic>),
    ("DeleteTopic", prepare::<topics::DeleteTopic>),
    ("GetDataProtectionPolicy", prepare::<data_protection::GetDataProtectionPolicy>),
    ("GetSubscriptionAttributes", prepare::<subscriptions::GetSubscriptionAttributes>),
    ("GetTopicAttributes", prepare::<topics::GetTopicAttributes>),
    ("ListSubscriptions", prepare::<subscriptions::ListSubscriptions>),
    ("ListSubscriptionsByTopic", prepare::<subscriptions::ListSubscriptionsByTopic>),
    ("ListTagsForResource", prepare::<tags::ListTagsForResource>),
    ("ListTopics", prepare::<topics::ListTopics>),
    ("PutDataProtectionPolicy", prepare::<data_protection::PutDataProtectionPolicy>),
    ("RemovePermission", prepare::<permissions::RemovePermission>),
    ("SetSubscriptionAttributes", prepare::<subscriptions::SetSubscriptionAttributes>),
    ("SetTopicAttributes", prepare::<topics::SetTopicAttributes>),
    ("Subscribe", prepare::<subscriptions::Subscribe>),
    ("TagResource", prepare::<tags::TagResource>),
    ("Unsubscribe", prepare::<unsubscribe::Unsubscribe>),
    ("UntagResource", prepare::<tags::UntagResource>),
    ("CheckIfPhoneNumberIsOptedOut", prepare::<sms::CheckIfPhoneNumberIsOptedOut>),
    ("GetSMSAttributes", prepare::<sms::GetSMSAttributes>),
    ("ListOriginationNumbers", prepare::<sms::ListOriginationNumbers>),
    ("ListPhoneNumbersOptedOut", prepare::<sms::ListPhoneNumbersOptedOut>),
    ("OptInPhoneNumber", prepare::<sms::OptInPhoneNumber>),
    ("SetSMSAttributes", prepare::<sms::SetSMSAttributes>),
    ("CreateSMSSandboxPhoneNumber", prepare::<sms_sandbox::CreateSMSSandboxPhoneNumber>),
    ("DeleteSMSSandboxPhoneNumber", prepare::<sms_sandbox::DeleteSMSSandboxPhoneNumber>),
    ("GetSMSSandboxAccountStatus", prepare::<sms_sandbox::GetSMSSandboxAccountStatus>),
    ("ListSMSSandboxPhoneNumbers", prepare::<sms_sandbox::ListSMSSandboxPhoneNumbers>),
    ("VerifySMSSandboxPhoneNumber", prepare::<sms_sandbox::VerifySMSSandboxPhoneNumber>),
];

/// Operations that tests of other modules ask for.
#[cfg(test)]
pub(crate) mod for_tests {
    pub(crate) use super::confirm::ConfirmSubscription;
    pub(crate) use super::data_protection::{GetDataProtectionPolicy, PutDataProtectionPolicy};
    pub(crate) use super::publish::{Publish, PublishBatch};
    pub(crate) use super::sms::SetSMSAttributes;
    pub(crate) use super::sms_sandbox::{CreateSMSSandboxPhoneNumber, VerifySMSSandboxPhoneNumber};
    pub(crate) use super::subscriptions::{GetSubscriptionAttributes, LATER, SetSubscriptionAttributes, Subscribe};
    pub(crate) use super::topics::{CreateTopic, DeleteTopic, GetTopicAttributes, SetTopicAttributes};
    pub(crate) use super::unsubscribe::Unsubscribe;
}
