//! Records sealed with a key of KMS (server-side encryption): data, partition key and explicit hash, before they reach their shard.
//!
//! A stream with a key seals each record under a data key of that key, which is kept sealed beside the record; so a record still says
//! what opens it when the stream's key has changed or is no more. A data key is a producer's own and is used for five minutes at the
//! most, and so long what a consumer opened stays open for him: with it ends what he was allowed. A producer needs
//! kms:GenerateDataKey and a consumer kms:Decrypt, for the stream's ARN as the encryption context `aws:kinesis:arn` (developer guide,
//! "Permissions to use user-generated KMS keys"). Whoever may not use the key, or if it is disabled, is told so, and nothing is put
//! or read.
//!
//! ```text
//! sealed record  layout 1 │ data key length 2, sealed data key │ counter 8 │ ciphertext of plain ‖ tag 16
//! plain          flags 1 (1 partition key, 2 explicit hash) │ if 1: length 2, partition key │ if 2: explicit hash 16 │ data
//! nonce          0000 0000 │ counter, which no two records of a data key share; integers are big-endian
//! bound to       layout 1 │ size 4 │ the stream's ARN
//! ```
//! A data key is used to seal by this process alone, and by a counter that begins with it, so no nonce repeats.

use crate::api::errors;
use crate::catalog::{StreamEntry, StreamKey, View};
use crate::limits;
use crate::reading::Batch;
use crate::refusal::Refusal;
use bytes::Bytes;
use engine::fields::Fields;
use gateway::{Allowances, Caller, KeyFault, KeyRefusal, KeyUse, Keys};
use names::{Instant, PartitionId};
use seal::{KEY_BYTES, Key, NONCE_BYTES, TAG_BYTES};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use stream::{NewRecord, Record, SealedRecord};

const LAYOUT: u8 = 1;
const HAS_KEY: u8 = 1;
const HAS_HASH: u8 = 2;

/// Data keys in use.
pub(crate) struct Sealing {
    keys: Keys,
    putting: Allowances<PartitionId, Arc<Seal>>,
    /// By stream and sealed data key.
    reading: Allowances<(PartitionId, Bytes), Arc<Key>>,
}

/// A data key that a producer seals with.
pub(crate) struct Seal {
    data_key: Key,
    blob: Arc<[u8]>,
    /// The key of KMS, as the stream names it.
    key: Arc<str>,
    stream: Arc<str>,
    used: AtomicU64,
}

impl Sealing {
    pub(crate) fn new(keys: Keys) -> Self {
        let max = limits::DATA_KEYS_MAX;
        Self { keys, putting: Allowances::new(max), reading: Allowances::new(max) }
    }

    /// Whether a stream's owner may have its records sealed with a key: it is there, can seal, and is his to look at.
    pub(crate) async fn check(&self, caller: &Caller, stream: &StreamKey, key: &str) -> Result<(), Refusal> {
        let (caller, via) = through(caller, stream);
        self.keys()?.check_key(&caller, &arn_of_key(stream, key), &via).await.map_err(refused)
    }

    /// What a producer seals records of a stream with; nothing where the stream has no key.
    pub(crate) async fn for_putting(
        &self,
        caller: &Caller,
        entry: &StreamEntry,
        view: &View,
    ) -> Result<Option<Arc<Seal>>, Refusal> {
        let Some(key) = &view.key else { return Ok(None) };
        let place = entry.partition.id();
        if let Some(known) = self.putting.get(caller, place).filter(|known| known.is_good(key)) {
            return Ok(Some(known));
        }
        let (caller_there, via) = through(caller, &entry.key);
        let arn = arn_of_key(&entry.key, key);
        let made = self.keys()?.generate_data_key(&caller_there, &arn, context(entry), &via).await.map_err(refused)?;
        let seal = Arc::new(Seal {
            data_key: data_key(made.secret.expose())?,
            blob: made.blob,
            key: Arc::clone(key),
            stream: Arc::clone(&entry.arn),
            used: AtomicU64::new(0),
        });
        self.putting.keep(caller, place, Arc::clone(&seal), caller.now.plus_millis(limits::DATA_KEY_MILLIS));
        Ok(Some(seal))
    }

    /// What was read, opened. Where a record cannot be opened, those before it are answered; if it is the first, why not.
    pub(crate) async fn open(&self, caller: &Caller, entry: &StreamEntry, mut batch: Batch) -> Result<Batch, Refusal> {
        for place in 0..batch.records.len() {
            let Some(sealed) = batch.records[place].as_sealed() else { continue };
            match self.opened(caller, entry, &sealed).await {
                Ok(plain) => batch.records[place] = batch.records[place].opened(plain),
                Err(refusal) if place == 0 => return Err(refusal),
                Err(_) => {
                    batch.end_before(place, caller.now);
                    break;
                }
            }
        }
        Ok(batch)
    }

    /// A record as it was before it was sealed; one that never was as it is.
    pub(crate) async fn open_one(
        &self,
        caller: &Caller,
        entry: &StreamEntry,
        record: Record,
    ) -> Result<Record, Refusal> {
        match record.as_sealed() {
            Some(sealed) => Ok(record.opened(self.opened(caller, entry, &sealed).await?)),
            None => Ok(record),
        }
    }

    async fn opened(&self, caller: &Caller, entry: &StreamEntry, sealed: &SealedRecord) -> Result<NewRecord, Refusal> {
        let parts = Parts::read(&sealed.bytes).ok_or_else(|| broken(entry))?;
        let key = self.key_of(caller, entry, &parts.blob).await?;
        let plain = key.open(&nonce(parts.counter), &bound_to(sealed.size, &entry.arn), &parts.ciphertext);
        plain.ok().and_then(|plain| unpack(&Bytes::from(plain))).ok_or_else(|| broken(entry))
    }

    /// A data key, for a consumer who may use what it was sealed with.
    async fn key_of(&self, caller: &Caller, entry: &StreamEntry, blob: &Bytes) -> Result<Arc<Key>, Refusal> {
        let stream = entry.partition.id();
        if let Some(known) = self.reading.get(caller, (stream, blob.clone())) {
            return Ok(known);
        }
        let (caller_there, via) = through(caller, &entry.key);
        let opened = self.keys()?.decrypt_data_key(&caller_there, blob, context(entry), &via).await;
        let opened = opened.map_err(|refusal| match refusal.fault {
            KeyFault::AccessDenied => Refusal::may_not_decrypt(caller, &entry.key, entry.view().about.created_at),
            _ => refused(refusal),
        })?;
        let key = Arc::new(data_key(opened.expose())?);
        // Its own copy: the blob shares the buffer of a whole record.
        let about = (stream, Bytes::copy_from_slice(blob));
        self.reading.keep(caller, about, Arc::clone(&key), caller.now.plus_millis(limits::DATA_KEY_MILLIS));
        Ok(key)
    }

    /// Forgets data keys that are over: what a key of KMS opened does not lie in memory for longer than it may be used.
    pub(crate) fn let_go(&self, now: Instant) {
        self.putting.let_go(now);
        self.reading.let_go(now);
    }

    fn keys(&self) -> Result<&Arc<dyn KeyUse>, Refusal> {
        let nobody = || Refusal::new(&errors::KMS_OPT_IN_REQUIRED, "There are no keys of KMS in this server.");
        self.keys.get().ok_or_else(nobody)
    }
}

impl Seal {
    fn is_good(&self, key: &str) -> bool {
        *self.key == *key && self.used.load(Ordering::Relaxed) < seal::RANDOM_NONCES_MAX
    }

    /// A record as its shard gets it.
    pub(crate) fn seal(&self, record: &NewRecord) -> SealedRecord {
        let counter = self.used.fetch_add(1, Ordering::Relaxed);
        let key_bytes = record.partition_key.as_deref().map_or(0, str::len);
        let size = u32::try_from(record.data.len() + key_bytes).expect("a record's size was bounded at the door");
        let plain = pack(record);
        let mut out = Vec::with_capacity(1 + 2 + self.blob.len() + 8 + plain.len() + TAG_BYTES);
        out.push(LAYOUT);
        out.extend(u16::try_from(self.blob.len()).expect("data keys are short").to_be_bytes());
        out.extend_from_slice(&self.blob);
        out.extend(counter.to_be_bytes());
        self.data_key.seal(&nonce(counter), &bound_to(size, &self.stream), &plain, &mut out);
        SealedRecord { bytes: out.into(), size }
    }
}

/// The plain bytes that stand for a record.
fn pack(record: &NewRecord) -> Vec<u8> {
    let NewRecord { data, partition_key, explicit_hash } = record;
    let has = |is, flag| if is { flag } else { 0 };
    let flags = has(partition_key.is_some(), HAS_KEY) | has(explicit_hash.is_some(), HAS_HASH);
    let key = partition_key.as_deref().unwrap_or_default();
    let mut plain = Vec::with_capacity(1 + 2 + key.len() + 16 + data.len());
    plain.push(flags);
    if partition_key.is_some() {
        plain.extend(u16::try_from(key.len()).expect("a partition key was bounded at the door").to_be_bytes());
        plain.extend_from_slice(key.as_bytes());
    }
    plain.extend(explicit_hash.iter().flat_map(|hash| hash.to_be_bytes()));
    plain.extend_from_slice(data);
    plain
}

/// The record that plain bytes stand for.
fn unpack(plain: &Bytes) -> Option<NewRecord> {
    let mut fields = Fields::new(plain);
    let flags = fields.byte().filter(|flags| *flags <= HAS_KEY | HAS_HASH)?;
    let mut begins = 1;
    let mut partition_key = None;
    if flags & HAS_KEY != 0 {
        let length = usize::from(u16::from_be_bytes(fields.array()?));
        partition_key = Some(std::str::from_utf8(fields.take(length)?).ok()?.into());
        begins += 2 + length;
    }
    let mut explicit_hash = None;
    if flags & HAS_HASH != 0 {
        explicit_hash = Some(fields.u128()?);
        begins += 16;
    }
    Some(NewRecord { data: plain.slice(begins..), partition_key, explicit_hash })
}

/// A sealed record, taken apart.
struct Parts {
    blob: Bytes,
    counter: u64,
    ciphertext: Bytes,
}

impl Parts {
    fn read(sealed: &Bytes) -> Option<Self> {
        let mut fields = Fields::new(sealed);
        fields.byte().filter(|layout| *layout == LAYOUT)?;
        let length = usize::from(u16::from_be_bytes(fields.array()?));
        fields.take(length)?;
        let counter = fields.u64()?;
        let behind = 1 + 2 + length;
        Some(Self { blob: sealed.slice(3..behind), counter, ciphertext: sealed.slice(behind + 8..) })
    }
}

fn nonce(counter: u64) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    nonce[NONCE_BYTES - 8..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

fn bound_to(size: u32, stream: &str) -> Vec<u8> {
    [&[LAYOUT], &size.to_be_bytes()[..], stream.as_bytes()].concat()
}

fn data_key(bytes: &[u8]) -> Result<Key, Refusal> {
    let bytes: &[u8; KEY_BYTES] = bytes.try_into().map_err(|_| Refusal::internal())?;
    Ok(Key::new(bytes))
}

/// The ARN of a key, or of its alias: of the stream's account and region unless it says another.
fn arn_of_key(stream: &StreamKey, key: &str) -> String {
    let StreamKey { account, region, .. } = stream;
    let resource = match key {
        arn if arn.starts_with("arn:") => return arn.to_owned(),
        alias if alias.starts_with("alias/") => alias.to_owned(),
        id => format!("key/{id}"),
    };
    format!("arn:{}:kms:{region}:{account}:{resource}", region.arn_partition())
}

/// The caller in the stream's region, and the service as policies of keys name it.
fn through(caller: &Caller, stream: &StreamKey) -> (Caller, String) {
    let region = &stream.region;
    (caller.clone().in_region(region).through("kinesis.amazonaws.com"), format!("kinesis.{region}.amazonaws.com"))
}

/// The encryption context that AWS gives: the stream's ARN.
fn context(entry: &StreamEntry) -> Vec<(String, String)> {
    vec![("aws:kinesis:arn".into(), entry.arn.to_string())]
}

fn broken(entry: &StreamEntry) -> Refusal {
    tracing::error!(stream = %entry.arn, "a sealed record does not fit its data key");
    Refusal::internal()
}

fn refused(refusal: KeyRefusal) -> Refusal {
    let error = match refusal.fault {
        KeyFault::AccessDenied => &errors::KMS_ACCESS_DENIED_EXCEPTION,
        KeyFault::Ciphertext => return Refusal::foreign_ciphertext(),
        KeyFault::Disabled => &errors::KMS_DISABLED_EXCEPTION,
        KeyFault::NotFound => &errors::KMS_NOT_FOUND_EXCEPTION,
        KeyFault::InvalidState => &errors::KMS_INVALID_STATE_EXCEPTION,
        KeyFault::InvalidUsage => &errors::INVALID_ARGUMENT_EXCEPTION,
        KeyFault::Throttled => &errors::KMS_THROTTLING_EXCEPTION,
        KeyFault::Unavailable => &errors::SERVICE_UNAVAILABLE_EXCEPTION,
    };
    Refusal::new(error, refusal.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";

    fn seal() -> Seal {
        Seal {
            data_key: Key::new(&[7; 32]),
            blob: Arc::from(&b"blob"[..]),
            key: "k".into(),
            stream: STREAM.into(),
            used: AtomicU64::new(0),
        }
    }

    fn record(partition_key: Option<&str>, explicit_hash: Option<u128>) -> NewRecord {
        let data = Bytes::from_static(b"data of a record");
        NewRecord { data, partition_key: partition_key.map(Box::from), explicit_hash }
    }

    fn opened(sealed: &SealedRecord) -> Option<NewRecord> {
        let parts = Parts::read(&sealed.bytes)?;
        let bound = bound_to(sealed.size, STREAM);
        unpack(&Key::new(&[7; 32]).open(&nonce(parts.counter), &bound, &parts.ciphertext).ok()?.into())
    }

    #[test]
    fn what_is_sealed_is_opened_and_no_two_are_alike() {
        let seal = seal();
        for record in [record(None, None), record(Some("kéy"), None), record(Some(""), Some(9)), record(None, Some(1))]
        {
            let (one, two) = (seal.seal(&record), seal.seal(&record));
            assert_ne!(one, two);
            assert_eq!((opened(&one), opened(&two)), (Some(record.clone()), Some(record)));
            assert!(!one.bytes.windows(4).any(|window| window == b"data"));
        }
        assert_eq!(seal.seal(&record(Some("kéy"), Some(3))).size, 16 + 4, "data and partition key");
    }

    #[test]
    fn a_change_anywhere_in_what_was_sealed_is_found() {
        let whole = seal().seal(&record(Some("k"), None));
        for bit in (7..whole.bytes.len()).flat_map(|byte| byte * 8..byte * 8 + 8) {
            let mut broken = whole.bytes.to_vec();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&SealedRecord { bytes: broken.into(), size: whole.size }), None, "bit {bit}");
        }
        assert_eq!(opened(&SealedRecord { size: whole.size + 1, ..whole }), None);
    }

    #[test]
    fn the_bytes_of_layout_1_stay_what_they_are() {
        let shown = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let record =
            NewRecord { data: Bytes::from_static(b"d"), partition_key: Some("k".into()), explicit_hash: Some(2) };
        assert_eq!(shown(&pack(&record)), format!("0300016b{:032x}64", 2));
        let sealed = seal().seal(&record);
        assert_eq!(shown(&sealed.bytes).strip_prefix("010004626c6f620000000000000000"), Some(GOLDEN));
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let whole = seal().seal(&record(Some("k"), Some(1)));
        for length in 0..whole.bytes.len() {
            assert_eq!(opened(&SealedRecord { bytes: whole.bytes.slice(..length), size: whole.size }), None);
        }
        let plain = Bytes::from(pack(&record(Some("k"), Some(1))));
        assert!((0..20).all(|length| unpack(&plain.slice(..length)).is_none()));
        assert!(unpack(&Bytes::from_static(&[4, 0])).is_none(), "a flag of nobody");
        assert!(unpack(&Bytes::from_static(&[1, 0, 1, 0xff])).is_none(), "no text");
    }

    #[test]
    fn a_key_is_of_the_streams_account_and_region_unless_it_says_another() {
        let key = crate::service::key_of_arn(STREAM).unwrap();
        for (named, arn) in [
            ("1234abcd-12ab-34cd-56ef-1234567890ab", "key/1234abcd-12ab-34cd-56ef-1234567890ab"),
            ("alias/aws/kinesis", "alias/aws/kinesis"),
        ] {
            assert_eq!(arn_of_key(&key, named), format!("arn:aws:kms:us-east-1:000000000000:{arn}"));
        }
        let elsewhere = "arn:aws:kms:eu-west-1:111111111111:alias/a";
        assert_eq!(arn_of_key(&key, elsewhere), elsewhere);
    }

    const GOLDEN: &str = "62d8a5d9fb920be8e1078f64c47b4baebdefa9fb17554e044ee15a57f7341d97c430afdd91";
}
