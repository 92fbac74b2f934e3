//! Every bound of Data Streams, with its source: "Quotas and limits" of the Kinesis Data Streams Developer Guide and the service
//! model unless said otherwise.

/// Bytes of a request: 10 MiB of records, which JSON writes in base64, and what stands around them.
pub(crate) const REQUEST_BYTES_MAX: usize = 15 << 20;

/// Bytes of a request for one of tidewire's own operations, which bring no records: names, numbers and a few hundred of them.
pub(crate) const NATIVE_REQUEST_BYTES_MAX: usize = 1 << 20;

/// Bytes of data and partition keys in one PutRecords.
pub(crate) const PUT_BYTES_MAX: usize = 10 << 20;

/// KiB of one record, data and partition key together, unless a stream says otherwise.
pub(crate) const RECORD_KIB_DEFAULT: u32 = 1024;

/// Bytes of data and partition keys in one GetRecords.
pub(crate) const READ_BYTES_MAX: u64 = 10 << 20;

/// How long a GetRecords may wait for a record: as long as SQS's ReceiveMessage, which clients, load balancers and proxies are known
/// to bear. Who waits longer asks again, which costs a request in twenty seconds.
pub(crate) const READ_WAIT_MILLIS_MAX: u64 = 20_000;

/// Records in one GetRecords.
pub(crate) const READ_RECORDS_MAX: usize = 10_000;

/// What a shard takes and gives within a second, where AWS's throttles hold.
pub(crate) const SHARD_RECORDS_PER_SEC: u64 = 1000;
pub(crate) const SHARD_BYTES_PER_SEC: u64 = 1 << 20;
pub(crate) const SHARD_READS_PER_SEC: u64 = 5;
pub(crate) const SHARD_READ_BYTES_PER_SEC: u64 = 2 << 20;

/// Hours that records stay unless a stream says otherwise, and the bounds of what it may say.
pub(crate) const RETENTION_HOURS_DEFAULT: u32 = 24;
pub(crate) const RETENTION_HOURS_MIN: u32 = 24;
pub(crate) const RETENTION_HOURS_MAX: u32 = 8760;

/// Milliseconds in an hour.
pub(crate) const HOUR_MILLIS: u64 = 3_600_000;

/// Milliseconds in a day.
pub(crate) const DAY_MILLIS: u64 = 24 * HOUR_MILLIS;

/// How often a key is applied to a stream, and how often encryption is stopped, within 24 hours; where AWS's limits hold.
pub(crate) const KEY_CHANGES_MAX: usize = 25;

/// For how long a producer seals with one data key, and what a consumer opened stays open: Data Streams asks KMS "approximately
/// every five minutes" (developer guide, "What is server-side encryption").
pub(crate) const DATA_KEY_MILLIS: u64 = 300_000;

/// Data keys that are kept for producers, and for consumers: a hundred bytes each, so some megabytes; those beyond are asked for anew.
pub(crate) const DATA_KEYS_MAX: usize = 20_000;

/// How long a shard iterator is good for.
pub(crate) const ITERATOR_MILLIS: u64 = 300_000;

/// How long the token of a listing is good for.
pub(crate) const TOKEN_MILLIS: u64 = 300_000;

/// Shards of a stream on demand when it is made.
pub(crate) const SHARDS_ON_DEMAND: u32 = 4;

/// Shards of one stream: what UpdateShardCount scales to at the most.
pub(crate) const SHARDS_MAX: usize = 10_000;

/// Open shards of an account in a region: AWS's quota in its largest regions. Reported, and enforced, so that DescribeLimits is true.
pub(crate) const ACCOUNT_SHARDS_MAX: usize = 20_000;

/// Streams on demand of an account in a region, where AWS's limits hold.
pub(crate) const ON_DEMAND_STREAMS_MAX: usize = 50;

/// The same otherwise: as many as have place with the shards that they begin with.
pub(crate) const ON_DEMAND_STREAMS_RAISED_MAX: usize = ACCOUNT_SHARDS_MAX / SHARDS_ON_DEMAND as usize;

/// Consumers with enhanced fan-out of one stream, and of one on demand where the account has a commitment.
pub(crate) const CONSUMERS_MAX: usize = 20;
pub(crate) const CONSUMERS_COMMITTED_MAX: usize = 50;

/// MiB per second that a stream is kept warm for at the most: 10 GiB. A shard takes one.
pub(crate) const WARM_MIBPS_MAX: u32 = 10 * 1024;

/// How long a subscription to a shard lasts.
pub(crate) const SUBSCRIPTION_MILLIS: u64 = 300_000;

/// How long a subscription is its consumer's before another may take its place.
pub(crate) const SUBSCRIPTION_OWN_MILLIS: u64 = 5_000;

/// The longest time without an event: an empty one then says how far the reader is. AWS does not say; users saw about five seconds.
pub(crate) const KEEP_ALIVE_MILLIS: u64 = 5_000;

/// Bytes of data and partition keys in one event: small enough to be written while the next is read.
pub(crate) const EVENT_BYTES_MAX: u64 = 1 << 20;

/// Bytes of data and partition keys of all answers to GetRecords and events of SubscribeToShard that are being read, written or on
/// their way to a client: 25 of the largest answers. In memory they are about two and a half times that for the moment in which
/// they are encoded, a third more afterwards. No quota of AWS's, which has more machines.
pub(crate) const REPLIES_BYTES_MAX: usize = 256 << 20;

/// What of it one account may have: its clients may take their answers as slowly as any, and the others shall still have theirs.
pub(crate) const REPLIES_BYTES_OF_ACCOUNT_MAX: usize = REPLIES_BYTES_MAX / 2;

/// How long a GetRecords waits for its turn among these: some of the time that a client waits for an answer at all.
pub(crate) const REPLY_WAIT_MILLIS: u64 = 2_000;

/// Tags of one resource.
pub(crate) const TAGS_MAX: usize = 50;

/// Bytes of a resource policy (Developer Guide, "Sharing your data stream with another account").
pub(crate) const POLICY_BYTES_MAX: usize = 20 * 1024;

/// Shards in one page of DescribeStream and ListShards, and streams in one of ListStreams, unless the caller says otherwise.
pub(crate) const DESCRIBED_SHARDS: usize = 100;
pub(crate) const LISTED_SHARDS: usize = 1000;
pub(crate) const LISTED_STREAMS: usize = 100;
pub(crate) const LISTED_CONSUMERS: usize = 100;

/// Tags in one page of ListTagsForStream unless the caller says otherwise.
pub(crate) const LISTED_TAGS: usize = 50;

/// Consumer groups of one stream: each is a partition of its own, and metrics and listings go over all of them.
pub(crate) const GROUPS_MAX: usize = 100;

/// Members of one consumer group: more than any has shards for at the usual quota of an account, and each change of them is weighed
/// against all.
pub(crate) const MEMBERS_MAX: usize = 1_000;

/// How long a member of a group may be silent, in milliseconds: unless it says otherwise, the least (one beat a third of a second, which
/// a busy network delays by as much), and the most (a shard that nobody reads for longer is noticed by people).
pub(crate) const SESSION_MILLIS_DEFAULT: u32 = 30_000;
pub(crate) const SESSION_MILLIS_MIN: u32 = 1_000;
pub(crate) const SESSION_MILLIS_MAX: u32 = 600_000;

/// Consumer groups in one page of ListGroups unless the caller says otherwise.
pub(crate) const LISTED_GROUPS: usize = 100;

/// Shards of groups that have lines of their own in the metrics: two each, of some two hundred bytes. Those beyond them are counted.
pub(crate) const GROUP_SHARDS_METERED_MAX: usize = 1_000;

/// Looks that one GetRecords takes at most to find the first record behind a moment; the time index is that fine.
pub(crate) const LOOKS_MAX: usize = 8;

/// Shards of a stream on demand that takes so many MiB per second. A shard takes one.
pub(crate) fn shards_for(mibps: u32) -> u32 {
    mibps.max(SHARDS_ON_DEMAND)
}

const _: () =
    assert!(REPLIES_BYTES_OF_ACCOUNT_MAX as u64 >= 4 * READ_BYTES_MAX, "several of the largest answers go on at once");
