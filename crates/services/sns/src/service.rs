//! The service as the gateway and the server see it.

use crate::api;
use crate::catalog::{Catalog, TopicEntry};
use crate::keys::TopicKeys;
use crate::limits;
use crate::needs;
use crate::ops;
use crate::records::FAMILY;
use crate::refusal::Refusal;
use crate::signing::SigningKeys;
use crate::topic::Topic;
use crate::topic_key::TopicKey;
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use engine::{Recovery, Store, Unavailable};
use gateway::{Caller, Description, Keys, Mailboxes, Operation, Prepared, Service, Unprepared};
use std::sync::Arc;
use wire::Reader;

engine::recovery! {
    /// What replays the part of the log that is of topics.
    pub struct SnsRecovery(Topic);
}

/// Amazon SNS.
pub struct Sns(Arc<Inner>);

/// What operations work on.
pub(crate) struct Inner {
    pub(crate) catalog: Catalog,
    /// Where messages for queues go.
    pub(crate) mailboxes: Arc<dyn Mailboxes>,
    /// What a filter policy that is set may be.
    pub(crate) filter_limits: filter::Limits,
    pub(crate) holds_awss_limits: bool,
    /// What signs envelopes.
    pub(crate) signing_keys: Arc<dyn SigningKeys>,
    id_secret: Key,
    /// Keys of topics.
    pub(crate) keys: TopicKeys,
}

/// What the service works with.
pub struct Options {
    /// The queues that subscriptions are for.
    pub mailboxes: Arc<dyn Mailboxes>,
    /// Keys of a filter policy: AWS's five, or up to [`filter::KEYS_MAX_LIFTED`].
    pub filter_keys_max: usize,
    /// Whether AWS's quotas hold that only tests want: 200 filter policies of a topic.
    pub holds_awss_limits: bool,
    /// What signs envelopes.
    pub signing_keys: Arc<dyn SigningKeys>,
    /// Bytes by chance, which ids of subscriptions hang on: whoever knows one can end the subscription.
    pub id_secret: [u8; 32],
    /// Keys of KMS, for topics that have one.
    pub keys: Keys,
}

impl Sns {
    /// What takes the records of topics out of the log.
    pub fn recovery() -> SnsRecovery {
        SnsRecovery(Recovery::new(FAMILY, Topic::default))
    }

    /// The service, with the topics that were replayed.
    pub fn new(store: Arc<Store>, recovery: SnsRecovery, options: Options) -> Self {
        let Options { mailboxes, filter_keys_max, holds_awss_limits, signing_keys, id_secret, keys } = options;
        let id_secret = Key::new(HMAC_SHA256, &id_secret);
        let filter_limits = filter::Limits { keys_max: filter_keys_max.min(filter::KEYS_MAX_LIFTED) };
        let catalog = Catalog::recovered(store, recovery.0);
        Self(Arc::new(Inner {
            catalog,
            mailboxes,
            filter_limits,
            holds_awss_limits,
            signing_keys,
            id_secret,
            keys: TopicKeys::new(keys),
        }))
    }

    /// Deletes every topic of every account, and tells how many, once that is durable.
    pub async fn delete_all(&self) -> Result<usize, Unavailable> {
        let entries = self.0.catalog.all();
        for entry in &entries {
            // One that is gone already was deleted by somebody else.
            let _ = self.0.catalog.delete(entry).await;
        }
        self.0.catalog.settled().await?;
        Ok(entries.len())
    }
}

impl Service for Sns {
    fn describe(&self) -> &'static Description {
        static DESCRIPTION: Description = Description {
            id: "sns",
            host_labels: &["sns"],
            shape: &api::SERVICE,
            path_member: None,
            body_bytes_max: limits::REQUEST_BYTES_MAX,
            denied: &api::errors::AUTHORIZATION_ERROR_EXCEPTION,
            unsigned: needs::UNSIGNED,
            crc32: false,
        };
        &DESCRIPTION
    }

    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        let name = api::SERVICE.operations[operation].name;
        match ops::TABLE.iter().find(|(known, _)| *known == name) {
            Some((_, prepare)) => prepare(&self.0, input),
            None => {
                let message = format!("This version of tidewire does not implement the operation {name}.");
                Err(Unprepared::Refused(Refusal::unsupported(message).into()))
            }
        }
    }
}

impl Inner {
    /// An id that nobody guesses who knows other ids and requests: the `nth` of this request.
    pub(crate) fn secret_id(&self, caller: &Caller, nth: usize) -> u128 {
        let tag = hmac::sign(&self.id_secret, format!("{}/{nth}", caller.request_id.as_str()).as_bytes());
        let half: [u8; 16] = tag.as_ref()[..16].try_into().expect("a tag of SHA-256 has 32 bytes");
        as_uuid(u128::from_be_bytes(half))
    }

    /// The topic of a parameter that is the ARN of one, in the region that the request is signed for.
    pub(crate) async fn topic(&self, caller: &Caller, parameter: &str, arn: &str) -> Result<Arc<TopicEntry>, Refusal> {
        let key = TopicKey::parse(parameter, arn)?;
        match key.region == caller.region {
            true => self.catalog.get(&key).await,
            false => Err(Refusal::invalid(parameter)),
        }
    }
}

/// Reads an operation's input. The signature of the entries of `ops::TABLE`.
pub(crate) type Prepare = fn(&Arc<Inner>, &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared>;

/// Reads the input of `O`.
pub(crate) fn prepare<O: Operation<Inner>>(
    service: &Arc<Inner>,
    reader: &mut dyn Reader,
) -> Result<Box<dyn Prepared>, Unprepared>
where
    O::Input: wire::Read,
{
    let input = wire::Read::read(reader).map_err(Unprepared::Malformed)?;
    Ok(gateway::prepared::<Inner, O>(service, input))
}

/// An id of 122 random bits that is this request's and no other's: the `nth` of it. Different numbers give different ids, since each
/// step can be undone.
pub(crate) fn id_of(caller: &Caller, nth: usize) -> u128 {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let bits = u128::from_str_radix(&caller.request_id.as_str().replace('-', ""), 16).unwrap_or_default();
    as_uuid(bits.wrapping_add((nth as u128 + 1).wrapping_mul(ODD)).wrapping_mul(ODD))
}

/// With the marks of a UUID that is by chance.
fn as_uuid(bits: u128) -> u128 {
    bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62)
}
