//! Messages sealed with a key of KMS (SSE-KMS): body and attributes, before they reach the queue machine.
//!
//! A queue with `KmsMasterKeyId` seals each message under a data key of that key, which is kept sealed beside the message; so a
//! message that moves to another queue, as a dead letter or back, still says what opens it. A data key is a sender's own and is
//! used for the queue's reuse period at the most: with it ends what the sender was allowed, as the AWS guide has it ("Amazon SQS
//! key management"). A sender is who signs with a key: sessions of one role and name may be allowed different things
//! (`gateway::Allowances`). What a receiver opened it may open for that long without asking again. Whoever may not use the key, or if
//! it is disabled, is told so before anything is sent or received.
//!
//! ```text
//! properties  ┌ layout 2 │ dead letter source length 2, ARN │ message id 16 │ sealing queue length 2, ARN │ data key length 2,
//! of a sealed │ sealed data key │ counter 8 │ body length 4 │ ciphertext of body ‖ properties (layout 1) ‖ tag 16
//! message     └ the message's own body is empty; integers are big-endian
//! nonce       0000 0000 │ counter, which no two messages of a data key share
//! bound to    message id 16 │ sealing queue's ARN │ body length 4
//! ```
//! The id is the one that the message had when it was sealed: moved or replayed it gets another, and is not sealed anew.
//!
//! A data key is used to seal by this process alone, and by a counter that begins with it, so no nonce repeats.

use crate::api::errors;
use crate::attribute_table::Attribute;
use crate::attributes::Attributes;
use crate::catalog::{QueueEntry, QueueKey};
use crate::limits;
use crate::message::show_id;
use crate::properties::Properties;
use crate::refusal::Refusal;
use bytes::Bytes;
use gateway::{Allowances, Caller, KeyFault, KeyRefusal, KeyUse, Keys};
use names::{Instant, PartitionId};
use queue::{Message, MessageId};
use seal::{Key, TAG_BYTES};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a queue is sealed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sse {
    /// The key as the queue's owner names it: id, alias, or ARN of either.
    pub(crate) key: Box<str>,
    pub(crate) reuse_millis: u64,
}

impl Sse {
    /// What a queue's attributes say.
    pub(crate) fn of(attributes: &Attributes) -> Option<Self> {
        let key = attributes.text(Attribute::KmsKey)?;
        Some(Self { key: key.into(), reuse_millis: u64::from(attributes.number(Attribute::KmsReuse)) * 1000 })
    }

    /// The key's ARN, or its alias's: of the queue's account and region unless it says another.
    fn arn(&self, queue: &QueueKey) -> String {
        let QueueKey { account, region, .. } = queue;
        let resource = match &*self.key {
            arn if arn.starts_with("arn:") => return arn.to_owned(),
            alias if alias.starts_with("alias/") => alias.to_owned(),
            id => format!("key/{id}"),
        };
        format!("arn:{}:kms:{region}:{account}:{resource}", region.arn_partition())
    }
}

/// The `KmsMasterKeyId` attribute: id, alias, or ARN of either. Whether there is such a key is asked when it is used, as AWS
/// does.
pub(crate) fn parse_key(text: &str) -> Result<String, Refusal> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte);
    match text.len() <= limits::KMS_KEY_LEN_MAX && text.bytes().all(legal) {
        true => Ok(text.to_owned()),
        false => Err(Refusal::invalid_attribute_value("KmsMasterKeyId")),
    }
}

/// Data keys in use.
pub(crate) struct Sealing {
    keys: Keys,
    sending: Allowances<PartitionId, Arc<Sending>>,
    /// Who may receive from a queue.
    receiving: Allowances<PartitionId, Arc<Sse>>,
    /// By sealed data key.
    opening: Allowances<Bytes, Arc<Key>>,
}

/// A data key that a sender seals with.
pub(crate) struct Sending {
    key: Key,
    blob: Arc<[u8]>,
    queue: Arc<str>,
    sse: Arc<Sse>,
    used: AtomicU64,
}

impl Sealing {
    pub(crate) fn new(keys: Keys) -> Self {
        let max = limits::DATA_KEYS_MAX;
        Self { keys, sending: Allowances::new(max), receiving: Allowances::new(max), opening: Allowances::new(max) }
    }

    /// What a sender seals messages of a queue with; nothing where the queue has no key.
    pub(crate) async fn for_sending(
        &self,
        caller: &Caller,
        queue: &QueueEntry,
    ) -> Result<Option<Arc<Sending>>, Refusal> {
        let Some(sse) = queue.bounds.sse() else { return Ok(None) };
        let place = queue.partition.id();
        if let Some(known) = self.sending.get(caller, place).filter(|known| known.is_good(&sse)) {
            return Ok(Some(known));
        }
        let keys = self.keys()?;
        let (caller_there, via) = through(caller, queue);
        let context = context(&queue.arn);
        let made = keys
            .generate_data_key(&caller_there, &sse.arn(&queue.key), context.clone(), &via)
            .await
            .map_err(refused)?;
        // Senders need kms:Decrypt too: SQS opens a data key again before it trusts what is sealed with it.
        let opened = keys.decrypt_data_key(&caller_there, &made.blob, context, &via).await.map_err(refused)?;
        let bytes: &[u8; 32] = opened.expose().try_into().map_err(|_| Refusal::internal())?;
        let until = caller.now.plus_millis(sse.reuse_millis);
        let sending = Arc::new(Sending {
            key: Key::new(bytes),
            blob: made.blob,
            queue: Arc::clone(&queue.arn),
            sse,
            used: AtomicU64::new(0),
        });
        self.sending.keep(caller, place, Arc::clone(&sending), until);
        Ok(Some(sending))
    }

    /// Whether somebody may receive from a queue, as far as its key is concerned.
    pub(crate) async fn check_receiving(&self, caller: &Caller, queue: &QueueEntry) -> Result<(), Refusal> {
        let Some(sse) = queue.bounds.sse() else { return Ok(()) };
        let place = queue.partition.id();
        if self.receiving.get(caller, place).is_some_and(|asked| asked == sse) {
            return Ok(());
        }
        let (caller_there, via) = through(caller, queue);
        let checked = self.keys()?.check_decrypt(&caller_there, &sse.arn(&queue.key), context(&queue.arn), &via).await;
        checked.map_err(refused)?;
        let until = caller.now.plus_millis(sse.reuse_millis);
        self.receiving.keep(caller, place, sse, until);
        Ok(())
    }

    /// A message as it was before it was sealed; one that never was as it is.
    pub(crate) async fn open(&self, caller: &Caller, queue: &QueueEntry, message: Message) -> Result<Message, Refusal> {
        let properties = message.properties();
        let Some(sealed) = Sealed::read(&properties) else { return Ok(message) };
        let reuse_millis =
            queue.bounds.sse().map_or(u64::from(limits::default::KMS_REUSE_SECS) * 1000, |sse| sse.reuse_millis);
        let key = self.opening_key(caller, queue, &sealed, reuse_millis).await?;
        let plain = key.open(&sealed.nonce(), &sealed.bound_to(), &sealed.ciphertext);
        let plain = plain.map_err(|_| {
            tracing::error!(queue = %queue.key.name, "a sealed message does not fit its data key");
            Refusal::internal()
        })?;
        let body_bytes = sealed.body_bytes as usize;
        let (body, rest) = plain.split_at_checked(body_bytes).ok_or_else(Refusal::internal)?;
        let properties = Properties::decode(Bytes::copy_from_slice(rest)).ok_or_else(Refusal::internal)?;
        let source = std::str::from_utf8(&sealed.source).map_err(|_| Refusal::internal())?;
        let mut bytes = body.to_vec();
        let is_dead = !source.is_empty();
        // As a dead letter that was never sealed: its deduplication id is its own id.
        let dedup = is_dead.then(|| show_id(message.id));
        properties.leaving(is_dead.then(|| source.to_owned()), dedup).append_to(&mut bytes);
        Ok(Message::new(message.id, message.sent_at, sealed.body_bytes, bytes.into()))
    }

    async fn opening_key(
        &self,
        caller: &Caller,
        queue: &QueueEntry,
        sealed: &Sealed,
        reuse_millis: u64,
    ) -> Result<Arc<Key>, Refusal> {
        if let Some(key) = self.opening.get(caller, sealed.blob.clone()) {
            return Ok(key);
        }
        let (caller_there, via) = through(caller, queue);
        let arn = std::str::from_utf8(&sealed.queue).map_err(|_| Refusal::internal())?;
        let opened = self.keys()?.decrypt_data_key(&caller_there, &sealed.blob, context(arn), &via).await;
        let opened = opened.map_err(refused)?;
        let bytes: &[u8; 32] = opened.expose().try_into().map_err(|_| Refusal::internal())?;
        let key = Arc::new(Key::new(bytes));
        // Its own copy: the blob shares the buffer of a whole message.
        let blob = Bytes::copy_from_slice(&sealed.blob);
        self.opening.keep(caller, blob, Arc::clone(&key), caller.now.plus_millis(reuse_millis));
        Ok(key)
    }

    /// Forgets data keys and permissions that are over: what a key of KMS opened does not lie in memory for longer than it may be
    /// used.
    pub(crate) fn let_go(&self, now: Instant) {
        self.sending.let_go(now);
        self.receiving.let_go(now);
        self.opening.let_go(now);
    }

    fn keys(&self) -> Result<&Arc<dyn KeyUse>, Refusal> {
        self.keys.get().ok_or_else(|| Refusal::unsupported("There are no keys of KMS in this server."))
    }
}

/// The caller in the queue's region, and the service as policies of keys name it.
fn through(caller: &Caller, queue: &QueueEntry) -> (Caller, String) {
    let region = &queue.key.region;
    (caller.clone().in_region(region).through("sqs.amazonaws.com"), format!("sqs.{region}.amazonaws.com"))
}

/// The encryption context that AWS gives: the queue's ARN.
fn context(arn: &str) -> Vec<(String, String)> {
    vec![("aws:sqs:arn".into(), arn.into())]
}

fn refused(refusal: KeyRefusal) -> Refusal {
    let error = match refusal.fault {
        KeyFault::AccessDenied => &errors::KMS_ACCESS_DENIED,
        KeyFault::Disabled => &errors::KMS_DISABLED,
        KeyFault::NotFound => &errors::KMS_NOT_FOUND,
        KeyFault::InvalidState | KeyFault::Ciphertext => &errors::KMS_INVALID_STATE,
        KeyFault::InvalidUsage => &errors::KMS_INVALID_KEY_USAGE,
        KeyFault::Throttled => &errors::KMS_THROTTLED,
        KeyFault::Unavailable => &errors::SERVICE_UNAVAILABLE_EXCEPTION,
    };
    Refusal::of_key(error, refusal.message)
}

impl Sending {
    fn is_good(&self, sse: &Arc<Sse>) -> bool {
        self.sse == *sse && self.used.load(Ordering::Relaxed) < seal::RANDOM_NONCES_MAX
    }

    /// The properties that stand for a sealed message: `plain` is its body and its properties behind it.
    pub(crate) fn seal(&self, id: MessageId, body_bytes: u32, plain: &[u8]) -> Vec<u8> {
        let counter = self.used.fetch_add(1, Ordering::Relaxed);
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("ARNs and data keys are short").to_be_bytes();
        let head = 1 + 2 + id.0.len() + 2 + self.queue.len() + 2 + self.blob.len() + 8 + 4;
        let mut out = Vec::with_capacity(head + plain.len() + TAG_BYTES + LABELS_ROOM);
        out.push(LAYOUT);
        out.extend([0, 0]);
        out.extend(id.0);
        out.extend(length(self.queue.as_bytes()));
        out.extend(self.queue.as_bytes());
        out.extend(length(&self.blob));
        out.extend_from_slice(&self.blob);
        out.extend(counter.to_be_bytes());
        out.extend(body_bytes.to_be_bytes());
        self.key.seal(&nonce(counter), &bound_to(id, self.queue.as_bytes(), body_bytes), plain, &mut out);
        out
    }
}

/// The labels of a FIFO queue behind the properties: a digest of 16 bytes and one of 8.
const LABELS_ROOM: usize = 24;

/// The layout of sealed properties; those that stand open are layout 1.
const LAYOUT: u8 = 2;

fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

fn bound_to(id: MessageId, queue: &[u8], body_bytes: u32) -> Vec<u8> {
    [&id.0, queue, &body_bytes.to_be_bytes()].concat()
}

/// Sealed properties, taken apart.
struct Sealed {
    source: Bytes,
    id: MessageId,
    queue: Bytes,
    blob: Bytes,
    counter: u64,
    body_bytes: u32,
    ciphertext: Bytes,
}

impl Sealed {
    /// Nothing if they are no sealed ones.
    fn read(properties: &Bytes) -> Option<Self> {
        if properties.first() != Some(&LAYOUT) {
            return None;
        }
        let mut rest = properties.slice(1..);
        let mut take = |length: usize| (rest.len() >= length).then(|| rest.split_to(length));
        fn short(take: &mut impl FnMut(usize) -> Option<Bytes>) -> Option<Bytes> {
            let length = take(2)?;
            take(usize::from(u16::from_be_bytes([length[0], length[1]])))
        }
        let source = short(&mut take)?;
        let id = MessageId(take(16)?.as_ref().try_into().ok()?);
        let (queue, blob) = (short(&mut take)?, short(&mut take)?);
        let counter = u64::from_be_bytes(take(8)?.as_ref().try_into().ok()?);
        let body_bytes = u32::from_be_bytes(take(4)?.as_ref().try_into().ok()?);
        Some(Self { source, id, queue, blob, counter, body_bytes, ciphertext: rest })
    }

    fn nonce(&self) -> [u8; 12] {
        nonce(self.counter)
    }

    fn bound_to(&self) -> Vec<u8> {
        bound_to(self.id, &self.queue, self.body_bytes)
    }
}

/// Sealed properties of a message that leaves a queue: as a dead letter with where it comes from, otherwise without. Nothing
/// if they are no sealed ones.
pub(crate) fn leaving(properties: &Bytes, dead_letter_of: Option<&str>) -> Option<Vec<u8>> {
    let before = Sealed::read(properties)?.source.len();
    let source = dead_letter_of.unwrap_or_default().as_bytes();
    let length = u16::try_from(source.len()).ok()?.to_be_bytes();
    Some([&[LAYOUT], &length[..], source, &properties[3 + before..]].concat())
}

/// The queue that a sealed dead letter comes from.
pub(crate) fn dead_letter_source(properties: &Bytes) -> Option<String> {
    let source = Sealed::read(properties)?.source;
    std::str::from_utf8(&source).ok().filter(|arn| !arn.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: MessageId = MessageId([5; 16]);
    const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:jobs";

    fn sending() -> Sending {
        Sending {
            key: Key::new(&[7; 32]),
            blob: Arc::from(&b"blob"[..]),
            queue: QUEUE.into(),
            sse: Arc::new(Sse { key: "k".into(), reuse_millis: 1 }),
            used: AtomicU64::new(0),
        }
    }

    fn opened(properties: &Bytes) -> Option<Vec<u8>> {
        let sealed = Sealed::read(properties)?;
        Key::new(&[7; 32]).open(&sealed.nonce(), &sealed.bound_to(), &sealed.ciphertext).ok()
    }

    #[test]
    fn what_is_sealed_is_opened_and_no_two_are_alike() {
        let sending = sending();
        let one: Bytes = sending.seal(ID, 4, b"bodyproperties").into();
        let two: Bytes = sending.seal(ID, 4, b"bodyproperties").into();
        assert_ne!(one, two);
        assert_eq!(opened(&one).as_deref(), Some(&b"bodyproperties"[..]));
        assert_eq!(opened(&two).as_deref(), Some(&b"bodyproperties"[..]));
        assert!(!one.windows(4).any(|window| window == b"body"));
    }

    #[test]
    fn a_change_anywhere_in_what_was_sealed_is_found() {
        let whole = sending().seal(ID, 4, b"bodyproperties");
        let id = 3..3 + ID.0.len();
        let from = whole.len() - 14 - TAG_BYTES - 4;
        for bit in id.chain(from..whole.len()).flat_map(|byte| byte * 8..byte * 8 + 8) {
            let mut broken = whole.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&broken.into()), None, "bit {bit}");
        }
    }

    #[test]
    fn a_dead_letter_says_where_it_comes_from_without_being_opened() {
        let sealed: Bytes = sending().seal(ID, 4, b"bodyproperties").into();
        assert_eq!(dead_letter_source(&sealed), None);
        let dead: Bytes = leaving(&sealed, Some(QUEUE)).unwrap().into();
        assert_eq!(dead_letter_source(&dead).as_deref(), Some(QUEUE));
        assert_eq!(opened(&dead).as_deref(), Some(&b"bodyproperties"[..]));
        assert_eq!(Bytes::from(leaving(&dead, None).unwrap()), sealed);
        assert_eq!(leaving(&Bytes::from_static(&[1, 2, 3]), None), None);
    }

    #[test]
    fn the_bytes_of_layout_2_stay_what_they_are() {
        let sealed = sending().seal(ID, 1, b"bp");
        let shown: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        let arn: String = QUEUE.bytes().map(|byte| format!("{byte:02x}")).collect();
        let head = format!("020000{}0027{arn}0004626c6f62000000000000000000000001", "05".repeat(16));
        assert_eq!(shown.strip_prefix(&head), Some(GOLDEN));
    }

    #[test]
    fn no_bytes_make_the_reader_panic() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..10_000 {
            let mut bytes: Vec<u8> = (0..random.usize(..40)).map(|_| random.u8(..8)).collect();
            bytes.insert(0, LAYOUT);
            let _ = Sealed::read(&bytes.into()).map(|sealed| sealed.ciphertext.len());
        }
    }

    #[test]
    fn a_key_is_named_as_kms_names_it() {
        for right in
            ["alias/aws/sqs", "1234abcd-12ab-34cd-56ef-1234567890ab", "arn:aws:kms:us-east-1:000000000000:alias/a"]
        {
            assert_eq!(parse_key(right).as_deref(), Ok(right));
        }
        for wrong in ["a key", "ä", &"x".repeat(limits::KMS_KEY_LEN_MAX + 1)] {
            assert_eq!(parse_key(wrong).unwrap_err().error.name, "InvalidAttributeValue");
        }
    }

    const GOLDEN: &str = "03a8ac835dbc96a6b5dd502bc00917e00331";
}
