//! Every bound of lease tables and of the metric sink, with its source: "Quotas in Amazon DynamoDB" and "Constraints in Amazon
//! DynamoDB" of its Developer Guide, CloudWatch's "PutMetricData", or the reason.

/// Bytes of a request: AWS's own bound is 16 MiB of a batch; what is asked here is at most a transaction of 4 MiB, in base64.
pub(crate) const REQUEST_BYTES_MAX: usize = 8 << 20;

/// Bytes of an item: names and values.
pub(crate) const ITEM_BYTES_MAX: usize = 400 << 10;

/// Memory that a value takes beside what it counts: an empty text in a list counts one byte, and is as large as any. Members of sets
/// are values too.
pub(crate) const VALUE_BYTES: usize = 64;

/// Values of an item at all levels: as many as take what an item may count. AWS counts bytes alone; without this bound an item of
/// nothing but empty texts would be a hundred megabytes in a reply.
pub(crate) const ITEM_VALUES_MAX: usize = ITEM_BYTES_MAX / VALUE_BYTES;

/// Memory that an item takes beside its values and its place, an entry of an index beside its place, and a table beside its words.
pub(crate) const ITEM_BASE_BYTES: usize = 192;
pub(crate) const ENTRY_BASE_BYTES: usize = 64;
pub(crate) const TABLE_BASE_BYTES: usize = 512;

/// Bytes of a partition key, and of a sort key, of tables and of indexes.
pub(crate) const HASH_KEY_BYTES_MAX: usize = 2048;
pub(crate) const RANGE_KEY_BYTES_MAX: usize = 1024;

/// Levels of maps and lists inside an attribute.
pub(crate) const NESTING_MAX: usize = 32;

/// Significant digits of a number, and the powers of ten of its first digit.
pub(crate) const DIGITS_MAX: usize = 38;
pub(crate) const MAGNITUDE_MAX: i32 = 125;
pub(crate) const MAGNITUDE_MIN: i32 = -130;

/// Bytes of an expression.
pub(crate) const EXPRESSION_BYTES_MAX: usize = 4096;

/// Bytes of the values of an expression, each as often as it stands there: 2 MB ("Expression attribute values" among the limits).
pub(crate) const EXPRESSION_VALUES_BYTES_MAX: usize = 2 << 20;

/// Operators and functions of an expression.
pub(crate) const EXPRESSION_OPERATORS_MAX: usize = 300;

/// Brackets and negations inside one another. AWS does not say; the parser recurses once per level.
pub(crate) const EXPRESSION_DEPTH_MAX: usize = 64;

/// Operands of IN.
pub(crate) const IN_OPERANDS_MAX: usize = 100;

/// Bytes of items that one Scan or Query looks at.
pub(crate) const PAGE_BYTES_MAX: usize = 1 << 20;

/// Values of these, which a reply shows: more than a mebibyte of leases has.
pub(crate) const PAGE_VALUES_MAX: usize = 100_000;

/// Bytes of all items that a transaction writes, which are up to a hundred by the model, and of what their values take beside.
pub(crate) const TRANSACTION_BYTES_MAX: usize = 4 << 20;

/// How long a transaction's token stands for it.
pub(crate) const TOKEN_MILLIS: u64 = 600_000;

/// Tokens that are remembered at once; beyond it transactions with new ones are throttled, since none may be forgotten before its time.
/// A KCL application sends a handful in its life.
pub(crate) const TOKENS_MAX: usize = 10_000;

/// Memory that a token takes.
pub(crate) const TOKEN_BYTES: usize = 160;

/// Tables of an account in a region: AWS's initial quota.
pub(crate) const TABLES_MAX: usize = 2500;

/// Memory that the tables of an account in a region take. They are written whole with each snapshot of what changed: a lease has some
/// 500 bytes in fifteen attributes and takes less than two thousand, so this is room for seventy thousand of them, seven times the shards
/// of the largest stream.
pub(crate) const ACCOUNT_BYTES_MAX: u64 = 128 << 20;

/// Accounts and regions that keep something: whoever may call himself any account, as where nothing is verified, has the bounds of one as
/// often as he likes.
pub(crate) const ROOMS_MAX: usize = 10_000;

/// Regions in which one account keeps something, more than AWS has, and the memory that all of it takes: a region is what a request
/// says it is.
pub(crate) const ROOMS_OF_ACCOUNT_MAX: usize = 50;
pub(crate) const BYTES_OF_ACCOUNT_MAX: u64 = 2 * ACCOUNT_BYTES_MAX;

/// Memory that all of them take.
pub(crate) const ALL_BYTES_MAX: u64 = 4 * ACCOUNT_BYTES_MAX;

/// Global secondary indexes of a table.
pub(crate) const INDEXES_MAX: usize = 20;

/// Tags of a table.
pub(crate) const TAGS_MAX: usize = 50;

/// Names in one page of ListTables unless the caller says otherwise.
pub(crate) const LISTED_TABLES: usize = 100;

/// Metrics in one PutMetricData, and values of one.
pub(crate) const DATA_MAX: usize = 1000;
pub(crate) const VALUES_MAX: usize = 150;

/// Bytes of a PutMetricData: AWS takes 1 MB.
pub(crate) const METRIC_REQUEST_BYTES_MAX: usize = 1 << 20;

/// Series of an account in a region that are kept; those that were put longest ago go first. A worker of the Kinesis Client
/// Library puts some ten per shard and some thirty of its own, and a monitoring system reads them all with each scrape.
pub(crate) const SERIES_MAX: usize = 5000;

/// Memory that these series take: some three kilobytes for each, of which most need a tenth.
pub(crate) const SERIES_BYTES_MAX: usize = 16 << 20;

/// Memory that a series takes beside its words.
pub(crate) const SERIES_BASE_BYTES: usize = 256;
